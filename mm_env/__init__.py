"""A research environment for inventory risk: a market maker's quotes, fills, inventory and what they cost."""

from mm_env import maths, metrics
from mm_env.clock import Clock, Ergodic, EveryEvent, EveryQuoteChange, FiniteHorizon
from mm_env.competing_simulation import CompetingSimulation
from mm_env.controls import Controls, randomised, with_parameters
from mm_env.core.component import Component, Sides, rule
from mm_env.core.maths import scalar
from mm_env.core.noise import Noise, more
from mm_env.core.parameters import (
    Count,
    Integers,
    Listed,
    ListedNonNegative,
    ListedRows,
    LogUniform,
    NonNegative,
    Positive,
    Probability,
    Real,
    Uniform,
)
from mm_env.desk.desk import Desk
from mm_env.desk.instrument import Instrument, Tier
from mm_env.desk.options.desk import OptionsDesk
from mm_env.desk.outside import NoOutside, Outside, OutsideDelta, OutsideRate, OutsideTarget
from mm_env.desk.state import DeskState, Holding
from mm_env.desk.varied import instruments_of
from mm_env.desk_simulation import DeskSimulation
from mm_env.envs.gym import MarketMakingEnv, MarketMakingVectorEnv
from mm_env.envs.manual import manual
from mm_env.envs.registration import register_all
from mm_env.financing import Financing, NoFinancing
from mm_env.hedges import Hedges, NoHedges
from mm_env.hedging import CorrelatedAsset, CorrelatedHedges, HedgePortfolio, Idiosyncratic, Perpetual, Traded
from mm_env.lending import BlockOracle, Collateral, InstantOracle, LiquidationStop, Loan, LoanTally, Oracle, Token
from mm_env.limits import Limits, NoLimits
from mm_env.makers.competition import Competition
from mm_env.makers.desks.competing import CompetingDesks
from mm_env.makers.fire_sale import FireSale, LinearFireSale, NoFireSale, SquareRootFireSale
from mm_env.makers.routing import BestQuote, LogitRouting, Routing
from mm_env.margin import Margin, NoMargin, Open, Standing
from mm_env.margins import DrawdownStop, LeverageLimit, LossLimit, MaintenanceMargin, Margins
from mm_env.market import Market
from mm_env.options.contract import OptionContract, option_grid
from mm_env.options.european_option import EuropeanOption
from mm_env.options.joint import OptionPrices
from mm_env.options.lookback_option import FixedLookback, FloatingLookback, Lookback
from mm_env.options.marks import BlackScholesMarks, HestonMarks, OptionMarks
from mm_env.options.models import Bachelier, BlackScholes, OptionModel
from mm_env.options.option import Option
from mm_env.portfolio import Fees, Portfolio, ProportionalFees
from mm_env.price.bates import Bates, GeometricBates
from mm_env.price.from_path import FromPath
from mm_env.price.gaps import ScheduledGap
from mm_env.price.heston import GeometricHeston, Heston
from mm_env.price.hidden_regimes import HiddenRegimes
from mm_env.price.joint import CovariancePrices, FactorPrices, JointPrices
from mm_env.price.joint_around import CommonVariance, CrossImpact, ExcitingJumps
from mm_env.price.jump_diffusions import GeometricMerton, Kou, Merton
from mm_env.price.jumps import DoubleExponentialJumps, FixedJumps, JumpProcess, Jumps, NormalJumps
from mm_env.price.law import Law
from mm_env.price.models import Binomial, Brownian, FromBook, Geometric, OrnsteinUhlenbeck, Price
from mm_env.price.regime_jumps import RegimeJumps
from mm_env.price.regimes import RegimeSwitching
from mm_env.price.short_term_alpha import ShortTermAlpha
from mm_env.price.variance import FullTruncation, QuadraticExponential, VarianceStep
from mm_env.price.with_jumps import WithJumps, WithRelativeJumps
from mm_env.quote import DepthGrid, Depths, Grid, MarketOrders, Quote, Quoting, Skew, SpreadAndSkew, Touch, View
from mm_env.reward import CARA, AsymmetricDamping, CVaR, InventoryPenalty, Outcome, Reward, VariancePenalty
from mm_env.risk_limits import DrawdownLimits, GapLimits, ReduceOnly, RegimeLimits, SideLimits, Tightest
from mm_env.simulation import Simulation
from mm_env.state import State
from mm_env.stress.stress import Stress
from mm_env.systemic.deleveraging import Deleveraging, EvenLiquidations, LeverageTarget, MarginCalls
from mm_env.systemic.drawn_networks import CorePeripheryNetwork, GeneratedNetwork, RandomNetwork, RingNetwork
from mm_env.systemic.networks import MatrixNetwork, Network
from mm_env.systemic.sale_impact import LinearSaleImpact, SaleImpact, SquareRootSaleImpact
from mm_env.venue.channel.channel import Channel
from mm_env.venue.channel.payments import PaymentSizes
from mm_env.venue.channel.quoting import RebalancingQuotes
from mm_env.venue.channel.rebalancing import ExponentialRebalancing, FixedRebalancing, NoRebalancing, Rebalancing
from mm_env.venue.dealer.by_regime import RegimeFill, RegimeFlow, RegimeImpact
from mm_env.venue.dealer.dealer import Dealer
from mm_env.venue.dealer.fill import Exponential, Fill, Hyperexponential, JohnsonSU, Linear, Logistic, PowerLaw
from mm_env.venue.dealer.flow import Bernoulli, Flow, Poisson
from mm_env.venue.dealer.flows_in_time import HawkesFlow, SeasonalFlow, VolatilityFlow
from mm_env.venue.dealer.impact import ArrivalImpact, DepthImpact, FillImpact, Impact, NoImpact
from mm_env.venue.order_book.book import Book, OrderBook, UnnoticedBook
from mm_env.venue.order_book.ephemeral import EphemerallySelfExciting
from mm_env.venue.order_book.hawkes import Hawkes
from mm_env.venue.order_book.listed_size import ListedSize
from mm_env.venue.order_book.order_flow import OrderFlow
from mm_env.venue.order_book.poisson import ContStoikovTalreja, ZeroIntelligence
from mm_env.venue.order_book.queue_reactive import QueueDependent, QueueReactive
from mm_env.venue.order_book.queue_reactive_hawkes import QueueReactiveHawkes
from mm_env.venue.order_book.size import GeometricSize, OrderSize, UnitSize
from mm_env.venue.pool.blocks import Blocks, FixedBlocks, PoissonBlocks
from mm_env.venue.pool.exploits import Exploits, NoExploits, PoissonExploits
from mm_env.venue.pool.pool import Pool
from mm_env.venue.pool.ranges import DynamicFee, PoolQuoting, Range, RangeGrid
from mm_env.venue.pool.several import Ranges
from mm_env.venue.pool.traders import NoTraders, RandomTraders, SteadyTraders, Traders
from mm_env.venue.replay.answer import Answer, NoAnswer, TransientImpact
from mm_env.venue.replay.position import Exact, Pessimistic, Proportional, QueuePosition
from mm_env.venue.replay.replay import Replay
from mm_env.venue.replay.window import Drawn, InTurn, Window
from mm_env.venue.venue import Chances, Dealt, Trades, Transition, Venue
from mm_env.world import Now, World

