"""The one protocol every agent keeps, and the bridge from closed-form strategies to it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from mm_env.market import Market
from mm_env.quote import Unbounded
from mm_env.rollout import Episodes, inventory_levels, run_actions, run_policy

Floats = NDArray[np.float64]


@runtime_checkable
class Policy(Protocol):
    """Acts in a market's action space on what the market shows."""

    def act(self, observations: NDArray[np.float32]) -> NDArray[Any]:
        """Actions (n, width), or (n,) if they are discrete, on observations (n, k)."""
        ...


@runtime_checkable
class Strategy(Protocol):
    """Quotes in closed form: knows parameters, not environments."""

    def depths(self, inventory: Floats, seconds_left: Floats) -> Floats:
        """Bid and ask depth (..., 2), price units, for inventories in orders and times to the end, which broadcast."""
        ...


@dataclass(frozen=True)
class Table:
    """A policy that depends on time and inventory alone: actions (steps or 1, levels, width) of `market`."""

    market: Market
    actions: Floats

    def act(self, observations: NDArray[np.float32]) -> NDArray[Any]:
        """The actions (n, width) that the table holds for observations (n, k)."""
        step, level = places(self.market, observations, len(self.actions))
        return self.actions[step, level]

    def depths(self) -> Floats:
        """Bid and ask depth (steps or 1, levels, 2), price units."""
        return quoted_depths(self.market, self.actions)


@dataclass(frozen=True)
class StrategyPolicy:
    """A strategy as a Policy of `market`: what it cannot quote there it quotes as nearly as it can."""

    strategy: Strategy
    market: Market

    def act(self, observations: NDArray[np.float32]) -> NDArray[Any]:
        inventory, seconds_left = natural_units(self.market, observations)
        actions = self.market.quote.encode(self.strategy.depths(inventory, seconds_left))
        return actions if self.market.quote.space.shape else actions[..., 0].astype(np.int64)

    def table(self) -> Table:
        """Every quote of the strategy, as its paper has it: not held to the market's action space."""
        orders = inventory_levels(self.market) / self.market.order_size
        clock = self.market.clock
        steps_left = np.arange(clock.steps, 0, -1) if "time_left" in self.market.observation_names else clock.steps
        times = clock.step_length * np.atleast_1d(np.asarray(steps_left, np.float64))
        depths = self.strategy.depths(orders[None, :], times[:, None])
        return Table(replace(self.market, quote=Unbounded()), depths)


def policy_of(agent: Any, market: Market) -> Policy:
    """A strategy, a policy, or what makes either of a market, as a policy of `market`."""
    made: Any = agent(market) if callable(agent) else agent
    return StrategyPolicy(made, market) if isinstance(made, Strategy) else made


@dataclass(frozen=True)
class RandomPolicy:
    """Acts uniformly at random over the market's action space; the same for the same seed and the same calls."""

    market: Market
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "_random", np.random.default_rng(self.seed))

    def act(self, observations: NDArray[np.float32]) -> NDArray[Any]:
        random: np.random.Generator = self.__dict__["_random"]
        space, n = self.market.quote.space, len(observations)
        if not space.shape:
            return random.integers(0, space.n, n)  # pyright: ignore[reportAttributeAccessIssue]
        return random.uniform(-1.0, 1.0, (n, *space.shape))


def natural_units(market: Market, observations: NDArray[np.float32]) -> tuple[Floats, Floats]:
    """Inventory in orders and seconds to the end, both (n,), from observations (n, k)."""
    names, seen = market.observation_names, observations.astype(np.float64)
    inventory = np.rint(seen[:, names.index("inventory")] * market.inventory_scale / market.order_size)
    if "time_left" not in names:
        return inventory, np.full(len(seen), market.clock.horizon)
    steps_left = np.rint(seen[:, names.index("time_left")] * market.clock.steps)
    return inventory, steps_left * market.clock.step_length


def places(market: Market, observations: NDArray[np.float32], rows: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row and level, both (n,), of a table of `rows` rows (one a step, or 1) at observations (n, k)."""
    inventory, seconds_left = natural_units(market, observations)
    level = np.rint(inventory).astype(np.int64) + round(market.max_inventory / market.order_size)
    step = market.clock.steps - np.rint(seconds_left / market.clock.step_length).astype(np.int64)
    return np.clip(step, 0, rows - 1), level


def grid_observations(market: Market) -> NDArray[np.float32] | None:
    """The observation at each (step, level), (steps or 1, levels, k), if time and inventory are all the agent sees."""
    names, levels = market.observation_names, inventory_levels(market)
    if not set(names) <= {"inventory", "time_left"}:
        return None
    rows = market.clock.steps if "time_left" in names else 1
    seen = {
        "inventory": levels / market.inventory_scale,
        "time_left": 1.0 - np.arange(rows)[:, None] / market.clock.steps,
    }
    return np.stack([np.broadcast_to(seen[name], (rows, len(levels))) for name in names], axis=-1).astype(np.float32)


def tabulate(market: Market, policy: Policy) -> Table | None:
    """The policy as a table, if it is one: a strategy, or any that says it is deterministic where all is seen."""
    if isinstance(policy, Table):
        return policy
    if isinstance(policy, StrategyPolicy):
        return policy.table()
    seen = grid_observations(market) if getattr(policy, "tabulable", False) else None
    if seen is None:
        return None
    actions = policy.act(seen.reshape(-1, seen.shape[-1])).reshape(*seen.shape[:2], -1)
    return Table(market, actions.astype(np.float64))


def play(market: Market, policy: Policy, num_episodes: int, seed: int, on_step: Any = lambda: None) -> Episodes:
    """Episode 0 of `seed` in `num_episodes` lanes: inside the kernel if the policy is a table, else step by step.

    A policy with a `market` of its own acts there: the same but for the action space.
    """
    getattr(policy, "forget", lambda: None)()
    table = tabulate(market, policy)
    if table is not None:
        return run_actions(table.market, table.actions, num_episodes, seed)
    own = getattr(policy, "market", market)  # some act in another action space
    return run_policy(own, policy.act, num_episodes, seed, on_step)


def quoted_depths(market: Market, actions: NDArray[Any]) -> Floats:
    """The depths (..., 2) in price units that actions (..., width) quote."""
    from mm_env.component import record

    quote = record(market.quote)
    flat = np.asarray(actions, np.float64).reshape(-1, market.quote.width)
    depths = [quote.decode(tuple(action))[:2] for action in flat.tolist()]
    return np.array(depths).reshape(*np.shape(actions)[:-1], 2)
