"""Where the lanes of a market lie: their states and parameters, in tiles as `core.kernel` reads them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mm_env.core.component import Component, count, leaves, load, nest, nominal, record
from mm_env.core.lanes import TILE
from mm_env.core.noise import parameter_uniforms
from mm_env.core.parameters import Distribution

Floats = NDArray[np.float64]
SHARED = ("price.", "venue.", "clock.", "initial_mid")  # parts of a market that the makers of a world have in common


class Storage:
    """States shaped like the template `state`, and parameters of the market `component`, of `num_lanes` lanes.

    A single tile of parameters serves all lanes as long as none differs: then `stride`, how far apart the parameters of two
    tiles lie, is None. An array has one parameter for each lane, or one for each of `period` lanes that lie side by side.
    """

    def __init__(self, component: Component, state: Any, num_lanes: int, period: int = 1) -> None:
        self.num_lanes, self.tiles, self._state, self._period = num_lanes, -(-num_lanes // TILE), state, period
        self.states = np.zeros(self.tiles * count(state) * TILE)
        self.stride: int | None = None
        # row, number among the distributions, distribution, whether lanes that lie side by side have one in common
        self._random: list[tuple[int, int, Distribution, bool]] = []
        self._lay_out(component)

    @property
    def state(self) -> Any:
        """The states of all lanes, each number an array (num_lanes,): a copy."""
        return nest(self._state, iter(self.numbers))

    @property
    def numbers(self) -> Floats:
        """The states of all lanes, number by number (numbers, num_lanes): a copy."""
        return self.by_lane(self.states, copied=True)

    def state_of(self, lane: int) -> Any:
        """The state of one lane, each number a float."""
        return load(self._state, self.states, lane // TILE * count(self._state) * TILE + lane % TILE, TILE)

    def row(self, number: int) -> Floats:
        """One number of the states of all lanes, (num_lanes,): a copy."""
        return self.states.reshape(self.tiles, -1, TILE)[:, number].reshape(-1)[: self.num_lanes].copy()

    def put_steps(self, steps: NDArray[np.int64]) -> None:
        """Set the first number of each lane's state, which is its step."""
        tiles = self.states.reshape(self.tiles, count(self._state), TILE)
        tiles[:, 0] = np.resize(steps, (self.tiles, TILE))

    def part(self) -> None:
        """Give each lane its own copy of the parameters, so that `set` may tell the lanes apart."""
        if self.stride is None:
            self.stride = len(self.parameters)
            self.parameters = np.tile(self.parameters, self.tiles)

    def set(self, row: int, values: Floats, lanes: NDArray[np.int64]) -> None:
        """Set parameter number `row` in the lanes of these indices, once they are parted."""
        self.parameters[lanes // TILE * (self.stride or 0) + row * TILE + lanes % TILE] = values

    def parameter(self, row: int) -> Floats:
        """Parameter number `row` of all lanes, (num_lanes,): a copy."""
        lanes = np.arange(self.num_lanes)
        return self.parameters[lanes // TILE * (self.stride or 0) + row * TILE + lanes % TILE]

    def draw(
        self, seed: Any, numbers: NDArray[np.int64], episodes: NDArray[np.int64], lanes: NDArray[np.int64]
    ) -> None:
        """Draw the random parameters of an episode in each of `lanes`, by its seed (or that of all) and its number."""
        worlds = numbers // self._period
        for row, index, distribution, is_shared in self._random:
            drawn_by = worlds if is_shared else numbers
            self.set(row, distribution.ppf(parameter_uniforms(seed, drawn_by, episodes, index)), lanes)

    @property
    def is_random(self) -> bool:
        """Whether any parameter is drawn anew for each episode."""
        return bool(self._random)

    def restore(self, states: Floats, parameters: Floats) -> None:
        """Take up copies of `states` and `parameters` of the same lanes."""
        if len(parameters) > len(self.parameters):
            self.part()
        self.states[:] = states
        self.parameters[:] = np.resize(parameters, len(self.parameters))

    def copy_state_from(self, other: Storage) -> None:
        """Copy what lane i of `other`, with n lanes, holds to the lanes i, i + n, i + 2 n and so on."""
        copies = self.num_lanes // other.num_lanes
        self._fill(self.states, np.tile(other.by_lane(other.states), copies))
        if other.stride is not None:
            self.part()
            self._fill(self.parameters, np.tile(other.by_lane(other.parameters), copies))

    def by_lane(self, tiled: Floats, copied: bool = False) -> Floats:
        """What lies in tiles, number by number and lane by lane: (numbers, num_lanes); for certain a copy if asked to."""
        rows = tiled.reshape(self.tiles, -1, TILE).transpose(1, 0, 2)
        return (rows.copy() if copied else rows).reshape(len(rows), -1)[:, : self.num_lanes]

    def _fill(self, tiled: Floats, by_lane: Floats) -> None:
        """Write (numbers, num_lanes) to where it lies in tiles."""
        padded = np.pad(by_lane, ((0, 0), (0, self.tiles * TILE - self.num_lanes)), mode="edge")
        tiled.reshape(self.tiles, -1, TILE)[:] = padded.reshape(len(padded), self.tiles, TILE).transpose(1, 0, 2)

    def _lay_out(self, component: Component) -> None:
        values, order = [], {}
        for row, leaf in enumerate(numbered(component)):
            if leaf is None:  # the number that stands in for an empty record
                values.append(np.zeros(1))
            elif isinstance(leaf.value, Distribution):
                index = order.setdefault((id(leaf.owner), leaf.field), len(order))
                self._random.append((row, index, leaf.value, leaf.path.startswith(SHARED)))
                values.append(np.full(self.num_lanes, nominal(leaf.value)))
            else:
                values.append(self._one_a_lane(f"Market.{leaf.path}", leaf.value))
        shared = all(len(value) == 1 for value in values) and not self._random
        tiles = 1 if shared else self.tiles
        wide = np.array([np.resize(v, tiles * TILE) if len(v) > 1 else np.full(tiles * TILE, v[0]) for v in values])
        self.stride = None if shared else len(values) * TILE
        self.parameters = np.ascontiguousarray(wide.reshape(len(values), tiles, TILE).transpose(1, 0, 2)).reshape(-1)

    def _one_a_lane(self, name: str, value: Any) -> Floats:
        numbers = np.atleast_1d(np.asarray(value, np.float64))
        if np.ndim(value) and len(numbers) == self._period > 1:
            return np.tile(numbers, self.num_lanes // self._period)
        if np.ndim(value) and len(numbers) != self.num_lanes:
            raise ValueError(f"{name} must have one value for each of {self.num_lanes} lanes, got {len(numbers)}")
        return numbers


def numbered(component: Component) -> list[Any]:
    """A leaf, or None for a stand-in, for each number of a component's record, in its order."""
    found = {leaf.path: leaf for leaf in leaves(component)}
    return [found.get(path) for path in _paths(record(component))]


def _paths(values: Any, path: str = "") -> list[str]:
    if not isinstance(values, tuple):
        return [path]
    names = getattr(values, "_fields", map(str, range(len(values))))
    return [p for name, v in zip(names, values, strict=True) for p in _paths(v, f"{path}.{name}" if path else name)]
