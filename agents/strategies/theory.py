"""What closed forms take of a market: `theory(market).sigma`, `.k`, `.gamma` and so on, asked of the market's components.

A component says it by fields or properties of these names; one of your own that has them goes with every strategy:

| part | name | what it is |
| --- | --- | --- |
| `price` | `sigma` | volatility of the mid, price / sqrt(time); a share of the price where the class says `relative = True` |
| `venue.flow` | `rate` | A of lambda(depth) = A exp(-k depth): orders / time that come to one side |
| `venue.fill` | `k` | how fast the share of orders that reach a quote decays with its depth, 1 / price |
| `venue.impact` | `mean` | mean jump of the mid after an order, price; else by its `moments`, of a fill at depth 1 / k |
| `reward` | `gamma` or `phi` | risk aversion, 1 / price; or running penalty, price / (inventory^2 time) |
| `reward` | `alpha` | final penalty, price / inventory^2; 0 where there is none |

A part that depends on the regime of the price says by a method `averaged(price)` what model it is on average over time.
An order book's sigma, rate and k are estimated by simulating it (`agents.strategies.estimated`). What is per unit of inventory
in the market is per order here, as closed forms count.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import numpy as np

from agents.base import check_one_instrument
from agents.strategies.estimated import BookEstimates, estimate_book
from mm_env.core.component import differs, record
from mm_env.core.parameters import Distribution
from mm_env.market import Market


@dataclass(frozen=True)
class Theory:
    """The quantities of `market` that closed forms take; one that it does not have is refused by name when it is asked for.

    Raises: ValueError that says what the theory wants, and which component does not say it.
    """

    market: Market

    @cached_property
    def sigma(self) -> float:
        """Volatility of the mid, price / sqrt(time)."""
        price = self.market.price
        if self._book is not None:
            return self._book.sigma
        if price.relative:
            name = type(price).__name__
            raise ValueError(f"the theory wants sigma in price units, and that of {name} is a share of the price")
        name = (
            "long_run_sigma" if has(price, "long_run_sigma") else "sigma"
        )  # with jumps, where sigma is the diffusion's
        return number(price, "price", name, "one volatility of the mid", positive=True)

    @cached_property
    def rate(self) -> float:
        """A of lambda(depth) = A exp(-k depth): orders of one side / time."""
        wanted = "one rate of orders for both sides"
        return self._of_sides("flow", "rate", wanted) if self._book is None else self._book.rate

    @cached_property
    def k(self) -> float:
        """Decay of fills with depth, 1 / price."""
        wanted = "fills that decay as exp(-k depth)"
        return self._of_sides("fill", "k", wanted) if self._book is None else self._book.k

    @cached_property
    def jump(self) -> float:
        """Mean jump of the mid after an order, price units; where it depends on the depth, that of a fill at depth 1 / k."""
        wanted, venue = "one mean jump of the mid after an order", cast(Any, self.market.venue)
        if self._book is not None:
            return 0.0
        if not has(venue, "impact") or all(has(self._plain(side), "mean") for side in sides_of(venue.impact)):
            return self._of_sides("impact", "mean", wanted)
        rules = record(self.market)
        fill = (1.0 / self.k, 0.0, 1.0, 1.0, rules.opening())  # depth, chance, filled, arrival
        return one("impact", "mean", wanted, {float(side.moments(*fill)[0]) for side in sides_of(rules.venue.impact)})

    @cached_property
    def gamma(self) -> float:
        """CARA's risk aversion for inventory in orders, 1 / price: gamma, or 2 phi / sigma^2 of a running penalty phi."""
        name, value = self._risk
        return (value if name == "gamma" else 2.0 * value / self.sigma**2) * self.market.order_size

    @cached_property
    def phi(self) -> float:
        """Running penalty for inventory in orders, price / (orders^2 time): phi, or gamma sigma^2 / 2 under CARA."""
        name, value = self._risk
        return (value if name == "phi" else 0.5 * value * self.sigma**2) * self.market.order_size

    @cached_property
    def alpha(self) -> float:
        """Final penalty for inventory in orders, price / orders^2."""
        reward = self.market.reward
        known = has(reward, "alpha")
        return number(reward, "reward", "alpha", "one final penalty") * self.market.order_size if known else 0.0

    @property
    def horizon(self) -> float:
        """T, time."""
        return self.market.clock.horizon

    @property
    def orders(self) -> int:
        """The most inventory, in orders."""
        return round(self.market.max_inventory / self.market.order_size)

    @property
    def half_spread(self) -> float:
        """1 / k, price units: the best constant quotes if inventory cost nothing."""
        return 1.0 / self.k

    @cached_property
    def _book(self) -> BookEstimates | None:
        return estimate_book(self.market) if self.market.venue.makes_mid else None

    @property
    def _risk(self) -> tuple[str, float]:
        """What the reward says of risk: ("gamma", CARA's) or ("phi", of an inventory penalty)."""
        reward = self.market.reward
        name = "gamma" if has(reward, "gamma") else "phi"
        return name, number(reward, "reward", name, "a risk aversion (gamma, or phi of an inventory penalty)")

    def _of_sides(self, part: str, name: str, wanted: str) -> float:
        """A number of the venue's `part`, the same on both sides; a venue without such parts may say it itself."""
        venue = self.market.venue
        if not has(venue, part):
            return number(venue, "venue", name, wanted)
        sides = [self._plain(side) for side in sides_of(getattr(venue, part))]
        return one(part, name, wanted, {number(side, f"venue.{part}", name, wanted) for side in sides})

    def _plain(self, part: Any) -> Any:
        """A model that depends on the price's state as what it is on average over time, where it says so."""
        return part.averaged(self.market.price) if has(part, "averaged") else part


def theory(market: Market) -> Theory:
    """What closed forms take of `market`.

    Raises: ValueError for a desk of several instruments.
    """
    check_one_instrument(market, "the theory")
    return Theory(market)


def has(part: Any, name: str) -> bool:
    """Whether a component says something of this name: a field, a property or a method."""
    return hasattr(part, name)


def sides_of(model: Any) -> tuple[Any, Any]:
    """What a model says of the bid and of the ask; one for both says the same of each."""
    return (model.bid, model.ask) if has(model, "bid") and has(model, "ask") else (model, model)


def one(part: str, name: str, wanted: str, numbers: set[float]) -> float:
    """The number that both sides have. Raises: ValueError where they differ."""
    if len(numbers) > 1:
        raise ValueError(f"the theory wants {wanted}, market.venue.{part}.{name}, and each side has its own")
    return numbers.pop()


def number(part: Any, path: str, name: str, wanted: str, positive: bool = False) -> float:
    """What a component says by `name`, one number. Raises: ValueError where it says none, or several."""
    if not has(part, name):
        raise ValueError(
            f"the theory wants {wanted}, market.{path}.{name}, and {type(part).__name__} has none (a class of your own says it "
            f"by a field or a property {name})"
        )
    value = getattr(part, name)
    if isinstance(value, int | float | np.number) and not isinstance(value, bool) and (value > 0.0 or not positive):
        return float(value)
    drawn = isinstance(value, Distribution)
    got = f"the distribution {type(value).__name__}" if drawn else "several" if differs(value) else value
    raise ValueError(f"the theory wants market.{path}.{name} to be one number{' > 0' * positive}, got {got}")
