"""What came of the suites: run one by one, and shown as one table on the console, in Markdown and as JSON."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tqdm import tqdm

from agents.learning.durable import put_text
from experiments.config.checks import plainly
from experiments.reporting.presenter import Cell, Column, TextTable
from experiments.verification.suite import Asked, Row, Skipped, Suite

PASSED, FAILED, SKIPPED = "passed", "FAILED", "skipped"


class Result(NamedTuple):
    """A row of a suite and what came of it; where the suite could not go on, a row without values and the reason as a note."""

    suite: str
    row: Row
    status: str
    note: str = ""


class Report(NamedTuple):
    """The results of suites, the seconds that each took, and the suites that were left out."""

    results: list[Result]
    seconds: dict[str, float]
    left_out: list[str]

    def of(self, status: str) -> list[Result]:
        """The results with this status."""
        return [result for result in self.results if result.status == status]


def verify(suites: Sequence[Suite], left_out: Sequence[Suite], asked: Asked) -> Report:
    """Run suites one after the other. One that raises is a failed row with the reason, and the others go on."""
    results, seconds = [], {}
    for one in tqdm(suites, desc="verifying", unit="suite", leave=False, delay=0.5):
        started = time.perf_counter()
        results += results_of(one, asked)
        seconds[one.name] = time.perf_counter() - started
    return Report(results, seconds, [one.name for one in left_out])


def results_of(one: Suite, asked: Asked) -> list[Result]:
    """The results of a suite: its rows and, where it raised, the reason."""
    found: list[Result] = []
    try:
        for row in one.rows(asked):
            complete = row if row.source else row._replace(source=one.source)
            found.append(Result(one.name, complete, PASSED if row.passed else FAILED))
    except Skipped as reason:
        found.append(_without_values(one, "needs data", SKIPPED, str(reason)))
    except Exception as error:
        found.append(_without_values(one, "raised", FAILED, f"{type(error).__name__}: {plainly(error)}"))
    return found or [_without_values(one, "no rows", FAILED, "the suite has no rows")]


def _without_values(one: Suite, name: str, status: str, note: str) -> Result:
    return Result(one.name, Row(name, math.nan, math.nan, math.nan, source=one.source), status, note)


def number(value: float) -> str:
    """A value to ten digits; a dash where there is none."""
    return "—" if math.isnan(value) else f"{value:.10g}"


def _ours(result: Result) -> Cell:
    limit = result.row.limit
    behind = [] if limit is None else [f"{value:.10g} at dt {dt:.4g}" for dt, value in limit.values]
    return Cell(number(result.row.ours), tuple(behind))


def _order(result: Result) -> str:
    limit = result.row.limit
    return "" if limit is None or math.isnan(limit.order) else f"{limit.order:.2f}"


COLUMNS = (
    Column("suite", words=True),
    Column("value", words=True, wraps=True),
    Column("published", show=number),
    Column("ours", show=_ours),
    Column("order", show=_order),
    Column("tolerance", show=lambda tolerance: "—" if math.isnan(tolerance) else f"{tolerance:.2g}"),
    Column("result", words=True),
    Column("source", words=True, wraps=True),
)


def table_of(report: Report) -> TextTable:
    """A row for each value; below a limit stand the values that it is of."""
    sources = [""] + [r.row.source for r in report.results]  # each is told once
    rows = [
        [
            r.suite,
            r.row.name,
            r.row.published,
            r,
            r,
            r.row.tolerance,
            r.status,
            r.row.source if r.row.source != told else "",
        ]
        for r, told in zip(report.results, sources)
    ]
    title = f"{len(report.of(PASSED))} of {len(report.results)} values hold"
    return TextTable(title, COLUMNS, rows, captions(report), sections=True)


def captions(report: Report) -> list[str]:
    """What a reader has to know: how limits were taken, what failed or was skipped and why, what was left out."""
    notes = [f"{r.suite} {r.status}: {r.note}" for r in report.results if r.note]
    if any(r.row.limit is not None for r in report.results):
        notes.insert(0, "Where values by dt are shown, ours is their limit by Richardson's extrapolation.")
    slow = [f"{name} {seconds:.0f} s" for name, seconds in report.seconds.items() if seconds >= 1.0]
    if slow:
        notes.append(f"Took {', '.join(slow)}.")
    return [*notes, *([f"Left out by quick=true: {', '.join(report.left_out)}."] if report.left_out else [])]


def write(report: Report, folder: Path) -> None:
    """verification.md, the table, and verification.json, every value to the last digit, in `folder`."""
    table_of(report).write_markdown(folder / "verification.md")
    told = {
        "passed": len(report.of(PASSED)), "failed": len(report.of(FAILED)), "skipped": len(report.of(SKIPPED)),
        "left_out": report.left_out, "seconds": report.seconds, "values": [_told(r) for r in report.results],
    }  # fmt: skip
    put_text(folder / "verification.json", json.dumps(told, indent=1, allow_nan=False) + "\n")


def _told(result: Result) -> dict[str, Any]:
    row, limit = result.row, result.row.limit
    numbers = {name: getattr(row, name) for name in ("published", "ours", "tolerance")}
    numbers |= {} if limit is None else {"order": limit.order, "finest": limit.finest}
    told = {"suite": result.suite, "value": row.name, **_finite(numbers.items()), "result": result.status.lower(),
            "source": row.source, "note": result.note}  # fmt: skip
    return told if limit is None else {**told, "by_dt": [list(pair) for pair in limit.values]}


def _finite(numbers: Iterable[tuple[str, float]]) -> dict[str, float | None]:
    return {name: float(value) if math.isfinite(value) else None for name, value in numbers}


def listed(suites: Iterable[Suite]) -> TextTable:
    """The suites by name: source and about how long they take."""
    columns = (
        Column("suite", words=True),
        Column("source", words=True, wraps=True),
        Column("seconds", show="{:.0f}".format),
    )
    return TextTable("suites", columns, [[one.name, one.source, one.seconds] for one in suites])
