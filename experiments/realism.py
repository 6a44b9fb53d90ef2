"""Realism: stylised facts of a simulated order book beside a recorded day's, and the scores of simulated books against it.

python -m experiments.realism path=LOBSTER_SampleFile_AMZN_2012-06-21_5.zip
python -m experiments.realism path=FILE.zip market=amzn_reactive books=64

Scores are LOB-Bench's (Nagy et al. 2025), of `market` and of the books named in `scored`.
"""

# pyright: reportAttributeAccessIssue=false, reportArgumentType=false
# Venues are told apart by what they say of themselves (`happened_once`, `makes_mid`), not by their class.

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from omegaconf import DictConfig

from experiments.config.main import experiment, output_folder
from experiments.config.markets import build_market, recorded_market
from experiments.evaluation import plots, table
from experiments.evaluation.realism import scored
from experiments.reporting.presenter import Column, TextTable, screen
from mm_env.clock import EveryEvent
from mm_env.core.component import record
from mm_env.data.recording import SECOND, Messages, Quotes, Recording
from mm_env.market import Market
from mm_env.markets import market_named
from mm_env.quote import NOWHERE, Unbounded
from mm_env.rollout import steps
from mm_env.simulation import Simulation
from mm_env.venue.order_book.ladder import ASK, BID

Floats = NDArray[np.float64]
HORIZONS = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)  # seconds, of the signature plot
LAGS = 20  # market orders, of the autocorrelation of their signs


@dataclass(frozen=True)
class Stream:
    """What a stretch of trading shows: the best quotes after each change of price or size, and market orders."""

    length: int  # ns
    quotes: Quotes  # sizes in orders of the mean size
    orders: NDArray[np.int64]  # (m,) ns
    signs: NDArray[np.int64]  # (m,) +1 buys, -1 sells

    @property
    def held(self) -> Floats:
        """Seconds that each quote held."""
        return np.diff(np.r_[self.quotes.time, self.length]) / SECOND


@experiment("realism")
def main(cfg: DictConfig) -> float:
    """Print the table, write it and the figure; the relative difference of the mean spreads, simulated and held out."""
    check_stretch(cfg)
    market, recorded, folder = build_market(cfg), recorded_market(cfg), output_folder()
    if not market.venue.is_drawn_book:
        raise ValueError(f"market must be a simulated order book, got a {type(market.venue).__name__}")
    day, order = recorded.venue.recording, recorded.venue.mean_size  # pyright: ignore[reportAttributeAccessIssue]
    streams = {f"recorded, {name}": [recorded_stream(day, part[0], part[1], order)] for name, part in cfg.parts.items()}
    streams[f"simulated, {cfg.title}"] = simulated_streams(market, cfg.books, cfg.seconds, cfg.seed)
    found = {name: statistics(some, float(market.venue.tick)) for name, some in streams.items()}
    show(cfg.title, found)
    write(folder, cfg.title, found)
    plots.save(folder, {"realism": figure(streams, float(market.venue.tick))})
    if day.messages is not None:
        made = score_tables(cfg, market, day.messages, order)
        scored.write(folder, made)
        for one in made.values():
            one.print(screen(170, fits=False))
    table.say_where(folder)
    *_, last, ours = (each["mean spread (ticks)"] for each in found.values())
    return ours / last - 1.0


def check_stretch(cfg: DictConfig) -> None:
    """Refuse stretches that a part of the day, or a simulated book, cannot hold. Raises: ValueError."""
    settings = cfg.score
    shortest = min(part[1] - part[0] for part in cfg.parts.values())
    if not 0.0 < 2.0 * settings.stretch <= min(shortest, 2.0 * cfg.seconds):
        raise ValueError(
            f"score.stretch must be > 0, at most half of the shortest of parts ({shortest:g} s) and at most seconds "
            f"({cfg.seconds:g}), got {settings.stretch:g}"
        )


def score_tables(cfg: DictConfig, market: Market, day: Messages, order: float) -> dict[str, TextTable]:
    """File name -> table of the scores against the last part of the day, of it against itself, and of its first part."""
    settings = cfg.score
    parts = [scored.of_day(day, part, settings.stretch, settings.levels) for part in cfg.parts.values()]
    found = scored.against_itself(parts[-1], parts[0], settings.resamples)
    others = cfg.scored or {}
    named: dict[str, dict[str, float]] = {cfg.title: others.get(cfg.title, {}), **others}
    for name, units in named.items():
        one = market if name == cfg.title else market_named(name)
        own = order / float(record(one.venue).mean_order())
        second, unit = float(units.get("second", 1.0)), float(units.get("unit", own))
        made = scored.of_book(one, cfg.books, cfg.seconds, cfg.seed, settings.stretch, settings.levels, second, unit)
        found[name] = scored.scored(parts[-1], made, settings.resamples)
    return scored.tables(found, parts[-1])


