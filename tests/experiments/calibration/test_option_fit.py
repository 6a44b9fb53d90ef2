"""Heston and Bates fitted to surfaces: known parameters come back, published values are reproduced, errors hold."""

from dataclasses import replace

import numpy as np
import pytest

from experiments.calibration.options import fit as fitting
from experiments.calibration.options.fit import Settings, fit
from experiments.calibration.options.models import HESTON, MODELS, MOST_NODES, Pricer, per_day
from experiments.calibration.options.price import remarks
from experiments.calibration.options.reader import read
from experiments.calibration.options.search import BOUNDS, starts
from experiments.calibration.options.surface import Smile, Surface
from experiments.calibration.options.valley import valley
from tests.experiments.calibration.surfaces import BATES, HESTON_TRUTH, made
from tests.recordings import real

pytest.importorskip("QuantLib")
DAX = "options/dax_2002-07-05_implied_vols.json"


@pytest.fixture(scope="module")
def dax():
    return fit(read(real(DAX), min_maturity_days=14), Settings())


# prices


def test_heston_prices_the_published_call():
    surface = Surface("", 100.0, (Smile(365.0, 0.0, np.array([100.0]), np.array([0.2])),))
    vols = Pricer(surface, "heston").vols(np.array([1.5768, 0.0398, 0.5751, -0.5711, 0.0175]))
    assert Smile(365.0, 0.0, np.array([100.0]), vols).calls(100.0)[0][0] == pytest.approx(5.78515543, abs=1e-7)


def test_bates_without_randomness_of_the_variance_prices_mertons_calls():
    strikes, square = np.arange(80.0, 121.0, 10.0), 0.25 * 0.25**2 / 5.0  # Haug's: a quarter of the variance jumps
    surface = Surface("", 100.0, (Smile(182.5, 0.08, strikes, np.full(5, 0.25)),))
    v = 0.75 * 0.25**2
    pricer = Pricer(surface, "bates")
    vols = pricer.vols(np.array([1.0, v, 1e-4, 0.0, v, 5.0, -0.5 * square, square**0.5]))
    calls = np.exp(-0.04) * Smile(182.5, 0.08, strikes, vols).calls(100.0)[0]
    assert pricer.cut == 2  # half a day
    assert calls == pytest.approx([23.60904, 15.419343, 9.021649, 4.731666, 2.250023], abs=2e-5)


@pytest.mark.parametrize(("days", "cut"), [([13.0, 41.0], 1), ([30.5, 91.0], 2), ([91.25, 365.0], 4)])
def test_a_day_is_cut_until_all_maturities_are_whole(days, cut):
    smiles = tuple(Smile(day, 0.0, np.array([100.0]), np.array([0.2])) for day in days)
    assert per_day(Surface("", 100.0, smiles)) == cut


def test_cutting_days_changes_no_price():
    days, ours = made(HESTON_TRUTH, "heston"), Pricer(made(HESTON_TRUTH, "heston"), "heston")
    truth = np.array(list(HESTON_TRUTH.values()))
    shifted = Surface("", days.spot, (*days.smiles, Smile(730.5, 0.02, days.smiles[0].strikes, days.smiles[0].vols)))
    theirs = Pricer(shifted, "heston")
    assert (ours.cut, theirs.cut) == (1, 2)
    assert theirs.vols(truth)[: days.quotes] == pytest.approx(ours.vols(truth), abs=1e-9)


def test_quantlibs_date_of_today_is_left_as_it_was():
    import QuantLib

    settings = QuantLib.Settings.instance()
    before = settings.evaluationDate
    settings.evaluationDate = QuantLib.Date(5, 7, 2002)
    Pricer(made(HESTON_TRUTH, "heston"), "heston").errors(np.array(list(HESTON_TRUTH.values())))
    assert settings.evaluationDate == QuantLib.Date(5, 7, 2002)
    settings.evaluationDate = before


# fits


@pytest.mark.parametrize(("model", "truth"), [("heston", HESTON_TRUTH), ("bates", BATES)])
def test_known_parameters_come_back(model, truth):
    found = fit(made(truth, model), Settings(model=model, starts=3))
    assert found.named == pytest.approx(truth, rel=1e-4)
    assert found.rmse < 1e-7
    assert found.at_best >= 1
    assert found.feller == pytest.approx(2.0 * truth["kappa"] * truth["theta"] / truth["vol"] ** 2, rel=1e-3)


def test_errors_of_quotes_spread_the_estimates_as_their_standard_errors_say():
    surface, random, noise = made(HESTON_TRUTH, "heston"), np.random.default_rng(0), 0.002
    found = []
    for _ in range(40):
        smiles = [
            Smile(s.days, s.rate, s.strikes, s.vols + noise * random.normal(size=len(s.vols))) for s in surface.smiles
        ]
        found.append(fit(Surface("", surface.spot, tuple(smiles)), Settings(starts=1)))
    for name, truth in HESTON_TRUTH.items():
        values = np.array([one.estimates[name].value for one in found])
        stated = np.mean([one.estimates[name].error for one in found])
        assert abs(values.mean() - truth) < 4.0 * stated / 40**0.5 + 0.05 * stated
        assert 0.65 < values.std(ddof=1) / stated < 1.45  # four errors of a standard deviation of 40


def test_the_jacobian_is_that_of_the_parameters_own_units():
    surface = made(HESTON_TRUTH, "heston")
    pricer, truth = Pricer(surface, "heston"), np.array(list(HESTON_TRUTH.values()))
    step = np.array([0.0, 0.0, 1e-3, 0.0, 0.0])
    change = (pricer.vols(truth + step) - pricer.vols(truth - step)) / 2e-3
    assert pricer.jacobian(truth)[:, HESTON.index("vol")] == pytest.approx(change, rel=1e-4, abs=1e-6)


