"""Gymnasium's two faces of a market: many lanes (`MarketMakingVectorEnv`) and one (`MarketMakingEnv`)."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.envs.registration import EnvSpec
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from mm_env.clock import Ergodic
from mm_env.desk.desk import Desk
from mm_env.envs import inputs as inputs
from mm_env.envs.manual import Manual
from mm_env.envs.recorder import Recorder
from mm_env.envs.screen import Screen, may_be_seen
from mm_env.market import Market
from mm_env.markets import market_named
from mm_env.simulation import Simulation
from mm_env.simulations import simulation_of


class MarketMakingVectorEnv(VectorEnv[NDArray[np.float32], NDArray[Any], NDArray[Any]]):
    """`num_envs` lanes of one market, stepped together.

    Observations (num_envs, len(market.observation_names)) float32, rewards (num_envs,) float64 in price units. The end of
    a finite horizon, and of an account that its margin closes, is reported as termination, the cut of an ergodic market, or
    at `max_episode_steps` where that comes before, as truncation; then `infos["figures"]` holds the episode's figures, one
    array each, valid where `infos["_figures"]` is true. `figures()` gives them at any time.

    `autoreset_mode` is SAME_STEP by default, for learners that bootstrap: the step that ends an episode returns the first
    observation of the next one, and the last of the old one in `infos["final_obs"]`, so that each step is one of the market.
    NEXT_STEP is what gymnasium's vector wrappers of observations take; DISABLED leaves resets to the caller, by masks.

    Lane i sees the same market for any number of lanes and threads, and whatever the actions: `reset(seed=s)` starts
    episode 0 of seed s in all lanes, `reset()` the next episode of each. `reset(seed=[...])` starts each lane as a
    `MarketMakingEnv` of its own seed, and the next episode where that is None. With `options={"reset_mask": mask}` only the
    lanes of the mask are reset.

    With `render_mode="rgb_array"`, `render()` gives the pictures of the first `shown` lanes (all if None).

    Raises: TypeError or ValueError for a market, seed, mask or action that cannot be used, before anything is simulated.
    """

    __doc__ = Manual(__doc__)  # pyright: ignore[reportAssignmentType]  (of an instance: the manual of its market)

    def __init__(
        self,
        market: Market | Desk | str,
        num_envs: int = 1,
        autoreset_mode: AutoresetMode | str = AutoresetMode.SAME_STEP,
        threads: int | None = None,
        render_mode: str | None = None,
        max_episode_steps: int | None = None,
        shown: int | None = None,
    ) -> None:
        self.market = market_named(market)
        self.render_mode = inputs.render_mode(render_mode, self.market)
        self.simulation = simulation_of(self.market, num_envs, threads=threads)
        self.num_envs = num_envs
        self.autoreset_mode = AutoresetMode(autoreset_mode)
        self._same_step = self.autoreset_mode == AutoresetMode.SAME_STEP
        self.metadata = {"autoreset_mode": self.autoreset_mode, **inputs.METADATA}
        self.single_observation_space = self.market.observation_space
        self.single_action_space = self.market.action_space
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._actions = inputs.Actions(self.market, num_envs)
        self._ergodic = isinstance(self.market.clock, Ergodic)
        self._limit = inputs.step_limit(max_episode_steps, self.market)
        self._elapsed = np.zeros(num_envs, np.int64)  # steps of each lane's episode, counted where there is a limit
        drawn = inputs.shown_lanes(shown, num_envs) if render_mode else ()
        self._recorders = [Recorder(self.simulation, lane) for lane in drawn]
        self._over: NDArray[np.bool_] | None = None  # None until the first reset; then: episodes that wait for a reset
        self._waiting = 0

    @property
    def spec(self) -> EnvSpec | None:  # pyright: ignore[reportIncompatibleVariableOverride]
        """What made the env, `max_episode_steps` being the number of steps after which an episode is over."""
        return self.__dict__.get("_spec")

    @spec.setter
    def spec(self, spec: EnvSpec | None) -> None:
        self._spec = inputs.with_steps(spec, self._limit or self.market.clock.steps)

    def reset(  # pyright: ignore[reportIncompatibleMethodOverride]
        self,
        *,
        seed: int | list[int | None] | tuple[int | None, ...] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        mask = inputs.reset_mask(options, self.num_envs)
        if self._over is None and mask is not None and not mask.all():
            raise ValueError("the first reset must start all lanes, got a reset_mask that leaves some out")
        begun = np.ones(self.num_envs, np.bool_) if mask is None else mask
        observations = self._begun(seed, begun)
        self._elapsed[begun] = 0
        self._over = ~begun if self._over is None else self._over & ~begun
        self._waiting = int(self._over.sum())
        for recorder in self._recorders:
            if begun[recorder.lane]:
                recorder.start()
        return observations, {}

    def _begun(
        self, seed: int | list[int | None] | tuple[int | None, ...] | None, mask: NDArray[np.bool_]
    ) -> NDArray[np.float32]:
        """Begin an episode in each lane of `mask`: what all lanes show then."""
        if isinstance(seed, list | tuple | np.ndarray):
            return self._begun_each(inputs.lane_seeds(seed, self.num_envs), mask)
        if seed is None and self._over is None:
            seed = inputs.any_seed()
        if seed is None:
            observations = self.simulation.observations
            self.simulation.restart(mask, observations)
            return observations
        if not mask.all():
            raise ValueError("seed starts all lanes anew: it cannot go with a reset_mask that leaves some out")
        return self.simulation.start(seed)

    def _begun_each(self, seeds: list[int | None], mask: NDArray[np.bool_]) -> NDArray[np.float32]:
        """The same with a seed for each lane, or None."""
        if self._over is None:
            return self.simulation.start_each([inputs.any_seed() if seed is None else seed for seed in seeds])
        going_on = mask & np.array([seed is None for seed in seeds], np.bool_)
        observations = self.simulation.observations
        self.simulation.restart(going_on, observations)
        started = [seed if mask[lane] else None for lane, seed in enumerate(seeds)]
        return self.simulation.start_each(started, observations)

    def step(
        self, actions: NDArray[Any]
    ) -> tuple[NDArray[np.float32], NDArray[Any], NDArray[Any], NDArray[Any], dict[str, Any]]:
        if self._over is None:
            raise ResetNeeded("step() needs reset() first")
        usable = self._actions.usable(actions, self.simulation)
        if self._waiting and self.autoreset_mode == AutoresetMode.DISABLED:
            raise ResetNeeded(f"{self._waiting} lanes have ended: reset them with options={{'reset_mask': mask}}")
        observations, rewards, ended, endings = self.simulation.step(usable)
        if self._waiting:  # NEXT_STEP: what those lanes just did counts for nothing
            self.simulation.restart(self._over, observations)
            waiting = np.flatnonzero(self._over)
            rewards[waiting], ended[waiting] = 0.0, False
            endings = np.count_nonzero(ended)
        over = ended if self._limit is None else ended | self._cut()
        if self._limit is not None:
            endings = np.count_nonzero(over)
        for recorder in self._recorders:
            recorder.start() if self._over[recorder.lane] else recorder.add(usable)
        infos = self._endings(observations, over) if endings else {}
        never = np.zeros(self.num_envs, np.bool_)
        closed = self.simulation.closed if endings and self._ergodic else never
        if not self._same_step:
            self._over, self._waiting = over.copy(), endings
        elif endings:
            self._restart(over, observations)
        terminated = over & closed if self._ergodic else ended
        return observations, rewards, terminated, never if over is terminated else over & ~terminated, infos

    def figures(self) -> dict[str, NDArray[np.float64]]:
        """What the lanes' episodes have brought so far, (num_envs,) each: see `episode_figures`."""
        return episode_figures(self.simulation)

    def render(self) -> tuple[NDArray[np.uint8], ...] | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The pictures of the shown lanes' episodes so far; without a `render_mode` a warning and None."""
        if not inputs.renders(self.render_mode, begun=self._over is not None):
            return None
        return tuple(recorder.picture() for recorder in self._recorders)

    def save(self) -> dict[str, Any]:
        """All that `restore` needs to go on as if nothing had happened."""
        waiting = {"over": self._over, "waiting": self._waiting, "elapsed": self._elapsed.copy()}
        return {"simulation": self.simulation.save(), **waiting}

    def restore(self, saved: dict[str, Any]) -> None:
        """Take up what `save` gave."""
        self.simulation.restore(saved["simulation"])
        self._over, self._waiting = saved["over"], saved["waiting"]
        self._elapsed[:] = saved.get("elapsed", 0)

    def _cut(self) -> NDArray[np.bool_]:
        """Count a step, and find the episodes that have come to the limit."""
        assert self._over is not None
        self._elapsed = np.where(self._over, 0, self._elapsed + 1)
        return self._elapsed >= self._limit

    def _restart(self, over: NDArray[np.bool_], observations: NDArray[np.float32]) -> None:
        self.simulation.restart(over, observations)
        self._elapsed[over] = 0
        for recorder in self._recorders:
            if over[recorder.lane]:
                recorder.start()

    def _endings(self, observations: NDArray[np.float32], over: NDArray[np.bool_]) -> dict[str, Any]:
        infos: dict[str, Any] = {"figures": self.figures(), "_figures": over.copy()}
        if self._same_step:
            final, ended = np.zeros_like(observations), np.flatnonzero(over)
            final[ended] = observations[ended]
            infos |= {"final_obs": final, "_final_obs": over.copy()}
            infos |= {"final_info": infos.copy(), "_final_info": over.copy()}
        return infos


