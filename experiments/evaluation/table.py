"""The table of agents by their figures: on the console, as CSV and as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from experiments.evaluation.common_noise import Entry
from experiments.reporting.formats import HALF_WIDTH, INTERVAL, estimate
from experiments.reporting.presenter import Column, TextTable, left_out, screen, small
from mm_env.metrics import Estimate

COLUMNS = {
    "objective": "objective",
    "skill": "skill",
    "lead": "lead over best strategy",
    "profit": "P&L",
    "profit_std": "std of P&L",
    "sharpe": "Sharpe",
    "cvar_95": "CVaR 95 %",
    "mean_absolute_position": "mean |q|",
    "terminal_inventory": "final q",
    "terminal_inventory_std": "std of final q",
    "spread_captured": "spread captured",
    "fill_ratio": "fill ratio",
    "max_drawdown": "max drawdown",
}
UTILITY = {"objective": "objective (utility)", "certainty_equivalent": "certainty equivalent"}  # under CARA
OF_SOME_MARKETS = {  # columns of margins, of scheduled gaps, of hedges, and of a loan against collateral
    "closed": "probability of ruin",
    "time_to_ruin": "time to ruin",
    "time_open": "time open",
    "worst_gap": "worst gap",
    "gap_variance_share": "variance by gaps",
    "gap_inventory": "mean |q| at gaps",
    "hedging_cost": "hedging cost",
    "hedge_turnover": "hedge turnover",
    "liquidated": "probability of liquidation",
    "time_to_liquidation": "time to liquidation",
    "liquidation_loss": "liquidation loss",
    "loan_interest": "interest",
    "loan_moves": "cost of moves",
    "forgone_return": "forgone return",
    "mean_health": "mean health factor",
}
OF_CHANNELS = {
    "failed_payments": "failed payments",
    "empty": "empty",
    "full": "full",
    "rebalancing": "rebalancing",
    "rebalances": "rebalances",
    "rebalancing_cost": "rebalancing cost",
}
OF_POOLS = {
    "pool_fees": "pool fees",
    "loss_versus_rebalancing": "loss versus rebalancing",
    "impermanent_loss": "impermanent loss",
    "moving_costs": "moving costs",
    "moves": "moves",
    "time_in_range": "time in range",
}
OF_DESKS = {
    "hedging_cost": "hedging cost",
    "inventory_profit": "P&L of inventories",
    "inventory_variance_share": "variance by inventories",
    "mean_risk": "mean risk",
}
OF_BOOKS = {
    "mean_absolute_delta": "mean |delta|",
    "mean_absolute_gamma": "mean |gamma|",
    "mean_absolute_vega": "mean |vega|",
}
BESIDE = OF_SOME_MARKETS | OF_POOLS | OF_DESKS | OF_BOOKS | OF_CHANNELS  # all columns that only some markets have
OF_INSTRUMENTS = {"profit_": "P&L of ", "variance_share_": "variance by ", "internalised_": "internalised of "}
MOST = 4  # instruments of which a table says what each brought; table.csv says it of all
WIDE, COLUMN = 170, 14  # characters that all columns need, and one more
NARROW = {"lead over best strategy": "lead over\nbest\nstrategy"}


def headings(entries: Sequence[Entry]) -> dict[str, str]:
    """Column -> heading of these rows; under CARA the objective is called a utility, and its worth in money stands beside;
    where accounts may be closed the ruin, where the mid has gaps what they bring, what hedges and a loan cost, and in a desk
    what each instrument does."""
    given = {name for entry in entries for name in entry.figures}
    columns = COLUMNS | {name: heading for name, heading in BESIDE.items() if name in given}
    columns |= of_instruments(entries)
    if not any("certainty_equivalent" in entry.figures for entry in entries):
        return columns
    return {"objective": "", "certainty_equivalent": "", **columns, **UTILITY}


def of_instruments(entries: Sequence[Entry]) -> dict[str, str]:
    """Column -> heading of what each instrument of a desk brought."""
    desk = entries[0].episodes.instruments if entries else None
    names = () if desk is None else desk.names
    return {f"{figure}{name}": f"{heading}{name}" for name in names for figure, heading in OF_INSTRUMENTS.items()}


def table_of(
    title: str, entries: Sequence[Entry], skills: Mapping[str, Estimate], notes: Sequence[str] = ()
) -> TextTable:
    """A row for each agent: its figures, with a dash for the skill and the lead where there is nothing to compare with."""
    columns = [
        Column(name, heading, estimate, HALF_WIDTH, NARROW.get(heading, heading.replace(" ", "\n")))
        for name, heading in headings(entries).items()
    ]
    rows = []
    for entry in entries:
        row = {"agent": entry.name, "skill": skills.get(entry.name), "lead": entry.lead, **entry.figures}
        rows.append([row["agent"], *(row[column.name] for column in columns)])
    return TextTable(title, [Column("agent", words=True), *columns], rows, notes)


def legible(table: TextTable, entries: Sequence[Entry]) -> TextTable:
    """The table without what each instrument brought, where there are too many of them to read."""
    beside = of_instruments(entries)
    if len(beside) <= MOST * len(OF_INSTRUMENTS):
        return table
    return table.only([column.name for column in table.columns if column.name not in beside])


def show(
    title: str,
    entries: Sequence[Entry],
    skills: Mapping[str, Estimate],
    refused: Mapping[str, str],
    notes: Sequence[str] = (),
) -> None:
    """The table on the console, who was left out of it, and what is to be known of the optimum."""
    table = legible(table_of(title, entries, skills), entries)
    more = len(table.columns) - 1 - len(COLUMNS)
    console = screen(WIDE + COLUMN * more)
    fits = console.width >= WIDE + COLUMN * more
    shown = table if fits else table.only([column.name for column in table.columns[:8]])
    shown.print(console)
    small(console, [INTERVAL + " More columns are in table.md." * (not fits), *left_out(refused), *notes])


def write(
    folder: Path, title: str, entries: Sequence[Entry], skills: Mapping[str, Estimate], notes: Sequence[str] = ()
) -> None:
    """table.csv (every figure with its half-width) and table.md (with the notes below) in `folder`."""
    table = table_of(title, entries, skills, notes)
    table.write_csv(folder / "table.csv")
    legible(table, entries).write_markdown(folder / "table.md")


def say(lines: Sequence[str]) -> None:
    """Lines that concern the whole run, on the console."""
    for line in lines:
        Console(highlight=False, soft_wrap=True).print(escape(line))


def say_where(folder: Path) -> None:
    """Where the tables and plots of a run are."""
    Console(highlight=False, soft_wrap=True).print(f"Tables and plots: {near(folder)}")


def near(path: Path) -> Path:
    """The path from here if it is below."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