def test_starts_are_those_of_the_seed():
    surface = made(HESTON_TRUTH, "heston")
    drawn = [starts(surface, "heston", 4, seed) for seed in (0, 0, 1)]
    assert np.array_equal(drawn[0], drawn[1])
    assert not np.array_equal(drawn[0], drawn[2])
    assert len(drawn[0]) == 4


@pytest.mark.parametrize(("smiles", "model", "message"), [
    (2, "heston", None), (1, "heston", "heston needs quotes of 2 maturities or more"),
    (1, "bates", "bates has 8 parameters: made must hold 9 quotes or more, got 7"),
])  # fmt: skip
def test_too_few_quotes_are_refused(smiles, model, message):
    whole = made(HESTON_TRUTH, "heston")
    surface = Surface("made", whole.spot, whole.smiles[:smiles])
    if message is None:
        fitting.check_enough(surface, model)
        return
    with pytest.raises(ValueError, match=message):
        fit(surface, Settings(model=model))


def test_settings_name_what_is_wrong():
    with pytest.raises(ValueError, match=r"Settings\.model must be one of heston, bates, got 'sabr'"):
        Settings(model="sabr")
    with pytest.raises(ValueError, match=r"Settings\.starts must be a whole number in"):
        Settings(starts=0)


def test_what_a_reader_should_know_is_said():
    flat = Surface(
        "", 100.0, tuple(Smile(days, 0.0, np.array([90.0, 100.0, 110.0]), np.full(3, 0.2)) for days in (30.0, 91.0))
    )
    found = fit(flat, Settings(starts=2))
    assert found.rmse < 1e-5
    bound = replace(found, parameters=np.array([BOUNDS["kappa"][1], 0.04, 0.3, -0.5, 0.04]))
    assert bound.at_bounds == ["kappa"]  # where a flat surface's own fit ends, rounding decides
    assert remarks(bound)["bounds"] == "kappa ended at a bound: these quotes do not tell it"
    assert "quadrature" not in remarks(found)
    rough = replace(found, quadrature=1e-3, ends=[replace(found.ends[0], converged=False)])
    assert remarks(rough)["quadrature"] == "its error is up to 0.1 volatility points: leave short maturities out"
    assert "had not come to rest" in remarks(rough)["least squares"]
    singular = replace(found, jacobian=np.zeros_like(found.jacobian))
    assert "the Jacobian is singular" in remarks(singular)["errors"]
    assert np.isnan(singular.estimates["kappa"].error)


def test_the_quadrature_of_a_fit_is_not_what_meets_the_quotes():
    found = fit(made(HESTON_TRUTH, "heston", noise=0.001), Settings(model="bates", starts=2))
    assert found.quadrature < 1e-6
    exact = Pricer(found.surface, "bates", MOST_NODES).errors(found.parameters)
    assert np.sqrt((exact**2).mean()) == pytest.approx(found.rmse, abs=1e-7)


# the valley


def test_the_flattest_direction_is_the_smallest_eigenvalue_and_costs_least():
    found = fit(made(HESTON_TRUTH, "heston", noise=0.003), Settings(starts=2))
    seen = valley(found)
    hessian = found.relative.T @ found.relative
    unit = seen.flattest / np.linalg.norm(seen.flattest)
    assert hessian @ unit == pytest.approx(seen.eigenvalues[0] * unit, rel=1e-6, abs=1e-9)
    assert np.abs(seen.flattest).max() == 1.0
    assert seen.condition == pytest.approx(np.linalg.cond(hessian), rel=1e-6)
    assert (seen.rmse <= seen.steepest_rmse + 1e-12).all()
    assert seen.rmse.min() == pytest.approx(found.rmse, rel=1e-9)
    assert "together move the RMSE from" in seen.sentence()


# the DAX of 2002-07-05, without its 13 days


def test_the_published_fit_is_reproduced_from_every_start(dax):
    published = {"kappa": 5.8515, "theta": 0.071176, "vol": 1.53347, "rho": -0.57166, "v0": 0.144118}
    assert dax.surface.quotes == 91
    assert dax.named == pytest.approx(published, rel=2e-5)
    assert 100.0 * dax.rmse == pytest.approx(0.55854, abs=1e-5)
    assert (dax.at_best, len(dax.ends)) == (24, 24)
    assert dax.feller == pytest.approx(0.3542, abs=1e-4)
    assert dax.at_bounds == []


def test_what_is_flattest_of_the_dax_is_the_speed_of_reversion_against_its_randomness(dax):
    seen = valley(dax)
    assert seen.condition == pytest.approx(178.2, abs=0.5)
    assert dict(zip(MODELS["heston"], seen.flattest.round(2))) == {
        "kappa": 1.0, "theta": -0.02, "vol": 0.41, "rho": -0.01, "v0": 0.24,
    }  # fmt: skip


def test_jumps_fit_the_shortest_maturity_of_the_dax():
    surface = read(real(DAX))
    heston, bates = (fit(surface, Settings(model=model, starts=2)) for model in ("heston", "bates"))
    assert 100.0 * heston.rmse == pytest.approx(1.3211, abs=1e-4)
    assert 100.0 * bates.rmse == pytest.approx(0.6328, abs=1e-4)
    assert heston.feller < 0.22 < bates.feller
    assert bates.named["jump_mean"] == pytest.approx(-0.305, abs=1e-3)
