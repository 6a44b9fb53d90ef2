"""Cash borrowed against a volatile token, which the lender has liquidated where it no longer covers the debt."""

from __future__ import annotations

import math
from typing import Annotated, Any

import numpy as np

from mm_env.action_parts import ActionPart
from mm_env.core.component import rule
from mm_env.core.maths import clip, exp, log
from mm_env.core.noise import FINANCING, Noise, more
from mm_env.core.parameters import AtLeastOne, Interval, NonNegative, Positive, Probability
from mm_env.core.tuples import Numbers
from mm_env.financing import Financing
from mm_env.lending.loan import Loan, LoanTally, accrued, looked_at, managed
from mm_env.lending.oracle import InstantOracle, Oracle
from mm_env.lending.terms import check_market, check_terms, ends
from mm_env.lending.token import Token
from mm_env.portfolio import Portfolio
from mm_env.world import Now

Share = Annotated[float, Interval(0.0, 1.0, low_open=True)]
IDLE, REPAID = 1.0 / 3.0, 2.0 / 3.0  # of an action's number: nearer to 0 it lets the loan alone, and above it repays
_WITHIN = 1e-6  # so that an action in single precision stays what it is
ENDLESS = 1e9  # a reserve that never runs out, price units
_LEAST, _LOW, _HIGH, _MOST = 1e-9, -2.0, 3.0, 20.0  # a debt; ln H as it is shown; a health factor as it is counted


