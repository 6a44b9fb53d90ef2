"""The risk report: exact values of normal profits, terms that sum to the profit, paths that are the episodes', and the page."""

import csv
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

import mm_env
from agents import CarteaJaimungal, FixedSymmetric
from agents.policy import policy_of
from experiments import risk
from experiments.studies.risk import REST, portraits, share, terms
from experiments.studies.stress import Battery
from experiments.studies.watch import watch
from mm_env.clock import FiniteHorizon
from mm_env.markets import cartea_jaimungal
from mm_env.metrics import cvar, value_at_risk
from tests.experiments.conftest import SMALL, launched
from tests.experiments.reporting.browser import CHROMIUM, seen


@pytest.fixture(scope="module")
def battery():
    """Two strategies in a small market with a margin and volatile mid."""
    market = replace(
        cartea_jaimungal(), price=mm_env.Brownian(2.0), clock=FiniteHorizon(1.0, 10), max_inventory=3.0,
        margin=mm_env.MaintenanceMargin(capital=6.0, per_unit=1.5, liquidation_cost=0.5),
    )  # fmt: skip
    careful = CarteaJaimungal(rate=10.0, kappa=1.0, phi=0.5, alpha=0.001, horizon=1.0, max_inventory=3)
    strategies = {"careful": careful, "careless": FixedSymmetric(0.5)}
    return Battery(market, {name: policy_of(s, market) for name, s in strategies.items()}, 1000, 1)


@pytest.fixture(scope="module")
def found(battery):
    return portraits(battery)


@pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
def test_the_tails_of_normal_profits_are_exact(level):
    """VaR = z_p and CVaR = -density(z_p) / p at p = 1 - level."""
    x, p = np.random.default_rng(1).normal(2.0, 3.0, 400_000), 1.0 - level
    for estimate, wanted in ((value_at_risk(x, level), norm.ppf(p)), (cvar(x, level), -norm.pdf(norm.ppf(p)) / p)):
        assert abs(estimate.value - (2.0 + 3.0 * wanted)) < 2.0 * estimate.half_width
    width = value_at_risk(x, level).half_width
    asymptotic = 1.959964 * 3.0 * np.sqrt(p * level / len(x)) / norm.pdf(norm.ppf(p))
    assert width == pytest.approx(asymptotic, rel=0.1)


def test_the_interval_of_var_holds_nineteen_times_of_twenty():
    random, hits = np.random.default_rng(2), 0
    for _ in range(1000):
        value, half = value_at_risk(random.exponential(size=400))
        hits += abs(value - -np.log(0.95)) < half
    assert abs(hits - 950) < 40
    assert np.isnan(value_at_risk(np.array([1.0])).half_width)


def test_wilsons_interval_tells_something_of_what_never_happened():
    assert share(np.zeros(1000, bool)) == pytest.approx((0.0, 0.0, 0.003826757), abs=1e-8)
    assert share(np.arange(10) < 5) == pytest.approx((0.5, 0.2365931, 0.7634069), abs=1e-6)


def test_terms_sum_to_the_profit_and_their_shares_to_one(found):
    for each in found.values():
        e = each.episodes
        assert sum(terms(e).values()) == pytest.approx(e.profit, abs=1e-9)
        assert (terms(e)["spread"] == e.spread_captured).all()
        assert sum(part.variance.value for part in each.parts()) == pytest.approx(1.0)
        assert list(terms(e))[-1] == REST


def test_what_was_watched_are_the_episodes_themselves(battery, found):
    for name, each in found.items():
        assert (each.watched.profit[-1] == each.episodes.profit).all()
        assert (each.watched.inventory[-1] == each.episodes.terminal_inventory).all()
        assert each.watched.profit[-1][each.worst[0]] == each.episodes.profit.min()
        mean = np.abs(each.watched.inventory[1:]).mean(axis=0)
        lived = each.episodes.closed == 0.0
        assert mean[lived] == pytest.approx(each.episodes.mean_absolute_inventory[lived])
        assert each.watched.quotes.shape == (10, 3, 2), name
    careless = watch(battery, battery.policies["careless"], np.array([5]))
    depths = careless.quotes[0, 0] - careless.mid[0, 5]
    assert depths == pytest.approx([-0.5, 0.5])
    ruined = int(np.argmax(found["careless"].episodes.closed))
    quotes = watch(battery, battery.policies["careless"], np.array([ruined])).quotes[:, 0]
    lived = round(10 * found["careless"].episodes.time_open[ruined])
    assert np.isfinite(quotes[:lived]).all()
    assert np.isnan(quotes[lived:]).all()


