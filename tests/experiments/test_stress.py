"""The stress battery: one content in three forms, paired with calm, the worse way of a gap, reverse stress, mistakes."""

import csv
import json
import math

import numpy as np
import pytest

from agents.policy import RandomPolicy, policy_of
from experiments import stress
from experiments.config.search_path import configs
from experiments.studies.stress import REVERSED, Battery, allowed, brought, capital_of, is_ruined, scenarios_of
from experiments.studies.stress_report import in_words
from mm_env import Stress
from mm_env.desks import DESKS
from mm_env.markets import MARKETS, cartea_jaimungal
from mm_env.rollout import inventory_levels, run_depths
from mm_env.stress.stress import CALM
from tests.experiments.conftest import SMALL

TWO = (
    "agents=[fixed_symmetric,cartea_jaimungal]",
    "scenarios=[calm,volatility_x5,gap]",
    "reverse=[gap]",
    "optimum=false",
)


@pytest.fixture(scope="module")
def battery():
    """Two strategies on a small market."""
    from dataclasses import replace

    from agents import CarteaJaimungal, FixedSymmetric
    from mm_env.clock import FiniteHorizon

    market = replace(cartea_jaimungal(), clock=FiniteHorizon(1.0, 10), max_inventory=3.0)
    careful = CarteaJaimungal(rate=10.0, kappa=1.0, phi=0.5, alpha=0.001, horizon=1.0, max_inventory=3)
    strategies = {"careful": careful, "careless": FixedSymmetric(0.5)}
    return Battery(market, {name: policy_of(s, market) for name, s in strategies.items()}, 2000, 1)


def told(folder):
    return json.loads((folder / "stress.json").read_text(encoding="utf-8"))


def test_it_writes_one_content_and_is_paired_with_calm(launch, capsys):
    folder, (worst,) = launch(stress.main, *SMALL, *TWO)
    rows = told(folder)
    assert len(rows) == 6
    by = {(row["scenario"], row["agent"]): row for row in rows}
    for agent in ("fixed_symmetric", "cartea_jaimungal"):
        assert by["calm", agent]["change"] == [0.0, 0.0]  # the very same episodes
        assert by["calm", agent]["calm"] == by["gap", agent]["calm"] == by["calm", agent]["stressed"]
        assert by["gap", agent]["change"][0] < 0.0
    assert worst == min(row["change"][0] for row in rows if row["agent"] == "fixed_symmetric")
    tails = [[row["tail"][0] for row in rows[i : i + 2]] for i in (0, 2, 4)]
    assert tails == sorted(map(sorted, tails))  # worst first
    with (folder / "stress.csv").open(newline="", encoding="utf-8") as file:
        for line, row in zip(csv.DictReader(file), rows, strict=True):
            assert float(line["change"]) == row["change"][0]
            assert float(line["cvar_95_half_width"]) == row["tail"][1]
    text = (folder / "stress.md").read_text(encoding="utf-8")
    assert len([line for line in text.splitlines() if line.startswith(("| calm", "| gap", "| vol"))]) == 6
    assert (folder / "stress.png").stat().st_size > 10_000
    assert (folder / "reverse.md").is_file()
    assert "the smallest stress that ruins" in capsys.readouterr().out


def test_the_calm_optimum_plays_too_or_why_not_is_said(launch, capsys):
    one = ("agents=[fixed_symmetric]", "scenarios=[gap]", "reverse=[]")
    rows = told(launch(stress.main, *SMALL, *one)[0])
    assert {row["agent"] for row in rows} == {"fixed_symmetric", "optimum"}
    capsys.readouterr()
    rows = told(launch(stress.main, *SMALL, *one, "reward@market.reward=asymmetric_damping", "~market.reward.phi")[0])
    assert {row["agent"] for row in rows} == {"fixed_symmetric"}
    assert "optimum is left out: reward" in " ".join(capsys.readouterr().out.split())


def test_of_a_gap_each_episode_meets_the_way_that_costs_it_more(battery):
    policy, gap = battery.policies["careless"], Stress(gap=1.0)
    worse = battery.play(policy, gap)
    ways = [battery.met(policy, way) for way in gap.against()]
    assert (worse.profit == np.minimum(*(way.profit for way in ways))).all()
    at = [
        np.where(ways[0].profit <= ways[1].profit, *(getattr(way, name) for way in ways))
        for name in ("profit", "drawdown")
    ]
    assert (worse.profit == at[0]).all()
    assert (worse.drawdown == at[1]).all()


def test_calm_is_the_market_itself_to_the_bit(battery):
    table = battery.policies["careful"].table()
    direct = run_depths(battery.market, table.depths(), 2000, 1)
    assert (battery.play(battery.policies["careful"], CALM).profit == direct.profit).all()
    assert len(inventory_levels(battery.market)) == 7


def test_an_agent_that_draws_does_so_alike_in_every_scenario(battery):
    policy = RandomPolicy(battery.market)
    assert (battery.play(policy, CALM).profit == battery.play(policy, CALM).profit).all()


