"""Whether what comes of a quote changes with the time or with the mid: tried by the rules themselves, where they read them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.exact.choices import trial_actions
from agents.exact.nodes import Unsolvable
from agents.exact.now_read import parts_read
from agents.exact.objectives import Penalties, is_utility
from agents.exact.optimum_cache import exactly
from agents.exact.price_grid import Axis
from agents.exact.reader import Outcomes, Reader
from mm_env.core.component import Component, flat, load, parts, record
from mm_env.market import Market

Floats = NDArray[np.float64]
_ACTIONS, _NUMBERS = 4, 2**21  # that are tried, and cells that all steps of one of them may take
_FARTHER = (0.0, 0.5, 0.9, 0.99, 1.0 + 1e-6, 1.01, 1.1, 2.0, 10.0)  # mids that are tried, as shares of the first
_known: dict[Any, bool] = {}


def key_of(market: Market) -> Any:
    """All that its exact solution depends on, as something that a dictionary takes."""
    return tuple((type(part), *_own_values(part)) for _, part in parts(market))


def _own_values(part: Component) -> Iterator[Any]:
    for field in fields(part):  # pyright: ignore[reportArgumentType]
        value = getattr(part, field.name)
        held = value if isinstance(value, tuple) else (value,)
        if not any(isinstance(item, Component) for item in held):
            yield value if isinstance(value, float | int | tuple) else exactly(value)


def nodes_told(market: Market) -> bool:
    """Whether what comes of a quote may depend on the mid, or on the states of other parts."""
    return any(read & {"mid", "world"} for path, read in parts_read(market).items() if path != "reward")


def changes_with_time(market: Market, axis: Axis) -> bool:
    """Whether what comes of a quote depends on the step: all steps are tried (2 million cells of them) where a rule reads the
    time."""
    if not any(read & {"time", "time_left"} for path, read in parts_read(market).items() if path != "reward"):
        return False
    key = (key_of(market), axis.size)
    if key not in _known:
        _known[key] = any(_changes(market, axis, action) for action in trial_actions(market, _ACTIONS))
    return _known[key]


def _changes(market: Market, axis: Axis, action: Floats) -> bool:
    nodes, cells = axis.count, len(axis.held)
    most = max(2, _NUMBERS // (nodes * cells))
    steps = np.unique(np.linspace(0, market.clock.steps - 1, min(market.clock.steps, most)).round())
    reader, first = Reader(market, axis), None
    for part in np.array_split(steps, -(-len(steps) * nodes * cells // 2**17)):
        found = reader(np.broadcast_to(action, (len(part), 1, cells, len(action))), part, nodes)
        first = found if first is None else first
        if any((now != then[:1]).any() for now, then in zip(found, first, strict=True)):
            return True
    return False


def check_mid(market: Market, axis: Axis) -> None:
    """Refuse rules that depend on where the mid is, unless it is a state of the price.

    Raises: Unsolvable, naming the part.
    """
    told = [path for path, read in parts_read(market).items() if "mid" in read]
    if not told or any(law.follows_mid and law.states is not None for law in axis.law.axes):
        return
    for path, same in (("reward", _same_penalties), ("", _same_outcomes)):
        mine = [part for part in told if (part == "reward") == (path == "reward")]
        if mine and (other := same(market, axis)) is not None:
            part = dict(parts(market))[mine[0]]
            raise Unsolvable(
                f"{mine[0]} has no exact recursion over (time, inventory): {part} depends on the mid (it differs at "
                f"{other:g}), which is no state of {type(market.price).__name__}'s law"
            )


def _moved(market: Market, axis: Axis) -> Iterator[tuple[float, Floats]]:
    """Other mids, and the places of the axis with the mid there."""
    mid, reach = (
        float(record(market).initial_mid),
        float(np.sqrt(sum(law.variance.max() for law in axis.law.axes) * market.clock.steps)),
    )
    numbers = len(axis.places) // axis.size
    states = [load(axis.template, axis.places, i * numbers, 1) for i in range(axis.size)]
    for other in [*(mid * share for share in _FARTHER), *(mid + way * reach for way in (-4.0, -1.0, 1.0, 4.0))]:
        yield other, np.array([number for state in states for number in flat(state._replace(mid=other))])


def _same_outcomes(market: Market, axis: Axis) -> float | None:
    nodes, cells, steps = (
        axis.count,
        len(axis.held),
        np.array([0.0, market.clock.steps // 2, market.clock.steps - 1]),
    )
    for action in trial_actions(market, _ACTIONS):
        table, first = np.broadcast_to(action, (len(steps), 1, cells, len(action))), None
        for other, places in _moved(market, axis):
            found: Outcomes = Reader(market, axis, places)(table, steps, nodes)
            first = found if first is None else first
            if not all(np.allclose(now, then, 1e-12, 1e-12) for now, then in zip(found, first, strict=True)):
                return other
    return None


def _same_penalties(market: Market, axis: Axis) -> float | None:
    if is_utility(market):
        return None
    first = None
    for other, places in _moved(market, axis):
        found = Penalties(market, axis, places)
        now = np.stack([found.after(step) for step in (1, market.clock.steps // 2, market.clock.steps)])
        first = now if first is None else first
        if not np.allclose(now, first, 1e-12, 1e-12):
            return other
    return None