def test_margin_use_is_the_position_over_the_largest_allowed(found):
    """Of a maintenance margin: per_unit |q| / (capital + profit)."""
    seen = found["careful"].watched
    wanted = 1.5 * np.abs(seen.inventory) / (6.0 + seen.profit)
    alive = (seen.inventory != 0.0) & (wanted > 2e-3)
    assert seen.margin[alive] == pytest.approx(wanted[alive], rel=1e-3)
    assert not seen.margin[seen.inventory == 0.0].any()


def test_who_is_short_of_volatility_loses_by_it_and_clients_are_worth_something(found):
    moves = {of.factor: of for of in found["careless"].sensitivities}
    assert moves["volatility + 10 %"].tail.value < 0.0
    assert moves["clients + 10 %"].profit.value > 0.0
    assert moves["adverse + 0.1 s.d."].profit.value < 0.0
    assert "correlation - 10 %" not in moves


def test_the_time_to_close_is_the_position_over_the_clients_of_a_side(battery, found):
    each = found["careful"]
    usual, most = each.time_to_close(battery.market)
    came = each.episodes.arrivals.mean() / 2.0
    assert usual == pytest.approx(np.abs(each.watched.inventory[1:]).mean() / came)
    assert most == pytest.approx(np.quantile(np.abs(each.watched.inventory[1:]), 0.99) / came)
    assert np.isnan(each.time_to_close(mm_env.markets.pool())[0])


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The folder of a report, and what its main returned."""
    folder = tmp_path_factory.mktemp("risk")
    options = ("agents=[fixed_symmetric]", "scenarios=[gap,volatility_x5]", "episodes=500")
    return folder, *launched(risk.main, folder, *SMALL, *options)


def test_it_writes_one_page_and_its_tables(written):
    folder, tail = written
    page = (folder / "report.html").read_text(encoding="utf-8")
    for title in ("Profit and its tails", "What makes the profit", "Exposure by factor", "Margin and liquidity",
                  "Scenarios by loss", "Worst episodes", "What the optimum would have lost"):  # fmt: skip
        assert page.count(f"<h2>{title}</h2>") == 1
    assert 'name="viewport"' in page
    with (folder / "risk_summary.csv").open(newline="", encoding="utf-8") as file:
        rows = {row["agent"]: row for row in csv.DictReader(file)}
    assert set(rows) == {"fixed_symmetric", "optimum"}
    assert float(rows["fixed_symmetric"]["cvar_95"]) == tail
    assert float(rows["fixed_symmetric"]["gap_loss"]) < 0.0
    with (folder / "risk_optimum.csv").open(newline="", encoding="utf-8") as file:
        beside = {row["agent"]: row for row in csv.DictReader(file)}
    assert float(beside["optimum"]["avoided"]) == 0.0
    assert float(beside["fixed_symmetric"]["avoided"]) > 0.0
    assert len(list((folder / "figures").glob("*.svg"))) == 4


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")
@pytest.mark.parametrize("width", [1280, 390])
def test_a_browser_shows_all_of_it_on_a_desk_and_on_a_telephone(written, width, tmp_path):
    told, console = seen(written[0] / "report.html", width, tmp_path)
    assert console == []
    assert told["reach"] <= width == told["width"]  # nothing to scroll sideways but within the tables
    assert told["cut"] == []
    assert min(told["text"]) >= 12.9  # pixels
    assert len(told["pictures"]) == 4
    assert all(complete and natural > 0 and shown >= 320 for complete, natural, shown in told["pictures"])


@pytest.mark.parametrize(("override", "said"), [
    ("scenarios=[]", "scenarios must be a list of names"),
    ("episodes=1", "episodes must be"),
    ("optimum=2", "optimum must be true or false, got 2"),
    ("capital=0", "capital must be > 0, got 0"),
    ("agents=[ppo]", "agents must name at least one"),
    ("market=two_bonds", "Stress needs a market of one quoted instrument, got a Desk"),
])  # fmt: skip
def test_a_mistake_is_one_line_before_any_work(launch, override, said):
    with pytest.raises(SystemExit) as ended:
        launch(risk.main, *(() if "market" in override else SMALL), "agents=[fixed_symmetric]", override)
    assert said in str(ended.value.code)
