"""Instruments to hedge the inventory by."""

from mm_env.hedging.correlated_asset import CorrelatedAsset
from mm_env.hedging.perpetual import Perpetual
from mm_env.hedging.traded import Traded

__all__ = ["CorrelatedAsset", "Perpetual", "Traded"]
