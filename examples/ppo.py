# long: PPO in one file, top to bottom; the default settings train for minutes, --total-steps 100_000 for seconds
"""PPO in one file: plain torch on the lanes of a dealer market, and the exact skill of what it learnt.

python -m examples.ppo --market amzn --seed 0

It is the proximal policy optimisation of Schulman et al. 2017 with generalised advantage estimation (Schulman et al. 2016), and
four things that this environment offers a learner and the usual ones do not. Each is one option, so that each can be left out:

- `noise=0`: rewards without the martingale part of what the position earns, whose mean no quote changes;
- `expected_fills`: in the place of V(s') its expectation over who trades, whose probabilities the quotes tell;
- `stagger`: lanes at steps spread over the horizon, so that a rollout shows all times of an episode;
- `log_time`: the log of the time to go as one more input, for near the end each step matters more than many before.

None of them changes which policy is best.
"""

from __future__ import annotations

import math
from argparse import ArgumentParser, BooleanOptionalAction
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
import torch
from torch import Tensor, nn
from torch.distributions import Normal

from agents.base import Policy
from mm_env.envs.gym import MarketMakingVectorEnv
from mm_env.markets import market_named
from mm_env.rollout import run_policy


@dataclass(frozen=True)
class Settings:
    market: str = "amzn"
    seed: int = 0
    total_steps: int = 2_000_000  # of all lanes together
    num_envs: int = 512
    num_steps: int = 16  # of each lane in a rollout
    batch_size: int = 2048
    epochs: int = 4
    learning_rate: float = 3e-3  # goes to 0 in a line
    gae_lambda: float = 0.4
    clip: float = 0.2
    value_weight: float = 0.5
    max_grad_norm: float = 0.5
    log_std: float = -1.5  # of the first actions
    hidden: int = 64
    noise: float = 0.0
    reward_scale: float = 30.0  # standard deviations of an episode's objective
    expected_fills: bool = True
    stagger: bool = True
    log_time: bool = True


def linear(inputs: int, outputs: int, gain: float = math.sqrt(2.0)) -> nn.Linear:
    """A layer with orthogonal weights and no bias."""
    layer = nn.Linear(inputs, outputs)
    nn.init.orthogonal_(layer.weight, gain)
    nn.init.zeros_(layer.bias)
    return layer


class Agent(nn.Module):
    """A net for the mean of the actions, a net for the value, and a spread that knows no state."""

    def __init__(self, market: Any, settings: Settings) -> None:
        super().__init__()
        names, width, hidden = market.observation_names, market.action_space.shape[0], settings.hidden
        self.time = names.index("time_left") if settings.log_time and "time_left" in names else None
        self.steps = market.clock.steps
        inputs = len(names) + (self.time is not None)
        self.actor = nn.Sequential(
            linear(inputs, hidden), nn.SiLU(), linear(hidden, hidden), nn.SiLU(), linear(hidden, width, 0.01)
        )
        self.critic = nn.Sequential(
            linear(inputs, hidden), nn.SiLU(), linear(hidden, hidden), nn.SiLU(), linear(hidden, 1, 1.0)
        )
        self.log_std = nn.Parameter(torch.full((width,), settings.log_std))

    def features(self, seen: Tensor) -> Tensor:
        """Observations (..., k), and the log time to go from -1 at the start to 1 at the end beside them."""
        if self.time is None:
            return seen
        left = self.steps * seen[..., self.time : self.time + 1]
        return torch.cat([seen, 1.0 - 2.0 * torch.log1p(left) / math.log1p(self.steps)], dim=-1)

    def law(self, seen: Tensor) -> Normal:
        """The law of the actions (..., width)."""
        return Normal(self.actor(self.features(seen)), self.log_std.exp())

    def value(self, seen: Tensor) -> Tensor:
        """What is still to come, (...)."""
        return self.critic(self.features(seen)).squeeze(-1)


class Rollout(NamedTuple):
    """What the lanes did, (num_steps, num_envs, ...)."""

    seen: Tensor
    actions: Tensor
    log_prob: Tensor
    rewards: Tensor
    values: Tensor
    following: Tensor  # the value of what follows; 0 after a termination
    over: Tensor  # 1.0 where the step ended its episode


