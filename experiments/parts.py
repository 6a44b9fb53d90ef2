"""A part of a market that is swapped for another takes its own parameters only."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from omegaconf import DictConfig, OmegaConf, open_dict

CONF = Path(__file__).parents[1] / "conf"


def without_leftovers(cfg: DictConfig, choices: Mapping[str, str], overrides: Iterable[str]) -> DictConfig:
    """`cfg`, where Hydra's `choices` swap a part that a market names, without the parameters of the part that it replaced.

    A market's own values go to the part it was written for: with quote@market.quote=touch, what it says of a half-spread has
    nowhere to go. What `overrides` name stays, to be refused by name where the new part does not know it.
    """
    given = {re.sub(r"^[+~]+", "", each.split("=")[0]) for each in overrides}
    for package, part in ((package, part) for package, name in markets(choices) for part in parts(name)):
        group, place, default = part
        where = f"{package}.{place}"
        chosen, node = choices.get(f"{group}@{where}", default), OmegaConf.select(cfg, where)
        if chosen == default or node is None:
            continue
        left = parameters(group, default) - parameters(group, chosen)
        with open_dict(cfg):
            for name in (name for name in left if name in node and f"{where}.{name}" not in given):
                del node[name]
    return cfg


def markets(choices: Mapping[str, str]) -> list[tuple[str, str]]:
    """Where there are markets in a config, and their names in conf/market."""
    split = {key: key.partition("@") for key in choices}
    return [(package or group, choices[key]) for key, (group, _, package) in split.items() if group == "market"]


def parts(market: str) -> list[tuple[str, str, str]]:
    """The parts of a market that conf/market names: group, place and name."""
    listed = [dict(each) for each in _read("market", market).get("defaults", []) if isinstance(each, Mapping)]
    split = [(key.lstrip("/").partition("@"), str(name)) for each in listed for key, name in each.items()]
    return [(group, place, name) for (group, _, place), name in split if place]


def parameters(group: str, name: str) -> set[str]:
    """What conf/`group`/`name`.yaml sets."""
    return {str(key) for key in _read(group, name)} - {"_target_", "defaults"}


def _read(group: str, name: str) -> DictConfig:
    path = CONF / group / f"{name}.yaml"
    found = OmegaConf.load(path) if path.is_file() else OmegaConf.create()
    assert isinstance(found, DictConfig)
    return found
