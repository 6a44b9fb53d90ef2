"""The game: a person acts in a market's Env, others are asked beside, and play the same noise once the episode is over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from agents.policy import Policy
from experiments.evaluation.common_noise import Entry
from experiments.evaluation.skill_references import SkillReferences
from experiments.playing.advice import Advice, advice, standing
from experiments.playing.episodes import Lane, Played, replayed, together
from mm_env.action_parts import action_of, values_of
from mm_env.clock import Ergodic
from mm_env.market import Market
from mm_env.metrics import Estimate, mean, paired_difference

YOU = "you"


class Refused(ValueError):
    """A move that cannot be made where the game stands."""


@dataclass
class Game:
    """`episodes` episodes of a seed in a market, by a person. `advisers` are asked in each state; `rivals` play what the person
    has played, on the same noise, and the first of them is the one that the person is compared with.

    `start` begins the next episode, `step` plays a step of it; `played` holds what came of those that have ended.
    """

    market: Market
    advisers: Mapping[str, Policy]
    rivals: Mapping[str, Policy]
    references: SkillReferences
    seed: int
    episodes: int
    number: int = -1  # of the episode: 0, 1, ...
    played: list[dict[str, Played]] = field(default_factory=list)  # agent -> its episode

    def __post_init__(self) -> None:
        self.lane = Lane(self.market)
        self.asked: list[Advice] = []
        self.heard: list[list[Advice]] = []  # what was advised before each step
        self.values = self.neutral()  # of the last action

    @property
    def over(self) -> bool:
        """Whether the episode has ended, or none has begun."""
        return self.lane.over

    @property
    def finished(self) -> bool:
        """Whether all episodes have ended."""
        return len(self.played) == self.episodes

    @property
    def steps(self) -> int:
        """Played of this episode."""
        return len(self.lane.moments) - 1

    def start(self) -> None:
        """Begin the next episode. Raises: Refused while one is under way, or after the last."""
        if not self.over:
            raise Refused(f"episode {self.number + 1} is not over")
        if self.finished:
            raise Refused(f"all {self.episodes} episodes are over")
        self.number += 1
        self.lane.begin(self.seed if self.number == 0 else None)
        for policy in self.advisers.values():
            policy.forget()
        self.heard = []
        self._ask()

    def step(self, values: Sequence[float]) -> None:
        """Play a step by these values of the market's action parts.

        Raises: Refused where no episode is under way; ValueError or TypeError for a value that its part does not have.
        """
        if self.over:
            raise Refused("no episode is under way")
        action = action_of(self.market, values)
        self.values = [float(value) for value in values]
        self.heard.append(self.asked)
        self.lane.step(action)
        if self.over:
            self._end()
        else:
            self._ask()

    def quoted(self, values: Sequence[float]) -> tuple[float, float]:
        """Bid and ask as these values would quote them now: nan where none would stand. Raises: as `step`."""
        return standing(self.market, self.lane, action_of(self.market, values))

    def neutral(self) -> list[float]:
        """Where the parts stand at first: in the middle of the market's actions."""
        space: Any = self.market.action_space
        return values_of(self.market, 0 if not space.shape else np.zeros(space.shape))

    @property
    def result(self) -> dict[str, Played]:
        """Agent -> its episode, of the last that has ended."""
        return self.played[-1]

    @property
    def rival(self) -> str:
        """Whom the person is compared with."""
        return next(iter(self.rivals))

    def all_of(self, agent: str) -> Any:
        """The Episodes of an agent so far."""
        return together([each[agent].episodes for each in self.played])

    def behind(self) -> Estimate | None:
        """What the person earned less the rival, an episode, paired; None before the first has ended."""
        return paired_difference(self.all_of(YOU), self.all_of(self.rival)) if self.played else None

    def skill(self) -> Estimate | None:
        """The person's skill by the episodes so far: 0 is the best constant quoting, 1 the exact optimum.

        The distance to the optimum is simulated, on the same noise, over the exact distance between the two; per unit of time
        where the market has no end. None where the market has no exact optimum, or nothing has been played.
        """
        if not self.played or self.references.best is None:
            return None
        name, origin = (
            next(iter(self.references.policies)),
            0.0 if self.references.policies.get("optimum") is None else 1.0,
        )
        own, other, gap = self.all_of(YOU), self.all_of(name), self.references.optimal - self.references.fixed
        clock = self.market.clock
        if isinstance(clock, Ergodic):
            apart = mean((own.objective - other.objective) / clock.horizon)
        else:
            entries = [Entry(YOU, own, {}, None), Entry(name, other, {}, None)]
            return self.references.skills(entries, {})[YOU]
        return Estimate(origin + apart.value / gap, apart.half_width / gap)

    def _ask(self) -> None:
        self.asked = advice(self.advisers, self.lane)

    def _end(self) -> None:
        own = Played(self.lane.brought, self.lane.moments)
        found = {YOU: own}
        for name, policy in self.rivals.items():
            found[name] = replayed(policy, self.market, self.seed, self.number)
        self.played.append(found)
        self.asked = []
