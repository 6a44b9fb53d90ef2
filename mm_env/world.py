"""What a rule may know of the present beside its own arguments: the time, the mid, and the states of all parts.

A rule that needs none of it leaves its last argument, `now`, out: `def take(self, depth)` and `def take(self, depth, now)` are
both a fill model.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from mm_env.core.maths import scalar


class World(NamedTuple):
    """The states of a market's parts, each a named tuple of numbers, or () where the part has none."""

    price: Any  # its latent state: a variance, a regime, a drift
    flow: Any  # of a dealer: those of the bid's and the ask's flow
    venue: Any  # reserves of a pool, balances of a channel
    hedges: Any
    margin: Any  # whether the account is still open, and what else decides it
    financing: Any = ()  # collateral and debt


class Now(NamedTuple):
    """The present, as it is when quotes are set."""

    time: float  # since the episode began
    time_left: float  # until its horizon
    mid: float  # price units
    world: World
    tables: Any = ()  # what the price keeps in memory for all lanes, such as a recorded path


@scalar
def alone(price: Any, mid: float) -> Now:
    """The present of a price by itself, in no market, at time 0."""
    return Now(0.0, 0.0, mid, World(price, (), (), (), ()), ())
