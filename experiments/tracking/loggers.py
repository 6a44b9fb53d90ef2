"""The trackers that a config may name."""

from __future__ import annotations

from collections.abc import Iterable

from mm_env.core.extras import require

LOGGERS = ("wandb", "mlflow")  # each the name of its library and of its extra


def check_loggers(loggers: Iterable[str]) -> list[str]:
    """The names, each of a tracker that is installed here. Raises: ValueError for another name, MissingExtra."""
    names = [str(name) for name in loggers]
    for name in names:
        if name not in LOGGERS:
            raise ValueError(f"logger must list trackers of {', '.join(LOGGERS)}, beside TensorBoard, got {name!r}")
        require(f"logger=[{name}]", name, name)
    return list(dict.fromkeys(names))
