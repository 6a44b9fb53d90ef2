"""Surfaces from files: what is in them is read, what is wrong is said in one line by name, place, rule and cure."""

import json

import numpy as np
import pytest
from scipy.stats import norm

from experiments.calibration.options.arbitrage import violations
from experiments.calibration.options.reader import read
from experiments.calibration.options.surface import Smile, Surface
from tests.recordings import real

DAX = "options/dax_2002-07-05_implied_vols.json"
GRID = {
    "spot": 100.0,
    "days": [30, 91, 182],
    "rates": [0.02, 0.02, 0.03],
    "strikes": [80, 90, 100, 110, 120],
    "vols": [[0.30, 0.28, 0.27], [0.26, 0.25, 0.25], [0.23, 0.23, 0.23], [0.22, 0.22, 0.22], [0.22, 0.22, 0.22]],
}


def saved(folder, **changes):
    path = folder / "grid.json"
    path.write_text(json.dumps({**GRID, **changes}), encoding="utf-8")
    return path


def with_vol(i, j, value):
    vols = [list(row) for row in GRID["vols"]]
    vols[i][j] = value
    return {"vols": vols}


def lines(folder, text, name="surface.csv"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


# what is read


def test_a_grid_is_read_smile_by_smile(tmp_path):
    surface = read(saved(tmp_path))
    assert (surface.quotes, surface.spot, surface.name) == (15, 100.0, "grid")
    assert [(smile.days, smile.rate) for smile in surface.smiles] == [(30, 0.02), (91, 0.02), (182, 0.03)]
    assert surface.smiles[1].strikes.tolist() == GRID["strikes"]
    assert surface.smiles[1].vols.tolist() == [0.28, 0.25, 0.23, 0.22, 0.22]
    assert surface.smiles[2].years == 182 / 365
    assert surface.smiles[2].forward(100.0) == pytest.approx(100.0 * np.exp(0.03 * 182 / 365))
    assert surface.remarks == ()


@pytest.mark.parametrize(("header", "unit"), [
    ("strike,days,implied_volatility,rate,spot", 1.0), ("Strike,Maturity,Implied Volatility,Rate,Spot", 365.0),
])  # fmt: skip
def test_lines_in_any_order_are_the_same_surface_as_the_grid(tmp_path, header, unit):
    rows = [
        f"{strike},{day / unit!r},{GRID['vols'][i][j]},{GRID['rates'][j]},100"
        for i, strike in enumerate(GRID["strikes"])
        for j, day in enumerate(GRID["days"])
    ]
    np.random.default_rng(0).shuffle(rows)
    ours, theirs = read(lines(tmp_path, "\n".join([header, *rows]) + "\n")), read(saved(tmp_path))
    for mine, other in zip(ours.smiles, theirs.smiles, strict=True):
        assert (mine.rate, mine.strikes.tolist(), mine.vols.tolist()) == (
            other.rate,
            other.strikes.tolist(),
            other.vols.tolist(),
        )
        assert mine.days == pytest.approx(other.days, rel=1e-12)


def test_a_spot_that_the_file_lacks_is_told_on_the_command_line(tmp_path):
    text = "strike,days,implied_volatility,rate\n90,30,.2,0\n100,30,.2,0\n"
    assert read(lines(tmp_path, text), spot=95).spot == 95.0


def test_maturities_are_left_out_by_their_days_and_that_is_said(tmp_path):
    surface = read(saved(tmp_path), min_maturity_days=31, max_maturity_days=91)
    assert [smile.days for smile in surface.smiles] == [91]
    assert surface.remarks == ("left out: maturities of 30, 182 days",)


def test_missing_quotes_are_left_out_when_told_to(tmp_path):
    surface = read(saved(tmp_path, **with_vol(0, 1, None)), skip_missing=True)
    assert surface.quotes == 14
    assert surface.smiles[1].strikes.tolist() == [90, 100, 110, 120]
    assert surface.remarks == ("1 of 15 quotes missing, the first at strike 80, 91 days",)


# what is refused


@pytest.mark.parametrize(("changes", "message"), [
    (with_vol(0, 1, None), "has 1 of 15 quotes missing, the first at strike 80, 91 days: fill them in, or data.skip_missing"),
    (with_vol(4, 0, float("nan")), "has 1 of 15 quotes missing, the first at strike 120, 30 days"),
    (with_vol(0, 0, 30.0), "volatility at strike 80, 30 days must lie in (0, 5], as a number, 0.2 for 20 %, got 30"),
    (with_vol(0, 0, 0.0), "volatility at strike 80, 30 days must lie in (0, 5]"),
    (with_vol(0, 0, -0.2), "got -0.2"),
    (with_vol(0, 0, "high"), "vols must be a number, got 'high'"),
    ({"days": [0, 91, 182]}, "maturity at strike 80, 0 days must lie in (0, 10950] days (the column of years is"),
    ({"days": [-5, 91, 182]}, "maturity at strike 80, -5 days must lie in (0, 10950] days (the column"),
    ({"days": [91, 30, 182]}, "days must rise, got 30 after 91"),
    ({"strikes": [80, 100, 90, 110, 120]}, "strikes must rise, got 90 after 100"),
    ({"strikes": [80, 90, 90, 110, 120]}, "strikes must rise, got 90 after 90"),
    ({"strikes": [-80, 90, 100, 110, 120]}, "strike at strike -80, 30 days must lie in (0, inf), got -80"),
    ({"rates": [0.02, 2.0, 0.03]}, "rate at strike 80, 91 days must lie in [-0.5, 0.5], as a number, 0.2 for 20 %, got 2"),
    ({"rates": [0.02, 0.02]}, "must hold a rate for each of 3 maturities, got 2"),
    ({"vols": GRID["vols"][:4]}, "vols must be 5 rows (a strike each) of 3 numbers (a maturity each), got 4 rows of 3"),
    ({"vols": [row[:2] for row in GRID["vols"]]}, "got 5 rows of 2"),
    ({"spot": None}, "holds no spot: data.spot=PRICE says it"),
    ({"spot": 0}, "spot must be > 0, got 0"),
    ({"strikes": 5}, "strikes must be a list, got 5"),
])  # fmt: skip
def test_a_grid_that_cannot_be_fitted_is_refused_in_one_line(tmp_path, changes, message):
    path = saved(tmp_path, **changes)
    with pytest.raises(ValueError, match=r"^.*$") as caught:
        read(path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("text", "message"), [
    ("strike,vol,rate,spot\n90,.2,0,100\n", "must have the columns strike, days or maturity (years), implied_volatility, rate"),
    ("strike,days,maturity,vol,rate\n", "got strike, days, maturity, vol, rate"),
    ("", "got none"),
    ("strike,days,vol,rate,spot\n", "must hold quotes of 0 to 10950 days, got none of 0"),
    ("strike,days,vol,rate,spot\n90,30,.2,0,100\n90,30,.21,0,100\n", "must hold one quote at strike 90, 30 days, got two"),
    ("strike,days,vol,rate,spot\n90,30,.2,0,100\n95,30,.2,.01,100\n", "must hold one rate for 30 days, got 0 and 0.01"),
    ("strike,days,vol,rate,spot\n90,30,.2,0,100\n95,30,.2,0,101\n", "must hold one spot, got 100, 101"),
    ("strike,days,vol,rate,spot\n90,30,.2\n", "rate at strike 90, 30 days must lie in [-0.5, 0.5]"),
    ("strike,days,vol,rate,spot\n90,30,x,0,100\n", "line 2, vol must be a number, got 'x'"),
    ("strike,maturity,vol,rate,spot\n90,13,.2,0,100\n90,41,.2,0,100\n",
     "maturity at strike 90, 14965 days must lie in (0, 10950] days (the column of years is maturity, of days days), got"),
    ("strike,days,vol,rate,spot\n90,,.2,0,100\n", "maturity at strike 90, nan days must lie in (0, 10950] days"),
])  # fmt: skip
def test_lines_that_are_no_surface_are_refused_in_one_line(tmp_path, text, message):
    with pytest.raises(ValueError, match=r"^.*$") as caught:
        read(lines(tmp_path, text))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("name", "text", "message"), [
    ("s.json", "{", "must hold JSON"),
    ("s.json", "[1]", "must hold an object with spot, days, rates, strikes, vols, and is a list"),
    ("s.json", '{"days": []}', "and lacks rates, strikes, vols"),
    ("s.txt", "", "path must be an option surface, FILE.json or FILE.csv"),
])  # fmt: skip
def test_a_file_of_another_kind_is_refused(tmp_path, name, text, message):
    with pytest.raises(ValueError, match=message):
        read(lines(tmp_path, text, name))


