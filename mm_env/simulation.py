"""The lanes of one market: their parameters, states and noise, stepped by the kernel. All faces of the package stand on it."""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mm_env.core import kernel, table_kernel
from mm_env.core.component import nest, record
from mm_env.core.cores import usable_threads
from mm_env.core.kernels import Kernels
from mm_env.core.lanes import TILE
from mm_env.core.noise import MAX_SEED
from mm_env.core.storage import Storage
from mm_env.makers import book_kernel as makers_book_kernel
from mm_env.makers import kernel as makers_kernel
from mm_env.market import Market
from mm_env.price.trial import check_expected
from mm_env.quote import ANY
from mm_env.venue.order_book import book_kernel

_LOOPS = {
    "lanes": kernel,
    "events": book_kernel,
    "tables": table_kernel,
    "makers": makers_kernel,
    "makers_events": makers_book_kernel,
}  # by `Simulation.loops`
LANES_PER_THREAD = 4096  # a second thread costs 20 us a step, which fewer lanes do not repay
BOOKS_PER_THREAD = 4 * TILE  # 0.5 us each at least, for one event
Floats = NDArray[np.float64]


class _Unbegun:
    """A book before any: enough of one to see how many numbers are shown."""

    time = 0.0


class Simulation:
    """`num_lanes` independent copies of a market.

    With `interpreted`, the kernel runs as plain Python: slow, the same to the bit, and open to a debugger.
    """

    def __init__(
        self, market: Market, num_lanes: int, *, threads: int | None = None, interpreted: bool = False
    ) -> None:
        self.market, self.num_lanes, self.seed = market, _lanes(num_lanes), 0
        self._side_by_side = market.lanes_a_world
        if num_lanes % self._side_by_side:
            raise ValueError(
                f"num_envs must be whole worlds of {self._side_by_side} makers, got {num_lanes} (one world: MakersParallelEnv)"
            )
        self.keys: NDArray[np.int64] | None = None  # (num_lanes, 2): the seed and the lane number that each draws by
        self.episodes = np.zeros(num_lanes, np.int64)
        self.whole = np.ones(num_lanes, np.bool_)  # the episode has been played from its first step on
        self.threads, self._interpreted = threads, interpreted
        self._know_the_market()
        self._lay_out()
        self._threads = max(1, min(threads or usable_threads(), num_lanes // self._lanes_per_thread))

    def _lay_out(self) -> None:
        """Check what the market shows, and make place for its lanes."""
        self._check_shown()
        if self.market.removes_noise and not self._interpreted:
            check_expected(self.market)
        self._storage = Storage(self.market, self._templates[1], self.num_lanes, self._side_by_side)
        self._memory, self._tables = self.market.venue.memory(self.num_lanes), self.market.price.tables(self.market)

    @property
    def _lanes_per_thread(self) -> int:
        """How many lanes repay a thread of their own."""
        return BOOKS_PER_THREAD if self.market.venue.makes_mid else LANES_PER_THREAD

    @property
    def _border(self) -> int:
        """Threads may part lanes after each so many: whole tiles and whole worlds."""
        return math.lcm(TILE, self._side_by_side)

    def _check_shown(self) -> None:
        """Refuse a market whose rules show more or fewer numbers than it has names for."""
        names, shown = self.market.observation_names, len(self._templates[3])
        of_venue = len(self.market.venue.signals) if self.market.venue.makes_mid else 0
        if shown + of_venue != len(names):
            raise ValueError(
                f"Market.observe must show one number for each of {list(names[: len(names) - of_venue])}, got {shown}: "
                "Clock.observe shows the time, and the price, hedges and venue each its `signals`"
            )

    def start(self, seed: int) -> NDArray[np.float32]:
        """Begin episode 0 of `seed` in all lanes: the first observations (num_lanes, k)."""
        self.seed, self.keys = check_seed(seed), None
        self.episodes[:] = 0
        observations = self._nothing_seen()
        self._begin(np.ones(self.num_lanes, np.bool_), observations)
        return observations

    def start_copies(self, seed: int, copies: int) -> NDArray[np.float32]:
        """As `start`, in `copies` equal parts of the lanes that all draw as the first part does: the same noise for each."""
        part, rest = divmod(self.num_lanes, copies)
        if rest:
            raise ValueError(f"copies must divide num_envs = {self.num_lanes}, got {copies}")
        self.seed, self.keys = check_seed(seed), np.tile(_shared(seed, part), (copies, 1))
        self.episodes[:] = 0
        observations = self._nothing_seen()
        self._begin(np.ones(self.num_lanes, np.bool_), observations)
        return observations

    def start_each(self, seeds: Sequence[int | None], observations: NDArray[np.float32] | None = None) -> Any:
        """Begin episode 0 of `seeds[i]` in lane i, as lane 0 of a simulation of that seed would; where it is None the lane
        goes on as it is. Writes first observations into their rows, and returns all (num_lanes, k)."""
        mask = np.array([seed is not None for seed in seeds], np.bool_)
        keys = _shared(self.seed, self.num_lanes) if self.keys is None else self.keys.copy()
        keys[mask] = [
            (check_seed(seed), lane % self._side_by_side) for lane, seed in enumerate(seeds) if seed is not None
        ]
        one = int(keys[0, 0])  # one seed for all after all, as where there is but one lane?
        self.seed, self.keys = (one, None) if (keys == _shared(one, self.num_lanes)).all() else (self.seed, keys)
        self.episodes[mask] = 0
        seen = self._nothing_seen() if observations is None else observations
        self._begin(mask, seen)
        return seen

    def restart(self, mask: NDArray[np.bool_], observations: NDArray[np.float32] | None = None) -> None:
        """Begin the next episode in the lanes of `mask`, and write their first observations into their rows if asked to."""
        self.episodes += mask
        self._begin(mask, self._nothing_seen() if observations is None else observations)

    def stagger(self) -> NDArray[np.float32]:
        """Put lane i at step i steps / num_lanes of its episode, so that from now on episodes end evenly spread in time; all
        of a world at that of its first."""
        first = np.arange(self.num_lanes) // self._side_by_side * self._side_by_side
        steps = first * self.market.clock.steps // self.num_lanes
        self._storage.put_steps(steps)
        self.whole = steps == 0
        return self.observations

    @property
    def observations(self) -> NDArray[np.float32]:
        """What the agent sees in each lane now, (num_lanes, k): a fresh array."""
        (market, state, _, observation), where = self._kernels.layouts, self._where
        observations = self._nothing_seen()
        self._kernels.observe(where)(market, state, observation, *where, observations.reshape(-1))
        return observations

    def step(self, actions: Floats) -> tuple[NDArray[np.float32], Floats, NDArray[np.bool_], int]:
        """Step all lanes by actions (num_lanes * width,): observations, rewards, which episodes ended, and how many."""
        where, observations = self._where, self._nothing_seen()
        rewards, ended = np.empty(self.num_lanes), np.empty(self.num_lanes, np.bool_)
        arrays = (*where, actions, observations.reshape(-1), rewards, ended)
        step = self._kernels.step(where, self.keys is not None)
        return observations, rewards, ended, self._over_lanes(step, *self._kernels.layouts, *arrays, self._noise)

    def foresee(self, actions: Floats, inventories: Floats) -> Floats:
        """For actions (num_lanes * width,) at inventories (num_lanes,): the inventories that a first step of an episode may
        lead to, from the least to the largest, and their probabilities, (num_lanes, outcomes, 2)."""
        (rules, begun, _, _), (market, state, action, _) = self._templates, self._kernels.layouts
        outcomes, where = rules.venue.transitions(rules, begun, ANY), self._where
        layout, seen = self._kernels.layout(outcomes), np.empty((self.num_lanes, len(outcomes), 2))
        arguments = (market, state, layout, action, *where[:2], actions, inventories)
        self._kernels.foresee(where, layout)(*arguments, seen)
        return seen

    def run(self, table: Floats) -> None:
        """Play the episodes of all lanes to their end by the actions in `table` (steps or 1, levels, width)."""
        (market, state, action, _), where = self._kernels.layouts, self._where
        flat_table = np.ascontiguousarray(table, np.float64).reshape(-1)
        run = self._kernels.run(where, self.keys is not None)
        self._over_lanes(run, market, state, action, *where[:3], flat_table, len(table), self._noise)

    def run_loop(self, loop: Callable[..., None], *told: Any) -> None:
        """Run a loop over lanes of your own, which takes (four layouts, parameters, their stride, states, *told, seed or keys,
        first lane, last lane), as those of `core.kernel` do."""
        arguments = (*self._kernels.layouts, *self._where[:3], *told, self._noise)
        self._over_lanes(self._kernels.own(loop, *arguments, 0, 0), *arguments)

    def run_book(self, loop: Callable[..., Any], lane: int, *told: Any) -> Any:
        """What a loop of your own over the order book of one lane returns, which takes (the market's layout, parameters, their
        stride, books, the flow's table, seed or keys, lane, *told)."""
        layout, (parameters, stride, *_) = self._kernels.layouts[0], self._where
        arguments = (layout, parameters, stride, *self._memory, self._noise, lane, *told)
        return self._kernels.own(loop, *arguments)(*arguments)

    @property
    def state(self) -> Any:
        """The `State` of all lanes, each number an array (num_lanes,): a copy."""
        return self._storage.state

    @property
    def loops(self) -> str:
        """Which loops step it: over "lanes", those whose price reads "tables" in memory, from event to event of a book, or one
        of these two with several makers."""
        venue, price = self.market.venue, self.market.price
        return "tables" if venue.loops == "lanes" and record(price).tables_in((0.0,)) else venue.loops

    @property
    def closed(self) -> NDArray[np.bool_]:
        """Whether each lane's account is closed, (num_lanes,): never in a market without margin."""
        if not self.market.may_close:
            return np.zeros(self.num_lanes, np.bool_)
        return self._storage.row(self.rows.alive) == 0.0

    @property
    def profits(self) -> Floats:
        """The wealth of each lane less that at the start of its episode, (num_lanes,), price units: a copy."""
        return self._storage.row(self.rows.tally.profit)

    @property
    def numbers(self) -> Floats:
        """What `state` holds, (numbers, num_lanes): a copy."""
        return self._storage.numbers

    @property
    def inventory(self) -> Floats:
        """What each lane holds of the quoted instrument, (num_lanes,), units: a copy."""
        return self._storage.row(self.rows.account.inventory)

    def state_of(self, lane: int) -> Any:
        """The `State` of one lane, each number a float."""
        return self._storage.state_of(lane)

    @property
    def books(self) -> Any:
        """The order books of all lanes, or of all worlds of several makers, a record array with the fields of `mm_env.venue`: a
        copy; else None."""
        return self._memory[0].copy() if self._memory else None

    def book_of(self, lane: int) -> Any:
        """The order book of one lane, or of its world, a record: a copy."""
        return self._memory[0][lane // self._side_by_side].copy()

    @property
    def time_open(self) -> Floats:
        """How long each lane's account has been open since its episode began, (num_lanes,), time."""
        books = self.books
        if books is None:
            return self._storage.numbers[0] * self.market.clock.step_length
        return np.asarray(books["lived"].reshape(-1) if self._side_by_side > 1 else books["time"], np.float64)

    def save(self) -> dict[str, Any]:
        """All that `restore` needs to go on as if nothing had happened."""
        lanes = {"states": self._storage.states, "parameters": self._storage.parameters, "episodes": self.episodes}
        memory = [array.copy() for array in self._memory[:1]]  # what lanes share does not change
        noise = {"seed": self.seed, "keys": self.keys, "whole": self.whole}  # never written to in place
        return {**noise, "memory": memory, **{name: array.copy() for name, array in lanes.items()}}

    def restore(self, saved: dict[str, Any]) -> None:
        """Take up a state that `save` gave."""
        self.seed, self.keys, self.whole = saved["seed"], saved.get("keys"), saved.get("whole", self.whole)
        self._storage.restore(saved["states"], saved["parameters"])
        for array, kept in zip(self._memory[:1], saved["memory"], strict=True):
            array[:] = kept
        self.episodes[:] = saved["episodes"]

    def copy_state_from(self, other: Simulation) -> None:
        """Copy the state of lane i of `other`, with n lanes of the same market, to the lanes i, i + n, i + 2 n and so on.

        Their next steps are other ones: noise belongs to a lane and its seed.
        """
        self._storage.copy_state_from(other._storage)
        for ours, theirs in zip(self._memory[:1], other._memory[:1], strict=True):
            ours.reshape(-1, len(theirs))[:] = theirs

    def part_parameters(self) -> None:
        """Give each lane its own copy of the parameters, so that `set_parameter` may tell the lanes apart."""
        self._storage.part()

    def set_parameter(self, row: int, values: Floats, lanes: NDArray[np.int64] | None = None) -> None:
        """Set number `row` of the market's record in the lanes of these indices (all if None), once they are parted.

        Nothing is checked: `mm_env.controls.Controls` does that.
        """
        self._storage.set(row, values, np.arange(self.num_lanes) if lanes is None else lanes)

    def parameters_of(self, row: int) -> Floats:
        """Number `row` of the market's record in each lane, (num_lanes,): a copy."""
        return self._storage.parameter(row)

    @property
    def _where(self) -> tuple[Any, ...]:
        """Parameters, states and what the venue keeps, as the kernels take them."""
        storage = self._storage
        return storage.parameters, storage.stride, storage.states, *self._memory, *self._tables

    def _nothing_seen(self) -> NDArray[np.float32]:
        return np.empty((self.num_lanes, self._numbers_seen), np.float32)

    @property
    def _noise(self) -> Any:
        """What the kernels draw by: the seed of all lanes, or the keys of each."""
        return self.seed if self.keys is None else self.keys

    def _begin(self, mask: NDArray[np.bool_], observations: NDArray[np.float32]) -> None:
        if self._side_by_side > 1 and (mask != np.repeat(mask[:: self._side_by_side], self._side_by_side)).any():
            raise ValueError(f"the {self._side_by_side} makers of a world begin together, got a mask of some of them")
        if self._storage.is_random:
            lanes = np.flatnonzero(mask)
            seeds, numbers = (self.seed, lanes) if self.keys is None else self.keys[lanes].T
            self._storage.draw(seeds, numbers, self.episodes[lanes], lanes)
        self.whole = self.whole | mask
        (market, state, _, observation), where = self._kernels.layouts, self._where
        begin = self._kernels.begin(where, self.keys is not None)
        begin(market, state, observation, *where, observations.reshape(-1), mask, self.episodes, self._noise)

    def _know_the_market(self) -> None:
        """Find what follows from the market: its record, what lies in its lanes' arrays, and the loops over them."""
        self._rules = record(self.market)
        state = self._rules.begin(0.0, 0.0)
        shown = tuple(self._rules.observe(state, ((), _Unbegun, (), 0, 0.0)))
        self._templates = (self._rules, state, (0.0,) * self.market.width, shown)
        self._kernels = Kernels(_LOOPS[self.loops], self._templates, self._interpreted)
        self.rows = nest(state, itertools.count())  # a `State` that says where each of its numbers stands in `numbers`
        self._numbers_seen = len(self.market.observation_names)

    def __getstate__(self) -> dict[str, Any]:
        """What a copy needs (deepcopy, pickle): no machine code, which is found anew, and no table that all lanes share."""
        found = {"_rules", "_templates", "_kernels", "rows", "_tables"}
        kept = {name: value for name, value in self.__dict__.items() if name not in found}
        return {**kept, "_memory": self._memory[:1]}

    def __setstate__(self, kept: dict[str, Any]) -> None:
        self.__dict__.update(kept)
        self._know_the_market()
        self._memory = (*self._memory, *self.market.venue.memory(self.num_lanes)[1:])
        self._tables = self.market.price.tables(self.market)

    def _over_lanes(self, run: Callable[..., Any], *arguments: Any) -> Any:
        """Run a kernel over all lanes, split among the threads at the borders of tiles: the sum of what it counts."""
        if self._threads == 1:
            return run(*arguments, 0, self.num_lanes)
        chunk = -(-self.num_lanes // (self._threads * self._border)) * self._border
        firsts = range(0, self.num_lanes, chunk)
        waiting = [_pool().submit(run, *arguments, f, min(f + chunk, self.num_lanes)) for f in firsts[1:]]
        counts = [run(*arguments, 0, firsts[1] if len(firsts) > 1 else self.num_lanes), *(w.result() for w in waiting)]
        return sum(count or 0 for count in counts)


def _shared(seed: int, num_lanes: int) -> NDArray[np.int64]:
    """The keys (num_lanes, 2) of lanes that share a seed."""
    return np.stack([np.full(num_lanes, seed), np.arange(num_lanes)], axis=1)


def check_seed(seed: int, name: str = "seed") -> int:
    """The seed itself if it is a whole number in [0, 2^63)."""
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or not 0 <= seed <= MAX_SEED:
        raise ValueError(f"{name} must be a whole number in [0, 2^63), got {seed!r}")
    return int(seed)


def _lanes(num_lanes: int) -> int:
    if isinstance(num_lanes, bool) or not isinstance(num_lanes, int | np.integer) or not 1 <= num_lanes < 2**32:
        raise ValueError(f"num_envs must be a whole number in [1, 2^32), got {num_lanes!r}")
    return int(num_lanes)


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(usable_threads(), thread_name_prefix="mm_env")


if hasattr(os, "register_at_fork"):  # a child has none of its parent's threads: it starts its own when it needs them
    os.register_at_fork(after_in_child=_pool.cache_clear)
