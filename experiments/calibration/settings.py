"""What a calibration to a recorded day estimates."""

from __future__ import annotations

from dataclasses import dataclass, field

from experiments.calibration.laws import NAMES
from mm_env.core.parameters import Count, Interval, Positive, check, check_fields

PRICES = ("brownian", "jumps", "regimes")


@dataclass(frozen=True)
class Settings:
    """What is estimated. Raises: TypeError or ValueError that names the setting, the rule and the value."""

    lifetime: Positive = 1.0  # seconds
    max_depth: float | int | None = None  # price units
    horizons: list[float] = field(default_factory=lambda: [1.0, 10.0, 60.0])  # seconds
    impact_horizons: list[float] = field(default_factory=lambda: [0.0, 1.0, 10.0])  # seconds
    hawkes_terms: list[int] = field(default_factory=lambda: [1])
    distances: Count = 20
    fill: str = "exponential"  # the law of the market that is written, or best
    sampling: Positive = 30.0  # seconds: the returns that tell jumps, regimes and the time of the day
    day_part: Positive = 1800.0  # seconds: the parts of the day that have a volatility each
    price: str = "brownian"  # the mid of the market that is written: one of PRICES

    def __post_init__(self) -> None:
        check_fields(self)
        if self.fill not in (*NAMES, "best"):
            raise ValueError(f"Settings.fill must be best or one of {', '.join(NAMES)}, got {self.fill!r}")
        if self.price not in PRICES:
            raise ValueError(f"Settings.price must be one of {', '.join(PRICES)}, got {self.price!r}")
        if self.max_depth is not None:
            check("Settings.max_depth", self.max_depth, Interval(0.0, low_open=True))
        for name, rule in [
            ("horizons", Interval(1e-3)),
            ("impact_horizons", Interval(0.0)),
            ("hawkes_terms", Interval(1, 4, whole=True)),
        ]:
            if not isinstance(values := getattr(self, name), list | tuple):
                raise TypeError(f"Settings.{name} must be a list, got {values!r}")
            for value in values:
                check(f"Settings.{name}", value, rule)
