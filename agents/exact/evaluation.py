"""What a tabulated policy is worth, exactly: by recursion over the very process that is simulated, without noise.

Both sides may fill in one step, each with its own probability, at the market's dt, with its limits, fees and jumps. This is
the oracle that the simulator is held to, and what finds the best policy of a class. Where parameters differ by lane,
`worth` and what stands on it take the mean over the lanes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.base import check_one_instrument
from agents.exact.hedged_worth import evaluate_hedged, hedged_appraiser
from agents.exact.nodes import Unsolvable
from agents.exact.objectives import aversion, is_utility, noise_left
from agents.exact.outcomes import Problem, Rows, start_law
from agents.exact.parameter_scenarios import Scenario, nominal_market, scenarios
from agents.exact.price_grid import Axis, axis_of
from agents.exact.reader import Outcome, Reader
from agents.exact.room import announce, levels_of, progress, require_room, ticking
from agents.exact.solvable import check_solvable
from agents.exact.start_worth import mixed_worth, objective_of, start_worth
from agents.exact.sweep import swept
from agents.exact.timed import nodes_told
from agents.exact.wealth import WealthProblem
from agents.exact.wealth_grid import wealth_of
from agents.exact.wealth_worth import appraised, evaluate_wealth
from agents.strategies.fixed import FixedSymmetric, LinearSkew
from mm_env.clock import Ergodic
from mm_env.core import engine
from mm_env.market import Market
from mm_env.quote import Unbounded
from mm_env.reward import CARA
from mm_env.rollout import inventory_levels, with_hedges

Floats = NDArray[np.float64]
NODES = 41  # of the grid of a latent state, where one is needed
_SOLVED = 20.0  # operations a cube of the levels, of least squares
MATRICES = 6  # levels x levels, that the equations of an average reward take


class Moments(NamedTuple):
    """Mean and variance of an episode's sum of rewards."""

    mean: float
    variance: float


@dataclass(frozen=True)
class Evaluation:
    """`value[t, node, level]`: the expected sum of rewards from step t on (InventoryPenalty), or the certainty equivalent of
    the wealth gained from step t on (CARA); (steps + 1, nodes, levels), price units. One node unless the price has a state
    that matters."""

    market: Market
    axis: Axis
    value: Floats
    actions: Floats

    @property
    def worth(self) -> float:
        """The objective, or under CARA the certainty equivalent of the episode's profit, price units."""
        return start_worth(self.market, self.axis, self.value[0])

    @property
    def objective(self) -> float:
        """The expected sum of rewards of an episode, as the simulator counts it."""
        return objective_of(self.market, self.worth)

    @cached_property
    def variance(self) -> float:
        """The variance of an episode's sum of rewards."""
        law, here = start_law(self.market), self.axis.at_start(self.value[0])
        gamma = aversion(self.market)
        if not gamma:
            return float(law @ (self.axis.at_start(_spread(self)) + (here - law @ here) ** 2))
        double = replace(self.market, reward=CARA(2.0 * gamma))  # Var[e^-gamma W] = E[e^-2 gamma W] - E[e^-gamma W]^2
        squared = self.axis.at_start(_evaluated(Problem(double, self.axis), self.actions).value[0])
        pinned = float(here[law > 0].min())  # so that no exponential overflows
        first, second = law @ np.exp(-gamma * (here - pinned)), law @ np.exp(-2.0 * gamma * (squared - pinned))
        return float((second - first**2) * np.exp(-2.0 * gamma * pinned)) / gamma**2


def evaluate(market: Market, actions: Floats, nodes: int = 1) -> Any:
    """The exact value of acting by a table of the market's actions: (steps or 1, levels, width), or (steps or 1, nodes,
    levels, width) if it looks at the state of the price too. An `Evaluation`; a `WealthEvaluation` where the wealth decides,
    and a `HedgedEvaluation` where hedges are held, whose tables may look at these too.

    Raises: Unsolvable if the market's objective has no recursion over (time, inventory) and the axis of its price.
    """
    if market.hedges.names:
        return evaluate_hedged(market, actions, nodes)
    if wealth_of(market):
        return evaluate_wealth(market, actions, nodes)
    check_solvable(market)
    return _evaluated(Problem(market, axis_of(market, nodes)), actions)


