"""Published numbers beside ours."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import DictConfig
from rich import box
from rich.console import Console
from rich.table import Table

from experiments.evaluation.common_noise import Entry
from experiments.evaluation.table import error, number

FIGURES = {
    "profit": "profit",
    "profit_std": "std of profit",
    "terminal_inventory": "final q",
    "terminal_inventory_std": "std of final q",
}


def show_published(agents: Iterable[Any], entries: Sequence[Entry], folder: Path) -> None:
    """For each agent whose config holds `published` numbers: ours, theirs, and the distance in their standard errors.

    `published.paths` is the number of paths behind their numbers, which says how far those may be off by chance.
    """
    published = {a.name: a.published for a in agents if isinstance(a, DictConfig) and "published" in a}
    found = {entry.name: entry for entry in entries}
    if not published:
        return
    table = Table(title="beside the published numbers", box=box.SIMPLE_HEAD, title_justify="left")
    table.add_column("agent", no_wrap=True)
    lines = ["agent,figure,ours,half_width,published,standard_errors_apart"]
    for heading in FIGURES.values():
        table.add_column(heading, justify="right")
        table.add_column("published", justify="right")
    for name, theirs in published.items():
        row = [name]
        for figure in FIGURES:
            ours = found[name].figures[figure]
            apart = (theirs[figure] - ours.value) / _published_error(found[name], figure, theirs.paths)
            row += [f"{number(ours)} {error(ours)}", f"{theirs[figure]:g} ({apart:+.1f} se)"]
            lines.append(f"{name},{figure},{ours.value!r},{ours.half_width!r},{theirs[figure]},{apart:.2f}")
        table.add_row(*row)
    Console(width=150, highlight=False).print(table)
    (folder / "published.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _published_error(entry: Entry, figure: str, paths: int) -> float:
    """The standard error of their number: ours scaled to their number of paths, and their rounding to one decimal."""
    sampling = entry.figures[figure].half_width / 1.96 * np.sqrt(len(entry.episodes) / paths)
    return float(np.hypot(sampling, 0.1 / np.sqrt(12.0)))
