"""Loans against a volatile token: the token's price, the oracle that the lender sees it by, and the loan."""

from mm_env.lending.collateral import Collateral
from mm_env.lending.liquidation_stop import LiquidationStop
from mm_env.lending.loan import Loan, LoanTally
from mm_env.lending.oracle import BlockOracle, InstantOracle, Oracle
from mm_env.lending.token import Token

__all__ = ["BlockOracle", "Collateral", "InstantOracle", "LiquidationStop", "Loan", "LoanTally", "Oracle", "Token"]
