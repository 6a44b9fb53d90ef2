"""From a recording to a market that loads, with a report; what is wrong is said in one line before any work."""

import csv
import inspect
from dataclasses import fields

import numpy as np
import pytest
from hydra.utils import get_method
from omegaconf import OmegaConf

from experiments import calibrate
from experiments.calibration import laws, plots
from experiments.calibration.calibration import Settings
from experiments.calibration.market import market_path
from experiments.config.markets import build, build_market
from experiments.config.search_path import CONF
from mm_env import DepthImpact, Fees, Logistic, Merton, NoImpact, RegimeSwitching
from mm_env.data.lobster import read
from mm_env.markets import amzn
from tests.experiments.calibration.informed import Informed
from tests.experiments.conftest import launched
from tests.experiments.test_mistakes import one_line
from tests.mm_env.data.test_binance import log
from tests.recordings import BID, OPEN, Tape, binance_log, dealer_tape, stream

FIGURES = {"signature", "daytime", "regimes", "fills", "impact", "hawkes", "queues", "distances"}
FEW = ("settings.horizons=[1,10]", "settings.hawkes_terms=[1]", "settings.impact_horizons=[0,1]", "settings.sampling=5")


def both_sides(lines):
    """A log with buys at several prices beside its sells."""
    buys = [
        (time + 1, stream("trade", T=time, m=False, p=f"{100.05 + 0.01 * (n % 7):.8f}", q="1", t=n))
        for n, (time, message) in enumerate(lines)
        if "Ticker" in message.get("stream", "")
    ]
    return sorted([*lines, *buys[::2]], key=lambda line: line[0])


@pytest.fixture(scope="module")
def day(tmp_path_factory):
    return dealer_tape(0, 1500, 0.3, 20.0, 0.02, half_spread=2_000).save(tmp_path_factory.mktemp("day"))


@pytest.fixture(scope="module")
def informed_day(tmp_path_factory):
    """A day whose orders tell more the deeper they come."""
    law = Informed(0.05, 0.6, 0.0, 0.3, 20.0)
    tape = dealer_tape(1, 3000, 0.3, 20.0, 0.02, half_spread=4_000, jump=lambda reach: float(law.jump(reach)))
    return tape.save(tmp_path_factory.mktemp("informed"))


@pytest.fixture(scope="module")
def run(day, tmp_path_factory):
    """(the folder of the run, the market it wrote, what it returned)."""
    home = tmp_path_factory.mktemp("run")
    (home / "conf" / "market").mkdir(parents=True)
    path = home / "conf" / "market" / "test_market.yaml"
    numbers = launched(calibrate.main, home / "out", f"path={day}", f"to={path}", *FEW)
    return home / "out", path, numbers


def estimates(folder):
    with (folder / "estimates.csv").open(newline="", encoding="utf-8") as file:
        return {(row["section"], row["estimate"]): row for row in csv.DictReader(file)}


# what is written


def test_the_market_loads_by_its_name_and_has_what_was_estimated(run, composed):
    folder, path, _ = run
    made = build_market(composed("compare", "market=test_market", f"hydra.searchpath=[file://{path.parents[1]}]"))
    table = estimates(folder)
    for value, key in [
        (made.price.sigma, ("sigma", "of the market")),
        (made.venue.flow.bid.rate, ("lambda(depth), pooled", "exponential A")),
        (made.venue.fill.bid.k, ("lambda(depth), pooled", "exponential k")),
    ]:
        assert value == pytest.approx(float(table[key]["value"]), rel=1e-3)
        assert float(table[key]["standard_error"]) > 0.0
    assert (made.clock.horizon, made.clock.steps) == (600.0, 600)
    assert made.initial_mid == pytest.approx(100.0, abs=5.0)


