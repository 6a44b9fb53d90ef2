"""How fast `MarketMakingVectorEnv.step` is beside a lean numpy step of the same market, timed in turn, one thread each."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from omegaconf import DictConfig
from rich.console import Console

from experiments.reporting.presenter import TextTable
from experiments.speed.lean import LeanAmzn
from mm_env.envs.gym import MarketMakingVectorEnv

RUNS = 101  # of each, in turn: short ones, so that whatever slows the processor down hits both alike
SHARE = 0.01  # of the seconds that a run takes elsewhere


class Pair(NamedTuple):
    """Seconds of the processor's time a step of all lanes, in two runs one after the other: waiting for it does not count."""

    ours: float
    lean: float


def beside_lean(console: Console, cfg: DictConfig) -> list[str]:
    """Print the table of `VectorEnv.step` beside the lean step; its lines of CSV."""
    title = f"microseconds of one core a step of amzn\nbeside a lean numpy step, median of {RUNS} pairs"
    rows, lines = [], []
    for lanes in cfg.lean_lanes:
        pairs = in_turn(*steps(lanes), SHARE * cfg.seconds)
        ours, lean = (1e6 * statistics.median(column) for column in zip(*pairs, strict=True))
        ratio = statistics.median(pair.lean / pair.ours for pair in pairs)
        rows.append([f"{lanes:,}", f"{ours:.1f}", f"{lean:.1f}", f"{ratio:.2f}"])
        lines += [f"VectorEnv.step / lean numpy,{lanes},1,{ratio:.3f}"]
    TextTable.of_text(["lanes", "VectorEnv.step", "lean numpy", "times as fast"], rows, title).print(console)
    return lines


def steps(lanes: int) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """A step of ours and a lean one, by the same actions (lanes, 2)."""
    env, lean = MarketMakingVectorEnv("amzn", lanes, threads=1), LeanAmzn(lanes)
    env.reset(seed=0)
    actions = np.random.default_rng(0).uniform(-1.0, 1.0, (lanes, 2)).astype(np.float32)
    return lambda: env.step(actions), lambda: lean.step(actions)


def in_turn(ours: Callable[[], Any], lean: Callable[[], Any], seconds: float) -> list[Pair]:
    """RUNS runs of each in turn, for about `seconds` each, after some steps that do not count."""
    _, *once = (_seconds(step, 20) for step in (ours, ours, lean))
    times = [max(1, round(seconds / each)) for each in once]
    runs = [[_seconds(*each) for each in zip((ours, lean), times, strict=True)] for _ in range(RUNS)]
    return [Pair(*run) for run in runs]


def _seconds(step: Callable[[], Any], times: int) -> float:
    start = time.process_time()
    for _ in range(times):
        step()
    return (time.process_time() - start) / times
