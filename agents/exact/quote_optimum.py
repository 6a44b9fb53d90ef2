"""The exact optimum of a market by dynamic programming on the very process that is simulated.

V_t(q, x) = max over actions a of E[reward + V_{t+1}(q', x')], at the market's own dt, fill convention, action mapping and
limits, with both sides able to fill in one step. x is what else the future depends on: nothing for a price whose moves do
not depend on where it is, the distance from the mean for Ornstein-Uhlenbeck. It lies on the grid of the price's own `law`.
Under CARA, V is the certainty equivalent of the wealth still to be gained.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from agents.base import MarketPolicy, Table
from agents.exact import optimum_cache as stored
from agents.exact.choices import SCAN, check_actions, is_layered, is_searched_widely, line_ways, starts
from agents.exact.evaluation import MATRICES, NODES, poisson_equation
from agents.exact.objectives import Penalties, aversion
from agents.exact.price_grid import Axis, Unsolvable, axis_by, axis_of, laws_of
from agents.exact.quote_search import improve
from agents.exact.room import levels_of, progress, require_room
from agents.exact.solvable import check_solvable
from agents.exact.start_worth import objective_of, start_worth
from agents.observed import places
from mm_env.clock import Ergodic
from mm_env.core import engine
from mm_env.core.component import record
from mm_env.market import Market
from mm_env.price.law import joint
from mm_env.rollout import inventory_levels

Floats = NDArray[np.float64]
_ORDER, _SAFETY = 2, 3.0  # of what the objective loses to the grid's spacing


@dataclass(frozen=True)
class Optimum(MarketPolicy):
    """The value (steps + 1, nodes, levels) and the best actions (steps or 1, nodes, levels, width) of a market.

    `rate` is the average reward per unit of time where the market is ergodic; there `value` holds relative values.
    `error` is how far the objective may be off for the grid of the price's state; 0 where there is none.
    """

    market: Market
    axis: Axis
    value: Floats
    actions: Floats
    rate: float | None = None
    error: float = 0.0

    @property
    def objective(self) -> float:
        """What the market's episodes bring at best: the expected sum of rewards."""
        return (
            self.worth * self.market.clock.horizon if self.rate is not None else objective_of(self.market, self.worth)
        )

    @property
    def worth(self) -> float:
        """The objective, under CARA its certainty equivalent (price units), in an ergodic market the average reward."""
        return start_worth(self.market, self.axis, self.value[0]) if self.rate is None else self.rate

    @property
    def tabulable(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.axis.size == 1

    def table(self) -> Table:
        """The best actions where time and inventory are all that matters."""
        return Table(self.market, self.actions[:, 0])

    def save(self, path: Path) -> bool:
        """Write it to a file that `load` reads; False where it cannot be written, as on a full disk."""
        rate = np.nan if self.rate is None else self.rate
        name = named(self.market, self.axis.count)
        arrays = {"value": self.value, "actions": self.actions, "rate": rate, "error": self.error, "market": name}
        return stored.write(path, {key: np.asarray(value) for key, value in arrays.items()})

    @classmethod
    def load(cls, path: Path, market: Market, nodes: int = NODES) -> Optimum:
        """The optimum of `market` that `save` wrote, to the bit.

        Raises: ValueError if the file is damaged, or of another market, number of nodes or version of the code.
        """
        found, axis = stored.read(path), axis_of(market, nodes)
        name = named(market, axis.count)
        if found is None or str(found.get("market")) != name:
            raise ValueError(f"{path} must hold the optimum of this market on {axis.count} nodes, solved by this code")
        rate = None if np.isnan(found["rate"]) else float(found["rate"])
        return cls(market, axis, found["value"], found["actions"], rate, float(found["error"]))

    def act(self, observations: NDArray[np.float32]) -> NDArray[Any]:
        """The best actions (n, width), or (n,) if discrete, at observations (n, k); linear between the axis' nodes."""
        step, level = places(self.market, observations, len(self.actions))
        discrete = isinstance(self.market.quote.space, gym.spaces.Discrete)
        actions = self.axis.between(self.actions, step, level, observations, discrete)
        return actions[:, 0].astype(np.int64) if discrete else actions


def quote_optimum(market: Market, nodes: int, kept_from: float) -> Optimum:
    """The optimum of a market whose quotes alone are chosen, by time, inventory and the price's state.

    Raises: Unsolvable, saying which part of the market stands in the way.
    """
    check_solvable(market)
    check_actions(market)
    check_room(market, nodes)
    axis = cache(lambda: axis_of(market, nodes))
    return stored.kept(
        market,
        named(market, nodes),
        lambda path: Optimum.load(path, market, nodes),
        lambda: _with_error(market, axis(), nodes),
        kept_from,
        lambda: Solver(market, axis()).kernel,
    )


def named(market: Market, nodes: int) -> str:
    """A name for the market's optimum on so many nodes: another one if anything is edited that it depends on."""
    return stored.fingerprint(market, nodes, program=(solve, grid_error, coarser_axes))


def _with_error(market: Market, axis: Axis, nodes: int) -> Optimum:
    found = solve(market, axis)
    if coarser := coarser_axes(market, axis, nodes):
        found = replace(found, error=sum(grid_error(found, solve(market, coarse)) for coarse in coarser))
    return found


def coarser_axes(market: Market, axis: Axis, nodes: int, together: bool = False) -> list[Axis]:
    """The axis with half the nodes along one of its grids at a time; none of what has just these values, such as a regime. With
    `together`, of all of them as one `joint` law."""
    fine, half = ([law.axes for law in laws_of(market, n)[0]] for n in (nodes, nodes // 2 + 1))
    if together:
        fine, half = ([(joint(replace(laws[0], others=laws[1:])),) for laws in kinds] for kinds in (fine, half))
    fewer = [
        i for i, (law, coarse) in enumerate(zip(fine[0], half[0], strict=True)) if len(coarse.nodes) < len(law.nodes)
    ]
    halved = [[(*f[:i], h[i], *f[i + 1 :]) for f, h in zip(fine, half, strict=True)] for i in fewer]
    return [axis_by(market, kinds, axis.kind) for kinds in halved]


def check_room(market: Market, nodes: int = NODES) -> None:
    """Refuse a market whose optimum does not fit into memory.

    Raises: Unsolvable, with what it would need.
    """
    levels, nodes = levels_of(market), axis_of(market, nodes).size
    if isinstance(market.clock, Ergodic):
        return require_room(market, "the optimum", MATRICES * (nodes * levels) ** 2, steps=False, nodes=nodes)
    grids = 1.5 if nodes > 1 else 1.0  # the coarser one stays beside the finer
    numbers = grids * (market.clock.steps + 1.0) * nodes * levels * (1 + market.quote.width)
    return require_room(market, "the optimum", numbers, nodes=nodes)


def solve(market: Market, axis: Axis) -> Optimum:
    """The optimum on a given grid, its error not yet known."""
    solver = Solver(market, axis)
    return solver.ergodic() if isinstance(market.clock, Ergodic) else solver.finite()


def grid_error(fine: Optimum, coarse: Optimum) -> float:
    """3 |J - J on half the nodes| / (2^order - 1): Richardson's estimate, with the safety of Roache 1994 for two grids.

    Where the value is smooth the order is four, that of the interpolation. Two is taken: where the best quotes jump from one
    place to another, or meet the ends of their range, the value has kinks.
    """
    return _SAFETY * abs(fine.objective - coarse.objective) / (2**_ORDER - 1)


class Solver:
    """One market's arrays, and the compiled step of dynamic programming over them."""

    def __init__(self, market: Market, axis: Axis) -> None:
        self.market, self.axis, self.levels = market, axis, levels_of(market)
        self.layered = is_layered(market)  # then market orders are chosen on top of the best quotes
        quoting: Any = market.quote.quoting if self.layered else market.quote  # pyright: ignore
        self.quoted = replace(market, quote=quoting)
        self.discrete = float(quoting.space.n) if isinstance(quoting.space, gym.spaces.Discrete) else 0.0
        self.width = quoting.width
        self.gamma, self.penalties = aversion(market), Penalties(market, axis)

    def finite(self) -> Optimum:
        steps, shape = self.market.clock.steps, (self.axis.size, self.levels)
        value = np.zeros((steps + 1, *shape))
        actions = np.zeros((steps, *shape, self.market.quote.width))
        guess = np.zeros((*shape, self.width))
        for step in progress(range(steps - 1, -1, -1), "solving", "step"):
            value[step], guess = self.best(value[step + 1], guess, step)
            value[step], actions[step] = self.cross(value[step], guess)
        return Optimum(self.market, self.axis, value, actions)

    def ergodic(self) -> Optimum:
        """Howard's policy iteration: improve on the relative values, solve for those of the improved policy, repeat."""
        if self.gamma or self.axis.count > 1:
            raise Unsolvable("an ergodic market is solved for a penalty, and a price without a state that matters")
        relative, rate = np.zeros((self.axis.size, self.levels)), -np.inf
        guess = np.zeros((*relative.shape, self.width))
        for _ in progress(range(100), "solving", "round"):
            value, guess = self.best(relative, guess, 0)
            _, actions = self.cross(value, guess)
            better, relative[:] = poisson_equation(self.market, actions[None])
            if better - rate <= 1e-12 * abs(better):
                break
            rate = better
        return Optimum(self.market, self.axis, relative[None], actions[None], better)

    def best(self, following: Floats, guess: Floats, step: int) -> tuple[Floats, Floats]:
        """The values (nodes, levels) of the best quotes of a step and their actions, from the values one step later."""
        later, penalty = following.reshape(-1, len(self.axis.held)), self.penalties.after(step + 1)
        ahead = np.ascontiguousarray(self.axis.look_ahead(later, penalty, self.gamma, step))
        value, actions = np.empty(ahead.size), np.ascontiguousarray(guess).reshape(-1).copy()
        self.kernel(
            *self._shapes,
            float(step),
            self.gamma,
            self.discrete,
            self.ways,
            *self.looks,
            ahead.reshape(-1),
            len(self.axis.held),
            self.levels,
            value,
            actions,
        )
        return value.reshape(following.shape), actions.reshape(guess.shape)

    def cross(self, value: Floats, actions: Floats) -> tuple[Floats, Floats]:
        """With market orders: the best number of orders to close first, and the quotes that follow."""
        quote: Any = self.market.quote
        if not self.layered:
            return value, actions
        q = inventory_levels(self.market)
        orders = np.abs(np.rint(q / self.market.order_size)).astype(np.int64)
        best, chosen = np.full_like(value, -np.inf), np.zeros((*actions.shape[:-1], quote.width))
        cost = self.market.order_size * (quote.half_spread + self.market.fees.taker)
        for closed in range(orders.max() + 1):
            level = np.arange(len(q)) - np.sign(q).astype(np.int64) * closed
            allowed = closed <= orders
            level = np.where(allowed, level, 0)
            worth = np.where(allowed, value[:, level] - closed * cost, -np.inf)
            share = np.broadcast_to(closed / np.maximum(orders, 1), worth.shape)
            improved = worth > best
            best = np.where(improved, worth, best)
            whole = np.concatenate([actions[:, level], share[..., None]], axis=-1)
            chosen = np.where(improved[..., None], whole, chosen)
        return best, chosen

    @cached_property
    def ways(self) -> Floats:
        return line_ways(self.quoted)

    @cached_property
    def looks(self) -> tuple[int, Floats]:
        """Points that are looked at along each line first, and actions to start from beside the best of the step after."""
        quoting = self.quoted.quote
        if self.discrete or not is_searched_widely(self.quoted):
            return SCAN, np.zeros((0, self.width))
        return max(SCAN, 4 * self.levels), starts(quoting)

    @property
    def _shapes(self) -> tuple[Any, ...]:
        return record(self.quoted), self.axis.template, (0.0,) * self.width, self.axis.places

    @cached_property
    def kernel(self) -> Any:
        floats = np.zeros(1)
        arguments = (*self._shapes, 0.0, 0.0, 0.0, self.ways, *self.looks, floats, 1, 1, floats, floats)
        return engine.compiled(improve, *arguments)
