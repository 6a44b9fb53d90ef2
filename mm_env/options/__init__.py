"""Prices and greeks of options: scalar functions for rules, tables for the kernel, and exact values in numpy."""

from mm_env.options.bachelier import bachelier
from mm_env.options.black_scholes import CALL, PUT, Greeks, black_scholes
from mm_env.options.hedging_error import derman_kamal, hedging_error_limit, hedging_error_variance
from mm_env.options.heston_integral import HestonGreeks, SquareRootVariance, heston
from mm_env.options.heston_table import HestonTable, heston_option
from mm_env.options.lookback import Marked, fixed_lookback, floating_lookback
from mm_env.options.max_drawdown import max_drawdown_cover, max_drawdown_probability
from mm_env.options.watched_lookback import watched_fixed_lookback, watched_floating_lookback

__all__ = [
    "CALL", "PUT", "Greeks", "HestonGreeks", "HestonTable", "Marked", "SquareRootVariance", "bachelier",
    "black_scholes", "derman_kamal", "fixed_lookback", "floating_lookback", "hedging_error_limit",
    "hedging_error_variance", "heston", "heston_option", "max_drawdown_cover", "max_drawdown_probability",
    "watched_fixed_lookback", "watched_floating_lookback",
]  # fmt: skip