def _evaluated(problem: Problem, actions: Floats) -> Evaluation:
    rows, axis = Rows.of(problem, actions), problem.axis
    value = swept(rows)[:, None] if axis.count == 1 else _gathered(rows)
    return Evaluation(problem.market, axis, value.reshape(len(value), axis.size, -1), np.asarray(actions))


def _gathered(rows: Rows) -> Floats:
    """The values (steps + 1, nodes, cells), step by step."""
    problem, axis, steps = rows.problem, rows.problem.axis, rows.problem.market.clock.steps
    values = np.zeros((steps + 1, axis.count, len(axis.held)))
    for step in progress(range(steps - 1, -1, -1), "evaluating", "step"):
        ahead = axis.look_ahead(values[step + 1], problem.penalties.after(step + 1), problem.gamma, step)
        values[step] = _gather(problem, rows.at(step), ahead)
    return values


def evaluate_depths(market: Market, depths: Floats) -> Any:
    """As `evaluate`, for a table (steps or 1, levels, 2) of depths in price units; hedges are let alone."""
    return evaluate(replace(market, quote=Unbounded()), with_hedges(market, depths))


def moments(market: Market, actions: Floats, nodes: int = NODES) -> Moments:
    """Mean and variance of the objective of a table, over noise and over what differs by lane.

    Raises: Unsolvable as `evaluate` does.
    """
    cases = scenarios(market)
    found = [evaluate(case.market, actions, nodes) for case in cases]
    means, weights = np.array([f.objective for f in found]), np.array([case.weight for case in cases])
    mean = float(weights @ means)
    return Moments(mean, float(weights @ (np.array([f.variance for f in found]) + (means - mean) ** 2)))


def inventory_law(market: Market, actions: Floats) -> Floats:
    """P(inventory = level) at each step, (steps + 1, levels), over noise and over what differs by lane."""
    return np.asarray(sum(case.weight * _inventory_law(case.market, actions) for case in scenarios(market)))


