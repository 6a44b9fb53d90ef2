"""The exact optimum of a market with a loan against collateral: the best quotes, and beside them the best moves of the loan.

The sum of rewards is that of quoting and that of the loan. Where a penalty of inventory is all that the reward minds, no
account is closed and the token's moves are alike whatever is quoted, the one depends on the quotes alone and the other on
the moves of the loan, so that the best of both is the best of each: the optimum of the market without the loan, and a
dynamic programme over the health factor and the debt. That the token moves with the mid changes nothing, as long as its own
moves stay normal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.base import MarketPolicy
from agents.exact import optimum_cache as stored
from agents.exact.loan_grid import POINTS, LoanGrid, check_loan
from agents.exact.loan_recursion import LoanWorth, best_moves, follow
from agents.exact.nodes import Unsolvable
from agents.exact.objectives import is_utility
from agents.observed import natural_units
from agents.strategies.financing import (
    LetAlone,
    LoanRule,
    StaticCollateral,
    ThresholdTopUp,
    beside_loan,
    loan_of,
    loan_shown,
    without_financing,
)
from mm_env.lending.terms import moves_normally
from mm_env.market import Market
from mm_env.reward import InventoryPenalty, VariancePenalty

Floats = NDArray[np.float64]
_REWARDS = (InventoryPenalty, VariancePenalty)
_SAFETY = 3.0  # of what the worth loses to the grid's spacing
_STATIC, _PAIRS, _ROUNDS = 25, 7, 3  # levels, levels of each of two, and finer and finer searches
_SEARCHED = 2  # points of the grid that levels are searched on


@dataclass(frozen=True)
class FinancedOptimum(MarketPolicy):
    """The best quotes of a market without its loan, `quoting`, and the best moves of the loan, `moves`.

    `loan` is what the loan is worth with them, price units, and `error` how far the objective may be off for the grids.
    """

    market: Market
    quoting: Any
    moves: LoanWorth
    loan: float
    error: float

    @property
    def worth(self) -> float:
        """The objective: the expected sum of rewards of an episode, price units."""
        return self.quoting.worth + self.loan

    @property
    def objective(self) -> float:
        return self.worth

    @property
    def rate(self) -> None:
        return None

    def act(self, observations: NDArray[np.float32]) -> NDArray[Any]:
        """The best actions (n, width) at observations (n, k); the loan's are those of the nearest node."""
        quotes = np.asarray(self.quoting.act(beside_loan(self.market, observations)), np.float64)
        numbers = loan_numbers(self.moves, self.market, observations)
        return np.concatenate([quotes.reshape(len(quotes), -1), numbers[:, None]], axis=-1)


@dataclass(frozen=True)
class SavedMoves:
    """The best moves, what they are worth, and how far that may be off: what is kept on disk."""

    moves: LoanWorth
    loan: float
    error: float
    name: str

    def save(self, path: Path) -> bool:
        """Write it to a file; False where it cannot be written, as on a full disk."""
        arrays = {"value": self.moves.value, "numbers": self.moves.numbers, "loan": self.loan, "error": self.error}
        return stored.write(path, {key: np.asarray(each) for key, each in {**arrays, "market": self.name}.items()})

    @classmethod
    def load(cls, path: Path, grid: LoanGrid, name: str) -> SavedMoves:
        """What `save` wrote, to the bit. Raises: ValueError if the file is damaged, or of another loan."""
        found = stored.read(path)
        if found is None or str(found.get("market")) != name:
            raise ValueError(f"{path} must hold the best moves of this loan, solved by this code")
        worth = LoanWorth(grid, found["value"], found["numbers"])
        return cls(worth, float(found["loan"]), float(found["error"]), name)


def financed_optimum(market: Market, solve: Callable[[Market], Any], kept_from: float) -> FinancedOptimum:
    """The optimum of a market with a loan; `solve` finds that of one without. Raises: Unsolvable, saying what stands in the
    way."""
    check_financed(market)
    quoting = solve(without_financing(market))
    grid = grid_of(market)
    name = stored.fingerprint(market.financing, grid.dt, grid.steps, POINTS, program=(_moves,))
    found = stored.kept(
        market.financing,
        name,
        lambda path: SavedMoves.load(path, grid, name),
        lambda: _moves(market, name),
        kept_from,
    )
    return FinancedOptimum(market, quoting, found.moves, found.loan, quoting.error + found.error)


