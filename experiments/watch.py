"""What TensorBoard shows while a learner trains: scalars, the config, quotes over inventory and the P&L."""

from __future__ import annotations

from pathlib import Path

import torch
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import Figure
from tqdm import tqdm

from agents.policy import play
from agents.sb3 import TrainedPolicy
from experiments import plots
from experiments.benchmarks import OPTIMUM, Benchmarks
from experiments.curve import Curve
from mm_env.market import Market
from mm_env.metrics import figures

_FILES = ("stdout", "log", "json", "csv")
_SEED = 2_000_003  # of the noise on which training is watched; no table is made of it


class Watch(BaseCallback):
    """Evaluates the policy `evaluations` times, evenly spread over the training, each time on the same noise.

    Scalars: `evaluation/skill` (exact, or simulated where the policy is no table), `evaluation/objective` and the desk's
    figures; besides `evaluation/quotes`, `evaluation/profit_distribution` and, once, `config`. Skill, objective and the
    seconds trained also go to `curve.csv` in `folder`.
    """

    def __init__(
        self, market: Market, benchmarks: Benchmarks, total_steps: int, config: str, evaluations: int, episodes: int,
        folder: Path,
    ) -> None:  # fmt: skip
        super().__init__()
        self.market, self.benchmarks, self.config = market, benchmarks, config
        self.every, self.episodes = max(1, total_steps // max(1, evaluations)), episodes
        self.folder = folder
        self.progress = tqdm(
            total=total_steps, desc="training", unit="step", unit_scale=True, mininterval=0.5, delay=0.5
        )
        self.due = 0

    def _on_training_start(self) -> None:
        self.logger.record("config", f"```yaml\n{self.config}\n```", exclude=_FILES)
        self.progress.update(self.num_timesteps - self.progress.n)
        self.curve = Curve(self.folder, self.num_timesteps)

    def _on_rollout_start(self) -> None:
        if self.num_timesteps >= self.due:
            self._evaluate()
            self.due = self.num_timesteps + self.every

    def _on_step(self) -> bool:
        self.progress.update(self.num_timesteps - self.progress.n)
        return True

    def _on_training_end(self) -> None:
        self._evaluate()
        self.progress.close()

    def _evaluate(self) -> None:
        self.curve.pause()
        policy = TrainedPolicy(self.model)
        episodes = play(self.market, policy, self.episodes, _SEED)
        found = figures(episodes)
        for name, estimate in found.items():
            self.logger.record(f"evaluation/{name}", estimate.value)
        skill = self.benchmarks.exact_skill(policy)
        if skill is not None:
            self.logger.record("evaluation/skill", skill)
        score = skill if skill is not None else found["objective"].value
        self.progress.set_postfix_str(f"{'objective' if skill is None else 'skill'} {score:.3f}")
        self.logger.record("evaluation/profit_distribution", torch.from_numpy(episodes.profit), exclude=_FILES)
        reference = self.benchmarks.policies.get(OPTIMUM)
        curves = plots.quote_curves(self.market, "agent", policy, "optimum", reference) if reference else None
        if curves is not None:
            self.logger.record("evaluation/quotes", Figure(curves, close=True), exclude=_FILES)
        self.logger.dump(self.num_timesteps)
        self.curve.write(self.num_timesteps, skill, found["objective"].value)
        self.curve.go_on()