class Collateral(Financing):
    """The health factor is H = threshold (1 - haircut) x collateral x oracle's price / debt. Where a step ends with H < 1, a
    liquidator repays the share `close_factor` of the debt, all of it where less than `least_debt` would be left, and seizes
    tokens worth 1 + bonus times that at the oracle's price. Where there are not so many, it takes all for their worth /
    (1 + bonus), and what debt is left is paid in cash: the loan is with recourse.

    The action's number in [-1, 1] lets the loan alone within 1/3 of 0. From 1/3 to 2/3 it tops up: tokens are bought and posted
    where H is below a target, from `least_health` to `most_health` by its logarithm. From 2/3 to 1 debt is repaid in cash to
    such a target, no further than to `least_debt`; a debt is not raised. From -1/3 to -1 tokens are withdrawn and sold where H
    is above such a target, no further than the debt is `loan_to_value` (1 - haircut) of their worth. A move costs `gas`, and
    the share `cost` of the value of tokens that are bought or sold. It takes effect with probability `inclusion`, and else
    costs nothing; in the first step, in which the loan is opened, it is sure to.

    Cash pays for all of it: wealth is cash + inventory x mid + collateral x price - debt. What is moved into the loan is at
    most `reserve`, to which returns what is withdrawn. Debt grows by e^(interest dt) a step; what is borrowed earns `earning` x
    debt, and posted tokens cost `opportunity` x their worth, which other uses of the funds would earn, both a unit of time and
    as long as there is a debt. With a token that has no jumps, moves that are sure and an oracle that does not lag, who acts
    at each step is hardly ever liquidated.
    """

    token: Token
    collateral: Positive  # tokens posted at the start
    debt: Positive  # at the start, price units
    oracle: Oracle = InstantOracle()
    loan_to_value: Share = 0.75
    threshold: Share = 0.8
    close_factor: Share = 0.5
    bonus: NonNegative = 0.05  # of what a liquidator repays
    haircut: Probability = 0.0  # of the collateral's value, where the lender counts it
    interest: NonNegative = 0.0  # 1 / time
    earning: NonNegative = 0.0  # 1 / time, of the debt
    opportunity: NonNegative = 0.0  # 1 / time, of the collateral's worth
    gas: NonNegative = 0.0  # a move, price units
    cost: NonNegative = 0.0  # a share of what is bought or sold
    inclusion: Share = 1.0  # probability that a move takes effect within its step
    reserve: Positive = ENDLESS  # price units
    least_debt: NonNegative = 0.0  # price units
    least_health: AtLeastOne = 1.0
    most_health: Annotated[float, Interval(1.0, low_open=True)] = 3.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_terms(self)

    @property
    def names(self) -> tuple[str, ...]:
        return ("loan",)

    @property
    def action_parts(self) -> tuple[ActionPart, ...]:
        return (ActionPart("loan", "withdraw < -1/3 < nothing < 1/3 < top up < 2/3 < repay"),)

    @property
    def signals(self) -> tuple[str, ...]:
        return ("health", "debt", *self.oracle.signals)

    @property
    def correlated(self) -> bool:
        """Whether the token moves with the mid in some lane."""
        return ends(self.token.correlation) != (0.0, 0.0)

    @property
    def reads_variance(self) -> bool:
        return self.correlated

    def encode(self, health: Any) -> Any:
        """The action's numbers that top collateral up to these health factors, from `least_health` to `most_health`, or to the
        nearest."""
        return IDLE + (REPAID - IDLE) * self._share(health)

    def encode_withdrawal(self, health: Any) -> Any:
        """The action's numbers that withdraw collateral down to these health factors, or to the nearest."""
        return -IDLE - (1.0 - IDLE) * self._share(health)

    def _share(self, health: Any) -> Any:
        share = np.log(health / self.least_health) / math.log(self.most_health / self.least_health)
        return np.clip(share, _WITHIN, 1.0 - _WITHIN)

    def check(self, market: Any) -> None:
        check_market(self, market)

    @rule
    def start(self) -> Any:
        price = self.token.initial_price
        return Loan(
            price, price, self.collateral, self.debt, self.reserve, LoanTally(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
        )

    @rule
    def moves(self) -> Numbers:
        return (0.0,)

    @rule
    def counted(self) -> float:
        """What a token's worth counts for in the health factor."""
        return self.threshold * (1.0 - self.haircut)

    @rule
    def health_of(self, loan: Any) -> float:
        """The health factor, at most 20; that too where nothing is owed."""
        secured = self.counted() * loan.collateral * loan.oracle
        return min(secured / max(loan.debt, _LEAST), _MOST) if loan.debt > 0.0 else _MOST

    @rule
    def manage(self, account: Portfolio, asked: Numbers, noise: Noise, dt: float, now: Now) -> tuple[Portfolio, Any]:
        loan, number = now.world.financing, clip(asked[0], -1.0, 1.0)
        sure, owes = now.time <= 0.0, 1.0 if loan.debt > 0.0 else 0.0
        taken = (more(noise, FINANCING)[0] < self.inclusion or sure) and owes > 0.0
        health = self.target(self.share_asked(number))
        tokens = self.posted(loan, number, health) if taken else loan.collateral
        repaid = self.repayment(loan, health) if taken and number > REPAID else 0.0
        bought = (tokens - loan.collateral) * loan.price
        moved = tokens != loan.collateral or repaid > 0.0
        paid = (self.gas if moved else 0.0) + self.cost * abs(bought)
        debt, forgone = loan.debt - repaid, owes * self.opportunity * tokens * loan.price * dt
        cash = account.cash - bought - repaid - paid - forgone + self.earning * debt * dt
        reserve, tally = loan.reserve - bought - repaid, managed(loan.tally, paid, forgone)
        after = Loan(loan.price, loan.oracle, tokens, debt, reserve, tally)
        return Portfolio(cash, account.inventory, account.hedges), after

    @rule
    def share_asked(self, number: float) -> float:
        """How far a move goes, from 0 to 1: repaying above `REPAID`, topping up above `IDLE`, withdrawing below -IDLE."""
        risen = (number - REPAID) / (1.0 - REPAID) if number > REPAID else (number - IDLE) / (REPAID - IDLE)
        return (-number - IDLE) / (1.0 - IDLE) if number < -IDLE else risen

    @rule
    def target(self, share: float) -> float:
        """The health factor from `least_health` at 0 to `most_health` at 1, by its logarithm."""
        return self.least_health * exp(share * log(self.most_health / self.least_health))

    @rule
    def posted(self, loan: Any, number: float, health: float) -> float:
        """The tokens that are posted after a move to a health factor, as far as reserve and loan-to-value allow it."""
        wanted = health * loan.debt / (self.counted() * loan.oracle)
        most = loan.collateral + max(loan.reserve, 0.0) / loan.price
        least = loan.debt / (self.loan_to_value * (1.0 - self.haircut) * loan.oracle)
        topped_up = min(max(wanted, loan.collateral), most) if IDLE < number <= REPAID else loan.collateral
        return min(loan.collateral, max(wanted, least)) if number < -IDLE else topped_up

    @rule
    def repayment(self, loan: Any, health: float) -> float:
        """What is repaid to reach a health factor, price units, as far as the reserve and the least debt allow it."""
        left = max(self.counted() * loan.collateral * loan.oracle / health, self.least_debt)
        return clip(loan.debt - left, 0.0, max(loan.reserve, 0.0))

    @rule
    def evolve(
        self, account: Portfolio, state: Any, shock: float, noise: Noise, dt: float, now: Now
    ) -> tuple[Portfolio, Any]:  # fmt: skip
        price = self.token_after(state, shock, noise, dt, now)
        oracle = self.oracle.sees(state.oracle, price, more(noise, FINANCING)[1], dt)
        debt = state.debt * exp(self.interest * dt)
        tally = accrued(state.tally, debt - state.debt)
        return self.liquidate(account, Loan(price, oracle, state.collateral, debt, state.reserve, tally), now.time + dt)

    @rule
    def token_after(self, state: Any, shock: float, noise: Noise, dt: float, now: Now) -> float:
        """The token's price at t + dt, price units."""
        return self.token.move(state.price, shock, noise, dt)

    @rule
    def liquidate(self, account: Portfolio, loan: Any, time: float) -> tuple[Portfolio, Any]:
        """Account and loan after the lender has looked at it, at a time since the episode began."""
        called = 1.0 if self.health_of(loan) < 1.0 else 0.0
        part = self.close_factor * loan.debt
        asked = loan.debt if loan.debt - part < self.least_debt else part
        covered = loan.collateral * loan.oracle / (1.0 + self.bonus)
        exhausted = covered <= asked
        repaid = called * min(asked, covered)
        seized = called * (loan.collateral if exhausted else asked * (1.0 + self.bonus) / loan.oracle)
        short = called * (loan.debt - repaid) if exhausted else 0.0
        over = called > 0.0 and (exhausted or asked >= loan.debt)
        left = Loan(loan.price, loan.oracle, loan.collateral - seized, 0.0 if over else loan.debt - repaid, loan.reserve,
                    loan.tally)  # fmt: skip
        owes = 1.0 if left.debt > 0.0 else 0.0
        tally = looked_at(loan.tally, called, seized * loan.price - repaid, time, self.health_of(left), owes)
        after = Loan(left.price, left.oracle, left.collateral, left.debt, left.reserve, tally)
        return Portfolio(account.cash - short, account.inventory, account.hedges), after

    @rule
    def added(self, wealth: float, now: Now) -> float:
        loan = now.world.financing
        return wealth + loan.collateral * loan.price - loan.debt

    @rule
    def surprised(self, surprise: float, before: Any, after: Any, dt: float) -> float:
        return surprise + before.collateral * (after.price - self.token.expected(before.price, dt))

    @rule
    def closed(self, state: Any, alive: float) -> Any:
        return Loan(state.price, state.oracle, alive * state.collateral, alive * state.debt, state.reserve, state.tally)

    @rule
    def observe(self, now: Now) -> Numbers:
        loan = now.world.financing
        shown = clip(log(max(self.health_of(loan), _LEAST)), _LOW, _HIGH)
        return (shown, loan.debt / self.debt) + self.oracle.observe(loan.oracle, loan.price)
