"""Where the arrays of the loops over worlds of desks lie: what makers have in common, and what is each one's own."""

from __future__ import annotations

from typing import Any, NamedTuple

from mm_env.core.component import count, load
from mm_env.core.lanes import TILE, borrowed
from mm_env.core.maths import scalar
from mm_env.desk import scratch
from mm_env.desk.places import Place, lent_arrays, numbers_needed, numbers_seen
from mm_env.desk.tables import Tables, Terms, no_jump_terms
from mm_env.makers.desks import routes


class Worlds(NamedTuple):
    """The arrays that the loops work on, of worlds whose makers lie in a tile each."""

    rules: Any  # the first maker's
    common: Any  # `Lent`, with the scratch of a world
    parameters: Any
    memory: Any  # scratch of a world, and then of each maker
    routed: Any
    makers: int
    seen: int  # numbers that a maker shows


@scalar
def memory_needed(rules, tables):
    """Numbers of scratch, of a world and of its makers."""
    return (1 + int(rules.makers)) * numbers_needed(tables)


@scalar
def routed_needed(rules):
    """Numbers of what decides whom requests go to."""
    return (routes.COMMON + int(rules.makers) * routes.OWN) * TILE


@scalar
def worlds_of(rules, parameters, states, holdings, tables, memory, routed):
    """The arrays, and where things lie in them."""
    common = lent_arrays(tables, states, holdings, memory[: numbers_needed(tables)])
    return Worlds(rules, common, borrowed(parameters), borrowed(memory), borrowed(routed), int(rules.makers),
                  numbers_seen(rules, common))  # fmt: skip


@scalar
def lent_to(worlds, maker):
    """The arrays as one maker has them: scratch and instruments of its own."""
    common = worlds.common
    needed, first = numbers_needed(common.tables), maker * common.instruments * numbers_of_terms(worlds.rules)
    shared = common.tables
    tables = Tables(shared.instruments[first:], shared.tiers, shared.requests, shared.firsts, shared.shared, shared.sizes,
                    shared.excitation, shared.variance, shared.impact)  # fmt: skip
    own = worlds.memory[(1 + maker) * needed : (2 + maker) * needed]
    return lent_arrays(tables, common.states, common.holdings, own)


@scalar
def numbers_of_terms(rules):
    """How many numbers are read of an instrument."""
    return count(Terms(rules.instrument, 0.0, 0.0, 0.0, 0.0, 0.0, no_jump_terms()))


@scalar
def rules_of(worlds, maker):
    """The rules as one maker has them."""
    return load(worlds.rules, worlds.parameters, maker * count(worlds.rules) * TILE, TILE)


@scalar
def own_routes(maker):
    """Where what decides on a maker begins."""
    return (routes.COMMON + maker * routes.OWN) * TILE


@scalar
def place_of(group, worlds_before, rows, instruments, makers, maker):
    """The tile of one maker of a group of worlds, the last of which end before `worlds_before`: noise is of the worlds."""
    tile = group * makers + maker
    held = tile * instruments * count(scratch.nothing_kept()) * TILE
    return Place(group, min(TILE, worlds_before - group * TILE), tile * rows * TILE, held)
