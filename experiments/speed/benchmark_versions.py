"""How fast this checkout is beside another one, version against version, timed in turn, one thread each.

Each version works in a process of its own (`version_worker`), with a cache of machine code of its own.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from omegaconf import DictConfig
from rich.console import Console

from experiments import ROOT
from experiments.reporting.presenter import TextTable

RUNS = 61  # of each, in turn: short ones, so that whatever slows the processor down hits both alike
SHARE = 0.004  # of the seconds that a run takes elsewhere
CASES = (
    *(("step", "amzn", lanes) for lanes in (1, 64, 1_024, 16_384)), ("table", "amzn", 64), ("table", "amzn", 1_024),
    *(("step", book, 64) for book in ("cont_stoikov_talreja", "zero_intelligence", "queue_reactive", "hawkes")),
)  # fmt: skip


def check_before(before: str | None) -> None:
    """Refuse what is no checkout of this project. Raises: ValueError."""
    if before is not None and not (Path(before) / "mm_env" / "__init__.py").is_file():
        raise ValueError(f"before must be another checkout of this project, with a folder mm_env in it, got {before}")


def beside_before(console: Console, cfg: DictConfig) -> list[str]:
    """Print the table of this checkout beside the one at `before`; its lines of CSV."""
    title, rows, lines = f"microseconds of one core a step of all lanes, median of {RUNS} pairs", [], []
    cases = [*CASES, *(("step", str(Path(cfg.replay).resolve()), lanes) for lanes in (64, 256) if cfg.replay)]
    with worker(Path(cfg.before)) as before, worker(ROOT) as now:
        for what, market, lanes in cases:
            asked = repeated(before, f"{what}\t{market}\t{lanes}", SHARE * cfg.seconds)
            pairs = [(seconds(before, asked), seconds(now, asked)) for _ in range(RUNS + 1)][1:]
            then, since = (1e6 * statistics.median(column) for column in zip(*pairs, strict=True))
            ratio = statistics.median(old / new for old, new in pairs)
            name = f"{Path(market).stem}, {'tabulated policy' if what == 'table' else 'VectorEnv.step'}"
            rows.append([name, f"{lanes:,}", f"{then:.1f}", f"{since:.1f}", f"{ratio:.2f}"])
            lines += [f"{name} beside before,{lanes},1,{ratio:.3f}"]
    TextTable.of_text(["what", "lanes", "before", "now", "times as fast"], rows, title).print(console)
    return lines


@contextmanager
def worker(root: Path) -> Iterator[Any]:
    """A process that times the checkout at `root`: it is asked in lines, and answers in lines."""
    with tempfile.TemporaryDirectory() as cache:
        command = [sys.executable, str(Path(__file__).with_name("version_worker.py"))]
        environment = {**os.environ, "PYTHONPATH": str(root.resolve()), "MM_ENV_CACHE": cache}
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "encoding": "utf-8"}
        with subprocess.Popen(command, env=environment, cwd=root, **pipes) as process:
            try:
                yield process
            finally:
                process.kill()


def repeated(process: Any, case: str, at_least: float) -> str:
    """The question that asks a worker for as many runs of the case as take so many seconds, both versions the same."""
    runs, elapsed = 1, 0.0
    while elapsed < at_least:
        started = time.perf_counter()
        seconds(process, f"{case}\t{runs}")
        elapsed = time.perf_counter() - started if runs > 1 else 0.0  # the first run compiles
        runs *= 2
    return f"{case}\t{runs // 2}"


def seconds(process: Any, asked: str) -> float:
    """What a worker answers: seconds of the processor's time a step of all lanes."""
    process.stdin.write(asked + "\n")
    process.stdin.flush()
    answer = process.stdout.readline()
    if not answer:
        raise ValueError(f"before must be a version that runs here: its process ended when asked for {asked!r}")
    return float(answer)