def test_the_market_has_the_parts_of_the_one_that_is_shipped(run, composed):
    _, path, _ = run
    ours, shipped = (OmegaConf.load(file) for file in (path, CONF / "market" / "amzn.yaml"))
    assert ours.defaults == shipped.defaults
    assert set(ours) == set(shipped)
    made = build_market(composed("compare", "market=test_market", f"hydra.searchpath=[file://{path.parents[1]}]"))
    parts = [*vars(made).values(), *vars(made.venue).values()]
    assert [type(part) for part in parts] == [type(p) for p in (*vars(amzn()).values(), *vars(amzn().venue).values())]


def test_the_header_says_how_the_market_was_found(run, day):
    head = [line for line in run[1].read_text(encoding="utf-8").splitlines() if line.startswith("#")]
    assert head[0].startswith("# TEST, 2012-06-21 (LOBSTER): calibrated. ")
    text = "\n".join(head)
    assert "composite maximum likelihood" in text
    assert "a lifetime of 1 s" in text
    assert f"# python -m experiments.calibrate path={day}" in text
    table = estimates(run[0])
    sigma = table["sigma", "of the market"]
    assert f"# sigma {float(sigma['value']):.4g} ({float(sigma['standard_error']):.2g})" in text


def test_the_measured_impact_is_in_the_market_and_the_header_takes_it_out(
    informed_day, launch, composed, capsys, tmp_path
):
    path = tmp_path / "conf" / "market" / "informed.yaml"
    path.parent.mkdir(parents=True)
    folder, _ = launch(calibrate.main, f"path={informed_day}", f"to={path}", *FEW)
    table, text = estimates(folder), path.read_text(encoding="utf-8")
    search = f"hydra.searchpath=[file://{tmp_path / 'conf'}]"
    impact = build_market(composed("compare", "market=informed", search)).venue.impact.bid
    assert isinstance(impact, DepthImpact)
    for name in ("base", "slope", "bend"):
        of = " by depth" if name != "base" else ""
        assert getattr(impact, name) == pytest.approx(
            float(table["adverse selection", f"move against a fill, {name}{of}"]["value"]), rel=1e-3
        )
    assert impact.slope > 0.2
    without = next(line for line in text.splitlines() if "without it" in line).split("'")[1]
    assert isinstance(build_market(composed("compare", "market=informed", search, without)).venue.impact.bid, NoImpact)
    said = capsys.readouterr().out
    size = float(table["adverse selection", "move against a fill at 1/k, times k"]["value"])
    assert float(table["adverse selection", "move against a fill at 1/k, times k"]["standard_error"]) > 0.0
    row = next(line for line in said.splitlines() if "at 1/k, times k" in line)
    assert float(row.split()[-2]) == pytest.approx(size, abs=0.05)
    assert f"{size:.2f} times 1/k" in text


def test_the_best_law_can_be_had_and_its_override_is_the_same_market(informed_day, launch, composed, tmp_path):
    conf = tmp_path / "conf" / "market"
    conf.mkdir(parents=True)
    for name, law in (("plain", "exponential"), ("other", "logistic")):
        launch(calibrate.main, f"path={informed_day}", f"to={conf / name}.yaml", f"settings.fill={law}", *FEW)
    found = calibrate.calibrate(read(informed_day), Settings(horizons=[], hawkes_terms=[]))
    overrides = laws.named(found.laws, "logistic").overrides.split()
    search = f"hydra.searchpath=[file://{tmp_path / 'conf'}]"
    made = build_market(composed("compare", "market=other", search))
    assert isinstance(made.venue.fill.bid, Logistic)
    assert made == build_market(composed("compare", "market=plain", search, *overrides))


def restless(kind):
    """What the mid moves by beside its diffusion, twice a second: 1.5 now and then, or a normal of 0.05 in a second regime."""
    random, state = np.random.default_rng(0), {"turbulent": False}

    def moved(_):
        if kind == "jumps":
            return 1.5 * random.choice([-1.0, 1.0]) * float(random.random() < 0.002)
        if random.random() < (0.01 if state["turbulent"] else 0.002):
            state["turbulent"] = not state["turbulent"]
        return 0.05 * random.normal() * state["turbulent"]

    return moved


