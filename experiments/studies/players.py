"""Players who learned beside one another: what each earns, and how far that lies from competition towards a cartel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from agents.exact.nodes import Unsolvable
from agents.exact.optimum import optimum
from agents.exact.two_makers import TwoMakers
from agents.makers.seats import play_seats
from agents.policy import Policy
from experiments.evaluation.plots import COLORS, INK, plain
from experiments.reporting.formats import HALF_WIDTH, estimate
from experiments.reporting.presenter import Column, TextTable
from mm_env.metrics import Estimate, mean, ratio
from mm_env.rollout import Episodes

Floats = NDArray[np.float64]
Curve = list[tuple[int, list[float]]]  # lane-steps, and what each seat earned by then
_WIDEST = 2.5  # times the depth of one alone: quotes that are looked at
NOTES = (
    "Each player's objective, spread captured per fill and |inventory|, ± the half-width of a 95 % interval, all seats and "
    "seeds on the same noise.",
)
INDEX = (
    "Collusion index (Calvano, Calzolari, Denicolò & Pastorello 2020): (mean objective of the makers - competition) / "
    "(cartel - competition). Competition is the symmetric Markov-perfect equilibrium of makers who see both inventories, "
    "{competition:.6f} each; a cartel earns most for both together, {cartel:.6f} each; both exact up to a grid of {grid} "
    "depths."
)


@dataclass(frozen=True)
class Bounds:
    """What a maker earns in the symmetric equilibrium, and half of what both can earn together, price units."""

    competition: float
    cartel: float

    def index(self, objective: Estimate) -> Estimate:
        """The collusion index of a mean objective a maker: 0 in competition, 1 in a cartel."""
        span = self.cartel - self.competition
        return Estimate((objective.value - self.competition) / span, objective.half_width / span)


@dataclass(frozen=True)
class Judged:
    """What one seat of one training brought in the worlds that it was judged in."""

    seed: int
    seat: int
    player: str
    episodes: Episodes


def bounds(market: Any, grid: int) -> tuple[Bounds | None, str]:
    """Competition and cartel, exactly, on a grid of depths from 0; and what is to be said of it."""
    if not grid:
        return None, ""
    try:
        two = TwoMakers(market)
    except Unsolvable as error:
        return None, f"The collusion index is left out: {error}."
    depths = np.linspace(0.0, _WIDEST * _monopoly(market), grid)
    found = Bounds(two.equilibrium(depths).worth, 0.5 * two.cartel(depths).worth)
    if not found.cartel > found.competition:
        return (
            None,
            f"The collusion index is left out: a cartel earns no more than competition, {found.competition:.4f}.",
        )
    return found, INDEX.format(competition=found.competition, cartel=found.cartel, grid=grid)


def _monopoly(market: Any) -> float:
    """The depth of one maker alone whose inventory is neutral, at the start, price units."""
    found = optimum(replace(market, makers=1)).table().depths()
    return float(found[0, found.shape[1] // 2].mean())


def judge(
    market: Any, names: Sequence[str], policies: Sequence[Policy], training: int, worlds: int, seed: int
) -> list[Judged]:
    """What each seat's player brings."""
    played = play_seats(market, policies, worlds, seed)
    return [Judged(training, seat, name, each) for seat, (name, each) in enumerate(zip(names, played, strict=True))]


def objective(judged: Sequence[Judged]) -> Estimate:
    """The mean objective of a maker over some seats and seeds; the interval is that of the worlds."""
    return mean(_pooled(judged, "objective"))


def _figures(judged: Sequence[Judged], found: Bounds | None) -> list[Estimate]:
    """Of some seats: objective, spread a fill, |inventory| and, where competition and cartel are known, the index."""
    earned, fills = objective(judged), np.maximum(_pooled(judged, "fills"), 1e-12)
    spread, inventory = (
        ratio(_pooled(judged, "spread_captured"), fills),
        mean(_pooled(judged, "mean_absolute_inventory")),
    )
    return [earned, spread, inventory, *([found.index(earned)] if found is not None else [])]


def _pooled(judged: Sequence[Judged], name: str) -> Floats:
    """A number of each world, the mean of some seats."""
    return np.mean([getattr(one.episodes, name) for one in judged], axis=0)


def table_of(title: str, judged: Sequence[Judged], found: Bounds | None, notes: Sequence[str]) -> TextTable:
    """A row for each seat of each seed, and one for all makers of it."""
    columns = [Column(name, words=True) for name in ("seed", "seat", "player")]
    names = ["objective", "spread a fill", "|inventory|", *(["collusion index"] if found is not None else [])]
    keys = ("objective", "spread", "inventory", "collusion_index")
    columns += [Column(key, name, estimate, HALF_WIDTH) for key, name in zip(keys, names, strict=False)]
    cells = []
    for seed in dict.fromkeys(one.seed for one in judged):
        own = [one for one in judged if one.seed == seed]
        cells += [[str(seed), str(one.seat), one.player, *_figures([one], found)] for one in own]
        cells.append([str(seed), "all", "mean of a maker", *_figures(own, found)])
    return TextTable(title, columns, cells, notes)


def figure(curves: dict[int, Curve], names: Sequence[str], found: Bounds | None) -> Figure:
    """What each seat's player earns as they learn, of each seed."""
    shown = Figure(figsize=(7.2, 4.2), layout="constrained")
    axis = shown.subplots()
    for seed, curve in curves.items():
        steps, earned = [row[0] for row in curve], np.array([row[1] for row in curve])
        for seat, name in enumerate(names):
            label = f"seat {seat}: {name}" if seed == next(iter(curves)) else None
            axis.plot(steps, earned[:, seat], color=COLORS[seat % len(COLORS)], lw=1.4, alpha=0.8, label=label)
    if found is not None:
        for worth, name, style in ((found.competition, "competition", "--"), (found.cartel, "cartel", ":")):
            axis.axhline(worth, color=INK, lw=1.0, ls=style, label=name)
    axis.set_xlabel("lane-steps of a learner")
    axis.set_ylabel("objective (price units)")
    plain(axis)
    shown.legend(loc="outside lower center", ncols=4, frameon=False, fontsize=8)
    return shown
