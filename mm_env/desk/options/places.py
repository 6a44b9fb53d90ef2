"""Where the arrays of the loops over a desk of options lie, and what lies where in them.

Number i of what lane j of a tile keeps of an instrument lies at `(tile rows + instrument numbers + i) TILE + j`, where rows are
those of N instruments and of the book, which follows them.
"""

from __future__ import annotations

from typing import NamedTuple

from mm_env.core.component import count, load
from mm_env.core.lanes import TILE
from mm_env.core.maths import scalar
from mm_env.desk.options.state import nothing_booked, nothing_option
from mm_env.desk.options.tables import Contract


class OptionPlace(NamedTuple):
    """A tile."""

    tile: int
    lanes: int
    state: int  # where its states begin
    held: int  # where its holdings begin
    book: int  # where its books begin


@scalar
def place_of(tile, last, rows, instruments):
    """A tile, whose lanes end before `last`."""
    numbers = instruments * count(nothing_option())
    held = tile * (numbers + count(nothing_booked())) * TILE
    return OptionPlace(tile, min(TILE, last - tile * TILE), tile * rows * TILE, held, held + numbers * TILE)


@scalar
def held_of(at, i):
    """Where a tile's holdings of an instrument begin."""
    return at.held + i * count(nothing_option()) * TILE


@scalar
def contract_of(lent, i):
    """What is read of an instrument's contract."""
    like = Contract(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    return load(like, lent.tables.contracts, i * count(like), 1)


@scalar
def first_of_book(rules, lent):
    """The first number that is shown of the book: behind inventories, time and risk."""
    return lent.instruments + count(rules.observe(rules.begin(0.0), 0.0))
