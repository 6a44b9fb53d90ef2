"""The report of any set of runs: agents on markets over their seeds, learning curves, quotes, episodes, and what failed.

python -m experiments.report outputs/train
python -m experiments.report outputs/train/20261123-101500 outputs/compare/20261123-143000_seed1 --to report
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from rich.console import Console
from tqdm import tqdm

from experiments.evaluation.table import near
from experiments.reporting import page
from experiments.reporting.reruns import reruns
from experiments.reporting.runs import find, strategies
from experiments.reporting.scores import MOST
from experiments.reporting.sections import sections
from experiments.reporting.statistics import RESAMPLES
from experiments.reporting.study import study
from experiments.runs import program
from experiments.runs.jobs import fresh
from mm_env.core.parameters import Interval, check


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page; 0, or 1 with one line on what is wrong with the arguments."""
    asked = _parser().parse_args(arguments)
    try:
        folder = report(asked.paths, asked.to, asked.title, asked.episodes, asked.resamples, asked.seed)
    except (ValueError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    Console(highlight=False, soft_wrap=True).print(f"Report: {near((folder / page.PAGE).resolve())}")
    return 0


def report(
    paths: Sequence[Path], to: Path | None, title: str, episodes: int, resamples: int = RESAMPLES, seed: int = 0
) -> Path:
    """Read the runs in and below `paths` and write their report to the folder `to`, which is returned.

    Where `to` is None it is a new folder in outputs/report, by the time.

    Raises: ValueError if a path is no folder, there is no run in any, or a number is out of range.
    """
    for name, number, least in (("episodes", episodes, 0), ("resamples", resamples, 1), ("seed", seed, 0)):
        check(name, number, Interval(least, whole=True))
    runs = find(paths)
    if not runs:
        raise ValueError(f"PATH must hold a run, got {', '.join(map(str, paths))}")
    found = study(runs, strategies(runs, paths), resamples, seed)
    pairs = [(agent, market) for market in found.markets for agent in found.on(market)[:MOST] if episodes]
    bar = tqdm(pairs, desc="playing again", unit="agent", leave=False, delay=1.0)
    again, refused = reruns(bar, found.of, episodes)
    words = (
        f"Runs: {len(runs)}, of which {len(found.runs)} are in the figures. "
        f"Agents: {len(found.agents)}. Markets: {len(found.markets)}."
    )
    to = to or fresh(Path("outputs/report") / datetime.now().strftime("%Y%m%d-%H%M%S"))
    page.write(to, title, words, list(sections(found, again, refused)), found)
    return to


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m experiments.report", description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "paths", metavar="PATH", nargs="+", type=Path, help="folders of runs, or folders that hold some"
    )
    parser.add_argument("--to", type=Path, help="folder to write (outputs/report/TIME)")
    parser.add_argument("--title", default="Market makers compared", help="of the page (%(default)s)")
    parser.add_argument("--episodes", type=int, default=200, help="played again with each model; 0: none (%(default)s)")
    parser.add_argument("--resamples", type=int, default=RESAMPLES, help="of the bootstrap (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the bootstrap (%(default)s)")
    return parser


if __name__ == "__main__":
    sys.exit(program.run(main))