class Lanes:
    """A market's lanes, whose rewards are scaled, and what of their next value is foreseen."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.market = settings, market_named(settings.market)
        if not isinstance(self.market.action_space, gym.spaces.Box):
            raise ValueError(f"this PPO acts by real numbers, got {self.market.quote} of {settings.market}")
        if settings.expected_fills:
            from agents.learning.rollout_buffers import check_separable

            check_separable(self.market)
        quieter = self.market
        if settings.noise < 1.0:
            quieter = replace(quieter, reward=replace(quieter.reward, noise=settings.noise))
        played = run_policy(quieter, lambda seen: np.zeros((len(seen), quieter.width)), 1024, seed=0).objective
        self.mean = 0.0 if quieter.may_close else played.mean() / quieter.clock.steps
        self.scale = settings.reward_scale / played.std()
        self.envs = MarketMakingVectorEnv(quieter, settings.num_envs)
        self.seen, _ = self.envs.reset(seed=settings.seed)
        if settings.stagger:
            self.seen = self.envs.simulation.stagger()

    @torch.no_grad()
    def rollout(self, agent: Agent) -> Rollout:
        """`num_steps` steps of every lane."""
        return Rollout(*(torch.stack(of) for of in zip(*(self.step(agent) for _ in range(self.settings.num_steps)))))

    def step(self, agent: Agent) -> tuple[Tensor, ...]:
        """One step of every lane, as a row of a rollout."""
        seen = torch.from_numpy(self.seen)
        law = agent.law(seen)
        actions = law.sample()
        taken = actions.clamp(-1.0, 1.0).numpy()
        foreseen = self.foreseen(taken) if self.settings.expected_fills else None
        self.seen, rewards, terminated, truncated, infos = self.envs.step(taken)
        last = infos["final_obs"] if infos else self.seen  # the new episode's first observation is in its place
        over = terminated | truncated
        last = np.where(over[:, None], last, self.seen)
        following = self.next_values(agent, last, foreseen) * torch.from_numpy(~terminated)
        scaled = torch.from_numpy((self.scale * (rewards - self.mean)).astype(np.float32))
        row = (seen, actions, law.log_prob(actions).sum(-1), scaled, agent.value(seen), following)
        return (*row, torch.from_numpy(over).float())

    def foreseen(self, actions: np.ndarray) -> np.ndarray:
        """Inventories that the quotes may lead to, as they are observed, and their probabilities, (2, outcomes, num_envs)."""
        simulation = self.envs.simulation
        reached = simulation.foresee(actions.astype(np.float64).reshape(-1), simulation.inventory)
        return np.moveaxis(reached / [self.market.inventory_scale, 1.0], (2, 1), (0, 1)).astype(np.float32)

    def next_values(self, agent: Agent, seen: np.ndarray, foreseen: np.ndarray | None) -> Tensor:
        """V(s'), or its expectation over the fills, (num_envs,)."""
        if foreseen is None:
            return agent.value(torch.from_numpy(seen))
        inventories, chances = torch.from_numpy(foreseen)
        might = torch.from_numpy(seen).repeat(len(chances), 1, 1)
        might[..., self.market.observation_names.index("inventory")] = inventories
        return (chances * agent.value(might)).sum(0)


def advantages(rollout: Rollout, gae_lambda: float) -> Tensor:
    """Generalised advantages, undiscounted: A_t = delta_t + lambda A_{t+1} within an episode, delta_t = r + V(s') - V(s)."""
    deltas = rollout.rewards + rollout.following - rollout.values
    found, after = torch.empty_like(deltas), torch.zeros_like(deltas[0])
    for step in reversed(range(len(deltas))):
        after = deltas[step] + gae_lambda * (1.0 - rollout.over[step]) * after
        found[step] = after
    return found


def loss(agent: Agent, batch: list[Tensor], settings: Settings) -> Tensor:
    """The clipped surrogate of Schulman et al. 2017 and the squared error of the values."""
    seen, actions, before, advantage, returns = batch
    ratio = (agent.law(seen).log_prob(actions).sum(-1) - before).exp()
    advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
    clipped = ratio.clamp(1.0 - settings.clip, 1.0 + settings.clip)
    policy = -torch.min(ratio * advantage, clipped * advantage).mean()
    return policy + settings.value_weight * (agent.value(seen) - returns).square().mean()


def learn_from(rollout: Rollout, agent: Agent, optimizer: torch.optim.Optimizer, settings: Settings) -> None:
    """Some epochs of a rollout in random batches."""
    advantage = advantages(rollout, settings.gae_lambda)
    returns = advantage + rollout.values
    rows = [part.flatten(0, 1) for part in (rollout.seen, rollout.actions, rollout.log_prob, advantage, returns)]
    for _ in range(settings.epochs):
        for batch in torch.randperm(len(returns.flatten())).split(settings.batch_size):
            optimizer.zero_grad()
            loss(agent, [part[batch] for part in rows], settings).backward()
            nn.utils.clip_grad_norm_(agent.parameters(), settings.max_grad_norm)
            optimizer.step()


def train(settings: Settings) -> Agent:
    """The agent after `total_steps` steps."""
    torch.set_num_threads(1)  # nets this small are faster on one
    torch.manual_seed(settings.seed)
    lanes = Lanes(settings)
    agent = Agent(lanes.market, settings)
    optimizer = torch.optim.Adam(agent.parameters(), settings.learning_rate, eps=1e-5)
    updates = math.ceil(settings.total_steps / (settings.num_envs * settings.num_steps))
    for update in range(updates):
        optimizer.param_groups[0]["lr"] = settings.learning_rate * (1.0 - update / updates)
        learn_from(lanes.rollout(agent), agent, optimizer, settings)
    return agent


class Learnt(Policy):
    """Acts by the mean of the agent's law."""

    tabulable, learnt = True, True

    def __init__(self, agent: Agent) -> None:
        self.agent = agent

    def act(self, observations: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return self.agent.law(torch.from_numpy(observations)).mean.clamp(-1.0, 1.0).numpy()


def told() -> Settings:
    """The settings of the command line."""
    parser = ArgumentParser(description="PPO in one file, on the lanes of a dealer market")
    for one in fields(Settings):
        option, kind = f"--{one.name.replace('_', '-')}", type(one.default)
        how: dict[str, Any] = {"action": BooleanOptionalAction} if kind is bool else {"type": kind}
        parser.add_argument(option, default=one.default, **how)
    return Settings(**vars(parser.parse_args()))


def main() -> float:
    """Train, and the skill of what was learnt: 0 for the best constant quotes of the market, 1 for its exact optimum."""
    from experiments.evaluation.skill_references import SkillReferences

    settings = told()
    references = SkillReferences.of(market_named(settings.market))
    skill = references.exact_skill(Learnt(train(settings)))
    if skill is None:
        raise ValueError(
            f"{settings.market} has no exact skill: {references.missing or 'its agents see more than time and inventory'}"
        )
    print(f"{settings.market}, seed {settings.seed}: exact skill {skill:.4f}")
    return skill


if __name__ == "__main__":
    main()