def _moves(market: Market, name: str) -> SavedMoves:
    """The best moves on the grid; their worth by Richardson's extrapolation from it and one twice as coarse."""
    found, coarse = best_moves(grid_of(market)), best_moves(grid_of(market, POINTS // 2))
    beyond = (found.worth - coarse.worth) / 3.0
    return SavedMoves(found, found.worth + beyond, abs(beyond) / _SAFETY, name)


def grid_of(market: Market, points: int = POINTS, repays: bool = True) -> LoanGrid:
    """The grid of the market's loan, of so many points a standard deviation of a step."""
    return LoanGrid.of(loan_of(market), market.clock.step_length, market.clock.steps, points, repays)


def check_financed(market: Market) -> None:
    """Refuse a market whose quoting and loan do not separate, or whose loan has no recursion. Raises: Unsolvable."""
    try:
        loan = loan_of(market)
    except ValueError as error:
        raise Unsolvable(f"financing: {error}") from None
    check_loan(loan)
    if market.may_close or market.watched:
        raise Unsolvable(
            f"margin: an account that may be closed loses its quoting with its loan, over which there is no recursion, got "
            f"{market.margin}, {market.limits} and {market.reward}"
        )
    if is_utility(market) or type(market.reward) not in _REWARDS:
        raise Unsolvable(
            f"reward: it minds quoting and loan together, over which there is no recursion: {market.reward}"
        )
    if loan.correlated and not moves_normally(market.price):
        raise Unsolvable(
            f"financing: the token moves with a mid whose moves are not normal, so that its own are not: {market.price}"
        )


def loan_numbers(moves: LoanWorth, market: Market, observations: NDArray[np.float32]) -> Floats:
    """The action's numbers for the loan (n,) at observations (n, k): those of the nearest node."""
    grid, (health, debt) = moves.grid, loan_shown(market, observations)
    _, time_left = natural_units(market, observations)
    step = np.clip(grid.steps - np.rint(time_left / grid.dt).astype(np.int64), 0, grid.steps - 1)
    share = np.log(np.maximum(debt, 1e-12)) - grid.loan.interest * grid.dt * step
    row = np.clip(np.rint(share / np.log(grid.shares[1])).astype(np.int64), 0, len(grid.shares) - 1)
    node = np.rint((health - grid.health[0]) / (grid.health[1] - grid.health[0])).astype(np.int64)
    found = moves.numbers[step, row, np.clip(node, 0, len(grid.health) - 1)].astype(np.float64)
    return np.where(debt > 0.0, found, 0.0)


def rule_worth(market: Market, rule: LoanRule, points: int = POINTS) -> float:
    """What a rule that never repays makes of the market's loan, price units: exactly, by Richardson's extrapolation."""
    fine, coarse = (_worth_on(grid_of(market, n, False), market, rule) for n in (points, points // 2))
    return fine + (fine - coarse) / 3.0


def _worth_on(grid: LoanGrid, market: Market, rule: LoanRule) -> float:
    return follow(grid, lambda health, debt, left: rule.numbers(market, health, debt, np.array(left))).worth


@cache
def best_static(market: Market) -> StaticCollateral:
    """The initial level of collateral of the highest exact worth, for an agent that never moves it afterwards."""
    grid = _searched(market)
    low, high = grid.loan.least_health, grid.loan.most_health
    best, most = low, -np.inf
    for _ in range(_ROUNDS):
        levels = np.linspace(low, high, _STATIC)
        worths = [_worth_on(grid, market, StaticCollateral(float(level))) for level in levels]
        place = int(np.argmax(worths))
        if worths[place] > most:
            best, most = float(levels[place]), worths[place]
        low, high = levels[max(place - 1, 0)], levels[min(place + 1, _STATIC - 1)]
    return StaticCollateral(best)


@cache
def best_threshold(market: Market) -> ThresholdTopUp:
    """The threshold and the target of the highest exact worth, for an agent that tops collateral up by them."""
    grid, most, best = _searched(market), -np.inf, (1.05, 1.2)
    highest = grid.loan.most_health
    lowest = grid.loan.least_health
    below, above = (1.0, min(1.5, highest)), (lowest, highest)
    for _ in range(_ROUNDS):
        lows, highs = np.linspace(*below, _PAIRS), np.linspace(*above, _PAIRS)
        for pair in [(float(a), float(b)) for a in lows for b in highs if b > a]:
            worth = _worth_on(grid, market, ThresholdTopUp(*pair))
            if worth > most:
                most, best = worth, pair
        below = _around(best[0], lows[1] - lows[0], 1.0, highest)
        above = _around(best[1], highs[1] - highs[0], lowest, highest)
    return ThresholdTopUp(*best)


def _around(middle: float, width: float, lowest: float, highest: float) -> tuple[float, float]:
    return max(middle - width, lowest), min(middle + width, highest)


def _searched(market: Market) -> LoanGrid:
    check_financed(market)
    return grid_of(market, _SEARCHED, False)


def static_gain(market: Any) -> float:
    """What the best static collateral is worth more than what is posted at the start, price units; 0 without a loan."""
    if not market.financing.names:
        return 0.0
    return rule_worth(market, best_static(market)) - rule_worth(market, LetAlone())


def financed_appraiser(market: Market, quoting: Callable[[Floats], float]) -> Callable[[Floats], float]:
    """What tables of actions (steps or 1, levels, width) are worth, by an appraiser of those of the market without the loan.

    Raises: Unsolvable for one whose moves of the loan depend on the inventory.
    """
    check_financed(market)
    known = cache(lambda by_step: rule_worth(market, _Timed(by_step)))

    def appraise(actions: Floats) -> float:
        numbers = np.asarray(actions)[..., -1]
        if (numbers != numbers[:, :1]).any():
            raise Unsolvable("a table that moves the loan by the inventory has no exact worth")
        return quoting(actions[..., :-1]) + known(tuple(numbers[:, 0].tolist()))

    return appraise


@dataclass(frozen=True)
class _Timed:
    """Numbers by step, whatever the loan."""

    by_step: tuple[float, ...]

    def numbers(self, market: Market, health: Floats, debt: Floats, time_left: Floats) -> Floats:
        steps_left = np.rint(np.asarray(time_left) / market.clock.step_length).astype(np.int64)
        step = np.clip(market.clock.steps - steps_left, 0, len(self.by_step) - 1)
        number = np.array(self.by_step)[step]
        return np.broadcast_to(number, np.broadcast_shapes(np.shape(health), np.shape(debt), np.shape(time_left)))
