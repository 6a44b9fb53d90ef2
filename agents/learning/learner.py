"""A learner: an algorithm of stable-baselines3 or sb3-contrib with its settings, ready to train on any market."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from inspect import signature
from pathlib import Path
from typing import Annotated, Any

import gymnasium as gym
import numpy as np

from agents.strategies.pool import middling_provider
from mm_env.core.component import differs
from mm_env.core.extras import require

# ruff: noqa: E402  (what is missing is told of before it is imported)
require("a learner", "training", "torch", "stable_baselines3")
from agents.learning.clone import clone
from agents.learning.entropic import EntropicRollouts, WealthChange
from agents.learning.features import with_log_time_to_go, with_one_hot
from agents.learning.mixed_lanes import MixedLanes
from agents.learning.replay_buffers import VALUES, ExpectedReplay, GapReplay
from agents.learning.reservation import QuotedLanes
from agents.learning.rollout_buffers import ExpectedRollouts, ResampledRollouts, attached, check_separable
from agents.learning.saved import put_weights
from agents.learning.sb3 import ALGORITHMS, TrainedPolicy, algorithm
from agents.policy import policy_of
from mm_env.clock import Ergodic
from mm_env.core.parameters import Count, Interval, NonNegative, Positive, Probability, check_fields
from mm_env.desk.desk import Desk
from mm_env.envs.sb3 import VecAdapter
from mm_env.market import Market
from mm_env.markets import market_named
from mm_env.resampled import check_branches
from mm_env.reward import CARA, InventoryPenalty, VariancePenalty
from mm_env.rollout import Episodes, inventory_levels, run_actions, run_policy

CHECKPOINT = "checkpoint.pt"
PENALTIES = (InventoryPenalty, VariancePenalty, WealthChange)  # rewards whose noise can be taken out
ON_POLICY = ("PPO", "A2C", "CompiledPPO")
EXPECTING: dict[str, dict[str, Any]] = {
    **{name: {"rollout_buffer_class": ExpectedRollouts} for name in ON_POLICY},
    **{name: {"replay_buffer_class": ExpectedReplay} for name in VALUES},
}


@dataclass(frozen=True)
class Learner:
    """Trains `algorithm` for `total_steps` lane-steps on `num_envs` lanes.

    `CompiledPPO` is PPO by loops of our own (`agents.learning.compiled.ppo`).
    `expected_fills` takes fill noise out of what they learn from (`rollout_buffers`, `replay_buffers`). With `branches` the
    noise of a whole step is averaged over so many resampled transitions, in any market but a recorded day; it takes the place
    of `expected_fills`, and is for PPO and A2C. A CARA utility is then learnt from each step (`agents.learning.entropic`).
    A `teacher` (a Strategy, a Policy, or what makes one of a market) is cloned before PPO or A2C learns (`clone`).
    `quoting` makes, of a market, what the nets act by in the place of its own actions (`agents.learning.reservation`).
    `beside` are markets, or names of such, that are learnt on at once with the market that is given, `num_envs` divided among
    all of them, each with rewards in its own units (`agents.learning.mixed_lanes`).
    `lateness` shows the nets the log time-to-go too; `one_hot` shows them that, and an order book's queues, places and
    inventory one-hot, without its order flow (`agents.learning.features`).
    `noise` is the share of the position's unforeseeable gain left in the rewards it learns from (`InventoryPenalty.noise`);
    `standardise` subtracts and divides by `reward_units`, `reward_scale` then multiplies. None of it changes which policy is
    best: episodes are equally long, and where accounts may be closed (`Market.may_close`) nothing is subtracted. In an order
    book, whose fills and moves have no expectation in closed form, neither `expected_fills` nor `noise` does anything, nor
    does `noise` in a desk of options.
    A `gap` among settings' `replay_buffer_kwargs` makes DQN and QR-DQN learn advantages (`agents.learning.replay_buffers`).
    `stagger` spreads the lanes over the horizon. `checkpoints` are written evenly over the training. `settings` goes to the
    algorithm as it is.

    Raises: TypeError or ValueError for a parameter out of range, or an action space that the algorithm cannot use.
    """

    algorithm: str
    total_steps: Count
    num_envs: Count = 1
    noise: Probability = 1.0
    reward_scale: Positive = 1.0
    standardise: bool = True
    stagger: bool = True
    expected_fills: bool = False
    branches: Annotated[int, Interval(0, 1024, whole=True)] = 0
    lateness: bool = False
    one_hot: bool = False
    teacher: object = None
    quoting: object = None
    beside: Sequence[Any] = ()
    checkpoints: NonNegative = 10
    settings: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_fields(self, scalar=True)
        if self.algorithm not in ALGORITHMS:
            raise ValueError(f"Learner.algorithm must be one of {', '.join(ALGORITHMS)}, got {self.algorithm!r}")
        if self.expected_fills and self.algorithm not in EXPECTING:
            raise ValueError(f"Learner.expected_fills is for {', '.join(EXPECTING)}, got {self.algorithm}")
        if self.branches and self.algorithm not in ON_POLICY:
            raise ValueError(f"Learner.branches is for PPO and A2C, got {self.algorithm}")
        if self.teacher is not None and self.algorithm not in ON_POLICY:
            raise ValueError(f"Learner.teacher is for PPO and A2C, got {self.algorithm}")
        if self.teacher is not None and self.quoting is not None:
            raise ValueError("Learner.teacher must be null where there is a quoting, whose actions no teacher gives")
        if self.beside and self.algorithm == "CompiledPPO":
            raise ValueError("Learner.beside must be () for CompiledPPO, whose loops step one market")
        if self.beside and self.branches:
            raise ValueError(
                "Learner.branches must be 0 where markets are learnt on beside: branches are of one market"
            )
        if self.num_envs <= len(self.beside):
            raise ValueError(f"Learner.num_envs must be > the {len(self.beside)} markets beside, got {self.num_envs}")

    def model(self, market: Market, seed: int, log_folder: Path | None = None, lanes: Any = None) -> Any:
        """The untrained model on `market`, or on lanes of it that are given."""
        _single_thread()
        lanes, logs = self.lanes(market) if lanes is None else lanes, str(log_folder) if log_folder else None
        return attached(
            algorithm(self.algorithm)(env=lanes, seed=seed, tensorboard_log=logs, **self._settings(market))  # pyright: ignore
        )

    def train(
        self,
        market: Market,
        seed: int,
        folder: Path | None = None,
        callbacks: Sequence[Any] = (),
        resume: bool = False,
    ) -> TrainedPolicy:
        """The policy learnt on `market` from `seed`, with TensorBoard logs and checkpoints in `folder`.

        With `resume`, training goes on from the checkpoint in `folder` and ends with the very weights that it would have
        ended with had it not been interrupted. Nothing that the checkpoint carries but numbers is read.

        Raises: ValueError naming the checkpoint if it was cut off or damaged, or is one of other settings.
        """
        from agents.learning.checkpoint import Checkpoint, load_checkpoint

        path, model = folder / CHECKPOINT if folder else None, self.model(market, seed, folder)
        keepers: list[Any] = []
        if path is not None and resume:
            keepers = [load_checkpoint(path, model)]
        elif self.teacher is not None:
            clone(model, policy_of(self.teacher, market))
        if path is not None and self.checkpoints:
            path.parent.mkdir(parents=True, exist_ok=True)
            keepers += [Checkpoint(path, max(1, int(self.total_steps // self.checkpoints)))]
        left = self.total_steps - model.num_timesteps
        if left > 0:
            options = {"tb_log_name": "training", "log_interval": 10, "reset_num_timesteps": not resume}
            model.learn(left, callback=[*keepers, *self.callbacks(), *callbacks], **options)
        return TrainedPolicy(model)

    def quoting_of(self, market: Market) -> Any:
        """What the nets act by on `market` in the place of its own actions; None if they act by those."""
        made: Any = self.quoting
        return made and made(market)

    def callbacks(self) -> list[Any]:
        """What a training runs beside what it is given: stable-baselines3's callbacks."""
        return []

    def load(self, market: Market, path: Path) -> TrainedPolicy:
        """The policy whose model a training with these settings on `market` saved as `path`, to act with.

        Only weights are read. Raises: ValueError naming the file if it was cut off or damaged, or is of other settings.
        """
        _single_thread()
        kind: Any = algorithm(self.algorithm)
        settings = self._settings(market)
        settings |= {"buffer_size": 1} if "buffer_size" in signature(kind).parameters else {}  # it only acts
        model = kind(env=None, _init_setup_model=False, **settings)
        quoting = self.quoting_of(market)
        model.observation_space = market.observation_space
        model.action_space = quoting.space if quoting else market.action_space
        model.n_envs = 1
        model._setup_model()
        put_weights(model, path)
        return TrainedPolicy(model, quoting=quoting)

    def _settings(self, market: Market) -> dict[str, Any]:
        """What the algorithm is made with, beside its lanes and its seed."""
        settings = {"policy": "MlpPolicy", "device": "cpu", **deepcopy(self.settings)}  # it writes into them
        if self.one_hot:
            settings["policy_kwargs"] = with_one_hot(market, settings.get("policy_kwargs", {}))
        elif self.lateness:
            settings["policy_kwargs"] = with_log_time_to_go(market, settings.get("policy_kwargs", {}))
        if self.branches:
            kind = EntropicRollouts if self.is_entropic(market) else ResampledRollouts
            settings |= {"rollout_buffer_class": kind}
        elif self.expected_fills and market.venue.loops == "lanes":
            settings |= EXPECTING[self.algorithm]
        if "gap" in settings.get("replay_buffer_kwargs", {}):  # which stable-baselines3's own buffers have not
            settings.setdefault("replay_buffer_class", GapReplay)
        return settings

    def lanes(self, market: Market) -> Any:
        """The lanes to learn on, as a VecEnv."""
        markets = [market, *(market_named(each) for each in self.beside)]
        if self.beside and self.expected_fills and market.venue.loops == "lanes":
            raise ValueError(
                "agent.expected_fills must be false where markets are learnt on beside: fills are expected in one"
            )
        shares = np.diff(np.arange(len(markets) + 1) * int(self.num_envs) // len(markets))
        parts = [self._lanes_of(each, share) for each, share in zip(markets, shares.tolist())]
        return MixedLanes(parts) if self.beside else parts[0]

    def _lanes_of(self, market: Market, num_envs: int) -> VecAdapter:
        """Lanes of one market."""
        self.check(market)
        quieter = self.training_market(market)
        mean, unit = reward_units(quieter) if self.standardise else (0.0, 1.0)
        shift = 0.0 if market.may_close else mean  # where episodes may end early it would pay for how long they live
        terms = (quieter, num_envs, None, self.reward_scale / unit, shift, self.stagger, self.branches)
        return QuotedLanes(self.quoting_of(market), *terms) if self.quoting else VecAdapter(*terms)

    def training_market(self, market: Market) -> Market:
        """The market to learn on: the same but for the noise in its rewards, and with changes in wealth for a CARA utility."""
        reward: Any = market.reward
        if self.is_entropic(market):
            market = replace(market, reward=WealthChange(reward.gamma))
        unforeseen = market.venue.makes_mid or (isinstance(market, Desk) and market.has_options)
        if self.noise == 1.0 or not isinstance(market.reward, PENALTIES) or unforeseen:
            return market
        return replace(market, reward=replace(market.reward, noise=self.noise))

    def is_entropic(self, market: Market) -> bool:
        """Whether a utility of final wealth is learnt from each step's change in wealth (`agents.learning.entropic`)."""
        reward: Any = market.reward
        final = type(reward) is CARA and not isinstance(market.clock, Ergodic)  # else no wealth is final
        return bool(self.branches) and final and not differs(reward.gamma)

    def check(self, market: Market) -> None:
        """Refuse a market whose actions the algorithm cannot take, in which no step can be tried again by `branches`, or whose
        fills cannot be expected."""
        if self.branches:
            check_branches(market)
        elif self.expected_fills and market.venue.loops == "lanes":
            check_separable(market)
        self.quoting_of(market)
        discrete = isinstance(market.action_space, gym.spaces.Discrete)
        if discrete and self.algorithm in ("SAC", "TD3", "TQC"):
            raise ValueError(f"{self.algorithm} needs continuous actions, got {market.quote}")
        if not discrete and self.algorithm in ("DQN", "QRDQN"):
            raise ValueError(f"{self.algorithm} needs a grid of actions (quote@market.quote=grid), got {market.quote}")
        try:
            self.training_market(market)
        except ValueError as error:
            raise ValueError(f"{error}; agent.noise=1 learns from the rewards as they are") from None


def reward_units(market: Market) -> tuple[float, float]:
    """The mean reward of a step, and the standard deviation of the sum over an episode, of acting by the middle action.

    What is left of a value function once the mean is off is what depends on inventory: that is what has to be learnt. Where
    nothing but rounding is left (rewards without noise of a maker who does not mind inventory), the noise is the unit.
    """
    objective = middling(market).objective
    if isinstance(market.reward, PENALTIES) and objective.std() <= 1e-9 * abs(objective.mean()):
        noisy = middling(replace(market, reward=replace(market.reward, noise=1.0))).objective
        return float(objective.mean() / market.clock.steps), float(noisy.std()) or 1.0
    return float(objective.mean() / market.clock.steps), float(objective.std()) or 1.0


def middling(market: Market) -> Episodes:
    """1,024 episodes of acting by the middle action; in a pool, of placing the middle range once."""
    space: Any = market.action_space
    middle = space.n // 2 if isinstance(space, gym.spaces.Discrete) else 0.0
    if isinstance(market, Desk):
        return run_policy(market, lambda seen: np.full((len(seen), market.width), middle), 1024, seed=0)
    if market.venue.takes_ranges:
        return run_policy(market, middling_provider(market).act, 1024, seed=0)
    actions = np.full((1, len(inventory_levels(market)), market.width), float(middle))
    return run_actions(market, actions, 1024, seed=0)


def _single_thread() -> None:
    """Nets this small learn faster on one thread than on more, which wait for each other where others are at work too."""
    import torch
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(1)
    threadpool_limits(1, user_api="blas")
