"""What makes a leveraged holder sell: margin calls, a target of leverage, or liquidation prices that lie evenly."""

from __future__ import annotations

from typing import Annotated, NamedTuple

import numpy as np

from mm_env.core.component import Component
from mm_env.core.parameters import Interval, NonNegative, Probability
from mm_env.systemic.arrays import Floats


class Marked(NamedTuple):
    """Holders at today's prices, each (..., holders)."""

    assets: Floats  # the value of what is held still
    debt: Floats  # less what sales have brought
    held: Floats  # the share that is held still of what was held at first
    worth: Floats  # the value of what was held at first, as a share of what it was then
    leverage: Floats  # assets / equity before the shock


class Deleveraging(Component):
    """Which share of what it holds a holder has to sell: the more, the lower prices are."""

    def sold(self, now: Marked) -> Floats:
        """The share of what is held still that is sold now, in [0, 1], (..., holders)."""
        raise NotImplementedError

    def pieces(self, units: Floats, debt: Floats, price: float, leverage: Floats) -> Pieces | None:
        """Units sold by the price of a single asset; None where they are no a + b / p + c p between two borders."""
        return None


class Pieces(NamedTuple):
    """A holder sells nothing from `begins` on, a + b / p + c p below it, and all below `ends`; each (holders,)."""

    begins: Floats
    ends: Floats
    coefficients: Floats  # (holders, 3): a, b, c


class MarginCalls(Deleveraging):
    """Who has less equity than the margin on its assets sells until it has the margin and a `buffer` again.

    The margin is a share of the assets' value, `margin` + `procyclicality` x (1 - worth) at most 1: with a procyclicality it
    rises as prices fall (Brunnermeier & Pedersen 2009). What is sold at price p repays debt, so that equity / assets after it
    is margin + buffer; who has no equity left sells all.
    """

    margin: Annotated[float, Interval(0.0, 1.0, low_open=True)]  # of the value of assets
    buffer: Probability = 0.0  # the same, beyond the margin
    procyclicality: NonNegative = 0.0  # margin per share of its value that a portfolio has lost

    def sold(self, now: Marked) -> Floats:
        required = np.minimum(self.margin + self.procyclicality * (1.0 - now.worth), 1.0)
        return _until(now, required, np.minimum(required + self.buffer, 1.0))

    def pieces(self, units: Floats, debt: Floats, price: float, leverage: Floats) -> Pieces | None:
        if self.procyclicality > 0.0:
            return None
        restored = min(self.margin + self.buffer, 1.0)
        return _pieces(units, debt, np.full_like(debt, self.margin), np.full_like(debt, restored))


class LeverageTarget(Deleveraging):
    """Who has more leverage than before the shock sells until it is what it was (Greenwood, Landier & Thesmar 2015).

    With a `tolerance` only who is above (1 + tolerance) times that does (Cont & Schaanning 2017).
    """

    tolerance: NonNegative = 0.0

    def sold(self, now: Marked) -> Floats:
        return _until(now, 1.0 / (now.leverage * (1.0 + self.tolerance)), 1.0 / now.leverage)

    def pieces(self, units: Floats, debt: Floats, price: float, leverage: Floats) -> Pieces | None:
        return _pieces(units, debt, 1.0 / (leverage * (1.0 + self.tolerance)), 1.0 / leverage)


class EvenLiquidations(Deleveraging):
    """What is held is many small positions whose liquidation prices lie evenly between two shares of today's price.

    All of those above a price are sold at it: the share (high - worth) / (high - low), in [0, 1].

    Raises: ValueError unless low < high.
    """

    low: NonNegative  # of the value before the shock
    high: NonNegative = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.low < self.high:
            raise ValueError(f"EvenLiquidations.low must be < high, got {self.low:g} and {self.high:g}")

    def sold(self, now: Marked) -> Floats:
        kept = 1.0 - np.clip((self.high - now.worth) / (self.high - self.low), 0.0, 1.0)
        return np.clip(1.0 - kept / np.where(now.held > 0.0, now.held, 1.0), 0.0, 1.0)

    def pieces(self, units: Floats, debt: Floats, price: float, leverage: Floats) -> Pieces | None:
        wide, ones = self.high - self.low, np.ones_like(units)
        rows = np.stack([units * self.high / wide, 0.0 * units, -units / (wide * price)], axis=-1)
        return Pieces(self.high * price * ones, self.low * price * ones, rows)


def _until(now: Marked, required: Floats, restored: Floats) -> Floats:
    """The share that brings equity to the share `restored` of assets, where it is below the share `required`."""
    equity = now.assets - now.debt
    kept = np.maximum(equity, 0.0) / np.where(now.assets > 0.0, restored * now.assets, 1.0)
    return np.where(equity < required * now.assets, 1.0 - np.minimum(kept, 1.0), 0.0)


def _pieces(units: Floats, debt: Floats, required: Floats, restored: Floats) -> Pieces:
    """q (1 - (q p - d) / (restored q p)) = q (1 - 1 / restored) + (d / restored) / p, from where it is called to no equity."""
    safe = np.where(units > 0.0, units, 1.0)
    ends = np.where(units > 0.0, debt / safe, 0.0)
    begins = np.where(required < 1.0, ends / np.where(required < 1.0, 1.0 - required, 1.0), np.inf)
    rows = np.stack([units * (1.0 - 1.0 / restored), debt / restored, 0.0 * units], axis=-1)
    return Pieces(np.where(debt > 0.0, begins, 0.0), ends, rows)
