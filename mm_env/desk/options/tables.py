"""What the kernel reads of a desk's options: arrays, so that how many there are is no part of the machine code."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from mm_env.desk.tables import Floats, tables
from mm_env.options.contract import EUROPEAN
from mm_env.options.watched_table import watched_table

UNDERLYING = -1.0  # in the place of an option's kind
_SOON = 1e-6  # of a step: what counting steps may leave of the time to expiry
_NEVER = 1e18  # steps


class Contract(NamedTuple):
    """What the kernel reads of an instrument: an option, or the underlying."""

    kind: float
    side: float
    strike: float  # price
    expiry: float  # time
    last: float  # the step at whose end it has expired
    way: float  # 1.0 if the highest spot counts, -1.0 if the lowest
    shown: float  # the place of its extreme among those that are shown; -1 if it has none
    watch: float  # steps from date to date at which it is watched; 0: continuously
    watched: float  # where its table begins in `OptionTables.watched`
    delta: float  # a unit's, at the start
    gamma: float
    vega: float


class OptionTables(NamedTuple):
    """`Tables`, and those of the options."""

    instruments: Any
    tiers: Any
    requests: Any
    firsts: Any
    shared: Any  # empty: options move by their marks
    sizes: Any  # numbers of an action, 0, 0, numbers seen, and of these the first of an extreme
    excitation: Any  # empty
    variance: Any  # empty
    impact: Any  # empty
    contracts: Floats  # N x `Contract`, the underlying first
    marks: Floats  # what `OptionMarks.greeks` reads
    watched: Floats  # what `marked_watched` reads, contract by contract


def option_tables(desk: Any) -> OptionTables:
    """The tables of an `OptionsDesk`."""
    plain, seen = tables(desk), desk.observation_names
    extremes = sum(one.kind != EUROPEAN for one in desk.prices.options)
    sizes = np.array([desk.width, 0, 0, len(seen), len(seen) - extremes], np.int64)
    contracts = np.array(contracts_of(desk), np.float64).reshape(-1)
    told, watched = plain._replace(shared=np.zeros(0), sizes=sizes), [np.zeros(1), *_watched_of(desk)]
    return OptionTables(*told, contracts, np.ascontiguousarray(desk.prices.table), np.concatenate(watched))


def contracts_of(desk: Any) -> list[Contract]:
    """What is read of each instrument."""
    dt, shown, begins = desk.clock.step_length, 0, 1
    found = [Contract(UNDERLYING, 1.0, 0.0, 0.0, _NEVER, 0.0, -1.0, 0.0, 0.0, 1.0, 0.0, 0.0)]
    for one, greeks, table in zip(desk.prices.options, desk.prices.opening, _watched_of(desk), strict=True):
        last, watch = last_step(desk, one), round(one.watched_every / dt)
        place = -1 if one.kind == EUROPEAN else shown
        shown += one.kind != EUROPEAN
        where = (place, watch, begins)
        found.append(Contract(one.kind, one.side, one.strike, one.expiry, last, one.way, *where, *greeks[1:]))
        begins += len(table)
    return found


def last_step(desk: Any, one: Any) -> int:
    """The step at whose end an option has expired."""
    return math.ceil(one.expiry / desk.clock.step_length - _SOON)


def _watched_of(desk: Any) -> list[Floats]:
    """The table of each option; an empty one of those that are not watched at dates."""
    return [_table_of(desk, one) if one.watched_every > 0.0 else np.zeros(0) for one in desk.prices.options]


def _table_of(desk: Any, one: Any) -> Floats:
    steps = min(last_step(desk, one), desk.clock.steps)
    times = tuple(step * float(desk.clock.step_length) for step in range(steps + 1))
    return watched_table(one.way, one.expiry, one.watched_every, float(desk.prices.marks.sigma), times)
