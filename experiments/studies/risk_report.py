"""The sections of a risk report, in order: words, tables and pictures, in no markup yet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from experiments.evaluation.skill_references import OPTIMUM
from experiments.reporting.formats import HALF_WIDTH, INTERVAL, estimate, in_line, number
from experiments.reporting.presenter import Cell, Column, TextTable
from experiments.reporting.sections import Section
from experiments.studies.risk import LEVELS, Part, Portrait, Share
from experiments.studies.risk_pictures import by_scenario, distribution, worst
from experiments.studies.stress import Battery, StressRow
from experiments.studies.stress_report import table_of
from mm_env.metrics import deviation, mean


def _share(found: Share) -> Cell:
    return Cell(f"{100.0 * found.value:.2f} %", (f"[{100.0 * found.low:.2f}, {100.0 * found.high:.2f}]",))


def _plain(value: float) -> str:
    return "—" if np.isnan(value) else f"{value:.3g}"


def _figure(name: str, heading: str | None = None) -> Column:
    return Column(name, heading, estimate, HALF_WIDTH)


def words(market: Any, battery: Battery, capital: float) -> str:
    """What the page is of."""
    return (
        f"{battery.episodes:,} episodes of seed {battery.seed}, in which all agents meet the same noise, calm and stressed. "
        f"Money in price units, profits: the more negative, the worse. Ruined is whose account was closed, or who lost "
        f"{capital:.4g} from the peak. {INTERVAL}"
    )


def sections(
    market: Any, found: Mapping[str, Portrait], rows: Sequence[StressRow], capital: float, notes: Sequence[str]
) -> Iterator[Section]:
    """The whole page."""
    yield summary(found, rows, capital)
    yield decomposition(found)
    yield exposures(found)
    yield liquidity(market, found)
    yield scenarios(found, rows)
    yield worst_episodes(found)
    yield beside_optimum(found)
    if notes:
        rows_of = [note.split(" is left out: ", 1) for note in notes]
        table = TextTable.of_text(["what", "why"], rows_of)
        yield Section("not-shown", "Left out", "Agents and scenarios that this market does not allow.", table)


def summary(found: Mapping[str, Portrait], rows: Sequence[StressRow], capital: float) -> Section:
    """Profit, its tails, drawdowns and ruin."""
    tails = [
        _figure(f"{name}_{level * 100:.0f}", f"{label} {level:.0%}")
        for level in LEVELS for name, label in (("var", "VaR"), ("cvar", "CVaR"))
    ]  # fmt: skip
    columns = [
        Column("agent", words=True), _figure("profit"), _figure("profit_std", "std"), *tails, _figure("drawdown"),
        Column("ruined", show=_share, parts=("", "_low", "_high")), Column("worst", "worst", _plain),
        _figure("gap_loss", "gap loss"),
    ]  # fmt: skip
    gaps = {row.agent: row.change for row in rows if row.scenario == "gap"}
    values = [[name, *_summary(each, capital), gaps.get(name)] for name, each in found.items()]
    said = (
        "VaR is the quantile, CVaR the mean of what lies below it. The interval of VaR is between order statistics, that of "
        "CVaR by its influence function, and that of ruin Wilson's, in percent. Gap loss: what a gap of the scenario of that "
        "name, against the position, changes the mean profit by."
    )
    return Section(
        "risk_summary", "Profit and its tails", said, TextTable("", columns, values), {"": [distribution(found)]}
    )


def _summary(each: Portrait, capital: float) -> list[Any]:
    profit = each.episodes.profit
    tails = [tail for level in LEVELS for tail in each.tails[level]]
    ends = [mean(each.episodes.drawdown), each.ruin(capital), float(profit.min())]
    return [mean(profit), deviation(profit), *tails, *ends]


def decomposition(found: Mapping[str, Portrait]) -> Section:
    """What the profit is made of."""
    cells = {(part.name, name): _part(part) for name, each in found.items() for part in each.parts()}
    said = (
        "The terms sum to the profit in every episode, and their shares in brackets to its variance: Cov[term, profit] / "
        "Var[profit]."
    )
    return Section("risk_parts", "What makes the profit", said, across("part", cells))


def _part(part: Part) -> str:
    share = 100.0 * part.variance.value
    return f"{in_line(part.brings)} ({share:.0f} %)" if np.isfinite(share) else in_line(part.brings)


def exposures(found: Mapping[str, Portrait]) -> Section:
    """Delta, and what moves of the factors change."""
    cells: dict[tuple[str, str], str] = {}
    for name, each in found.items():
        held = mean(np.abs(each.watched.exposure[1:]).mean(axis=0))
        cells["mean |delta|", name] = in_line(held)
        cells["slope on the mid", name] = in_line(each.delta())
        for of in each.sensitivities:
            cells[of.factor, name] = f"{in_line(of.profit)} (CVaR {number(of.tail)})"
    said = (
        "Delta, units, is the inventory and what hedges move with the mid; the slope is that of the profit on the mid's move "
        "over an episode. Of the other factors it is the change of the mean profit, and of CVaR at 95 %, by a move of that "
        "size through the whole episode, on the same noise: the first is the vega of what is held and quoted."
    )
    return Section("risk_factors", "Exposure by factor", said, across("factor", cells))


def across(heading: str, cells: Mapping[tuple[str, str], str]) -> TextTable:
    """A table of cells by (row, agent), with a column for each agent."""
    rows, agents = (list(dict.fromkeys(key[i] for key in cells)) for i in (0, 1))
    texts = [[row, *(cells.get((row, agent), "—") for agent in agents)] for row in rows]
    return TextTable.of_text([heading, *agents], texts)


def liquidity(market: Any, found: Mapping[str, Portrait]) -> Section:
    """Margin use, and the time to close."""
    columns = [Column("agent", words=True), *(
        Column(name, heading, _plain) for name, heading in (
            ("margin_mean", "margin use, mean"), ("margin_99", "margin use, 99%"), ("close_mean", "time to close, mean"),
            ("close_99", "time to close, 99%"), ("close_share", "99%, of the horizon"),
        )
    )]  # fmt: skip
    values = []
    for name, each in found.items():
        use = each.watched.margin
        used = (
            [float("nan")] * 2
            if use is None
            else [float(use[1:].mean()), float(np.quantile(use[1:].max(axis=0), 0.99))]
        )
        usual, most = each.time_to_close(market)
        values.append([name, *used, usual, most, most / market.clock.horizon])
    said = (
        "Margin use is the position over the largest with which the account would still be open (1: it is closed); a dash "
        "where no margin is asked for. Time to close is how long the clients who came took to trade a position away, in the "
        "market's unit of time: of the mean position, and of that which 99 of 100 are smaller than."
    )
    return Section("risk_liquidity", "Margin and liquidity", said, TextTable("", columns, values))


def scenarios(found: Mapping[str, Portrait], rows: Sequence[StressRow]) -> Section:
    """Scenarios by loss."""
    by = {(row.scenario, row.agent): row for row in rows}
    names = dict.fromkeys(row.scenario for row in rows)
    cells = {(scenario, agent): _stressed(by[scenario, agent]) for scenario in names for agent in found}
    said = (
        "CVaR at 95 % of the profit under each scenario, the costliest first, with the change of the mean profit, paired by "
        "episode, and who was ruined; of a gap each episode meets the way that costs it more. risk_scenarios.csv has the rest."
    )
    return Section("risk_scenarios", "Scenarios by loss", said, across("scenario", cells), {"": [by_scenario(rows)]})


def _stressed(row: StressRow) -> str:
    ruined = f", ruined {100.0 * row.ruined:.3g} %" if row.ruined else ""
    return f"{number(row.tail)} (mean {number(row.change)}{ruined})"


def worst_episodes(found: Mapping[str, Portrait]) -> Section:
    """The episodes that brought least, as pictures."""
    pictures = [worst(name, each) for name, each in found.items()]
    said = (
        "The episode that brought least: the mid and what was quoted around it (in a pool, the ends of the range; in "
        "an order book it is not drawn), the "
        "inventory and the profit, step by step."
    )
    return Section("risk_worst", "Worst episodes", said, None, {"": pictures})


def beside_optimum(found: Mapping[str, Portrait]) -> Section:
    """What the exact optimum would have brought on the noise of the worst episodes."""
    title = "What the optimum would have lost"
    if OPTIMUM not in found:
        return Section("risk_optimum", title, "No exact optimum played: the market has none, or it was not asked for.")
    best = found[OPTIMUM].episodes.profit
    columns = [
        Column("agent", words=True), Column("worst", "worst episode", _plain), Column("optimum_there", "optimum there", _plain),
        _figure("worst_5", "worst 5%"), _figure("optimum_worst_5", "optimum there "), _figure("avoided"),
    ]  # fmt: skip
    values = []
    for name, each in found.items():
        profit = each.episodes.profit
        tail = np.argsort(profit, kind="stable")[: max(len(profit) // 20, 2)]
        lost, instead = profit[tail], best[tail]
        at = int(each.worst[0])
        values.append([name, float(profit[at]), float(best[at]), mean(lost), mean(instead), mean(instead - lost)])
    said = (
        "The same episodes, played by the exact optimum of the calm market: in the worst one of each agent, and on average "
        "over its worst 5 %, with what of the loss it would have avoided. What is left is the market's, not the agent's."
    )
    return Section("risk_optimum", title, said, TextTable("", columns, values))


def write_tables(
    folder: Path, found: Mapping[str, Portrait], sections: Sequence[Section], rows: Sequence[StressRow]
) -> None:
    """The figures as CSV in `folder`, a line for each agent and part, factor or scenario."""
    for section in sections:
        if section.table is not None and section.anchor in ("risk_summary", "risk_liquidity", "risk_optimum"):
            section.table.write_csv(folder / f"{section.anchor}.csv")
    parts = [[name, *part] for name, each in found.items() for part in each.parts()]
    columns = [Column("agent"), Column("part"), _figure("brings"), _figure("variance_share")]
    TextTable("", columns, parts).write_csv(folder / "risk_parts.csv")
    moves = [[name, *of] for name, each in found.items() for of in each.sensitivities]
    columns = [Column("agent"), Column("factor"), _figure("profit"), _figure("cvar_95")]
    TextTable("", columns, moves).write_csv(folder / "risk_factors.csv")
    table_of("", rows, 0.0).write_csv(folder / "risk_scenarios.csv")
