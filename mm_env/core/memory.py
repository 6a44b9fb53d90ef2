"""How much memory there is: of the machine, and of the container or job that the process runs in."""

from __future__ import annotations

import os
from pathlib import Path

from mm_env.core.cores import control_groups

NUMBER = 8.0  # bytes of a double


def free_memory() -> float:
    """Bytes that this process may still take."""
    return min(_of_machine(), *(_of_group(folder) for folder in control_groups("memory")), float("inf"))


def _of_machine() -> float:
    try:
        for line in Path("/proc/meminfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("MemAvailable:"):
                return 1024.0 * int(line.split()[1])
    except OSError:
        pass
    try:
        return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))  # macOS: all of it
    except (AttributeError, OSError, ValueError):
        return float("inf")  # Windows does not say


def _of_group(folder: Path) -> float:
    """What a control group still allows; what it holds of files makes place."""
    names = (("memory.max", "memory.current", "inactive_file"),
             ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"))  # fmt: skip
    for limit, used, files in names:
        try:
            allowed, taken = (
                (folder / limit).read_text(encoding="utf-8").strip(),
                int((folder / used).read_text(encoding="utf-8")),
            )
            kept = dict(line.split() for line in (folder / "memory.stat").read_text(encoding="utf-8").splitlines())
            return float("inf") if allowed == "max" else max(0.0, int(allowed) - taken + int(kept.get(files, 0)))
        except (OSError, ValueError):
            continue
    return float("inf")
