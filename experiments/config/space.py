"""Search spaces: Optuna's distributions from YAML, and the best trial as an experiment."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf

from experiments.config.search_path import folders, written_to

SHARED = (
    "title",
    "market",
    "agent",
    "episodes",
    "evaluation_seed",
    "evaluation_window",
    "rivals",
    "watch",
)  # of tune and train
NOWHERE = object()


def distributions(cfg: DictConfig) -> dict[str, Any]:
    """Path of a parameter -> the distribution that cfg.space gives it.

    Raises: ValueError for one that is neither a range nor choices, or that the config does not have.
    """
    space = cfg.space if "space" in cfg else {}
    found = dict(_flat(OmegaConf.to_container(space) if space else {}))  # pyright: ignore[reportArgumentType]
    if not found:
        raise ValueError(
            "space must name a parameter to tune: conf/space/AGENT.yaml, or +space.agent.total_steps={...}"
        )
    for path in found:
        if OmegaConf.select(cfg, path, default=NOWHERE) is NOWHERE:
            raise ValueError(f"space must name parameters of the config, got {path}")
    return found


def apply(cfg: DictConfig, params: Mapping[str, Any]) -> DictConfig:
    """The config with the trial's parameters in their places."""
    for path, value in params.items():
        OmegaConf.update(cfg, path, _chosen(value), force_add=True)
    return cfg


def target(cfg: DictConfig) -> Path:
    """Where the best trial goes.

    Raises: ValueError if something else is there, or an experiment cannot say what was overridden.
    """
    _given()
    name = str(cfg.study if cfg.to is None else cfg.to)
    path = Path(name) if name.endswith(".yaml") else written_to("to", "experiment", name)
    if path.is_file() and _mark(cfg) not in path.read_text(encoding="utf-8"):
        raise ValueError(f"to must name a new experiment, or the one that study {cfg.study} left: {path} is another")
    return path


def write_experiment(path: Path, cfg: DictConfig, study: Any) -> None:
    """The best trial, with what else the study was told, as an experiment for `experiments.train`."""
    best, given, count = study.best_trial, _given(), len(study.trials)
    groups = {"override /market": _choice("market"), "override /agent": _choice("agent")}
    groups |= {_group(one): one.value() for one in given if _is_group(one)}
    values = OmegaConf.create({})
    for one in given:
        if not _is_group(one):
            OmegaConf.update(values, one.key_or_group, OmegaConf.select(cfg, one.key_or_group), force_add=True)
    body = OmegaConf.to_container(apply(values, best.params))
    lines = [
        "# @package _global_",
        f"# {_mark(cfg)}, number {best.number} of {count}: {best.value:.6g}",
        f"# python -m experiments.train experiment={path.stem}",
        yaml.safe_dump({"defaults": [{group: option} for group, option in groups.items()]}, sort_keys=False),
        yaml.safe_dump(body, sort_keys=False),
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text("\n".join(lines), encoding="utf-8")
    os.replace(partial, path)


def _given() -> list[Override]:
    """The overrides that an experiment has to repeat. Raises: ValueError for one that it cannot."""
    every = OverridesParser.create().parse_overrides(list(HydraConfig.get().overrides.task))
    given = [one for one in every if one.key_or_group.split(".")[0] in SHARED or _is_group(one)]
    given = [one for one in given if one.key_or_group != "space"]
    left_out = [str(one.input_line) for one in given if one.is_delete()]
    if left_out:
        raise ValueError(f"overrides must leave nothing out, which an experiment cannot, got {', '.join(left_out)}")
    return given


def _is_group(one: Override) -> bool:
    return any((folder / one.key_or_group).is_dir() for folder in folders())


def _group(one: Override) -> str:
    place = f"/{one.key_or_group}" + (f"@{one.package}" if one.package else "")
    return place if one.is_add() else f"override {place}"


def _choice(group: str) -> str:
    return str(HydraConfig.get().runtime.choices[group])


def _mark(cfg: DictConfig) -> str:
    return f"the best trial of study {cfg.study}"


def _flat(space: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for name, inner in space.items():
        place = f"{path}.{name}" if path else str(name)
        if not isinstance(inner, Mapping):
            raise ValueError(f"space.{path or name} must have low and high, or choices, got {dict(space)}")
        if {"low", "high", "choices"} & set(inner):
            yield place, _distribution(place, inner)
        else:
            yield from _flat(inner, place)


def _distribution(place: str, told: Mapping[str, Any]) -> Any:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    try:
        if set(told) == {"choices"}:
            return CategoricalDistribution([c if _scalar(c) else json.dumps(c) for c in told["choices"]])
        whole = isinstance(told["low"], int) and isinstance(told["high"], int)
        return (IntDistribution if whole else FloatDistribution)(**told)
    except (TypeError, ValueError, KeyError) as error:
        raise ValueError(f"space.{place} must have low and high, or choices, got {dict(told)}: {error}") from error


def _scalar(choice: Any) -> bool:
    return choice is None or isinstance(choice, bool | int | float | str)


def _chosen(value: Any) -> Any:
    """A choice that is a list or a mapping, which a study keeps as text, as what it is."""
    return json.loads(value) if isinstance(value, str) and value[:1] in ("[", "{") else value
