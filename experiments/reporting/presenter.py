"""A table described once: on the console, in Markdown and as CSV."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text


class Cell(NamedTuple):
    """A figure, and in small print what stands behind it: an error, an interval, another's figure."""

    text: str
    behind: tuple[str, ...] = ()


@dataclass(frozen=True)
class Column:
    """What a column is called and how its values are shown.

    `name` heads it in CSV, once for each of a value's `parts`: those of an estimate are "" and "_half_width". People read
    `heading` (`name` if it is None), on the console with the line breaks of `narrow` if that is not None.
    """

    name: str
    heading: str | None = None
    show: Callable[[Any], Cell | str] = str
    parts: tuple[str, ...] = ("",)
    narrow: str | None = None
    words: bool = False  # stand to the left, figures to the right
    wraps: bool = False  # on a console that is too narrow; otherwise it is cut off

    @property
    def title(self) -> str:
        """What people read above it."""
        return self.name if self.heading is None else self.heading

    def cell(self, value: Any) -> Cell:
        """A value as people read it."""
        shown = self.show(value)
        return shown if isinstance(shown, Cell) else Cell(shown)

    def fields(self, value: Any) -> list[str]:
        """A value as CSV, a field for each part: floats to the last digit, NaN where there is None."""
        values = [value] if len(self.parts) == 1 else [float("nan")] * len(self.parts) if value is None else value
        return [repr(float(x)) if isinstance(x, float) else str(x) for x in values]


@dataclass(frozen=True)
class TextTable:
    """Rows of values under columns, with a title above and `captions` below.

    Where `sections` is true the console separates rows whose first values differ.
    """

    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Any]]
    captions: Sequence[str] = ()
    sections: bool = False

    @classmethod
    def of_text(cls, headings: Sequence[str], rows: Sequence[Sequence[str]], title: str = "") -> TextTable:
        """A table of what is text already: names in the first column, figures in the rest."""
        return cls(title, [Column(heading, words=i == 0) for i, heading in enumerate(headings)], rows)

    @property
    def headings(self) -> list[str]:
        """What people read above the columns."""
        return [column.title for column in self.columns]

    @property
    def texts(self) -> list[list[str]]:
        """What people read in each row, a figure and its small print in one line."""
        rows = [[column.cell(value) for column, value in zip(self.columns, row, strict=True)] for row in self.rows]
        return [[" ".join([cell.text, *cell.behind]).strip() for cell in row] for row in rows]

    def only(self, names: Sequence[str], title: str | None = None, captions: Sequence[str] = ()) -> TextTable:
        """The table of some columns, by name, under a title and captions of its own."""
        kept = [i for i, column in enumerate(self.columns) if column.name in names]
        columns, rows = [self.columns[i] for i in kept], [[row[i] for i in kept] for row in self.rows]
        return replace(
            self, title=self.title if title is None else title, columns=columns, rows=rows, captions=captions
        )

    def print(self, console: Console) -> None:
        """The table and, below it, its captions."""
        table = Table(title=Text(self.title, "table.title"), box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
        for column in self.columns:
            heading = Text(column.title if column.narrow is None else column.narrow)
            table.add_column(heading, justify="left" if column.words else "right", no_wrap=not column.wraps)
        for before, row in zip([None, *self.rows], self.rows):
            if self.sections and before is not None and before[0] != row[0]:
                table.add_section()
            table.add_row(*(_lines(column.cell(value)) for column, value in zip(self.columns, row, strict=True)))
        console.print(table)
        small(console, self.captions)

    def markdown(self) -> list[str]:
        """The lines of the table alone."""
        align = ["---" if column.words else "---:" for column in self.columns]
        return [_row(self.headings), _row(align), *map(_row, self.texts)]

    def write_markdown(self, path: Path) -> None:
        """The title, the table and, below it, its captions."""
        lines = [f"# {self.title}", "", *self.markdown(), *(x for caption in self.captions for x in ("", caption))]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")

    def write_csv(self, path: Path) -> None:
        """A line for each row, every value to the last digit."""
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(f"{column.name}{part}" for column in self.columns for part in column.parts)
            writer.writerows([x for c, value in zip(self.columns, row) for x in c.fields(value)] for row in self.rows)


def screen(width: int, fits: bool = True) -> Console:
    """The console: as wide as the terminal if the table `fits` itself to that, else (and in a file) `width` characters."""
    return Console(width=None if fits and sys.stdout.isatty() else width, highlight=False)


def small(console: Console, captions: Sequence[str]) -> None:
    """Captions in small print."""
    for caption in captions:
        console.print(Text(caption, "dim"))


def left_out(refused: Mapping[str, str]) -> list[str]:
    """A caption for each agent that a table is without, and why."""
    return [f"{name} is left out: {reason}" for name, reason in refused.items()]


def _lines(cell: Cell) -> Text:
    return Text("\n").join([Text(cell.text), *(Text(line, "dim") for line in cell.behind)])


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
