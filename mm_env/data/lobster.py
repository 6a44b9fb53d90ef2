"""LOBSTER's message and orderbook files (lobsterdata.com; format of 1 Sept 2013), from the zip or unpacked, gzipped or not.

Rules, where the file leaves a choice:
- Visible executions (type 4) are trades; hidden ones (5) and crosses (6) are counted, change no row and enter no estimate.
- A halt (type 7, from price -1 until price 1) is cut out of time. What happens within it changes the book but is counted in
  no estimate, and no window may span it.
- A row that is locked or crossed (ask <= bid) or lacks a side is counted and gives no quote: the one before goes on.
- The session is that of the file's name, from the first stamp on.
- The tick is a cent where all visible prices are a dollar or more and whole cents (SEC rule 612). Else it is the largest step
  that they are multiples of, a guess, unless it is given.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mm_env.core import engine
from mm_env.data.lobster_files import EXECUTED, HALT, KINDS, NEW, messages, orderbook
from mm_env.data.lobster_find import Files, find, held
from mm_env.data.prices import off_tick, tick_in
from mm_env.data.recording import (
    Floats,
    Ints,
    Messages,
    Orders,
    Quotes,
    Recording,
    Stretches,
    common_step,
    market_orders,
)
from mm_env.data.rows import DIFFERS, REVEALS, check_rows

UNIT = 1e-4  # dollars: the file's prices are ten-thousandths
CENT, DOLLAR = 100, 10_000
EMPTY = 9_999_999_999  # the price of a level that does not exist, negative on the bid side
BID, ASK = 0, 1
__all__ = ["held", "read"]


def read(
    path: str | Path, day: str | None = None, instrument: str | None = None, tick: float | None = None
) -> Recording:
    """Read and check a LOBSTER day: its zip, a folder, or its message CSV with the orderbook CSV beside it.

    `day` (2012-06-21) and `instrument` choose among several. `tick`: price units; None takes that of the rules above.

    Raises: ValueError that says what is wrong, with file and line, for a path that does not exist, a file that is not a
    LOBSTER day, is empty, cut short, holds no numbers, or whose stamps go back, for several days of which none is chosen, and
    for prices that are no whole ticks.
    """
    if not isinstance(path, str | Path):
        raise ValueError(f"path must be one file, got {path}")
    given, files = tick_in(UNIT, tick), find(Path(path), day, instrument)
    columns = messages(files)
    found = _Day.of(files, columns, orderbook(files, len(columns["time"])), given)
    length = int(found.trading[-1] + (0 if found.halted[-1] else files.end - columns["time"][-1]))
    counts, (checks, compared) = found.counts(files), found.checks()
    return Recording(
        instrument=files.ticker,
        day=files.day,
        source="LOBSTER",
        tick=found.step * UNIT,
        length=length,
        quotes=found.quotes(),
        orders=found.orders(),
        messages=found.messages(),
        cuts=found.cuts,
        counts=counts,
        checks=checks,
        without_quote={
            "locked or crossed": Stretches.of(found.trading, found.two_sided & ~found.usable, length),
            "one-sided": Stretches.of(found.trading, ~found.two_sided, length),
        },
        tick_guessed=found.guessed,
        began=int(columns["time"][0]),
        notes=(*_notes(files, found), *compared),
    )


@dataclass(frozen=True)
class _Day:
    """The columns of both files, and what follows from them."""

    columns: dict[str, Ints]  # of the message file
    prices: Ints  # (n, 2, levels) of bids and asks, the file's units
    sizes: Ints  # (n, 2, levels)
    trading: Ints  # (n,) ns of trading since the first line
    halted: NDArray[np.bool_]  # (n,)
    cuts: Ints
    step: int  # the tick, in the file's units
    guessed: bool  # whether nobody said that it is the tick

    @staticmethod
    def of(files: Files, columns: dict[str, Ints], book: Ints, tick: int | None) -> _Day:
        prices = np.stack([book[:, 2::4], book[:, 0::4]], axis=1)
        sizes = np.stack([book[:, 3::4], book[:, 1::4]], axis=1)
        shown = columns["price"][(columns["type"] >= NEW) & (columns["type"] <= EXECUTED)]
        halts = _cut_halts(columns["time"], columns["type"], columns["price"])
        day = _Day(columns, prices, sizes, *halts, *_tick(prices[np.abs(prices) < EMPTY], shown, tick))
        if not day.usable.any():
            crossed = f"{day.two_sided.sum()} of {len(prices)} rows are locked or crossed, the others lack a side"
            raise ValueError(f"{files.orderbook[0]} must have a row with a bid below an ask, got none: {crossed}")
        return day

    @property
    def two_sided(self) -> NDArray[np.bool_]:
        """(n,) whether a row has a bid and an ask."""
        return np.all(np.abs(self.prices[:, :, 0]) < EMPTY, axis=1)

    @property
    def usable(self) -> NDArray[np.bool_]:
        """(n,) whether a row gives a quote."""
        return self.two_sided & (self.prices[:, ASK, 0] > self.prices[:, BID, 0])

    def levels(self, side: int) -> tuple[Ints, Floats]:
        """(prices in ticks, 0 where there is no level; sizes), (n, levels) each."""
        exists = np.abs(self.prices[:, side]) < EMPTY
        return np.where(exists, self.prices[:, side], 0) // self.step, self.sizes[:, side].astype(np.float64)

    def quotes(self) -> Quotes:
        (bids, bid_sizes), (asks, ask_sizes), rows = self.levels(BID), self.levels(ASK), self.usable
        return Quotes(self.trading[rows], bids[rows, 0], asks[rows, 0], bid_sizes[rows, 0], ask_sizes[rows, 0])

    def orders(self) -> Orders:
        rows = (self.columns["type"] == EXECUTED) & ~self.halted
        aggressor, price = -self.columns["direction"][rows], self.columns["price"][rows] // self.step
        return market_orders(self.trading[rows], aggressor, self.columns["size"][rows].astype(np.float64), price)

    def messages(self) -> Messages:
        (bids, bid_sizes), (asks, ask_sizes) = self.levels(BID), self.levels(ASK)
        kind, size = np.where(self.halted, 0, self.columns["type"]), self.columns["size"].astype(np.float64)
        price, order, side = self.columns["price"] // self.step, self.columns["order id"], self.columns["direction"]
        return Messages(self.trading, kind, side, size, price, order, bids, asks, bid_sizes, ask_sizes)

    def counts(self, files: Files) -> dict[str, int]:
        kind = self.columns["type"]
        return {
            "messages": len(kind),
            **{name: int((kind == number).sum()) for number, name in KINDS.items()},
            "during halts": int((self.halted & (kind != HALT)).sum()),
            "crossed rows": int((self.two_sided & ~self.usable).sum()),
            "one-sided rows": int((~self.two_sided).sum()),
            "levels": files.levels,
            **{what: count for what, count in files.passed.items() if count},
        }

    def checks(self) -> tuple[dict[str, int], list[str]]:
        """What came of comparing each message with the rows around it, and what to say where there was nothing to compare."""
        kind, side, size, price = (self.columns[name] for name in ("type", "direction", "size", "price"))
        empty = np.array([-EMPTY, EMPTY])
        outcome = engine.run(check_rows, kind, side, size, price, self.prices, self.sizes, empty)
        visible = (kind >= NEW) & (kind <= EXECUTED)
        compared = visible[1:].any()
        differ = {"visible messages whose row differs": int(((outcome == DIFFERS) & visible).sum())}
        return {
            "visible messages": int(visible.sum()),
            "without a row before": int(visible[0]),
            **(differ if compared else {}),
            "other messages whose row differs": int(((outcome == DIFFERS) & ~visible).sum()),
            "rows where a level came into view": int((outcome == REVEALS).sum()),
        }, [] if compared else ["No visible message was compared with its row: none follows another line"]


def _tick(book: Ints, shown: Ints, given: int | None) -> tuple[int, bool]:
    """The tick in the file's units, of the prices of rows and of visible messages, and whether it is a guess."""
    step, lowest = common_step(book, shown), min(book.min(initial=EMPTY), shown.min(initial=EMPTY))
    if given is not None and step % given:
        prices = np.r_[book, shown]
        raise ValueError(off_tick(int(prices[np.argmax(prices % given != 0)]), given, UNIT, step))
    if given is not None:
        return given, False
    return (CENT, False) if lowest >= DOLLAR and step % CENT == 0 else (step, True)


