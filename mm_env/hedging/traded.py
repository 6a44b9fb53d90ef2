"""One instrument that is traded beside the quoted one: its positions, and what trading it costs."""

from __future__ import annotations

import math
from dataclasses import field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from mm_env.action_parts import ActionPart
from mm_env.core.component import differs, rule
from mm_env.core.maths import clip
from mm_env.core.parameters import NonNegative, Positive
from mm_env.hedges import Hedges
from mm_env.world import Now

Floats = NDArray[np.float64]
_WHOLE, _SLACK = 1e-9, 1e-5  # of a lot: what rounding may leave, of actions in single precision too


class Traded(Hedges):
    """One instrument, traded at once to a target of at most `max_position` units either way, in whole lots if `lot` > 0.

    The action's number in [-1, 1] is the target as a share of max_position; the position is shown likewise. What is traded are
    the whole lots between what is held and the target, which is met exactly where it is in lots: a target less than a lot away
    is let alone, so that the noise by which learners explore is not paid for in every step. A trade of n
    units within a step of dt costs (half_spread + fee) |n| + quadratic n^2 / dt over the mark of its decision: the last is
    that of trading at an even rate over the step (Almgren & Chriss 2000). What is left at the end is worth its mark.
    """

    half_spread: NonNegative = field(default=0.0, kw_only=True)  # price
    fee: NonNegative = field(default=0.0, kw_only=True)  # price a unit
    quadratic: NonNegative = field(default=0.0, kw_only=True)  # price time / units
    max_position: Positive = field(default=10.0, kw_only=True)  # units
    lot: NonNegative = field(default=0.0, kw_only=True)  # units; 0: any size

    signals: ClassVar[tuple[str, ...]] = ("hedge",)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("lot", "max_position"):
            if differs(getattr(self, name)):
                raise TypeError(
                    f"{type(self).__name__}.{name} must be the same in all lanes, got {getattr(self, name)!r}"
                )
        lots = self.max_position / self.lot if self.lot else 0.0
        if abs(lots - round(lots)) > _WHOLE:
            raise ValueError(
                f"{type(self).__name__}.max_position must be whole lots of {self.lot:g}, got {self.max_position:g}"
            )

    @property
    def action_parts(self) -> tuple[ActionPart, ...]:
        return tuple(
            ActionPart(f"target: {name}", "units", -self.max_position, self.max_position) for name in self.names
        )

    def encode(self, positions: Floats) -> Floats:
        """The actions' numbers (n, 1) that ask for positions (n, 1), units."""
        return np.asarray(positions, np.float64) / self.max_position

    def positions_shown(self, signals: Floats) -> Floats:
        """The positions held (n, 1), units, that its `signals` (n, signals) show."""
        shown = self.max_position * np.asarray(signals, np.float64)[:, :1]
        return self.lot * np.rint(shown / self.lot) if self.lot else shown

    def levels(self) -> tuple[Floats, ...]:
        """-max_position to max_position by lots; () if they may be of any size."""
        lots = round(self.max_position / self.lot) if self.lot else 0
        return (self.lot * np.arange(-lots, lots + 1.0),) if lots else ()

    @rule
    def positions(self) -> tuple[float, ...]:
        return (0.0,)

    @rule
    def targets(self, action: tuple[float, ...], inventory: float, held: tuple[float, ...]) -> tuple[float, ...]:
        wanted = self.max_position * clip(action[0], -1.0, 1.0)
        lots = 1.0 / self.lot if self.lot > 0.0 else 1.0  # a unit
        whole = self.lot * math.floor(abs(wanted - held[0]) * lots + _SLACK)
        moved = held[0] + (whole if wanted > held[0] else -whole)
        return (moved if self.lot > 0.0 else wanted,)

    @rule
    def cost(self, trades: tuple[float, ...], now: Now, dt: float) -> float:
        size = abs(trades[0])
        return (self.half_spread + self.fee) * size + self.quadratic / dt * size * size

    @rule
    def observe(self, held: tuple[float, ...], now: Now) -> tuple[float, ...]:
        return (held[0] / self.max_position,)
