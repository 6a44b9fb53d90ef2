"""Numbers as they are shown: no more digits than the error allows, in three forms that agree."""

import numpy as np
import pytest

from experiments.evaluation.common_noise import Entry
from experiments.evaluation.table import COLUMNS, OF_BOOKS, OF_DESKS, OF_POOLS, OF_SOME_MARKETS, headings, show, write
from experiments.reporting.formats import error, number
from experiments.training import tags
from mm_env.metrics import Estimate, figures
from mm_env.rollout import Episodes, InstrumentEpisodes, LoanEpisodes
from tests.experiments.conftest import rows

NOTHING = Estimate(float("nan"), float("nan"))


@pytest.mark.parametrize(("value", "half_width", "shown", "around"), [
    (66.8749, 0.3, "66.9", "±0.3"),
    (66.8749, 0.12, "66.87", "±0.12"),  # two digits of an error that begins with a 1
    (66.8749, 0.194, "66.87", "±0.19"),
    (66.8749, 0.196, "66.9", "±0.2"),
    (66.8749, 0.0961, "66.87", "±0.10"),
    (-0.00123456, 0.00003, "-0.00123", "±0.00003"),
    (1234.5, 30.0, "1234", "±30"),
    (1234.5, 12.0, "1234", "±12"),
    (5.0, 0.0, "5.00", ""),  # exact: a hundredth of itself
    (0.0, 0.0, "0.000", ""),
    (1.0, 0.0, "1.000", ""),
    (-0.5, 0.0, "-0.500", ""),
])  # fmt: skip
def test_a_number_has_the_decimals_of_its_error(value, half_width, shown, around):
    estimate = Estimate(value, half_width)
    assert number(estimate) == shown
    assert error(estimate) == around


@pytest.mark.parametrize("nothing", [None, NOTHING])
def test_what_does_not_exist_is_a_dash(nothing):
    assert number(nothing) == "—"
    assert error(nothing) == ""


def entry(name, shift=0.0, lead=None):
    random = np.random.default_rng(0)
    fields = {field: random.normal(size=50) + shift for field in Episodes.__match_args__}
    episodes = Episodes(**{**fields, "fills": np.full(50, 2.0), "arrivals": np.full(50, 8.0)})
    return Entry(name, episodes, figures(episodes), lead)


ENTRIES = [entry("one", 1.0), entry("other, with a comma", 0.0, Estimate(-1.0, 0.25))]
SKILLS = {"one": Estimate(0.75, 0.1)}


def test_the_csv_holds_every_figure_to_the_last_digit(tmp_path):
    write(tmp_path, "title", ENTRIES, SKILLS)
    table = rows(tmp_path)
    assert list(table) == ["one", "other, with a comma"]
    for e in ENTRIES:
        for name, estimate in e.figures.items():
            assert (table[e.name][name], table[e.name][f"{name}_half_width"]) == estimate
    assert (table["one"]["skill"], table["one"]["skill_half_width"]) == SKILLS["one"]
    assert np.isnan(table["other, with a comma"]["skill"])
    assert np.isnan(table["one"]["lead"])
    assert table["other, with a comma"]["lead"] == -1.0


def test_the_markdown_is_a_table_of_the_same_columns(tmp_path):
    write(tmp_path, "title", ENTRIES, SKILLS)
    lines = (tmp_path / "table.md").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "# title"
    assert {line.replace("\\|", "").count("|") for line in lines[2:]} == {len(COLUMNS) + 2}
    assert "| 0.75 ±0.10 |" in lines[4]
    assert "| one | " in lines[4]
    assert "| — |" in lines[5]
    assert "0.250" in lines[4]  # the fill ratio, without an error as it never varies


def test_the_console_shows_every_agent_column_and_who_was_left_out(capsys):
    show("a title", ENTRIES, SKILLS, {"glft": "GLFT.gamma must be > 0, got 0.0"})
    said = capsys.readouterr().out
    assert "a title" in said
    assert all(e.name in said for e in ENTRIES)
    assert all(word in said for heading in COLUMNS.values() for word in heading.split())
    assert "glft is left out: GLFT.gamma must be > 0, got 0.0" in said
    assert "…" not in said


def test_notes_stand_below_the_table_on_the_console_and_in_markdown(tmp_path, capsys):
    notes = ["optimum is left out: fees [1]; the best known strategy is glft.", "another"]
    show("a title", ENTRIES, SKILLS, {}, notes)
    said = capsys.readouterr().out
    write(tmp_path, "title", ENTRIES, SKILLS, notes)
    lines = (tmp_path / "table.md").read_text(encoding="utf-8").splitlines()
    assert all(note in said for note in notes)
    assert lines[-4:] == ["", notes[0], "", notes[1]]


def test_under_cara_the_certainty_equivalent_stands_beside_the_utility(tmp_path, capsys):
    one = Entry("one", ENTRIES[0].episodes, {**ENTRIES[0].figures, "certainty_equivalent": Estimate(3.25, 0.5)}, None)
    show("a title", [one], {}, {})
    said = capsys.readouterr().out
    write(tmp_path, "title", [one], {})
    headings = (tmp_path / "table.md").read_text(encoding="utf-8").splitlines()[2].split(" | ")[1:3]
    assert headings == ["objective (utility)", "certainty equivalent"]
    assert all(word in said for word in ("(utility)", "equivalent", "3.2"))
    assert rows(tmp_path)["one"]["certainty_equivalent"] == 3.25
    write(tmp_path, "title", ENTRIES, {})
    assert "certainty_equivalent" not in rows(tmp_path)["one"]