def recorded_stream(day: Recording, begins: float, ends: float, order: float) -> Stream:
    """The part of the day from `begins` to `ends` (seconds), sizes in orders of `order` units."""
    first, last, quotes = round(begins * SECOND), min(round(ends * SECOND), day.length), day.quotes
    inside = (quotes.time >= first) & (quotes.time < last)
    inside[max(int(np.argmax(quotes.time >= first)) - 1, 0)] = True  # the quote that holds at first
    later, sizes = np.maximum(quotes.time - first, 0), (quotes.bid_size / order, quotes.ask_size / order)
    shown = _changes(Quotes(later, quotes.bid, quotes.ask, *sizes), inside)
    traded = (day.orders.time >= first) & (day.orders.time < last)
    return Stream(last - first, shown, day.orders.time[traded] - first, day.orders.side[traded])


def simulated_streams(market: Market, books: int, seconds: float, seed: int) -> list[Stream]:
    """As many books as asked for, each run for so long without us."""
    most = 2**31 - 1  # more events than there will be
    still = replace(market, clock=EveryEvent(horizon=1e6 * most, steps=most), quote=Unbounded(), initial_inventory=0.0)
    simulation, seen = Simulation(still, books), []
    unit = float(simulation._rules.venue.mean_order())
    played = steps(simulation, lambda shown: np.full((len(shown), 2), NOWHERE), seed)
    for _ in chain([None], played):
        book = simulation.books
        size = [book.volume[np.arange(books), book.best[:, s] & (book.volume.shape[1] - 1)] / unit for s in (BID, ASK)]
        seen.append(np.column_stack([book.time, book.best, *size, book.counts[:, 4:6]]))
        if book.time.min() >= seconds:
            break
    return [_stream(path, seconds) for path in np.stack(seen, axis=1)]


def _stream(path: Floats, seconds: float) -> Stream:
    """From rows of time, bid, ask, bid size, ask size, and numbers of market sells and buys so far."""
    path = path[path[:, 0] < seconds]
    time, sells, buys = np.rint(path[:, 0] * SECOND).astype(np.int64), np.diff(path[:, 5]), np.diff(path[:, 6])
    quotes = Quotes(time, path[:, 1].astype(np.int64), path[:, 2].astype(np.int64), path[:, 3], path[:, 4])
    traded = np.flatnonzero(sells + buys)
    return Stream(
        round(seconds * SECOND), _changes(quotes), time[traded + 1], np.sign(buys - sells)[traded].astype(int)
    )


def _changes(quotes: Quotes, among: Any = None) -> Quotes:
    """Those quotes (of some of them) that differ from the one before."""
    rows = np.arange(len(quotes.time)) if among is None else np.flatnonzero(among)
    columns = np.array([quotes.bid, quotes.ask, quotes.bid_size, quotes.ask_size])[:, rows]
    new = rows[np.r_[True, (np.diff(columns, axis=1) != 0).any(axis=0)]]
    return Quotes(quotes.time[new], quotes.bid[new], quotes.ask[new], quotes.bid_size[new], quotes.ask_size[new])


def statistics(streams: Sequence[Stream], tick: float) -> dict[str, float]:
    """What the table shows, over all streams; times in seconds."""
    spreads, depth, seconds = spread_and_depth(streams)
    orders, changes = gaps([s.orders for s in streams]), gaps([s.quotes.time for s in streams])
    signs, sigma = sign_autocorrelation(streams), signature(streams, tick)
    middle = np.interp(
        [0.25, 0.75], np.cumsum(np.bincount(spreads, seconds)) / seconds.sum(), np.arange(spreads.max() + 1)
    )
    return {
        "mean spread (ticks)": float(np.average(spreads, weights=seconds)),
        "spread, lower quartile": float(middle[0]),
        "spread, upper quartile": float(middle[1]),
        "mean queue at the best price (orders)": float(np.average(depth, weights=seconds)),
        "market orders / s": float(sum(len(s.orders) for s in streams) / sum(s.length for s in streams) * SECOND),
        "time between market orders, std / mean": float(orders.std() / orders.mean()),
        "changes of the best quotes / s": float(1.0 / changes.mean()),
        "time between changes, std / mean": float(changes.std() / changes.mean()),
        "sign autocorrelation, lag 1": float(signs[0]),
        "sign autocorrelation, lag 10": float(signs[9]),
        **{
            f"sigma at {h:g} s (cents / sqrt s)": float(100 * x)
            for h, x in zip(HORIZONS, sigma)
            if h in (1, 10, 60, 300)
        },
    }


