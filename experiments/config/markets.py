"""Components and markets built from a config."""

from __future__ import annotations

from typing import Any

from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from mm_env.desk.desk import Desk
from mm_env.makers.competition import Competition
from mm_env.makers.desks.competing import CompetingDesks
from mm_env.market import Market


def build(config: Any) -> Any:
    """The object that a config describes."""
    return instantiate(config, _convert_="all")


def build_market(cfg: DictConfig) -> Any:
    """cfg.market as a Market, or as a Desk."""
    market = build(cfg.market)
    if not isinstance(market, Market | Desk):
        raise TypeError(f"market must describe a mm_env.Market, got {type(market).__name__}")
    return market


def recorded_market(cfg: DictConfig) -> Market:
    """cfg.recorded as a Market."""
    market = build(OmegaConf.create(OmegaConf.to_container(cfg, resolve=True)).recorded)
    if not isinstance(market, Market) or not market.venue.happened_once:
        raise ValueError(f"recorded must describe a market whose venue is a Replay, got {market}")
    return market


def build_makers(cfg: DictConfig) -> Any:
    """The market of several makers that `cfg.market` describes: a Competition, or CompetingDesks.

    Raises: TypeError for any other.
    """
    market = build_market(OmegaConf.create({"market": cfg.market}))
    if not isinstance(market, Competition | CompetingDesks):
        raise TypeError(
            f"market must be a mm_env.Competition, of several makers, got a {type(market).__name__}; of desks it is "
            "CompetingDesks"
        )
    return market
