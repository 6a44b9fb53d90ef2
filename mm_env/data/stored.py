"""A store of parsed days: Parquet files of messages, quotes and orders, written chunk by chunk and read lazily, by time.

    FOLDER/INSTRUMENT/DAY/day.json              what the day is, and what was counted
    FOLDER/INSTRUMENT/DAY/messages-00000.parquet  in order, a chunk a file; quotes and orders likewise

Prices are whole numbers of 1e-8 and times ns since the first line, as `mm_env.data.rebuilt.Rows` has them: the tick is known
only when all prices have been seen.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mm_env.core.extras import require
from mm_env.data.archive import DAY, Archive, checked_tick, counted, day_of, notes, usable_rows
from mm_env.data.prices import UNIT, tick_in
from mm_env.data.rebuilt import LEVELS, Rebuilt, Rows, Trades
from mm_env.data.recording import SECOND, Messages, Quotes, Recording, Stretches, common_step, market_orders

META = "day.json"
FORMAT = 1
MESSAGES, QUOTES, ORDERS = "messages", "quotes", "orders"


@dataclass(frozen=True)
class StoredDay:
    """A day in a store. Nothing is read but its `day.json` until a recording is asked for."""

    folder: Path
    meta: dict[str, Any]
    tick: float | None = None  # price units; None: the one that all prices tell

    @property
    def instrument(self) -> str:
        return str(self.meta["instrument"])

    @property
    def day(self) -> str:
        return str(self.meta["day"])

    @property
    def source(self) -> str:
        return str(self.meta["source"])

    @property
    def files(self) -> list[Path]:
        """What the day is made of, for whoever asks whether it has changed."""
        return [self.folder / META]

    def recording(self, begins: float = 0.0, ends: float = float("inf"), tick: float | None = None) -> Recording:
        """The day, of whose single messages only those from `begins` to `ends` (s) are read, and the one before them."""
        step = checked_tick(int(self.meta["step"]), self.tick if tick is None else tick)
        told = self.meta
        return Recording(
            instrument=self.instrument,
            day=self.day,
            source=self.source,
            tick=step * UNIT,
            length=int(told["length"]),
            quotes=self._quotes(step),
            orders=self._orders(step),
            messages=self._messages(step, begins, ends) if told["single_messages"] else None,
            cuts=np.array(told["cuts"], np.int64),
            counts=told["counts"],
            checks=told["checks"],
            without_quote={name: Stretches(*one) for name, one in told["without_quote"].items()},
            tick_guessed=bool(told["guessed"]) and tick is None and self.tick is None,
            began=int(told["began"]),
            notes=tuple(told["notes"]),
        )

    def _scan(self, part: str) -> Any:
        import polars as pl

        return pl.scan_parquet(sorted(self.folder.glob(f"{part}-*.parquet")))

    def _quotes(self, step: int) -> Quotes:
        frame = self._scan(QUOTES).collect()
        bid, ask = (frame[name].to_numpy() // step for name in ("bid", "ask"))
        return Quotes(frame["time"].to_numpy(), bid, ask, frame["bid_size"].to_numpy(), frame["ask_size"].to_numpy())

    def _orders(self, step: int) -> Any:
        if not list(self.folder.glob(f"{ORDERS}-*.parquet")):
            empty = np.zeros(0, np.int64)
            return market_orders(empty, empty, np.zeros(0), empty)
        frame = self._scan(ORDERS).collect()
        columns = [frame[name].to_numpy() for name in ("time", "side", "size", "price")]
        return market_orders(columns[0], columns[1].astype(np.int64), columns[2], columns[3] // step)

    def _messages(self, step: int, begins: float, ends: float) -> Messages:
        import polars as pl

        first, last = round(begins * SECOND), int(min(ends, self.meta["length"] / SECOND + 1.0) * SECOND)
        scan = self._scan(MESSAGES)
        before = scan.filter(pl.col("time") < first).select(pl.len()).collect().item() if first > 0 else 0
        until = scan.filter(pl.col("time") < last).select(pl.len()).collect().item()
        start = max(before - 1, 0)
        frame = scan.slice(start, until - start).collect()
        levels = int(self.meta["levels"])

        def whole(name: str) -> Any:
            return frame[name].to_numpy().astype(np.int64, copy=False)

        def side(name: str, size: bool) -> Any:
            return np.column_stack(
                [
                    frame[f"{name}_{i}"].to_numpy() if size else frame[f"{name}_{i}"].to_numpy() // step
                    for i in range(levels)
                ]
            )

        return Messages(
            whole("time"), whole("kind"), whole("side"), frame["size"].to_numpy(), whole("price") // step, whole("order"),
            side("bid", False), side("ask", False), side("bid_size", True), side("ask_size", True),
        )  # fmt: skip


def stored(folder: Path) -> StoredDay:
    """The day in a folder. Raises: ValueError for one that another version wrote, or that was not finished."""
    meta = json.loads((folder / META).read_text(encoding="utf-8"))
    if meta.get("format") != FORMAT:
        raise ValueError(f"{folder / META} must be of format {FORMAT}, got {meta.get('format')}: keep the day anew")
    return StoredDay(folder, meta)


def keep(
    archive: Archive, folder: Path, levels: int = LEVELS, tick: float | None = None, overwrite: bool = False
) -> StoredDay:
    """Write a day to the store in `folder`, chunk by chunk: memory does not grow with the day.

    Raises: ValueError where the day is there already, or has no bid below an ask.
    """
    require("a store of days", "data", "polars")
    rebuilt = Rebuilt(levels, archive.patience)
    writer = _Writer(folder, levels, overwrite)
    try:
        for rows, trades in rebuilt.rows(archive.events()):
            writer.add(archive, rows, trades)
        return writer.finish(archive, rebuilt, tick)
    except BaseException:
        writer.discard()
        raise


def keep_recording(recording: Recording, folder: Path, overwrite: bool = False) -> StoredDay:
    """Write a day that is in memory already."""
    require("a store of days", "data", "polars")
    step = tick_in(UNIT, recording.tick) or 1
    levels = 1 if recording.messages is None else recording.messages.bids.shape[1]
    writer = _Writer(folder, levels, overwrite)
    writer.open(recording.instrument, recording.day)
    writer.add_recording(recording, step)
    return writer.close({
        "instrument": recording.instrument, "day": recording.day, "source": recording.source, "step": step,
        "guessed": recording.tick_guessed, "length": recording.length, "began": recording.began, "levels": levels,
        "cuts": recording.cuts.tolist(), "counts": recording.counts, "checks": recording.checks,
        "without_quote": recording.without_quote, "notes": recording.notes,
        "single_messages": recording.messages is not None,
    })  # fmt: skip


class _Writer:
    """A day on its way to the store, in a folder that gets its name when it is whole."""

    def __init__(self, folder: Path, levels: int, overwrite: bool) -> None:
        self._folder, self._levels, self._overwrite = folder, levels, overwrite
        self._parts: dict[str, int] = dict.fromkeys((MESSAGES, QUOTES, ORDERS), 0)
        self._first = self._last = self._step = 0
        self._quote: Any = None  # the last one
        self._held: Any = None  # (first row's time, state) of the stretch without a quote
        self._lost = {"locked or crossed": [0, 0], "one-sided": [0, 0]}  # ns in all, and the longest stretch
        self._begun, self._single = False, False

    def open(self, instrument: str, day: str) -> None:
        """Make the folder. Raises: ValueError where the day is there."""
        self.target = self._folder / instrument / day
        if (self.target / META).exists() and not self._overwrite:
            raise ValueError(f"{self.target} holds this day already: overwrite=true writes it anew")
        self.place = self.target.with_name(f".{day}.part")
        shutil.rmtree(self.place, ignore_errors=True)
        self.place.mkdir(parents=True)
        self._begun = True

    def add(self, archive: Archive, rows: Rows, trades: Trades) -> None:
        """Write a chunk."""
        if not len(rows.time) and not len(trades.time):
            return
        if not self._begun:
            self._first = int(min([*rows.time[:1], *trades.time[:1]]))
            self.open(archive.instrument, archive.day or day_of(self._first))
        self._last = int(max([self._last, *rows.time[-1:], *trades.time[-1:]]))
        self._step = int(np.gcd(self._step, common_step(rows.prices.ravel(), trades.price)))
        self._write(
            ORDERS,
            time=trades.time - self._first,
            side=trades.side.astype(np.int8),
            size=trades.size,
            price=trades.price,
        )
        if len(rows.time):
            self._single = self._single or bool((rows.kind > 0).any())
            self._write_messages(rows._replace(time=rows.time - self._first))
            self._write_quotes(rows._replace(time=rows.time - self._first))

    def add_recording(self, recording: Recording, step: int) -> None:
        """Write all of a recording."""
        q, messages = recording.quotes, recording.messages
        self._write(QUOTES, time=q.time, bid=q.bid * step, ask=q.ask * step, bid_size=q.bid_size, ask_size=q.ask_size)
        o = recording.orders
        self._write(ORDERS, time=o.time, side=o.side.astype(np.int8), size=o.size, price=o.worst * step)
        if messages is not None:
            prices = np.stack([messages.bids, messages.asks], axis=1) * step
            sizes = np.stack([messages.bid_sizes, messages.ask_sizes], axis=1)
            m = messages
            self._write_messages(Rows(m.time, m.kind, m.side, m.size, m.price * step, m.order, prices, sizes))

    def finish(self, archive: Archive, rebuilt: Rebuilt, tick: float | None) -> StoredDay:
        """Name the folder. Raises: ValueError for a day without quotes, or with prices that are no whole ticks."""
        if not self._begun or not self._parts[QUOTES]:
            raise ValueError(f"{archive.source}: a day must hold a bid below an ask, got none of {archive.instrument}")
        self._lose(self._last - self._first, None)
        length = self._last - self._first
        step = checked_tick(self._step, tick)
        return self.close({
            "instrument": archive.instrument, "day": archive.day or day_of(self._first), "source": archive.source,
            "step": step, "guessed": tick is None, "length": length, "began": self._first % DAY,
            "levels": self._levels, "cuts": [], "counts": counted(archive, rebuilt), "checks": rebuilt.checks,
            "without_quote": {name: (ns / max(length, 1), most / SECOND) for name, (ns, most) in self._lost.items()},
            "notes": [*archive.notes, *notes(archive, step, tick is None)], "single_messages": self._single,
        })  # fmt: skip

    def close(self, meta: dict[str, Any]) -> StoredDay:
        """Write `day.json` and give the folder its name."""
        (self.place / META).write_text(json.dumps({"format": FORMAT, **meta}, indent=1), encoding="utf-8")
        shutil.rmtree(self.target, ignore_errors=True)
        self.place.rename(self.target)
        return stored(self.target)

    def discard(self) -> None:
        """Leave nothing of a day that was not finished."""
        if self._begun:
            shutil.rmtree(self.place, ignore_errors=True)

    def _write(self, part: str, **columns: Any) -> None:
        import polars as pl

        if len(columns["time"]):
            frame = pl.DataFrame(columns)
            frame.write_parquet(
                self.place / f"{part}-{self._parts[part]:05d}.parquet", compression="zstd", compression_level=1
            )
            self._parts[part] += 1

    def _write_messages(self, rows: Rows) -> None:
        levels = {
            f"{name}_{i}": column[:, s, i]
            for s, (price, size) in enumerate((("bid", "bid_size"), ("ask", "ask_size")))
            for name, column in ((price, rows.prices), (size, rows.sizes))
            for i in range(self._levels)
        }
        self._write(
            MESSAGES, time=rows.time, kind=rows.kind.astype(np.int8), side=rows.side.astype(np.int8), size=rows.size,
            price=rows.price, order=rows.order, **levels,
        )  # fmt: skip

    def _write_quotes(self, rows: Rows) -> None:
        """The best quotes of a chunk that are not as the one before. The last time of a chunk may go on in the next: two
        quotes of one time are then written, of which the later holds."""
        usable = usable_rows(rows)
        self._note_lost(rows, usable)
        best = np.column_stack([rows.prices[usable, :, 0], rows.sizes[usable, :, 0]])
        if not len(best):
            return
        before = best[:1] * np.nan if self._quote is None else self._quote[None]
        new = (best != np.concatenate([before, best[:-1]])).any(axis=1)
        self._quote = best[-1]
        bid, ask = (rows.prices[usable, s, 0][new] for s in (0, 1))
        sizes = [rows.sizes[usable, s, 0][new] for s in (0, 1)]
        self._write(QUOTES, time=rows.time[usable][new], bid=bid, ask=ask, bid_size=sizes[0], ask_size=sizes[1])

    def _note_lost(self, rows: Rows, usable: Any) -> None:
        ends = np.r_[np.diff(rows.time) > 0, True]
        one_sided = (rows.prices[ends, :, 0] == 0).any(axis=1)
        state = np.where(usable[ends], 0, np.where(one_sided, 2, 1))
        time, turns = rows.time[ends], np.flatnonzero(np.diff(state) != 0) + 1
        for place in [0, *turns.tolist()]:
            self._lose(int(time[place]), int(state[place]))

    def _lose(self, time: int, state: int | None) -> None:
        """From `time` on the state is another one, or the same."""
        if self._held is not None and self._held[1] == state:
            return
        if self._held is not None and self._held[1]:
            spent = self._lost[("", "locked or crossed", "one-sided")[self._held[1]]]
            spent[0] += time - self._held[0]
            spent[1] = max(spent[1], time - self._held[0])
        self._held = (time, state)
