"""How fast it is: lane-steps per second by market, lanes and threads, beside a lean numpy step, events per second of order
books, instrument-steps of desks, what the rest costs.

python -m experiments.benchmark
python -m experiments.benchmark markets=[glft] lanes=[1024] books=[] training_steps=0
python -m experiments.benchmark markets=[] books=[] start_up=false training_steps=0 lean_lanes=[1024]
python -m experiments.benchmark markets=[] books=[] lean_lanes=[] start_up=false training_steps=0 desks=[2,20] makers=[2,8]
python -m experiments.benchmark markets=[] books=[hawkes] start_up=false training_steps=0
python -m experiments.benchmark markets=[] books=[] start_up=false training_steps=0 lean_lanes=[] replay=FILE.zip
python -m experiments.benchmark markets=[] books=[] peers=[mbt_gym] start_up=false training_steps=0
python -m experiments.benchmark markets=[] books=[] lean_lanes=[] start_up=false training_steps=0 before=OTHER_CHECKOUT
"""

from __future__ import annotations

import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from omegaconf import DictConfig, ListConfig, OmegaConf
from rich.console import Console

from experiments.config.main import experiment, output_folder
from experiments.config.markets import build
from experiments.config.search_path import CONF
from experiments.reporting.presenter import TextTable
from experiments.speed.benchmark_book import books, check_books
from experiments.speed.benchmark_desk import desks, makers
from experiments.speed.benchmark_lean import beside_lean
from experiments.speed.benchmark_peers import check_peers, peers
from experiments.speed.benchmark_versions import beside_before, check_before
from mm_env.core.parameters import Interval, check
from mm_env.envs.gym import MarketMakingVectorEnv
from mm_env.market import Market
from mm_env.markets import market_named
from mm_env.quote import Unbounded
from mm_env.rollout import inventory_levels
from mm_env.simulation import Simulation

FIRST_STEP = """
import time; start = time.perf_counter()
import mm_env; imported = time.perf_counter()
env = mm_env.MarketMakingVectorEnv("avellaneda_stoikov", 1024); env.reset(seed=0)
env.step(env.action_space.sample()); print(imported - start, time.perf_counter() - imported)
"""