def test_a_file_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match=r"got nowhere\.json, which is no file"):
        read("nowhere.json")


def test_bounds_that_leave_nothing_are_refused(tmp_path):
    with pytest.raises(ValueError, match="must hold quotes of 200 to 300 days, got none of 15"):
        read(saved(tmp_path), min_maturity_days=200, max_maturity_days=300)
    with pytest.raises(ValueError, match=r"data\.min_maturity_days must be >= 0, got -1"):
        read(saved(tmp_path), min_maturity_days=-1)


# arbitrage


def test_a_flat_surface_has_none():
    strikes = np.linspace(50.0, 150.0, 21)
    smiles = [Smile(days, 0.03, strikes, np.full(21, 0.2)) for days in (30.0, 91.0, 365.0)]
    assert violations(Surface("flat", 100.0, tuple(smiles))) == []


def test_blacks_formula_is_the_textbooks():
    smile = Smile(365.0, 0.05, np.array([90.0, 110.0]), np.array([0.2, 0.3]))
    forward = 100.0 * np.exp(0.05)
    calls, vegas = smile.calls(100.0)
    for strike, vol, call, vega in zip(smile.strikes, smile.vols, calls, vegas):
        d1 = (np.log(forward / strike) + 0.5 * vol**2) / vol
        assert call == pytest.approx(forward * norm.cdf(d1) - strike * norm.cdf(d1 - vol), rel=1e-13)
        assert vega == pytest.approx(forward * norm.pdf(d1), rel=1e-13)


