"""Gymnasium's two faces of a market: many lanes (`MarketMakingVectorEnv`) and one (`MarketMakingEnv`)."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from mm_env.clock import Ergodic
from mm_env.market import Market
from mm_env.markets import market_named
from mm_env.recorder import Recorder
from mm_env.simulation import Simulation

_LARGEST = np.finfo(np.float64).max


class MarketMakingVectorEnv(VectorEnv[NDArray[np.float32], NDArray[Any], NDArray[Any]]):
    """`num_envs` lanes of one market, stepped together.

    Observations (num_envs, len(market.observation_names)) float32, rewards (num_envs,) float64 in price units. The end of
    a finite horizon is reported as termination, the cut of an ergodic market as truncation; then `infos["episode"]` holds
    the episode's figures, one array each, valid where `infos["_episode"]` is true (gymnasium's RecordEpisodeStatistics,
    which this makes needless, wants another `stats_key`).

    `autoreset_mode` is SAME_STEP by default: the step that ends an episode returns the first observation of the next one,
    and the last of the old one in `infos["final_obs"]`. NEXT_STEP and DISABLED are gymnasium's.

    Lane i sees the same market for any number of lanes and threads, and whatever the actions: `reset(seed=s)` starts
    episode 0 of seed s in all lanes, `reset()` the next episode of each. With `options={"reset_mask": mask}` only the
    lanes of the mask are reset.

    Raises: TypeError or ValueError for a market, seed, mask or action that cannot be used, before anything is simulated.
    """

    def __init__(
        self,
        market: Market | str,
        num_envs: int = 1,
        autoreset_mode: AutoresetMode | str = AutoresetMode.SAME_STEP,
        threads: int | None = None,
    ) -> None:
        self.market = market_named(market)
        self.simulation = Simulation(self.market, num_envs, threads=threads)
        self.num_envs = num_envs
        self.autoreset_mode = AutoresetMode(autoreset_mode)
        self.metadata = {"autoreset_mode": self.autoreset_mode}
        self.single_observation_space = self.market.observation_space
        self.single_action_space = self.market.quote.space
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._actions = Actions(self.market, num_envs)
        self._ergodic = isinstance(self.market.clock, Ergodic)
        self._over: NDArray[np.bool_] | None = None  # None until the first reset; then: episodes that wait for a reset
        self._waiting = 0

    def reset(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        mask = _reset_mask(options, self.num_envs)
        if self._over is None and mask is not None and not mask.all():
            raise ValueError("the first reset must start all lanes, got a reset_mask that leaves some out")
        if self._over is None and seed is None:
            seed = int(np.random.SeedSequence().generate_state(1)[0])
        if seed is not None:
            if mask is not None and not mask.all():
                raise ValueError("seed starts all lanes anew: it cannot go with a reset_mask that leaves some out")
            observations = self.simulation.start(seed)
        else:
            observations = self.simulation.observations
            self.simulation.restart(np.ones(self.num_envs, np.bool_) if mask is None else mask, observations)
        self._over = np.zeros(self.num_envs, np.bool_) if mask is None or self._over is None else self._over & ~mask
        self._waiting = int(self._over.sum())
        return observations, {}

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
            rewards[self._over], ended[self._over] = 0.0, False
            endings = int(ended.sum())
        infos = self._endings(observations, ended) if endings else {}
        same_step = self.autoreset_mode == AutoresetMode.SAME_STEP
        if endings and same_step:
            self.simulation.restart(ended, observations)
        never = np.zeros(self.num_envs, np.bool_)
        self._over, self._waiting = (never.copy(), 0) if same_step else (ended.copy(), endings)
        terminated, truncated = (never, ended) if self._ergodic else (ended, never)
        return observations, rewards, terminated, truncated, infos

    def save(self) -> dict[str, Any]:
        """All that `restore` needs to go on as if nothing had happened."""
        return {"simulation": self.simulation.save(), "over": self._over, "waiting": self._waiting}

    def restore(self, saved: dict[str, Any]) -> None:
        """Take up what `save` gave."""
        self.simulation.restore(saved["simulation"])
        self._over, self._waiting = saved["over"], saved["waiting"]

    def _endings(self, observations: NDArray[np.float32], ended: NDArray[np.bool_]) -> dict[str, Any]:
        infos: dict[str, Any] = {"episode": episode_figures(self.simulation), "_episode": ended.copy()}
        if self.autoreset_mode == AutoresetMode.SAME_STEP:
            infos |= {"final_obs": np.where(ended[:, None], observations, np.float32(0.0)), "_final_obs": ended.copy()}
            infos |= {"final_info": infos.copy(), "_final_info": ended.copy()}
        return infos


class MarketMakingEnv(gym.Env[NDArray[np.float32], Any]):
    """One lane of a market: lane 0 of `MarketMakingVectorEnv` with the same seed, step for step.

    With `render_mode="rgb_array"`, `render()` gives the picture of the episode so far, (height, width, 3) of uint8.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 10}  # noqa: RUF012  (gymnasium's own declaration)

    def __init__(self, market: Market | str, render_mode: str | None = None) -> None:
        if render_mode is not None and render_mode not in self.metadata["render_modes"]:
            raise ValueError(f"render_mode must be None or 'rgb_array', got {render_mode!r}")
        self.market, self.render_mode = market_named(market), render_mode
        self.simulation = Simulation(self.market, 1)
        self._recorder = Recorder(self.simulation) if render_mode else None
        self.observation_space: gym.spaces.Box = self.market.observation_space  # pyright: ignore[reportIncompatibleVariableOverride]
        self.action_space = self.market.quote.space
        self._actions = Actions(self.market, None)
        self._ergodic = isinstance(self.market.clock, Ergodic)
        self._running: bool | None = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        if self._running is None and seed is None:
            seed = int(np.random.SeedSequence().generate_state(1)[0])
        if seed is not None:
            observations = self.simulation.start(seed)
        else:
            self.simulation.restart(np.ones(1, np.bool_), observations := self.simulation.observations)
        super().reset(seed=seed)
        self._running = True
        if self._recorder:
            self._recorder.start()
        return observations[0], {}

    def step(self, action: Any) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        if not self._running:
            raise ResetNeeded("step() needs reset() first")
        usable = self._actions.usable(action, self.simulation)
        observations, rewards, _, endings = self.simulation.step(usable)
        over = bool(endings)
        self._running = not over
        if self._recorder:
            self._recorder.add(usable)
        figures = episode_figures(self.simulation) if over else {}
        infos = {"episode": {name: values[0] for name, values in figures.items()}} if over else {}
        return observations[0], float(rewards[0]), over and not self._ergodic, over and self._ergodic, infos

    def render(self) -> NDArray[np.uint8] | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The picture of the episode so far (`mm_env.render`); without a `render_mode` a warning and None."""
        if self._recorder is None:
            gym.logger.warn("render() needs an env made with render_mode='rgb_array'")
            return None
        if self._running is None:
            raise ResetNeeded("render() needs reset() first")
        from mm_env.render import pixels

        return pixels(self._recorder)


def episode_figures(simulation: Simulation) -> dict[str, NDArray[np.float64]]:
    """What the lanes' episodes have brought so far: return `r`, length `l`, and the market maker's figures."""
    state = simulation.state
    figures = {"r": state.tally.objective, "l": state.step, "inventory": state.account.inventory}
    return {**figures, **state.tally._asdict()}


class Actions:
    """Checks a batch of actions (one action if `num_envs` is None) and lays it out for the kernel."""

    def __init__(self, market: Market, num_envs: int | None) -> None:
        space: Any = market.quote.space
        batch = () if num_envs is None else (num_envs,)
        self._discrete = isinstance(space, gym.spaces.Discrete)
        self._shape = batch if self._discrete else (*batch, market.quote.width)
        self._flat = np.zeros(self._shape).reshape(-1)  # what the kernel reads, written anew at each step
        self._low, self._high = (0.0, float(space.n - 1)) if self._discrete else (-_LARGEST, _LARGEST)

    def usable(self, actions: Any, simulation: Simulation) -> NDArray[np.float64]:
        """The actions as a flat float64 array, good until the next call; a ValueError names what is wrong with them."""
        given = np.asarray(actions)
        if given.shape != self._shape or given.dtype.kind not in ("iu" if self._discrete else "iuf"):
            kind = "whole numbers" if self._discrete else "numbers"
            raise ValueError(f"actions must be {kind} of shape {self._shape}, got {given.dtype} of shape {given.shape}")
        flat = self._flat
        np.copyto(flat.reshape(self._shape), given)
        if simulation.unusable(flat, self._low, self._high):
            first = int(np.flatnonzero(~((flat >= self._low) & (flat <= self._high)))[0])
            rule = f"lie in [0, {self._high:g}]" if self._discrete else "be finite"
            raise ValueError(
                f"actions must {rule}, got {flat[first]:g} in lane {first // (flat.size // simulation.num_lanes)}"
            )
        return flat


def _reset_mask(options: dict[str, Any] | None, num_envs: int) -> NDArray[np.bool_] | None:
    if not options or "reset_mask" not in options:
        return None
    mask = options["reset_mask"]
    if not isinstance(mask, np.ndarray) or mask.dtype != np.bool_ or mask.shape != (num_envs,) or not mask.any():
        raise ValueError(f"reset_mask must be a bool array of shape ({num_envs},) with a True in it, got {mask!r}")
    return mask
