"""Speeds beside the stored ones: ratios within one run, so that another machine, or a busy one, gives the same.

python -m experiments.benchmark_check            # exit code 1 where one has lost more than its share
python -m experiments.benchmark_check make=true  # measures them anew and writes the file
python -m experiments.benchmark_check share=0.2 lean_lanes=[1024]
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from omegaconf import DictConfig
from rich.console import Console

from experiments.config.main import experiment
from experiments.reporting.presenter import TextTable
from experiments.speed.baseline import FILE, Kept, beside, kept, measured
from experiments.speed.benchmark_lean import RUNS


@experiment("benchmark_check")
def main(cfg: DictConfig) -> float:
    """Print each ratio beside the stored one; the smallest of their quotients. Ends with 1 where one is too small."""
    check(cfg)
    console = Console(width=None if sys.stdout.isatty() else 100, highlight=False)
    ratios = measured(list(cfg.lean_lanes), cfg.seconds)
    if cfg.make:
        Path(FILE).write_text(json.dumps(Kept(ratios, cfg.seconds)._asdict(), indent=1) + "\n", encoding="utf-8")
        console.print(f"written: {FILE}")
        return 1.0
    rows = beside(kept().ratios, ratios, cfg.share)
    title = f"how many times as fast as a lean numpy step of the same market, median of {RUNS} pairs"
    told = [[row.name, f"{row.was:.2f}", f"{row.now:.2f}", f"{row.share:.2f}", row.verdict] for row in rows]
    TextTable.of_text(["lanes", "stored", "now", "share", ""], told, title).print(console)
    if lost := [row.name for row in rows if row.verdict]:
        raise SystemExit(f"error: {', '.join(lost)} lanes: more than {cfg.share:.0%} of the stored speed is lost")
    return min(row.share for row in rows)


def check(cfg: Any) -> None:
    """Refuse options that are none. Raises: ValueError."""
    if not 0.0 < cfg.share < 1.0:
        raise ValueError(f"share must lie in (0, 1), got {cfg.share}")
    if not cfg.lean_lanes:
        raise ValueError("lean_lanes must name numbers of lanes, got none")
    if cfg.make and set(map(str, cfg.lean_lanes)) < set(kept().ratios if Path(FILE).is_file() else ()):
        raise ValueError(f"make=true must measure all lanes of {FILE}, got lean_lanes={list(cfg.lean_lanes)}")


if __name__ == "__main__":
    main()
