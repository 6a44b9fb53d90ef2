"""Several instruments held side by side to hedge one inventory."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mm_env.action_parts import ActionPart
from mm_env.core.component import rule, rules
from mm_env.core.noise import Noise
from mm_env.core.tuples import both, each, joined, numbered, paired, total
from mm_env.hedges import Hedges
from mm_env.hedging.of_each import (
    carry_of,
    cost_of,
    deltas_of,
    impacts_of,
    marks_of,
    next_state_of,
    positions_of,
    shown_by,
    size_of,
    square_of,
    start_of,
    sum_of_squares,
    surprise_of,
    targets_of,
    times,
)
from mm_env.world import Now

Floats = NDArray[np.float64]
MOST = 1000  # hedges, each of which draws by blocks of its own


class Held(NamedTuple):
    """The state of several hedges."""

    paid: float  # costs of trading them so far, price units
    turnover: float  # |units| traded so far, of all together
    states: tuple[Any, ...]  # of each


class HedgePortfolio(Hedges):
    """Several hedges at once, in their order: the action, positions, marks and signals are those of each, one after the other.

    Each sees its own state as `now.world.hedges`, and draws noise of its own, the first that which it has by itself: one alone
    in a portfolio brings the very bits that it brings without. Names and signals that several have are numbered from 1.

    What of the marks does not go with the mid is independent between hedges: the whole position is as risky as
    (q + sum of delta_i h_i)^2 + sum of what `square` of each adds to (delta_i h_i)^2. See `CorrelatedHedges` for more.

    Raises: TypeError or ValueError unless each is one instrument, and says its delta.
    """

    hedges: tuple[Hedges, ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        name = type(self).__name__
        if len(self.hedges) > MOST:
            raise ValueError(f"{name}.hedges must be {MOST} at most, got {len(self.hedges)}")
        for hedge in self.hedges:
            if len(hedge.names) != 1:
                raise ValueError(
                    f"{name}.hedges must be one instrument each (list what a portfolio holds one by one), got {hedge}"
                )
            if rules(type(hedge))["deltas"] is rules(Hedges)["deltas"]:
                raise ValueError(
                    f"{name}.hedges must give a rule `deltas`, by which one's risk adds to another's, got {hedge}"
                )

    @property
    def reads_variance(self) -> bool:
        return any(hedge.reads_variance for hedge in self.hedges)

    @property
    def names(self) -> tuple[str, ...]:
        return _told_apart([name for hedge in self.hedges for name in hedge.names], " ")

    @property
    def signals(self) -> tuple[str, ...]:  # pyright: ignore[reportIncompatibleVariableOverride]
        return _told_apart([name for hedge in self.hedges for name in hedge.signals], "_")

    @property
    def action_parts(self) -> tuple[ActionPart, ...]:
        own = [part for hedge in self.hedges for part in hedge.action_parts]
        return tuple(
            part._replace(name=name) for part, name in zip(own, _told_apart([p.name for p in own], " "), strict=True)
        )

    def encode(self, positions: Floats) -> Floats:
        columns = [hedge.encode(positions[:, i : i + 1]) for i, hedge in enumerate(self.hedges)]
        return np.concatenate(columns, axis=1)

    def positions_shown(self, signals: Floats) -> Floats:
        ends = np.cumsum([len(hedge.signals) for hedge in self.hedges])
        shown = np.split(np.asarray(signals), ends[:-1], axis=1)
        return np.concatenate(
            [hedge.positions_shown(own) for hedge, own in zip(self.hedges, shown, strict=True)], axis=1
        )

    def levels(self) -> tuple[Floats, ...]:
        return tuple(next(iter(hedge.levels()), np.empty(0)) for hedge in self.hedges)

    def check(self, market: Any) -> None:
        for hedge in self.hedges:
            hedge.check(market)

    @rule
    def start(self) -> Any:
        return Held(0.0, 0.0, each(start_of, self.hedges, ()))

    @rule
    def positions(self) -> tuple[float, ...]:
        return joined(each(positions_of, self.hedges, ()))

    @rule
    def marks(self, now: Now) -> tuple[float, ...]:
        return joined(both(marks_of, self.hedges, now.world.hedges.states, now))

    @rule
    def deltas(self, now: Now) -> tuple[float, ...]:
        return joined(both(deltas_of, self.hedges, now.world.hedges.states, now))

    @rule
    def impacts(self, trades: tuple[float, ...], now: Now) -> tuple[float, ...]:
        return joined(both(impacts_of, self.hedges, paired(now.world.hedges.states, trades), now))

    @rule
    def targets(
        self, action: tuple[float, ...], inventory: float, held: tuple[float, ...], now: Now
    ) -> tuple[float, ...]:
        asked = paired(now.world.hedges.states, paired(action, held))
        return joined(both(targets_of, self.hedges, asked, (inventory, now)))

    @rule
    def cost(self, trades: tuple[float, ...], now: Now, dt: float) -> float:
        return total(both(cost_of, self.hedges, paired(now.world.hedges.states, trades), (now, dt)))

    @rule
    def carry(self, held: tuple[float, ...], dt: float, now: Now) -> float:
        return total(both(carry_of, self.hedges, paired(now.world.hedges.states, held), (now, dt)))

    @rule
    def square(self, inventory: float, held: tuple[float, ...], variance: float, now: Now) -> float:
        return self.independent(inventory, held, variance, now)

    @rule
    def independent(self, inventory: float, held: tuple[float, ...], variance: float, now: Now) -> float:
        """`square`, were their own parts independent; of one alone, its own to the bit."""
        alone = both(square_of, self.hedges, paired(now.world.hedges.states, held), (inventory, variance, now))
        exposed, others = both(times, self.deltas(now), held, ()), len(self.hedges) - 1.0
        whole = total(exposed)
        return total(alone) - others * inventory * inventory + (whole * whole - sum_of_squares(exposed))

    @rule
    def evolve(
        self, state: Any, before: Now, mid: float, noise: Noise, dt: float, variance: float, trades: tuple[float, ...]
    ) -> Any:
        own = paired(numbered(state.states), trades)
        states = both(next_state_of, self.hedges, own, (before, mid, noise, dt, variance))
        return self.moved(state, states, before, dt, trades)

    @rule
    def moved(self, state: Held, states: tuple[Any, ...], before: Now, dt: float, trades: tuple[float, ...]) -> Held:
        """Their state after a step, from those of each and what was traded."""
        return Held(
            state.paid + self.cost(trades, before, dt), state.turnover + total(each(size_of, trades, ())), states
        )

    @property
    def says_surprise(self) -> bool:
        return all(hedge.says_surprise for hedge in self.hedges)

    @rule
    def surprise(
        self, held: tuple[float, ...], trades: tuple[float, ...], before: Now, after: Now, mid: float, dt: float
    ) -> float:
        states = paired(before.world.hedges.states, after.world.hedges.states)
        own = paired(states, paired(held, trades))
        return total(both(surprise_of, self.hedges, own, (before, after, mid, dt)))

    @rule
    def observe(self, held: tuple[float, ...], now: Now) -> tuple[float, ...]:
        return joined(both(shown_by, self.hedges, paired(now.world.hedges.states, held), now))


def _told_apart(names: list[str], between: str) -> tuple[str, ...]:
    """The names themselves, those that several have with numbers from 1."""
    several, seen = {name for name, times in Counter(names).items() if times > 1}, Counter[str]()
    found = list[str]()
    for name in names:
        seen[name] += 1
        found.append(f"{name}{between}{seen[name]}" if name in several else name)
    return tuple(found)