@pytest.mark.parametrize(
    ("kind", "default", "price"), [("jumps", "merton", Merton), ("regimes", "regimes", RegimeSwitching)]
)
def test_jumps_or_regimes_are_the_price_when_asked_for(launch, composed, kind, default, price, tmp_path):
    tape = dealer_tape(2, 3000, 0.3, 20.0, 0.02, half_spread=4_000, jump=restless(kind))
    path = tmp_path / "conf" / "market" / "restless.yaml"
    path.parent.mkdir(parents=True)
    day = tape.save(tmp_path)
    folder, _ = launch(calibrate.main, f"path={day}", f"to={path}", f"settings.price={kind}", *FEW)
    table, held = estimates(folder), OmegaConf.load(path)
    assert [one for one in held.defaults if "price" in str(one)] == [{"/price@price": default}]
    made = build_market(composed("compare", "market=restless", f"hydra.searchpath=[file://{tmp_path / 'conf'}]")).price
    assert isinstance(made, price)
    value = {name: float(row["value"]) for (section, name), row in table.items() if section == kind}
    if kind == "jumps":
        assert made.sigma == pytest.approx(value["sigma without these"], rel=1e-3)
        assert made.rate == pytest.approx(value["rate of these"], rel=1e-3)
        assert made.jump_std == pytest.approx(value["root mean square of these"], rel=1e-3)
        assert value["p value of no jumps"] < 1e-6
    else:
        out, back = value["rate from calm to turbulent"], value["rate from turbulent to calm"]
        assert made.price.sigma == pytest.approx(value["sigma, calm"], rel=1e-3)
        assert made.volatility == (1.0, pytest.approx(value["sigma, turbulent"] / value["sigma, calm"], rel=1e-3))
        assert [made.rates[0][1], made.rates[1][0]] == pytest.approx([out, back], rel=1e-3)


@pytest.mark.parametrize(("price", "message"), [
    ("jumps", "settings.price: no jump is told in 300 returns"),
    ("regimes", "settings.price: two regimes are not told from one by Schwarz's criterion"),
])  # fmt: skip
def test_a_day_without_them_makes_no_market_of_them(day, launch, price, message, tmp_path):
    with pytest.raises(SystemExit, match=message):
        launch(calibrate.main, f"path={day}", f"to={tmp_path / 'm.yaml'}", f"settings.price={price}", *FEW)
    assert not (tmp_path / "m.yaml").exists()


def test_what_was_estimated_is_shown_though_no_market_can_be_made(launch, capsys, tmp_path):
    quiet = Tape(2, "QUIET", close=OPEN + 300)
    for i in range(1, 9):
        quiet.preload(BID, 1_000_000 - 100 * i, 500)
        quiet.preload(-BID, 1_000_000 + 100 * i, 500)
    quiet.other(OPEN, 5, 1_000_000)
    for i in range(200):
        side = BID if i % 2 else -BID
        quiet.execute(OPEN + 1 + 1.4 * i, side, 1_000_000 - 100 * side, 1)
    path = quiet.save(tmp_path)
    with pytest.raises(
        SystemExit, match="error: no market can be made of QUIET's recording: sigma: the mid moved in 0 of"
    ):
        launch(calibrate.main, f"path={path}", f"to={tmp_path / 'm.yaml'}", *FEW)
    said = capsys.readouterr().out
    assert "spread: time-weighted mean" in said
    assert "come to 0.01 and no further: how they decay with depth is not told" in said
    assert not (tmp_path / "m.yaml").exists()


def test_the_report_has_every_estimate_and_plot(run):
    folder, path, _ = run
    report, table = (
        (folder / "report.md").read_text(encoding="utf-8"),
        (folder / "table.md").read_text(encoding="utf-8"),
    )
    for (section, estimate), _row in estimates(folder).items():
        assert f"## {section}" in report
        assert f"| {estimate} |" in report
    assert {file.stem for file in folder.glob("*.png")} == FIGURES
    assert all(f"![{name}]({name}.png)" in report for name in FIGURES)
    assert path.read_text(encoding="utf-8").rstrip() in report
    assert "lambda(depth), pooled: exponential k" in table


