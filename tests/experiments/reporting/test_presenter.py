"""One description of a table: its three forms hold the same rows, and nothing that is written in it is taken for markup."""

import csv

import pytest

from experiments.reporting.formats import HALF_WIDTH, estimate
from experiments.reporting.presenter import Column, TextTable, left_out, screen
from mm_env.metrics import Estimate

COLUMNS = [
    Column("agent", words=True),
    Column("pnl", "P|L", estimate, HALF_WIDTH),
    Column("fills", show="{:.2g}".format),
]
TABLE = TextTable(
    "a [title]",
    COLUMNS,
    [["[a|b]", Estimate(1 / 3, 0.02), 2.0], ["c, d", None, 3.0]],
    ["[bold]said", *left_out({"x": "y"})],
)


def test_csv_has_a_field_for_each_part_to_the_last_digit(tmp_path):
    TABLE.write_csv(tmp_path / "table.csv")
    with (tmp_path / "table.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert rows == [
        ["agent", "pnl", "pnl_half_width", "fills"],
        ["[a|b]", repr(1 / 3), "0.02", "2.0"],
        ["c, d", "nan", "nan", "3.0"],
    ]


def test_markdown_escapes_what_would_end_a_cell(tmp_path):
    TABLE.write_markdown(tmp_path / "table.md")
    lines = (tmp_path / "table.md").read_text(encoding="utf-8").splitlines()
    assert lines[:6] == ["# a [title]", "", r"| agent | P\|L | fills |", "| --- | ---: | ---: |",
                         r"| [a\|b] | 0.33 ±0.02 | 2 |", "| c, d | — | 3 |"]  # fmt: skip
    assert lines[6:] == ["", "[bold]said", "", "x is left out: y"]


def test_the_console_shows_small_print_below_its_figure_and_no_markup_of_names(capsys):
    TABLE.print(screen(60))
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == "a [title]"
    assert [line.split() for line in lines[4:7]] == [["[a|b]", "0.33", "2"], ["±0.02"], ["c,", "d", "—", "3"]]
    assert lines[-2:] == ["[bold]said", "x is left out: y"]


def test_some_columns_keep_their_rows(capsys):
    assert TABLE.only(["agent", "fills"]).texts == [["[a|b]", "2"], ["c, d", "3"]]
    assert TABLE.only(["fills"], "other").title == "other"


def test_a_row_that_is_too_short_is_refused():
    with pytest.raises(ValueError, match="shorter"):
        _ = TextTable("", COLUMNS, [["a"]]).texts
