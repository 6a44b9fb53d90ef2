"""How many threads this process may use: those of its affinity and of its container, not those of the machine."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path


def usable_threads() -> int:
    """NUMBA_NUM_THREADS if it is set, as launchers do for workers that share a machine; else one a usable core.

    Raises: ValueError where NUMBA_NUM_THREADS is no whole number of 1 or more.
    """
    told = os.environ.get("NUMBA_NUM_THREADS", "").strip()
    if told and not (told.isdecimal() and int(told) >= 1):
        raise ValueError(f"NUMBA_NUM_THREADS must be a whole number >= 1, got {told!r}")
    return int(told) if told else usable_cores()


def usable_cores() -> int:
    """The cores that this process is let run on, at most as many as its container is given the time of."""
    affinity = getattr(os, "sched_getaffinity", None)  # Linux alone has it
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    return max(1, min([cores, *(math.ceil(quota) for quota in _quotas())]))


def control_groups(
    controller: str, root: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")
) -> Iterator[Path]:
    """The folders of the control groups around this process, of versions 2 and 1, each with those around it: the limits of
    `controller` (cpu, memory) in all of them hold."""
    for line in _text(own).splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers or controller in controllers.split(","):
            top, inside = root / controller if controllers else root, Path(path.lstrip("/"))
            yield from (top / group for group in (inside, *inside.parents))


def _quotas(**where: Path) -> Iterator[float]:
    """The cores' worth of time that each control group around this process is given, where it is limited."""
    for group in control_groups("cpu", **where):
        yield from _quota(group)


def _quota(group: Path) -> Iterator[float]:
    words = _text(group / "cpu.max").split() or [
        _text(group / "cpu.cfs_quota_us").strip(),
        _text(group / "cpu.cfs_period_us").strip(),
    ]
    if len(words) == 2 and all(word.isdecimal() and int(word) > 0 for word in words):  # "max" and -1: no limit
        yield int(words[0]) / int(words[1])


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""