def _inventory_law(market: Market, actions: Floats) -> Floats:
    check_solvable(market)
    axis = axis_of(market, NODES if nodes_told(market) else 1)
    steps, rows = market.clock.steps, Rows.of(Problem(market, axis), actions)
    found = np.zeros((steps + 1, axis.venues, len(axis.held) // axis.venues))
    law = axis.begun(start_law(market))
    found[0] = law.sum(axis=0).reshape(found[0].shape)
    for step in progress(range(steps), "law of the inventory", "step"):
        traded = np.zeros_like(law)
        for outcome in rows.at(step):
            for node in range(axis.count):
                at = node % len(outcome.probability)
                np.add.at(traded[node], outcome.level[at], law[node] * outcome.probability[at])
        law = axis.moved_on(traded, step)
        found[step + 1] = law.sum(axis=0).reshape(found[0].shape)
    return found.sum(axis=1)


def average_reward(market: Market, actions: Floats) -> float:
    """The long-run reward per unit of time of a stationary table (1, levels, width), or (1, states of the venue, levels,
    width), price units / time."""
    check_solvable(market)
    if is_utility(market) or axis_of(market, NODES).count > 1:
        raise Unsolvable("an average reward is solved for a penalty, and a price without a state that matters")
    return poisson_equation(market, actions)[0]


def poisson_equation(market: Market, actions: Floats) -> tuple[float, Floats]:
    """(g, h) of a stationary table: h = r - g dt + P h, where h (levels,), or (states of the venue, levels), is 0 at no
    inventory and the state in which an episode starts. g is the reward per unit of time."""
    problem, dt = Problem(market, axis_of(market)), market.clock.step_length
    levels, cells = levels_of(market), len(problem.axis.held)
    require_room(market, "an average reward", MATRICES * cells**2, steps=False, nodes=problem.axis.venues)
    announce(f"solving the equations of {cells:,} inventories", _SOLVED * cells**3)
    outcomes = Rows.of(problem, actions).at(0)
    moves, start = np.zeros((cells, cells)), problem.axis.venue * levels + levels // 2
    for outcome in outcomes:
        np.add.at(moves, (np.arange(cells), outcome.level[0]), outcome.probability[0])
    rewards = _gather(problem, outcomes, problem.axis.look_ahead(np.zeros((1, cells)), problem.penalties.after(1)))[0]
    system = np.eye(cells) - moves
    system[:, start] = dt  # in the place of h at the start, which is zero
    solution = np.linalg.lstsq(system, rewards, rcond=None)[0]
    rate, solution[start] = float(solution[start]), 0.0
    return rate, solution if cells == levels else solution.reshape(-1, levels)


def worth(market: Market, actions: Floats, nodes: int = NODES) -> float:
    """What a table is worth, over what differs by lane too: its exact objective, under CARA its certainty equivalent (price
    units), in an ergodic market the average reward."""
    return appraiser(market, nodes)(actions)


def appraiser(market: Market, nodes: int = NODES) -> Callable[[Floats], float]:
    """`worth` of one table after another: the market is checked and its scenarios are made once.

    Raises: Unsolvable as `evaluate` and `average_reward` do.
    """
    if market.financing.names:
        from agents.exact.financed_optimum import financed_appraiser, without_financing

        return financed_appraiser(market, appraiser(without_financing(market), nodes))
    cases = scenarios(market)
    if market.hedges.names:
        return hedged_appraiser(cases, nodes)
    if wealth_of(market):
        return _wealth_appraiser(cases, nodes)
    for case in cases:
        check_solvable(case.market)
    weights = np.array([case.weight for case in cases])
    if isinstance(market.clock, Ergodic):
        return lambda actions: float(weights @ [average_reward(case.market, actions) for case in cases])
    problems = [Problem(case.market, axis_of(case.market, nodes)) for case in cases]

    def appraise(actions: Floats) -> float:
        worths = [_evaluated(problem, actions).worth for problem in problems]
        return mixed_worth(cases[0].market, weights, np.array(worths))

    return appraise


def _wealth_appraiser(cases: list[Scenario], nodes: int) -> Callable[[Floats], float]:
    """`worth` where the wealth decides."""
    for case in cases:
        check_solvable(case.market, wealth=True)
    problems = [(case.weight, WealthProblem.of(case.market, nodes)) for case in cases]
    return lambda actions: float(sum(weight * appraised(problem, actions).worth for weight, problem in problems))


def best_fixed(market: Market) -> FixedSymmetric:
    """The constant symmetric quotes of the highest exact objective (average reward in an ergodic market)."""
    appraise, levels = _depth_appraiser(market), levels_of(market)
    with engine.settled(), ticking("best constant quotes", "tables") as tick:

        def worth_of(half_spread: float) -> float:
            tick()
            return appraise(np.full((1, levels, 2), half_spread))

        best = _best(worth_of, depth_scale(market))
    return FixedSymmetric(float(best))


def worth_fixed(market: Market, half_spread: float) -> float:
    """What constant symmetric quotes are worth, exactly, as `worth` says."""
    return _depth_appraiser(market)(np.full((1, levels_of(market), 2), half_spread))


def _depth_appraiser(market: Market) -> Callable[[Floats], float]:
    """`appraiser` of tables (steps or 1, levels, 2) of depths, price units, that let hedges alone.

    Raises: ValueError for a desk of several instruments; Unsolvable as `appraiser` does.
    """
    check_one_instrument(market, "an exact value of depths")
    if market.quote.of_pool:
        raise Unsolvable(f"venue: {market.venue.unsolvable}")
    appraise = appraiser(replace(market, quote=Unbounded()))
    return lambda depths: appraise(with_hedges(market, depths))


def best_linear_skew(market: Market) -> LinearSkew:
    """The constant spread and inventory-proportional skew of the highest exact objective."""
    from scipy.optimize import minimize

    appraise = _depth_appraiser(market)
    scale, q = depth_scale(market), inventory_levels(market)

    def loss(x: Floats) -> float:
        half_spread, skew = np.abs(x) * scale
        depths = np.stack([half_spread + skew * q, half_spread - skew * q], axis=-1)[None]
        tick()
        return -appraise(depths)

    start = np.array([best_fixed(market).half_spread / scale, 0.1])
    with engine.settled(), ticking("best linear skew", "tables") as tick:
        found = minimize(loss, start, method="Nelder-Mead", options={"xatol": 1e-5, "fatol": 1e-9})
    half_spread, skew = np.abs(found.x) * scale
    return LinearSkew(float(half_spread), float(skew * market.order_size))


def _best(worth: Callable[[float], float], scale: float) -> float:
    from scipy.optimize import minimize_scalar

    grid = scale * np.linspace(0.0, 12.0, 49)
    middle = int(np.clip(np.argmax([worth(h) for h in grid]), 1, len(grid) - 2))
    bounds = (grid[middle - 1], grid[middle + 1])
    found: Any = minimize_scalar(lambda h: -worth(h), bounds=bounds, method="bounded", options={"xatol": 1e-9 * scale})
    return found.x


def depth_scale(market: Market) -> float:
    """The depth at which fills are about half as likely as at the mid."""
    free = replace(nominal_market(market), quote=Unbounded())
    depths, axis = np.append(0.0, 2.0 ** np.arange(-30.0, 31.0)), axis_of(free)
    table = np.broadcast_to(depths[:, None, None, None], (len(depths), 1, len(axis.held), 2))
    found = Reader(free, axis)(table, np.zeros(len(depths)))
    reached = axis.held[found.level[:, 0]] - axis.held  # (depths, outcomes, cells)
    chance = (found.probability[:, 0] * (reached > 0.0))[..., 0] + (found.probability[:, 0] * (reached < 0.0))[..., -1]
    filled = chance.sum(axis=1)  # the bid at the least inventory, where it is alone, and the ask at the largest
    return float(depths[np.argmax(filled < 0.5 * filled[0])])


def _gather(problem: Problem, outcomes: list[Outcome], ahead: Floats) -> Floats:
    """What each (node, cell) is worth before the outcomes; certainty equivalents c under a utility, by logarithms:
    exp(-gamma c) = sum of P exp(-gamma (cash + c'))."""
    held, gamma = problem.axis.held, problem.gamma
    total = np.full_like(ahead, -np.inf if gamma else 0.0)
    for outcome in outcomes:
        if not gamma:
            total += outcome.probability * (outcome.cash + held[outcome.level] * outcome.jump + outcome.after(ahead))
            continue
        with np.errstate(divide="ignore"):  # the log of a fill that cannot happen
            moved = outcome.cash + held[outcome.level] * outcome.jump + outcome.after(ahead)
            total = np.logaddexp(total, np.log(outcome.probability) - gamma * moved)
    return -total / gamma if gamma else total


def _spread(found: Evaluation) -> Floats:
    """The variance of the sum of rewards from the first step on, (nodes, levels), by the law of total variance.

    With `reward.noise` below 1 fill noise counts for that share only.
    """
    market, axis, steps, share = found.market, found.axis, found.market.clock.steps, noise_left(found.market)
    value = found.value.reshape(steps + 1, axis.count, -1)
    problem = Problem(market, axis)
    rows, q, penalties = Rows.of(problem, found.actions), axis.held, problem.penalties
    spread = np.zeros_like(value[0])
    for step in progress(range(steps - 1, -1, -1), "variance", "step"):
        due = penalties.after(step + 1)
        ahead = axis.look_ahead(value[step + 1], due, step=step)
        noise = axis.spread_ahead(value[step + 1] - (due if len(due) > 1 else 0.0), spread, share, step)
        happens = rows.at(step)
        cash = sum(o.probability * o.cash for o in happens)
        spread = np.zeros_like(ahead)
        for o in happens:
            gained = cash + share * (o.cash - cash) + q[o.level] * o.jump + o.after(ahead) - value[step]
            spread += o.probability * (gained**2 + q[o.level] ** 2 * o.jump_variance + o.after(noise))
    return spread.reshape(found.value[0].shape)
