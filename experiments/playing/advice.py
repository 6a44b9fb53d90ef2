"""What others would quote where a person has to: an agent's action in this very state, as bid and ask and as parts to set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.observed import view
from agents.policy import Policy, quoted_depths, quoting
from experiments.playing.episodes import Lane, acted
from mm_env.action_parts import values_of
from mm_env.core.component import record
from mm_env.envs.recorder import quotes_at
from mm_env.market import Market
from mm_env.venue.order_book.book import orders, place


class Advice(NamedTuple):
    """What one agent would do now. Prices are ticks in an order book, else price units; nan where no quote would stand."""

    agent: str
    bid: float
    ask: float
    values: list[float]  # of the market's action parts, or the nearest that it has


@dataclass(frozen=True)
class InOwnTime(Policy):
    """A policy that learnt in longer episodes of the same steps, shown the time left as a share of those: `share` of it is all
    that there is here."""

    policy: Policy
    column: int  # of the observation
    share: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "recurrent", self.policy.recurrent)
        object.__setattr__(self, "learnt", self.policy.learnt)

    def act(self, observations: NDArray[np.float32]) -> NDArray[Any]:
        shown = observations.copy()
        shown[:, self.column] *= np.float32(self.share)
        return self.policy.act(shown)

    def forget(self) -> None:
        self.policy.forget()

    def acts_in(self, market: Market) -> Market:
        return self.policy.acts_in(market)


def advice(policies: Mapping[str, Policy], lane: Lane) -> list[Advice]:
    """What each of them would do where the lane stands; a recurrent one is to be asked once a step."""
    return [_advice(name, policy, lane) for name, policy in policies.items()]


def _advice(name: str, policy: Policy, lane: Lane) -> Advice:
    market = lane.env.market
    own = policy.acts_in(market)
    action = acted(policy, lane.observation, own)
    bid, ask = standing(own, lane, action)
    return Advice(name, bid, ask, values_of(market, nearest(market, own, action, lane.observation)))


def nearest(market: Market, own: Market, action: Any, observation: NDArray[np.float32]) -> Any:
    """The action of `market` that quotes what one of `own` does, or the nearest that it has; hedges and loan alike."""
    if own.quote == market.quote:
        return action
    seen, numbers = observation[None], np.asarray(action, np.float64).reshape(1, -1)
    depths = quoted_depths(own, numbers, view(own, seen) if own.quote.at_touch() else None)
    found = np.array(quoting(market, depths, seen)).reshape(-1)
    found[market.quote.width :] = numbers[0, own.quote.width :]
    return found if market.action_space.shape else found[0]


def standing(market: Market, lane: Lane, action: Any) -> tuple[float, float]:
    """Bid and ask as an action of `market` would quote them where the lane stands; nan where none would stand."""
    rules, state = record(market), lane.state
    numbers = tuple(np.asarray(action, np.float64).reshape(-1).tolist())
    if not lane.recorder.has_book:
        bid, ask = quotes_at(rules, state, numbers, not market.quote.rebalances)[0].tolist()
        return bid, ask
    book, held = lane.env.simulation.book_of(0), state.account.inventory  # the book is a copy
    place(rules, book, held, *orders(rules, book, held, numbers, rules.opening()))
    bid, ask = np.where(book.left > 0, book.price, np.nan).tolist()
    return bid, ask