def spread_and_depth(streams: Sequence[Stream]) -> tuple[NDArray[np.int64], Floats, Floats]:
    """Of each quote: spread (ticks), mean size of both sides (orders), and seconds that it held."""
    spreads = np.concatenate([s.quotes.ask - s.quotes.bid for s in streams])
    depth = np.concatenate([0.5 * (s.quotes.bid_size + s.quotes.ask_size) for s in streams])
    return spreads, depth, np.concatenate([s.held for s in streams])


def gaps(times: Sequence[NDArray[np.int64]]) -> Floats:
    """Seconds between neighbouring times of each stream; those of one stamp count once."""
    return np.concatenate([np.diff(np.unique(time)) for time in times]) / SECOND


def sign_autocorrelation(streams: Sequence[Stream]) -> Floats:
    """Of the signs of market orders at lags 1, ..., LAGS, pooled, (LAGS,)."""
    mean = np.concatenate([s.signs for s in streams]).mean()
    centred = [s.signs - mean for s in streams]
    variance = np.concatenate(centred).var()
    return np.array([np.concatenate([c[k:] * c[:-k] for c in centred]).mean() / variance for k in range(1, LAGS + 1)])


def signature(streams: Sequence[Stream], tick: float) -> Floats:
    """sigma(h) = sqrt(E[(mid(t + h) - mid(t))^2] / h) at the HORIZONS, price / sqrt(s), (n,); NaN where all is shorter."""
    found = []
    for horizon in HORIZONS:
        moves = []
        for s in streams:
            mid = s.quotes.twice_mid[s.quotes.at(np.arange(0, s.length, round(horizon * SECOND), dtype=np.int64))]
            moves.append(0.5 * tick * np.diff(mid))
        squares = np.concatenate(moves) ** 2
        found.append(np.sqrt(squares.mean() / horizon) if len(squares) else np.nan)
    return np.array(found)


def figure(streams: Mapping[str, Sequence[Stream]], tick: float) -> Figure:
    """Six panels, a colour for each of the streams."""
    made = Figure(figsize=(12.0, 7.0), layout="constrained")
    axes = made.subplots(2, 3).ravel()
    for (name, some), color in zip(streams.items(), plots.COLORS):
        spreads, depth, seconds = spread_and_depth(some)
        style = {"color": color, "lw": 1.6, "label": name}
        axes[0].plot(np.bincount(spreads, seconds) / seconds.sum(), **style)
        bins = np.arange(0.0, 12.5, 0.5)
        axes[1].stairs(np.histogram(depth, bins, weights=seconds)[0] / seconds.sum(), bins, **style)
        for axis, times in ((axes[2], [s.orders for s in some]), (axes[3], [s.quotes.time for s in some])):
            waits = np.sort(gaps(times))
            axis.plot(waits, 1.0 - np.arange(len(waits)) / len(waits), **style)
        axes[4].plot(np.arange(1, LAGS + 1), sign_autocorrelation(some), "o-", ms=3, **style)
        axes[5].plot(HORIZONS, 100.0 * signature(some, tick), "o-", ms=3, **style)
    axes[0].set(xlabel="spread (ticks)", ylabel="share of time", xlim=(0, 50))
    axes[1].set(xlabel="queue at the best price (orders)", ylabel="share of time")
    for axis, what in ((axes[2], "market orders"), (axes[3], "changes of the best quotes")):
        axis.set(xlabel=f"time between {what} (s)", ylabel="share that is longer", xscale="log", yscale="log")
        axis.set(xlim=(1e-4, None), ylim=(1e-4, 1.5))
    axes[4].set(xlabel="lag (market orders)", ylabel="autocorrelation of signs")
    axes[5].set(xlabel="horizon (s)", ylabel="sigma of the mid (cents / √s)", xscale="log", ylim=(0.0, None))
    for axis in axes:
        plots.plain(axis)
    made.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    return made


def table_of(title: str, found: Mapping[str, Mapping[str, float]]) -> TextTable:
    """A row for each figure, a column for each part of the day and for the simulated book."""
    columns = [Column(name, show="{:.3g}".format, wraps=True) for name in found]
    rows = [[what, *(each[what] for each in found.values())] for what in next(iter(found.values()))]
    return TextTable(f"{title} beside the recorded day", [Column("figure", "", words=True), *columns], rows)


def show(title: str, found: Mapping[str, Mapping[str, float]]) -> None:
    """The table on the console."""
    table_of(title, found).print(screen(130, fits=False))


def write(folder: Path, title: str, found: Mapping[str, Mapping[str, float]]) -> None:
    """realism.csv and realism.md in `folder`."""
    table_of(title, found).write_csv(folder / "realism.csv")
    table_of(title, found).write_markdown(folder / "realism.md")


if __name__ == "__main__":
    main()
