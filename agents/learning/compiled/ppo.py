"""PPO of stable-baselines3 whose nets are compiled, and answer each observation that many lanes see once.

A market shows many lanes the same: an inventory and a time. Nets are asked of each distinct observation once, in the
rollout and in the update, where the samples at it add up to one slope (`objective`). Minibatches are drawn from distinct
observations, each with all its samples; where no two are the same, that is PPO as it is known. The same Adam, clipping,
normalisation and logs: on the same minibatch an update is that of stable-baselines3 but for rounding.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3 import PPO
from stable_baselines3.common.utils import explained_variance

from agents.learning.compiled import loops
from agents.learning.compiled.distinct import distinct, grouped
from agents.learning.compiled.mlp import ACTIVATIONS
from agents.learning.compiled.objective import clipped_objective
from agents.learning.compiled.rollout import Rollout, Samples, Singles, advantages_of, judge
from agents.learning.compiled.weights import Weights
from agents.learning.rollout_buffers import ExpectedRollouts, foresee

_AT_ONCE = 8192  # rows that the nets are asked of at a time


class CompiledPPO(PPO):
    """PPO with an MlpPolicy of SiLU or Tanh and Gaussian actions, on a VecAdapter.

    Raises: ValueError for what it has no loops for.
    """

    def _setup_model(self) -> None:
        super()._setup_model()
        _check(self)
        self.weights = Weights(self.policy)

    def _excluded_save_params(self) -> list[str]:
        return [*super()._excluded_save_params(), "weights", "samples"]

    def means(self, observations: Singles) -> Singles:
        """The most likely actions (n, width) at observations (n, k)."""
        rows, place = distinct(observations)
        return self._asked(self.weights.actor, rows)[place]

    def values(self, rows: Singles) -> Singles:
        """The values (n,) of observations (n, k)."""
        return self._asked(self.weights.critic, rows)[:, 0]

    def _asked(self, net: Any, rows: Singles) -> Singles:
        features = self.weights.features(rows)
        parts = [net.forward(features[first : first + _AT_ONCE]) for first in range(0, len(rows), _AT_ONCE)]
        return np.concatenate(parts) if len(parts) > 1 else parts[0]

    def collect_rollouts(self, env: Any, callback: Any, rollout_buffer: Any, n_rollout_steps: int) -> bool:
        """Play the steps of a rollout and judge them; False where a callback asks to stop."""
        callback.on_rollout_start()
        drawn = torch.randn(n_rollout_steps, env.num_envs, *self.action_space.shape).numpy()  # pyright: ignore
        std = np.exp(self.weights.log_std)
        log_probabilities = (-0.5 * drawn * drawn - self.weights.log_std - np.float32(0.9189385)).sum(axis=-1)
        observations, actions = [self._last_obs], np.empty_like(drawn)
        rewards, over = np.empty((2, n_rollout_steps, env.num_envs), np.float32)
        foreseen, endings = [], []
        for step in range(n_rollout_steps):
            actions[step] = self.means(observations[-1]) + std * drawn[step]
            if isinstance(rollout_buffer, ExpectedRollouts):
                foreseen.append(foresee(env, observations[-1], actions[step]))
            following, rewards[step], over[step], infos = env.step(np.clip(actions[step], -1.0, 1.0))
            self.num_timesteps += env.num_envs
            callback.update_locals(locals())
            if not callback.on_step():
                return False
            endings.append(infos.endings)
            observations.append(following)
        rollout = Rollout(np.stack(observations), actions, log_probabilities, rewards, over)
        self.samples = self._judged(rollout, endings, foreseen, env)
        self._last_obs = following
        callback.update_locals(locals())
        callback.on_rollout_end()
        return True

    def _judged(self, rollout: Rollout, endings: list[Any], foreseen: list[Any], env: Any) -> Samples:
        """The samples of a rollout, with advantages and returns."""
        for ended in endings:
            self._update_info_buffer(list(ended.values()))
        self._bootstrap(rollout, endings)
        seen, following = rollout.observations[:-1], rollout.observations[1:]
        chances = np.stack(foreseen) if foreseen else np.empty((*rollout.rewards.shape, 0, 2))
        might = _shifted(env.market, following, chances[..., 0])
        judged, (_, last, reached) = judge(self.values, seen, rollout.observations[-1], might)
        count = rollout.rewards.size
        values = np.concatenate([judged.values[judged.place[:count]].reshape(rollout.rewards.shape), last[None]])
        rewards = rollout.rewards
        if foreseen:
            expected = (reached * chances[..., 1]).sum(axis=-1).astype(np.float32)
            rewards = rewards + np.float32(self.gamma) * (1.0 - rollout.over) * (expected - values[1:])
        advantages = advantages_of(rewards, values, rollout.over, self.gamma, self.gae_lambda)
        rows = judged.rows[: int(judged.place[:count].max()) + 1]
        columns = (rollout.log_probabilities, advantages, advantages + values[:-1], values[:-1])
        actions = rollout.actions.reshape(count, -1)
        return Samples(rows, judged.place[:count], actions, *(column.reshape(-1) for column in columns))

    def _bootstrap(self, rollout: Rollout, endings: list[Any]) -> None:
        """Add the value of where an episode was cut, and not over, to the last reward."""
        for step, ended in enumerate(endings):
            cut = {lane: told["terminal_observation"] for lane, told in ended.items() if told["TimeLimit.truncated"]}
            if cut:
                rollout.rewards[step, list(cut)] += np.float32(self.gamma) * self.values(np.stack(list(cut.values())))

    def train(self) -> None:
        """Several epochs of minibatches of the samples."""
        samples, weights = self.samples, self.weights
        self._update_learning_rate(self.policy.optimizer)
        weights.take_up()
        features = weights.features(samples.rows)
        order, bounds = grouped(samples.place, len(samples.rows))
        count = max(1, round(len(samples.place) / self.batch_size))
        figures = [
            self._improve(samples, features, chosen, order, bounds)
            for _ in range(self.n_epochs)
            for chosen in np.array_split(np.random.permutation(len(features)), min(count, len(features)))  # noqa: NPY002
        ]
        self._n_updates += self.n_epochs
        self._log(samples, np.mean(figures, axis=0))

    def _improve(self, samples: Samples, features: Singles, chosen: Any, order: Any, bounds: Any) -> Any:
        """One step of Adam by the samples at the `chosen` observations: the figures of `clipped_objective`."""
        weights, inputs, figures = self.weights, features[chosen], np.empty(5)
        means, values = weights.actor.forward(inputs), weights.critic.forward(inputs)
        slopes = np.empty_like(means), np.empty_like(values)
        clip = float(self.clip_range(self._current_progress_remaining))  # pyright: ignore
        loops.run(
            clipped_objective, chosen, bounds, order, means, values, weights.log_std, samples.actions,
            samples.log_probabilities, samples.advantages, samples.returns, self.normalize_advantage, clip,
            self.vf_coef, self.ent_coef, *slopes, weights.log_std_gradient, figures,
        )  # fmt: skip
        weights.actor.backward(slopes[0], weights.actor_gradient)
        weights.critic.backward(slopes[1], weights.critic_gradient)
        weights.descend(self.max_grad_norm)
        return figures

    def _log(self, samples: Samples, figures: Any) -> None:
        policy_loss, value_loss, entropy, divergence, clipped = (float(figure) for figure in figures)
        told = {
            "entropy_loss": -entropy, "policy_gradient_loss": policy_loss, "value_loss": value_loss,
            "approx_kl": divergence, "clip_fraction": clipped,
            "loss": policy_loss - self.ent_coef * entropy + self.vf_coef * value_loss,
            "explained_variance": explained_variance(samples.values, samples.returns),
            "std": float(np.exp(self.weights.log_std).mean()), "distinct_share": len(samples.rows) / len(samples.place),
        }  # fmt: skip
        for name, value in told.items():
            self.logger.record(f"train/{name}", value)
        self.logger.record("train/n_updates", self._n_updates, exclude="tensorboard")


def _shifted(market: Any, following: Singles, inventories: Any) -> Singles:
    """The observations (..., outcomes, k) that would follow with other inventories (..., outcomes)."""
    might = np.repeat(following[..., None, :], inventories.shape[-1], axis=-2)
    might[..., market.observation_names.index("inventory")] = inventories / market.inventory_scale
    return might


def _check(model: Any) -> None:
    """Refuse what there are no loops for."""
    policy = model.policy
    if not isinstance(model.action_space, spaces.Box):
        raise ValueError(f"CompiledPPO needs continuous actions, got {model.action_space}")
    known = sorted({name for name, _ in ACTIVATIONS})
    if policy.activation_fn.__name__ not in known or model.use_sde:
        raise ValueError(f"CompiledPPO needs an activation_fn of {', '.join(known)}, got {policy.activation_fn.__name__}")
    if model.clip_range_vf is not None or model.target_kl is not None:
        raise ValueError("CompiledPPO needs clip_range_vf and target_kl of None")


