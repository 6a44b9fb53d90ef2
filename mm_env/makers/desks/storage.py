"""Where the lanes of desks of several makers lie: a tile has one maker of each of `TILE` worlds."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mm_env.core.component import Component, count, load
from mm_env.core.lanes import TILE
from mm_env.core.storage import Storage, numbered

Floats = NDArray[np.float64]


class WorldStorage(Storage):
    """States of `num_lanes` lanes, and parameters of the `makers` of each world.

    Lane w D + d is maker d of world w, and lies at place w % TILE of tile (w // TILE) D + d: what the makers of a world have to
    do with one another is from tile to tile, at the same place. The parameters of maker d are those of the d-th tile.
    """

    def __init__(self, component: Component, state: Any, num_lanes: int, makers: int) -> None:
        self.makers = makers
        super().__init__(component, state, num_lanes)
        self.tiles = -(-num_lanes // (makers * TILE)) * makers
        self.states = np.zeros(self.tiles * count(state) * TILE)

    def state_of(self, lane: int) -> Any:
        world, maker = divmod(lane, self.makers)
        tile = world // TILE * self.makers + maker
        return load(self._state, self.states, tile * count(self._state) * TILE + world % TILE, TILE)

    def row(self, number: int) -> Floats:
        tiles = self.states.reshape(-1, self.makers, count(self._state), TILE)
        return tiles[:, :, number].swapaxes(1, 2).reshape(-1)[: self.num_lanes].copy()

    def put_steps(self, steps: NDArray[np.int64]) -> None:
        numbers = self.numbers
        numbers[0] = steps
        self._fill(self.states, numbers)

    def by_lane(self, tiled: Floats, copied: bool = False) -> Floats:
        groups = tiled.reshape(self.tiles // self.makers, self.makers, -1, TILE)
        rows = groups.transpose(2, 0, 3, 1).reshape(groups.shape[2], -1)[:, : self.num_lanes]
        return rows.copy() if copied else rows

    def _fill(self, tiled: Floats, by_lane: Floats) -> None:
        wanted = self.tiles * TILE
        padded = np.pad(by_lane, ((0, 0), (0, wanted - self.num_lanes)))
        groups = padded.reshape(len(padded), self.tiles // self.makers, TILE, self.makers)
        tiled.reshape(self.tiles // self.makers, self.makers, -1, TILE)[:] = groups.transpose(1, 3, 0, 2)

    def _lay_out(self, component: Component) -> None:
        leaves = [np.zeros(1) if leaf is None else np.ravel(leaf.value) for leaf in numbered(component)]
        by_maker = np.array([np.resize(values, self.makers) for values in leaves], np.float64)
        self.stride = None
        self.parameters = np.repeat(by_maker.T[:, :, None], TILE, axis=2).reshape(-1)
