"""Policies of a desk: from positions and the time left to depths of each kind of request, and trades outside."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from agents.base import MarketPolicy
from mm_env.clock import Ergodic
from mm_env.desk.desk import Desk
from mm_env.desk.outside import OutsideRate

Floats = NDArray[np.float64]


@runtime_checkable
class DeskStrategy(Protocol):
    """Quotes of d instruments, from what is held of each and the time left."""

    def quotes(self, positions: Floats, time_left: float) -> tuple[Floats, Floats]:
        """Depths (n, 2 d, K), price units: of the bid and the ask of each instrument, by kind of request; and trades outside
        (n, d), units / time, bought if positive; at positions (n, d), units, and one time to the end."""
        ...


class DeskPolicy(MarketPolicy):
    """A policy of a desk: a dataclass with a field `market`. Override `quotes`.

    Requests that have one bid and ask together get the mean depth of theirs, by how often they come.
    """

    market: Any

    def quotes(self, positions: Floats, time_left: float) -> tuple[Floats, Floats]:
        """As a `DeskStrategy`'s."""
        raise NotImplementedError(f"{type(self).__name__} needs a method quotes(positions, time_left)")

    def act(self, observations: NDArray[np.float32]) -> NDArray[Any]:
        """Actions (n, width) on observations (n, k)."""
        desk: Desk = self.market
        positions, left = positions_seen(desk, observations), time_seen(desk, observations)
        actions = np.empty((len(observations), desk.width))
        for time in np.unique(left):
            here = left == time
            actions[here] = encoded(desk, *self.quotes(positions[here], float(time)), positions[here])
        return actions

    def moved_to(self, market: Any) -> Self:
        return replace(self, market=replace(market, quotes=self.market.quotes))  # pyright: ignore[reportArgumentType]


@dataclass(frozen=True)
class DeskStrategyPolicy(DeskPolicy):
    """A `DeskStrategy` as a policy of a desk."""

    market: Any
    strategy: DeskStrategy

    def quotes(self, positions: Floats, time_left: float) -> tuple[Floats, Floats]:
        return self.strategy.quotes(positions, time_left)


def positions_seen(desk: Desk, observations: NDArray[np.float32]) -> Floats:
    """The positions (n, d), units, that observations (n, k) show, to the precision of those."""
    limits = np.array([one.max_inventory for one in desk.instruments])
    return np.asarray(observations[:, : len(limits)] * limits, np.float64)


def time_seen(desk: Desk, observations: NDArray[np.float32]) -> Floats:
    """The time to the end (n,), whole steps of it, that observations (n, k) show; all of the horizon where there is no end."""
    clock = desk.clock
    if isinstance(clock, Ergodic):
        return np.full(len(observations), float(clock.horizon))
    shown = observations[:, desk.observation_names.index("time_left")]
    return np.asarray(np.rint(shown.astype(np.float64) * clock.steps) * clock.step_length, np.float64)


def shown_at(desk: Desk, positions: Floats, steps_left: int) -> NDArray[np.float32]:
    """The observations (n, k) at positions (n, d), units, of a desk whose prices show nothing of their own."""
    limits, clock = np.array([one.max_inventory for one in desk.instruments]), desk.clock
    risk = np.sqrt(np.einsum("ni,ij,nj->n", positions, desk.prices.covariance_matrix, positions)) / desk.risk_scale
    time = [] if isinstance(clock, Ergodic) else [np.full(len(positions), steps_left / clock.steps)]
    return np.column_stack([positions / limits, *time, risk]).astype(np.float32)


def encoded(desk: Desk, depths: Floats, trades: Floats, positions: Floats) -> Floats:
    """The actions (n, width) that quote depths (n, 2 d, K), and trade outside at `trades` (n, d), from positions (n, d)."""
    asked = np.zeros((len(depths), desk.width))
    for i, columns in enumerate(desk.columns):
        for side, flows in enumerate(desk.streams(i)):
            places, rates = np.array(columns) + side, np.maximum(flows.rate, 1e-300)
            for place in np.unique(places):
                of = places == place
                asked[:, place] = np.average(depths[:, 2 * i + side, : len(places)][:, of], axis=1, weights=rates[of])
    quotes = 2 * len({place for columns in desk.columns for place in columns})
    told = desk.encode(asked[:, :quotes].reshape(len(depths), -1, 2))
    return np.hstack([told, _outside(desk, trades, positions)]) if desk.trades_outside else told


def _outside(desk: Desk, trades: Floats, positions: Floats) -> Floats:
    """The numbers of an action for trades outside: a rate, or the position that is got to within a step."""
    places = desk.outside_places
    parts: list[Any] = [desk.instruments[i].outside for i in places]
    if parts[0].needs_options:  # traded by its delta, of which positions do not tell: nothing is
        return np.ones((len(trades), len(places)))
    if all(isinstance(part, OutsideRate) for part in parts):
        return np.clip(trades[:, places] / np.array([part.max_rate for part in parts]), -1.0, 1.0)
    limits = np.array([desk.instruments[i].max_inventory for i in places])
    return np.clip((positions + trades * desk.clock.step_length)[:, places] / limits, -1.0, 1.0)


def decoded(desk: Desk, actions: Floats) -> tuple[Floats, Floats]:
    """The depths (n, 2 d, K) and the trades outside (n, d), units / time, of actions (n, width)."""
    d, kinds = len(desk.instruments), max(map(len, desk.columns))
    quoted, trades = desk.depths(actions), np.zeros((len(actions), d))
    depths = np.zeros((len(actions), 2 * d, kinds))
    for i, columns in enumerate(desk.columns):
        pairs = quoted[:, np.array(columns) // 2]
        depths[:, 2 * i, : len(columns)], depths[:, 2 * i + 1, : len(columns)] = pairs[..., 0], pairs[..., 1]
    if desk.trades_outside:
        places = desk.outside_places
        parts: list[Any] = [desk.instruments[i].outside for i in places]
        trades[:, places] = np.clip(actions[:, -len(places) :], -1.0, 1.0) * np.array([part.max_rate for part in parts])
    return depths, trades
