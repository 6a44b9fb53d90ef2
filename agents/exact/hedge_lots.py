"""The positions of a hedge that is traded in lots, and what going from one to another brings."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import count as numbers_from
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.exact.nodes import Unsolvable
from agents.exact.now_read import fields_read
from agents.exact.objectives import is_utility
from agents.exact.price_grid import Axis
from mm_env.clock import Ergodic
from mm_env.core.component import count, nest, record, rules, stated_arguments
from mm_env.core.noise import draw
from mm_env.market import Market
from mm_env.world import Now

Floats = NDArray[np.float64]
_STATED = ("cost", "carry", "square", "deltas", "impacts", "targets")
_NEAR = 1e-9  # of a position
_TRIED, _ERRORS = 400, 6.0  # steps, and standard errors


@dataclass(frozen=True)
class HedgeLots:
    """One hedge's positions (n,), units; `moving[i, j]`, what is earned over a step for going from the i-th to the j-th and
    holding it, beside what its mark moves with the mid: its carry and what our trade moved it by, less the cost, price units;
    `start`, the number of that held at first; `delta`, what its mark moves with the mid."""

    positions: Floats
    moving: Floats
    start: int
    delta: float

    def only(self, places: NDArray[np.int64]) -> HedgeLots:
        """Some of the positions, that of the start among them."""
        moving = self.moving[np.ix_(places, places)]
        return HedgeLots(self.positions[places], moving, int(np.flatnonzero(places == self.start)[0]), self.delta)

    def nearest(self, positions: Floats) -> NDArray[np.int64]:
        """The numbers of positions of any shape."""
        return np.abs(np.asarray(positions)[..., None] - self.positions).argmin(axis=-1)


def lots_of(market: Market) -> HedgeLots:
    """The lots of a market's hedge. Raises: Unsolvable as `check_hedges` does."""
    positions = _levels(market)
    rules, dt = record(market), market.clock.step_length
    hedges, now = rules.hedges, rules.opening()

    def earned(held: float, wanted: float) -> float:
        trades = (wanted - held,)
        return hedges.carry((wanted,), dt, now) + wanted * hedges.impacts(trades, now)[0] - hedges.cost(trades, now, dt)

    moving = np.array([[earned(held, wanted) for wanted in positions.tolist()] for held in positions.tolist()])
    start = int(np.abs(positions - hedges.positions()[0]).argmin())
    return HedgeLots(positions, moving, start, float(hedges.deltas(now)[0]))


def holding(axis: Axis, position: float, delta: float) -> Axis:
    """An axis in whose states so much of the hedge is held: its cells gain inventory + delta x position by the mid."""
    numbers: Any = nest(axis.template, iter(numbers_from()))
    places = axis.places.reshape(-1, count(axis.template)).copy()
    places[:, numbers.account.hedges[0]] = position
    return replace(axis, places=places.reshape(-1), held=axis.held + delta * position)


def check_hedges(market: Market) -> None:
    """Refuse hedges over whose positions there is no recursion.

    Raises: Unsolvable, naming the part and what it would have to be.
    """
    if isinstance(market.clock, Ergodic):
        raise Unsolvable("clock: the recursion over a hedge is of a finite horizon, and an ergodic market has none")
    if is_utility(market):
        raise Unsolvable(f"reward: the recursion over a hedge is of penalties, not of a utility, got {market.reward}")
    positions, kind = _levels(market), type(market.hedges)
    for name in _STATED:
        if read := fields_read(rules(kind)[name], stated_arguments(kind, name)):
            raise Unsolvable(
                f"hedges: {kind.__name__}.{name} reads now.{min(read)}, and the recursion over a hedge is of positions alone"
            )
    hedges, now = record(market).hedges, record(market).opening()
    asked = market.hedges.encode(positions[:, None])
    if abs(float(np.abs(positions - hedges.positions()[0]).min())) > _NEAR:
        raise Unsolvable(f"hedges: {kind.__name__}.positions must be one of its levels, got {hedges.positions()}")
    for wanted, action in zip(positions.tolist(), asked.tolist(), strict=True):
        for inventory, held in ((0.0, 0.0), (-market.max_inventory, positions[-1]), (market.order_size, positions[0])):
            found = hedges.targets(tuple(action), inventory, (float(held),), now)[0]
            if abs(found - wanted) > _NEAR:
                raise Unsolvable(
                    f"hedges: {kind.__name__}.targets must be what `encode` asks for, whatever is held: {wanted:g} units are "
                    f"asked for by {action}, and with an inventory of {inventory:g} it gives {found:g}"
                )
    if any(function.__module__.split(".")[0] != "mm_env" for function in rules(kind).values()):
        _check_moves(market)


def _check_moves(market: Market) -> None:
    """Refuse marks of a class of one's own that move otherwise in the mean than it says: first steps are tried, with and
    without a trade of ours."""
    lot = float(np.diff(_levels(market)).min())
    for trade in (0.0, lot):
        off = np.array([_unsaid(market, lane, trade) for lane in range(_TRIED)])
        if not abs(off.mean()) <= _ERRORS * off.std() / np.sqrt(_TRIED) + _NEAR:
            raise Unsolvable(
                f"hedges: {type(market.hedges).__name__}.deltas and impacts must say what its marks move in the mean: with a "
                f"trade of {trade:g} they are off by {off.mean():.3g} in a step"
            )


def _unsaid(market: Market, lane: int, trade: float) -> float:
    """What a mark moves in a first step beside what `deltas` and `impacts` say."""
    model, dt, noise = record(market), market.clock.step_length, draw(0, lane, 0, 0)
    now = model.opening()
    mid = model.price.move(now.mid, now.world.price, noise, dt, now)
    variance = model.price.variance(now.world.price, dt, now)
    state = model.hedges.evolve(now.world.hedges, now, mid, noise, dt, variance, (trade,))
    after = Now(now.time + dt, now.time_left - dt, mid, now.world._replace(hedges=state), now.tables)
    moved = model.hedges.marks(after)[0] - model.hedges.marks(now)[0]
    return float(moved - model.hedges.deltas(now)[0] * (mid - now.mid) - model.hedges.impacts((trade,), now)[0])


def _levels(market: Market) -> Floats:
    levels = market.hedges.levels()
    if len(market.hedges.names) != 1:
        raise Unsolvable(f"hedges: one has an exact recursion, got {len(market.hedges.names)}: {market.hedges}")
    if not levels:
        raise Unsolvable(
            f"hedges: a position of any size has no exact recursion, its lots have (let `lot` be > 0): {market.hedges}"
        )
    return np.asarray(levels[0], np.float64)