class MarketMakingEnv(gym.Env[NDArray[np.float32], Any]):
    """One lane of a market: lane 0 of `MarketMakingVectorEnv` with the same seed, step for step.

    `env.unwrapped.__doc__` is the manual of its market: spaces with units, reward, end, arguments, version history
    (`mm_env.manual`).

    At the end of an episode `infos["figures"]` holds its figures. `figures()` gives them at any time: where a wrapper cuts the
    episode before, `env.unwrapped.figures()` does.

    With `render_mode="rgb_array"`, `render()` gives the picture of the episode so far, (height, width, 3) of uint8. With
    "human" it is shown after each reset and step, in a notebook's cell or in a window, `metadata["render_fps"]` times a second
    at most; where there is neither, making the env is an error that names the cure.
    """

    metadata = inputs.METADATA_OF_ONE

    def __init__(self, market: Market | Desk | str, render_mode: str | None = None) -> None:
        self.market = market_named(market)
        self.render_mode = inputs.render_mode(render_mode, self.market, self.metadata)
        self._screen = Screen(self.metadata["render_fps"]) if render_mode == "human" else None
        if not may_be_seen():  # so that what tries all modes (gymnasium's check_env) tries those that there are
            self.metadata = {
                **self.metadata,
                "render_modes": [m for m in self.metadata["render_modes"] if m != "human"],
            }
        self.simulation = simulation_of(self.market, 1)
        self._recorder = Recorder(self.simulation) if render_mode else None
        self.observation_space: gym.spaces.Box = self.market.observation_space  # pyright: ignore[reportIncompatibleVariableOverride]
        self.action_space = self.market.action_space
        self._actions = inputs.Actions(self.market, None)
        self._ergodic = isinstance(self.market.clock, Ergodic)
        self._running: bool | None = None

    @property
    def spec(self) -> EnvSpec | None:  # pyright: ignore[reportIncompatibleVariableOverride]
        """What made the env, `max_episode_steps` being the number of steps after which an episode is over."""
        return self.__dict__.get("_spec")

    @spec.setter
    def spec(self, spec: EnvSpec | None) -> None:
        self._spec = inputs.with_steps(spec, self.market.clock.steps)

    __doc__ = Manual(__doc__)  # pyright: ignore[reportAssignmentType]  (of an instance: the manual of its market)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        if self._running is None and seed is None:
            seed = inputs.any_seed()
        if seed is not None:
            observations = self.simulation.start(seed)
        else:
            self.simulation.restart(np.ones(1, np.bool_), observations := self.simulation.observations)
        super().reset(seed=seed)
        self._running = True
        if self._recorder:
            self._recorder.start()
        self._show()
        return observations[0], {}

    def step(self, action: Any) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        if not self._running:
            raise ResetNeeded("step() needs reset() first")
        usable = self._actions.usable(action, self.simulation)
        observations, rewards, _, endings = self.simulation.step(usable)
        over = bool(endings)
        terminated = over and (not self._ergodic or bool(self.simulation.closed[0]))
        self._running = not over
        if self._recorder:
            self._recorder.add(usable)
        self._show()
        infos = {"figures": self.figures()} if over else {}
        return observations[0], float(rewards[0]), terminated, over and not terminated, infos

    def figures(self) -> dict[str, np.float64]:
        """What the episode has brought so far: see `episode_figures`."""
        return {name: values[0] for name, values in episode_figures(self.simulation).items()}

    def render(self) -> NDArray[np.uint8] | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The picture of the episode so far (`mm_env.envs.render`); None where it is shown already; without a `render_mode`
        a warning and None."""
        if not inputs.renders(self.render_mode, begun=self._running is not None) or self._screen:
            return None
        assert self._recorder is not None
        return self._recorder.picture()

    def close(self) -> None:
        """Close the window, if there is one."""
        if self._screen:
            self._screen.close()

    def _show(self) -> None:
        """Show the episode so far, if someone looks on."""
        if self._screen and self._recorder:
            self._screen.show(self._recorder.picture())


def episode_figures(simulation: Simulation) -> dict[str, NDArray[np.float64]]:
    """What the lanes' episodes have brought so far: return `r`, length `l`, and the market maker's figures."""
    rows, numbers = simulation.rows, simulation.numbers
    own = {"r": numbers[rows.tally.objective], "l": numbers[rows.step], "inventory": simulation.inventory}
    return {**own, **{name: numbers[row] for name, row in rows.tally._asdict().items()}}
