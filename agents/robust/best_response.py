"""The exact best response of an adversary that sets the market to a tabulated market maker: a zero-sum game.

V_t(q) = min over theta in the ranges of E[reward + V_{t+1}(q')], on the very process that is simulated: both sides may fill,
at the market's dt, with its limits and fees. theta is what `Powers` lets the adversary set, knowing time and inventory (and
the maker's quotes, which follow from them).

Do the corners of the ranges suffice? For the drift they do, the value is linear in it. It is quadratic in a Bernoulli rate,
convex where V is concave, so that the lowest rate need not be an end; it is not monotone in k where one quote lies beyond the
mid; and it has a kink where a fill becomes certain. So the ranges are searched: on a grid, along each line from its lowest
point, and unless that is a corner by line searches within line searches over each pair of ranges.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.base import Table
from agents.exact.choices import sends_market_orders
from agents.exact.nodes import Unsolvable
from agents.exact.objectives import Penalties, is_utility
from agents.exact.outcomes import start_law
from agents.exact.price_grid import axis_of
from agents.exact.quote_search import place_at
from agents.exact.reader import read
from agents.exact.room import progress, require_room
from agents.exact.solvable import check_solvable
from agents.robust.adversary import Powers
from agents.robust.worst_case import descend, worth_under
from mm_env.clock import Ergodic
from mm_env.controls import parameter_rows, with_parameters
from mm_env.core import engine
from mm_env.core.component import flat, load, record
from mm_env.market import Market
from mm_env.quote import MarketOrders
from mm_env.rollout import check_table, inventory_levels
from mm_env.state import held_at

Floats = NDArray[np.float64]
SETTABLE = ("price.", "venue.flow.", "venue.fill.", "venue.impact.", "fees.")


@dataclass(frozen=True)
class Response:
    """An adversary's response to a maker's table: `parameters` (steps, levels, n) in natural units, and the maker's expected
    rewards from step t on, `value` (steps + 1, levels), price units."""

    market: Market
    powers: Powers
    value: Floats
    parameters: Floats

    @property
    def objective(self) -> float:
        """The maker's expected sum of rewards over an episode."""
        return float(start_law(self.market) @ self.value[0])

    @property
    def policy(self) -> Table:
        """The adversary as a Policy: its actions in [-1, 1]^n."""
        return Table(self.market, self.powers.actions(self.parameters))


def best_response(market: Market, actions: Floats, powers: Powers) -> Response:
    """The adversary's best response to a maker's table (steps or 1, levels, width) of the market's actions.

    Raises: Unsolvable, saying what stands in the way; ValueError for a table or ranges that the market does not have.
    """
    return BestResponse(market, powers).answer(actions, None)


def evaluate_under(market: Market, actions: Floats, powers: Powers, parameters: Floats) -> Response:
    """What a maker's table is worth where the parameters are set to (n,) or (steps or 1, levels or 1, n), natural units."""
    return BestResponse(market, powers).answer(actions, parameters)


def worst_constant(market: Market, actions: Floats, powers: Powers, points: int = 5) -> Response:
    """The constant parameters at which a maker's table is worth the least.

    Found on the grid of `points` along each range, its corners included, and from its lowest point on by Powell's method.
    """
    from scipy.optimize import minimize

    game = BestResponse(market, powers)

    def worth(action: Floats) -> float:
        return game.answer(actions, powers.parameters(action)).objective

    grid = powers.actions(powers.grid(points))
    lowest = grid[np.argmin([worth(action) for action in grid])]
    found = minimize(worth, lowest, method="Powell", bounds=[(-1.0, 1.0)] * len(lowest), options={"ftol": 1e-10})
    best = min((lowest, np.asarray(found.x)), key=worth)
    return game.answer(actions, powers.parameters(best))


