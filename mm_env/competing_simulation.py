"""The lanes of desks of several makers: `DeskSimulation` with a lane for each maker of a world."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mm_env.core.kernels import Kernels
from mm_env.core.lanes import TILE
from mm_env.desk.scratch import nothing_kept
from mm_env.desk_simulation import DeskSimulation
from mm_env.makers.desks import kernel
from mm_env.makers.desks.competing import CompetingDesks
from mm_env.makers.desks.storage import WorldStorage


class CompetingSimulation(DeskSimulation):
    """`num_lanes` makers of as many worlds as that is: see `Simulation`, whose interface this is.

    The same machine code steps any number of makers and of instruments, as long as these are of the same types.
    """

    market: CompetingDesks  # pyright: ignore[reportIncompatibleVariableOverride]

    @property
    def loops(self) -> str:
        return "desks"

    def _lay_out(self) -> None:
        rules, makers = self.market.rules, self.market.lanes_a_world
        held = (nothing_kept(),) * len(self.market.instruments)
        self._storage = WorldStorage(rules, self._templates[1], self.num_lanes, makers)
        self._holdings = WorldStorage(rules, held, self.num_lanes, makers)
        self._memory, self._tables = (self._holdings.states,), (self._shared_tables,)

    def _know_the_market(self) -> None:
        super()._know_the_market()
        self._kernels = Kernels(kernel, self._templates, self._interpreted)

    @property
    def _border(self) -> int:
        return TILE * self.market.lanes_a_world

    @property
    def _noise(self) -> Any:
        if self.keys is None:
            return self.seed
        keys: NDArray[np.int64] = self.keys[:: self.market.lanes_a_world].copy()  # one a world
        keys[:, 1] //= self.market.lanes_a_world
        return keys
