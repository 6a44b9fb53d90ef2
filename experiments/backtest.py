"""What was learnt or measured in a simulated market, tried on windows of a recorded day that nobody has seen.

python -m experiments.backtest path=LOBSTER_SampleFile_AMZN_2012-06-21_5.zip
python -m experiments.backtest path=FILE.zip market=amzn_replay market.venue.path=FILE.zip  # trained on the day's first part
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from omegaconf import DictConfig
from rich import box
from rich.console import Console
from rich.table import Table

from agents.policy import play
from experiments import table
from experiments.bootstrap import Floats, interval
from experiments.school import train_all, trainings
from experiments.setup import (
    agent_config,
    build_market,
    build_policies,
    experiment,
    is_learner,
    load_run,
    output_folder,
    recorded_market,
)
from mm_env.metrics import Estimate, mean
from mm_env.rollout import Episodes

COLUMNS = {
    "objective": "objective",
    "lead": "lead over best strategy",
    "profit": "P&L",
    "profit_std": "std of P&L",
    "mean_absolute_position": "mean |q|",
    "spread_captured": "spread captured",
    "fills": "fills",
    "simulated": "objective where it comes from",
}


@dataclass(frozen=True)
class Row:
    """One agent: its recorded windows, and its objective in the market that it comes from."""

    name: str
    learnt: bool
    episodes: Episodes
    simulated: Estimate


@dataclass(frozen=True)
class Bootstrap:
    """How intervals are found: `block` windows are kept together."""

    block: int
    resamples: int
    seed: int

    def __call__(self, values: Floats) -> tuple[float, float]:
        return interval(values, self.block, self.resamples, self.seed)


@experiment("backtest")
def main(cfg: DictConfig) -> float:
    """Train, try all on the recorded windows, print and write the table; the best agent's objective there."""
    folder, market, recorded = output_folder(), build_market(cfg), recorded_market(cfg)
    windows, bootstrap = len(recorded.venue.starts), Bootstrap(cfg.block, cfg.resamples, cfg.seed)  # pyright: ignore
    bootstrap(np.zeros(windows))  # refuses a block that cannot be, before any work
    asked = [
        t for e in cfg.agents if is_learner(e) for t in trainings(cfg, cfg.title, cfg.market, *agent_config(e), folder)
    ]
    strategies = [entry for entry in cfg.agents if not is_learner(entry)]
    here, refused = build_policies(cfg, market, strategies)
    there, _ = build_policies(cfg, recorded, list(here))
    train_all(asked, cfg.jobs)
    for one in asked:
        name = f"{one.agent}, seed {one.seed}"
        here[name], there[name] = load_run(one.folder, market), load_run(one.folder, recorded)
    rows = [
        Row(
            name,
            hasattr(policy, "model"),
            play(recorded, there[name], windows, cfg.seed),
            mean(play(market, policy, cfg.episodes, cfg.seed).objective),
        )
        for name, policy in here.items()
    ]
    found = figures(rows, bootstrap)
    title = f"From {cfg.title} to {windows} windows of {recorded.clock.horizon:g} s of {recorded.venue.recording.instrument}"  # pyright: ignore
    show(title, found, refused)
    write(folder, title, found)
    table.say_where(folder)
    return next(iter(found.values()))["objective"][0]


def figures(rows: Sequence[Row], bootstrap: Bootstrap) -> dict[str, dict[str, tuple[float, ...]]]:
    """Agent -> column -> (value,) or (value, low, high), by descending objective.

    Leads are over the best of those that were not learnt, window by window.
    """
    best = max((row for row in rows if not row.learnt), key=lambda row: row.episodes.objective.mean(), default=rows[0])
    found = {}
    for row in sorted(rows, key=lambda row: -row.episodes.objective.mean()):
        e = row.episodes
        columns = {"objective": e.objective, "lead": e.objective - best.episodes.objective, "profit": e.profit}
        found[row.name] = {name: (float(x.mean()), *bootstrap(x)) for name, x in columns.items()} | {
            "profit_std": (float(e.profit.std()),),
            "mean_absolute_position": (float(e.mean_absolute_inventory.mean()),),
            "spread_captured": (float(e.spread_captured.mean()),),
            "fills": (float(e.fills.mean()),),
            "simulated": (row.simulated.value, row.simulated.value - row.simulated.half_width,
                          row.simulated.value + row.simulated.half_width),
        }  # fmt: skip
    return found


def show(title: str, found: Mapping[str, Mapping[str, tuple[float, ...]]], refused: Mapping[str, str]) -> None:
    """The table on the console."""
    console = Console(width=None if sys.stdout.isatty() else 150, highlight=False)
    made = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
    made.add_column("agent", no_wrap=True)
    for heading in COLUMNS.values():
        made.add_column(heading, justify="right")
    for name, row in found.items():
        made.add_row(name, *("\n".join(_cell(row[column])) for column in COLUMNS))
    console.print(made)
    console.print("[dim]In brackets: 95 % intervals, of recorded windows by block bootstrap.[/dim]")
    for name, reason in refused.items():
        console.print(f"[dim]{name} is left out: {reason}[/dim]")


def write(folder: Path, title: str, found: Mapping[str, Mapping[str, tuple[float, ...]]]) -> None:
    """backtest.csv and backtest.md in `folder`."""
    lines = [f"# {title}", "", f"| agent | {' | '.join(h.replace('|', chr(92) + '|') for h in COLUMNS.values())} |"]
    lines.append(f"| --- |{' ---: |' * len(COLUMNS)}")
    for name, row in found.items():
        lines.append(f"| {name} | {' | '.join(' '.join(_cell(row[column])) for column in COLUMNS)} |")
    (folder / "backtest.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    with (folder / "backtest.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        first = next(iter(found.values()))
        parts = [(column, part) for column in COLUMNS for part in range(len(first[column]))]
        writer.writerow(["agent", *(f"{column}{('', '_low', '_high')[part]}" for column, part in parts)])
        writer.writerows([name, *(row[column][part] for column, part in parts)] for name, row in found.items())


def _cell(figure: tuple[float, ...]) -> list[str]:
    """The value and, in brackets, its interval."""
    return [f"{figure[0]:.3g}", *([f"[{figure[1]:.3g}, {figure[2]:.3g}]"] if len(figure) > 1 else [])]


if __name__ == "__main__":
    main()
