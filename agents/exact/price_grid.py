"""The states that an optimum depends on beside time and inventory: the price's, on the grids of its law, and the venue's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.exact.law_states import node_states
from agents.exact.nodes import Unsolvable
from agents.exact.price_line import Line
from agents.exact.stated import check_law
from mm_env.core.component import flat, record
from mm_env.market import Market
from mm_env.price.law import Law
from mm_env.price.models import Price
from mm_env.rollout import inventory_levels
from mm_env.state import State

Floats = NDArray[np.float64]
_EDGE = 1e-9  # of a grid's width: what rounding may leave a start outside of it


@dataclass(frozen=True)
class Axis:
    """What is worth what at each (node, cell): a node is one of each axis of the price's law, a cell a state of the venue and
    a level of inventory. Tables have nodes of both, (size, levels). Where laws change with the time, `kinds` of steps have
    lines of their own, and `kind` (steps,) says which."""

    law: Law
    lines: tuple[Line, ...]
    held: Floats  # the inventory of each cell
    template: State  # what a state looks like
    places: Floats  # the state of the market at each (node, state of the venue), its numbers one after the other
    venues: int = 1  # states of the venue
    venue: int = 0  # the one in which an episode starts
    shown: tuple[NDArray[np.int64], Floats] | None = (
        None  # columns of the observation, and what each state of the venue shows
    )
    kinds: tuple[tuple[Line, ...], ...] = ()
    kind: NDArray[np.int64] | None = None

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """The nodes of each axis of the law."""
        return tuple(len(line.nodes) for line in self.lines)

    @property
    def count(self) -> int:
        """How many nodes there are."""
        return int(np.prod(self.shape))

    @property
    def size(self) -> int:
        """How many nodes a table has: each with every state of the venue."""
        return self.count * self.venues

    @property
    def nodes(self) -> Floats:
        """The grid of the first axis, in the units observed."""
        return self.lines[0].nodes

    @property
    def start(self) -> float:
        """The state of the first axis at the start of an episode."""
        return self.lines[0].starts[0]

    @property
    def moves(self) -> Any:
        """P(node -> node) of the first axis."""
        return self.lines[0].moves

    @property
    def timed(self) -> bool:
        """Whether the laws change with the time."""
        return self.kind is not None

    def lines_at(self, step: int) -> tuple[Line, ...]:
        """The lines of the laws that hold in a step."""
        return self.lines if self.kind is None else self.kinds[self.kind[step]]

    def look_ahead(self, following: Floats, penalty: Floats, gamma: float = 0.0, step: int = 0) -> Floats:
        """What each (node, cell after the fills) of a step is worth: the mid's move, the penalty (nodes or 1, cells) after it,
        and all that follows; under a utility of this gamma its certainty equivalent."""
        later = following if len(penalty) == 1 or gamma > 0.0 else following - penalty
        for place, line in enumerate(self.lines_at(step)):
            later = self._along(place, lambda v, q, line=line: line.look_ahead(v, q, gamma), later)
        return later - penalty if len(penalty) == 1 and gamma == 0.0 else later

    def spread_ahead(self, following: Floats, spread: Floats, share: float, step: int = 0) -> Floats:
        """The variance of what `look_ahead` is the mean of, from the means (penalties taken off) and the variances one step
        later; `share` is that of the noise left in the rewards."""
        for place, line in enumerate(self.lines_at(step)):
            both = self._along(place, lambda v, q, line=line: line.spread_ahead(v, q, share), following, spread)
            following, spread = self._along(place, lambda v, q, line=line: line.look_ahead(v, q, 0.0), following), both
        return spread

    def _along(self, place: int, of_line: Any, *values: Floats) -> Floats:
        """What a function makes of arrays (nodes, cells), where all but the nodes of one axis are cells to it."""
        moved = [np.moveaxis(value.reshape(*self.shape, -1), place, 0) for value in values]
        flat_values = [value.reshape(len(value), -1) for value in moved]
        q = np.tile(self.held, flat_values[0].shape[1] // len(self.held))
        found = of_line(flat_values if len(values) > 1 else flat_values[0], q).reshape(moved[0].shape)
        return np.ascontiguousarray(np.moveaxis(found, 0, place)).reshape(values[0].shape)  # pyright: ignore

    def at_start(self, values: Floats) -> Floats:
        """`values` (size, levels) where an episode starts, (levels,)."""
        here = values.reshape(*self.shape, -1)
        for line in self.lines:
            here = np.tensordot(line.at_start, here, axes=1)
        return here.reshape(self.venues, -1)[self.venue]

    def begun(self, levels: Floats) -> Floats:
        """P(node, cell) where an episode starts, (nodes, cells), from that of the inventory, (levels,)."""
        weights = np.ones(1)
        for line in self.lines:
            weights = np.multiply.outer(weights, line.at_start).reshape(-1)
        law = np.zeros((self.count, self.venues, len(levels)))
        law[:, self.venue] = weights[:, None] * levels
        return law.reshape(self.count, -1)

    def moved_on(self, law: Floats, step: int) -> Floats:
        """P(node, cell) once the price has moved in a step, from that before, (nodes, cells)."""
        for place, line in enumerate(self.lines_at(step)):
            law = self._along(place, lambda p, _, line=line: line.moves.T @ p, law)
        return law

    def between(
        self,
        table: Floats,
        step: NDArray[np.int64],
        level: NDArray[np.int64],
        observations: NDArray[np.float32],
        whole: bool,
        *wealth: NDArray[np.int64],
    ) -> Floats:
        """table (steps, size, levels, width) at steps and levels (n,), linear between the nodes of grids; (n, width). Of
        a table by wealth too, (steps, size, levels, wealths, width), at those numbers of its wealths (n,).

        Between the nodes of a table of choices, `whole`, the nearer node's is taken, and of labels always.
        """
        venue, corners = self._venue_of(observations), [line.around(observations, whole) for line in self.lines]
        found: Any = 0.0
        for corner in product(*corners):
            node = np.ravel_multi_index(tuple(np.broadcast_arrays(*(index for index, _ in corner))), self.shape)
            share = np.prod(np.broadcast_arrays(*(weight for _, weight in corner)), axis=0)
            found = found + share[..., None] * table[(step, node * self.venues + venue, level, *wealth)]
        return found

    def _venue_of(self, observations: NDArray[np.float32]) -> Any:
        if self.shown is None:
            return 0
        columns, shows = self.shown
        return np.abs(observations[:, None, columns].astype(np.float64) - shows).sum(axis=2).argmin(axis=1)


def axis_of(market: Market, nodes: int = 1) -> Axis:
    """The axis that the market's optimum needs: a single node where the mid's moves depend on nothing.

    Raises: Unsolvable if the price has no law that an axis can hold, or one that its steps do not keep.
    """
    kinds, kind = laws_of(market, nodes)
    check_law(market, kinds[0])
    return axis_by(market, [law.axes for law in kinds], kind)


def laws_of(market: Market, nodes: int) -> tuple[list[Law], NDArray[np.int64] | None]:
    """The laws that there are over an episode, and which of them each step has, (steps,): None if there is but one."""
    price, dt, steps = market.price, market.clock.step_length, market.clock.steps
    try:
        if type(price).law_at is Price.law_at:
            return [price.law(dt, nodes)], None
        laws = [price.law_at(step * dt, dt, nodes) for step in range(steps)]
    except NotImplementedError as error:
        raise Unsolvable(f"price: {error}") from None
    kinds = {id(law): law for law in laws}
    kind = np.array([list(kinds).index(id(law)) for law in laws])
    return list(kinds.values()), kind if len(kinds) > 1 else None


def axis_by(market: Market, kinds: Sequence[tuple[Law, ...]], kind: NDArray[np.int64] | None = None) -> Axis:
    """The axis of laws whose product is that of the price: of each kind of step, all on the same nodes."""
    lines = [tuple(_line(market, law) for law in laws) for laws in kinds]
    laws = kinds[0]
    if any([len(line.nodes) for line in other] != [len(line.nodes) for line in lines[0]] for other in lines):
        raise Unsolvable(f"price: {type(market.price).__name__}.law_at must have the same nodes at all times")
    start = record(market).begin(0.0, float(record(market).initial_mid))
    states = market.venue.states() or (start.world.venue,)
    places = np.array(
        [number for node in node_states(start, laws) for venue in states for number in _placed(node, venue)]
    )
    held, whole = np.tile(inventory_levels(market), len(states)), laws[0]
    for law in laws[1:]:
        whole = whole * law
    first, shown = int(record(market).venue.place(start.world.venue)), _shown(market, start, states)
    return Axis(whole, lines[0], held, start, places, len(states), first, shown, tuple(lines), kind)


def _placed(state: State, venue: Any) -> list[float]:
    return [float(number) for number in flat(state._replace(world=state.world._replace(venue=venue)))]


def _shown(market: Market, start: State, states: tuple[Any, ...]) -> tuple[NDArray[np.int64], Floats] | None:
    """The columns of the observation that show the venue, and what each of its states shows."""
    if len(states) == 1:
        return None
    rules = record(market)
    nows = [rules.now(start._replace(world=start.world._replace(venue=venue)), ()) for venue in states]
    shows = np.array([rules.venue.observe(now) for now in nows], np.float64).reshape(len(states), -1)
    if len(np.unique(shows, axis=0)) < len(states):
        raise Unsolvable(f"venue: the signals of {type(market.venue).__name__} do not tell its states apart")
    return np.array([market.observation_names.index(name) for name in market.venue.signals]), shows


def _line(market: Market, law: Law) -> Line:
    if len(law.nodes) == 1:
        return Line(law)
    grids = [grid for grid, _ in law.dimensions]
    columns = tuple(market.observation_names.index(grid.signal) for grid in grids)
    return Line(law, columns, tuple(_started(market, grid) for grid in grids))


def _started(market: Market, law: Law) -> float:
    """What the law's signal shows at the start of an episode."""
    price = record(market.price)
    shown = price.observe(float(market.initial_mid), price.start(), record(market).opening())
    start = float(shown[market.price.signals.index(law.signal)])
    slack = _EDGE * (law.nodes[-1] - law.nodes[0])
    if not law.nodes[0] - slack <= start <= law.nodes[-1] + slack:
        reach = f"[{law.nodes[0]:g}, {law.nodes[-1]:g}]"
        raise Unsolvable(f"price: its {law.signal} starts at {start:.4g}, off the grid {reach} on which it is solved")
    return start
