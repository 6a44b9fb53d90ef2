"""A day of an exchange's archive as a Recording: its events, put together in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np

from mm_env.data.events import Events
from mm_env.data.prices import UNIT, off_tick, tick_in
from mm_env.data.rebuilt import LEVELS, PATIENCE, Rebuilt, Rows, Trades
from mm_env.data.recording import (
    SECOND,
    Ints,
    Messages,
    Orders,
    Quotes,
    Recording,
    Stretches,
    common_step,
    market_orders,
)

DAY = 86_400 * SECOND
MOST = 8_000_000  # messages of a day that is held in memory whole


@dataclass(frozen=True)
class Archive:
    """A day of one instrument, as its reader found it."""

    instrument: str
    source: str  # the format
    events: Callable[[], Iterator[Events]]  # chunks of them, read anew at each call
    day: str | None = None  # ISO date; None: that of the first time, UTC
    patience: int = PATIENCE  # ns that a trade may wait for the change of the book that it made
    notes: tuple[str, ...] = ()
    passed: dict[str, int] = field(default_factory=dict)  # what the reader passed over, counted while `events` are read


def day_of(time: int) -> str:
    """The ISO date of a time in ns since the epoch, UTC."""
    return datetime.fromtimestamp(time // SECOND, UTC).date().isoformat()


def assembled(archive: Archive, tick: float | None = None, levels: int = LEVELS) -> Recording:
    """The day's Recording, its `levels` best prices a side. `tick`: price units; None takes the largest step of all prices.

    Raises: ValueError for a day without a bid below an ask, with prices that are no whole ticks, or too long for memory.
    """
    rebuilt, rows, trades, held = Rebuilt(levels, archive.patience), [], [], 0
    for some, traded in rebuilt.rows(archive.events()):
        rows.append(some)
        trades.append(traded)
        held += len(some.time)
        if held > MOST:
            raise ValueError(
                f"{archive.source}: the day has more than {MOST:,} messages, too many to be held in memory: keep it in a "
                "store (python -m experiments.store path=... to=FOLDER) and give that folder"
            )
    if not held:
        raise ValueError(f"{archive.source}: a day must hold messages, got none of {archive.instrument}")
    whole = Rows(*(np.concatenate(columns) for columns in zip(*rows, strict=True)))
    orders = Trades(*(np.concatenate(columns) for columns in zip(*trades, strict=True)))
    return recorded(archive, whole, orders, rebuilt, tick)


def recorded(archive: Archive, rows: Rows, trades: Trades, rebuilt: Rebuilt, tick: float | None) -> Recording:
    """The Recording of all rows and trades of a day."""
    first = int(min(rows.time[0], trades.time[0] if len(trades.time) else rows.time[0]))
    last = int(max(rows.time[-1], trades.time[-1] if len(trades.time) else rows.time[-1]))
    step = checked_tick(common_step(rows.prices.ravel(), trades.price), tick)
    usable = usable_rows(rows)
    if not usable.any():
        raise ValueError(f"{archive.source}: a day must hold a bid below an ask, got none in {len(usable):,} messages")
    return Recording(
        instrument=archive.instrument,
        day=archive.day or day_of(first),
        source=archive.source,
        tick=step * UNIT,
        length=last - first,
        quotes=quotes(rows, usable, first, step),
        orders=orders(trades, first, step),
        messages=messages(rows, first, step) if (rows.kind > 0).any() else None,
        counts={"messages": len(rows.time), **counted(archive, rebuilt)},
        checks=rebuilt.checks,
        without_quote=without_quote(rows, usable, first, last),
        tick_guessed=tick is None,
        began=first % DAY,
        notes=(*archive.notes, *notes(archive, step, tick is None)),
    )


def checked_tick(common: int, tick: float | None) -> int:
    """The tick in 1e-8, given or guessed. Raises: ValueError for one that not all prices are whole numbers of."""
    given = tick_in(UNIT, tick)
    if given is not None and common % given:
        raise ValueError(off_tick(common, given, UNIT, common))
    return given or common


def usable_rows(rows: Rows) -> np.ndarray:
    """(n,) whether a row gives a quote: it is the last of its time, and has a bid below an ask."""
    bid, ask = rows.prices[:, 0, 0], rows.prices[:, 1, 0]
    last = np.r_[np.diff(rows.time) > 0, True]
    return last & (bid > 0) & (ask > bid)


def quotes(rows: Rows, usable: np.ndarray, first: int, step: int) -> Quotes:
    """The best quotes where they changed."""
    time = rows.time[usable] - first
    prices, sizes = rows.prices[usable, :, 0], rows.sizes[usable, :, 0]
    same = (prices[1:] == prices[:-1]).all(axis=1) & (sizes[1:] == sizes[:-1]).all(axis=1)
    new = np.r_[True, ~same]
    (bid, ask), (bids, asks) = (prices[new] // step).T, sizes[new].T
    return Quotes(time[new], *map(np.ascontiguousarray, (bid, ask, bids, asks)))


def orders(trades: Trades, first: int, step: int) -> Orders:
    """Trades as market orders."""
    return market_orders(trades.time - first, trades.side, trades.size, trades.price // step)


def messages(rows: Rows, first: int, step: int) -> Messages:
    """Rows as a Recording holds them."""
    bids, asks = (np.ascontiguousarray(rows.prices[:, s] // step) for s in (0, 1))
    bid_sizes, ask_sizes = (np.ascontiguousarray(rows.sizes[:, s]) for s in (0, 1))
    return Messages(
        rows.time - first,
        rows.kind,
        rows.side,
        rows.size,
        rows.price // step,
        rows.order,
        bids,
        asks,
        bid_sizes,
        ask_sizes,
    )


def without_quote(rows: Rows, usable: np.ndarray, first: int, last: int) -> dict[str, Stretches]:
    """How long there was no quote, and why."""
    ends = np.r_[np.diff(rows.time) > 0, True]
    time, prices = rows.time[ends] - first, rows.prices[ends, :, 0]
    one_sided = (prices == 0).any(axis=1)
    crossed = ~one_sided & ~usable[ends]
    return {
        "locked or crossed": Stretches.of(time, crossed, last - first),
        "one-sided": Stretches.of(time, one_sided, last - first),
    }


def counted(archive: Archive, rebuilt: Rebuilt) -> dict[str, int]:
    """What was read, and what was passed over; of what is not there nothing."""
    return {name: count for name, count in {**rebuilt.counts, **archive.passed}.items() if count}


def notes(archive: Archive, step: int, guessed: bool) -> Iterator[str]:
    """What whoever reads the numbers should know."""
    if guessed:
        yield (
            f"The tick of {step * UNIT:g} is a guess, the largest step that all prices are multiples of: tick= gives another"
        )
    passed = {name: count for name, count in archive.passed.items() if count}
    if passed:
        yield f"Passed over: {', '.join(f'{count:,} {name}' for name, count in passed.items())}"


def times(name: str, first_line: int, time: Ints, unit: int) -> Ints:
    """Times in `unit` ns as ns. Raises: ValueError where they go back."""
    back = np.diff(time) < 0
    if back.any():
        row = int(np.argmax(back)) + 1
        raise ValueError(
            f"{name}, line {first_line + row}: time must not be before that of the line above, got {time[row]}"
        )
    return time * unit
