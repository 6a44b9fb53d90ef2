"""The report of a fit: on the console, table.md, estimates.csv and report.md."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path

from experiments.calibration.estimate import EstimateRow
from experiments.calibration.options.fit import Fit
from experiments.calibration.options.price import remarks
from experiments.calibration.options.valley import Valley
from experiments.calibration.report import SHOWN, write_estimates
from experiments.evaluation.table import WIDE
from experiments.reporting.presenter import TextTable, screen, small

MAIN = ("surface", "parameters", "fit")
HOW = {
    "surface": "Implied volatilities as quoted; the forward is spot exp(rate years), years = days / 365.",
    "parameters": "Least squares of implied volatility, every quote of equal weight, under the pricing measure. Standard "
    "errors are those of the Jacobian, s^2 (J'J)^-1 with s^2 the squared errors over quotes less parameters: they take the "
    "errors of the fit as independent, which neighbouring strikes are not, and say nothing of whether the model is true.",
    "fit": "Where a start ended within 0.01 % of the best RMSE, it ended at the best.",
    "fit, by maturity": "Model less quoted implied volatility.",
    "correlation of the estimates": "From the same Jacobian.",
    "valley": "The Gauss-Newton Hessian J'J by moves of the parameters, as shares of their size: the smallest eigenvalue is "
    "the curvature along the direction of which the surface says least; the condition number is the square of how much longer "
    "the valley is than wide.",
}


def title(fit: Fit) -> str:
    """What was fitted to what."""
    return f"{fit.title} fitted to {fit.surface.name}"


def main_table(fit: Fit, rows: Iterable[EstimateRow]) -> TextTable:
    """The rows that everyone wants to see."""
    shown = [row._replace(estimate=f"{row.section}: {row.estimate}") for row in rows if row.section in MAIN]
    return table(title(fit), shown)


def table(heading: str, rows: Iterable[EstimateRow]) -> TextTable:
    """Estimates to six digits, for another's fit of the same quotes is compared with them."""
    cells = [[r.estimate, f"{r.value:.6g}", "" if math.isnan(r.error) else f"{r.error:.2g}", r.unit] for r in rows]
    return TextTable(heading, SHOWN, cells)


def correlations(fit: Fit) -> TextTable:
    """The correlation matrix of the estimates, its lower half."""
    cells = [
        [f"{fit.correlation[i, j]:.2f}" if j < i else "" for j in range(len(fit.names))] for i in range(len(fit.names))
    ]
    found = [[name, *row] for name, row in zip(fit.names, cells)]
    return TextTable.of_text(["correlation", *fit.names], found)


def show(fit: Fit, valley: Valley, rows: Iterable[EstimateRow]) -> None:
    """The estimates on the console, their correlations and the flattest direction."""
    console = screen(WIDE)
    main_table(fit, rows).print(console)
    correlations(fit).print(console)
    console.print(
        f"Condition number {valley.condition:.0f}. The surface says least of this: {valley.sentence()}.", soft_wrap=True
    )
    for what, remark in remarks(fit).items():
        console.print(f"{what}: {remark}", soft_wrap=True, markup=False)
    small(console, fit.surface.remarks)


def write(folder: Path, fit: Fit, valley: Valley, rows: list[EstimateRow], price: str, plots: Iterable[Path]) -> None:
    """estimates.csv (all numbers to the last digit), table.md (the main ones) and report.md (all, with how and plots)."""
    write_estimates(folder, rows)
    main = main_table(fit, rows)
    main.write_markdown(folder / "table.md")
    lines = [f"# {title(fit)}", "", *main.markdown()]
    for section in dict.fromkeys(row.section for row in rows):
        found = table("", [row for row in rows if row.section == section]).markdown()
        matrix = ["", *correlations(fit).markdown()] if section.startswith("correlation") else []
        lines += ["", f"## {section}", "", HOW[section], *matrix, "", *found]
    said = [
        f"- the flattest direction: {valley.sentence()}.",
        *(f"- {what}: {it}" for what, it in remarks(fit).items()),
    ]
    lines += ["", "## To be known", "", *said, *(f"- {remark}" for remark in fit.surface.remarks)]
    lines += ["", "## Plots", "", *(f"![{path.stem}]({path.name})" for path in plots)]
    lines += ["", "## The price", "", "```yaml", price.rstrip(), "```"]
    (folder / "report.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
