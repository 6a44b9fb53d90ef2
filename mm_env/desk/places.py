"""Where the arrays of a desk's loops lie, and what lies where in them.

Number i of what lane j of a tile holds of an instrument lies at `((tile N + instrument) rows + i) TILE + j`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from mm_env.core.component import count, load
from mm_env.core.lanes import TILE, borrowed
from mm_env.core.maths import scalar
from mm_env.desk import scratch
from mm_env.desk.tables import COLUMNS, Terms, no_jump_terms


class Lent(NamedTuple):
    """The arrays that the loops work on, and where things lie in them."""

    tables: Any
    states: Any
    holdings: Any
    scratch: Any
    instruments: int  # how many, N
    columns: int  # of what instruments share, M
    pushes: int  # in scratch: N rows, of what trades outside move the mids by
    exposures: int  # M rows, of the position to what is shared
    normals: int  # N rows, of the instruments' own
    factors: int  # M rows, that the shared part of the diffusion multiplies
    jumped: int  # N rows, 1.0 where an instrument jumped
    traded: int  # N rows, of what was traded outside


class Place(NamedTuple):
    """A tile."""

    tile: int
    lanes: int
    state: int  # where its states begin
    held: int  # where its holdings begin


@scalar
def terms_of(rules, lent, i):
    """What is read of an instrument."""
    like = Terms(rules.instrument, 0.0, 0.0, 0.0, 0.0, 0.0, no_jump_terms())
    return load(like, lent.tables.instruments, i * count(like), 1)


@scalar
def loadings_of(lent, i, column):
    """`COLUMNS` numbers of an instrument's row of what is shared."""
    return load((0.0, 0.0, 0.0, 0.0), lent.tables.shared, i * lent.columns + column, 1)


@scalar
def held_of(lent, at, i):
    """Where a tile's holdings of an instrument begin."""
    return at.held + i * count(scratch.nothing_kept()) * TILE


@scalar
def rate_of(held):
    """Where the rates of an instrument's jumps begin, behind its holdings."""
    return held + count(scratch.nothing_held()) * TILE


@scalar
def place_of(tile, last, rows, instruments):
    """A tile, whose lanes end before `last`."""
    held = tile * instruments * count(scratch.nothing_kept()) * TILE
    return Place(tile, min(TILE, last - tile * TILE), tile * rows * TILE, held)


@scalar
def numbers_seen(rules, lent):
    """How many numbers a lane shows."""
    jumping = lent.instruments if lent.tables.excitation.shape[0] > 0 else 0
    return before_prices(rules, lent) + jumping + (1 if lent.tables.variance.shape[0] > 0 else 0)


@scalar
def before_prices(rules, lent):
    """How many numbers a lane shows before those of the prices' state."""
    return lent.instruments + count(rules.observe(rules.begin(0.0), 0.0))


@scalar
def numbers_needed(tables):
    """Numbers of scratch."""
    instruments, columns = tables.firsts.shape[0] - 1, tables.sizes[1]
    return (scratch.ROWS + 4 * (instruments + COLUMNS) + 2 * columns) * TILE


@scalar
def lent_arrays(tables, states, holdings, memory):
    """The arrays, and where things lie in `memory`."""
    instruments, columns = tables.firsts.shape[0] - 1, tables.sizes[1]
    pushes = scratch.ROWS * TILE
    exposures = pushes + instruments * TILE
    normals = exposures + columns * TILE
    factors = normals + tables.sizes[2] * TILE
    jumped = memory.shape[0] - (instruments + COLUMNS) * TILE
    traded = jumped - (instruments + COLUMNS) * TILE
    return Lent(tables, borrowed(states), borrowed(holdings), borrowed(memory), instruments, columns, pushes, exposures,
                normals, factors, jumped, traded)  # fmt: skip
