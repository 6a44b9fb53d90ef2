"""The classes that the config of a run's folder may build: a folder can be someone else's, and `_target_` calls by name.

A command line and conf/ are the user's own and may name anything. A config that is read from a folder may name the classes
below, as they are installed here, and nothing else; it may not look anything up either (`${oc.env:...}`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from types import MethodType
from typing import Any

from hydra.utils import get_object
from omegaconf import DictConfig, OmegaConf

import agents
import mm_env
from mm_env.core.component import Component

FUNCTIONS = {
    *(f"numpy.{name}" for name in ("array", "linspace", "logspace", "geomspace", "arange", "full", "repeat", "tile")),
    "agents.best_fixed", "agents.best_linear_skew", "agents.exact.best_fixed", "agents.exact.best_linear_skew",
    "agents.blind_optimum", "agents.best_constant_depths", "mm_env.instruments_of", "mm_env.option_grid",
    "agents.competing", "agents.best_static", "agents.best_threshold", "agents.best_thresholds",
    *(f"agents.Provider.{name}" for name in ("fixed", "full_range", "optimal", "cartea_drissi_monga", "patient")),
    "agents.Ladder.nested", "agents.Ladder.side_by_side", "agents.learning.evolved.cma_es",
}  # fmt: skip
CLASS_OF = "hydra.utils.get_class"  # gives the class itself, of a net say
_SCHEDULES = ("LinearSchedule", "ConstantSchedule", "FloatSchedule")


def check_trusted(config: DictConfig, path: Path) -> None:
    """Refuse a config that names what it has no need of.

    Raises: ValueError naming `path`, the file it came from, and the name in it.
    """
    for value in _values(OmegaConf.to_container(config, resolve=False)):
        if "${" in value:
            raise ValueError(f"{path} must hold values, as a run writes it, got {value!r}")
    for name, target in _targets(OmegaConf.to_container(config, resolve=False)):
        if target not in FUNCTIONS and not _is_trusted(target, path.parent):
            what = "a component, agent, net or schedule that is installed here"
            raise ValueError(f"{path}: {name} must name {what}, got {target}")


def _is_trusted(target: str, folder: Path) -> bool:
    """Whether `target` is the name of a class whose objects do no more than compute, or of its classmethod `of`."""
    if _lies_in(target, folder):
        return False
    try:
        found = get_object(target)
    except Exception:  # there is none, or its module fails
        return False
    owner = found.__self__ if isinstance(found, MethodType) and found.__name__ == "of" else found  # GLFT.of is as GLFT
    return isinstance(owner, type) and (_ours(owner) or _computes(owner))


def _lies_in(target: str, folder: Path) -> bool:
    """Whether its package is a file of the very folder that the config came from."""
    try:
        spec = find_spec(target.split(".")[0])
    except (ImportError, ValueError):
        return False
    places = [spec.origin or "", *(spec.submodule_search_locations or ())] if spec else []
    return any(Path(place).resolve().is_relative_to(folder.resolve()) for place in places if place)


def _ours(found: type) -> bool:
    return any(getattr(package, found.__name__, None) is found for package in (mm_env, agents))


def _computes(found: type) -> bool:
    import torch
    from stable_baselines3.common.buffers import BaseBuffer
    from stable_baselines3.common.noise import ActionNoise

    from agents.learning.learner import Learner

    acts = callable(getattr(found, "depths", None)) or callable(getattr(found, "act", None))  # a strategy, a policy
    kinds = (Component, Learner, torch.nn.Module, torch.optim.Optimizer, BaseBuffer, ActionNoise)
    schedule = found.__module__ == "stable_baselines3.common.utils" and found.__name__ in _SCHEDULES
    return acts or schedule or issubclass(found, kinds)


def _targets(part: Any) -> Iterator[tuple[str, str]]:
    """Every name that building a config would look up, with the key that holds it."""
    if isinstance(part, Mapping) and "_target_" in part:
        target = str(part["_target_"])
        yield ("path", str(part.get("path"))) if target == CLASS_OF else ("_target_", target)
    for inner in part.values() if isinstance(part, Mapping) else part if isinstance(part, list) else ():
        yield from _targets(inner)


def _values(part: Any) -> Iterator[str]:
    if isinstance(part, Mapping):
        for inner in part.values():
            yield from _values(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from _values(inner)
    elif isinstance(part, str):
        yield part
