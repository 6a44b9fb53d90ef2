"""The lanes of a desk: `Simulation` with N instruments a lane."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mm_env.core.component import nest, record
from mm_env.core.kernels import Kernels
from mm_env.core.lanes import TILE
from mm_env.core.storage import Storage
from mm_env.desk import kernel
from mm_env.desk.desk import Desk
from mm_env.desk.options import kernel as options_kernel
from mm_env.desk.options.state import Book, nothing_booked, nothing_option
from mm_env.desk.options.tables import option_tables
from mm_env.desk.scratch import nothing_kept
from mm_env.desk.state import Holding
from mm_env.desk.tables import tables
from mm_env.simulation import LANES_PER_THREAD, Simulation

Floats = NDArray[np.float64]
_ANY = (0.0,)  # how wide actions and observations are is no part of the machine code


class DeskSimulation(Simulation):
    """`num_lanes` independent copies of a desk: see `Simulation`, whose interface this is.

    The same machine code steps desks of any number of instruments, as long as these are of the same types.
    """

    market: Desk  # pyright: ignore[reportIncompatibleVariableOverride]

    def __init__(self, desk: Desk, num_lanes: int, *, threads: int | None = None, interpreted: bool = False) -> None:
        super().__init__(desk, num_lanes, threads=threads, interpreted=interpreted)  # pyright: ignore[reportArgumentType]

    @property
    def loops(self) -> str:
        """Which loops step it."""
        return "desk"

    @property
    def books(self) -> Any:
        """The order books of all lanes, of which a desk has none."""
        return None

    @property
    def holdings(self) -> tuple[Holding, ...]:
        """The `Holding` of each instrument, each number an array (num_lanes,): a copy."""
        return tuple(kept.holding for kept in self._kept)

    @property
    def book(self) -> Book | None:
        """The greeks of what each lane of a desk of options holds, (num_lanes,) each: a copy; None of other desks."""
        return self._holdings.state[-1] if self.market.has_options else None

    @property
    def greeks(self) -> Floats:
        """Delta, gamma and vega of a unit of each instrument of a desk of options, (instruments, 3, num_lanes): a copy."""
        return np.array([(kept.delta, kept.gamma, kept.vega) for kept in self._kept])

    @property
    def extremes(self) -> Floats:
        """The highest or lowest spot so far of each lookback of a desk of options, (instruments, num_lanes): a copy."""
        return np.array([kept.extreme for kept in self._kept])

    @property
    def _kept(self) -> tuple[Any, ...]:
        """What is kept of each instrument."""
        return self._holdings.state[: len(self.market.instruments)]

    @property
    def jump_rates(self) -> Floats:
        """The rates of the instruments' jumps, jumps / time, (instruments, num_lanes): a copy; 0 where the prices have none."""
        return np.array([getattr(kept, "rate", np.zeros(self.num_lanes)) for kept in self._kept])

    @property
    def inventory(self) -> Floats:
        """What each lane holds of all instruments together, (num_lanes,), units: a copy."""
        return np.sum([holding.inventory for holding in self.holdings], axis=0)

    def copy_state_from(self, other: Simulation) -> None:
        self._storage.copy_state_from(other._storage)
        self._holdings.copy_state_from(other._holdings)  # pyright: ignore[reportAttributeAccessIssue]

    def part_parameters(self) -> None:
        """Raises: ValueError, as a desk's parameters are the same in all lanes."""
        raise ValueError("the parameters of a desk must be the same in all lanes: they cannot be set lane by lane")

    def foresee(self, actions: Floats, inventories: Floats) -> Floats:
        """Raises: ValueError, as a desk has no single inventory."""
        raise ValueError("what an action may lead to must be of one inventory, and a desk has one of each instrument")

    def run(self, table: Floats) -> None:
        """Raises: ValueError, as a desk has no single inventory."""
        raise ValueError("a table of actions must be of one inventory, and a desk has one of each instrument")

    def _lay_out(self) -> None:
        count, options = len(self.market.instruments), self.market.has_options
        rules, held = self.market.rules, (nothing_option() if options else nothing_kept(),) * count
        held = (*held, nothing_booked()) if options else held
        self._storage = Storage(rules, self._templates[1], self.num_lanes)
        self._holdings = Storage(rules, held, self.num_lanes)
        self._memory, self._tables = (self._holdings.states,), (self._shared_tables,)

    @property
    def _shared_tables(self) -> Any:
        """What all lanes read."""
        return option_tables(self.market) if self.market.has_options else tables(self.market)

    @property
    def _lanes_per_thread(self) -> int:
        return max(TILE, LANES_PER_THREAD // len(self.market.instruments))

    def _know_the_market(self) -> None:
        self._rules = record(self.market.rules)
        state = self._rules.begin(0.0)
        self._templates = (self._rules, state, _ANY, _ANY)
        loops = options_kernel if self.market.has_options else kernel
        self._kernels = Kernels(loops, self._templates, self._interpreted)
        self.rows = nest(state, itertools.count())
        self._numbers_seen = len(self.market.observation_names)

    def __setstate__(self, kept: dict[str, Any]) -> None:
        self.__dict__.update(kept)
        self._know_the_market()
        self._memory, self._tables = (self._holdings.states,), (self._shared_tables,)
