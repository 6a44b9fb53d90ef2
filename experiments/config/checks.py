"""Checks of a config or a command line, and what is wrong with it in one line."""

from __future__ import annotations

import re

from hydra.core.hydra_config import HydraConfig
from hydra.errors import InstantiationException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from experiments.runs import jobs
from mm_env.core.extras import MissingExtra
from mm_env.core.parameters import Interval, check
from mm_env.simulation import check_seed

MISTAKES = (  # of the user, or the disk's
    ValueError, TypeError, OmegaConfBaseException, InstantiationException, OSError, jobs.Busy, jobs.Failed, MissingExtra,
)  # fmt: skip


def check_numbers(cfg: DictConfig) -> None:
    """Refuse a number of episodes or a seed that cannot be, before any work."""
    for name in ("seed", "evaluation_seed"):
        if name in cfg:
            check_seed(cfg[name], name)
    if "episodes" in cfg:
        check("episodes", cfg.episodes, Interval(1, 2**31, whole=True))


def check_alone(option: str, *others: str) -> None:
    """Refuse overrides of what `option`, a folder that brings its own config, has settled; `others` are not."""
    keys = {each: re.sub(r"^[+~]+", "", each.split("=")[0]).split("@")[-1] for each in HydraConfig.get().overrides.task}
    given = [each for each, key in keys.items() if key.split(".")[0] not in (option, *others)]
    if given:
        raise ValueError(f"{option} brings its own config and goes without {', '.join(given)}")


def plainly(error: BaseException) -> str:
    """What went wrong, without Hydra's wrapping but with the key it concerns."""
    key = re.search(r"full_key: (\S+)", str(error))
    cause = error.__cause__ if isinstance(error, InstantiationException) and error.__cause__ else error
    lines = str(cause).splitlines() or [type(cause).__name__]
    message = " ".join(lines[:2]) if lines[0].endswith(":") else lines[0]
    message = re.sub(r"^\w+ raised while resolving interpolation: ", "", message)
    message = re.sub(r"^Error in call to target '[\w.]+': ?\w+\(['\"](.*)['\"]\)$", r"\1", message)
    missing = re.match(r"Missing key (\S+)|Interpolation key '(\S+)' not found", message)
    if missing:
        return f"it wants {missing[2] or (key or missing)[1]}, which is not there"
    return f"{key[1]}: {message}" if key else message
