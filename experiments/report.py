"""Any set of runs as one page: agents on markets over their seeds, learning curves, quotes, episodes, and what failed.

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

from experiments.benchmarks import Benchmarks
from experiments.reporting import page
from experiments.reporting.replay import Replay, replay
from experiments.reporting.runs import find, strategies
from experiments.reporting.scores import MOST
from experiments.reporting.sections import sections
from experiments.reporting.statistics import RESAMPLES
from experiments.reporting.study import Study, study
from experiments.table import near


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page; 0, or 1 with one line on what is wrong with the arguments."""
    asked = _parser().parse_args(arguments)
    try:
        folder = report(asked.paths, asked.to, asked.title, asked.episodes, asked.resamples, asked.seed)
    except ValueError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    Console(highlight=False, soft_wrap=True).print(f"Report: {near((folder / page.PAGE).resolve())}")
    return 0


def report(
    paths: Sequence[Path], to: Path, title: str, episodes: int, resamples: int = RESAMPLES, seed: int = 0
) -> Path:
    """Read the runs in and below `paths` and write their report to the folder `to`, which is returned.

    Raises: ValueError if a path is no folder, or there is no run in any.
    """
    runs = find(paths)
    if not runs:
        raise ValueError(f"PATH must hold a run, got {', '.join(map(str, paths))}")
    found = study(runs, strategies(runs, paths), resamples, seed)
    pairs = [(agent, market) for agent in found.agents for market in found.markets if found.of(agent, market)]
    again = replays(found, pairs, episodes) if episodes else []
    words = f"{len(runs)} runs, {len(found.runs)} of them finished: {len(found.agents)} agents on {len(found.markets)} markets."
    page.write(to, title, words, list(sections(found, again, len(pairs) if episodes else 0)), found)
    return to


def replays(found: Study, pairs: Sequence[tuple[str, str]], episodes: int) -> list[Replay]:
    """The first agents on every market once more, `episodes` episodes a seed."""
    solved: dict[str, Benchmarks] = {}
    first = [(agent, market) for agent, market in pairs if agent in found.agents[:MOST]]
    bar = tqdm(first, desc="playing again", unit="agent", leave=False, delay=1.0)
    played = [replay(found.of(agent, market), episodes, solved) for agent, market in bar]
    return [each for each in played if each is not None]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m experiments.report", description=(__doc__ or "").splitlines()[0])
    now = datetime.now().strftime("%Y%m%d-%H%M%S")
    parser.add_argument(
        "paths", metavar="PATH", nargs="+", type=Path, help="folders of runs, or folders that hold some"
    )
    parser.add_argument("--to", type=Path, default=Path("outputs/report") / now, help="folder to write (%(default)s)")
    parser.add_argument("--title", default="Market makers compared", help="of the page (%(default)s)")
    parser.add_argument("--episodes", type=int, default=200, help="played again with each model; 0: none (%(default)s)")
    parser.add_argument("--resamples", type=int, default=RESAMPLES, help="of the bootstrap (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the bootstrap (%(default)s)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
