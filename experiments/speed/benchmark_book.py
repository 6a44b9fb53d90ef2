"""How fast order books are: events and decisions per second by flow or recorded day, lanes, threads and levels."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from typing import Any, NamedTuple

import numpy as np
from omegaconf import DictConfig
from rich.console import Console

from experiments.reporting.presenter import TextTable
from mm_env.clock import Clock, Ergodic, EveryEvent, FiniteHorizon
from mm_env.envs.gym import MarketMakingVectorEnv
from mm_env.makers.competition import Competition
from mm_env.market import Market
from mm_env.markets import market_named
from mm_env.price.models import FromBook
from mm_env.quote import Touch
from mm_env.reward import InventoryPenalty
from mm_env.rollout import run_simulation
from mm_env.simulation import Simulation
from mm_env.venue.replay.replay import Replay
from mm_env.venue.replay.window import Drawn

ENDLESS = 10_000_000  # decisions: no episode ends while it is timed
WIDE = 1_024  # lanes at which levels are compared
WINDOW = 300.0  # s of a recorded day that an episode plays


class Case(NamedTuple):
    """One row: a market in so many lanes. One of a recorded day is timed by whole episodes, any other within one that is
    endless."""

    name: str
    market: Market
    lanes: int


class Speed(NamedTuple):
    """Through `MarketMakingVectorEnv.step`, per second."""

    events: float
    decisions: float


def books(console: Console, cfg: DictConfig, threads: Sequence[int]) -> list[str]:
    """Print the table of order books; its lines of CSV."""
    headings = [f"M events/s\n{n} thread{'s' * (n > 1)}" for n in threads]
    headings, rows, lines = ["book", "lanes", "events a\ndecision", *headings, "M decisions/s\nat best"], [], []
    for case in cases(cfg):
        speeds = [speed(case.market, case.lanes, n, cfg.seconds) for n in threads]
        best = max(speeds, key=lambda each: each.events)
        rates = [f"{each.events / 1e6:.2f}" for each in speeds]
        apart = f"{best.events / best.decisions:.0f}"
        rows.append([case.name, f"{case.lanes:,}", apart, *rates, f"{best.decisions / 1e6:.3f}"])
        for n, each in zip(threads, speeds, strict=True):
            lines += [f"{case.name} {what},{case.lanes},{n},{value:.0f}" for what, value in each._asdict().items()]
    TextTable.of_text(headings, rows, "order books, median of runs").print(console)
    return lines


def check_books(cfg: DictConfig) -> None:
    """Refuse a market without an order book, and a recorded day that cannot be read.

    Raises: ValueError.
    """
    for name in cfg.books:
        venue = market_named(name).venue
        if not venue.is_drawn_book:
            raise ValueError(f"books must be markets with an order book, got one with a {type(venue).__name__}")
    if cfg.replay is not None:
        _ = recorded(cfg.replay).venue.starts  # pyright: ignore[reportAttributeAccessIssue]


def cases(cfg: DictConfig) -> Iterator[Case]:
    """Each book at each number of lanes; the first one also by levels, and by makers in lanes that are makers. It and the
    recorded day also with a decision at every event."""
    for name in cfg.books:
        market = market_named(name)
        steady = deciding(market, Ergodic, cfg.events)
        yield from (Case(name, steady, lanes) for lanes in cfg.book_lanes)
    if cfg.books:
        first, name = market_named(cfg.books[0]), cfg.books[0]
        for levels in cfg.book_levels:
            deep = replace(first, venue=replace(first.venue, levels=levels))  # pyright: ignore[reportCallIssue]
            yield Case(f"{name} {levels} levels", deciding(deep, Ergodic, cfg.events), WIDE)
        yield from (Case(f"{name} every event", deciding(first, EveryEvent, 100), n) for n in cfg.book_lanes)
        steady = deciding(first, Ergodic, cfg.events)
        yield from (Case(f"{name} {n} makers a book", of_makers(steady, n), WIDE // n * n) for n in cfg.book_makers)
    if cfg.replay is not None:
        for name, market in replays(recorded(cfg.replay), cfg.events).items():
            yield from (Case(name, market, lanes) for lanes in cfg.book_lanes)


def recorded(path: str, window: float = WINDOW) -> Market:
    """All of a LOBSTER day, a `window` of so many seconds an episode, with a decision each second."""
    venue = Replay(path=path, window=Drawn(begins=0.0, ends=86_400.0), span=window)
    clock = FiniteHorizon(window, max(1, round(window)))
    return Market(price=FromBook(), venue=venue, clock=clock, quote=Touch(), reward=InventoryPenalty(phi=0.0))


def replays(day: Market, events: float) -> dict[str, Market]:
    """The recorded day with a decision after `events` messages on average, and with one at each, at the latest after ten times
    their mean distance."""
    window, messages = day.clock.horizon, day.clock.horizon * activity(day)
    clocks = {
        "replay": FiniteHorizon(window, max(1, round(messages / events))),
        "replay every event": EveryEvent(window, max(1, round(messages / 10))),
    }
    return {name: replace(day, clock=clock) for name, clock in clocks.items()}


def deciding(market: Market, clock: type[Clock], events: float) -> Market:
    """The market with a decision after `events` events on average (at the latest then, by `EveryEvent`)."""
    step = events / activity(market)
    return replace(market, clock=clock(step * ENDLESS, ENDLESS), quote=Touch())


def of_makers(market: Market, makers: int) -> Competition:
    """The market with so many makers, who all do the same."""
    return Competition(**{field.name: getattr(market, field.name) for field in fields(market)}, makers=makers)


def activity(market: Market) -> float:
    """Events / time, over the market's own episodes."""
    simulation = Simulation(replace(market, quote=Touch()), 256)
    run_simulation(simulation, lambda seen: _joining(len(seen)), 0)
    book = simulation.books
    return float(book.counts.sum() / book.time.sum())


def speed(market: Market, lanes: int, threads: int, seconds: float) -> Speed:
    """The median of five runs of about `seconds` each, both best prices being joined at every decision."""
    env = MarketMakingVectorEnv(market, lanes, threads=threads, autoreset_mode="Disabled")
    env.reset(seed=0)
    run, steps = (_episodes, market.clock.steps) if market.venue.happened_once else (_steps, 1)
    run(env, 1)  # compiles
    times = max(1, round(seconds / run(env, 1)[1]))
    runs = [run(env, times) for _ in range(5)]
    rates = [Speed(events / elapsed, lanes * steps * times / elapsed) for events, elapsed in runs]
    return Speed(*(statistics.median(column) for column in zip(*rates, strict=True)))


def _steps(env: MarketMakingVectorEnv, times: int) -> tuple[float, float]:
    """The events of so many steps, and the seconds they took."""
    actions, before = _joining(env.num_envs), env.simulation.books.counts.sum()
    start = time.perf_counter()
    for _ in range(times):
        env.step(actions)
    elapsed = time.perf_counter() - start
    return float(env.simulation.books.counts.sum() - before), elapsed


def _episodes(env: MarketMakingVectorEnv, times: int) -> tuple[float, float]:
    """The events of so many episodes, and the seconds they took, with what it takes to begin them."""
    events, elapsed = 0.0, 0.0
    for _ in range(times):
        start = time.perf_counter()
        env.reset()
        elapsed += time.perf_counter() - start
        happened, spent = _steps(env, env.simulation.market.clock.steps)
        events, elapsed = events + happened, elapsed + spent
    return events, elapsed


def _joining(lanes: int) -> Any:
    return np.full(lanes, Touch().index(np.zeros(2))[0], np.int64)
