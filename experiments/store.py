"""A store of recorded days: files in any format that is taken, parsed once into Parquet and read lazily from then on.

python -m experiments.store path='data/2024-08-*' to=days
python -m experiments.calibrate path=days data.day=2024-08-08
"""

from __future__ import annotations

import resource
import time

from omegaconf import DictConfig
from rich.console import Console

from experiments.config.main import experiment
from mm_env.data import store


@experiment("store")
def main(cfg: DictConfig) -> float:
    """Write the days, and say what each holds; how many messages there are."""
    if cfg.path is None or cfg.to is None:
        raise ValueError(f"path and to must name what is read and the folder of the store, got {cfg.path} and {cfg.to}")
    start, console = time.perf_counter(), Console(highlight=False, soft_wrap=True)
    asked = {name: cfg[name] for name in ("day", "instrument", "tick", "levels", "schema", "depth")}
    messages = 0
    for day in store(cfg.path, cfg.to, cfg.overwrite, **asked):
        counts = day.meta["counts"]  # pyright: ignore[reportAttributeAccessIssue]
        messages += sum(
            counts.get(name, 0) for name in ("messages", "level", "new", "partial", "delete", "execute", "shown")
        )
        read = ", ".join(f"{count:,} {name}" for name, count in counts.items())
        console.print(f"{day.instrument} of {day.day} ({day.source}): {read}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    console.print(f"{time.perf_counter() - start:,.1f} s, at most {peak:.2f} GB of memory")
    return float(messages)


if __name__ == "__main__":
    main()
