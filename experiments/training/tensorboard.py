"""The callback that logs to TensorBoard: scalars, the config, quotes and inventory, and distributions of P&L."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import torch
from omegaconf import OmegaConf
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import Figure, HParam, KVWriter, TensorBoardOutputFormat
from tqdm import tqdm

from agents.learning.sb3 import TrainedPolicy
from agents.policy import play
from experiments.evaluation import plots
from experiments.evaluation.common_noise import figures_in
from experiments.evaluation.sample import CURVE_SEED, sample
from experiments.evaluation.skill_references import OPTIMUM, SkillReferences
from experiments.training import tags
from experiments.training.curve import Curve
from mm_env.market import Market
from mm_env.rollout import Episodes

_FILES = ("stdout", "log", "json", "csv")


class Grouped(KVWriter):
    """TensorBoard's writer, by whose names all that stable-baselines3 logs is in train/ and time/."""

    def __init__(self, writer: TensorBoardOutputFormat) -> None:
        self.writer = writer

    def write(self, key_values: dict[str, Any], key_excluded: dict[str, tuple[str, ...]], step: int = 0) -> None:
        values = {tags.regrouped(name): value for name, value in key_values.items()}
        self.writer.write(values, {tags.regrouped(name): value for name, value in key_excluded.items()}, step)

    def close(self) -> None:
        self.writer.close()


class TensorBoardCallback(BaseCallback):
    """A callback of stable-baselines3: evaluates the policy `evaluations` times, evenly spread over training, on common noise.

    In a recorded day that is each of the windows of training once, and never another: `episodes`, a text, says so.

    `tags` names all that it writes; besides, `config` holds the config as text, and the hparams tab lists it.
    Skill (exact, or none where the policy is no table), objective and the seconds trained also go to `curve.csv` in `folder`.
    """

    def __init__(
        self, market: Market, references: SkillReferences, total_steps: int, config: str, evaluations: int, episodes: int,
        folder: Path,
    ) -> None:  # fmt: skip
        super().__init__()
        self.sample = sample(market, episodes, CURVE_SEED, "training windows")
        self.market, self.references, self.config = self.sample.market, references, config
        self.every = max(1, total_steps // max(1, evaluations))
        self.folder = folder
        self.progress = tqdm(
            total=total_steps, desc="training", unit="step", unit_scale=True, mininterval=0.5, delay=0.5
        )
        self.due, self.evaluating, self.said_above = 0, 0.0, False

    def _on_training_start(self) -> None:
        self._lay_out()
        self.logger.record("config", f"```yaml\n{self.config}\n```", exclude=_FILES)
        self.logger.record("episodes", f"eval/ and risk/ are over {self.sample.says}", exclude=_FILES)
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

    def _lay_out(self) -> None:
        """Groups, charts and hyper-parameters; metrics of the hparams tab are the last values of these tags."""
        formats = self.logger.output_formats
        for i, writer in enumerate(formats):
            if isinstance(writer, TensorBoardOutputFormat):
                writer.writer.add_custom_scalars(tags.LAYOUT)
                formats[i] = Grouped(writer)
        config: Any = OmegaConf.to_container(OmegaConf.create(self.config))
        shown = [tag for tag in tags.METRICS if tag != tags.SKILL or self.references.best is not None]
        settings = HParam(tags.hyperparameters(config), dict.fromkeys(shown, 0.0))
        self.logger.record("hparams", settings, exclude=_FILES)

    def _evaluate(self) -> None:
        self.curve.pause()
        started = time.perf_counter()
        policy = TrainedPolicy(self.model)
        episodes = play(self.market, policy, self.sample.episodes, CURVE_SEED)
        found = figures_in(self.market, episodes)
        for name, estimate in found.items():
            self.logger.record(tags.tag_of(name), estimate.value)
        self.logger.record(tags.HALF_WIDTH, found["objective"].half_width)
        skill = self.references.exact_skill(policy)
        if skill is not None:
            self.logger.record(tags.SKILL, skill)
            if self.references.above(skill):
                self._say_above(skill)
        score = skill if skill is not None else found["objective"].value
        self.progress.set_postfix_str(f"{'objective' if skill is None else 'skill'} {score:.3f}")
        self._draw(policy, episodes)
        self.evaluating += time.perf_counter() - started
        self.logger.record("time/training_seconds", self.curve.seconds)
        self.logger.record("time/watching_seconds", self.evaluating)
        self.logger.dump(self.num_timesteps)
        self.curve.write(self.num_timesteps, skill, found["objective"].value)
        self.curve.go_on()

    def _say_above(self, skill: float) -> None:
        """That the agent is better than the optimum: as text, and on the console the first time."""
        said = self.references.is_above("the agent", skill)
        self.logger.record("note", said, exclude=_FILES)
        if not self.said_above:
            self.progress.write(said)
        self.said_above = True

    def _draw(self, policy: TrainedPolicy, episodes: Episodes) -> None:
        """Distributions over episodes, and pictures of the policy beside the optimum."""
        drawn = {"eval/profit": episodes.profit, "risk/terminal_inventory": episodes.terminal_inventory}
        for name, values in drawn.items():
            self.logger.record(f"{name}_distribution", torch.from_numpy(values), exclude=_FILES)
        best = self.references.policies.get(OPTIMUM)
        pictures = {
            "eval/quotes": plots.quote_curves(self.market, "agent", policy, OPTIMUM, best) if best else None,
            "risk/inventory": plots.inventory_fan(self.market, "agent", policy, OPTIMUM, best) if best else None,
        }
        for name, figure in pictures.items():
            if figure is not None:
                self.logger.record(name, Figure(figure, close=True), exclude=_FILES)