def test_a_figure_of_a_single_episode_or_window_has_a_value_and_no_known_error():
    alone = Estimate(-1.234, float("nan"))
    assert (number(alone), error(alone)) == ("-1.234", "±?")


def test_every_figure_has_a_column():
    assert set(COLUMNS) == {"skill", "lead", *figures(ENTRIES[0].episodes)}


def test_figures_of_a_desk_have_a_column_and_a_tag():
    random = np.random.default_rng(0)
    fields = {field: random.normal(size=50) for field in Episodes.__match_args__}
    each = InstrumentEpisodes(("A", "B"), *random.uniform(1.0, 2.0, (5, 50, 2)))
    desk = Episodes(**fields, instruments=each, mean_risk=random.uniform(size=50))
    found, plain = figures(desk), figures(Episodes(**fields))
    more = [name for name in found if name not in plain]
    shown = headings([Entry("a", desk, found, None)])
    assert more[:4] == list(OF_DESKS) == [tag.removeprefix("risk/") for tag in tags.UNITS_OF_DESKS]
    assert {"profit_A", "variance_share_B", "internalised_A"} < set(more) < set(shown)
    assert all(tags.tag_of(name) == f"risk/{name}" for name in more)


def test_figures_of_a_book_of_options_have_a_column_a_tag_and_a_unit():
    random = np.random.default_rng(0)
    fields = {field: random.normal(size=50) for field in Episodes.__match_args__}
    plain, found = (figures(Episodes(**fields, mean_greeks=g)) for g in (None, random.uniform(size=(50, 3))))
    more = [name for name in found if name not in plain]
    assert [tags.tag_of(name) for name in more] == list(tags.UNITS_OF_BOOKS)
    shown = headings([Entry("a", Episodes(**fields), found, None)])
    assert [shown[name] for name in more] == list(OF_BOOKS.values())


def test_of_many_instruments_the_table_leaves_out_what_each_brought_and_its_csv_does_not(tmp_path):
    random = np.random.default_rng(0)
    fields = {field: random.normal(size=50) for field in Episodes.__match_args__}
    for names, there in ((("A", "B"), True), (tuple("ABCDE"), False)):
        each = InstrumentEpisodes(names, *random.uniform(1.0, 2.0, (5, 50, len(names))))
        desk = Episodes(**fields, instruments=each, mean_risk=random.uniform(size=50))
        write(tmp_path, "title", [Entry("a", desk, figures(desk), None)], {})
        assert ("P&L of A" in (tmp_path / "table.md").read_text(encoding="utf-8")) == there
        assert "profit_A" in (tmp_path / "table.csv").read_text(encoding="utf-8")


def test_figures_of_ruin_of_gaps_of_hedges_and_of_loans_have_a_column_a_tag_and_a_unit():
    random = np.random.default_rng(0)
    kept = {"closed": random.integers(0, 2, 50) * 1.0, "time_open": random.uniform(size=50)}
    gaps = {"gap_profit": random.normal(size=(50, 2)), "gap_inventory": random.normal(size=(50, 2))}
    hedges = {"hedging_cost": random.uniform(size=50), "hedge_turnover": random.uniform(size=50)}
    loan = LoanEpisodes(*random.uniform(0.1, 1.0, (8, 50)))
    fields = {field: random.normal(size=50) for field in Episodes.__match_args__}
    plain, risky = figures(Episodes(**fields)), figures(Episodes(**fields, **kept, **gaps, **hedges, loan=loan))
    more = [name for name in risky if name not in plain]
    assert more == ["closed", "time_to_ruin", "time_open", "worst_gap", "gap_variance_share", "gap_inventory", *hedges,
                    "liquidated", "time_to_liquidation", "liquidation_loss", "loan_interest", "loan_moves", "forgone_return",
                    "mean_health"]  # fmt: skip
    units = tags.UNITS_WITH_MARGIN | tags.UNITS_WITH_GAPS | tags.UNITS_WITH_HEDGES | tags.UNITS_WITH_LOAN
    assert [tags.tag_of(name) for name in more] == [f"risk/{name}" for name in more] == list(units)
    shown = headings([Entry("a", Episodes(**fields), risky, None)])
    assert [shown[name] for name in more] == list(OF_SOME_MARKETS.values())
    assert not set(more) & set(headings([Entry("a", Episodes(**fields), plain, None)]))


def test_figures_of_pools_have_a_column_and_a_unit():
    random = np.random.default_rng(0)
    told = {name: random.uniform(size=50) for name in OF_POOLS}
    fields = {field: random.normal(size=50) for field in Episodes.__match_args__}
    found = figures(Episodes(**fields, of_venue=told))
    assert found["time_in_range"].value == pytest.approx(told["time_in_range"].mean())
    shown = headings([Entry("a", Episodes(**fields), found, None)])
    assert {name: shown[name] for name in told} == OF_POOLS
    assert [tags.tag_of(name) for name in told] == list(tags.UNITS_OF_POOLS)
