"""Parameters of a running simulation that an outside player (an adversary, a curriculum) sets before any step.

A parameter is named by its path in the market, `price.drift` or `venue.flow.bid.rate`; `venue.flow.rate` is that of both
sides. Noise does not depend on parameters, so a market set to other ones meets the same draws.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mm_env.core.component import Component, Sides
from mm_env.core.parameters import Interval, Uniform
from mm_env.core.storage import numbered
from mm_env.market import Market
from mm_env.simulation import Simulation

Floats = NDArray[np.float64]
Range = Sequence[float]  # (low, high)
_SHAPE = ("clock.", "quote.", "max_inventory", "order_size", "inventory_scale")  # the same in all lanes


class Controls:
    """The parameters of `simulation` that a player may set, each in its range: path -> (low, high), in natural units.

    Raises: ValueError or TypeError that names the parameter, its rule and the value, here and not while it runs.
    """

    def __init__(self, simulation: Simulation, ranges: Mapping[str, Range]) -> None:
        check_ranges(simulation.market, ranges)
        self.simulation, self.paths = simulation, tuple(ranges)
        self._low, self._high = np.array([ranges[path] for path in self.paths], np.float64).T
        self._rows = [parameter_rows(simulation.market, path) for path in self.paths]
        simulation.part_parameters()

    def set(self, values: Floats, lanes: NDArray[np.int64] | None = None) -> None:
        """Set the parameters to `values` (lanes, paths) from the next step on, in all lanes or those of these indices.

        What has been observed stays as it was: only what happens from now on knows of it.
        """
        wanted = (self.simulation.num_lanes if lanes is None else len(lanes), len(self.paths))
        if np.shape(values) != wanted:
            raise ValueError(f"values must have shape {wanted}, one row a lane, got {np.shape(values)}")
        kept = (values >= self._low) & (values <= self._high)
        if not kept.all():
            lane, column = np.argwhere(~kept)[0]
            rule = Interval(self._low[column], self._high[column])
            raise ValueError(f"{self.paths[column]} must be {rule}, got {values[lane, column]}")
        for column, rows in enumerate(self._rows):
            for row in rows:
                self.simulation.set_parameter(row, values[:, column], lanes)


def check_ranges(market: Market, ranges: Mapping[str, Range]) -> None:
    """Refuse ranges that name no parameter that may differ by lane, or that leave what the parameter may be."""
    if not ranges:
        raise ValueError("ranges must name at least one parameter, got none")
    for path, ends in ranges.items():
        if np.shape(ends) != (2,):
            raise ValueError(f"the range of {path} must be (low, high), got {ends!r}")
        Uniform(*ends)  # says what is wrong with its ends
        if path.startswith(_SHAPE):
            raise ValueError(f"{path} must be the same in all lanes: it shapes the problem and cannot be set")
        for end in ends:
            with_parameters(market, {path: float(end)})  # the parameter's own rule speaks


def parameter_rows(market: Market, path: str) -> list[int]:
    """Which numbers of the market's record a path names: one, or that of each side if it names no side.

    Raises: ValueError if there is none, with the nearest path that there is.
    """
    paths = {row: leaf.path for row, leaf in enumerate(numbered(market)) if leaf is not None}
    rows = [row for row, known in paths.items() if path in (known, _both(known))]
    if not rows:
        close = get_close_matches(path, [*paths.values(), *map(_both, paths.values())], n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise ValueError(f"a path must name a parameter of the market, got {path!r}.{hint}")
    return rows


def with_parameters(market: Market, values: Mapping[str, Any]) -> Market:
    """The market with other parameters: path -> number, array or distribution."""
    for path, value in values.items():
        parameter_rows(market, path)
        market = _changed(market, path.split("."), value)
    return market


def randomised(market: Market, ranges: Mapping[str, Range]) -> Market:
    """The market with each parameter of `ranges` drawn uniformly, anew for each lane and episode, alike on both sides."""
    check_ranges(market, ranges)
    return with_parameters(market, {path: Uniform(*map(float, ends)) for path, ends in ranges.items()})


def _changed(component: Any, path: list[str], value: Any) -> Any:
    name, *rest = path
    if isinstance(component, Sides) and name not in ("bid", "ask"):
        bid = _changed(component.bid, path, value)
        # one model for both sides stays one, so that a distribution is drawn once for both
        return Sides(bid, bid if component.ask is component.bid else _changed(component.ask, path, value))
    part = getattr(component, name)
    return replace(component, **{name: _changed(part, rest, value) if isinstance(part, Component) else value})


def _both(path: str) -> str:
    return path.replace(".bid.", ".").replace(".ask.", ".")
