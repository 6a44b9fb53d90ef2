"""One quoted instrument of a desk: its clients, the sizes that they ask for, and what trading it elsewhere costs."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

from mm_env.core.component import Component, Sides, differs, leaves, parts, record
from mm_env.core.parameters import Interval, Positive, Real, Several
from mm_env.desk.outside import NoOutside, Outside
from mm_env.venue.dealer.dealer import both_sides
from mm_env.venue.dealer.fill import Fill
from mm_env.venue.dealer.flow import Flow

Sizes = Annotated[tuple[float, ...], Several(Interval(0.0, low_open=True))]
Shares = Annotated[tuple[float, ...], Several(Interval(0.0, 1.0))]


class Tier(Component):
    """Clients of one kind: how often they ask (`flow`) and how deep they trade (`fill`); a side may have its own of each."""

    flow: Flow | Sides
    fill: Fill | Sides

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, kind in (("flow", Flow), ("fill", Fill)):
            object.__setattr__(self, name, both_sides(f"Tier.{name}", getattr(self, name), kind))

    def check(self, desk: Any) -> None:
        """Refuse flows with a state, and parts that go by the state of a market's price: a desk keeps neither."""
        for side in (self.flow.bid, self.flow.ask):  # pyright: ignore[reportAttributeAccessIssue]
            if record(side).start() != ():
                raise ValueError(f"a desk's flows must have no state, got {side}")
        for part in (part for _, part in parts(self)):
            try:
                getattr(part, "check", lambda _: None)(desk) if part is not self else None
            except AttributeError:
                raise ValueError(f"a desk's clients must not go by a market's price or venue, got {part}") from None


class Instrument(Component):
    """An instrument that clients of `tiers` ask to trade, in `sizes` with `probabilities`, the same for all tiers; one without
    tiers is not quoted, and traded `outside` alone.

    Depths are quoted from min_depth at -1 to max_depth at +1. A side is off for a size that would carry the inventory beyond
    max_inventory.

    Raises: TypeError or ValueError that names the parameter, the rule and the value; parameters are the same in all lanes.
    """

    name: str
    tiers: Annotated[tuple[Tier, ...], "rows of a table"]
    max_depth: Real  # price
    max_inventory: Positive  # units
    min_depth: Real = 0.0  # price
    sizes: Sizes = (1.0,)  # units
    probabilities: Shares = (1.0,)
    outside: Outside = NoOutside()
    initial_mid: Real = 100.0  # price
    initial_inventory: Real = 0.0  # units
    weight: Positive = 1.0  # of its squared inventory in the length of the position, which penalties of it go by

    def __post_init__(self) -> None:
        super().__post_init__()
        tiers = tuple(self.tiers) if isinstance(self.tiers, list | tuple) else (self.tiers,)
        if not all(isinstance(tier, Tier) for tier in tiers) or not (tiers or type(self.outside).width):
            raise TypeError(
                f"Instrument.tiers must be a list of Tier, at least one unless it is traded outside, got {self.tiers!r}"
            )
        object.__setattr__(self, "tiers", tiers)
        for part in (self, *tiers):
            for leaf in leaves(part):
                if differs(leaf.value):
                    raise TypeError(f"Instrument.{leaf.path} must be the same in all lanes, got {leaf.value!r}")
        self._check_numbers()

    def _check_numbers(self) -> None:
        if len(self.sizes) != len(self.probabilities):
            raise ValueError(
                f"Instrument.probabilities must have one for each of {len(self.sizes)} sizes, got {len(self.probabilities)}"
            )
        if abs(sum(self.probabilities) - 1.0) > 1e-9:
            raise ValueError(f"Instrument.probabilities must sum to 1, got {sum(self.probabilities):g}")
        if self.min_depth >= self.max_depth:
            raise ValueError(f"Instrument.min_depth must be < max_depth, got {self.min_depth:g} >= {self.max_depth:g}")
        if abs(self.initial_inventory) > self.max_inventory:
            raise ValueError(
                f"Instrument.initial_inventory must lie in [-max_inventory, max_inventory], got {self.initial_inventory:g}"
            )

    @property
    def requests(self) -> np.ndarray:
        """(streams, 3): tier, size and probability of each kind of request of a side, tier by tier."""
        kinds = [
            (t, *kind) for t in range(len(self.tiers)) for kind in zip(self.sizes, self.probabilities, strict=True)
        ]
        return np.array(kinds, np.float64).reshape(-1, 3)
