"""Policies at the seats of a competition, or of desks that compete: one for each maker of a world."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.base import Policy
from agents.policy import translated
from mm_env.rollout import Episodes, run_simulation
from mm_env.simulations import simulation_of


@dataclass(frozen=True)
class Seats(Policy):
    """Maker d of every world of a `Competition`, or of `CompetingDesks`, acts by `policies[d]`, which sees and acts in rows of
    its own.

    Raises: ValueError unless there is one for each maker.
    """

    market: Any
    policies: tuple[Any, ...]

    def __post_init__(self) -> None:
        if len(self.policies) != self.market.makers:
            raise ValueError(f"seats must be {self.market.makers:g}, one a maker, got {len(self.policies)}")
        seated = tuple(translated(policy, self.market) for policy in self.policies)
        object.__setattr__(self, "policies", seated)
        object.__setattr__(self, "recurrent", any(policy.recurrent for policy in seated))
        object.__setattr__(self, "learnt", any(policy.learnt for policy in seated))

    def act(self, observations: NDArray[np.float32]) -> NDArray[Any]:
        acted = [
            np.asarray(policy.act(observations[self.market.seat(maker)])).astype(np.float64)
            for maker, policy in enumerate(self.policies)
        ]
        actions = np.empty((len(observations), *acted[0].shape[1:]))
        for maker, own in enumerate(acted):
            actions[self.market.seat(maker)] = own
        return actions if self.market.action_space.shape else actions.astype(np.int64)

    def forget(self) -> None:
        for policy in self.policies:
            policy.forget()


def play_seats(market: Any, policies: Sequence[Any], worlds: int, seed: int) -> list[Episodes]:
    """What each maker's episodes brought in episode 0 of `seed` of so many worlds, (worlds,) each."""
    seats = Seats(market, tuple(policies))
    seats.forget()
    episodes = run_simulation(simulation_of(market, worlds * len(seats.policies)), seats.act, seed)
    return [episodes.rows(market.seat(maker)) for maker in range(len(seats.policies))]