def _notes(files: Files, day: _Day) -> Iterator[str]:
    if day.guessed:
        yield (
            f"The tick of {day.step * UNIT:g} is a guess, the largest step that all visible prices are multiples of: "
            "tick= gives another"
        )
    passed = [f"{count} {what}" for what, count in files.passed.items() if count]
    if passed:
        yield f"Passed over: {', '.join(passed)}"


def _cut_halts(time: Ints, kind: Ints, price: Ints) -> tuple[Ints, NDArray[np.bool_], Ints]:
    """Trading time (n,) from the first stamp on, which messages lie within a halt, and when halts were cut out."""
    halted = np.zeros(len(time), np.bool_)
    is_halted = False
    for i in np.flatnonzero((kind == HALT) & (price != 0)):
        if is_halted == (price[i] == -1):
            state = "halted" if is_halted else "open"
            raise ValueError(
                f"a trading halt must start (price -1) and end (price 1) in turn, got {price[i]} while {state}"
            )
        is_halted = not is_halted
        halted[i:] = is_halted
    passing = np.where(halted[:-1], 0, np.diff(time))
    trading = np.r_[0, np.cumsum(passing)]
    starts = np.flatnonzero(halted & ~np.r_[False, halted[:-1]])
    return trading, halted, trading[starts]
