"""What is done with an agent: made a policy of a market, told of another market, tabulated, played."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.base import MarketPolicy, Policy, Strategy, Table, with_market
from agents.desks import DeskStrategy, DeskStrategyPolicy
from agents.observed import grid_observations, natural_units, places, view
from agents.quoting import in_space, quoted_depths, quotes, quoting
from mm_env.desk.desk import Desk
from mm_env.market import Market
from mm_env.quote import Unbounded
from mm_env.rollout import Episodes, inventory_levels, run_actions, run_policy, with_hedges

__all__ = [
    "CustomPolicy", "MarketPolicy", "Policy", "RandomPolicy", "Strategy", "StrategyPolicy", "Table", "Translated",
    "as_policy", "grid_observations", "in_space", "moved", "natural_units", "places", "play", "policy_of",
    "quoted_depths", "quotes", "quoting", "tabulate", "translated", "view",
]  # fmt: skip


@dataclass(frozen=True)
class StrategyPolicy(MarketPolicy):
    """A strategy as a Policy of `market`: what it cannot quote there it quotes as nearly as it can."""

    strategy: Strategy
    market: Market

    def act(self, observations: NDArray[np.float32]) -> NDArray[Any]:
        inventory, seconds_left = natural_units(self.market, observations)
        return quoting(self.market, self.strategy.depths(inventory, seconds_left), observations)

    def table(self) -> Table:
        """Every quote of the strategy, as its paper has it: not held to the market's action space."""
        orders = inventory_levels(self.market) / self.market.order_size
        clock = self.market.clock
        steps_left = np.arange(clock.steps, 0, -1) if "time_left" in self.market.observation_names else clock.steps
        times = clock.step_length * np.atleast_1d(np.asarray(steps_left, np.float64))
        depths = self.strategy.depths(orders[None, :], times[:, None])
        return Table(replace(self.market, quote=Unbounded()), with_hedges(self.market, depths))

    def tabulated(self, market: Market) -> Table:
        return self.table()


@dataclass(frozen=True)
class RandomPolicy(MarketPolicy):
    """Acts uniformly at random over the market's action space; the same for the same seed and the same calls."""

    market: Market
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "_random", np.random.default_rng(self.seed))

    def act(self, observations: NDArray[np.float32]) -> NDArray[Any]:
        random: np.random.Generator = self.__dict__["_random"]
        space, n = self.market.action_space, len(observations)
        if not space.shape:
            return random.integers(0, space.n, n)  # pyright: ignore[reportAttributeAccessIssue]
        return random.uniform(-1.0, 1.0, (n, *space.shape))


@dataclass(frozen=True)
class CustomPolicy(Policy):
    """An object with a method `act` as a Policy; its `tabulable`, `recurrent`, `learnt`, `forget` and `market` are read from it
    where it has them."""

    policy: Any

    def __post_init__(self) -> None:
        for name in ("tabulable", "recurrent", "learnt"):
            object.__setattr__(self, name, bool(getattr(self.policy, name, False)))

    def act(self, observations: NDArray[np.float32]) -> NDArray[Any]:
        return self.policy.act(observations)

    def forget(self) -> None:
        getattr(self.policy, "forget", lambda: None)()

    def acts_in(self, market: Market) -> Market:
        return getattr(self.policy, "market", market)

    def moved_to(self, market: Market) -> Policy:
        own = getattr(self.policy, "market", None)
        return self if own is None else CustomPolicy(with_market(self.policy, own, market))


@dataclass(frozen=True)
class Translated(MarketPolicy):
    """A policy that acts in a market of its own, as one of another `market` that shows the same: it quotes the same depths,
    or the nearest that can be quoted there.

    Raises: ValueError where the two show different things, or for what the other one's actions do not know: market orders.
    """

    policy: Policy
    market: Market

    def __post_init__(self) -> None:
        own, other = self.policy.acts_in(self.market).observation_names, self.market.observation_names
        if own != other:
            raise ValueError(f"a policy of a market that shows {own} cannot act in one that shows {other}")
        for name in ("recurrent", "learnt"):
            object.__setattr__(self, name, getattr(self.policy, name))

    def act(self, observations: NDArray[np.float32]) -> NDArray[Any]:
        own = self.policy.acts_in(self.market)
        actions = np.asarray(self.policy.act(observations)).reshape(len(observations), own.width)
        if (quotes(own, actions)[:, 2] > 0.0).any():
            raise ValueError(f"the market orders of {own.quote} cannot be told in the actions of {self.market.quote}")
        seen = view(own, observations) if own.quote.at_touch() else None
        return quoting(self.market, quoted_depths(own, actions, seen), observations)

    def forget(self) -> None:
        self.policy.forget()


def as_policy(policy: Any) -> Policy:
    """The policy itself, or an object of another class that acts as a `CustomPolicy`.

    Raises: TypeError for what has no method `act`.
    """
    if isinstance(policy, Policy):
        return policy
    if not callable(getattr(policy, "act", None)):
        raise TypeError(f"a policy must have a method act(observations), got {policy!r}")
    return CustomPolicy(policy)


def policy_of(agent: Any, market: Any) -> Policy:
    """A strategy, a policy, or what makes either of a market, as a policy of `market`.

    Raises: ValueError for a strategy of a desk in a market, or of a market in a desk.
    """
    made: Any = agent(market) if callable(agent) else agent
    if not isinstance(made, Policy) and isinstance(made, DeskStrategy | Strategy):
        return _of_strategy(made, market)
    return as_policy(made)


def _of_strategy(made: Any, market: Any) -> Policy:
    """A strategy as a policy. Raises: ValueError for that of a desk in a market, or of a market in a desk."""
    if isinstance(market, Desk) != isinstance(made, DeskStrategy):
        what = "a desk" if isinstance(made, DeskStrategy) else "one quoted instrument"
        raise ValueError(f"{type(made).__name__} quotes {what}, which {type(market).__name__} is not")
    if not isinstance(market, Desk) and market.quote.of_pool:
        raise ValueError(
            f"{type(made).__name__} quotes depths, and {type(market.quote).__name__} places ranges in a pool"
        )
    return DeskStrategyPolicy(market, made) if isinstance(made, DeskStrategy) else StrategyPolicy(made, market)  # pyright: ignore[reportArgumentType]


def moved(policy: Any, market: Market) -> Policy:
    """The policy, with all that it knows, in another market that shows the same: in its own action space, if it has one.

    Raises: TypeError for one that keeps a market and is no dataclass, and so cannot be told of another.
    """
    return as_policy(policy).moved_to(market)


def translated(policy: Any, market: Market) -> Policy:
    """The policy itself if it acts in the action space of `market`, else `Translated`."""
    player = as_policy(policy)
    return player if player.acts_in(market).quote == market.quote else Translated(player, market)


def tabulate(market: Market, policy: Any) -> Table | None:
    """The policy as a table, if it is one: a strategy, or any that says it is `tabulable` where all is seen."""
    return as_policy(policy).tabulated(market)


def play(market: Any, policy: Any, num_episodes: int, seed: int, on_step: Any = lambda: None) -> Episodes:
    """Episode 0 of `seed` in `num_episodes` lanes: inside the kernel if the policy is a table, else step by step.

    A policy with a market of its own acts there: the same but for the action space.
    """
    player = as_policy(policy)
    player.forget()
    table = player.tabulated(market)
    if table is not None:
        return run_actions(table.market, table.actions, num_episodes, seed)
    return run_policy(player.acts_in(market), player.act, num_episodes, seed, on_step)
