"""The one protocol every agent keeps, and the bridge from closed-form strategies to it."""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass, replace
from inspect import signature
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from mm_env.core.component import differs, record
from mm_env.market import Market
from mm_env.quote import NOWHERE, Quoting, Unbounded, View
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
        """Bid and ask depth (steps or 1, levels, 2), price units.

        Raises: ValueError where the actions count from an order book's best prices: what they quote depends on the book.
        """
        return quoted_depths(self.market, self.actions)


@dataclass(frozen=True)
class StrategyPolicy:
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
        return Table(replace(self.market, quote=Unbounded()), depths)


def policy_of(agent: Any, market: Market) -> Policy:
    """A strategy, a policy, or what makes either of a market, as a policy of `market`."""
    made: Any = agent(market) if callable(agent) else agent
    return StrategyPolicy(made, market) if isinstance(made, Strategy) else made


def moved(policy: Any, market: Market) -> Policy:
    """The policy, with all that it knows, in another market that shows the same: in its own action space, if it has one.

    Raises: TypeError for one that keeps a market and is no dataclass, and so cannot be told of another.
    """
    own = getattr(policy, "market", None)
    if own is None:
        return policy
    if not is_dataclass(policy) or "market" not in {field.name for field in fields(policy)}:
        raise TypeError(f"a policy with a market of its own must be a dataclass with a field `market`, got {policy!r}")
    return replace(policy, market=replace(market, quote=own.quote))  # pyright: ignore[reportArgumentType, reportReturnType]


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


def quoting(market: Market, depths: Floats, observations: NDArray[np.float32]) -> NDArray[Any]:
    """The actions of `market`, (n, width) or (n,), that quote `depths` (n, 2), price units from the mid, where lanes show
    observations (n, k)."""
    quote = market.quote
    actions = quote.encode(depths, view(market, observations)) if _counts_from_touch(quote) else quote.encode(depths)
    return actions if quote.space.shape else actions[..., 0].astype(np.int64)


def view(market: Market, observations: NDArray[np.float32]) -> View:
    """Others' half-spread and the tick, as an order book's observations (n, k) show them.

    Raises: ValueError where the tick differs by lane, which nobody is shown.
    """
    tick = market.venue.tick  # pyright: ignore[reportAttributeAccessIssue]
    if differs(tick):
        raise ValueError(f"depths become ticks only where venue.tick is the same in all lanes, got {tick!r}")
    spread = np.rint(observations[:, market.observation_names.index("spread")].astype(np.float64))
    return View(0.5 * tick * spread, tick)


def quoted_depths(market: Market, actions: NDArray[Any], seen: View | None = None) -> Floats:
    """The depths (..., 2) in price units from the mid that actions (..., width) quote, in the book that is `seen`.

    Raises: ValueError where actions count from an order book's best prices, and none is seen.
    """
    depths = quotes(market, actions)[..., :2]
    if not market.quote.at_touch():
        return depths
    if seen is None:
        raise ValueError(
            f"the actions of {market.quote} count from the best prices: without a View of the book they are no depths"
        )
    return np.where(depths >= NOWHERE, NOWHERE, seen.depths(depths))


def quotes(market: Market, actions: NDArray[Any]) -> Floats:
    """What actions (..., width) decode to, (..., 4): the fields of `Quote`."""
    rules = record(market)
    now = rules.opening()
    flat = np.asarray(actions, np.float64).reshape(-1, market.quote.width)
    decoded = [tuple(rules.quote.decode(tuple(action), now)) for action in flat.tolist()]
    return np.array(decoded).reshape(*np.shape(actions)[:-1], 4)


@dataclass(frozen=True)
class Translated:
    """A policy that acts in a `market` of its own, as one of another `market` that shows the same: it quotes the same depths,
    or the nearest that can be quoted there.

    Raises: ValueError where the two show different things, or for what the other one's actions do not know: market orders.
    """

    policy: Any
    market: Market

    def __post_init__(self) -> None:
        own, other = self.policy.market.observation_names, self.market.observation_names
        if own != other:
            raise ValueError(f"a policy of a market that shows {own} cannot act in one that shows {other}")

    def act(self, observations: NDArray[np.float32]) -> NDArray[Any]:
        own: Market = self.policy.market
        actions = np.asarray(self.policy.act(observations)).reshape(len(observations), own.quote.width)
        if (quotes(own, actions)[:, 2] > 0.0).any():
            raise ValueError(f"the market orders of {own.quote} cannot be told in the actions of {self.market.quote}")
        seen = view(own, observations) if own.quote.at_touch() else None
        return quoting(self.market, quoted_depths(own, actions, seen), observations)


def translated(policy: Policy, market: Market) -> Policy:
    """The policy itself if it acts in the action space of `market`, else `Translated`."""
    own = getattr(policy, "market", market)
    return policy if own.quote == market.quote else Translated(policy, market)


def _counts_from_touch(quote: Quoting) -> bool:
    """Whether it needs a View to encode. Raises: TypeError if it does and takes none."""
    if not quote.at_touch():
        return False
    try:
        signature(quote.encode).bind(None, None)
    except TypeError:
        raise TypeError(
            f"{type(quote).__name__}.encode must take (depths, view), as it counts from the best prices: depths are price "
            "units from the mid, view.ticks_behind(depths) is what they are in ticks"
        ) from None
    return True
