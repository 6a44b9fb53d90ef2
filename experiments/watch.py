"""A live view of trainings in the terminal: steps, speed, skill, curves, losses and what is left, from their folders alone.

python -m experiments.watch outputs/train
python -m experiments.watch outputs/train/20261123-101500_seed0 --every 5
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from experiments.reporting.formats import in_line
from experiments.runs import program
from experiments.training.following import Followed, followed, sparkline
from mm_env.core.parameters import Interval, check
from mm_env.metrics import Estimate


def main(arguments: Sequence[str] | None = None) -> int:
    """Show the trainings until they are over; 0, or 1 with one line on what is wrong with the arguments."""
    asked = _parser().parse_args(arguments)
    try:
        check("--every", asked.every, Interval(0.1))
        runs = followed(asked.paths)
        if not runs:
            raise ValueError(f"PATH must hold a training, got {', '.join(map(str, asked.paths))}")
    except ValueError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    console = Console(highlight=False)
    watch = _on_screen if console.is_terminal else _in_lines
    watch(runs, asked.every, asked.once, console)
    return 0


def _on_screen(runs: Sequence[Followed], every: float, once: bool, console: Console) -> None:
    """One picture that changes in its place."""
    with Live(console=console, auto_refresh=False) as live:
        while True:
            over = _look(runs)
            live.update(picture(runs), refresh=True)
            if once or over:
                return
            time.sleep(every)


def _in_lines(runs: Sequence[Followed], every: float, once: bool, console: Console) -> None:
    """A line for each training whenever it has a new evaluation, and when it is over."""
    said: dict[Path, tuple[int, str]] = {}
    while True:
        over = _look(runs)
        for run in runs:
            if said.get(run.folder) != (news := (len(run.values), run.status)):
                console.print(line(run), soft_wrap=True, markup=False)
                said[run.folder] = news
        if once or over:
            return
        time.sleep(every)


def _look(runs: Sequence[Followed]) -> bool:
    for run in runs:
        run.look()
    return all(run.is_over for run in runs)


def line(run: Followed) -> str:
    """A training in one line of text."""
    parts = [run.name, f"{run.steps:,} of {run.total:,} steps", speed(run), f"{run.measure} {score(run)}", left(run)]
    parts += [f"{name} {value:.4g}" for name, value in list(run.losses.items())[:3]]
    return "; ".join([*filter(None, parts), run.status + (f": {run.error}" if run.error else "")])


def picture(runs: Sequence[Followed]) -> RenderableType:
    """One training in full, or several as a table."""
    return _panel(runs[0]) if len(runs) == 1 else _table(runs)


def _panel(run: Followed) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    table.add_row("trained", f"{run.steps:,} of {run.total:,} steps")
    table.add_row("", ProgressBar(max(run.total, 1), min(run.steps, run.total), width=40))
    for name, text in (("speed", speed(run)), ("left", left(run)), (run.measure, score(run))):
        table.add_row(name, text or "—")
    table.add_row(f"{run.measure} by evaluation", sparkline(run.values) or "—")
    if run.reward:
        table.add_row("return of training episodes", f"{sparkline(run.reward)} {run.reward[-1]:.4g}")
    for name, value in run.losses.items():
        table.add_row(name.replace("_", " "), f"{value:.4g}")
    state = Text(run.status + (f": {run.error}" if run.error else ""))
    return Panel(Group(table, state), title=Text(run.name), expand=False)


def _table(runs: Sequence[Followed]) -> Table:
    table = Table()
    for heading in ("training", "steps", "steps/s", "left", "score", "by evaluation", "status"):
        table.add_column(heading, justify="right" if heading in ("steps", "steps/s", "left") else "left")
    for run in runs:
        done = f"{run.steps / max(run.total, 1):.0%}"
        cells = (run.name, done, speed(run), left(run), f"{run.measure} {score(run)}", sparkline(run.values, 20))
        table.add_row(*map(Text, cells), Text(run.status))
    return table


def speed(run: Followed) -> str:
    """Its steps a second."""
    return f"{run.rate:,.0f} steps/s" if run.rate else ""


def left(run: Followed) -> str:
    """The time that is left."""
    if run.left is None:
        return ""
    minutes, seconds = divmod(round(run.left), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d} left"


def score(run: Followed) -> str:
    """Its latest evaluation, with its interval where it has one; a skill is exact."""
    if not run.values:
        return "—"
    width = run.half_width
    return in_line(Estimate(run.values[-1], 0.0 if width is None else width)) + (
        " (exact)" if run.measure == "skill" else ""
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m experiments.watch", description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "paths", metavar="PATH", nargs="+", type=Path, help="folders of trainings, or folders that hold some"
    )
    parser.add_argument("--every", type=float, default=1.0, help="seconds between two looks (%(default)s)")
    parser.add_argument("--once", action="store_true", help="look once")
    return parser


if __name__ == "__main__":
    sys.exit(program.run(main))
