"""PPO of stable-baselines3 whose nets are compiled, and answer each observation that many lanes see once.

A market shows many lanes the same: an inventory and a time. Nets are asked of each distinct observation once, in the
rollout and in the update, where the samples at it add up to one slope (`objective`). Minibatches are drawn from distinct
observations, each with all its samples; where no two are the same, that is PPO as it is known. The same Adam, clipping,
normalisation and logs: on the same minibatch an update is that of stable-baselines3 but for rounding.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from stable_baselines3 import PPO
from stable_baselines3.common.utils import explained_variance

from agents.learning.compiled import loops
from agents.learning.compiled.acting import acting_of
from agents.learning.compiled.distinct import distinct, grouped
from agents.learning.compiled.lookahead import Lookahead
from agents.learning.compiled.mlp import ACTIVATIONS
from agents.learning.compiled.rollout import Rollout, Samples, Singles, advantages_of, judge
from agents.learning.compiled.weights import Weights

_AT_ONCE = 8192  # rows that the nets are asked of at a time


class CompiledPPO(PPO):
    """PPO with an MlpPolicy of SiLU or Tanh, on a VecAdapter.

    Raises: ValueError for what it has no loops for.
    """

    def _setup_model(self) -> None:
        super()._setup_model()
        _check(self)
        self.weights, self.acting = Weights(self.policy), acting_of(self.action_space)

    def _excluded_save_params(self) -> list[str]:
        return [*super()._excluded_save_params(), "weights", "acting", "samples"]

    def outputs(self, observations: Singles) -> Singles:
        """What the actor says at observations (n, k): mean actions (n, width), or logits (n, choices)."""
        rows, place = distinct(self.weights.as_read(observations))
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
        acting = self.acting.begin(self.weights.log_std, n_rollout_steps, env.num_envs)
        seen: Any = self._last_obs
        observations, actions, log_probabilities = [seen], [], []
        rewards, over = np.empty((2, n_rollout_steps, env.num_envs), np.float32)
        lookahead, endings = Lookahead(rollout_buffer, env), []
        for step in range(n_rollout_steps):
            action, log_probability = acting.draw(self.outputs(seen), step)
            actions.append(action)
            log_probabilities.append(log_probability)
            lookahead.before(seen, action)
            seen, rewards[step], dones, infos = env.step(acting.held(action))
            over[step] = dones
            lookahead.after()
            self.num_timesteps += env.num_envs
            callback.update_locals(locals())
            if not callback.on_step():
                return False
            endings.append(infos.endings)
            observations.append(seen)
        rollout = Rollout(np.stack(observations), np.stack(actions), np.stack(log_probabilities), rewards, over)
        self.samples = self._judged(rollout, endings, lookahead)
        self._last_obs = seen
        callback.update_locals(locals())
        callback.on_rollout_end()
        return True

    def _judged(self, rollout: Rollout, endings: list[Any], lookahead: Lookahead) -> Samples:
        """The samples of a rollout, with advantages and returns."""
        for ended in endings:
            self._update_info_buffer(list(ended.values()))
        self._bootstrap(rollout, endings)
        seen, count = self.weights.as_read(rollout.observations), rollout.rewards.size
        might_be = self.weights.as_read(lookahead.observations(rollout.observations[1:]))
        judged, (_, last, might) = judge(self.values, seen[:-1], seen[-1], might_be)
        values = np.concatenate([judged.values[judged.place[:count]].reshape(rollout.rewards.shape), last[None]])
        rewards = lookahead.rewards(rollout, values, might, self.gamma)
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
        """One step of Adam by the samples at the `chosen` observations: the figures of the objective."""
        weights, inputs, figures = self.weights, features[chosen], np.empty(5)
        means, values = weights.actor.forward(inputs), weights.critic.forward(inputs)
        slopes = np.empty_like(means), np.empty_like(values)
        clip = float(self.clip_range(self._current_progress_remaining))  # pyright: ignore
        loops.run(
            self.acting.objective, chosen, bounds, order, means, values, weights.log_std, samples.actions,
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
            "distinct_share": len(samples.rows) / len(samples.place),
        }  # fmt: skip
        if len(self.weights.log_std):
            told["std"] = float(np.exp(self.weights.log_std).mean())
        for name, value in told.items():
            self.logger.record(f"train/{name}", value)
        self.logger.record("train/n_updates", self._n_updates, exclude="tensorboard")


def _check(model: Any) -> None:
    """Refuse what there are no loops for."""
    policy = model.policy
    known = sorted({name for name, _ in ACTIVATIONS})
    if policy.activation_fn.__name__ not in known or model.use_sde:
        raise ValueError(
            f"CompiledPPO needs an activation_fn of {', '.join(known)}, got {policy.activation_fn.__name__}"
        )
    if model.clip_range_vf is not None or model.target_kl is not None:
        raise ValueError("CompiledPPO needs clip_range_vf and target_kl of None")
