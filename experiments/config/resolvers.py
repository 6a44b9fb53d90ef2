"""The resolvers that conf/ uses: what closed forms take of a market (`agents.strategies.theory`), and names of folders."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import Any

from hydra.utils import get_class
from omegaconf import DictConfig, OmegaConf

from agents.strategies.theory import theory
from experiments.config.markets import build
from experiments.runs.sweeps import sub_folder
from mm_env.desk.desk import Desk


def asked(quantity: str) -> Callable[[DictConfig], Any]:
    """The resolver of a quantity of `agents.strategies.theory.Theory`, by the market's config."""

    def resolve(market: DictConfig) -> Any:
        return getattr(theory(build(market)), quantity)

    return resolve


def is_book(market: DictConfig) -> bool:
    """Whether the venue is an order book."""
    try:
        return get_class(market.venue._target_).loops == "events"
    except (ImportError, ValueError, AttributeError):  # no venue of that name: building the market says so
        return False


def is_recorded(market: DictConfig) -> bool:
    """Whether the venue is a recorded day."""
    try:
        return bool(get_class(market.venue._target_).happened_once)
    except (ImportError, ValueError, AttributeError):  # no venue of that name: building the market says so
        return False


def is_desk(market: DictConfig) -> bool:
    """Whether it is a desk of several instruments."""
    try:
        return issubclass(get_class(market._target_), Desk)
    except (ImportError, ValueError, AttributeError, TypeError):  # no market of that name: building it says so
        return False


def is_pool(market: DictConfig) -> bool:
    """Whether liquidity is placed in a pool."""
    try:
        return bool(get_class(market.venue._target_).takes_ranges)
    except (ImportError, ValueError, AttributeError):  # no venue of that name: building the market says so
        return False


def strategies(market: DictConfig) -> list[str]:
    """The strategies of conf/agent that are made for dealers, order books, desks or pools; for markets with a hedge or a loan
    against collateral, and channels."""
    if is_desk(market):
        return list(OF_OPTIONS if get_class(market._target_).has_options else OF_DESKS)
    if is_pool(market):
        several = LADDERS if str(market.quote._target_).endswith(".Ranges") else ()
        return [*(DESIGNING if str(market.quote._target_).endswith(".DynamicFee") else PROVIDING), *several]
    if market.get("makers", 1) > 1:
        return [*STRATEGIES, *(TOUCHING if is_book(market) else OF_COMPETITIONS)]
    of_hedge = HEDGING if "hedges" in market and not market.hedges._target_.endswith(".NoHedges") else ()
    of_channel = CHANNEL if "venue" in market and "rebalancing" in market.venue else ()
    of_loan = FINANCED if "financing" in market and not market.financing._target_.endswith(".NoFinancing") else ()
    of_day = RECORDED if is_recorded(market) else ()
    return [*of_day, *STRATEGIES, *(TOUCHING if is_book(market) else EXACT), *of_hedge, *of_channel, *of_loan]


def seated(market: DictConfig) -> list[str]:
    """The strategies of conf/agent that meet in the arena, unless others are named."""
    return ["quadratic_desk", "constant_depths"] if is_desk(market) else list(MEETING)


MEETING = ("competing", "cartea_jaimungal", "fixed_symmetric", "avellaneda_stoikov", "glft")
STRATEGIES = (
    "random", "fixed_symmetric", "avellaneda_stoikov", "avellaneda_stoikov_stationary", "glft", "glft_asymptotic",
    "cartea_jaimungal", "cartea_jaimungal_stationary",
)  # fmt: skip
OF_DESKS = (
    "random", "constant_depths", "quadratic_desk", "internalise_externalise", "all_internalised", "all_externalised",
)  # fmt: skip
OF_COMPETITIONS = ("competing",)
OF_OPTIONS = ("random", "constant_vega", "constant_vega_unhedged", "symmetric_options")
RECORDED = ("no_quotes",)
EXACT, TOUCHING = ("best_fixed", "linear_skew"), ("join", "inside", "imbalance")
CHANNEL = ("channel_fees", "threshold_rebalancing")
PROVIDING = (
    "random", "full_range", "fixed_range", "recentre_on_exit", "cartea_drissi_monga", "patient_range", "hold_outside",
)  # fmt: skip
LADDERS = ("nested_ranges", "ranges_side_by_side")
DESIGNING = ("random", "fixed_fee", "fee_by_mispricing")
HEDGING = ("no_hedge", "full_hedge", "fixed_band")
FINANCED = ("static_collateral", "threshold_top_up")
RESOLVERS: dict[str, Callable[..., Any]] = {
    "strategies": strategies,
    "seated": seated,
    "volatility": asked("sigma"),
    "order_rate": asked("rate"),
    "fill_decay": asked("k"),
    "risk_aversion": asked("gamma"),
    "running_penalty": asked("phi"),
    "terminal_penalty": asked("alpha"),
    "mean_jump": asked("jump"),
    "orders": lambda market: round(market.max_inventory / market.order_size),
    "inverse": lambda x: 1.0 / x,
    "sub_folder": sub_folder,
    "process": lambda: f"{socket.gethostname()}-{os.getpid()}",
}


def register_resolvers() -> None:
    """Teach OmegaConf the functions that conf/ uses."""
    for name, resolver in RESOLVERS.items():
        OmegaConf.register_new_resolver(name, resolver, replace=True)
