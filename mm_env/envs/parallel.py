"""PettingZoo's parallel face of a competition: one world, its makers as agents. Importing this imports pettingzoo."""

from __future__ import annotations

from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from mm_env.core.extras import require
from mm_env.envs import inputs
from mm_env.envs.gym import episode_figures
from mm_env.makers.competition import Competition
from mm_env.markets import market_named
from mm_env.simulation import Simulation

require("MakersParallelEnv", "makers", "pettingzoo")
from pettingzoo import ParallelEnv  # noqa: E402


class MakersParallelEnv(ParallelEnv):
    """One world of a `Competition`: its makers are the agents "maker_0", "maker_1" and so on.

    World 0 of a `MarketMakingVectorEnv` of the same seed, step for step. Observations, actions and rewards are those of
    `MarketMakingEnv`, one of each maker. All makers terminate with the last step; one whose account is closed terminates before
    and takes no further part. `infos[agent]["figures"]` holds the figures of an agent that has just terminated.

    Raises: TypeError or ValueError for a market, seed or action that cannot be used, before anything is simulated.
    """

    metadata: ClassVar[dict[str, Any]] = {"name": "mm_env/Competition-v0", "render_modes": []}

    def __init__(self, market: Competition | str, render_mode: None = None) -> None:
        self.market, self.render_mode = market_named(market), render_mode
        if not isinstance(self.market, Competition):
            raise TypeError(f"market must be a Competition, of several makers, got {type(self.market).__name__}")
        if self.market.lanes_a_world < 2:
            raise ValueError("market must have at least 2 makers here, got 1: MarketMakingEnv is for one")
        makers = int(self.market.makers)
        self.simulation = Simulation(self.market, makers)
        self.possible_agents = [f"maker_{maker}" for maker in range(makers)]
        self.agents: list[str] = []
        self.observation_spaces = dict.fromkeys(self.possible_agents, self.market.observation_space)
        self.action_spaces = dict.fromkeys(self.possible_agents, self.market.action_space)
        self._actions = inputs.Actions(self.market, makers)
        self._nothing = np.zeros((makers, *(self.market.action_space.shape or ())), self.market.action_space.dtype)
        self._begun = False

    def observation_space(self, agent: str) -> gym.Space[Any]:
        """What a maker observes."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> gym.Space[Any]:
        """What a maker may do."""
        return self.action_spaces[agent]

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, NDArray[np.float32]], dict[str, dict[str, Any]]]:
        """Begin episode 0 of `seed`, or the next episode if there is none."""
        if seed is not None or not self._begun:
            observations = self.simulation.start(inputs.any_seed() if seed is None else seed)
        else:
            every = np.ones(self.simulation.num_lanes, np.bool_)
            self.simulation.restart(every, observations := self.simulation.observations)
        self._begun, self.agents = True, list(self.possible_agents)
        return self._of_each(observations), {agent: {} for agent in self.agents}

    def step(
        self, actions: dict[str, Any]
    ) -> tuple[
        dict[str, NDArray[np.float32]], dict[str, float], dict[str, bool], dict[str, bool], dict[str, dict[str, Any]]
    ]:
        """What comes of the actions of all agents that are left."""
        if missing := [agent for agent in self.agents if agent not in actions]:
            raise ValueError(f"actions must have one for each of {self.agents}, got none for {missing}")
        given = self._nothing.copy()
        for agent in self.agents:
            given[self.possible_agents.index(agent)] = actions[agent]
        observations, rewards, ended, _ = self.simulation.step(self._actions.usable(given, self.simulation))
        lanes, closed = [self.possible_agents.index(agent) for agent in self.agents], self.simulation.closed
        over = {agent: bool(ended[i] or closed[i]) for agent, i in zip(self.agents, lanes, strict=True)}
        figures = episode_figures(self.simulation) if any(over.values()) else {}
        infos = {
            agent: {"figures": {name: float(of[i]) for name, of in figures.items()}} if over[agent] else {}
            for agent, i in zip(self.agents, lanes, strict=True)
        }
        shown = self._of_each(observations)
        earned = {agent: float(rewards[i]) for agent, i in zip(self.agents, lanes, strict=True)}
        cut = dict.fromkeys(self.agents, False)
        self.agents = [agent for agent in self.agents if not over[agent]]
        return shown, earned, over, cut, infos

    def _of_each(self, observations: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        return {agent: observations[self.possible_agents.index(agent)] for agent in self.agents}
