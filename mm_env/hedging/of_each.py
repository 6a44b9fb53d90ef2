"""What is asked of each of several hedges: functions of one hedge and what is its own, for `core.tuples` to unroll.

Each hands on to the rule of its name what that is told, with the present as the hedge itself sees it (`seen_by`).
"""

from __future__ import annotations

from typing import Any

from mm_env.core.maths import scalar
from mm_env.core.noise import apart
from mm_env.core.tuples import both, total
from mm_env.world import Now, World


@scalar
def seen_by(now: Now, state: Any) -> Now:
    """The present as one of several hedges sees it: its own state is that of the hedges."""
    w = now.world
    world = World(w.price, w.flow, w.venue, state, w.margin, w.financing)
    return Now(now.time, now.time_left, now.mid, world, now.tables)


@scalar
def sum_of_squares(values: tuple[float, ...]) -> float:
    """Of numbers."""
    return total(both(times, values, values, ()))


@scalar
def start_of(hedge: Any, told: Any) -> Any:
    return hedge.start()


@scalar
def positions_of(hedge: Any, told: Any) -> tuple[float, ...]:
    return hedge.positions()


@scalar
def marks_of(hedge: Any, state: Any, now: Now) -> tuple[float, ...]:
    return hedge.marks(seen_by(now, state))


@scalar
def deltas_of(hedge: Any, state: Any, now: Now) -> tuple[float, ...]:
    return hedge.deltas(seen_by(now, state))


@scalar
def impacts_of(hedge: Any, own: Any, now: Now) -> tuple[float, ...]:
    state, trade = own
    return hedge.impacts((trade,), seen_by(now, state))


@scalar
def targets_of(hedge: Any, own: Any, told: Any) -> tuple[float, ...]:
    state, (action, held) = own
    inventory, now = told
    return hedge.targets((action,), inventory, (held,), seen_by(now, state))


@scalar
def cost_of(hedge: Any, own: Any, told: Any) -> float:
    state, trade = own
    now, dt = told
    return hedge.cost((trade,), seen_by(now, state), dt)


@scalar
def carry_of(hedge: Any, own: Any, told: Any) -> float:
    state, held = own
    now, dt = told
    return hedge.carry((held,), dt, seen_by(now, state))


@scalar
def square_of(hedge: Any, own: Any, told: Any) -> float:
    state, held = own
    inventory, variance, now = told
    return hedge.square(inventory, (held,), variance, seen_by(now, state))


@scalar
def next_state_of(hedge: Any, own: Any, told: Any) -> Any:
    (number, state), trade = own
    before, mid, noise, dt, variance = told
    return hedge.evolve(state, seen_by(before, state), mid, apart(noise, number), dt, variance, (trade,))


@scalar
def surprise_of(hedge: Any, own: Any, told: Any) -> float:
    (state, later), (held, trade) = own
    before, after, mid, dt = told
    return hedge.surprise((held,), (trade,), seen_by(before, state), seen_by(after, later), mid, dt)


@scalar
def shown_by(hedge: Any, own: Any, now: Now) -> tuple[float, ...]:
    state, held = own
    return hedge.observe((held,), seen_by(now, state))


@scalar
def times(a: float, b: float, told: Any) -> float:
    return a * b


@scalar
def size_of(trade: float, told: Any) -> float:
    return abs(trade)