@experiment("benchmark")
def main(cfg: DictConfig) -> float:
    """Print the tables and write them as CSV; lane-steps per second of the first market at 1,024 lanes."""
    check_lists(cfg)
    for name in cfg.markets:
        market_named(name)
    check_books(cfg)
    check_peers(cfg.peers)
    check_before(cfg.before)
    console, lines = (
        Console(width=None if sys.stdout.isatty() else 100, highlight=False),
        ["what,lanes,threads,per_second"],
    )
    threads = list(cfg.threads or sorted({1, os.cpu_count() or 1}))
    rows, headline = list[list[str]](), 0.0
    for name in cfg.markets:
        for lanes in cfg.lanes:
            rates = [stepping(market_named(name), lanes, n, cfg.seconds) for n in threads]
            headline = headline or (max(rates) if lanes == 1024 else 0.0)
            rows.append([f"{name}, VectorEnv.step", f"{lanes:,}", *(f"{rate / 1e6:.2f}" for rate in rates)])
            lines += [f"{name},{lanes},{n},{rate:.0f}" for n, rate in zip(threads, rates, strict=True)]
        if market_named(name).quote.of_pool:  # in which no table by inventory acts
            continue
        rates = [in_kernel(market_named(name), 65_536, n, cfg.seconds) for n in threads]
        rows.append([f"{name}, tabulated policy", f"{65_536:,}", *(f"{rate / 1e6:.2f}" for rate in rates)])
        lines += [f"{name} tabulated,65536,{n},{rate:.0f}" for n, rate in zip(threads, rates, strict=True)]
    if cfg.markets:
        headings = ["market", "lanes", *(f"{n} thread{'s' * (n > 1)}" for n in threads)]
        TextTable.of_text(headings, rows, "million lane-steps per second, median of runs").print(console)
    if cfg.lean_lanes:
        lines += beside_lean(console, cfg)
    if cfg.books or cfg.replay is not None:
        lines += books(console, cfg, threads)
    if cfg.desks:
        lines += desks(console, cfg)
    if cfg.makers:
        lines += makers(console, cfg)
    if cfg.before is not None:
        lines += beside_before(console, cfg)
    if cfg.peers:
        lines += peers(console, cfg)
    if cfg.start_up:
        lines += start_up(console)
    if cfg.training_steps:
        lines += training(console, cfg.training_steps, cfg.repeats)
    (output_folder() / "benchmark.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return headline


NAMES = ("markets", "books", "peers")
NUMBERS = ("lanes", "lean_lanes", "book_lanes", "book_levels", "book_makers", "desks", "makers", "threads")


def check_lists(cfg: DictConfig) -> None:
    """Refuse what is no list, and numbers that count nothing. Raises: ValueError with the name and the value."""
    for name in NAMES + NUMBERS:
        listed = cfg[name]
        if not isinstance(listed, ListConfig) and not (name == "threads" and listed is None):
            raise ValueError(f"{name} must be a list, got {listed!r}: {name}=[{listed}]")
    for name in NUMBERS:
        for number in cfg[name] or ():
            check(name, number, Interval(1, math.inf, whole=True))


def stepping(market: Market, lanes: int, threads: int, seconds: float) -> float:
    """Lane-steps per second through `MarketMakingVectorEnv.step`, resets included."""
    env = MarketMakingVectorEnv(market, lanes, threads=threads)
    env.reset(seed=0)
    env.action_space.seed(0)
    actions = env.action_space.sample()
    return lanes * _per_second(lambda: env.step(actions), seconds)


def in_kernel(market: Market, lanes: int, threads: int, seconds: float) -> float:
    """Lane-steps per second of whole episodes of a tabulated policy."""
    simulation = Simulation(replace(market, quote=Unbounded()), lanes, threads=threads)
    depths = np.full((market.clock.steps, len(inventory_levels(market)), 2), 0.5)

    def episodes() -> None:
        simulation.start(0)
        simulation.run(depths)

    return lanes * market.clock.steps * _per_second(episodes, seconds)


def start_up(console: Console) -> list[str]:
    """Seconds to import the package and to the first step, with and without machine code on the disk."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "MM_ENV_CACHE": folder}
        runs = [_first_step(environment) for _ in range(4)]
    imported, warm = (statistics.median(column) for column in zip(*runs[1:], strict=True))
    console.print(f"import mm_env: {imported:.2f} s; first step: {runs[0][1]:.1f} s cold, {warm:.2f} s from the cache")
    return [f"import seconds,,,{imported:.3f}", f"first step cold,,,{runs[0][1]:.3f}", f"first step warm,,,{warm:.3f}"]


def training(console: Console, steps: int, repeats: int) -> list[str]:
    """PPO's frames per second beside those on an env that does nothing, in turn; and the env's share of the time."""
    ratios, rates, shares = [], [], []
    for _ in range(repeats):
        (rate, share), (idle, _) = (_ppo_rate(does_nothing, steps) for does_nothing in (False, True))
        ratios.append(rate / idle)
        rates.append(rate)
        shares.append(share)
    ratio, rate, share = (statistics.median(each) for each in (ratios, rates, shares))
    console.print(f"PPO trains at {rate:,.0f} frames per second, {ratio:.1%} of its speed on an env that does nothing")
    console.print(f"Of the wall time {share:.1%} is spent in the environment and its adapter")
    return [f"PPO frames,512,1,{rate:.0f}", f"PPO of idle,512,1,{ratio:.4f}", f"environment share,512,1,{share:.4f}"]


def _first_step(environment: dict[str, str]) -> tuple[float, float]:
    output = subprocess.run(
        [sys.executable, "-c", FIRST_STEP],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    imported, first = output.stdout.split()
    return float(imported), float(first)


def _per_second(work: Callable[[], Any], seconds: float) -> float:
    """How often `work` runs in a second: the median of five runs of about `seconds` each."""
    work()
    once = _seconds(work, 3)
    times = max(1, round(seconds / once))
    return statistics.median(1.0 / _seconds(work, times) for _ in range(5))


def _seconds(work: Callable[[], Any], times: int) -> float:
    start = time.perf_counter()
    for _ in range(times):
        work()
    return (time.perf_counter() - start) / times


def _ppo_rate(does_nothing: bool, steps: int) -> tuple[float, float]:
    """Frames per second of the PPO of conf/agent, and the share of the time that its lanes' steps take."""
    learner = build(OmegaConf.load(CONF / "agent" / "ppo.yaml"))
    model = learner.model(market_named("avellaneda_stoikov"), seed=0)
    lanes, spent = model.get_env(), [0.0]
    nothing = (
        lanes.reset(),
        np.zeros(lanes.num_envs, np.float32),
        np.zeros(lanes.num_envs, np.bool_),
        lanes.reset_infos,
    )
    step = (lambda: nothing) if does_nothing else lanes.step_wait

    def timed() -> Any:
        start = time.perf_counter()
        stepped = step()
        spent[0] += time.perf_counter() - start
        return stepped

    lanes.step_wait = timed
    start = time.perf_counter()
    model.learn(steps)
    elapsed = time.perf_counter() - start
    return model.num_timesteps / elapsed, spent[0] / elapsed


if __name__ == "__main__":
    main()
