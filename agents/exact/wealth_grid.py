"""The grid of the account's wealth: what of it a market's best quotes depend on, and the numbers that it may be."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from agents.exact.choices import trial_actions
from agents.exact.nodes import Unsolvable
from agents.exact.outcomes import Problem
from mm_env.core.component import record, rules
from mm_env.core.noise import uniforms
from mm_env.margin import Standing
from mm_env.market import Market
from mm_env.reward import CARA, InventoryPenalty, Outcome, Reward
from mm_env.world import alone

Floats = NDArray[np.float64]
WEALTHS, MOST = 401, 20_001  # nodes of a grid; of a lattice at most
_WIDE = 5.5  # standard deviations of all that the wealth may move by
_WHOLE = 1e-7  # of a lattice's spacing: what rounding may leave of a whole number
_TRIED = 64  # actions
_WILD = [
    (-3.1, 2.0, 0.7),
    (0.4, -1.3, -2.2),
    (11.0, 5.0, 1.5),
]  # wealth change, mid change and surprise that must not count


@dataclass(frozen=True)
class WealthGrid:
    """Evenly spaced wealth: `of` is the running "profit", or minus the "drawdown", which is never above 0; price units."""

    of: str
    lowest: float
    spacing: float
    nodes: int
    lattice: bool = False  # wealth never leaves the nodes, so that nothing is interpolated

    @property
    def values(self) -> Floats:
        """The wealth at each node, (nodes,)."""
        return np.float64(self.lowest) + self.spacing * np.arange(self.nodes, dtype=np.float64)

    def halved(self) -> WealthGrid:
        """The same reach in half as many intervals."""
        half = (self.nodes - 1) // 2
        return replace(self, spacing=self.spacing * (self.nodes - 1) / half, nodes=half + 1)


def is_terminal(market: Market) -> bool:
    """Whether the reward is a utility of the final profit and inventory, and nothing before the end."""
    kind = type(market.reward)
    if rules(kind)["reward"] is rules(CARA)["reward"]:
        return True
    if rules(kind)["reward"] in {rules(known)["reward"] for known in (Reward, InventoryPenalty)}:
        return False
    said = record(market.reward)
    for i in range(8):
        profit, held = (20.0 * (u - 0.5) for u in uniforms(0, i, 0, 0, 0)[:2])
        ends = [said.reward(outcome_of(profit, held, 1.0, wild)) for wild in _WILD]
        if any(said.reward(outcome_of(profit, held, 0.0, wild)) != 0.0 for wild in _WILD) or len(set(ends)) > 1:
            return False
    return True


def outcome_of(profit: float, inventory: float, final: float, wild: tuple[float, ...] = (0.0, 0.0, 0.0)) -> Outcome:
    """The last step of an episode that ends with a profit and an inventory."""
    change, moved, surprise = wild
    return Outcome(change, profit, inventory, moved, surprise, 0.5, final, alone((), 0.0))


def wealth_of(market: Market) -> str:
    """What of the wealth the best quotes depend on: "profit", "drawdown", or "" if on none.

    Raises: Unsolvable where it is both.
    """
    told, utility = set(market.watched), is_terminal(market)
    if (market.may_close and not told) or (
        utility and rules(type(market.reward))["reward"] is not rules(CARA)["reward"]
    ):
        told.add("profit")
    if len(told) > 1 or (told == {"drawdown"} and utility):
        raise Unsolvable("the profit and the drawdown both decide here, and the exact recursion holds one of them")
    return told.pop() if told else ""


def grid_of(problem: Problem, nodes: int = 0, acted: Floats | None = None) -> WealthGrid:
    """The lattice on which the wealth moves, if it does; else `nodes` over what it reaches but by more than 5.5 deviations, and
    not below what every account is closed at.

    Reached by actions all over the space, or by those that are taken: `acted` (rows, cells, width). A space may hold quotes
    that nobody makes, and a grid that reaches as far as they would lead is too coarse for what is done.
    """
    market, of = problem.market, wealth_of(problem.market) or "profit"
    lattice, discrete = None, isinstance(market.quote.space, gym.spaces.Discrete)
    found = _gains(problem, None if discrete else acted)
    down, up = _reach(problem, found)
    if not nodes:
        lattice = _lattice(found, _moves(problem), problem)
    if acted is not None and not discrete:
        down, up = (_rounded_up(down), _rounded_up(up)) if down + up > 0.0 else (1.0, 1.0)
    if lattice:
        gains, most = found.gain[found.probability > 0.0], market.max_inventory * float(np.abs(_moves(problem)).max())
        furthest = market.clock.steps * (most + float(np.abs(gains).max()))
        exact = 2.0 * furthest / lattice < MOST
        low, high = (furthest, furthest) if exact else (down, up)
        first, last = int(np.floor(-low / lattice)) - 2, int(np.ceil(high / lattice)) + 2
        return WealthGrid(of, first * lattice, lattice, last - first + 1, exact)
    nodes, down = nodes or WEALTHS, min(down, _floor(market, of, down))
    high = up if of == "profit" else max(up, down) / np.sqrt(market.clock.steps)
    spacing = (down + high) / (nodes - 1)
    return WealthGrid(of, float(-np.ceil(down / spacing) * spacing), float(spacing), nodes)


def _floor(market: Market, of: str, down: float) -> float:
    """How far the wealth falls before an account without inventory is closed; `down` where it is not, or where what it then has
    is worth more the more it is."""
    if not market.may_close or is_terminal(market):
        return down
    model = record(market)
    now, low, high = model.opening(), -down, 0.0
    if model.margin.holds(standing_at(of, low, 0.0, 0.0), now):
        return down
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if model.margin.holds(standing_at(of, middle, 0.0, 0.0), now) else (middle, high)
    return -low


def standing_at(of: str, wealth: float, held: float, mid: float) -> Standing:
    """What an account is judged by at a node of the grid."""
    return Standing(wealth, max(wealth, 0.0) if of == "profit" else 0.0, abs(held) * mid, abs(held))


class _Gains(NamedTuple):
    """What a step's trades may bring over the mid, by actions all over the space: (actions, outcomes, cells)."""

    probability: Floats
    gain: Floats


