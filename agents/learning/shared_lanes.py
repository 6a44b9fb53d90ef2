"""Worlds that several learners share: each sees the lanes of its own seat, and they act in turn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from threading import Condition
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mm_env.core.extras import require

# ruff: noqa: E402  (what is missing is told of before it is imported)
require("SharedLanes", "training", "torch", "stable_baselines3")
from stable_baselines3.common.vec_env.base_vec_env import VecEnv

from mm_env.envs.sb3 import Infos, VecAdapter

Act = Callable[[NDArray[np.float32]], NDArray[Any]]  # a seat's observations (worlds, k) -> its actions


class Stopped(Exception):
    """Another learner of these worlds failed, or the training was ended."""


class _Lanes(VecAdapter):
    """Lanes whose rewards are as they are: each seat scales its own."""

    def _scaled(self, rewards: NDArray[np.float64]) -> Any:
        return rewards


class SharedLanes:
    """`worlds` worlds of a competition, stepped when every seat has acted: those in `fixed` by what is given, the others by
    learners, each in a thread of its own.

    Only one thread runs at a time, from one of its steps to the next, in the order of the seats: what is learnt does not depend
    on how threads are scheduled.
    """

    def __init__(self, market: Any, worlds: int, fixed: Mapping[int, Act], seed: int, stagger: bool = True) -> None:
        self.market, self.worlds, self.fixed, self.seed = market, worlds, dict(fixed), seed
        self.lanes = _Lanes(market, worlds * int(market.makers), stagger=stagger)
        self.turns = [seat for seat in range(int(market.makers)) if seat not in self.fixed]
        self._actions: dict[int, NDArray[Any]] = {}
        self._seen: NDArray[np.float32] | None = None
        self._result: Any = None
        self._now, self._error = Condition(), False
        self._current = self.turns[0]

    def rows(self, seat: int) -> Any:
        """The rows of a seat among the lanes."""
        return self.market.seat(seat)

    def enter(self, seat: int) -> None:
        """Wait for the turn of a seat's learner."""
        with self._now:
            self._now.wait_for(lambda: self._error or self._current == seat)
            if self._error:
                raise Stopped

    def leave(self, seat: int, act: Act | None) -> None:
        """A seat's learner is done: from here on `act` acts for it; with None all others stop."""
        with self._now:
            self._error |= act is None
            if act is not None:
                self.fixed[seat] = act
            self._pass_on(seat)
            self.turns.remove(seat)
            self._now.notify_all()

    def observe(self, seat: int) -> NDArray[np.float32]:
        """What a seat sees as the first episodes begin."""
        if self._seen is None:
            self.lanes.seed(self.seed)
            self._seen = self.lanes.reset()
        return self._seen[self.rows(seat)]

    def step(self, seat: int, actions: NDArray[Any]) -> tuple[Any, ...]:
        """What comes of a seat's actions, once all others have acted."""
        self._actions[seat] = actions
        self._pass_on(seat)
        self.enter(seat)
        if len(self._actions) and set(self.turns) <= set(self._actions):
            self._step()
        observations, rewards, dones, infos = self._result
        rows, makers = self.rows(seat), int(self.market.makers)
        ends = {world: infos[world * makers + seat] for world in np.flatnonzero(dones[rows]).tolist()}
        return observations[rows], rewards[rows], dones[rows], Infos(self.worlds, ends)

    def _step(self) -> None:
        """Let all act."""
        given = dict(self._actions) | {
            seat: act(self.lanes.observations[self.rows(seat)])
            for seat, act in self.fixed.items()
            if seat not in self._actions
        }
        self._actions = {}
        shape = np.shape(next(iter(given.values())))[1:]
        actions = np.empty((self.lanes.num_envs, *shape), self.market.action_space.dtype)
        for seat, own in given.items():
            actions[self.rows(seat)] = own
        self.lanes.step_async(actions)
        self._result = self.lanes.step_wait()

    def _pass_on(self, seat: int) -> None:
        """Let the next learner run."""
        with self._now:
            place = self.turns.index(seat)
            self._current = self.turns[(place + 1) % len(self.turns)]
            self._now.notify_all()


class SeatLanes(VecEnv):
    """One seat of `shared` as a learner's VecEnv: what it sees, and (reward - `reward_shift`) * `reward_scale` of its rewards.

    With a `quoting` the learner acts by that in the place of the market's own actions, as `agents.learning.reservation` does.
    """

    def __init__(
        self, shared: SharedLanes, seat: int, reward_scale: float, reward_shift: float, quoting: Any = None
    ) -> None:
        self.shared, self.seat, self.reward_scale, self.reward_shift = shared, seat, reward_scale, reward_shift
        self.quoting, self._seen = quoting, np.empty((0, 0), np.float32)
        actions = shared.lanes.action_space if quoting is None else quoting.space
        super().__init__(shared.worlds, shared.lanes.observation_space, actions)
        self.reset_infos = [{} for _ in range(self.num_envs)]

    @property
    def market(self) -> Any:
        """The market that all seats share."""
        return self.shared.market

    def reset(self) -> NDArray[np.float32]:
        self._reset_seeds()
        self._reset_options()
        self._seen = self.shared.observe(self.seat)
        return self._seen

    def step_async(self, actions: NDArray[Any]) -> None:
        self._actions = actions if self.quoting is None else self.quoting.actions(self._seen, actions)

    def step_wait(self) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_], Any]:
        observations, rewards, dones, infos = self.shared.step(self.seat, self._actions)
        self._seen = observations
        return observations, (self.reward_scale * (rewards - self.reward_shift)).astype(np.float32), dones, infos

    def close(self) -> None:
        """Nothing to close: others use the lanes."""

    def get_attr(self, attr_name: str, indices: int | Sequence[int] | None = None) -> list[Any]:
        return self.shared.lanes.get_attr(attr_name, list(self._get_indices(indices)))

    def set_attr(self, attr_name: str, value: Any, indices: int | Sequence[int] | None = None) -> None:
        raise ValueError(f"{attr_name} belongs to all seats: it cannot be set from one")

    def env_method(
        self, method_name: str, *method_args: Any, indices: int | Sequence[int] | None = None, **method_kwargs: Any
    ) -> list[Any]:
        raise ValueError(f"{method_name} belongs to all seats: it cannot be called from one")

    def env_is_wrapped(self, wrapper_class: type, indices: int | Sequence[int] | None = None) -> list[bool]:
        """As `VecAdapter` says it."""
        return self.shared.lanes.env_is_wrapped(wrapper_class, list(self._get_indices(indices)))
