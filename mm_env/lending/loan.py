"""The state of a loan against collateral."""

from __future__ import annotations

from typing import NamedTuple

from mm_env.core.maths import scalar


class LoanTally(NamedTuple):
    """What a loan has brought so far; all sums over the episode but `first`."""

    interest: float  # price units
    managed: float  # paid for moves, price units
    forgone: float  # what the posted value would have earned elsewhere, price units
    lost: float  # in liquidations: the worth of what was seized less what was repaid, price units
    liquidations: float
    first: float  # the time of the first liquidation; 0.0 before it
    health: float  # of health factors, at most 20 each, after the steps with a debt
    steps: float  # with a debt


class Loan(NamedTuple):
    """The state of a loan."""

    price: float  # the token's, price units
    oracle: float  # the price that the lender goes by
    collateral: float  # tokens posted
    debt: float  # interest included, price units
    reserve: float  # what may still be moved into the loan, price units
    tally: LoanTally


@scalar
def managed(tally: LoanTally, paid: float, forgone: float) -> LoanTally:
    """The tally after moves that were paid for, and a step of posted collateral."""
    return LoanTally(tally.interest, tally.managed + paid, tally.forgone + forgone, tally.lost, tally.liquidations, tally.first,
                     tally.health, tally.steps)  # fmt: skip


@scalar
def accrued(tally: LoanTally, interest: float) -> LoanTally:
    """The tally after interest has accrued."""
    return LoanTally(tally.interest + interest, tally.managed, tally.forgone, tally.lost, tally.liquidations, tally.first,
                     tally.health, tally.steps)  # fmt: skip


@scalar
def looked_at(tally: LoanTally, called: float, lost: float, time: float, health: float, owes: float) -> LoanTally:
    """The tally after the lender has looked: `called` is 1.0 where it liquidated at `time`, and `owes` where a debt is left."""
    first = time if called > 0.0 and tally.liquidations < 0.5 else tally.first
    return LoanTally(tally.interest, tally.managed, tally.forgone, tally.lost + lost, tally.liquidations + called, first,
                     tally.health + owes * health, tally.steps + owes)  # fmt: skip