def _rounded_up(reach: float) -> float:
    """To a power of 1.1, so that actions that lead as far have one grid."""
    return float(1.1 ** np.ceil(np.log(reach) / np.log(1.1))) if reach > 0.0 else reach


def _gains(problem: Problem, acted: Floats | None = None) -> _Gains:
    market, cells = problem.market, len(problem.axis.held)
    if acted is None:
        actions, space = trial_actions(market, _TRIED), market.quote.space
        if isinstance(space, gym.spaces.Discrete):
            actions = np.arange(float(min(space.n, 4096)))[:, None]
        acted = np.repeat(actions[:, None], cells, axis=1)
    found = problem.reader(acted[:, None], np.zeros(len(acted)))
    if found.jump_variance[found.probability > 0.0].any():
        raise Unsolvable(
            "impact: the recursion over wealth wants more than mean and variance of a jump, unless it is certain"
        )
    gain = found.cash + problem.axis.held[found.level] * found.jump
    return _Gains(found.probability[:, 0], gain[:, 0])


def _moves(problem: Problem) -> Floats:
    """What the mid may move by, of all branches that are certain; NaN among them where one is not."""
    laws = [line.law for lines in (problem.axis.kinds or (problem.axis.lines,)) for line in lines]
    return np.concatenate([np.where(law.variance > 0.0, np.nan, law.mean)[law.probability > 0.0] for law in laws])


def _lattice(found: _Gains, moves: Floats, problem: Problem) -> float | None:
    """The spacing of the lattice that all gains and moves lie on; None if there is none."""
    market = problem.market
    if not isinstance(market.quote.space, gym.spaces.Discrete) or np.isnan(moves).any():
        return None
    gains = np.round(found.gain[found.probability > 0.0], 12)
    steps = np.unique(np.abs(np.concatenate([gains, market.order_size * moves])))
    steps = steps[steps > 1e-12]
    spacing = 0.0
    for step in steps.tolist():
        large, small = max(spacing, step), min(spacing, step)
        while small > 1e-6 * float(steps[-1]):
            large, small = small, abs(large - small * round(large / small))
        spacing = large
    whole = steps / spacing if spacing else np.array([0.5])
    return spacing if (np.abs(whole - np.rint(whole)) < _WHOLE * np.maximum(whole, 1.0)).all() else None


def _reach(problem: Problem, found: _Gains) -> tuple[float, float]:
    """How far the profit may fall and rise within an episode but by 5.5 standard deviations."""
    market, steps = problem.market, problem.market.clock.steps
    laws = [[line.law for line in lines] for lines in (problem.axis.kinds or (problem.axis.lines,))]
    squares = [
        sum(float((law.probability * (law.mean**2 + law.variance)).sum(axis=1).max()) for law in each) for each in laws
    ]
    kinds = problem.axis.kind if problem.axis.kind is not None else np.zeros(steps, np.int64)
    variance = market.max_inventory**2 * float(np.sum(np.array(squares)[kinds]))
    mean = (found.probability * found.gain).sum(axis=1)
    spread = (found.probability * found.gain**2).sum(axis=1) - mean**2
    deviation = _WIDE * np.sqrt(steps * float(spread.max()) + variance)
    falls, rises = max(0.0, -float(mean.min())), max(0.0, float(mean.max()))
    return float(deviation + steps * falls), float(deviation + steps * rises)
