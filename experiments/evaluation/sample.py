"""The episodes of an evaluation: noise of a seed, or windows of a recorded day; and who has seen them in training."""

# pyright: reportAttributeAccessIssue=false, reportArgumentType=false
# Venues are told apart by what they say of themselves (`happened_once`, `makes_mid`), not by their class.

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from agents.policy import Policy, moved
from experiments.config.markets import build, build_market
from experiments.config.stored import run_config
from mm_env.bootstrap import BLOCK
from mm_env.market import Market
from mm_env.venue.replay.replay import Replay
from mm_env.venue.replay.window import Window

OPTION = "evaluation_window"
CURVE_SEED = 2_000_003  # of the noise of learning curves; no table is made of it


@dataclass(frozen=True)
class Sample:
    """`episodes` of `market`: of the noise of `seed`, or the first windows of a part of a recorded day, each once."""

    market: Market
    episodes: int
    seed: int
    kind: str = "windows"  # of the day: test windows, training windows, or neither

    @property
    def says(self) -> str:
        """What the episodes are, for a title."""
        venue = self.market.venue
        if not venue.happened_once:
            return f"{self.episodes:,} episodes of seed {self.seed}"
        part = (
            f"{venue.window.begins:,g} to {min(venue.window.ends, _length(venue)):,g} s of {venue.recording.instrument}"
        )
        return f"{self.episodes:,} {self.kind} of {venue.span:g} s, {part}"

    @property
    def notes(self) -> list[str]:
        """How intervals are found, where it is not as usual."""
        if not self.market.venue.happened_once:
            return []
        blocks = f"intervals are by block bootstrap over them ({BLOCK} neighbours a block)"
        once = f"Each window of the recorded day is played once, whatever the number of episodes asked for; {blocks}."
        return [once, "P&L is the objective without its penalty for inventory; no_quotes is what never quoting brings."]

    def taking(self, policies: Mapping[str, Policy]) -> dict[str, Policy]:
        """The policies, with all that they learnt or measured elsewhere, in the market of this sample."""
        if not self.market.venue.happened_once:
            return dict(policies)
        return {name: moved(policy, self.market) for name, policy in policies.items()}


@dataclass(frozen=True)
class Origin:
    """What an agent was trained on."""

    market: Market
    seed: int
    lanes: int

    @classmethod
    def of(cls, cfg: DictConfig) -> Origin:
        """That of the run whose config this is."""
        return cls(build_market(cfg), int(cfg.seed), int(cfg.agent.get("num_envs", 1)))


def played_once(market: Market) -> Market:
    """The market as figures are taken in it: the windows of a recorded day one after the other, not drawn at random."""
    venue = market.venue
    return replace(market, venue=replace(venue, window=venue.window.in_turn)) if venue.happened_once else market


def sample(market: Market, episodes: int, seed: int, kind: str = "windows") -> Sample:
    """So many episodes of the market, or as many as a recorded day has windows."""
    market = played_once(market)
    if market.venue.happened_once:
        episodes = min(episodes, len(market.venue.starts))
    return Sample(market, episodes, seed, kind)


def evaluation_sample(
    cfg: DictConfig, market: Market, episodes: int, seed: int, trains: bool = False, place: str = "market"
) -> Sample:
    """The episodes that a main's tables are of: in a recorded day those of cfg.evaluation_window, not of the market's own.

    Where nothing is trained, a window given for the market at `place` on the command line is the one that is meant.

    Raises: ValueError if a command that `trains` would show the windows it trains on as others.
    """
    if not market.venue.happened_once:
        return sample(market, episodes, seed)
    window = _window(cfg, None if not trains and meant(place) else cfg.get(OPTION))
    if window is None:
        return sample(market, episodes, seed, "training windows" if trains else "windows")
    other = replace(market, venue=replace(market.venue, window=window))
    if not overlap(other, market):
        return _found(other, episodes, seed, "test windows")
    if trains:
        raise ValueError(
            f"{OPTION}, {_part(window)}, must hold none of the windows that are trained on, {_part(market.venue.window)}: "
            f"set {OPTION}.begins and .ends, or {OPTION}=null for a table of the windows that are trained on"
        )
    return _found(other, episodes, seed, "windows")


def meant(place: str) -> bool:
    """Whether the command line gives a window to the market at `place`, and none to tables."""
    if not HydraConfig.initialized():
        return False
    given = [re.sub(r"^[+~]+", "", each.split("=")[0]) for each in HydraConfig.get().overrides.task]
    paths = [each.split("@")[-1] for each in given]
    return not any(p.split(".")[0] == OPTION for p in paths) and any(
        p.startswith(f"{place}.venue.window") for p in paths
    )


def seen_in_training(origins: Mapping[str, Origin], shown: Sample, option: str) -> list[str]:
    """A line for each agent that was trained on what it is shown on: the same noise, or the same part of a recorded day."""
    return [
        line
        for name, origin in origins.items()
        for line in (_same_noise(name, origin, shown, option), _same_day(name, origin, shown))
        if line
    ]


def of_runs(entries: Iterable[Any]) -> dict[str, Origin]:
    """The origins of those of `entries` that are folders of trained runs, by the folder's name."""
    folders = [Path(entry) for entry in entries if isinstance(entry, str) and (Path(entry) / "model.zip").is_file()]
    return {folder.name: Origin.of(run_config(folder)) for folder in folders}


def overlap(one: Market, other: Market) -> bool:
    """Whether two markets play some of the same recorded time."""
    a, b = one.venue, other.venue
    return bool(a.happened_once and b.happened_once and a.shares(b))


def _same_noise(name: str, origin: Origin, shown: Sample, option: str) -> str:
    if shown.market.venue.happened_once or origin.seed != shown.seed:
        return ""
    shared = min(origin.lanes, shown.episodes)
    return (
        f"{name} was trained from seed {origin.seed}, which is that of these episodes too: it has met the noise of "
        f"{shared:,} of the {shown.episodes:,} in training. Another {option} shows it on new noise."
    )


def _same_day(name: str, origin: Origin, shown: Sample) -> str:
    if not overlap(origin.market, shown.market):
        return ""
    window: Any = origin.market.venue
    return f"{name} was trained on {_part(window.window)} of this day: these windows are none that it has not seen."


def _window(cfg: DictConfig, config: Any) -> Window | None:
    if isinstance(config, str):
        raise ValueError(f"{OPTION} must describe a window: window@{OPTION}={config} takes that of conf/window")
    window = build(OmegaConf.create(OmegaConf.to_container(config, resolve=True))) if config is not None else None
    if window is not None and not isinstance(window, Window):
        raise TypeError(f"{OPTION} must describe a mm_env.Window, or be null, got {type(window).__name__}")
    return window


def _found(market: Market, episodes: int, seed: int, kind: str) -> Sample:
    try:
        return sample(market, episodes, seed, kind)
    except ValueError as error:
        raise ValueError(f"{error}; {OPTION}.begins and .ends say which part of the day tables are of") from None


def _part(window: Window) -> str:
    return f"{window.begins:,g} to {window.ends:,g} s"


def _length(venue: Replay) -> float:
    return venue.recording.length / 1e9
