"""How fast other market-making environments are: the same market in theirs and in ours, timed in turn, one thread each."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from difflib import get_close_matches
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np
from omegaconf import DictConfig
from rich.console import Console

from experiments.reporting.presenter import TextTable
from mm_env.clock import FiniteHorizon
from mm_env.envs.gym import MarketMakingVectorEnv
from mm_env.market import Market
from mm_env.markets import market_named
from mm_env.price.models import Brownian
from mm_env.quote import Depths
from mm_env.reward import InventoryPenalty
from mm_env.venue.dealer.dealer import Dealer
from mm_env.venue.dealer.fill import Exponential
from mm_env.venue.dealer.flow import Bernoulli

PAIRS = 5
HORIZON, STEPS = 1.0, 200  # time; decisions an episode
SIGMA, RATE, K, PHI = 2.0, 140.0, 1.5, 0.2  # price / sqrt(time), orders / time of a side, 1 / price, price / time
MAX_DEPTH, MAX_INVENTORY = 2.0, 100  # price, units

Episode = Callable[[], None]


class Speeds(NamedTuple):
    """Of two runs, one after the other; lane-steps / second, resets included."""

    ours: float
    theirs: float


class Peer(NamedTuple):
    """Another environment: what to import, how to get it, and its episode in so many lanes."""

    module: str
    install: str
    episode: Callable[[int], Episode]


def peers(console: Console, cfg: DictConfig) -> list[str]:
    """Print the table of other environments; its lines of CSV."""
    title = f"million lane-steps per second of one thread\nbeside others in the same market, median of {PAIRS} pairs"
    rows, lines = [], []
    for name in cfg.peers:
        for lanes in cfg.peer_lanes:
            pairs = race(our_episode(lanes), PEERS[name].episode(lanes), lanes, cfg.seconds)
            ours, theirs = (statistics.median(column) for column in zip(*pairs, strict=True))
            ratio = statistics.median(pair.ours / pair.theirs for pair in pairs)
            rows.append([name, f"{lanes:,}", f"{ours / 1e6:.3f}", f"{theirs / 1e6:.3f}", f"{ratio:.1f}"])
            lines += [f"ours beside {name},{lanes},1,{ours:.0f}", f"{name},{lanes},1,{theirs:.0f}"]
            lines += [f"ours / {name},{lanes},1,{ratio:.2f}"]
    TextTable.of_text(["peer", "lanes", "ours", "theirs", "ours / theirs"], rows, title).print(console)
    return lines


def check_peers(names: Iterable[str]) -> None:
    """Refuse a peer that is not known or cannot be imported.

    Raises: ValueError that says how to install it.
    """
    for name in names:
        if name not in PEERS:
            close = get_close_matches(str(name), PEERS, n=1)
            hint = f"Did you mean {close[0]!r}?" if close else f"Known are: {', '.join(PEERS)}."
            raise ValueError(f"peers must be names of other environments, got {name!r}. {hint}")
        try:
            import_module(PEERS[name].module)
        except ImportError as error:
            raise ValueError(f"peers must be installed, got {name} ({error}). {PEERS[name].install}") from error


def race(ours: Episode, theirs: Episode, lanes: int, seconds: float) -> list[Speeds]:
    """PAIRS runs of each in turn, whole episodes for about `seconds` each, after one episode that does not count."""
    for episode in (ours, theirs):
        episode()
    times = [max(1, round(seconds / _seconds(episode, 1))) for episode in (ours, theirs)]
    runs = [[_seconds(*each) for each in zip((ours, theirs), times, strict=True)] for _ in range(PAIRS)]
    return [Speeds(*(lanes * STEPS * n / spent for n, spent in zip(times, run, strict=True))) for run in runs]


def market() -> Market:
    """Avellaneda & Stoikov 2008 with a Brownian mid and depths as actions, in [0, MAX_DEPTH]."""
    return replace(
        market_named("avellaneda_stoikov"),
        price=Brownian(sigma=SIGMA),
        venue=Dealer(flow=Bernoulli(rate=RATE), fill=Exponential(k=K)),
        clock=FiniteHorizon(horizon=HORIZON, steps=STEPS),
        quote=Depths(max_depth=MAX_DEPTH),
        reward=InventoryPenalty(phi=PHI),
        max_inventory=float(MAX_INVENTORY),
    )


def our_episode(lanes: int) -> Episode:
    """STEPS steps of all lanes; the last one resets them."""
    env, actions = MarketMakingVectorEnv(market(), lanes, threads=1), _actions(lanes)
    env.reset(seed=0)

    def episode() -> None:
        for _ in range(STEPS):
            env.step(actions)

    return episode


def mbt_gym(lanes: int, seed: int = 1) -> Any:
    """That market as mbt_gym's TradingEnvironment; its PoissonArrivalModel draws one order with probability rate dt."""
    parts = ("gym.TradingEnvironment", "gym.ModelDynamics", "rewards.RewardFunctions")
    env, dynamics, reward = (import_module(f"mbt_gym.{part}") for part in parts)
    models = ("midprice_models", "arrival_models", "fill_probability_models")
    price, flow, fill = (import_module(f"mbt_gym.stochastic_processes.{model}") for model in models)
    sized = {"step_size": HORIZON / STEPS, "num_trajectories": lanes}
    moves = dynamics.LimitOrderModelDynamics(
        midprice_model=price.BrownianMotionMidpriceModel(volatility=SIGMA, terminal_time=HORIZON, **sized),
        arrival_model=flow.PoissonArrivalModel(intensity=np.array([RATE, RATE]), **sized),
        fill_probability_model=fill.ExponentialFillFunction(fill_exponent=K, **sized),
        num_trajectories=lanes,
        max_depth=MAX_DEPTH,
    )
    penalty = reward.RunningInventoryPenalty(per_step_inventory_aversion=PHI)
    limits = {"max_inventory": MAX_INVENTORY, "num_trajectories": lanes}
    return env.TradingEnvironment(HORIZON, STEPS, penalty, moves, seed=seed, **limits)


def mbt_gym_episode(lanes: int) -> Episode:
    """STEPS steps of all lanes and, as it leaves that to its user, the reset at the end."""
    env, actions = mbt_gym(lanes), _actions(lanes)
    env.reset()

    def episode() -> None:
        for _ in range(STEPS):
            _, _, ended, _ = env.step(actions)
            if ended[0]:
                env.reset()

    return episode


def _actions(lanes: int) -> Any:
    return np.random.default_rng(0).uniform(-1.0, 1.0, (lanes, 2)).astype(np.float32)


def _seconds(episode: Episode, times: int) -> float:
    start = time.perf_counter()
    for _ in range(times):
        episode()
    return time.perf_counter() - start


PEERS = {
    "mbt_gym": Peer(
        "mbt_gym.gym.TradingEnvironment",
        "It is no package: git clone https://github.com/JJJerome/mbt_gym, put that folder on PYTHONPATH, pip install gym",
        mbt_gym_episode,
    )
}
