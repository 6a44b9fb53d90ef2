"""Cascades among dealers that hold alike and owe each other: how likely and how large, by leverage and overlap.

python -m experiments.cascade
python -m experiments.cascade network=core_periphery sale_impact=square_root sale_impact.scale=[0.05]
python -m experiments.cascade deleveraging=leverage_target steps=1
"""

from __future__ import annotations

import numpy as np
from omegaconf import DictConfig, OmegaConf

from experiments.config.main import experiment, output_folder
from experiments.config.markets import build
from experiments.evaluation import plots, table
from experiments.studies.cascade import Grid, System
from experiments.studies.cascade_report import figures, show, write


@experiment("cascade")
def main(cfg: DictConfig) -> float:
    """Print the table, write it and the figures; the mean over the grid of the probability of a cascade."""
    system, grid, folder = system_of(cfg), grid_of(cfg), output_folder()
    rows = list(grid.rows(system))
    title = f"{cfg.title}, {cfg.scenarios:,} scenarios of each of {cfg.seeds} seeds"
    show(title, rows)
    write(folder, title, rows)
    plots.save(folder, dict(figures(system, rows)))
    table.say_where(folder)
    return float(np.mean([row.cascades.probability.value for row in rows]))


def system_of(cfg: DictConfig) -> System:
    """The dealers that a config describes."""
    parts = {name: build(cfg[name]) for name in ("network", "deleveraging", "sale_impact")}
    return System(**parts, **{name: cfg[name] for name in ("equity", "sigma", "correlation", "alpha", "beta")})


def grid_of(cfg: DictConfig) -> Grid:
    """What a config asks of them. Raises: ValueError for a number that cannot be."""
    leverage, overlap = (
        tuple(cfg[name]) if OmegaConf.is_list(cfg[name]) else (cfg[name],) for name in ("leverage", "overlap")
    )
    return Grid(leverage, overlap, cfg.seeds, cfg.scenarios, cfg.at_least, cfg.steps, cfg.seed)


if __name__ == "__main__":
    main()