@pytest.mark.parametrize(("changes", "kind", "where"), [
    (with_vol(2, 2, 0.35), "butterfly", "strike 100, 182 days"),
    (with_vol(4, 0, 0.9), "vertical", "strikes 110 and 120, 30 days"),
    ({"vols": [[2 * row[0], *row[1:]] for row in GRID["vols"]]}, "calendar", "strike 80.2678, 30 to 91 days"),
])  # fmt: skip
def test_arbitrage_is_refused_by_its_name_and_place_and_let_pass_when_told_to(tmp_path, changes, kind, where):
    path = saved(tmp_path, **changes)
    with pytest.raises(ValueError, match=f"has arbitrage: {kind} at {where}, off by .* volatility points") as caught:
        read(path)
    assert "correct the quotes, or data.allow_arbitrage=true fits them as they are" in str(caught.value)
    assert "\n" not in str(caught.value)
    surface = read(path, allow_arbitrage=True)
    assert "violations of static arbitrage let pass" in surface.remarks[0]


def test_how_large_a_violation_is_does_not_depend_on_the_unit_of_the_price():
    strikes, vols = np.array(GRID["strikes"], float), np.array([0.3, 0.26, 0.35, 0.22, 0.22])
    ours, theirs = (
        violations(Surface("", 100.0 * scale, (Smile(182.0, 0.03, scale * strikes, vols),))) for scale in (1.0, 50.0)
    )
    assert [one.points for one in ours] == pytest.approx([one.points for one in theirs])
    assert len(ours) == 1


def test_a_quote_moved_by_what_it_is_off_cures_it():
    strikes, vols = np.array(GRID["strikes"], float), np.array([0.3, 0.26, 0.35, 0.22, 0.22])
    surface = Surface("", 100.0, (Smile(182.0, 0.03, strikes, vols),))
    [one] = violations(surface)
    cured = vols - np.array([0.0, 0.0, 1.05 * one.points / 100.0, 0.0, 0.0])
    assert one.where == "strike 100, 182 days"
    assert violations(Surface("", 100.0, (Smile(182.0, 0.03, strikes, cured),))) == []


def test_the_dax_has_six_small_ones_all_butterflies():
    surface = read(real(DAX))
    found = violations(surface)
    assert [one.kind for one in found] == ["butterfly"] * 6
    assert max(one.points for one in found) == pytest.approx(0.3483, abs=1e-4)
    assert surface.quotes == 104
    with pytest.raises(ValueError, match=r"has arbitrage: butterfly at strike 4500, 256 days, off by 0\.311"):
        read(real(DAX), arbitrage_tolerance=0.3)
