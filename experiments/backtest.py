"""Backtest: agents trained or estimated in a simulated market, on windows of a recorded day that nobody has seen.

python -m experiments.backtest path=LOBSTER_SampleFile_AMZN_2012-06-21_5.zip
python -m experiments.backtest path=FILE.zip 'agents=[join,outputs/train/...,{name: mine, base: glft, tuned: [k,A]}]'
python -m experiments.backtest path=FILE.zip market=amzn_replay market.venue.path=FILE.zip  # trained on the day's first part

A recorded day cannot teach learners with `branches`: they are left out of the last.
"""

# pyright: reportAttributeAccessIssue=false, reportArgumentType=false
# Venues are told apart by what they say of themselves (`happened_once`, `makes_mid`), not by their class.

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from omegaconf import DictConfig

from agents.policy import Policy, moved, play
from experiments.config.agents import agent_config, build_policies, check_acts_in, is_learner, load_run, named
from experiments.config.main import experiment, output_folder
from experiments.config.markets import build_market, recorded_market
from experiments.config.stored import run_config
from experiments.evaluation import table
from experiments.reporting.presenter import Cell, Column, TextTable, left_out, screen, small
from experiments.training.training_jobs import Training, train_all, trainings
from mm_env.bootstrap import Floats, interval
from mm_env.market import Market
from mm_env.metrics import Estimate, mean
from mm_env.resampled import Unbranchable
from mm_env.rollout import Episodes
from mm_env.venue.replay.window import InTurn

COLUMNS = {
    "objective": "objective",
    "profit": "P&L: objective without penalty",
    "lead": "lead over best strategy",
    "profit_std": "std of P&L",
    "mean_absolute_position": "mean |q|",
    "spread_captured": "spread captured",
    "fills": "fills",
    "simulated": "objective where it comes from",
}


class Candidate(NamedTuple):
    """An agent in the market that it comes from, and in the recorded one."""

    home: Market
    here: Policy
    there: Policy


@dataclass(frozen=True)
class BacktestRow:
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
    asked, unfit = asked_for(cfg, folder)
    candidates, refused = contenders(cfg, market, recorded)
    if not asked and not candidates:
        raise ValueError(
            f"agents must name at least one that the market allows, got {list(cfg.agents)}: {unfit | refused}"
        )
    if asked:
        check_acts_in("agents are", market, recorded)
    train_all(asked, cfg.jobs)
    for one in asked:
        here, there = load_run(one.folder, market), load_run(one.folder, recorded)
        candidates[f"{one.agent}, seed {one.seed}"] = Candidate(market, here, there)
    rows = [
        BacktestRow(
            name,
            each.there.learnt,
            play(recorded, each.there, windows, cfg.seed),
            at_home(each, cfg.episodes, bootstrap),
        )
        for name, each in candidates.items()
    ]
    found = figures(rows, bootstrap)
    title = f"From {cfg.title} to {windows} windows of {recorded.clock.horizon:g} s of {recorded.venue.recording.instrument}"  # pyright: ignore
    show(title, found, unfit | refused)
    write(folder, title, found)
    table.say_where(folder)
    return next(iter(found.values()))["objective"][0]


def asked_for(cfg: DictConfig, folder: Path) -> tuple[list[Training], dict[str, str]]:
    """The trainings, checked, and name -> reason for learners that a recorded day cannot teach."""
    asked: list[Training] = []
    unfit: dict[str, str] = {}
    for name, entry in named(cfg.agents).items():
        try:
            if is_learner(entry):
                asked += trainings(cfg, cfg.title, cfg.market, name, agent_config(entry)[1], folder)
        except Unbranchable as reason:
            unfit[name] = str(reason)
    return asked, unfit


def contenders(cfg: DictConfig, market: Market, recorded: Market) -> tuple[dict[str, Candidate], dict[str, str]]:
    """Strategies, with what they know of `market`, and runs that were trained before; and name -> reason for those left out."""
    entries = named(entry for entry in cfg.agents if not is_learner(entry))
    runs = {name: Path(entry) for name, entry in entries.items() if agent_config(entry)[1] is None}
    built, refused = build_policies(cfg, market, [entry for name, entry in entries.items() if name not in runs])
    found = {name: Candidate(market, policy, moved(policy, recorded)) for name, policy in built.items()}
    for name, folder in runs.items():
        home = build_market(run_config(folder))
        found[name] = Candidate(home, load_run(folder, home), load_run(folder, recorded))
    return found, refused


def at_home(candidate: Candidate, episodes: int, bootstrap: Bootstrap) -> Estimate:
    """An agent's objective where it comes from: of so many episodes, or of a recorded day over its windows end to end."""
    home, here = candidate.home, candidate.here
    if not home.venue.happened_once:
        return mean(play(home, here, episodes, bootstrap.seed).objective)
    window = InTurn(home.venue.window.begins, home.venue.window.ends)
    day = replace(home, venue=replace(home.venue, window=window))
    objective = play(day, moved(here, day), len(day.venue.starts), bootstrap.seed).objective  # pyright: ignore
    low, high = replace(bootstrap, block=min(bootstrap.block, len(objective)))(objective)
    return Estimate(float(objective.mean()), 0.5 * (high - low))


def figures(rows: Sequence[BacktestRow], bootstrap: Bootstrap) -> dict[str, dict[str, tuple[float, ...]]]:
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


def table_of(title: str, found: Mapping[str, Mapping[str, tuple[float, ...]]]) -> TextTable:
    """A row for each agent, intervals in small print."""
    lengths = {name: len(figure) for name, figure in next(iter(found.values())).items()}
    columns = [
        Column(name, heading, _cell, ("", "_low", "_high")[: lengths[name]], wraps=True)
        for name, heading in COLUMNS.items()
    ]
    rows = [
        [agent, *(row[name] if len(row[name]) > 1 else row[name][0] for name in COLUMNS)]
        for agent, row in found.items()
    ]
    return TextTable(title, [Column("agent", words=True), *columns], rows)


def show(title: str, found: Mapping[str, Mapping[str, tuple[float, ...]]], refused: Mapping[str, str]) -> None:
    """The table on the console."""
    console = screen(150)
    table_of(title, found).print(console)
    small(console, ["In brackets: 95 % intervals, of recorded windows by block bootstrap.", *left_out(refused)])


def write(folder: Path, title: str, found: Mapping[str, Mapping[str, tuple[float, ...]]]) -> None:
    """backtest.csv and backtest.md in `folder`."""
    table_of(title, found).write_csv(folder / "backtest.csv")
    table_of(title, found).write_markdown(folder / "backtest.md")


def _cell(figure: float | tuple[float, ...]) -> Cell:
    """The value and, in brackets, its interval."""
    if isinstance(figure, tuple):
        return Cell(f"{figure[0]:.3g}", (f"[{figure[1]:.3g}, {figure[2]:.3g}]",))
    return Cell(f"{figure:.3g}")


if __name__ == "__main__":
    main()
