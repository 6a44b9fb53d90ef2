"""Rules by which a maker manages a loan against collateral beside any quoting: let alone, set once, or topped up."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from agents.base import MarketPolicy, Strategy, Table, check_one_instrument
from agents.observed import natural_units
from agents.policy import StrategyPolicy, policy_of
from mm_env.core.parameters import Interval, check_fields
from mm_env.financing import NoFinancing
from mm_env.lending.collateral import Collateral
from mm_env.lending.terms import ends
from mm_env.market import Market

Floats = NDArray[np.float64]
Health = Annotated[float, Interval(1.0)]


class LoanRule(Protocol):
    """The action's number for the loan, from ln H, the debt as a share of the first, and the time left; they broadcast."""

    def numbers(self, market: Market, health: Floats, debt: Floats, time_left: Floats) -> Floats: ...


@dataclass(frozen=True)
class LetAlone:
    """The collateral stays what it is at the start."""

    def numbers(self, market: Market, health: Floats, debt: Floats, time_left: Floats) -> Floats:
        return np.zeros(np.broadcast_shapes(np.shape(health), np.shape(debt), np.shape(time_left)))


@dataclass(frozen=True)
class StaticCollateral:
    """Collateral for a health factor of `target` in the first step, and no move after it: static over-collateralisation."""

    target: Health

    def __post_init__(self) -> None:
        check_fields(self, scalar=True)  # pyright: ignore[reportArgumentType]

    def numbers(self, market: Market, health: Floats, debt: Floats, time_left: Floats) -> Floats:
        health, _, opening = np.broadcast_arrays(health, debt, is_opening(market, time_left))
        return np.where(opening, asked(market, self.target, health), 0.0)


@dataclass(frozen=True)
class ThresholdTopUp:
    """Collateral for a health factor of `target` in the first step, and again whenever it is below `below`."""

    below: Health
    target: Health

    def __post_init__(self) -> None:
        check_fields(self, scalar=True)  # pyright: ignore[reportArgumentType]
        if self.target <= self.below:
            raise ValueError(f"ThresholdTopUp.target must be > below = {self.below:g}, got {self.target:g}")

    def numbers(self, market: Market, health: Floats, debt: Floats, time_left: Floats) -> Floats:
        health, _, opening = np.broadcast_arrays(health, debt, is_opening(market, time_left))
        return np.where(opening | (health < np.log(self.below)), asked(market, self.target, health), 0.0)


@dataclass(frozen=True)
class Financed(MarketPolicy):
    """The quotes of a policy, and the moves of the loan by a rule, in a `market` with a loan against collateral."""

    market: Market
    quoting: Any  # a policy of the market without the loan
    rule: LoanRule

    def __post_init__(self) -> None:
        loan_of(self.market)

    @classmethod
    def of(cls, market: Market, quoting: Any, rule: Any) -> Financed:
        """By a policy, a strategy or what makes either of a market, and a rule or what makes one of the market.

        Raises: ValueError for a market without a loan against collateral.
        """
        loan_of(market)
        own = without_financing(market)
        made = quoting(own) if callable(quoting) else quoting
        policy = StrategyPolicy(made, own) if isinstance(made, Strategy) else policy_of(made, own)
        chosen: Any = rule(market) if callable(rule) else rule
        return cls(market, policy, chosen)

    def act(self, observations: NDArray[np.float32]) -> NDArray[Any]:
        """Actions (n, width) on observations (n, k)."""
        _, time_left = natural_units(self.market, observations)
        numbers = self.rule.numbers(self.market, *loan_shown(self.market, observations), time_left)
        quotes = np.asarray(self.quoting.act(beside_loan(self.market, observations)), np.float64)
        return np.concatenate([quotes.reshape(len(quotes), -1), numbers[:, None]], axis=-1)

    def tabulated(self, market: Market) -> Table | None:
        """The table of its actions, where the rule does not look at the loan."""
        times = market.clock.step_length * np.arange(market.clock.steps, 0, -1.0)
        tried = [self.rule.numbers(self.market, np.array(h), np.array(1.0), times) for h in (-0.5, 0.0, 0.1, 2.0)]
        begun = self.rule.numbers(self.market, np.array(start_health(self.market)), np.array(1.0), times)
        table = self.quoting.tabulated(without_financing(market))
        if table is None or any((end[1:] != begun[1:]).any() for end in tried):
            return None
        actions = np.broadcast_to(table.actions, (len(times), *table.actions.shape[1:]))
        numbers = np.broadcast_to(begun[:, None, None], (*actions.shape[:2], 1))
        own = replace(table.market, financing=self.market.financing)
        return Table(own, np.concatenate([actions, numbers], axis=-1))


def loan_of(market: Market) -> Collateral:
    """The market's loan against collateral. Raises: ValueError where it has none."""
    check_one_instrument(market, "a rule that manages a loan")
    if not isinstance(market.financing, Collateral):
        raise ValueError(
            f"who manages a loan needs a market with one against collateral (Market.financing), got {market.financing}"
        )
    return market.financing


def start_health(market: Market) -> float:
    """ln H at the start of an episode, at the least price where it differs by lane."""
    loan = loan_of(market)
    secured = loan.threshold * (1.0 - loan.haircut) * loan.collateral * ends(loan.token.initial_price)[0]
    return float(np.log(secured / loan.debt))


def without_financing(market: Market) -> Market:
    """The market of a maker whose cash is its own."""
    return replace(market, financing=NoFinancing())


def beside_loan(market: Market, observations: NDArray[np.float32]) -> NDArray[np.float32]:
    """What of observations (n, k) the market without the loan shows."""
    return observations[:, : len(market.observation_names) - len(market.financing.signals)]


def loan_shown(market: Market, observations: NDArray[np.float32]) -> tuple[Floats, Floats]:
    """ln H and the debt as a share of the first, (n,) each, as observations (n, k) show them."""
    names, seen = market.observation_names, observations.astype(np.float64)
    return seen[:, names.index("health")], seen[:, names.index("debt")]


def asked(market: Market, target: float, health: Floats) -> Floats:
    """The action's numbers that move collateral from ln H to a health factor."""
    loan = loan_of(market)
    return np.where(health < np.log(target), loan.encode(target), loan.encode_withdrawal(target))


def is_opening(market: Market, time_left: Floats) -> NDArray[np.bool_]:
    """Whether it is the first step, in which the loan is opened."""
    return np.asarray(time_left) > market.clock.horizon - 0.5 * market.clock.step_length
