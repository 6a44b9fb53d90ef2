"""The resolvers that conf/ uses: what closed forms want to know of a market's config, and names of folders."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import Any

from omegaconf import DictConfig, OmegaConf

from agents.strategies.estimated import BookEstimates, estimate_book
from experiments.config.markets import build
from experiments.runs.sweeps import sub_folder
from mm_env.core.component import record


def volatility(market: DictConfig) -> float:
    """The mid's sigma in price / sqrt(time), where it is one number; of an order book as measured in it."""
    if is_book(market):
        return of_book(market).sigma
    if kind(market.price) == "Geometric":
        raise ValueError("the theory wants sigma in price units, and that of mm_env.Geometric is a share of the price")
    return _one_number(market.price, "sigma", "market.price.sigma", "one volatility of the mid", positive=True)


def is_book(market: DictConfig) -> bool:
    """Whether the venue is an order book."""
    return market.venue._target_.split(".")[-1] in ("Book", "UnnoticedBook", "Replay")


def of_book(market: DictConfig) -> BookEstimates:
    """What the closed forms want to know of an order book."""
    return estimate_book(build(market))


def order_rate(market: DictConfig) -> float:
    """A of lambda(depth) = A exp(-k depth), orders / time of one side, where it is one number."""
    return (
        of_book(market).rate
        if is_book(market)
        else _one_number(market.venue.flow, "rate", "market.venue.flow.rate", "one rate of orders for both sides")
    )


def fill_decay(market: DictConfig) -> float:
    """k of lambda(depth) = A exp(-k depth), 1 / price, where it is one number."""
    if is_book(market):
        return of_book(market).k
    return _one_number(market.venue.fill, "k", "market.venue.fill.k", "fills that decay as exp(-k depth)")


def kind(part: DictConfig) -> str:
    """The name of a part's class."""
    return str(part.get("_target_", "it")).split(".")[-1]


def _one_number(owner: DictConfig, name: str, path: str, wanted: str, positive: bool = False) -> float:
    """A parameter of a part. Raises: ValueError in the theory's words where it is not there, or not one number."""
    if name not in owner:
        has = "each side has its own" if kind(owner) == "Sides" else f"{kind(owner)} has none"
        raise ValueError(f"the theory wants {wanted}, {path}, and {has}")
    value = owner[name]
    if isinstance(value, int | float) and not isinstance(value, bool) and (value > 0 or not positive):
        return value
    got = f"the distribution {kind(value)}" if isinstance(value, DictConfig) else "several" if _listed(value) else value
    raise ValueError(f"the theory wants {path} to be one number{' > 0' * positive}, got {got}")


def _listed(value: Any) -> bool:
    return OmegaConf.is_list(value)


def _penalty(market: DictConfig) -> tuple[str, float]:
    """What the reward says of risk: ("gamma", CARA's) or ("phi", of the inventory penalty)."""
    name = "gamma" if "gamma" in market.reward else "phi"
    wanted = "a risk aversion (gamma, or phi of an inventory penalty)"
    return name, _one_number(market.reward, name, f"market.reward.{name}", wanted)


def risk_aversion(market: DictConfig) -> float:
    """CARA's gamma (1 / price) as the closed forms want it, for inventory in orders: phi = gamma sigma^2 / 2."""
    name, value = _penalty(market)
    return (value if name == "gamma" else 2.0 * value / volatility(market) ** 2) * market.order_size


def running_penalty(market: DictConfig) -> float:
    """phi for inventory in orders; under CARA gamma sigma^2 / 2."""
    name, value = _penalty(market)
    return (value if name == "phi" else 0.5 * value * volatility(market) ** 2) * market.order_size


def terminal_penalty(market: DictConfig) -> float:
    """alpha for inventory in orders."""
    known = "alpha" in market.reward
    alpha = _one_number(market.reward, "alpha", "market.reward.alpha", "one final penalty") if known else 0.0
    return alpha * market.order_size


def mean_jump(market: DictConfig) -> float:
    """The mean jump of the mid after an order, price units; of an impact by depth that of a fill at depth 1/k."""
    impact = market.venue.get("impact")
    if impact is None or kind(impact) == "NoImpact":
        return 0.0
    if "base" in impact:
        return record(build(impact)).mean_at(1.0 / fill_decay(market), 0.0)
    return _one_number(impact, "mean", "market.venue.impact.mean", "one mean jump of the mid after an order")


def strategies(market: DictConfig) -> list[str]:
    """The strategies of conf/agent that are made for dealers, or for order books."""
    return [*STRATEGIES, *(TOUCHING if is_book(market) else EXACT)]


STRATEGIES = (
    "random", "fixed_symmetric", "avellaneda_stoikov", "avellaneda_stoikov_stationary", "glft", "glft_asymptotic",
    "cartea_jaimungal", "cartea_jaimungal_stationary",
)  # fmt: skip
EXACT, TOUCHING = ("best_fixed", "linear_skew"), ("join", "inside", "imbalance")
RESOLVERS: dict[str, Callable[..., Any]] = {
    "strategies": strategies,
    "volatility": volatility,
    "order_rate": order_rate,
    "fill_decay": fill_decay,
    "risk_aversion": risk_aversion,
    "running_penalty": running_penalty,
    "terminal_penalty": terminal_penalty,
    "mean_jump": mean_jump,
    "orders": lambda market: round(market.max_inventory / market.order_size),
    "inverse": lambda x: 1.0 / x,
    "sub_folder": sub_folder,
    "process": lambda: f"{socket.gethostname()}-{os.getpid()}",
}


def register_resolvers() -> None:
    """Teach OmegaConf the functions that conf/ uses."""
    for name, resolver in RESOLVERS.items():
        OmegaConf.register_new_resolver(name, resolver, replace=True)
