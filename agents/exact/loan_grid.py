"""A loan against collateral on a grid: the logarithm of its health factor, and what is left of its debt."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from agents.exact.nodes import Unsolvable
from mm_env.core.component import differs, leaves, record
from mm_env.lending.collateral import ENDLESS, Collateral
from mm_env.lending.token import Token
from mm_env.price.compound_poisson import counts, log_growth

Floats = NDArray[np.float64]
POINTS = 4  # nodes in a standard deviation of a step's move without jumps
_ROW, _FLOOR = 0.1, 0.02  # between rows of debts, at most, by the logarithm; the least debt that has a row, as a share
_DEEP, _HIGH = 7.0, 4.5  # standard deviations of a step below 0, and of an episode above the highest target
_POINT = 1e-9  # a standard deviation of what has none


@dataclass(frozen=True)
class LoanGrid:
    """Where a loan may be: ln H at `health` (n,), evenly spaced with a node at 0, and debts of the shares `shares` (rows,) of
    an untouched one, from 1 down, whose logarithms are whole spacings of `health` apart, and a whole number of them in what a
    liquidation repays."""

    loan: Any  # the record of a `Collateral`
    dt: float
    steps: int
    health: Floats
    shares: Floats
    by_row: int  # nodes of health between two rows

    @classmethod
    def of(cls, loan: Collateral, dt: float, steps: int, points: int = POINTS, repays: bool = True) -> LoanGrid:
        """The grid of so many nodes a standard deviation of a step; where who has the loan never `repays`, with those debts
        only that liquidations leave. Raises: Unsolvable, saying which part stands in the way."""
        check_loan(loan)
        rules: Any = record(loan)
        sigma, token = rules.token.sigma * math.sqrt(dt), rules.token
        row, by_row = _rows(rules.close_factor, sigma, points, _ROW if repays else math.inf)
        spread = math.hypot(sigma, math.sqrt(2.0) * token.jump_std) if token.jump_rate else sigma
        below = _DEEP * spread + (2.0 * abs(token.jump_mean) if token.jump_rate else 0.0)
        jumped = token.jump_rate * (token.jump_mean**2 + token.jump_std**2)
        total = math.sqrt((token.sigma**2 + jumped) * dt * steps)
        above = math.log(rules.most_health) + _HIGH * total
        dx, least = row / by_row, max(rules.least_debt * math.exp(-rules.interest * dt * steps) / rules.debt, _FLOOR)
        health = dx * np.arange(-math.ceil(below / dx), math.ceil(above / dx) + 1.0)
        return cls(rules, dt, steps, health, np.exp(-row * np.arange(math.ceil(-math.log(least) / row) + 2)), by_row)

    @property
    def zero(self) -> int:
        """The node of health 1."""
        return int(np.abs(self.health).argmin())

    @property
    def start(self) -> float:
        """ln H at the start of an episode."""
        return math.log(self.loan.counted() * self.loan.collateral * self.loan.token.initial_price / self.loan.debt)

    def debts(self, step: float) -> Floats:
        """The debts of the rows at the start of a step, price units."""
        return self.loan.debt * np.exp(self.loan.interest * self.dt * step) * self.shares

    @cached_property
    def secured(self) -> Floats:
        """The worth of the collateral, a unit of debt, (n,)."""
        return np.exp(self.health) / self.loan.counted()

    @cached_property
    def ahead(self) -> tuple[Floats, Floats]:
        """Matrices (n, n) and (n, zero + 1): E[f(ln H after a step)] from each node is the first times f where there is no
        liquidation, and the second times f where there is one, at the nodes up to health 1; f linear between nodes."""
        left, right = _cells(self.health, *move_law(self.loan, self.dt))
        safe, called = np.zeros((len(self.health),) * 2), np.zeros((len(self.health), self.zero + 1))
        safe[:, self.zero : -1] += left[:, self.zero :]
        safe[:, self.zero + 1 :] += right[:, self.zero :]
        called[:, :-1] += left[:, : self.zero]
        called[:, 1:] += right[:, : self.zero]
        lowest, highest = _tails(self.health, *move_law(self.loan, self.dt))
        called[:, 0] += lowest
        safe[:, -1] += highest
        return safe, called


def check_loan(loan: Collateral) -> None:
    """Refuse a loan over which there is no recursion. Raises: Unsolvable."""
    for leaf in leaves(loan):
        if differs(leaf.value):
            raise Unsolvable(f"financing.{leaf.path} differs by lane: {leaf.value}")
    if type(loan) is not Collateral or type(loan.token) is not Token:
        raise Unsolvable(f"financing: the recursion is that of Collateral and Token, got {loan}")
    if loan.oracle.lags:
        raise Unsolvable(f"financing: the oracle's price is a state, over which there is no recursion: {loan.oracle}")
    if loan.reserve < ENDLESS:
        raise Unsolvable(
            f"financing: the reserve may run out, over which there is no recursion (at {ENDLESS:g} it never does), got "
            f"{loan.reserve:g}"
        )
    if loan.token.sigma == 0.0:
        raise Unsolvable("financing: the token's sigma must be > 0 for a grid of its moves, got 0")


def move_law(loan: Any, dt: float) -> tuple[Floats, Floats, Floats]:
    """The move of ln H within a step as a mixture of normals: probabilities, means and standard deviations, (4,) each."""
    token, law = loan.token, counts(loan.token.jump_rate * dt)
    number = np.arange(4.0)
    growth = math.exp(token.jump_mean + 0.5 * token.jump_std**2)
    drift = (token.drift - 0.5 * token.sigma**2 - loan.interest) * dt - log_growth(law, growth)
    spread = np.sqrt(token.sigma**2 * dt + number * token.jump_std**2)
    return np.array(law), drift + number * token.jump_mean, np.maximum(spread, _POINT)


def _rows(close_factor: float, sigma: float, points: int, most: float) -> tuple[float, int]:
    """The logarithm between two rows of debts, at most `most`, and how many nodes of health that is: in proportion to
    `points`, so that grids of twice as many have half the spacing to the bit, which Richardson's extrapolation goes by."""
    repaid = -math.log1p(-close_factor) if close_factor < 1.0 else _ROW
    row = repaid / max(math.ceil(repaid / most), 1)
    return row, points * math.ceil(row / sigma)


def _cells(nodes: Floats, chance: Floats, mean: Floats, spread: Floats) -> tuple[Floats, Floats]:
    """From each node: E[share of the right node; cell] and that of the left, (n, n - 1), left first."""
    width, left, right = nodes[1] - nodes[0], 0.0, 0.0
    for weight, by, std in zip(chance, mean, spread, strict=True):
        z = (nodes[None, :] - nodes[:, None] - by) / std
        cdf, pdf = ndtr(z), np.exp(-0.5 * z**2) / math.sqrt(2.0 * math.pi)
        inside = np.diff(cdf, axis=1)
        above = (-z[:, :-1] * std * inside - std * np.diff(pdf, axis=1)) / width
        left, right = left + weight * (inside - above), right + weight * above
    return np.asarray(left), np.asarray(right)


def _tails(nodes: Floats, chance: Floats, mean: Floats, spread: Floats) -> tuple[Floats, Floats]:
    """From each node, the probabilities of going below the first and above the last, (n,)."""
    low = sum(w * ndtr((nodes[0] - nodes - by) / std) for w, by, std in zip(chance, mean, spread, strict=True))
    high = sum(w * ndtr((nodes + by - nodes[-1]) / std) for w, by, std in zip(chance, mean, spread, strict=True))
    return np.asarray(low), np.asarray(high)
