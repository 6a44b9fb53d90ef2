"""The report of a calibration: on the console, table.md and report.md."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path

from experiments.calibration.calibration import Calibration
from experiments.calibration.estimate import EstimateRow
from experiments.calibration.words import remarks
from experiments.evaluation.table import WIDE
from experiments.reporting.formats import error, number
from experiments.reporting.presenter import Column, TextTable, screen, small
from mm_env.metrics import Estimate

MAIN = {  # (section, estimate) that everyone wants to see
    ("read", "share of time locked or crossed"), ("sigma", "of the market"), ("sigma", "over 1 s"), ("sigma", "over 60 s"),
    ("jumps", "realised variance"), ("jumps", "bipower variance"),
    ("jumps", "share of jumps, 1 - bipower / realised"), ("jumps", "p value of no jumps"), ("jumps", "jumps told one by one"),
    ("regimes", "sigma, calm"), ("regimes", "sigma, turbulent"), ("regimes", "rate from calm to turbulent"),
    ("regimes", "rate from turbulent to calm"), ("regimes", "likelihood ratio, 2 ln(L / L of one)"),
    ("spread", "time-weighted mean"), ("spread", "share of time at one tick"), ("market orders", "count"),
    ("market orders", "rate"), ("market orders", "share that walks more than one price"),
    ("lambda(depth), pooled", "exponential A"),
    ("lambda(depth), pooled", "exponential k"), ("lambda(depth), pooled", "exponential, largest gap in the chance of a fill"),
    ("lambda(depth), pooled", "log-linear R2"), ("adverse selection", "move against a fill, base"),
    ("adverse selection", "move against a fill, slope by depth"), ("adverse selection", "move against a fill, bend by depth"),
    ("adverse selection", "move against a fill at 1/k"), ("adverse selection", "move against a fill at 1/k, times k"),
}  # fmt: skip
HOW = {
    "read": "What the files hold. Rules for halts, hidden executions and crossed rows: the reader's docstring. While a book is "
    "locked or crossed, or lacks a side, the quote before goes on.",
    "checked": "The book rebuilt from the messages, against what the file says it was.",
    "sigma": "sqrt(mean of (mid(t + h) - mid(t))^2 / h), t = 0, h, 2h, ... from the first line on. A Brownian mid has the "
    "same sigma over every horizon and an excess kurtosis of 0.",
    "time of the day": "By trading time since the first line; errors by the spread of the squares in each part.",
    "jumps": "Barndorff-Nielsen & Shephard 2004: the sum of squares holds the jumps, pi/2 times the sum of the products of "
    "neighbours does not. The share's error is that of a day without jumps, by tripower quarticity (Huang & Tauchen 2005). "
    "One by one (Lee & Mykland 2008): returns beyond what the largest of a day without any reaches with a probability of 1 %, "
    "the volatility being that of 40 returns around.",
    "regimes": "A hidden Markov chain of two volatilities, by expectation and maximisation; errors from the observed "
    "information. The likelihood ratio has no chi-squared law, for one regime has no rates: Schwarz's criterion (above 0 for "
    "two) is beside it. A volatility that falls from the open on is taken for regimes too: see the time of the day.",
    "spread": "Weighted by how long each value held.",
    "market orders": "Visible executions of one side with the same stamp are one order. Variance / mean of the counts in "
    "blocks is 1 for a Poisson flow.",
    "impact": "Mean move of the mid in the order's direction, from just before it.",
    "lambda(depth)": "What a quote that is renewed every lifetime around the mid, first in its queue and with no effect on "
    "the market, would have got. Composite likelihood over all depths (half ticks), sandwich errors; log-linear is least "
    "squares over the depths with any fills. A power law whose 1 / exponent is 0 is the exponential. The mid's move is from "
    "the lifetime's start to its end, against who was filled.",
    "law of fills": "Bids and asks pooled, with the standard errors of the sandwich formula. The criterion is the composite "
    "likelihood's (Varin & Vidoni 2005), lower is better. A law without a maximum on these quotes is not listed.",
    "adverse selection": "The mid's move over a lifetime against quotes that were filled, base + slope depth + "
    "bend depth^2 by least squares over the depths quoted; slope and bend are 0 where they are not told from it (p > 0.01).",
    "Hawkes": "Maximum likelihood; errors from the observed information. If the model is true the residuals are independent "
    "exponentials: a small p value says that they are not.",
    "queues": "Events over the time in which a queue had that size (mean limit orders, rounded up; the last takes all that "
    "are longer), per side. The variance over Poisson's, between blocks of the day, is 1 if nothing but the size counts.",
    "zero intelligence": "Cont, Stoikov & Talreja 2010, sec. 3.2: by ticks from the opposite best quote, within the visible "
    "levels, per side; the variance over Poisson's is 1 if the model is true.",
}

SHOWN = [
    Column("", words=True), Column("estimate"), Column("standard error"), Column("unit", words=True),
]  # fmt: skip
LISTED = [Column(name) for name in ("section", "estimate", "value", "standard_error", "unit")]


def table_of(title: str, rows: Iterable[EstimateRow], sections: bool = True) -> TextTable:
    """A row for each estimate, named by its section too if the table is of several `sections`."""
    found = [[f"{row.section}: {row.estimate}" if sections else row.estimate, *_cells(row)] for row in rows]
    return TextTable(title, SHOWN, found)


def show(found: Calibration, rows: Iterable[EstimateRow]) -> None:
    """The main estimates on the console."""
    console = screen(WIDE)
    table_of(title(found), [row for row in rows if row[:2] in MAIN or row.section == "checked"]).print(console)
    for note in found.recording.notes:
        console.print(f"{note}.", markup=False, soft_wrap=True)
    for what, remark in remarks(found).items():
        console.print(f"{what}: {remark}", soft_wrap=True, markup=False)
    small(console, [f"{what}: left out, {reason}" for what, reason in found.left_out.items()])


def title(found: Calibration) -> str:
    """What was calibrated."""
    recording = found.recording
    return f"{recording.instrument}, {recording.day} ({recording.source}), quotes of {found.settings.lifetime:g} s"


def write(folder: Path, found: Calibration, rows: list[EstimateRow], market: str | None, plots: Iterable[Path]) -> None:
    """estimates.csv (all numbers to the last digit), table.md (the main ones) and report.md (all, with how and plots)."""
    write_estimates(folder, rows)
    said = remarks(found)
    main = table_of(title(found), [row for row in rows if row[:2] in MAIN])
    main.write_markdown(folder / "table.md")
    lines = [f"# {title(found)}", "", *main.markdown()]
    lines += ["", "Errors are by batch means over 60 blocks of the day where nothing else is said."]
    for section in dict.fromkeys(row.section for row in rows):
        how = HOW.get(section.split(", ")[0], "")
        table = table_of("", [row for row in rows if row.section == section], sections=False).markdown()
        notes = ["", *(f"- {note}." for note in found.recording.notes)] if section == "read" else []
        lines += ["", f"## {section}", "", how, *notes, "", *table]
    lines += ["", "## To be known", "", *(f"- {what}: {it}" for what, it in said.items())] * bool(said)
    lines += ["", "## Left out", "", *(f"- {what}: {reason}" for what, reason in found.left_out.items())] * bool(
        found.left_out
    )
    lines += ["", "## Plots", "", *(f"![{path.stem}]({path.name})" for path in plots)]
    lines += ["", "## The market", ""]
    lines += ["```yaml", market.rstrip(), "```"] if market else [f"None: {'; '.join(found.missing)}."]
    (folder / "report.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_estimates(folder: Path, rows: Iterable[EstimateRow]) -> None:
    """estimates.csv: all numbers to the last digit."""
    exact = [[*row[:2], float(row.value), "" if math.isnan(row.error) else row.error, row.unit] for row in rows]
    TextTable("", LISTED, exact).write_csv(folder / "estimates.csv")


def _cells(row: EstimateRow) -> tuple[str, str, str]:
    if math.isnan(row.error) or row.error <= 1e-9 * abs(row.value):
        return _plain(row.value), "", row.unit
    estimate = Estimate(row.value, row.error)
    return number(estimate), error(estimate).removeprefix("±"), row.unit


def _plain(value: float) -> str:
    if math.isnan(value):
        return "—"
    if math.isfinite(value) and (value == round(value) or abs(value) >= 1e4):
        return f"{value:,.0f}"
    return f"{value:.4g}"
