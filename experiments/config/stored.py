"""The config that a run left in its folder."""

from __future__ import annotations

from pathlib import Path

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from experiments.config.trusted import check_trusted
from experiments.runs import jobs


def run_config(folder: Path) -> DictConfig:
    """The config that made a trained run. Raises: ValueError if there is none, or it was cut off or damaged."""
    if not (folder / jobs.CONFIG).is_file() or not (folder / "model.zip").is_file():
        raise ValueError(f"a trained run must hold config.yaml and model.zip, got {folder}")
    return stored_config(folder)


def interrupted_config(folder: Path) -> DictConfig:
    """The config of the run in `folder`, set to go on there.

    Raises: ValueError naming the file if it was cut off, or is not that of a training by experiments.train.
    """
    cfg = stored_config(folder)
    if cfg.get("name") != "train":
        raise ValueError(
            f"resume must name the folder of a training by experiments.train, got {folder}: a comparison, a backtest or a "
            "study goes on by its own command with its folder"
        )
    _check_whole(folder, cfg, "title", "seed", "episodes", "evaluation_seed", "watch", "rivals", "resume")
    cfg.resume = str(folder)
    return cfg


def stored_config(folder: Path) -> DictConfig:
    """The config that a run left in `folder`, which names nothing but what `experiments.config.trusted` allows.

    Raises: ValueError naming the file and what is wrong with it.
    """
    path = folder / jobs.CONFIG
    try:
        text = path.read_text(encoding="utf-8")
        cfg = OmegaConf.create(text) if text.endswith("\n") else None
    except (OSError, ValueError, YAMLError, OmegaConfBaseException):
        cfg = None
    if not isinstance(cfg, DictConfig):
        cfg = OmegaConf.create({})
    _check_whole(folder, cfg, "market", "agent")
    check_trusted(cfg, path)
    return cfg


def _check_whole(folder: Path, cfg: DictConfig, *names: str) -> None:
    missing = [name for name in names if name not in cfg]
    if missing:
        raise ValueError(
            f"{folder / jobs.CONFIG} was cut off or damaged ({', '.join(missing)} cannot be read): put a copy of it back, or "
            "begin anew in another folder"
        )


def whole(cfg: DictConfig) -> str:
    """The config as YAML, resolved; as it is where it cannot be, which the task has to refuse by name."""
    try:
        return OmegaConf.to_yaml(cfg, resolve=True)
    except OmegaConfBaseException:
        return OmegaConf.to_yaml(cfg)
