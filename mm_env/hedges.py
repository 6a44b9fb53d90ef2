"""Instruments that are held beside the quoted one: a contract, and its neutral default."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mm_env.action_parts import ActionPart
from mm_env.core.component import Component, overridden, rule
from mm_env.core.noise import Noise
from mm_env.core.tuples import scaled
from mm_env.world import Now

Floats = NDArray[np.float64]


class Hedges(Component):
    """Instruments that offset the inventory's risk: marked at every step, traded to targets that are part of the action.

    The action's last numbers, one a hedge, in their order, are what `targets` reads. Trades happen when quotes are set, at the
    marks of that moment, for `cost`; wealth is cash + inventory x mid + the sum of position x mark. All tuples are () or have
    one number a hedge.

    A state with the fields `paid` and `turnover`, sums over the episode of `cost` and of |units traded|, is told as figures.
    Strategies that hedge need `encode` and `positions_shown`; exact solvers `levels` and `deltas` too.
    """

    signals: ClassVar[tuple[str, ...]] = ()

    @property
    def reads_variance(self) -> bool:
        """Whether `evolve` reads the variance of the mid's move, which the price must then give."""
        return False

    @property
    def names(self) -> tuple[str, ...]:
        """One name a hedge."""
        raise NotImplementedError(f"{type(self).__name__} needs a property `names`, one a hedge")

    @property
    def action_parts(self) -> tuple[ActionPart, ...]:
        """The part of an action that is each hedge's, by name, unit and ends."""
        return tuple(ActionPart(name) for name in self.names)

    def encode(self, positions: Floats) -> Floats:
        """The actions' numbers (n, hedges) that ask for positions (n, hedges), units."""
        raise NotImplementedError(f"{type(self).__name__} needs a method encode(positions) for strategies to hedge")

    def positions_shown(self, signals: Floats) -> Floats:
        """The positions held (n, hedges), units, that its `signals` (n, signals) show."""
        raise NotImplementedError(
            f"{type(self).__name__} needs a method positions_shown(signals) for strategies to hedge"
        )

    def levels(self) -> tuple[Floats, ...]:
        """All positions of each hedge, units, from the lowest; empty for one that may be of any size, () if all may."""
        return ()

    def check(self, market: Any) -> None:
        """Refuse a market in which they cannot be held. Raises: ValueError."""

    @rule
    def start(self) -> Any:
        """Their state at the start of an episode: a named tuple of numbers, or ()."""
        return ()

    @rule
    def positions(self) -> tuple[float, ...]:
        """What is held of each at the start, units."""
        raise NotImplementedError

    @rule
    def marks(self, now: Now) -> tuple[float, ...]:
        """The price of one unit of each, price units; `now.world.hedges` is their state."""
        raise NotImplementedError

    @rule
    def deltas(self, now: Now) -> tuple[float, ...]:
        """What each mark moves with the mid: E[dmark | dS] = delta dS, beside what we do to it ourselves and `carry`."""
        raise NotImplementedError

    @rule
    def impacts(self, trades: tuple[float, ...], now: Now) -> tuple[float, ...]:
        """How far our own trades, units, move each mark for good, price units."""
        return scaled(0.0, trades)

    @rule
    def targets(
        self, action: tuple[float, ...], inventory: float, held: tuple[float, ...], now: Now
    ) -> tuple[float, ...]:
        """The positions wanted, units, from the action's numbers in [-1, 1], the inventory and the positions held."""
        raise NotImplementedError

    @rule
    def cost(self, trades: tuple[float, ...], now: Now, dt: float) -> float:
        """What trading so many units of each within a step of dt costs beside their marks, price units, >= 0."""
        return 0.0

    @rule
    def carry(self, held: tuple[float, ...], dt: float, now: Now) -> float:
        """What holding them over a step pays (funding, dividends), price units."""
        return 0.0

    @rule
    def square(self, inventory: float, held: tuple[float, ...], variance: float, now: Now) -> float:
        """Var[move of the whole position's worth] / Var[the mid's move], units squared: the squared inventory of the quoted
        instrument alone that is as risky. What penalties of inventory are charged on; `variance` is that of the mid's move
        over the step, as `Price.variance` says it."""
        raise NotImplementedError(
            "hedges need a rule square(inventory, held, variance, now), which penalties are charged on"
        )

    @rule
    def evolve(
        self, state: Any, before: Now, mid: float, noise: Noise, dt: float, variance: float = 0.0,
        trades: tuple[float, ...] = (),
    ) -> Any:  # fmt: skip
        """Their state at t + dt, from it and all else at t, the mid at t + dt, `variance`, that of the mid's move as
        `Price.variance` says it by the state of t (price units squared), and what we traded of each, units."""
        return state

    @property
    def says_surprise(self) -> bool:
        """Whether it says by `surprise` what of its own moves is noise."""
        kind = type(self)
        return kind.surprise is not Hedges.surprise and not overridden(kind, "surprise", "evolve", "marks")

    @rule
    def surprise(
        self, held: tuple[float, ...], trades: tuple[float, ...], before: Now, after: Now, mid: float, dt: float
    ) -> float:
        """What of the gain by the marks' moves over a step was noise of mean zero, given all that was known at t, price units.

        `held` is held over it, after `trades`; `mid` is the mid at t + dt less what of its move was noise. Rewards are rid
        of it where their `noise` is less than 1, which markets of hedges without this rule refuse.
        """
        return 0.0

    @rule
    def observe(self, held: tuple[float, ...], now: Now) -> tuple[float, ...]:
        """One number of order one for each of `signals`."""
        return ()


class NoHedges(Hedges):
    """Nothing is held but the quoted instrument."""

    @property
    def names(self) -> tuple[str, ...]:
        return ()

    @rule
    def positions(self) -> tuple[float, ...]:
        return ()

    @rule
    def marks(self, now: Now) -> tuple[float, ...]:
        return ()

    @rule
    def deltas(self, now: Now) -> tuple[float, ...]:
        return ()

    @rule
    def targets(self, action: tuple[float, ...], inventory: float, held: tuple[float, ...]) -> tuple[float, ...]:
        return ()

    @rule
    def square(self, inventory: float, held: tuple[float, ...], variance: float) -> float:
        return inventory * inventory