__version__ = "0.12.0"

__all__ = [
    "CARA",
    "Answer",
    "ArrivalImpact",
    "AsymmetricDamping",
    "Bachelier",
    "Bates",
    "Bernoulli",
    "BestQuote",
    "Binomial",
    "BlackScholes",
    "BlackScholesMarks",
    "BlockOracle",
    "Blocks",
    "Book",
    "Brownian",
    "CVaR",
    "Chances",
    "Channel",
    "Clock",
    "Collateral",
    "CommonVariance",
    "CompetingDesks",
    "CompetingSimulation",
    "Competition",
    "Component",
    "ContStoikovTalreja",
    "Controls",
    "CorePeripheryNetwork",
    "CorrelatedAsset",
    "CorrelatedHedges",
    "Count",
    "CovariancePrices",
    "CrossImpact",
    "Dealer",
    "Dealt",
    "Deleveraging",
    "DepthGrid",
    "DepthImpact",
    "Depths",
    "Desk",
    "DeskSimulation",
    "DeskState",
    "DoubleExponentialJumps",
    "DrawdownLimits",
    "DrawdownStop",
    "Drawn",
    "DynamicFee",
    "EphemerallySelfExciting",
    "Ergodic",
    "EuropeanOption",
    "EvenLiquidations",
    "EveryEvent",
    "EveryQuoteChange",
    "Exact",
    "ExcitingJumps",
    "Exploits",
    "Exponential",
    "ExponentialRebalancing",
    "FactorPrices",
    "Fees",
    "Fill",
    "FillImpact",
    "Financing",
    "FiniteHorizon",
    "FireSale",
    "FixedBlocks",
    "FixedJumps",
    "FixedLookback",
    "FixedRebalancing",
    "FloatingLookback",
    "Flow",
    "FromBook",
    "FromPath",
    "FullTruncation",
    "GapLimits",
    "GeneratedNetwork",
    "Geometric",
    "GeometricBates",
    "GeometricHeston",
    "GeometricMerton",
    "GeometricSize",
    "Grid",
    "Hawkes",
    "HawkesFlow",
    "HedgePortfolio",
    "Hedges",
    "Heston",
    "HestonMarks",
    "HiddenRegimes",
    "Holding",
    "Hyperexponential",
    "Idiosyncratic",
    "Impact",
    "InTurn",
    "InstantOracle",
    "Instrument",
    "Integers",
    "InventoryPenalty",
    "JohnsonSU",
    "JointPrices",
    "JumpProcess",
    "Jumps",
    "Kou",
    "Law",
    "LeverageLimit",
    "LeverageTarget",
    "Limits",
    "Linear",
    "LinearFireSale",
    "LinearSaleImpact",
    "LiquidationStop",
    "Listed",
    "ListedNonNegative",
    "ListedRows",
    "ListedSize",
    "Loan",
    "LoanTally",
    "LogUniform",
    "Logistic",
    "LogitRouting",
    "Lookback",
    "LossLimit",
    "MaintenanceMargin",
    "Margin",
    "MarginCalls",
    "Margins",
    "Market",
    "MarketMakingEnv",
    "MarketMakingVectorEnv",
    "MarketOrders",
    "MatrixNetwork",
    "Merton",
    "Network",
    "NoAnswer",
    "NoExploits",
    "NoFinancing",
    "NoFireSale",
    "NoHedges",
    "NoImpact",
    "NoLimits",
    "NoMargin",
    "NoOutside",
    "NoRebalancing",
    "NoTraders",
    "Noise",
    "NonNegative",
    "NormalJumps",
    "Now",
    "Open",
    "Option",
    "OptionContract",
    "OptionMarks",
    "OptionModel",
    "OptionPrices",
    "OptionsDesk",
    "Oracle",
    "OrderBook",
    "OrderFlow",
    "OrderSize",
    "OrnsteinUhlenbeck",
    "Outcome",
    "Outside",
    "OutsideDelta",
    "OutsideRate",
    "OutsideTarget",
    "PaymentSizes",
    "Perpetual",
    "Pessimistic",
    "Poisson",
    "PoissonBlocks",
    "PoissonExploits",
    "Pool",
    "PoolQuoting",
    "Portfolio",
    "Positive",
    "PowerLaw",
    "Price",
    "Probability",
    "Proportional",
    "ProportionalFees",
    "QuadraticExponential",
    "QueueDependent",
    "QueuePosition",
    "QueueReactive",
    "QueueReactiveHawkes",
    "Quote",
    "Quoting",
    "RandomNetwork",
    "RandomTraders",
    "Range",
    "RangeGrid",
    "Ranges",
    "Real",
    "Rebalancing",
    "RebalancingQuotes",
    "ReduceOnly",
    "RegimeFill",
    "RegimeFlow",
    "RegimeImpact",
    "RegimeJumps",
    "RegimeLimits",
    "RegimeSwitching",
    "Replay",
    "Reward",
    "RingNetwork",
    "Routing",
    "SaleImpact",
    "ScheduledGap",
    "SeasonalFlow",
    "ShortTermAlpha",
    "SideLimits",
    "Sides",
    "Simulation",
    "Skew",
    "SpreadAndSkew",
    "SquareRootFireSale",
    "SquareRootSaleImpact",
    "Standing",
    "State",
    "SteadyTraders",
    "Stress",
    "Tier",
    "Tightest",
    "Token",
    "Touch",
    "Traded",
    "Traders",
    "Trades",
    "TransientImpact",
    "Transition",
    "Uniform",
    "UnitSize",
    "UnnoticedBook",
    "VariancePenalty",
    "VarianceStep",
    "Venue",
    "View",
    "VolatilityFlow",
    "Window",
    "WithJumps",
    "WithRelativeJumps",
    "World",
    "ZeroIntelligence",
    "instruments_of",
    "manual",
    "maths",
    "metrics",
    "more",
    "option_grid",
    "randomised",
    "rule",
    "scalar",
    "with_parameters",
]  # fmt: skip

register_all()
