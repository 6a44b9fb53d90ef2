"""What players earn while they learn beside one another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stable_baselines3.common.callbacks import BaseCallback
from tqdm import tqdm

from agents.learning.sb3 import TrainedPolicy
from agents.makers.seats import play_seats
from experiments.evaluation.sample import CURVE_SEED
from experiments.runs import program


class WatchPlayers:
    """Plays all seats as they are `evaluations` times, evenly spread over the training of the first who learns.

    `curve` has the lane-steps by then and each seat's mean objective, which goes to TensorBoard too.
    """

    def __init__(self, market: Any, evaluations: int, episodes: int) -> None:
        self.market, self.evaluations, self.episodes = market, evaluations, episodes
        self.curve: list[tuple[int, list[float]]] = []

    def callbacks(self, seat: int, seats: Sequence[Any]) -> list[BaseCallback]:
        """Those of a seat's learner: it stops when it is asked to, and the first to learn watches all."""
        first = not any(isinstance(one, TrainedPolicy) for one in seats[:seat])
        return [_Stop(), *([_Watch(self, seats)] if first else [])]

    def look(self, seats: Sequence[Any], steps: int) -> list[float]:
        """What each seat earns as all are now."""
        played = play_seats(self.market, seats, self.episodes, CURVE_SEED)
        self.curve.append((steps, [float(each.objective.mean()) for each in played]))
        return self.curve[-1][1]


class _Stop(BaseCallback):
    """Ends a training that a signal asked to end, at the start of a rollout."""

    def _on_rollout_start(self) -> None:
        program.check()

    def _on_step(self) -> bool:
        return True


class _Watch(BaseCallback):
    """Looks at all seats between two updates of one learner."""

    def __init__(self, watch: WatchPlayers, seats: Sequence[Any]) -> None:
        super().__init__()
        self.watch, self.seats, self.due = watch, seats, 0

    def _on_training_start(self) -> None:
        total = self.locals["total_timesteps"]
        self.every = max(1, total // max(1, self.watch.evaluations))
        self.progress = tqdm(total=total, desc="training", unit="step", unit_scale=True, mininterval=0.5, delay=0.5)

    def _on_rollout_start(self) -> None:
        if self.num_timesteps >= self.due:
            self._look()
            self.due += self.every

    def _on_step(self) -> bool:
        self.progress.update(self.num_timesteps - self.progress.n)
        return True

    def _on_training_end(self) -> None:
        self._look()
        self.progress.close()

    def _look(self) -> None:
        for seat, objective in enumerate(self.watch.look(self.seats, self.num_timesteps)):
            self.logger.record(f"eval/objective_of_seat_{seat}", objective)
