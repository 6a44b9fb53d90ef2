"""Swapped parts of a market: each takes of its parameters only those that it has itself."""

from __future__ import annotations

import inspect
import pydoc
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict

from experiments.config.search_path import CONF
from mm_env.core.component import Component, Sides

GROUPS = ("market", "agent")  # whose choices consist of parts


def without_leftovers(cfg: DictConfig, choices: Mapping[str, str], overrides: Iterable[str]) -> DictConfig:
    """`cfg`, its swapped parts rid of the parameters that belong to the parts they replaced.

    A part is swapped where its class is another than in the YAML of the market (or agent) among Hydra's
    `choices`: be it by fill@market.venue.fill=power_law or by market.price._target_=my_models.Heston. What neither that YAML
    nor the class knows is left for the class to refuse.

    Raises: ValueError for a parameter that `overrides` name and the class does not have.
    """
    given = {re.sub(r"^[+]+", "", each.split("=")[0]) for each in overrides}
    for place, group, choice in _chosen(cfg, choices):
        base: DictConfig | None = None
        for path, node, kept in _parts(OmegaConf.select(cfg, place), ""):
            unknown = [str(name) for name in node if not str(name).startswith("_") and name not in kept]
            base = as_written(group, choice) if unknown and base is None else base
            before = OmegaConf.select(base, path) if unknown and base is not None and path else base
            where = f"{place}.{path}" if path else place
            by_class = f"{where}._target_" in given
            if (
                unknown
                and isinstance(before, DictConfig)
                and _is_swapped(before.get("_target_"), node._target_, by_class)
            ):
                _drop(node, [name for name in unknown if name in before], where, kept, given)
    return cfg


def as_written(group: str, choice: str) -> DictConfig:
    """The choice as its YAML has it, without anything from the command line."""
    hydra = GlobalHydra.instance()
    if not hydra.is_initialized():  # a sweep's worker
        with initialize_config_dir(version_base="1.3", config_dir=str(CONF)):
            return as_written(group, choice)
    found = hydra.config_loader().load_configuration(
        f"{group}/{choice}", [], RunMode.RUN, validate_sweep_overrides=False
    )
    return found[group]


def parameters(target: Any) -> list[str] | None:
    """The names of what a class takes; None if it takes any, or is none that can be found, which building it will tell."""
    try:
        taken = inspect.signature(pydoc.locate(target)).parameters.values()  # pyright: ignore[reportArgumentType]
    except Exception:
        return None
    return None if any(p.kind is p.VAR_KEYWORD for p in taken) else [p.name for p in taken]


def _chosen(cfg: DictConfig, choices: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Where in the config a choice of a group stands, the group, and which choice it is."""
    for key, choice in choices.items():
        group, _, place = str(key).partition("@")
        if group in GROUPS and isinstance(choice, str) and OmegaConf.select(cfg, place or group) is not None:
            yield place or group, group, choice


def _parts(node: Any, path: str) -> Iterator[tuple[str, DictConfig, list[str]]]:
    """Every part in and below `node` whose parameters are known by name: path, config, names. From the outside in."""
    if not isinstance(node, DictConfig):
        return
    names = parameters(node.get("_target_"))
    if names is not None:
        yield path, node, names
    for name in [str(key) for key in node]:
        if not OmegaConf.is_missing(node, name) and not OmegaConf.is_interpolation(node, name):
            yield from _parts(node[name], f"{path}.{name}" if path else name)


def _is_swapped(before: Any, now: Any, by_class: bool) -> bool:
    """Whether one class has taken the place of another; a class given by itself only if it can stand in for it, as a price
    for a price: else it is a mistake, and what it does not know says so."""
    if not by_class:
        return before != now
    family, other = _family(pydoc.locate(str(before))), _family(pydoc.locate(str(now)))
    return before != now and (family is other or other is Sides)


def _family(cls: Any) -> type | None:
    """What kind of component a class is: Price, Fill, Reward and so on; None if it is no component."""
    line = cls.__mro__ if isinstance(cls, type) and issubclass(cls, Component) else ()
    return next((base for base in line if Component in base.__bases__), None)


def _drop(node: DictConfig, names: list[str], place: str, kept: list[str], given: set[str]) -> None:
    for name in names:
        if f"{place}.{name}" in given:
            kind = str(node._target_).split(".")[-1]
            raise ValueError(
                f"{place}.{name} is none of the parameters of {kind}, which are {', '.join(kept) or 'none'}"
            )
    with open_dict(node):
        for name in names:
            node.pop(name)
