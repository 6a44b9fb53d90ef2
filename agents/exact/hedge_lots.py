"""The positions of hedges that are traded in lots, and what going from one to another brings."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import count as numbers_from
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.exact.nodes import Unsolvable
from agents.exact.now_read import fields_read
from agents.exact.objectives import is_utility
from agents.exact.price_grid import Axis
from mm_env.clock import Ergodic
from mm_env.core.component import count, nest, parts, record, rules, stated_arguments
from mm_env.core.noise import draw
from mm_env.core.tuples import Numbers, difference, scaled, weighted
from mm_env.hedges import Hedges
from mm_env.hedging import CorrelatedHedges, HedgePortfolio
from mm_env.market import Market
from mm_env.world import Now

Floats = NDArray[np.float64]
_STATED = ("cost", "carry", "square", "deltas", "impacts", "targets")
_HAND_ON = {rules(kind)[name] for kind in (HedgePortfolio, CorrelatedHedges) for name in _STATED}  # to each hedge
MOST_POSITIONS = 1_500  # each with each: what going from one to another brings is a table of their square
_NEAR = 1e-9  # of a position
_TRIED, _ERRORS = 400, 6.0  # steps, and standard errors


@dataclass(frozen=True)
class HedgeLots:
    """All positions in the hedges (n, hedges), units: of several each with each; `moving[i, j]`, what is earned over a step for
    going from the i-th to the j-th and holding it, beside what marks move with the mid: the carry and what our trades moved
    them by, less the cost, price units; `start`, the number of that held at first; `deltas` (hedges,), what each mark moves
    with the mid."""

    positions: Floats
    moving: Floats
    start: int
    deltas: Floats

    @property
    def exposed(self) -> Floats:
        """What each position gains per unit that the mid moves (n,), units."""
        return (self.positions * self.deltas).sum(axis=1)

    def only(self, places: NDArray[np.int64]) -> HedgeLots:
        """Some of the positions, that of the start among them."""
        moving = self.moving[np.ix_(places, places)]
        return HedgeLots(self.positions[places], moving, int(np.flatnonzero(places == self.start)[0]), self.deltas)

    def nearest(self, positions: Floats) -> NDArray[np.int64]:
        """The numbers (...) of positions (..., hedges)."""
        far: Any = 0.0
        for i, of_one in enumerate(self.positions.T):
            far = far + np.abs(np.asarray(positions)[..., i, None] - of_one)
        return far.argmin(axis=-1)


def lots_of(market: Market) -> HedgeLots:
    """The lots of a market's hedges. Raises: Unsolvable as `check_hedges` does."""
    if isinstance(market.hedges, HedgePortfolio):
        positions_of(market)  # refuses what is too many
        return each_with_each([lots_of(replace(market, hedges=hedge)) for hedge in market.hedges.hedges])
    positions = positions_of(market)
    rules, dt = record(market), market.clock.step_length
    hedges, now = rules.hedges, rules.opening()

    def earned(held: Numbers, wanted: Numbers) -> float:
        trades = difference(wanted, held)
        kept = weighted(hedges.carry(wanted, dt, now), wanted, hedges.impacts(trades, now))
        return kept - hedges.cost(trades, now, dt)

    each = [tuple(row) for row in positions.tolist()]
    moving = np.array([[earned(held, wanted) for wanted in each] for held in each])
    start = int(np.abs(positions - hedges.positions()).sum(axis=1).argmin())
    return HedgeLots(positions, moving, start, np.array(hedges.deltas(now)))


def each_with_each(alone: list[HedgeLots]) -> HedgeLots:
    """The lots of several hedges from those of each by itself: what moving all of them brings is the sum of each."""
    positions = np.array(list(product(*(lots.positions[:, 0].tolist() for lots in alone))))
    moving, start = alone[0].moving, alone[0].start
    for lots in alone[1:]:
        shape = len(moving) * len(lots.moving)
        moving = (moving[:, None, :, None] + lots.moving[None, :, None, :]).reshape(shape, shape)
        start = start * len(lots.moving) + lots.start
    return HedgeLots(positions, moving, start, np.concatenate([lots.deltas for lots in alone]))


def positions_of(market: Market) -> Floats:
    """All positions in a market's hedges (n, hedges), units. Raises: Unsolvable where one may be of any size."""
    return np.array(list(product(*_levels(market))), np.float64)


def holding(axis: Axis, positions: Floats, exposed: float) -> Axis:
    """An axis in whose states so much of each hedge is held: its cells gain inventory + `exposed` by the mid."""
    numbers: Any = nest(axis.template, iter(numbers_from()))
    places = axis.places.reshape(-1, count(axis.template)).copy()
    places[:, list(numbers.account.hedges)] = positions
    return replace(axis, places=places.reshape(-1), held=axis.held + exposed)


