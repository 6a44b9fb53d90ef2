"""The exact optimum of a market with hedges that are traded in lots: quotes, and the position in each hedge to go to.

V_t(q, h) = max over h' of W_t(q, h') + earned(h, h'), and W_t(q, h') = max over quotes of E[gain + V_{t+1}(q', h') - penalty of
(q', h')]: the hedge is traded when quotes are set, to a position that the step's penalty and the mid's moves find. So the hedge
is a layer on top of quoting, which is solved once for each position. Of several hedges h is a vector, and the positions are
each lot of one with each of the others.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.exact import optimum_cache as stored
from agents.exact.choices import check_actions
from agents.exact.evaluation import NODES
from agents.exact.hedge_lots import HedgeLots, holding, lots_of, positions_of
from agents.exact.price_grid import Axis, axis_of
from agents.exact.quote_optimum import Optimum, Solver, coarser_axes, grid_error
from agents.exact.room import levels_of, progress, require_room
from agents.exact.solvable import check_solvable
from agents.exact.start_worth import start_worth
from agents.observed import hedges_shown, places
from agents.strategies.hedging import HedgeRule
from mm_env.market import Market
from mm_env.rollout import inventory_levels

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class HedgedOptimum(Optimum):
    """The value (steps + 1, nodes, levels, positions) and the best actions (steps, nodes, levels, positions, width) of a market
    with hedges, whose `lots` say the positions in them."""

    lots: HedgeLots | None = None

    @property
    def worth(self) -> float:
        """The objective: the expected sum of rewards of an episode, price units."""
        lots: Any = self.lots
        return start_worth(self.market, self.axis, self.value[0, ..., lots.start])

    @property
    def objective(self) -> float:
        return self.worth

    @property
    def tabulable(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        return False

    def act(self, observations: NDArray[np.float32]) -> NDArray[Any]:
        """The best actions (n, width) at observations (n, k); linear between the nodes of the price's state."""
        lots: Any = self.lots
        step, level = places(self.market, observations, len(self.actions))
        held = lots.nearest(hedges_shown(self.market, observations))
        return self.axis.between(self.actions, step, level, observations, False, held)

    def save(self, path: Path) -> bool:
        """Write it to a file that `load` reads; False where it cannot be written, as on a full disk."""
        arrays = {"value": self.value, "actions": self.actions, "error": self.error}
        name = named_with_hedge(self.market, self.axis.count)
        return stored.write(path, {key: np.asarray(value) for key, value in {**arrays, "market": name}.items()})

    @classmethod
    def load(cls, path: Path, market: Market, nodes: int = NODES) -> HedgedOptimum:
        """The optimum of `market` that `save` wrote, to the bit; see `Optimum.load`."""
        found, axis = stored.read(path), axis_of(market, nodes)
        if found is None or str(found.get("market")) != named_with_hedge(market, axis.count):
            raise ValueError(f"{path} must hold the optimum of this market on {axis.count} nodes, solved by this code")
        return cls(market, axis, found["value"], found["actions"], None, float(found["error"]), lots_of(market))


def hedged_optimum(market: Market, nodes: int, kept_from: float) -> HedgedOptimum:
    """The optimum of a market with a hedge; see `optimum`."""
    check_solvable(market, hedged=True)
    check_actions(market)
    _check_room(market, nodes)
    return stored.kept(
        market,
        named_with_hedge(market, nodes),
        lambda path: HedgedOptimum.load(path, market, nodes),
        lambda: _with_error(market, nodes),
        kept_from,
    )


def named_with_hedge(market: Market, nodes: int) -> str:
    """A name for the optimum on so many nodes: another one if anything is edited that it depends on."""
    return stored.fingerprint(market, nodes, program=(_with_error,))


def _check_room(market: Market, nodes: int) -> None:
    positions, size = len(positions_of(market)), axis_of(market, nodes).size
    numbers = (market.clock.steps + 1.0) * size * levels_of(market) * positions * (1 + market.width)
    moving = 3.0 * levels_of(market) * positions**2
    require_room(market, "the optimum with hedges", 1.5 * numbers + moving, nodes=size * positions)


def best_quotes(market: Market, rule: HedgeRule, nodes: int = NODES) -> HedgedOptimum:
    """The best quotes of who hedges by a rule, and what they are worth, exactly: an optimum among all who hedge so.

    Raises: Unsolvable as `optimum` does.
    """
    check_solvable(market, hedged=True)
    check_actions(market)
    _check_room(market, nodes)
    return _solved(market, axis_of(market, nodes), rule)


def _with_error(market: Market, nodes: int) -> HedgedOptimum:
    """The optimum and its error, by half as many nodes of each grid of the price's state."""
    axis = axis_of(market, nodes)
    found = _solved(market, axis)
    return replace(found, error=sum(grid_error(found, _solved(market, a)) for a in coarser_axes(market, axis, nodes)))


def _solved(market: Market, axis: Axis, rule: HedgeRule | None = None) -> HedgedOptimum:
    lots, steps, width = _allowed(market, rule), market.clock.steps, market.quote.width
    solvers = [Solver(market, holding(axis, *held)) for held in zip(lots.positions, lots.exposed, strict=True)]
    shape = (axis.size, levels_of(market))
    value = np.zeros((steps + 1, *shape, len(solvers)))
    actions = np.zeros((steps, *shape, len(solvers), market.width))
    guesses = [np.zeros((*shape, solver.width)) for solver in solvers]
    worth, quotes = np.zeros((*shape, len(solvers))), np.zeros((*shape, len(solvers), width))
    for step in progress(range(steps - 1, -1, -1), "solving", "step"):
        for k, solver in enumerate(solvers):
            found, guesses[k] = solver.best(value[step + 1, ..., k], guesses[k], step)
            worth[..., k], quotes[..., k, :] = solver.cross(found, guesses[k])
        value[step], actions[step] = _hedged(market, lots, worth, quotes)
    return HedgedOptimum(market, axis, value, actions, lots=lots)


def _allowed(market: Market, rule: HedgeRule | None) -> HedgeLots:
    """The lots, where a rule goes from each position at each inventory: `moving` (levels, positions, positions)."""
    lots = lots_of(market)
    if rule is None:
        return lots
    wanted = rule.wanted(market, inventory_levels(market)[:, None], lots.positions)
    goes = lots.nearest(wanted)[..., None] == np.arange(len(lots.positions))
    return replace(lots, moving=np.where(goes, lots.moving, -np.inf))


def _hedged(market: Market, lots: HedgeLots, worth: Floats, quotes: Floats) -> tuple[Floats, Floats]:
    """The value at each (node, level, position) and the best action, from what the best quotes are worth at each position."""
    value, best = np.empty(worth.shape), np.empty(worth.shape, np.int64)
    for node in range(len(worth)):
        reached = worth[node, :, None, :] + lots.moving  # from each position to each
        best[node] = reached.argmax(axis=-1)
        value[node] = np.take_along_axis(reached, best[node][..., None], axis=-1)[..., 0]
    chosen = np.take_along_axis(quotes, best[..., None], axis=-2)
    asked = market.hedges.encode(lots.positions)[best]
    return value, np.concatenate([chosen, asked], axis=-1)
