# long: --frames 20_000 for seconds
# pyright: reportMissingImports=false
"""TorchRL's own parts on a market's lanes: collector, generalised advantages, clipped loss; and the exact skill.

python -m examples.torchrl_ppo --market amzn --frames 1_000_000
"""

from __future__ import annotations

from argparse import ArgumentParser
from dataclasses import replace
from typing import Any

import gymnasium
import numpy as np
import torch
from tensordict.nn import NormalParamExtractor, TensorDictModule
from torch import nn
from torchrl.collectors import Collector
from torchrl.envs import ExplorationType, GymWrapper, RewardScaling, set_exploration_type
from torchrl.modules import MLP, ProbabilisticActor, TanhNormal, ValueOperator
from torchrl.objectives import ClipPPOLoss
from torchrl.objectives.value import GAE

from agents.base import Policy
from experiments.evaluation.skill_references import SkillReferences
from mm_env.markets import market_named

LANES, FRAMES, BATCH, EPOCHS = 256, 8192, 2048, 4


class Learnt(Policy):
    """Acts by the mode of TorchRL's actor."""

    tabulable, learnt = True, True

    def __init__(self, actor: ProbabilisticActor) -> None:
        self.actor = actor

    def act(self, observations: np.ndarray) -> np.ndarray:
        with torch.no_grad(), set_exploration_type(ExplorationType.DETERMINISTIC):
            return self.actor(torch.from_numpy(observations))[2].numpy()


def nets(width: int, spec: Any) -> tuple[ProbabilisticActor, ValueOperator]:
    """An actor of numbers in [-1, 1], and the values of what it sees."""
    layers = {"num_cells": [64, 64], "activation_class": nn.SiLU}
    body = nn.Sequential(MLP(out_features=2 * width, **layers), NormalParamExtractor("biased_softplus_0.2"))
    law = TensorDictModule(body, in_keys=["observation"], out_keys=["loc", "scale"])
    acting = {"distribution_class": TanhNormal, "return_log_prob": True, "spec": spec}
    actor = ProbabilisticActor(law, in_keys=["loc", "scale"], out_keys=["action"], **acting)
    return actor, ValueOperator(MLP(out_features=1, **layers), in_keys=["observation"])


def train(market: Any, frames: int, seed: int) -> Policy:
    """What is learnt in so many steps of all lanes together."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    quieter = replace(market, reward=replace(market.reward, noise=0.0))  # without what no quote changes
    envs = GymWrapper(gymnasium.make_vec("mm_env/AMZN-v0", num_envs=LANES, market=quieter))
    envs = envs.append_transform(RewardScaling(loc=0.0, scale=30.0))
    envs.set_seed(seed)
    actor, critic = nets(market.action_space.shape[0], envs.action_spec_unbatched)
    critic(actor(envs.reset()))  # lazy layers learn their sizes
    advantage = GAE(gamma=1.0, lmbda=0.4, value_network=critic)
    loss = ClipPPOLoss(actor, critic, clip_epsilon=0.2, entropy_coeff=0.0, critic_coeff=0.5, normalize_advantage=True)
    optimizer = torch.optim.Adam(loss.parameters(), 1e-3, eps=1e-5)
    updates = -(-frames // FRAMES)
    sizes = {"frames_per_batch": FRAMES, "total_frames": updates * FRAMES}
    collector = Collector(envs, actor, **sizes, auto_register_policy_transforms=False)
    for update, shown in enumerate(collector):
        optimizer.param_groups[0]["lr"] = 1e-3 * (1.0 - update / updates)
        advantage(shown)
        rows = shown.reshape(-1)
        for _ in range(EPOCHS):
            for batch in torch.randperm(len(rows)).split(BATCH):
                told = loss(rows[batch])
                optimizer.zero_grad()
                (told["loss_objective"] + told["loss_critic"]).backward()
                nn.utils.clip_grad_norm_(loss.parameters(), 0.5)
                optimizer.step()
    collector.shutdown()
    return Learnt(actor)


def main() -> float | None:
    """Train, and the exact skill of what was learnt."""
    parser = ArgumentParser(description="TorchRL's PPO on the lanes of a market")
    for name, default in (("--market", "amzn"), ("--frames", 1_000_000), ("--seed", 0)):
        parser.add_argument(name, type=type(default), default=default)
    told = parser.parse_args()
    market = market_named(told.market)
    skill = SkillReferences.of(market).exact_skill(train(market, told.frames, told.seed))
    print(f"{told.market}: exact skill {skill:.4f} after {told.frames:,} frames")
    return skill


if __name__ == "__main__":
    main()
