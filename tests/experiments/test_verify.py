"""verify: rows that hold or do not, one report in three forms, suites that raise or want data, orders of convergence."""

import json
import math

import pytest

from experiments import verify
from experiments.runs import jobs
from experiments.verification import suite as registry
from experiments.verification.convergence import limit
from experiments.verification.suite import Row, Skipped, known_suites


@pytest.fixture
def suites(monkeypatch):
    """Register suites in the place of the package's: name -> (seconds, function)."""
    known_suites()

    def put(**given):
        made = {
            name: registry.Suite(name, f"source of {name}", seconds, rows) for name, (seconds, rows) in given.items()
        }
        monkeypatch.setattr(registry, "_KNOWN", made)

    return put


def holds(_):
    yield Row("one half", 0.5, 0.5 + 1e-9, 1e-8)
    yield Row.converging("a limit", 1.0, {0.1: 1.2, 0.05: 1.1, 0.025: 1.05}, 1e-12)


def fails(_):
    yield Row("a third", 1 / 3, 0.34, 1e-3)


def raises(_):
    yield Row("before", 1.0, 1.0, 0.0)
    raise ArithmeticError("it cannot be solved")


def wants_data(asked):
    if asked.options is None:
        raise Skipped("it wants options=FILE")
    yield Row("with data", 2.0, 2.0, 0.0)


def told(folder):
    return json.loads((folder / "verification.json").read_text(encoding="utf-8"))


def test_values_that_hold_end_well_and_are_told_in_three_forms(suites, launch, capsys):
    suites(first=(0.1, holds))
    folder, numbers = launch(verify.main)
    assert numbers == [1.0]
    said, text, found = capsys.readouterr().out, (folder / "verification.md").read_text(encoding="utf-8"), told(folder)
    assert (found["passed"], found["failed"], found["skipped"]) == (2, 0, 0)
    assert [value["value"] for value in found["values"]] == ["one half", "a limit"]
    for value in found["values"]:
        assert value["value"] in said
        assert value["value"] in text
        assert f"{value['ours']:.10g}" in said
        assert f"{value['ours']:.10g}" in text
    assert found["values"][1]["by_dt"] == [[0.1, 1.2], [0.05, 1.1], [0.025, 1.05]]
    assert found["values"][1]["order"] == pytest.approx(1.0)
    assert "source of first" in said
    assert "source of first" in text
    assert len([line for line in text.splitlines() if line.startswith("| first")]) == 2
    assert jobs.read(folder)["status"] == jobs.FINISHED


def test_a_value_that_does_not_hold_ends_with_code_1_and_is_named_and_written(suites, launch, tmp_path):
    suites(first=(0.1, holds), second=(0.1, fails))
    with pytest.raises(SystemExit) as ended:
        launch(verify.main)
    assert ended.value.code == "error: 1 of 3 values do not hold: second: a third"  # a text is exit code 1
    assert told(tmp_path / "out0")["failed"] == 1


def test_a_suite_that_raises_is_a_row_and_stops_no_other(suites, launch, tmp_path, capsys):
    suites(first=(0.1, raises), second=(0.1, holds))
    with pytest.raises(SystemExit, match="1 of 4 values do not hold: first: raised"):
        launch(verify.main)
    found = told(tmp_path / "out0")
    assert [value["result"] for value in found["values"]] == ["passed", "failed", "passed", "passed"]
    assert found["values"][1]["note"] == "ArithmeticError: it cannot be solved"
    assert "first FAILED: ArithmeticError: it cannot be solved" in " ".join(capsys.readouterr().out.split())


def test_what_wants_data_is_skipped_and_never_passed(suites, launch, capsys):
    suites(first=(0.1, wants_data))
    folder, numbers = launch(verify.main)
    assert (numbers, told(folder)["passed"], told(folder)["skipped"]) == ([0.0], 0, 1)
    assert "first skipped: it wants options=FILE" in " ".join(capsys.readouterr().out.split())
    assert launch(verify.main, "options=somewhere.json")[1] == [1.0]


def test_a_suite_without_rows_does_not_hold(suites, launch):
    suites(first=(0.1, lambda _: []))
    with pytest.raises(SystemExit, match="first: no rows"):
        launch(verify.main)


def test_quick_leaves_out_what_takes_long_and_says_so(suites, launch, capsys):
    suites(first=(0.1, holds), second=(60.0, fails))
    folder, _ = launch(verify.main, "quick=true")
    assert told(folder)["left_out"] == ["second"]
    assert "Left out by quick=true: second." in capsys.readouterr().out


def test_suites_are_chosen_and_listed(suites, launch, capsys):
    suites(first=(0.1, holds), second=(60.0, fails))
    assert {value["suite"] for value in told(launch(verify.main, "suites=[first]")[0])["values"]} == {"first"}
    capsys.readouterr()
    folder, _ = launch(verify.main, "list=true")
    assert not (folder / "verification.json").exists()
    said = capsys.readouterr().out
    assert "source of first" in said
    assert "source of second" in said


