"""A job's folder: its lock, its metrics.json and its config, so that no two jobs write to one.

config.yaml holds the whole config, metrics.json all else: how it went, what it came to, and what it came of. The lock is the
operating system's: a process that is killed, in whatever way, lets go of it.
"""

from __future__ import annotations

import itertools
import json
import math
import multiprocessing
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from agents.learning.durable import put_text
from experiments.evaluation.common_noise import Entry
from experiments.runs.provenance import provenance
from mm_env.metrics import Estimate

CONFIG, METRICS, LOCK = "config.yaml", "metrics.json", ".lock"
FINISHED, FAILED, RUNNING, INTERRUPTED = "finished", "failed", "running", "interrupted"
LEFTOVERS = ("checkpoint.pt", "model.zip", "curve.csv")  # of another config, not to be taken for this one's
RESULTS = ("adversary.zip", "table.*", "arena.*", "leaderboard.*", "backtest.*", "robust.*", "realism.*", "chances.csv",
           "published.csv", "verification.*", "cascade.*", "stress.*", "reverse.*", "risk_*", "report.*", "estimates.csv",
           "benchmark.csv", "*.png", "training_*")  # fmt: skip
REPLACED = ".replaced"  # the folder that they are moved to


class Busy(Exception):
    """Another process writes to the folder."""


class Failed(RuntimeError):
    """Some of the jobs that were asked for failed, after all had their turn."""


def fresh(path: Path) -> Path:
    """A folder that was not there before, made: `path`, or if that is taken path-2, path-3 and so on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for number in itertools.count(1):
        folder = path if number == 1 else path.with_name(f"{path.name}-{number}")
        with suppress(FileExistsError):
            folder.mkdir()
            return folder
    raise AssertionError


@contextmanager
def locked(folder: Path, patience: float = 3.0) -> Iterator[None]:
    """Have `folder` to oneself. Raises: Busy if another process still has it after `patience` seconds.

    Workers of a sweep that was killed need a moment to notice (`end_with_parent`).
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=patience)
    except Timeout:
        facts = read(folder)
        who = f" ({facts['host']}, process {facts['pid']})" if "pid" in facts else ""
        raise Busy(f"another job{who} writes to {folder}") from None
    try:
        yield
    finally:
        lock.release()


def is_locked(folder: Path) -> bool:
    """Whether a process writes to `folder`."""
    try:
        with locked(folder, patience=0.0):
            return False
    except Busy:
        return True


def read(folder: Path) -> dict[str, Any]:
    """What metrics.json of `folder` says; nothing if there is none, or it was damaged, which is said."""
    path = folder / METRICS
    try:
        told = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        if isinstance(told, dict):
            return told
    except ValueError:
        pass
    sys.stderr.write(f"warning: {path} was cut off or damaged, and is passed over\n")
    return {}


def note(folder: Path, **facts: Any) -> None:
    """Add facts to metrics.json, put in place in one move; what is not finite is null."""
    told = _plain({**read(folder), **facts})
    put_text(folder / METRICS, json.dumps(told, indent=1, allow_nan=False) + "\n")


def note_evaluation(
    folder: Path, agent: str, market: str, entries: Sequence[Entry], skills: Mapping[str, Estimate],
    notes: Sequence[str] = (),
) -> float:  # fmt: skip
    """Note every figure of every agent as [value, half-width], those of `agent` by themselves, and what stands below the
    table; the skill of `agent`, or its objective."""
    table = {entry.name: {"skill": skills.get(entry.name), "lead": entry.lead, **entry.figures} for entry in entries}
    figures = table[agent]
    note(folder, agent=agent, market=market, **{n: figures[n] for n in ("skill", "objective")}, figures=figures)
    window = entries[0].episodes.window
    windows = {} if window is None else {"windows": len(window)}
    note(folder, table=table, notes=list(notes), **windows)
    return (figures["skill"] or entries[list(table).index(agent)].figures["objective"]).value


def holds(folder: Path, config: str) -> bool:
    """Whether `folder` is that of this very config."""
    path = folder / CONFIG
    return path.is_file() and path.read_bytes() == config.encode()


def adopt(folder: Path, config: str) -> None:
    """Make `folder` that of `config`. What another one left there is not lost: it is moved to .replaced, which is said."""
    if not holds(folder, config):
        there = (path for pattern in (*LEFTOVERS, *RESULTS) for path in sorted(folder.glob(pattern)))
        found = [path for path in there if path.suffix != ".log"]  # Hydra's, of this very command
        if found:
            place = fresh(folder / REPLACED)
            for path in (*found, folder / METRICS, folder / CONFIG):
                with suppress(FileNotFoundError):
                    os.replace(path, place / path.name)
            sys.stderr.write(f"note: {folder} was that of another config: what it held is in {place}\n")
        (folder / METRICS).unlink(missing_ok=True)
        put_text(folder / CONFIG, config)


def is_finished(folder: Path, config: str) -> bool:
    """Whether a job of this very config came to its end here."""
    return holds(folder, config) and read(folder).get("status") == FINISHED


@contextmanager
def noted(folder: Path, explain: Callable[[BaseException], str] = str, **facts: Any) -> Iterator[None]:
    """Note that a job runs, where it comes from, and then how it ended: finished, interrupted, or failed with the error."""
    started, attempts = time.perf_counter(), read(folder).get("attempts", 0) + 1
    (folder / METRICS).unlink(missing_ok=True)
    note(folder, status=RUNNING, attempts=attempts, **facts, **provenance())
    try:
        yield
    except KeyboardInterrupt:
        with suppress(OSError):
            note(folder, status=INTERRUPTED, seconds=time.perf_counter() - started)
        raise
    except BaseException as error:
        said = explain(error) or type(error).__name__
        with suppress(OSError):  # a full disk, of which `error` tells
            seconds = time.perf_counter() - started
            note(folder, status=FAILED, error=said, traceback=traceback.format_exc(), seconds=seconds)
        raise
    note(folder, status=FINISHED, seconds=time.perf_counter() - started)


def end_with_parent(every: float = 1.0) -> None:
    """End this process, if it is another one's worker, when that one is gone: a killed sweep leaves nobody training on."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(every)
        os._exit(1)

    if is_worker():
        threading.Thread(target=watch, name="end_with_parent", daemon=True).start()


def is_worker() -> bool:
    """Whether this process is another one's worker."""
    return multiprocessing.parent_process() is not None


def _plain(fact: Any) -> Any:
    if isinstance(fact, Mapping):
        return {str(name): _plain(inner) for name, inner in fact.items()}
    if isinstance(fact, Sequence) and not isinstance(fact, str):
        return [_plain(inner) for inner in fact]
    return None if isinstance(fact, float) and not math.isfinite(fact) else fact
