"""Instruments to hedge the inventory by."""

from mm_env.hedging.correlated_asset import CorrelatedAsset
from mm_env.hedging.correlated_hedges import CorrelatedHedges
from mm_env.hedging.idiosyncratic import Idiosyncratic
from mm_env.hedging.perpetual import Perpetual
from mm_env.hedging.portfolio import HedgePortfolio
from mm_env.hedging.traded import Traded

__all__ = ["CorrelatedAsset", "CorrelatedHedges", "HedgePortfolio", "Idiosyncratic", "Perpetual", "Traded"]