def test_the_number_of_a_run_is_how_far_the_fit_is_from_the_fills(run):
    gap = estimates(run[0])["lambda(depth), pooled", "exponential, largest gap in the chance of a fill"]
    assert run[2] == [float(gap["value"])]


def test_the_console_shows_the_main_estimates(day, launch, capsys, tmp_path):
    launch(calibrate.main, f"path={day}", f"to={tmp_path / 'market.yaml'}", *FEW)
    said = capsys.readouterr().out
    assert "TEST, 2012-06-21 (LOBSTER), quotes of 1 s" in said
    assert "lambda(depth), pooled: exponential k" in said
    assert "checked: visible messages whose row differs" in said
    assert "…" not in said


def test_what_the_reader_says_of_a_recording_is_on_the_console_and_in_the_report(launch, capsys, tmp_path):
    nothing = ("settings.horizons=[]", "settings.hawkes_terms=[]", "settings.impact_horizons=[]")
    path = binance_log(tmp_path / "log.gz", [(t, m) for t, m in log(edit=both_sides) if "lastUpdateId" not in m])
    with pytest.raises(SystemExit, match="no market can be made"):  # of so short a log
        launch(
            calibrate.main,
            "data=binance",
            f"path=[{path}]",
            f"to={tmp_path / 'm.yaml'}",
            "settings.lifetime=0.5",
            *nothing,
        )
    folder = tmp_path / "out0"
    said, report = capsys.readouterr().out, (folder / "report.md").read_text(encoding="utf-8")
    for text in (said, report):
        assert (
            "The tick of 0.01 is a guess, the largest step that all prices are multiples of: tick= gives another."
            in text
        )
        assert "Nothing was compared with the best quotes: the log holds no snapshot" in text
        assert "that differ" not in text
    assert "read: share of time locked or crossed" in said
    assert {"longest stretch locked or crossed", "share of time one-sided"} <= {name for _, name in estimates(folder)}


def test_a_day_and_a_tick_are_chosen_on_the_command_line(day, launch, tmp_path):
    folder, _ = launch(
        calibrate.main,
        f"path={day}",
        f"to={tmp_path}/m.yaml",
        "data.day=2012-06-21",
        "data.instrument=TEST",
        "data.tick=1e-4",
        *FEW,
    )
    assert float(estimates(folder)["read", "tick"]["value"]) == pytest.approx(1e-4)
    assert "guess" not in (folder / "report.md").read_text(encoding="utf-8")


def test_a_sweep_over_lifetimes_gives_a_number_each(day, launch, tmp_path):
    _, numbers = launch(
        calibrate.main, "-m", "settings.lifetime=1,2", f"path={day}", f"to={tmp_path}/m.yaml", "overwrite=true", *FEW
    )
    assert len(set(numbers)) == 2


def test_binance_lacks_what_needs_single_messages_and_says_so(launch, tmp_path):
    path = binance_log(tmp_path / "log.gz", log(seed=3, edit=both_sides))
    folder, _ = launch(
        calibrate.main, "data=binance", f"path=[{path}]", f"to={tmp_path / 'm.yaml'}", "settings.lifetime=0.5", *FEW
    )
    report = (folder / "report.md").read_text(encoding="utf-8")
    assert "queue-reactive and zero-intelligence intensities: Binance does not record single messages" in report
    assert {file.stem for file in folder.glob("*.png")} == FIGURES - {"queues", "distances", "regimes"}
    assert "BTCUSDT, 2024-08-08 (Binance): calibrated" in (tmp_path / "m.yaml").read_text(encoding="utf-8")


def test_without_a_name_the_market_is_that_of_instrument_and_day_in_conf_of_an_empty_folder(
    monkeypatch, day, launch, composed, tmp_path
):
    monkeypatch.chdir(tmp_path)
    launch(calibrate.main, f"path={day}", *FEW)
    assert [file.name for file in (tmp_path / "conf" / "market").iterdir()] == ["test_20120621.yaml"]
    assert build_market(composed("compare", "market=test_20120621")).order_size == 1.0
    with pytest.raises(SystemExit, match=r"test_20120621\.yaml exists: give another to=NAME, or overwrite=true"):
        launch(calibrate.main, f"path={day}", *FEW)


