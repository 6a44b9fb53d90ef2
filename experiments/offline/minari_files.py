"""Minari's data sets: recordings written to one, and read back with the market that they are of.

The metadata hold the market's config (`market`, YAML), the agent's, and the seed of the first episode; each episode has its own
(`seed`): `gymnasium`'s `reset(seed=...)` of the market and the episode's actions give its observations and rewards again.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import DictConfig, OmegaConf

from experiments.config.markets import build
from experiments.config.trusted import check_trusted
from experiments.offline.recorded import Recording
from mm_env.core.extras import require
from mm_env.envs.registration import IDS
from mm_env.markets import market_named

# ruff: noqa: E402  (what is missing is told of before it is imported)
require("a data set of Minari", "minari", "minari", "h5py")
import minari
from minari import MinariDataset
from minari.data_collector import EpisodeBuffer
from minari.dataset.minari_storage import MinariStorage
from minari.storage.datasets_root_dir import get_dataset_path

NAME = re.compile(r"([\w-]+/)*[\w-]+-v\d+")
MARKET, AGENT = "mm_env_market", "mm_env_agent"


def place_of(name: str) -> Path:
    """Where Minari keeps the data set: in MINARI_DATASETS_PATH, or below the home folder.

    Raises: ValueError for what is no name of a data set.
    """
    if not NAME.fullmatch(name):
        raise ValueError(f"dataset must be a name of Minari's, as in mm_env/amzn/glft-v0, got {name!r}")
    return get_dataset_path(name)


def write(
    name: str, market: Any, config: DictConfig, agent: DictConfig, recordings: Iterable[Recording], together: int = 256
) -> MinariDataset:
    """The data set `name`, written: `config` and `agent` describe the market and who acted in it.

    Raises: ValueError where there is one of that name already.
    """
    place = place_of(name)
    if place.exists():
        raise ValueError(f"dataset must be a new name: {place} is there already")
    partial = place.with_name(f".{place.name}.partial")  # Minari never sees one that was cut off
    shutil.rmtree(partial, ignore_errors=True)
    os.makedirs(partial / "data")
    storage = MinariStorage.new(partial / "data", market.observation_space, market.action_space, env_spec_of(market))
    storage.update_metadata(_facts(name, config, agent))
    for batch in _batches(recordings, together):
        storage.update_episodes([_buffer(each) for each in batch])
    os.replace(partial, place)
    return MinariDataset(place / "data")


def read(name: str) -> tuple[MinariDataset, Any]:
    """The data set of that name, and its market.

    Raises: ValueError if there is none, or it does not say what its market is.
    """
    data = place_of(name) / "data"
    if not data.is_dir():
        raise ValueError(f"dataset must be one that is there, got {name!r}: {data} is not")
    dataset = MinariDataset(data)
    return dataset, market_of(dataset)


def market_of(dataset: MinariDataset) -> Any:
    """The market that a data set's episodes are of. Raises: ValueError if it says none, or names what it has no need of."""
    text = dataset.storage.metadata.get(MARKET)
    path = Path(str(dataset.spec.data_path)) / "metadata.json"
    if not isinstance(text, str):
        raise ValueError(f"{path} must have {MARKET}, the config of a market, as experiments.dataset writes it")
    config: Any = OmegaConf.create(text)
    check_trusted(config, path)
    return build(config)


def recordings_of(dataset: MinariDataset) -> Iterator[Recording]:
    """The episodes of a data set."""
    seeds = dataset.storage.get_episode_metadata(dataset.episode_indices)  # pyright: ignore[reportArgumentType]
    for told, one in zip(seeds, dataset.iterate_episodes(), strict=True):
        ends = bool(one.terminations[-1]), bool(one.truncations[-1])
        yield Recording(told["seed"], one.observations, one.actions, one.rewards, *ends)


def env_spec_of(market: Any) -> Any:
    """What `gymnasium.make` makes the market by, if it is one that has an id."""
    import gymnasium as gym

    for name, own in IDS.items():
        if market_named(own) == market:
            return gym.spec(name)
    return None


def _facts(name: str, config: DictConfig, agent: DictConfig) -> dict[str, Any]:
    import mm_env

    said = {MARKET: OmegaConf.to_yaml(config, resolve=True), AGENT: OmegaConf.to_yaml(agent, resolve=True)}
    what = "Episodes of market making by mm_env: episode i is reset(seed=its seed) of the market, played by the agent"
    about: dict[str, Any] = {
        "description": what,
        "author": {"mm_env"},
        "requirements": [f"mm_env=={mm_env.__version__}"],
    }
    about["minari_version"] = minari.__version__
    return {"dataset_id": name, "algorithm_name": str(agent.get("_target_", agent.get("run", ""))), **about, **said}


def _buffer(recording: Recording) -> EpisodeBuffer:
    ends = np.zeros((2, len(recording.rewards)), np.bool_)
    ends[:, -1] = recording.terminated, recording.truncated
    own: Any = {"observations": recording.observations, "actions": recording.actions, "rewards": recording.rewards}
    return EpisodeBuffer(seed=recording.seed, terminations=ends[0], truncations=ends[1], **own)  # pyright: ignore[reportArgumentType]


def _batches(recordings: Iterable[Recording], size: int) -> Iterator[list[Recording]]:
    held: list[Recording] = []
    for one in recordings:
        held.append(one)
        if len(held) == size:
            yield held
            held = []
    if held:
        yield held
