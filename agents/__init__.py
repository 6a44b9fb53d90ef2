"""Agents: closed-form strategies, the exact evaluation of any tabulated policy, and reinforcement learners.

The learners (`agents.learning`) import torch, which takes seconds: import them where they are used.
"""

from mm_env.core.extras import require

# ruff: noqa: E402  (what is missing is told of before it is imported)
require("agents", "training", "scipy", "threadpoolctl", "tqdm")
from agents.exact.best_thresholds import best_thresholds
from agents.exact.blind_optimum import BlindOptimum, blind_optimum
from agents.exact.desk import best_constant_depths
from agents.exact.evaluation import best_fixed, best_linear_skew
from agents.exact.financed_optimum import best_static, best_threshold
from agents.policy import Policy, RandomPolicy, Strategy, StrategyPolicy
from agents.strategies.avellaneda_stoikov import (
    AvellanedaStoikov,
    AvellanedaStoikovStationary,
    AvellanedaStoikovSymmetric,
)
from agents.strategies.cartea_jaimungal import CarteaJaimungal, CarteaJaimungalStationary
from agents.strategies.channel_fees import ChannelFees
from agents.strategies.competing import competing
from agents.strategies.delta_bands import DeltaHedge, FixedDeltaBand, Unhedged, WhalleyWilmott
from agents.strategies.delta_rules import HedgeBand, HedgeEvery, HedgeWhalleyWilmott, NoDeltaHedge
from agents.strategies.desk_problem import problem_of
from agents.strategies.desk_rules import AllOutside, ConstantDepths, NoneOutside
from agents.strategies.financing import Financed, LetAlone, StaticCollateral, ThresholdTopUp
from agents.strategies.fixed import FixedSymmetric, LinearSkew
from agents.strategies.glft import GLFT, GLFTAsymptotic
from agents.strategies.hedging import FixedBand, FullHedge, Hedging, NoHedge
from agents.strategies.internalise import InternaliseExternalise
from agents.strategies.options_maker import ConstantVega, OptionsMaker
from agents.strategies.pool import DeltaHedged, FeeRule, Hold, PoolTheory, Provider
from agents.strategies.pool_ladder import Ladder
from agents.strategies.quadratic_desk import QuadraticDesk
from agents.strategies.single_bond import SingleBond
from agents.strategies.theory import Theory, theory
from agents.strategies.threshold_rebalancing import ThresholdRebalancing
from agents.strategies.touch import AtTouch, ImbalanceSkew, NoQuotes
from agents.strategies.tuning import tuned
from agents.strategies.unwind import AlmgrenChriss, twap
from agents.strategies.vega_desk import VegaDesk

__all__ = [
    "GLFT", "AllOutside", "AlmgrenChriss", "AtTouch", "AvellanedaStoikov", "AvellanedaStoikovStationary",
    "AvellanedaStoikovSymmetric", "BlindOptimum", "CarteaJaimungal", "CarteaJaimungalStationary", "ChannelFees",
    "ConstantDepths", "ConstantVega", "DeltaHedge", "DeltaHedged", "FeeRule", "Financed", "FixedBand", "FixedDeltaBand",
    "FixedSymmetric", "FullHedge", "GLFTAsymptotic", "HedgeBand", "HedgeEvery", "HedgeWhalleyWilmott", "Hedging", "Hold",
    "ImbalanceSkew", "InternaliseExternalise", "Ladder", "LetAlone", "LinearSkew", "NoDeltaHedge", "NoHedge", "NoQuotes",
    "NoneOutside",
    "OptionsMaker", "Policy", "PoolTheory", "Provider", "QuadraticDesk", "RandomPolicy", "SingleBond", "StaticCollateral",
    "Strategy", "StrategyPolicy", "Theory", "ThresholdRebalancing", "ThresholdTopUp", "Unhedged", "VegaDesk",
    "WhalleyWilmott", "best_constant_depths", "best_fixed", "best_linear_skew", "best_static", "best_threshold",
    "best_thresholds", "blind_optimum", "competing", "problem_of", "theory", "tuned", "twap",
]  # fmt: skip
