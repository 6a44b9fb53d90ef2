"""The lanes of one market: their parameters, states and noise, stepped by the kernel. All faces of the package stand on it."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mm_env import engine, kernel
from mm_env.component import Component, count, leaves, nest, nominal, record
from mm_env.cores import usable_threads
from mm_env.market import Market
from mm_env.noise import MAX_SEED, parameter_uniforms
from mm_env.parameters import Distribution
from mm_env.trial import check_expected
from mm_env.venue import book_kernel
from mm_env.venue.book import OrderBook

TILE = kernel.TILE
LANES_PER_THREAD = 4096  # a second thread costs 20 us a step, which fewer lanes do not repay
BOOKS_PER_THREAD = 4 * TILE  # 0.5 us each at least, for one event
Floats = NDArray[np.float64]


class Simulation:
    """`num_lanes` independent copies of a market.

    With `interpreted`, the kernel runs as plain Python: slow, the same to the bit, and open to a debugger.
    """

    def __init__(
        self, market: Market, num_lanes: int, *, threads: int | None = None, interpreted: bool = False
    ) -> None:
        self.market, self.num_lanes, self.seed = market, _lanes(num_lanes), 0
        self.episodes = np.zeros(num_lanes, np.int64)
        self.threads, self._interpreted = threads, interpreted
        repaid = num_lanes // (BOOKS_PER_THREAD if isinstance(market.venue, OrderBook) else LANES_PER_THREAD)
        self._threads = max(1, min(threads or usable_threads(), repaid))
        self._rules, self._loops = record(market), book_kernel if isinstance(market.venue, OrderBook) else kernel
        state = self._rules.begin(0.0, 0.0)
        self._shapes = (self._rules, state, (0.0,) * market.quote.width, tuple(self._rules.observe(state)))
        self._check_shown()
        if market.removes_noise and not interpreted:
            check_expected(market)
        self._tiles = -(-num_lanes // TILE)
        self._states = np.zeros(self._tiles * count(state) * TILE)
        self._memory = market.venue.memory(num_lanes)
        self._lay_out_parameters()

    def _check_shown(self) -> None:
        """Refuse a market whose rules show more or fewer numbers than it has names for."""
        names, shown = self.market.observation_names, len(self._shapes[3])
        of_venue = len(self.market.venue.signals) if isinstance(self.market.venue, OrderBook) else 0
        if shown + of_venue != len(names):
            raise ValueError(
                f"Market.observe must show one number for each of {list(names[: len(names) - of_venue])}, got {shown}: "
                "Clock.observe shows the time, Price.observe its `signals`"
            )

    def start(self, seed: int) -> NDArray[np.float32]:
        """Begin episode 0 of `seed` in all lanes: the first observations (num_lanes, k)."""
        self.seed = check_seed(seed)
        self.episodes[:] = 0
        observations = self._nothing_seen()
        self._begin(np.ones(self.num_lanes, np.bool_), observations)
        return observations

    def restart(self, mask: NDArray[np.bool_], observations: NDArray[np.float32] | None = None) -> None:
        """Begin the next episode in the lanes of `mask`, and write their first observations into their rows if asked to."""
        self.episodes[mask] += 1
        self._begin(mask, self._nothing_seen() if observations is None else observations)

    def stagger(self) -> NDArray[np.float32]:
        """Put lane i at step i steps / num_lanes of its episode, so that from now on episodes end evenly spread in time."""
        steps = np.arange(self.num_lanes) * self.market.clock.steps // self.num_lanes
        tiles = self._states.reshape(self._tiles, count(self._shapes[1]), TILE)
        tiles[:, 0] = np.resize(steps, (self._tiles, TILE))
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
        outputs = (observations.reshape(-1), rewards, ended, self.seed)
        endings = self._over_lanes(self._step, *arguments, *outputs)
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
        self._over_lanes(self._run, *arguments, flat_table, len(table), self.seed)

    def unusable(self, actions: Floats, low: float, high: float) -> int:
        """How many numbers of a flat array of actions are NaN or outside [low, high]."""
        return self._unusable(actions, low, high)

    @property
    def state(self) -> Any:
        """The `State` of all lanes, each number an array (num_lanes,): a copy."""
        return nest(self._shapes[1], iter(self._by_lane(self._states).copy()))

    @property
    def books(self) -> Any:
        """The order books of all lanes, a record array (num_lanes,) with the fields of `mm_env.venue`: a copy; else None."""
        return self._memory[0].copy() if self._memory else None

    def save(self) -> dict[str, Any]:
        """All that `restore` needs to go on as if nothing had happened."""
        arrays = {"states": self._states, "parameters": self._parameters, "episodes": self.episodes}
        memory = [array.copy() for array in self._memory[:1]]  # what lanes share does not change
        return {"seed": self.seed, "memory": memory, **{name: array.copy() for name, array in arrays.items()}}

    def restore(self, saved: dict[str, Any]) -> None:
        """Take up a state that `save` gave."""
        self.seed = saved["seed"]
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

    def _begin(self, mask: NDArray[np.bool_], observations: NDArray[np.float32]) -> None:
        self._draw_parameters(mask)
        rules, state, _, observation = self._shapes
        arguments = (rules, state, observation, *self._where)
        self._start(*arguments, observations.reshape(-1), mask, self.episodes, self.seed)

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
            uniform = parameter_uniforms(self.seed, lanes, self.episodes[lanes], index)
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
        floats, singles, flags = np.zeros(1), np.zeros(1, np.float32), np.zeros(1, np.bool_)
        outputs = (floats, singles, floats, flags, 0, 0, 0)
        return self._made(self._loops.step_lanes, *self._shapes, *self._where, *outputs)

    @cached_property
    def _start(self) -> Callable[..., Any]:
        rules, state, _, observation = self._shapes
        outputs = (np.zeros(1, np.float32), np.zeros(1, np.bool_), np.zeros(1, np.int64), 0)
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
        rules, state, action, _ = self._shapes
        arguments = (rules, state, action, self._parameters, 0, self._states, np.zeros(1), 0, 0, 0, 0)
        return self._made(kernel.run_table, *arguments)

    @cached_property
    def _unusable(self) -> Callable[..., Any]:
        return self._made(kernel.count_unusable, np.zeros(1), 0.0, 0.0)


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
