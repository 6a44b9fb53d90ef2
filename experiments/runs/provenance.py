"""Provenance of a result: the code, the packages, the machine and the moment."""

from __future__ import annotations

import os
import platform
import socket
import subprocess
from datetime import datetime
from functools import cache
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def provenance() -> dict[str, Any]:
    """Commit (None outside a checkout), whether it was changed since, package versions, host, process and start."""
    return {
        "commit": commit(),
        "dirty": dirty(),
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "started": datetime.now().astimezone().isoformat(timespec="seconds"),
        "versions": versions(),
    }


def commit() -> str | None:
    """The commit of the code that runs, if it is a checkout of this repository."""
    if _git("rev-parse", "--show-toplevel") != str(ROOT):
        return None
    return _git("rev-parse", "HEAD")


def dirty() -> bool | None:
    """Whether a file that git knows differs from that commit."""
    return bool(_git("status", "--porcelain", "--untracked-files=no")) if commit() else None


@cache
def versions() -> dict[str, str]:
    """Name -> version of all that is installed, and of Python."""
    found = {package.metadata["Name"]: package.version for package in distributions()}
    return {"python": platform.python_version(), **dict(sorted(found.items(), key=lambda item: item[0].lower()))}


def _git(*arguments: str) -> str | None:
    try:
        ended = subprocess.run(
            ["git", "-C", str(ROOT), *arguments],
            capture_output=True, text=True, check=False, encoding="utf-8", errors="surrogateescape",
        )  # fmt: skip
    except FileNotFoundError:
        return None
    return ended.stdout.strip() if ended.returncode == 0 else None