@pytest.mark.parametrize(("override", "said"), [
    ("suites=[frist]", "error: suites must be among first, second, got 'frist'. Did you mean 'first'?"),
    ("suites=first", "error: suites must be a list of names, as in suites=[avellaneda_stoikov_2008], got 'first'"),
    ("suites=[]", "error: suites must be a list of names"),
    ("quick=1", "error: quick must be true or false, got 1"),
    ("episodes=0", "error: episodes must be"),
])  # fmt: skip
def test_a_mistake_is_one_line(suites, launch, override, said):
    suites(first=(0.1, holds), second=(0.1, fails))
    with pytest.raises(SystemExit) as ended:
        launch(verify.main, override)
    assert str(ended.value.code).startswith(said)


def test_a_value_that_is_no_number_does_not_hold():
    assert not Row("x", 1.0, math.nan, math.inf).passed
    assert Row("x", 1.0, 1.5, 0.5).passed
    assert not Row("x", 1.0, 1.51, 0.5).passed


def test_every_suite_of_the_package_has_a_source_and_rows_of_its_own_name():
    found = known_suites()
    assert {"avellaneda_stoikov_2008", "cartea_jaimungal_penalva_2015", "glft_2013", "gueant_manziuk_2019"} <= set(
        found
    )
    assert all(one.source and one.seconds > 0.0 for one in found.values())


@pytest.mark.parametrize("name", [
    "almgren_chriss_2000", "cont_stoikov_talreja_2010", "debt_rank_2012", "eisenberg_noe_2001",
    "greenwood_landier_thesmar_2015", "hawkes_1971", "heston_prices", "liquidation_cascade", "lookbacks",
    "mutually_exciting_jumps", "philox_2011", "queues_huang_2015", "rogers_veraart_2013",
])  # fmt: skip
def test_a_suite_of_milliseconds_holds(name):
    rows = list(known_suites()[name].rows(registry.Asked(100, 1)))
    assert rows
    assert [row.name for row in rows if not row.passed] == []


@pytest.mark.slow
def test_all_that_the_project_claims_holds(launch):
    """What `make verify` runs; what wants a surface is skipped where there is none."""
    folder, (share,) = launch(verify.main)
    assert told(folder)["failed"] == 0
    assert share == 1.0 - told(folder)["skipped"] / len(told(folder)["values"])


# limits


@pytest.mark.parametrize("order", [1, 2, 3])
def test_two_terms_of_whole_orders_are_taken_off_exactly(order):
    found = limit({h: 3.0 + 2.0 * h**order - 5.0 * h ** (order + 1) for h in (0.02, 0.01, 0.005)})
    assert found.value == pytest.approx(3.0, rel=1e-12)
    assert found.order == pytest.approx(order, abs=0.1)
    assert found.finest == found.values[-1][1]


@pytest.mark.parametrize("order", [0.5, 1.5])
@pytest.mark.parametrize("steps", [(0.4, 0.2, 0.1), (0.3, 0.2, 0.05)])
def test_a_broken_order_is_found_whatever_the_steps(order, steps):
    found = limit({h: -1.0 + 0.7 * h**order for h in steps})
    assert found.order == pytest.approx(order, rel=1e-9)
    assert found.value == pytest.approx(-1.0, rel=1e-9)


def test_two_values_are_extrapolated_by_the_order_that_is_given():
    found = limit({0.2: 1.2, 0.1: 1.1})
    assert (found.value, math.isnan(found.order)) == (pytest.approx(1.0), True)
    assert limit({0.2: 1.04, 0.1: 1.01}, order=2.0).value == pytest.approx(1.0)


def test_values_that_have_arrived_are_their_own_limit():
    assert limit({0.4: 1.0, 0.2: 2.0, 0.1: 2.0})[:3] == (2.0, math.inf, 2.0)
    swinging = limit({0.4: 1.0, 0.2: 2.0, 0.1: 1.5})
    assert (swinging.value, math.isnan(swinging.order)) == (1.5, True)


def test_each_further_value_takes_off_a_further_term():
    values = {h: 2.0 - 3.0 * h + 7.0 * h**2 - h**3 + 4.0 * h**4 for h in (0.05, 0.04, 0.03, 0.02, 0.01)}
    assert limit(values).value == pytest.approx(2.0, rel=1e-12)
    assert limit(dict(list(values.items())[2:])).value == pytest.approx(2.0, abs=1e-4)


@pytest.mark.parametrize("values", [{}, {0.1: 1.0}, {0.1: 1.0, 0.0: 1.0}])
def test_a_limit_is_of_two_values_or_more(values):
    with pytest.raises(ValueError, match="a limit must be of values at two steps or more, all > 0"):
        limit(values)
