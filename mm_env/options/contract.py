"""What an option pays and when: calls, puts and lookbacks on the underlying of a desk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import numpy as np

from mm_env.core.component import Component, differs, leaves
from mm_env.core.parameters import Interval, Positive
from mm_env.options.black_scholes import CALL, check_side

STYLES = ("european", "floating_lookback", "fixed_lookback")
EUROPEAN, FLOATING, FIXED = (float(number) for number in range(3))  # as rules tell them apart
Strike = Annotated[float, Interval(0.0)]


class OptionContract(Component):
    """A call (side 1.0) or put (-1.0) on one unit of the underlying, without rates, that pays at `expiry`, a time since the
    start of the episode.

    A European one pays max(side (S - K), 0); a floating lookback S - min S (call) or max S - S (put); a fixed one
    max(max S - K, 0) or max(K - min S, 0). Extremes count from the start on, of the price watched
    continuously, or at dates `watched_every` apart, the last of them the expiry.

    Raises: TypeError or ValueError that names the parameter, the rule and the value.
    """

    expiry: Positive  # time
    strike: Strike = 0.0  # price; 0 of a floating lookback, which has none
    side: float = CALL
    style: str = "european"
    watched_every: Annotated[float, Interval(0.0)] = 0.0  # time; 0: continuously

    def __post_init__(self) -> None:
        super().__post_init__()
        for leaf in leaves(self):
            if differs(leaf.value):
                raise TypeError(f"OptionContract.{leaf.path} must be the same in all lanes, got {leaf.value!r}")
        check_side("OptionContract.side", self.side)
        if self.style not in STYLES:
            raise ValueError(f"OptionContract.style must be one of {', '.join(STYLES)}, got {self.style!r}")
        self._check_strike()
        self._check_dates()

    def _check_strike(self) -> None:
        floats = self.style == "floating_lookback"
        if floats and self.strike != 0.0:
            raise ValueError(f"OptionContract.strike of a floating lookback must be left out, got {self.strike:g}")
        if not floats and self.strike <= 0.0:
            raise ValueError(f"OptionContract.strike must be > 0, got {self.strike:g}")

    def _check_dates(self) -> None:
        if self.watched_every == 0.0:
            return
        if self.style == "european":
            raise ValueError(f"OptionContract.watched_every must be 0 of a European option, got {self.watched_every:g}")
        dates = self.expiry / self.watched_every
        if dates < 0.5 or abs(dates - round(dates)) > 1e-6 * dates:
            raise ValueError(
                f"OptionContract.watched_every must go into the expiry {self.expiry:g} a whole number of times, got "
                f"{self.watched_every:g}"
            )

    @property
    def kind(self) -> float:
        """The number of its style."""
        return float(STYLES.index(self.style))

    @property
    def way(self) -> float:
        """1.0 if the highest price counts, -1.0 if the lowest, 0.0 if neither does."""
        return {"european": 0.0, "floating_lookback": -self.side, "fixed_lookback": self.side}[self.style]

    @property
    def name(self) -> str:
        """What it is called in a desk: "call_10_1.5"."""
        style = {"european": "", "floating_lookback": "floating_", "fixed_lookback": "fixed_"}[self.style]
        strike = "" if self.style == "floating_lookback" else f"_{self.strike:g}"
        return f"{style}{'call' if self.side == CALL else 'put'}{strike}_{self.expiry:g}"


def option_grid(
    strikes: Sequence[float], expiries: Sequence[float], sides: Sequence[float] = (CALL,)
) -> tuple[OptionContract, ...]:
    """European options of all sides, strikes and expiries: those of a strike follow one another."""
    for name, given in (("strikes", strikes), ("expiries", expiries), ("sides", sides)):
        if np.ndim(given) != 1 or len(given) == 0:
            raise TypeError(f"option_grid's {name} must be a list of numbers, at least one, got {given!r}")
    return tuple(OptionContract(t, k, side) for side in sides for k in strikes for t in expiries)
