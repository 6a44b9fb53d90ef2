"""The variance of the position of one lane: bodies for `core.lanes.over_lanes`, without branches."""

from __future__ import annotations

from typing import Any

from mm_env.core.component import load, store
from mm_env.core.lanes import TILE
from mm_env.core.maths import scalar
from mm_env.desk.scratch import SUMS, nothing, with_variance


@scalar
def expose(j: int, loadings: Any, holdings: Any, held: int, scratch: Any, exposures: int) -> int:
    """Add an instrument's inventory to the position's exposure to what is shared, `COLUMNS` numbers of it."""
    inventory = load(0.0, holdings, held + j, TILE)
    so_far = load((0.0, 0.0, 0.0, 0.0), scratch, exposures + j, TILE)
    added = (so_far[0] + loadings[0] * inventory, so_far[1] + loadings[1] * inventory,
             so_far[2] + loadings[2] * inventory, so_far[3] + loadings[3] * inventory)  # fmt: skip
    store(added, scratch, exposures + j, TILE)
    return 0


@scalar
def risk_of_own(j: int, own: float, holdings: Any, held: int, scratch: Any) -> int:
    """Add to the position's variance that of an instrument's own moves."""
    sums, inventory = load(nothing(), scratch, SUMS + j, TILE), load(0.0, holdings, held + j, TILE)
    store(with_variance(sums, own * own * inventory * inventory), scratch, SUMS + j, TILE)
    return 0


@scalar
def risk_of_shared(j: int, scratch: Any, exposures: int) -> int:
    """Add to the position's variance that of what is shared, `COLUMNS` numbers of it."""
    sums, e = load(nothing(), scratch, SUMS + j, TILE), load((0.0, 0.0, 0.0, 0.0), scratch, exposures + j, TILE)
    added = (e[0] * e[0] + e[1] * e[1]) + (e[2] * e[2] + e[3] * e[3])
    store(with_variance(sums, added), scratch, SUMS + j, TILE)
    return 0


@scalar
def risk_of_jumps(j: int, jumps: Any, holdings: Any, held: int, rate: int, scratch: Any) -> int:
    """Add to the position's variance that of an instrument's jumps."""
    sums, inventory = load(nothing(), scratch, SUMS + j, TILE), load(0.0, holdings, held + j, TILE)
    square = jumps.mean * jumps.mean + jumps.std * jumps.std
    added = load(0.0, holdings, rate + j, 1) * square * inventory * inventory
    store(with_variance(sums, added), scratch, SUMS + j, TILE)
    return 0


@scalar
def scale_variance(j: int, place: int, states: Any, scratch: Any) -> int:
    """Multiply the position's variance by that which all instruments share."""
    sums, shared = load(nothing(), scratch, SUMS + j, TILE), load((0.0, 0.0, 0.0), states, place + j, TILE)[2]
    store(with_variance(sums, (shared - 1.0) * sums.variance), scratch, SUMS + j, TILE)
    return 0