def test_the_smallest_severity_is_on_the_edge_of_ruin(battery):
    calm = battery.calm()
    capital = capital_of(None, calm)
    assert capital == 5.0 * np.median([found.profit.std() for found in calm.values()])
    assert capital_of(2.5, calm) == 2.5
    gap = Stress(gap=1.0)
    for found in battery.reverse("gap", gap, capital, 0.05, 400.0):
        policy = battery.policies[found.agent]
        shares = [is_ruined(battery.play(policy, gap.times(found.severity * x)), capital).mean() for x in (0.98, 1.0)]
        assert shares[0] < 0.05 <= shares[1]
        assert found.stress == gap.times(found.severity)
    nobody = battery.reverse("gap", gap, 1e9, 0.05, 2.0)
    assert all(math.isnan(found.severity) for found in nobody)
    everybody = battery.reverse("gap", gap, 1e-9, 0.05, 2.0)
    assert [found.severity for found in everybody] == [0.0, 0.0]


def test_bisection_finds_a_severity_that_is_known():
    """Two units held, no clients, a mid that only gaps: severity s costs 2 s deviations, and the capital is 6."""
    from dataclasses import replace

    import mm_env
    from agents import FixedSymmetric

    market = replace(
        cartea_jaimungal(), venue=mm_env.Dealer(mm_env.Poisson(0.0), mm_env.Exponential(1.0)), initial_inventory=2.0,
        clock=mm_env.FiniteHorizon(1.0, 10), price=mm_env.Brownian(1.0),
    )  # fmt: skip
    battery = Battery(market, {"nobody": policy_of(FixedSymmetric(0.5), market)}, 500, 1)
    lost = battery.play(battery.policies["nobody"], Stress(0.0, 1.0, volatility=0.0, gap=2.0)).profit
    assert lost == pytest.approx(np.full(500, -4.0))
    (found,) = battery.reverse("gap", Stress(0.0, 1.0, volatility=0.0, gap=1.0), 6.0, 0.5, 30.0)
    assert 3.0 <= found.severity <= 3.0 * 1.02


def test_an_account_that_is_closed_is_ruined(battery):
    episodes = battery.met(battery.policies["careful"], CALM)
    found = brought(episodes)
    assert not found.closed.any()
    assert (is_ruined(found, 1e9) == (found.closed > 0.0)).all()
    assert is_ruined(found._replace(closed=np.ones(2000)), 1e9).all()
    assert (is_ruined(found, 1.0) == (episodes.drawdown >= 1.0)).all()


def test_scenarios_by_name_and_of_ones_own():
    from omegaconf import OmegaConf

    own = OmegaConf.create([{"name": "late", "base": "gap", "begins": 0.9}, {"name": "mild", "volatility": 1.5}])
    found = scenarios_of(["volatility_x3", *own])
    assert list(found) == ["volatility_x3", "late", "mild"]
    assert found["late"] == Stress(begins=0.9, gap=3.0)
    assert found["mild"] == Stress(volatility=1.5)
    assert in_words(found["late"].times(2.0)) == "gap 6"


def test_without_names_it_is_all_that_the_market_allows_and_why_the_rest_is_not():
    pool = MARKETS["pool"]()
    kept, refused = allowed(pool, None)
    assert "pool_exploit" in kept
    assert "calm" not in kept
    assert kept["volatility_x3"] == Stress(volatility=3.0)
    assert refused["adverse_selection"].startswith("Stress needs a market with clients of a Dealer")
    assert set(kept) | set(refused) | {"calm"} == set(configs("stress"))
    assert list(allowed(pool, None, REVERSED)[0]) == ["volatility_x3", "gap", "pool_exploit"]
    with pytest.raises(ValueError, match="a market with clients of a Dealer"):
        allowed(pool, ["adverse_selection"])
    with pytest.raises(ValueError, match="a market of one quoted instrument"):
        allowed(DESKS["two_bonds"](), None)


@pytest.mark.parametrize(("override", "said"), [
    ("scenarios=[volatilty_x3]", "got 'volatilty_x3'. Did you mean 'volatility_x3'?"),
    ("scenarios=[]", "scenarios must be a list of names"),
    ("reverse=gap", "reverse must be a list of names"),
    ("scenarios=gap", "scenarios must be a list of names"),
    ("scenarios=[gap,gap]", "scenarios must have names of their own, got 'gap' twice"),
    ("scenarios=[no_hedging]", "Stress needs a market with hedges"),
    ("scenarios=[{name:x,base:gap,gapp:3}]", "unexpected keyword argument 'gapp'"),
    ("optimum=2", "optimum must be true or false, got 2"),
    ("capital=0", "capital must be > 0, got 0"),
    ("ruin=0", "ruin must be in (0, 1], got 0"),
    ("most=-1", "most must be > 0, got -1"),
    ("market=two_bonds", "Stress needs a market of one quoted instrument, got a Desk"),
    ("agents=[ppo]", "agents must name at least one that the market allows"),
])  # fmt: skip
def test_a_mistake_is_one_line_before_any_work(launch, override, said):
    with pytest.raises(SystemExit) as ended:
        launch(stress.main, *(() if "market" in override else SMALL), *TWO, override)
    assert said in str(ended.value.code)
