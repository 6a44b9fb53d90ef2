"""From an option surface to a price that loads, with a report; what is wrong is said in one line before any fit."""

import csv
import json
from dataclasses import fields

import numpy as np
import pytest
from omegaconf import OmegaConf

from experiments import calibrate
from experiments.calibration.options import plots
from experiments.calibration.options.fit import Settings, fit
from experiments.calibration.options.models import MODELS
from experiments.calibration.options.price import TARGETS, default_name
from experiments.calibration.options.reader import read
from experiments.calibration.options.valley import valley
from experiments.config.markets import build, build_market
from mm_env import GeometricBates, GeometricHeston
from mm_env.core import extras
from tests.experiments.calibration.surfaces import HESTON_TRUTH, made
from tests.experiments.conftest import launched
from tests.experiments.test_mistakes import one_line
from tests.recordings import real

pytest.importorskip("QuantLib")
FEW = ("data=option_surface", "surface.starts=2")


def saved(folder, noise=0.001, **changes):
    surface = made(HESTON_TRUTH, "heston", noise)
    held = {
        "spot": surface.spot,
        "days": [smile.days for smile in surface.smiles],
        "rates": [smile.rate for smile in surface.smiles],
        "strikes": surface.smiles[0].strikes.tolist(),
        "vols": np.array([smile.vols for smile in surface.smiles]).T.tolist(),
        **changes,
    }
    path = folder / "made-2026.json"
    path.write_text(json.dumps(held), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return saved(tmp_path_factory.mktemp("surface"))


@pytest.fixture(scope="module")
def run(path, tmp_path_factory):
    """(the folder of the run, the price it wrote, what it returned)."""
    home = tmp_path_factory.mktemp("run")
    numbers = launched(calibrate.main, home / "out", f"path={path}", f"to={home / 'heston.yaml'}", *FEW)
    return home / "out", home / "heston.yaml", numbers


def estimates(folder):
    with (folder / "estimates.csv").open(newline="", encoding="utf-8") as file:
        return {(row["section"], row["estimate"]): row for row in csv.DictReader(file)}


# what is written


def test_the_price_has_what_was_estimated_and_says_its_unit_of_time(run, path):
    folder, price, numbers = run
    held, table = OmegaConf.load(price), estimates(folder)
    assert held._target_ == "mm_env.GeometricHeston"
    assert set(held) == {"_target_", *MODELS["heston"], "drift", "scheme"}
    for name, truth in HESTON_TRUTH.items():
        row = table["parameters", name]
        assert held[name] == pytest.approx(float(row["value"]), rel=1e-5)
        assert abs(float(row["value"]) - truth) < 4.0 * float(row["standard_error"])
    text = price.read_text(encoding="utf-8")
    assert text.startswith("# Heston calibrated to made-2026: 35 quotes of 5 maturities (20 to 730 days)\n")
    assert "# time is in years (days / 365)" in text
    assert f"# python -m experiments.calibrate path={path}" in text
    assert numbers == [float(table["fit", "RMSE"]["value"])]
    assert numbers[0] == pytest.approx(0.1, rel=0.3)


@pytest.mark.parametrize(("model", "kind"), [("heston", GeometricHeston), ("bates", GeometricBates)])
def test_the_price_is_that_of_a_market_by_its_name(path, launch, composed, model, kind, tmp_path):
    to = tmp_path / "conf" / "price" / "mine.yaml"
    to.parent.mkdir(parents=True)
    folder, _ = launch(calibrate.main, f"path={path}", f"to={to}", f"surface.model={model}", *FEW)
    search = f"hydra.searchpath=[file://{tmp_path / 'conf'}]"
    cfg = composed("compare", "market=avellaneda_stoikov", "price@market.price=mine", "~market.price.sigma", search)
    price = build_market(cfg).price
    assert isinstance(price, kind)
    for name in MODELS[model]:
        assert getattr(price, name) == pytest.approx(float(estimates(folder)["parameters", name]["value"]), rel=1e-5)


def test_the_report_has_every_estimate_the_matrix_the_valley_and_the_plots(run):
    folder, price, _ = run
    report = (folder / "report.md").read_text(encoding="utf-8")
    for section, estimate in estimates(folder):
        assert f"## {section}" in report
        assert f"| {estimate} |" in report
    assert "| correlation | kappa | theta | vol | rho | v0 |" in report
    assert "together move the RMSE from" in report
    assert {file.stem for file in folder.glob("*.png")} == {"smiles", "valley"}
    assert all(f"![{name}]({name}.png)" in report for name in ("smiles", "valley"))
    assert price.read_text(encoding="utf-8").rstrip() in report
    assert "parameters: kappa" in (folder / "table.md").read_text(encoding="utf-8")


def test_the_console_shows_estimates_errors_correlations_and_the_flattest_direction(path, launch, capsys, tmp_path):
    launch(calibrate.main, f"path={path}", f"to={tmp_path / 'p.yaml'}", *FEW, "data.min_maturity_days=30")
    said = capsys.readouterr().out
    for text in (
        "Heston fitted to made-2026", "parameters: kappa", "parameters: Feller ratio 2 kappa theta / vol^2", "fit: RMSE",
        "fit: starts that ended at the best", "correlation   kappa", "Condition number", "The surface says least of this",
        "left out: maturities of 20 days", "Price: ",
    ):  # fmt: skip
        assert text in said
    assert "…" not in said


def test_without_a_name_the_price_is_that_of_file_and_model_in_conf(path, launch, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    launch(calibrate.main, f"path={path}", *FEW, "surface.model=bates", "surface.starts=1")
    assert [file.name for file in (tmp_path / "conf" / "price").iterdir()] == ["made_2026_bates.yaml"]
    held = OmegaConf.load(tmp_path / "conf" / "price" / "made_2026_bates.yaml")
    assert held._target_ == TARGETS["bates"]
    assert set(held) == {"_target_", *MODELS["bates"], "drift", "scheme"}
    with pytest.raises(SystemExit, match=r"made_2026_bates\.yaml exists: give another to=NAME, or overwrite=true"):
        launch(calibrate.main, f"path={path}", *FEW, "surface.model=bates")


def test_names_of_files_become_names_of_configs():
    assert default_name("dax_2002-07-05 (vols)", "heston") == "dax_2002_07_05_vols_heston"


def test_the_settings_of_conf_are_those_of_the_code(composed):
    config = composed("calibrate").surface
    assert isinstance(build(config), Settings)
    assert set(config) - {"_target_"} == {field.name for field in fields(Settings)}
    assert build(config) == Settings()


# plots


def test_what_is_drawn_is_what_was_found(path):
    found = fit(read(path), Settings(starts=1))
    figures = plots.figures(found, valley(found))
    for axis, smile, errors in zip(
        figures["smiles"].axes, found.surface.smiles, found.by_maturity(found.errors), strict=False
    ):
        curve, points, _ = axis.get_lines()
        assert points.get_ydata() == pytest.approx(100.0 * smile.vols)
        fitted = np.interp(smile.strikes, curve.get_xdata(), curve.get_ydata())
        assert fitted == pytest.approx(100.0 * (smile.vols + errors), abs=0.1)
    flattest, steepest = figures["valley"].axes[0].get_lines()
    assert flattest.get_ydata().min() == pytest.approx(100.0 * found.rmse)
    assert (flattest.get_ydata() <= steepest.get_ydata() + 1e-9).all()


# mistakes


@pytest.fixture
def spared(monkeypatch, refused):
    """Launch the main with overrides that it must refuse before it fits anything."""

    def work(*_):
        raise AssertionError("the mistake was found too late")

    monkeypatch.setattr(calibrate, "fit", work)
    return lambda *overrides: refused(calibrate.main, "data=option_surface", *overrides)


@pytest.mark.parametrize(("overrides", "message"), [
    ([], "error: path must name the file of an option surface, got None"),
    (["path=nowhere.json"], "path must name an option surface, got nowhere.json, which is no file"),
    (["path=README.md"], "path must be an option surface, FILE.json or FILE.csv, got README.md"),
    (["path=pyproject.json", "surface.model=sabr"], "Settings.model must be one of heston, bates, got 'sabr'"),
    (["path=x.json", "surface.starts=0"], "Settings.starts must be a whole number in"),
    (["path=x.json", "to=brownian"], "conf/price/brownian.yaml exists: give another to=NAME, or overwrite=true"),
    (["path=x.json", "to=a b"], "to must be a name (letters, digits, _) or a path ending in .yaml, got 'a b'"),
    (["path=x.json", "data.min_maturity_days=-1"], "data.min_maturity_days must be >= 0, got -1"),
])  # fmt: skip
def test_a_mistake_is_refused_by_name_rule_and_value(spared, overrides, message):
    assert message in one_line(spared(*overrides))


def test_a_surface_that_cannot_be_fitted_is_refused_before_it_is(spared, tmp_path):
    vols = [[0.2] * 5] * 6 + [[0.2, 0.2, 0.2, 0.2, None]]
    said = one_line(spared(f"path={saved(tmp_path, vols=vols)}"))
    assert "made-2026.json has 1 of 35 quotes missing, the first at strike 120, 730 days" in said
    said = one_line(spared(f"path={saved(tmp_path, vols=[[0.2, 0.2, 0.2, 0.2, 0.1]] * 7)}"))
    assert "made-2026.json has arbitrage: calendar at strike" in said
    said = one_line(spared(f"path={saved(tmp_path, strikes=[100], vols=[[0.2] * 5])}"))
    assert "heston has 5 parameters: made-2026 must hold 6 quotes or more, got 5" in said


def test_without_quantlib_the_extra_is_named_in_one_line(spared, path, monkeypatch):
    found = extras.find_spec
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name == "QuantLib" else found(name))
    said = one_line(spared(f"path={path}"))
    assert "the calibration of an option surface needs mm_env[options]: QuantLib not found" in said


# the DAX


def test_the_dax_is_fitted_by_one_command(launch, capsys, tmp_path):
    dax = real("options/dax_2002-07-05_implied_vols.json")
    to = tmp_path / "dax.yaml"
    folder, [rmse] = launch(calibrate.main, *FEW, f"path={dax}", "data.min_maturity_days=14", f"to={to}")
    assert rmse == pytest.approx(0.55854, abs=1e-5)
    said = capsys.readouterr().out
    assert "6 violations of static arbitrage let pass, the largest butterfly at strike 4500, 524 days" in said
    assert "Feller ratio: 2 kappa theta / vol^2 = 0.354 < 1" in said
    assert OmegaConf.load(to).kappa == pytest.approx(5.8515, abs=1e-4)
    assert float(estimates(folder)["surface", "quotes"]["value"]) == 91
