"""Self-play: two learners against each other, a market maker and an adversary that sets the market to its loss.

After Spooner & Savani 2020. Theirs are actor-critics with polynomial features that learn at the same time; ours are two of
stable-baselines3's on-policy learners that learn in turn, each against the other as it then acts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm

from agents.learning.clone import clone
from agents.learning.learner import Learner
from agents.learning.sb3 import TrainedPolicy
from agents.policy import Policy, in_space, policy_of
from agents.robust.adversary import FixedAdversary, Powers
from mm_env.controls import Controls
from mm_env.core.parameters import Count, check_fields
from mm_env.envs.sb3 import VecAdapter
from mm_env.market import Market


class _Lanes(VecAdapter):
    """The lanes of `like`, where an adversary sets the market before each step of the maker."""

    def __init__(self, like: VecAdapter, powers: Powers, opponent: Policy) -> None:
        super().__init__(like.env.market, like.num_envs, None, like.reward_scale, like.reward_shift, like.stagger)
        self.powers, self.opponent, self.seen = powers, opponent, np.zeros(0, np.float32)
        self.controls = Controls(self.env.simulation, powers.ranges)

    def reset(self) -> NDArray[np.float32]:
        self.seen = super().reset()
        return self.seen

    def play(self, maker: NDArray[Any], adversary: NDArray[Any]) -> Any:
        """One step of both, by their actions."""
        self.controls.set(self.powers.parameters(adversary))
        super().step_async(maker)
        stepped = super().step_wait()
        self.seen = stepped[0]
        return stepped


class MakerLanes(_Lanes):
    """The maker's seat: it acts, `opponent` sets the market."""

    def step_wait(self) -> Any:
        return self.play(self._actions, self.opponent.act(self.seen))


class AdversaryLanes(_Lanes):
    """The adversary's seat: it acts in [-1, 1]^n, `opponent` quotes, and what the maker gains it loses.

    The observation is the maker's; `episode` in the infos is the maker's objective.
    """

    def __init__(self, like: VecAdapter, powers: Powers, opponent: Policy) -> None:
        super().__init__(like, powers, opponent)
        self.action_space = powers.space

    def step_wait(self) -> Any:
        quoted = in_space(self.env.market, self.opponent.act(self.seen))
        observations, rewards, ended, infos = self.play(quoted, self._actions)
        return observations, -rewards, ended, infos


@dataclass(frozen=True)
class _Seated(Learner):
    """A learner on lanes of another kind."""

    seat: Callable[[VecAdapter], VecAdapter] = lambda lanes: lanes

    def lanes(self, market: Market) -> VecAdapter:
        return self.seat(super().lanes(market))


@dataclass(frozen=True)
class SelfPlay:
    """Self-play: trains `maker` and, `turns` rollouts before each of the maker's, `adversary`, each against the other as it
    then acts.

    The maker's steps say when it ends. A `teacher` of the maker is cloned before.

    Raises: ValueError for a learner that is not on-policy, an adversary that learns from fills or a teacher as only a maker
    can, or ranges that the market does not have.
    """

    maker: Learner
    adversary: Learner
    powers: Powers
    turns: Count = 1

    def __post_init__(self) -> None:
        check_fields(self, scalar=True)
        for learner in (self.maker, self.adversary):
            if learner.algorithm not in ("PPO", "A2C"):
                raise ValueError(f"self-play is between on-policy learners (PPO, A2C), got {learner.algorithm}")
        for name in ("expected_fills", "teacher"):
            if getattr(self.adversary, name):
                raise ValueError(f"SelfPlay.adversary must have no {name}, for its actions are no quotes")

    def train(
        self, market: Market, seed: int, folder: Path | None = None, callbacks: Sequence[BaseCallback] = ()
    ) -> tuple[TrainedPolicy, TrainedPolicy]:
        """The maker and the adversary that have learnt from `seed`, with both's TensorBoard logs in `folder`.

        `callbacks` watch the maker.
        """
        self.powers.check(market)
        middle = FixedAdversary(np.zeros(len(self.powers.ranges)))
        maker = self._model(self.maker, MakerLanes, middle, market, seed, folder)
        if self.maker.teacher is not None:
            clone(maker, policy_of(self.maker.teacher, market))
        adversary = self._model(self.adversary, AdversaryLanes, TrainedPolicy(maker), market, seed, folder)
        maker.get_env().opponent = TrainedPolicy(adversary)
        rival = Turns(adversary, self.adversary.total_steps, self.turns)
        maker.learn(self.maker.total_steps, [*callbacks, rival], tb_log_name="maker", log_interval=10)
        return TrainedPolicy(maker), TrainedPolicy(adversary)

    def _model(
        self, learner: Learner, seat: type[_Lanes], opponent: Policy, market: Market, seed: int, folder: Path | None
    ) -> Any:
        settings = {field.name: getattr(learner, field.name) for field in fields(learner)}
        seated = _Seated(**settings, seat=lambda lanes: seat(lanes, self.powers, opponent))
        return seated.model(market, seed, folder)


class Turns(BaseCallback):
    """Before each rollout of the model that it watches, lets `rival` learn from `turns` rollouts of its own."""

    def __init__(self, rival: OnPolicyAlgorithm, total_steps: int, turns: int) -> None:
        super().__init__()
        self.rival, self.total_steps, self.turns = rival, total_steps, turns
        self.unheard: Any = None

    def _on_training_start(self) -> None:
        self.total_steps, self.unheard = self.rival._setup_learn(self.total_steps, None, True, "adversary")

    def _on_rollout_start(self) -> None:
        for _ in range(self.turns):
            if self.rival.num_timesteps >= self.total_steps:
                return
            self._learn()

    def _learn(self) -> None:
        """One pass of the loop of `OnPolicyAlgorithm.learn`."""
        rival: Any = self.rival
        rival.collect_rollouts(rival.env, self.unheard, rival.rollout_buffer, rival.n_steps)
        rival._update_current_progress_remaining(rival.num_timesteps, self.total_steps)
        if rival.ep_info_buffer:
            objectives = [episode["r"] for episode in rival.ep_info_buffer]
            rival.logger.record("rollout/ep_rew_mean", float(np.mean(objectives)))
        rival.train()
        rival.logger.dump(rival.num_timesteps)

    def _on_step(self) -> bool:
        return True
