"""The lanes of one market: their parameters, states and noise, stepped by the kernel. All faces of the package stand on it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mm_env.core import engine, kernel
from mm_env.core.component import Component, count, leaves, load, nest, nominal, record
from mm_env.core.cores import usable_threads
from mm_env.core.noise import MAX_SEED, parameter_uniforms
from mm_env.core.parameters import Distribution
from mm_env.market import Market
from mm_env.price.trial import check_expected
from mm_env.venue.order_book import book_kernel

TILE = kernel.TILE
_LOOPS = {"lanes": kernel, "events": book_kernel}  # by `Venue.loops`
LANES_PER_THREAD = 4096  # a second thread costs 20 us a step, which fewer lanes do not repay
BOOKS_PER_THREAD = 4 * TILE  # 0.5 us each at least, for one event
_REPAID = {"lanes": LANES_PER_THREAD, "events": BOOKS_PER_THREAD}
Floats = NDArray[np.float64]
_KEYS = np.zeros((1, 2), np.int64)


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
        self.keys: NDArray[np.int64] | None = None  # (num_lanes, 2): the seed and the lane number that each draws by
        self.episodes = np.zeros(num_lanes, np.int64)
        self.whole = np.ones(num_lanes, np.bool_)  # the episode has been played from its first step on
        self.threads, self._interpreted = threads, interpreted
        repaid = num_lanes // _REPAID[market.venue.loops]
        self._threads = max(1, min(threads or usable_threads(), repaid))
        self._know_the_market()
        self._check_shown()
        if market.removes_noise and not interpreted:
            check_expected(market)
        self._tiles = -(-num_lanes // TILE)
        self._states = np.zeros(self._tiles * count(self._shapes[1]) * TILE)
        self._memory = market.venue.memory(num_lanes)
        self._lay_out_parameters()

    def _check_shown(self) -> None:
        """Refuse a market whose rules show more or fewer numbers than it has names for."""
        names, shown = self.market.observation_names, len(self._shapes[3])
        of_venue = len(self.market.venue.signals) if self.market.venue.loops == "events" else 0
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

    def start_each(self, seeds: Sequence[int | None], observations: NDArray[np.float32] | None = None) -> Any:
        """Begin episode 0 of `seeds[i]` in lane i, as lane 0 of a simulation of that seed would; where it is None the lane
        goes on as it is. Writes first observations into their rows, and returns all (num_lanes, k)."""
        mask = np.array([seed is not None for seed in seeds], np.bool_)
        keys = _shared(self.seed, self.num_lanes) if self.keys is None else self.keys.copy()
        keys[mask] = [(check_seed(seed), 0) for seed in seeds if seed is not None]
        one = int(keys[0, 0])  # one seed for all after all, as where there is but one lane?
        self.seed, self.keys = (one, None) if (keys == _shared(one, self.num_lanes)).all() else (self.seed, keys)
        self.episodes[mask] = 0
        seen = self._nothing_seen() if observations is None else observations
        self._begin(mask, seen)
        return seen

    def restart(self, mask: NDArray[np.bool_], observations: NDArray[np.float32] | None = None) -> None:
        """Begin the next episode in the lanes of `mask`, and write their first observations into their rows if asked to."""
        self.episodes[mask] += 1
        self._begin(mask, self._nothing_seen() if observations is None else observations)

    def stagger(self) -> NDArray[np.float32]:
        """Put lane i at step i steps / num_lanes of its episode, so that from now on episodes end evenly spread in time."""
        steps = np.arange(self.num_lanes) * self.market.clock.steps // self.num_lanes
        tiles = self._states.reshape(self._tiles, count(self._shapes[1]), TILE)
        tiles[:, 0] = np.resize(steps, (self._tiles, TILE))
        self.whole = steps == 0
        return self.observations

    @property
    def observations(self) -> NDArray[np.float32]:
        """What the agent sees in each lane now, (num_lanes, k): a fresh array."""
        rules, state, _, observation = self._shapes
        observations = self._nothing_seen()
        arguments = (rules, state, observation, *self._where)
        self._observe(*arguments, observations.reshape(-1))
        return observations

    def step(self, actions: Floats) -> tuple[NDArray[np.float32], Floats, NDArray[np.bool_], int]:
        """Step all lanes by actions (num_lanes * width,): observations, rewards, which episodes ended, and how many."""
        observations = self._nothing_seen()
        rewards, ended = np.empty(self.num_lanes), np.empty(self.num_lanes, np.bool_)
        arguments = (*self._shapes, *self._where, actions)
        outputs = (observations.reshape(-1), rewards, ended, self._noise)
        step = self._step if self.keys is None else self._step_by_key
        endings = self._over_lanes(step, *arguments, *outputs)
        return observations, rewards, ended, sum(endings)

    def foresee(self, actions: Floats, inventories: Floats) -> Floats:
        """For actions (num_lanes * width,) at inventories (num_lanes,): the inventory after the market order, P(bid fills)
        and P(ask fills) within a step, (num_lanes, 3)."""
        seen, (rules, _, action, _) = np.empty((self.num_lanes, 3)), self._shapes
        self._foresee(rules, action, self._parameters, self._stride, actions, inventories, seen.reshape(-1))
        return seen

    def run(self, table: Floats) -> None:
        """Play the episodes of all lanes to their end by the actions in `table` (steps or 1, levels, width)."""
        rules, state, action, _ = self._shapes
        arguments = (rules, state, action, self._parameters, self._stride, self._states)
        flat_table = np.ascontiguousarray(table, np.float64).reshape(-1)
        run = self._run if self.keys is None else self._run_by_key
        self._over_lanes(run, *arguments, flat_table, len(table), self._noise)

    def unusable(self, actions: Floats, low: float, high: float) -> int:
        """How many numbers of a flat array of actions are NaN or outside [low, high]."""
        return self._unusable(actions, low, high)

    @property
    def state(self) -> Any:
        """The `State` of all lanes, each number an array (num_lanes,): a copy."""
        return nest(self._shapes[1], iter(self._by_lane(self._states).copy()))

    def state_of(self, lane: int) -> Any:
        """The `State` of one lane, each number a float."""
        return load(self._shapes[1], self._states, lane // TILE * count(self._shapes[1]) * TILE + lane % TILE, TILE)

    @property
    def books(self) -> Any:
        """The order books of all lanes, a record array (num_lanes,) with the fields of `mm_env.venue`: a copy; else None."""
        return self._memory[0].copy() if self._memory else None

    def book_of(self, lane: int) -> Any:
        """The order book of one lane, a record: a copy."""
        return self._memory[0][lane].copy()

    def save(self) -> dict[str, Any]:
        """All that `restore` needs to go on as if nothing had happened."""
        arrays = {"states": self._states, "parameters": self._parameters, "episodes": self.episodes}
        memory = [array.copy() for array in self._memory[:1]]  # what lanes share does not change
        noise = {"seed": self.seed, "keys": self.keys, "whole": self.whole}  # never written to in place
        return {**noise, "memory": memory, **{name: array.copy() for name, array in arrays.items()}}

    def restore(self, saved: dict[str, Any]) -> None:
        """Take up a state that `save` gave."""
        self.seed, self.keys, self.whole = saved["seed"], saved.get("keys"), saved.get("whole", self.whole)
        if len(saved["parameters"]) > len(self._parameters):
            self.part_parameters()
        self._states[:] = saved["states"]
        for array, kept in zip(self._memory[:1], saved["memory"], strict=True):
            array[:] = kept
        self._parameters[:] = np.resize(saved["parameters"], len(self._parameters))
        self.episodes[:] = saved["episodes"]

    def imitate(self, other: Simulation) -> None:
        """Put what lane i of `other`, with n lanes of the same market, is in into the lanes i, i + n, i + 2 n and so on.

        Their next steps are other ones: noise belongs to a lane and its seed.
        """
        copies = self.num_lanes // other.num_lanes
        self._fill(self._states, np.tile(other._by_lane(other._states), copies))
        if other._stride:
            self.part_parameters()
            self._fill(self._parameters, np.tile(other._by_lane(other._parameters), copies))
        for ours, theirs in zip(self._memory[:1], other._memory[:1], strict=True):
            ours.reshape(copies, other.num_lanes)[:] = theirs

    def part_parameters(self) -> None:
        """Give each lane its own copy of the parameters, so that `set_parameter` may tell the lanes apart."""
        if self._stride == 0:
            self._stride = len(self._parameters)
            self._parameters = np.tile(self._parameters, self._tiles)

    def set_parameter(self, row: int, values: Floats, lanes: NDArray[np.int64] | None = None) -> None:
        """Set number `row` of the market's record in the lanes of these indices (all if None), once they are parted.

        Nothing is checked: `mm_env.controls.Controls` does that.
        """
        where = np.arange(self.num_lanes) if lanes is None else lanes
        self._parameters[where // TILE * self._stride + row * TILE + where % TILE] = values

    def _by_lane(self, tiled: Floats) -> Floats:
        """What lies in tiles, number by number and lane by lane: (numbers, num_lanes)."""
        tiles = tiled.reshape(self._tiles, -1, TILE)
        return tiles.transpose(1, 0, 2).reshape(tiles.shape[1], -1)[:, : self.num_lanes]

    def _fill(self, tiled: Floats, by_lane: Floats) -> None:
        """Write (numbers, num_lanes) to where it lies in tiles."""
        padded = np.pad(by_lane, ((0, 0), (0, self._tiles * TILE - self.num_lanes)), mode="edge")
        tiled.reshape(self._tiles, -1, TILE)[:] = padded.reshape(len(padded), self._tiles, TILE).transpose(1, 0, 2)

    @property
    def _where(self) -> tuple[Any, ...]:
        """Parameters, states and what the venue keeps, as the kernels take them."""
        return self._parameters, self._stride, self._states, *self._memory

    def _nothing_seen(self) -> NDArray[np.float32]:
        return np.empty((self.num_lanes, len(self.market.observation_names)), np.float32)

    @property
    def _noise(self) -> Any:
        """What the kernels draw by: the seed of all lanes, or the keys of each."""
        return self.seed if self.keys is None else self.keys

    def _begin(self, mask: NDArray[np.bool_], observations: NDArray[np.float32]) -> None:
        self._draw_parameters(mask)
        self.whole = self.whole | mask
        rules, state, _, observation = self._shapes
        arguments = (rules, state, observation, *self._where)
        start = self._start if self.keys is None else self._start_by_key
        start(*arguments, observations.reshape(-1), mask, self.episodes, self._noise)

    def _know_the_market(self) -> None:
        """Find what follows from the market: its record, the loops over its lanes, and what lies in their arrays."""
        self._rules = record(self.market)
        self._loops = _LOOPS[self.market.venue.loops]
        state = self._rules.begin(0.0, 0.0)
        memory = ((), _Unbegun, ())
        self._shapes = (self._rules, state, (0.0,) * self.market.width, tuple(self._rules.observe(state, memory)))

    def __getstate__(self) -> dict[str, Any]:
        """What a copy needs (deepcopy, pickle): no machine code, which is found anew, and no table that all lanes share."""
        found = {name for name, member in vars(Simulation).items() if isinstance(member, cached_property)}
        kept = {
            name: value for name, value in self.__dict__.items() if name not in {*found, "_rules", "_loops", "_shapes"}
        }
        return {**kept, "_memory": self._memory[:1]}

    def __setstate__(self, kept: dict[str, Any]) -> None:
        self.__dict__.update(kept)
        self._know_the_market()
        self._memory = (*self._memory, *self.market.venue.memory(self.num_lanes)[1:])

    def _lay_out_parameters(self) -> None:
        """Parameters in tiles, as the states are; a single tile serves all if no lane differs."""
        self._random: list[tuple[int, int, Distribution]] = []
        values, order = [], {}
        for row, leaf in enumerate(numbered(self.market)):
            if leaf is None:  # the number that stands in for an empty record
                values.append(np.zeros(1))
            elif isinstance(leaf.value, Distribution):
                index = order.setdefault((id(leaf.owner), leaf.field), len(order))
                self._random.append((row, index, leaf.value))
                values.append(np.full(self.num_lanes, nominal(leaf.value)))
            else:
                values.append(self._one_a_lane(leaf.path, leaf.value))
        shared = all(len(value) == 1 for value in values) and not self._random
        tiles = 1 if shared else self._tiles
        wide = np.array([np.resize(v, tiles * TILE) if len(v) > 1 else np.full(tiles * TILE, v[0]) for v in values])
        self._stride = 0 if shared else len(values) * TILE
        self._parameters = np.ascontiguousarray(wide.reshape(len(values), tiles, TILE).transpose(1, 0, 2)).reshape(-1)

    def _one_a_lane(self, path: str, value: Any) -> Floats:
        numbers = np.atleast_1d(np.asarray(value, np.float64))
        if np.ndim(value) and len(numbers) != self.num_lanes:
            raise ValueError(
                f"Market.{path} must have one value for each of {self.num_lanes} lanes, got {len(numbers)}"
            )
        return numbers

    def _draw_parameters(self, mask: NDArray[np.bool_]) -> None:
        lanes = np.flatnonzero(mask) if self._random else np.empty(0, np.int64)
        for row, index, distribution in self._random:
            key, number = (self.seed, lanes) if self.keys is None else self.keys[lanes].T
            uniform = parameter_uniforms(key, number, self.episodes[lanes], index)
            self.set_parameter(row, distribution.ppf(uniform), lanes)

    def _over_lanes(self, run: Callable[..., Any], *arguments: Any) -> list[Any]:
        """Run a kernel over all lanes, split among the threads at the borders of tiles."""
        if self._threads == 1:
            return [run(*arguments, 0, self.num_lanes)]
        chunk = -(-self._tiles // self._threads) * TILE
        firsts = range(0, self.num_lanes, chunk)
        waiting = [_pool().submit(run, *arguments, f, min(f + chunk, self.num_lanes)) for f in firsts[1:]]
        return [run(*arguments, 0, firsts[1] if len(firsts) > 1 else self.num_lanes), *(w.result() for w in waiting)]

    def _made(self, function: Callable[..., Any], *arguments: Any) -> Callable[..., Any]:
        return function if self._interpreted else engine.compiled(function, *arguments)

    @cached_property
    def _step(self) -> Callable[..., Any]:
        return self._made_to_step(0)

    @cached_property
    def _step_by_key(self) -> Callable[..., Any]:
        return self._made_to_step(_KEYS)

    def _made_to_step(self, seed: Any) -> Callable[..., Any]:
        floats, singles, flags = np.zeros(1), np.zeros(1, np.float32), np.zeros(1, np.bool_)
        outputs = (floats, singles, floats, flags, seed, 0, 0)
        return self._made(self._loops.step_lanes, *self._shapes, *self._where, *outputs)

    @cached_property
    def _start(self) -> Callable[..., Any]:
        return self._made_to_start(0)

    @cached_property
    def _start_by_key(self) -> Callable[..., Any]:
        return self._made_to_start(_KEYS)

    def _made_to_start(self, seed: Any) -> Callable[..., Any]:
        rules, state, _, observation = self._shapes
        outputs = (np.zeros(1, np.float32), np.zeros(1, np.bool_), np.zeros(1, np.int64), seed)
        return self._made(self._loops.begin_lanes, rules, state, observation, *self._where, *outputs)

    @cached_property
    def _observe(self) -> Callable[..., Any]:
        rules, state, _, observation = self._shapes
        outputs = (np.zeros(1, np.float32),)
        return self._made(self._loops.observe_lanes, rules, state, observation, *self._where, *outputs)

    @cached_property
    def _foresee(self) -> Callable[..., Any]:
        rules, _, action, _ = self._shapes
        floats = np.zeros(1)
        return self._made(kernel.foresee_lanes, rules, action, self._parameters, 0, floats, floats, floats)

    @cached_property
    def _run(self) -> Callable[..., Any]:
        return self._made_to_run(0)

    @cached_property
    def _run_by_key(self) -> Callable[..., Any]:
        return self._made_to_run(_KEYS)

    def _made_to_run(self, seed: Any) -> Callable[..., Any]:
        rules, state, action, _ = self._shapes
        arguments = (rules, state, action, self._parameters, 0, self._states, np.zeros(1), 0, seed, 0, 0)
        return self._made(kernel.run_table, *arguments)

    @cached_property
    def _unusable(self) -> Callable[..., Any]:
        return self._made(kernel.count_unusable, np.zeros(1), 0.0, 0.0)


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


def numbered(component: Component) -> list[Any]:
    """A leaf, or None for a stand-in, for each number of a component's record, in its order."""
    found = {leaf.path: leaf for leaf in leaves(component)}
    return [found.get(path) for path in _paths(record(component))]


def _paths(values: Any, path: str = "") -> list[str]:
    if not isinstance(values, tuple):
        return [path]
    names = values._fields  # pyright: ignore[reportAttributeAccessIssue]
    return [p for name, v in zip(names, values, strict=True) for p in _paths(v, f"{path}.{name}" if path else name)]


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(usable_threads(), thread_name_prefix="mm_env")


if hasattr(os, "register_at_fork"):  # a child has none of its parent's threads: it starts its own when it needs them
    os.register_at_fork(after_in_child=_pool.cache_clear)