class BestResponse:
    """A market, what the adversary may set in it, and the compiled step of dynamic programming over its levels."""

    def __init__(self, market: Market, powers: Powers) -> None:
        check_game(market, powers)
        self.market, self.powers, self.q = market, powers, inventory_levels(market)
        self.numbers = np.array(list(flat(record(market))))
        rows = [parameter_rows(market, path) for path in powers.ranges]
        self.rows = np.array([row for found in rows for row in found])
        self.owners = np.array([i for i, found in enumerate(rows) for _ in found])
        self.axis = axis_of(market, 3)
        self.penalties = Penalties(market, self.axis)

    def answer(self, actions: Floats, parameters: Floats | None) -> Response:
        """The value of a maker's table under given parameters, or under the worst of them at each step and level if None."""
        table = check_table(self.market, actions)
        if read(self.market, table.reshape(-1, self.market.quote.width))[:, 2].any():
            raise Unsolvable("quote: the game is solved without market orders")
        steps, shape = self.market.clock.steps, (len(self.q), len(self.powers.ranges))
        require_room(self.market, "the best response", (steps + 1.0) * len(self.q) * (1 + shape[1]))
        chosen = np.empty((steps, *shape))
        chosen[:] = self.powers.low if parameters is None else parameters
        value = np.zeros((steps + 1, len(self.q)))
        for step in progress(range(steps - 1, -1, -1), "answering", "step"):
            ahead = self.look_ahead(value[step + 1], step + 1)
            self._step(table[step % len(table)], parameters is None, step, ahead, value[step], chosen[step])
        return Response(self.market, self.powers, value, chosen)

    def look_ahead(self, following: Floats, steps: int) -> Floats:
        """What each level after the fills is worth once `steps` steps are done, but for the mid's expected move: the penalties
        and all that follows."""
        return following - self.penalties.after(steps)[0]

    def _step(self, actions: Floats, search: bool, step: int, ahead: Floats, value: Floats, chosen: Floats) -> None:
        flat_actions = np.ascontiguousarray(actions).reshape(-1)
        fixed = (float(step), self.numbers.copy(), self.rows, self.owners, self.powers.low, self.powers.high)
        self._kernel(*self._shapes, *fixed, search, flat_actions, ahead, value, chosen.reshape(-1))

    @cached_property
    def _shapes(self) -> tuple[Any, ...]:
        return record(self.market), self.axis.template, (0.0,) * self.market.quote.width

    @cached_property
    def _kernel(self) -> Any:
        floats, rows = np.zeros(1), np.zeros(1, np.int64)
        arguments = (*self._shapes, 0.0, floats, rows, rows, floats, floats, False, *(floats,) * 4)
        return engine.compiled(answer_levels, *arguments)


def check_game(market: Market, powers: Powers) -> None:
    """Refuse a market or powers whose game has no exact recursion over (time, inventory) here."""
    powers.check(market)
    check_solvable(market)
    if is_utility(market):
        raise Unsolvable(f"reward: the game is solved for InventoryPenalty, got {market.reward}")
    if isinstance(market.clock, Ergodic):
        raise Unsolvable("clock: the game is solved over a finite horizon, and an ergodic market has none")
    axis = axis_of(market, 3)
    if len(axis.nodes) > 1:
        raise Unsolvable("price: the game is solved for a price without a state that matters")
    if axis.timed:
        raise Unsolvable("price: the game is solved for a price whose moves do not change with the time")
    if isinstance(market.quote, MarketOrders) or sends_market_orders(market):
        raise Unsolvable("quote: the game is solved without market orders")
    strange = [path for path in powers.ranges if not path.startswith(SETTABLE)]
    if strange:
        raise Unsolvable(f"the adversary's {strange[0]} is none of {', '.join(SETTABLE)} that the game is solved for")
    for corner in _corners(market, powers):
        law, rules = axis_of(corner, 3).law, record(corner)
        foreseen = rules.price.expected(0.0, rules.price.start(), market.clock.step_length, rules.opening())
        if not math.isclose(foreseen, float(law.drift[0]), abs_tol=1e-12):
            raise Unsolvable(f"price: its `expected` is not the drift of its `law`, in {corner.price}")


def _corners(market: Market, powers: Powers) -> list[Market]:
    """The market itself, and with each end of what the adversary may set in its price."""
    ends = {path: reach for path, reach in powers.ranges.items() if path.startswith("price.")}
    if not ends:
        return [market]
    grid = Powers(ends).grid(2).tolist()
    return [market, *(with_parameters(market, dict(zip(ends, corner, strict=True))) for corner in grid)]


def answer_levels(
    market: Any, state: Any, action: Any, step: float, numbers: Any, rows: Any, owners: Any, low: Any, high: Any, search: bool,
    actions: Any, ahead: Any, value: Any, chosen: Any,
) -> None:  # fmt: skip
    """The least value of each level and the parameters (n,) that bring it; without `search` that of the `chosen` ones."""
    n, levels, width = low.shape[0], ahead.shape[0], len(action)
    point, trial = np.empty(n), np.empty(n)
    for i in range(levels):
        held = i * market.order_size - market.max_inventory
        place = place_at(market, held_at(state, step, held), ahead, 0, levels, levels, 0.0, 0.0)
        quoted = load(action, actions, i * width, 1)
        setting = (numbers, rows, owners)
        for d in range(n):
            point[d] = chosen[i * n + d]
        if search:
            value[i] = descend(market, quoted, place, setting, low, high, point, trial)
        else:
            value[i] = worth_under(market, quoted, place, setting, point)
        for d in range(n):
            chosen[i * n + d] = point[d]