def test_a_name_is_a_file_of_conf_and_a_path_is_itself(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert market_path("mine") == tmp_path / "conf" / "market" / "mine.yaml"
    assert market_path(f"{tmp_path}/mine.yaml") == tmp_path / "mine.yaml"
    assert market_path(None, "BTCUSDT", "2024-08-08") == tmp_path / "conf" / "market" / "btcusdt_20240808.yaml"


def test_a_file_is_written_over_only_when_told_to(day, launch, tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("# mine\n", encoding="utf-8")
    with pytest.raises(SystemExit, match=r"error: .*mine\.yaml exists: give another to=NAME, or overwrite=true"):
        launch(calibrate.main, f"path={day}", f"to={path}", *FEW)
    assert path.read_text(encoding="utf-8") == "# mine\n"
    launch(calibrate.main, f"path={day}", f"to={path}", "overwrite=true", *FEW)
    assert "calibrated" in path.read_text(encoding="utf-8")


def test_what_is_not_asked_for_is_left_out(day, launch, tmp_path):
    nothing = ("settings.horizons=[]", "settings.hawkes_terms=[]", "settings.impact_horizons=[]")
    folder, _ = launch(calibrate.main, f"path={day}", f"to={tmp_path / 'market.yaml'}", *nothing)
    assert {file.stem for file in folder.glob("*.png")} == FIGURES - {"hawkes", "signature", "regimes"}
    assert {section for section, _ in estimates(folder)}.isdisjoint({"impact", "Hawkes, all orders, 1 exponential"})


# plots


def test_what_is_drawn_is_what_was_found(run, day):
    found = calibrate.calibrate(read(day), Settings(horizons=[1.0, 10.0], sampling=5.0))
    figures = plots.figures(found)
    assert {name for name, figure in figures.items() if figure} == FIGURES
    rates, chances = figures["fills"].axes
    bids = next(line for line in rates.get_lines() if line.get_label() == "bid quotes")
    reach = found.fits["bid"].reach
    shown = reach.depths.searchsorted(bids.get_xdata()[3])
    assert chances.get_lines()[0].get_ydata()[3] == pytest.approx(reach.fills[shown] / len(reach.reached))
    fitted = next(line for line in rates.get_lines() if "A exp" in line.get_label())
    assert fitted.get_ydata() == pytest.approx(found.fits["pooled"].exponential.rates(fitted.get_xdata()))
    assert figures["signature"].axes[0].get_lines()[0].get_ydata().tolist() == [v.sigma.value for v in found.signature]


# conf


@pytest.mark.parametrize("path", sorted((CONF / "data").glob("*.yaml")), ids=lambda path: path.stem)
def test_a_readers_yaml_names_its_parameters_exactly(path):
    config = OmegaConf.load(path)
    assert set(config) - {"_target_"} == set(inspect.signature(get_method(config._target_)).parameters)


def test_the_settings_of_conf_are_those_of_the_code(composed):
    config = composed("calibrate").settings
    assert isinstance(build(config), Settings)
    assert set(config) - {"_target_"} == {field.name for field in fields(Settings)}


# mistakes


def no_reader(**parameters):
    return Fees()


@pytest.fixture
def spared(monkeypatch, refused):
    """Launch the main with overrides that it must refuse before it estimates anything."""

    def work(*_):
        raise AssertionError("the mistake was found too late")

    monkeypatch.setattr(calibrate, "calibrate", work)
    return lambda *overrides: refused(calibrate.main, *overrides)


@pytest.mark.parametrize(("overrides", "message"), [
    ([], "error: path must name the file of a recording, got None"),
    (["path=nowhere.zip"], "path must name recorded days, got nowhere.zip, which is no file"),
    (["data=lobster", "path=nowhere.zip"], "path must name a LOBSTER zip, folder or message CSV, got nowhere.zip, which is"),
    (["path=x.zip", "kind=desk"], "kind must be one of dealer, book, replay, got 'desk'"),
    (["data=binance", "path=nowhere.gz"], "path must name a Binance log, got nowhere.gz, which is no file"),
    (["data=binance", "path=[]"], "got no bookTicker in no file"),
    (["path=[a.zip,b.zip]"], "path must name recorded days, got a.zip, which is no file"),
    (["data=lobster", "path=[a.zip,b.zip]"], "path must be one file, got ['a.zip', 'b.zip']"),
    (["path=README.md"], "path must name a day of README.md, which holds no recording"),
    (["data=lobster", "path=README.md"], "a CSV called TICKER_DATE_START_END_message_LEVEL.csv, got README.md"),
    (["data=binance", "path=README.md"], "README.md, line 1: a line must be a time in ns and a message"),
    (["path=x.zip", "to=amzn"], "conf/market/amzn.yaml exists: give another to=NAME, or overwrite=true"),
    (["path=x.zip", "to=a b"], "to must be a name (letters, digits, _) or a path ending in .yaml, got 'a b'"),
    (["path=x.zip", "to=nowhere/x.yaml"], "to must lie in a folder that exists, got nowhere/x.yaml"),
    (["path=x.zip", "settings.lifetime=0"], "Settings.lifetime must be > 0, got 0"),
    (["path=x.zip", "settings.lifetime=abc"], "Settings.lifetime must be > 0, or an array"),
    (["path=x.zip", "settings.max_depth=-1"], "Settings.max_depth must be > 0, got -1"),
    (["path=x.zip", "settings.horizons=5"], "Settings.horizons must be a list, got 5"),
    (["path=x.zip", "settings.horizons=[1,0]"], "Settings.horizons must be >= 0.001, got 0"),
    (["path=x.zip", "settings.hawkes_terms=[1.5]"], "Settings.hawkes_terms must be a whole number in [1, 4], got 1.5"),
    (["path=x.zip", "settings.fill=gamma"], "Settings.fill must be best or one of exponential, power_law, logistic, linear,"),
    (["path=x.zip", "settings.price=heston"], "Settings.price must be one of brownian, jumps, regimes, got 'heston'"),
    (["path=x.zip", "settings.sampling=0"], "Settings.sampling must be > 0, got 0"),
    (["path=x.zip", "settings.day_part=-1"], "Settings.day_part must be > 0, got -1"),
    (["path=x.zip", "settings.distances=0"], "Settings.distances must be a whole number in"),
    (["path=x.zip", f"data._target_={__name__}.no_reader"], "data must describe a reader of recordings, got Fees"),
])  # fmt: skip
def test_a_mistake_is_refused_by_name_rule_and_value(spared, overrides, message):
    assert message in one_line(spared(*overrides))


def test_data_of_an_unknown_kind_is_refused(spared):
    assert "Could not find 'data/nowhere'" in spared("data=nowhere")


def test_of_a_recording_that_is_too_short_or_without_trades_no_market_is_made(launch, tmp_path):
    to = f"to={tmp_path / 'm.yaml'}"
    quiet = Tape(2, "QUIET", close=OPEN + 300)
    quiet.preload(-BID, 1_000_100, 1)
    quiet.new(OPEN, BID, 999_900)
    for tape, message in (
        (dealer_tape(0, 50, 0.3, 20.0, 0.02), "a recording must hold 100 lifetimes of 1 s or more, got 50"),
        (quiet, "lambda(depth) needs fills at two depths or more, 10 at least, got 0 in 300 lifetimes of 1 s"),
    ):
        with pytest.raises(SystemExit) as ended:
            launch(calibrate.main, f"path={tape.save(tmp_path)}", to, *FEW)
        assert message in str(ended.value.code)
        assert len(str(ended.value.code).splitlines()) == 1
        assert not (tmp_path / "m.yaml").exists()
