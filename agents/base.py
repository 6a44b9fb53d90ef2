"""The base classes of agents: a policy acts on what a market shows and says what it is; a strategy quotes in closed form."""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from agents.observed import grid_observations, places
from agents.quoting import quoted_depths
from mm_env.market import Market

Floats = NDArray[np.float64]


class Policy:
    """Acts in a market's action space on what the market shows. A policy of your own needs `act`, and says what else it is.

    A plain object with a method `act` is taken for one too (`CustomPolicy`).
    """

    tabulable: bool = (
        False  # the same action for the same observation: a table, where time and inventory are all that is seen
    )
    recurrent: bool = False  # it remembers what it saw, until it shall `forget`
    learnt: bool = False  # by training, not by theory

    def act(self, observations: NDArray[np.float32]) -> NDArray[Any]:
        """Actions (n, width), or (n,) if they are discrete, on observations (n, k)."""
        raise NotImplementedError(f"{type(self).__name__} needs a method act(observations)")

    def forget(self) -> None:
        """Start new episodes."""

    def acts_in(self, market: Market) -> Market:
        """The market whose actions it gives where it plays in `market`: itself, unless it has a market of its own."""
        return market

    def moved_to(self, market: Market) -> Policy:
        """The policy, with all that it knows, in another market that shows the same."""
        return self

    def check(self, market: Market) -> None:
        """Refuse a market whose actions it cannot give. Raises: ValueError."""

    def tabulated(self, market: Market) -> Table | None:
        """The policy as a table of actions by time and inventory, if that is all it depends on."""
        seen = grid_observations(market) if self.tabulable else None
        if seen is None:
            return None
        actions = np.asarray(self.act(seen.reshape(-1, seen.shape[-1]))).reshape(*seen.shape[:2], -1)
        return Table(market, actions.astype(np.float64))


class MarketPolicy(Policy):
    """A policy with a `market` of its own, in whose action space it acts: a dataclass with that field."""

    market: Market

    def acts_in(self, market: Market) -> Market:
        return self.market

    def moved_to(self, market: Market) -> Policy:
        return with_market(self, self.market, market)


@runtime_checkable
class Strategy(Protocol):
    """Quotes in closed form: knows parameters, not environments."""

    def depths(self, inventory: Floats, seconds_left: Floats) -> Floats:
        """Bid and ask depth (..., 2), price units, for inventories in orders and times to the end, which broadcast."""
        ...


@dataclass(frozen=True)
class Table(MarketPolicy):
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

    def tabulated(self, market: Market) -> Table:
        return self


def check_one_instrument(market: Any, who: str) -> None:
    """Refuse a desk of several instruments. Raises: ValueError."""
    if not isinstance(market, Market):
        raise ValueError(f"{who} needs a market with one quoted instrument, got a {type(market).__name__}")


def with_market(policy: Any, own: Market, market: Market) -> Any:
    """A dataclass with a field `market`, in another one with its own's actions."""
    if not is_dataclass(policy) or "market" not in {field.name for field in fields(policy)}:
        raise TypeError(f"a policy with a market of its own must be a dataclass with a field `market`, got {policy!r}")
    return replace(policy, market=replace(market, quote=own.quote))  # pyright: ignore[reportArgumentType]
