"""Conditional probabilities in an order book (Cont, Stoikov & Talreja 2010): simulated by the kernel, exact, as printed.

python -m experiments.compare experiment=cont_stoikov_talreja_2010
"""

# pyright: reportAttributeAccessIssue=false, reportArgumentType=false
# Venues are told apart by what they say of themselves (`happened_once`, `makes_mid`), not by their class.

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from omegaconf import DictConfig
from rich.console import Console

from agents.exact.cont_stoikov_talreja import PoissonBook
from experiments.evaluation import plots, table
from experiments.reporting.presenter import Cell, Column, TextTable, screen
from mm_env.clock import EveryQuoteChange
from mm_env.market import Market
from mm_env.quote import NOWHERE, Unbounded
from mm_env.simulation import Simulation
from mm_env.venue.order_book.ladder import ASK, BID
from mm_env.venue.order_book.poisson import ContStoikovTalreja

Floats = NDArray[np.float64]
QUEUES = 5
TITLES = {
    "up": "Table 3: P[the mid's next move is up]",
    "bid": "Table 4, as its caption says: P[our bid is executed before the mid moves]",
    "both": "Table 5: P[our bid and our ask are both executed before the mid moves]",
}

ENTRIES = [Column(name) for name in ("table", "b", "a", "simulated", "standard_error", "exact", "printed")]


def compare_probabilities(cfg: DictConfig, market: Market, folder: Path) -> float:
    """Print the tables and write them, and draw the steady-state book; how many standard errors the furthest entry is off."""
    exact, worst = exact_probabilities(market), 0.0
    entries = []
    for name, title in TITLES.items():
        simulated = simulated_probabilities(market, name, cfg.chances.lanes, cfg.seed)
        error = np.sqrt(exact[name] * (1.0 - exact[name]) / cfg.chances.lanes)
        worst = max(worst, float(np.abs((simulated - exact[name]) / error).max()))
        printed = np.array(cfg.chances.published[name]) if name in cfg.chances.published else None
        table_of(title, simulated, exact[name], printed).print(screen(110, fits=False))
        for b, a in np.ndindex(QUEUES, QUEUES):
            theirs = "" if printed is None else printed[b, a]
            entries.append([name, b + 1, a + 1, simulated[b, a], error[b, a], exact[name][b, a], theirs])
    TextTable("", ENTRIES, entries).write_csv(folder / "chances.csv")
    plots.save(folder, {"profile": profile_figure(steady_profile(market, cfg.chances.books, cfg.seed))})
    console = Console(highlight=False)
    console.print(
        f"The furthest of the {3 * QUEUES**2} simulated entries is {worst:.1f} standard errors from the exact one."
    )
    table.say_where(folder)
    return worst


def exact_probabilities(market: Market) -> dict[str, Floats]:
    """Table -> (5, 5) by orders at the best bid and ask, one tick apart."""
    flow = _poisson(market)
    book = PoissonBook(flow.arrival, flow.cancellation, float(flow.taking))
    return {"up": book.next_move_up(), "bid": book.bid_executed(), "both": book.both_executed()}


def simulated_probabilities(market: Market, name: str, lanes: int, seed: int) -> Floats:
    """As `exact_probabilities`, the share of `lanes` books in which it happens, from the kernel that environments run.

    Our orders, where there are any, are the last of the b and of the a.
    """
    flow = _poisson(market)
    still = replace(
        market, clock=EveryQuoteChange(horizon=1e6, steps=1), quote=Unbounded(), initial_inventory=0.0, order_size=1.0,
        venue=replace(market.venue, warm_up=0.0, levels=len(flow.arrival), observed=1),
    )  # fmt: skip
    simulation, found = Simulation(still, lanes), np.empty((QUEUES, QUEUES))
    ours = np.array([name != "up", name == "both"])
    for b, a in np.ndindex(QUEUES, QUEUES):
        simulation.start(seed + QUEUES * b + a)
        books, start = put_queues(simulation, np.array([b + 1, a + 1]) - ours), simulation.state.mid
        touch = 0.5 * market.venue.tick * (books.best[0, ASK] - books.best[0, BID])  # pyright: ignore
        simulation.step(np.tile(np.where(ours, touch, NOWHERE), lanes))
        filled = simulation.books.filled > 0
        happened = filled.all(axis=1) if name == "both" else filled[:, BID]
        found[b, a] = np.mean(simulation.state.mid > start if name == "up" else happened)
    return found


def put_queues(simulation: Simulation, queues: NDArray[np.int64]) -> Any:
    """Put that many lots of others' (bid, ask) at the best prices of every lane's book: the books."""
    saved = simulation.save()
    books = saved["memory"][0]
    for side in (BID, ASK):
        slot = books["best"][:, side] & (books["volume"].shape[1] - 1)
        books["volume"][np.arange(len(books)), slot] = queues[side]
    simulation.restore(saved)
    return books


def steady_profile(market: Market, books: int, seed: int) -> Floats:
    """The mean number of lots by distance 1, 2, ... from the other side's best price, (levels,), over both sides."""
    simulation = Simulation(market, books)
    simulation.start(seed)
    found, levels = simulation.books, int(market.venue.levels)  # pyright: ignore
    total, lanes = np.zeros(levels), np.arange(books)
    for side in (BID, ASK):
        for distance in range(1, levels + 1):
            price = found.best[:, 1 - side] + (2 * side - 1) * distance
            total[distance - 1] += 0.5 * found.volume[lanes, price & (found.volume.shape[1] - 1)].mean()
    return total


def profile_figure(profile: Floats) -> Figure:
    """Lots by distance from the other side's best price."""
    figure = Figure(figsize=(6.0, 3.6), layout="constrained")
    axis = figure.subplots()
    axis.bar(np.arange(1, len(profile) + 1), profile, color=plots.BID, width=0.8)
    axis.set(xlabel="distance from the other side's best price (ticks)", ylabel="lots, on average")
    axis.set_title("The book in its steady state", color=plots.INK)
    plots.plain(axis)
    return figure


def _poisson(market: Market) -> ContStoikovTalreja:
    flow = market.venue.flow if market.venue.is_drawn_book else None
    if not isinstance(flow, ContStoikovTalreja):
        raise ValueError(f"chances needs a Book whose flow is ContStoikovTalreja, got {market.venue}")
    return flow


def table_of(title: str, simulated: Floats, exact: Floats, printed: Floats | None) -> TextTable:
    """A table by orders at the best bid b (down) and at the best ask a (across); exact and printed figures in small print."""
    rows = []
    for b in range(QUEUES):
        behind = [(f"{exact[b, a]:.4f} exact",) for a in range(QUEUES)]
        if printed is not None:
            behind = [(*each, f"{printed[b, a]:.3f} printed") for a, each in enumerate(behind)]
        rows.append([str(b + 1), *(Cell(f"{simulated[b, a]:.4f}", behind[a]) for a in range(QUEUES))])
    across = [Column(f"a = {a + 1}", show=lambda cell: cell) for a in range(QUEUES)]
    return TextTable(f"{title}; b at the bid, a at the ask", [Column("b", words=True), *across], rows)
