"""Published numbers beside ours."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import DictConfig

from experiments.evaluation.common_noise import Entry
from experiments.reporting.formats import in_line
from experiments.reporting.presenter import Column, TextTable, screen

FIGURES = {
    "profit": "profit",
    "profit_std": "std of profit",
    "terminal_inventory": "final q",
    "terminal_inventory_std": "std of final q",
}

SHOWN = [
    Column("agent", words=True),
    *(Column(heading, wraps=True) for figure in FIGURES.values() for heading in (figure, "published")),
]
LISTED = [
    Column("agent"), Column("figure"), Column("ours"), Column("half_width"), Column("published"),
    Column("standard_errors_apart"),
]  # fmt: skip


def show_published(agents: Iterable[Any], entries: Sequence[Entry], folder: Path) -> None:
    """For each agent whose config holds `published` numbers: ours, theirs, and the distance in their standard errors.

    `published.paths` is the number of paths behind their numbers, which says how far those may be off by chance.
    """
    published = {a.name: a.published for a in agents if isinstance(a, DictConfig) and "published" in a}
    found = {entry.name: entry for entry in entries}
    if not published:
        return
    shown, listed = [], []
    for name, theirs in published.items():
        row = [name]
        for figure in FIGURES:
            ours = found[name].figures[figure]
            apart = (theirs[figure] - ours.value) / _published_error(found[name], figure, theirs.paths)
            row += [in_line(ours), f"{theirs[figure]:g} ({apart:+.1f} se)"]
            listed.append([name, figure, *ours, theirs[figure], f"{apart:.2f}"])
        shown.append(row)
    TextTable("beside the published numbers", SHOWN, shown).print(screen(150, fits=False))
    TextTable("", LISTED, listed).write_csv(folder / "published.csv")


def _published_error(entry: Entry, figure: str, paths: int) -> float:
    """The standard error of their number: ours scaled to their number of paths, and their rounding to one decimal."""
    sampling = entry.figures[figure].half_width / 1.96 * np.sqrt(len(entry.episodes) / paths)
    return float(np.hypot(sampling, 0.1 / np.sqrt(12.0)))
