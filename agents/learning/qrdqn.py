"""QR-DQN that acts on the CVaR of its quantiles: for each action the mean of the lowest share 1 - level of them.

Z(s, a) is the law of what is still to come, by n quantiles (Dabney, Rowland, Bellemare & Munos 2018). Who acts by
argmax CVaR_level(Z(s, a)) and learns the law of acting so (Dabney, Ostrovski, Silver & Munos 2018, sec. 3) minds the worst of
what is still to come from each state anew: with a level of 0 that is the mean and QR-DQN itself, above it an objective of its
own, which is no static CVaR of the whole episode. That one is a market's (`mm_env.CVaR`), and is learnt with a level of 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sb3_contrib
import torch
from sb3_contrib.common.utils import quantile_huber_loss
from sb3_contrib.qrdqn.policies import QRDQNPolicy, QuantileNetwork
from torch import Tensor

from mm_env.core.parameters import Interval, check


def tail_means(quantiles: Tensor, level: float) -> Tensor:
    """The mean of the lowest share 1 - level (but at least one) of quantiles (n, quantiles, actions); (n, actions)."""
    counted = max(1, round((1.0 - level) * int(quantiles.shape[1])))
    if counted < quantiles.shape[1]:
        quantiles = quantiles.topk(counted, dim=1, largest=False).values
    return quantiles.mean(dim=1)


class TailNetwork(QuantileNetwork):
    """Quantiles of each action, that of the largest tail mean being taken."""

    def __init__(self, *args: Any, level: float = 0.0, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.level = level

    def _predict(self, observation: Any, deterministic: bool = True) -> Tensor:
        return tail_means(self(observation), self.level).argmax(dim=1).reshape(-1)

    def _get_constructor_parameters(self) -> dict[str, Any]:
        return {**super()._get_constructor_parameters(), "level": self.level}


class TailPolicy(QRDQNPolicy):
    """The policy of QR-DQN with a `level` in [0, 1]: of what share of the quantiles it minds the mean."""

    def __init__(self, *args: Any, level: float = 0.0, **settings: Any) -> None:
        check("QRDQN.level", level, Interval(0.0, 1.0))
        self.level = level
        super().__init__(*args, **settings)

    def make_quantile_net(self) -> TailNetwork:
        told: dict[str, Any] = self._update_features_extractor(self.net_args, features_extractor=None)
        return TailNetwork(level=self.level, **told).to(self.device)

    def _get_constructor_parameters(self) -> dict[str, Any]:
        return {**super()._get_constructor_parameters(), "level": self.level}


class QRDQN(sb3_contrib.QRDQN):
    """sb3-contrib's QR-DQN whose policy may have a `level`: `policy_kwargs={"level": 0.95}`."""

    policy_aliases = {"MlpPolicy": TailPolicy}  # noqa: RUF012  (as stable-baselines3 has it)

    def train(self, gradient_steps: int, batch_size: int = 100) -> None:
        self.policy.set_training_mode(True)
        self._update_learning_rate(self.policy.optimizer)
        buffer: Any = self.replay_buffer
        losses = [self._improve(buffer.sample(batch_size, env=self._vec_normalize_env)) for _ in range(gradient_steps)]
        self._n_updates += gradient_steps
        self.logger.record("train/n_updates", self._n_updates, exclude="tensorboard")
        self.logger.record("train/loss", np.mean(losses))

    def _improve(self, batch: Any) -> float:
        """One step down the quantile Huber loss of a batch; the loss."""
        loss = quantile_huber_loss(self._quantiles(batch), self._targets(batch), sum_over_quantiles=True)
        self.policy.optimizer.zero_grad()
        loss.backward()
        if self.max_grad_norm is not None:
            torch.nn.utils.clip_grad_norm_(self.policy.parameters(), self.max_grad_norm)
        self.policy.optimizer.step()
        return loss.item()

    def _quantiles(self, batch: Any) -> Tensor:
        """The quantiles (batch, quantiles) of the actions that were taken."""
        return _of(self.quantile_net(batch.observations), batch.actions.long())

    @torch.no_grad()
    def _targets(self, batch: Any) -> Tensor:
        """r + discount Z(s', a') (batch, quantiles), a' the action of the largest tail mean."""
        policy: Any = self.policy
        following = self.quantile_net_target(batch.next_observations)
        taken = tail_means(following, policy.level).argmax(dim=1, keepdim=True)
        discounts = batch.discounts if batch.discounts is not None else self.gamma
        return batch.rewards + (1 - batch.dones) * discounts * _of(following, taken)


def _of(quantiles: Tensor, actions: Tensor) -> Tensor:
    """The quantiles (n, quantiles) of actions (n, 1) from those of all, (n, quantiles, actions)."""
    wanted = actions[..., None].expand(len(actions), quantiles.shape[1], 1)
    return quantiles.gather(dim=2, index=wanted).squeeze(dim=2)
