"""A price model of one's own, a learner trained on it, and both compared with the closed form and the exact optimum.

python -m examples.own_price
"""

import math
from dataclasses import replace

from omegaconf import OmegaConf

import mm_env
from agents import CarteaJaimungal, StrategyPolicy
from experiments.config.markets import build
from experiments.config.search_path import CONF
from experiments.evaluation.skill_references import SkillReferences


class News(mm_env.Price):
    """dS = sigma dW, and news at `rate` that moves it by `size` up or down."""

    sigma: mm_env.NonNegative  # price / sqrt(time)
    rate: mm_env.Positive  # 1 / time
    size: mm_env.Positive  # price

    @mm_env.rule
    def move(self, mid, latent, noise, dt):
        u = noise.latent[0] / (self.rate * dt)  # below 1 where there is news: up in half of it
        jump = 0.0 if u >= 1.0 else self.size if u < 0.5 else -self.size
        return mid + self.sigma * math.sqrt(dt) * mm_env.maths.normal(noise.price) + jump

    @mm_env.rule
    def expected(self, mid, latent, dt):  # learners then learn from rewards without the noise of the mid
        return mid

    def law(self, dt, nodes):  # with it the market has its exact optimum, after the law was tried against the steps
        half = 0.5 * self.rate * dt
        return mm_env.Law([[1.0 - 2.0 * half, half, half]], [[0.0, self.size, -self.size]], self.sigma**2 * dt)


market = replace(mm_env.markets.cartea_jaimungal(), price=News(0.1, 2.0, 1.0), max_inventory=8.0)
settings = {"total_steps": 500_000}  # of conf/agent/ppo.yaml, a quarter of its steps
ppo = build(OmegaConf.merge(OmegaConf.load(CONF / "agent" / "ppo.yaml"), settings)).train(market, seed=0)
closed_form = StrategyPolicy(CarteaJaimungal.of(market), market)
skill = SkillReferences.of(market).exact_skill  # 0 for the best quotes that never change, 1 for the optimum
print(f"skill of PPO {skill(ppo):.3f}, of the closed form of Cartea & Jaimungal {skill(closed_form):.3f}")
