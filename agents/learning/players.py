"""Learners that train at once, each at its own seat of one market, against one another and against fixed strategies."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np

from agents.learning.learner import Learner, reward_units
from agents.learning.sb3 import TrainedPolicy
from agents.learning.shared_lanes import SeatLanes, SharedLanes, Stopped
from agents.policy import Policy, policy_of, translated


def train_players(
    market: Any, players: Sequence[Any], worlds: int, seed: int, folder: Path | None = None,
    callbacks: Callable[[int, Sequence[Policy]], Sequence[Any]] = lambda seat, seats: (),
) -> tuple[Policy, ...]:  # fmt: skip
    """What acts at each seat in the end: what its learner learnt, or the policy or strategy that is not one.

    The market is a `Competition`, or `CompetingDesks`.

    All learners act in the same `worlds` worlds and learn on at the same time, each from its own rewards, for its `total_steps`
    steps of its own lanes (`num_envs` counts for nothing here); one that is done first goes on as it is. Each starts from a
    seed of its own, D x seed + seat. `callbacks` makes those of stable-baselines3 for a seat, told what acts at each seat;
    TensorBoard logs go to folder/seatN. Noise is taken out of the rewards of each as its `noise` says.

    Raises: TypeError or ValueError unless there is one player a maker and a learner among them, or for a learner that cannot
    learn in the market, before any training; whatever a training raises, once the others have stopped.
    """
    learners = {seat: player for seat, player in enumerate(players) if isinstance(player, Learner)}
    check_players(market, players)
    fixed = {seat: policy_of(player, market) for seat, player in enumerate(players) if seat not in learners}
    acting = {seat: translated(policy, market).act for seat, policy in fixed.items()}
    staggers = all(one.stagger for one in learners.values())
    shared = SharedLanes(_quieter(market, learners), worlds, acting, seed, staggers)
    trained = {seat: _seated(learner, shared, seat, seed, folder) for seat, learner in learners.items()}
    seats: tuple[Any, ...] = tuple({**fixed, **trained}[seat] for seat in range(len(players)))
    _learn_at_once(shared, seats, {seat: learner.total_steps for seat, learner in learners.items()}, callbacks)
    return seats


def _learn_at_once(shared: SharedLanes, seats: Sequence[Any], steps: Mapping[int, int], callbacks: Any) -> None:
    """Let each of the seats in `steps` learn so long, in a thread of its own. Raises: what the first to fail raised."""
    errors: list[BaseException] = []

    def learn(seat: int) -> None:
        act = None
        try:
            shared.enter(seat)
            given = list(callbacks(seat, seats))
            seats[seat].model.learn(steps[seat], callback=given, tb_log_name="training", log_interval=10)
            act = seats[seat].act
        except Stopped:
            pass
        except BaseException as error:
            errors.append(error)
        finally:
            shared.leave(seat, act)

    threads = [Thread(target=learn, args=(seat,), name=f"seat {seat}", daemon=True) for seat in steps]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def check_players(market: Any, players: Sequence[Any]) -> None:
    """Refuse players that cannot train together in the market. Raises: TypeError or ValueError."""
    if len(players) != market.makers:
        raise ValueError(f"players must be {market.makers:g}, one a maker, got {len(players)}")
    learners = [player for player in players if isinstance(player, Learner)]
    if not learners:
        raise ValueError(
            "players must have a learner such as ppo among them: experiments.arena sets strategies against each other"
        )
    for learner in learners:
        learner.check(market)
        if learner.teacher is not None:
            raise ValueError(f"Learner.teacher must be null among several players, got {learner.teacher!r}")
        if learner.expected_fills and market.venue.loops == "lanes":
            raise ValueError(
                "Learner.expected_fills must be false here for a single maker, whom experiments.train is for"
            )
        if learner.branches:
            raise ValueError(f"Learner.branches must be 0 among several players, got {learner.branches}")
        if learner.total_steps < 1:
            raise ValueError(f"Learner.total_steps must be >= 1, got {learner.total_steps}")


def _quieter(market: Any, learners: Mapping[int, Learner]) -> Any:
    """The market with the noise of each maker's rewards as its learner wants it; what strategies earn nobody learns from."""
    if all(learner.training_market(market) is market for learner in learners.values()):
        return market
    reward, first = market.reward, next(iter(learners.values()))
    wanted = [learners.get(seat, first).noise for seat in range(int(market.makers))]
    return replace(market, reward=replace(reward, noise=np.array(wanted) if len(set(wanted)) > 1 else first.noise))


def _seated(learner: Learner, shared: SharedLanes, seat: int, seed: int, folder: Path | None) -> TrainedPolicy:
    """A learner's untrained policy at a seat."""
    market = shared.market
    mean, unit = reward_units(market) if learner.standardise else (0.0, 1.0)
    shift = 0.0 if market.may_close else mean
    lanes = SeatLanes(shared, seat, learner.reward_scale / unit, shift, learner.quoting_of(market))
    own = int(market.makers) * seed + seat
    return TrainedPolicy(learner.model(market, own, folder and folder / f"seat{seat}", lanes))
