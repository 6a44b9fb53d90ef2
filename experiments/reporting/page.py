"""The report's files: one HTML page that needs nothing else, Markdown with its pictures beside it, and CSV."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from experiments.evaluation.table import near
from experiments.reporting.presenter import Column, TextTable
from experiments.reporting.scores import Picture
from experiments.reporting.sections import Section
from experiments.reporting.study import DETAILS, Study, value

PAGE, TEXT, SUMMARY, RUNS, PICTURES = "report.html", "report.md", "summary.csv", "runs.csv", "figures"
_TEMPLATE = Path(__file__).with_name("page.html")


def write(folder: Path, title: str, words: str, sections: Sequence[Section], study: Study) -> None:
    """report.html, report.md with figures/, summary.csv and runs.csv in `folder`; the same bytes for the same sections."""
    write_page(folder, title, words, sections)
    summary_of(study).write_csv(folder / SUMMARY)
    runs_of(study).write_csv(folder / RUNS)


def write_page(folder: Path, title: str, words: str, sections: Sequence[Section]) -> None:
    """report.html, and report.md with figures/, in `folder`; the same bytes for the same sections."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = {file: svg(picture.figure) for section in sections for file, picture in files(section).items()}
    (folder / PAGE).write_text(html(title, words, sections, drawn), encoding="utf-8")
    (folder / PICTURES).mkdir(exist_ok=True)
    for file, drawing in drawn.items():
        (folder / file).write_bytes(drawing)
    (folder / TEXT).write_text(markdown(title, words, sections), encoding="utf-8")


def files(section: Section) -> dict[str, Picture]:
    """The pictures of a section by the files they go to, relative to the page."""
    every = [picture for group in section.groups.values() for picture in group]
    return {f"{PICTURES}/{section.anchor}_{i}_{picture.name}.svg": picture for i, picture in enumerate(every, 1)}


def html(title: str, words: str, sections: Sequence[Section], drawn: Mapping[str, bytes]) -> str:
    """The page, its pictures within."""
    from jinja2 import Environment

    environment = Environment(autoescape=True, trim_blocks=True)
    environment.filters |= {"parts": parts, "next_of": next}
    sources = {section.anchor: [_source(drawn[file]) for file in files(section)] for section in sections}
    return environment.from_string(_TEMPLATE.read_text(encoding="utf-8")).render(
        title=title, words=words, sections=sections, sources={anchor: iter(each) for anchor, each in sources.items()}
    )


def markdown(title: str, words: str, sections: Sequence[Section]) -> str:
    """The same as text; pictures are linked."""
    lines = [f"# {title}", "", words]
    for section in sections:
        lines += ["", f"## {section.title}", "", section.words]
        if section.table:
            lines += ["", *section.table.markdown()]
        for file, picture in files(section).items():
            lines += ["", f"![{picture.says}]({file})", "", picture.says]
    return "\n".join(lines) + "\n"


def parts(cell: str) -> tuple[str, str]:
    """A figure and what stands behind it in small print: an interval, an error, a remark."""
    at = min((place for mark in (" [", " (", " ±") if (place := cell.find(mark)) > 0), default=len(cell))
    return cell[:at], cell[at:].strip()


def summary_of(study: Study) -> TextTable:
    """A row for each agent, market and figure: seeds, interquartile mean and the ends of its interval."""
    rows = []
    for agent in study.agents:
        everywhere = study.overall(agent)
        if everywhere is not None and len(study.shared) > 1:
            count = sum(len(study.of(agent, market)) for market in study.shared)
            rows.append([agent, study.together, "skill", count, everywhere])
        for market, name in product(study.markets, DETAILS):
            found, count = study.figure(agent, market, name), len(study.of(agent, market))
            rows += [[agent, market, name, count, found]] * (found is not None)
    names = [Column(name) for name in ("agent", "market", "figure", "seeds")]
    return TextTable("", [*names, Column("", parts=("interquartile_mean", "low", "high"))], rows)


def runs_of(study: Study) -> TextTable:
    """A row for each run, finished or not, with every figure."""
    names = ["market", "agent", "seed", "status", "error", *DETAILS, "folder"]
    rows = []
    for run in (*study.runs, *study.left):
        figures = [float(value(run, name)) for name in DETAILS]
        rows.append([run.market, run.agent, run.seed, run.status, run.error, *figures, near(run.folder)])
    return TextTable("", [Column(name) for name in names], rows)


def svg(figure: Figure) -> bytes:
    """A figure as SVG; the same bytes for the same figure."""
    picture = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": "mm_env", "svg.fonttype": "path"}):
        figure.savefig(picture, format="svg", metadata={"Date": None})
    return picture.getvalue()


def _source(drawing: bytes) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(drawing).decode()}"