def check_hedges(market: Market) -> None:
    """Refuse hedges over whose positions there is no recursion.

    Raises: Unsolvable, naming the part and what it would have to be.
    """
    if isinstance(market.clock, Ergodic):
        raise Unsolvable("clock: the recursion over a hedge is of a finite horizon, and an ergodic market has none")
    if is_utility(market):
        raise Unsolvable(f"reward: the recursion over a hedge is of penalties, not of a utility, got {market.reward}")
    kinds = [type(part) for _, part in parts(market.hedges) if isinstance(part, Hedges)]
    _levels(market)
    for kind, name in product(kinds, _STATED):
        function = rules(kind)[name]
        if function not in _HAND_ON and (read := fields_read(function, stated_arguments(kind, name))):
            raise Unsolvable(
                f"hedges: {kind.__name__}.{name} reads now.{min(read)}, and the recursion over a hedge is of positions alone"
            )
    _check_targets(market)
    if any(function.__module__.split(".")[0] != "mm_env" for kind in kinds for function in rules(kind).values()):
        _check_moves(market)


def _check_targets(market: Market) -> None:
    """Refuse targets that are not those asked for, and a start that is in none of the lots."""
    hedges, now, kind = record(market).hedges, record(market).opening(), type(market.hedges).__name__
    positions = positions_of(market)
    if np.abs(positions - hedges.positions()).max(axis=1).min() > _NEAR:
        raise Unsolvable(f"hedges: {kind}.positions must be one of its levels, got {hedges.positions()}")
    nothing = np.zeros(positions.shape[1])
    tried = ((0.0, nothing), (-market.max_inventory, positions[-1]), (market.order_size, positions[0]))
    for wanted, action in zip(positions, market.hedges.encode(positions).tolist(), strict=True):
        for inventory, held in tried:
            found = hedges.targets(tuple(action), inventory, tuple(held.tolist()), now)
            if np.abs(found - wanted).max() > _NEAR:
                raise Unsolvable(
                    f"hedges: {kind}.targets must be what `encode` asks for, whatever is held: {_said(wanted)} units are "
                    f"asked for by {action}, and with an inventory of {inventory:g} it gives {_said(found)}"
                )


def _said(numbers: Any) -> str:
    return ", ".join(f"{number:g}" for number in numbers)


def _check_moves(market: Market) -> None:
    """Refuse marks of a class of one's own that move otherwise in the mean than it says: first steps are tried, with and
    without a trade of ours."""
    lots = tuple(float(np.diff(levels).min()) if len(levels) > 1 else 0.0 for levels in _levels(market))
    for trades in (scaled(0.0, lots), lots):
        off = np.array([_unsaid(market, lane, trades) for lane in range(_TRIED)])
        if not (abs(off.mean(axis=0)) <= _ERRORS * off.std(axis=0) / np.sqrt(_TRIED) + _NEAR).all():
            raise Unsolvable(
                f"hedges: {type(market.hedges).__name__}.deltas and impacts must say what its marks move in the mean: with a "
                f"trade of {_said(trades)} they are off by {_said(off.mean(axis=0))} in a step"
            )


def _unsaid(market: Market, lane: int, trades: Numbers) -> Floats:
    """What marks move in a first step beside what `deltas` and `impacts` say, (hedges,)."""
    model, dt, noise = record(market), market.clock.step_length, draw(0, lane, 0, 0)
    now = model.opening()
    mid = model.price.move(now.mid, now.world.price, noise, dt, now)
    variance = model.price.variance(now.world.price, dt, now)
    state = model.hedges.evolve(now.world.hedges, now, mid, model.price.unread(noise), dt, variance, trades)
    after = Now(now.time + dt, now.time_left - dt, mid, now.world._replace(hedges=state), now.tables)
    moved = np.subtract(model.hedges.marks(after), model.hedges.marks(now))
    said = np.multiply(model.hedges.deltas(now), mid - now.mid) + model.hedges.impacts(trades, now)
    return moved - said


def _levels(market: Market) -> tuple[Floats, ...]:
    levels = market.hedges.levels()
    if len(levels) != len(market.hedges.names) or not all(len(of_one) for of_one in levels):
        raise Unsolvable(
            f"hedges: a position of any size has no exact recursion, its lots have (let `lot` be > 0): {market.hedges}"
        )
    sizes = [len(of_one) for of_one in levels]
    if math.prod(sizes) > MOST_POSITIONS:
        raise Unsolvable(
            f"hedges: the recursion is over {' x '.join(map(str, sizes))} positions in {len(sizes)} hedges, more than the "
            f"{MOST_POSITIONS:,} it holds: take larger lots, a smaller max_position or fewer hedges, got {market.hedges}"
        )
    return levels
