"""What ships acts, is worth what is stated, and says where it is not at home."""

import warnings
from dataclasses import replace

import numpy as np
import pytest

from experiments import zoo
from experiments.config.markets import build_market
from experiments.config.stored import run_config
from experiments.evaluation.skill_references import SkillReferences
from mm_env.markets import MARKETS

SHIPPED = zoo.shipped()
NAMES = [f"{one.agent}_{one.market}" for one in SHIPPED]
EXACT = [one for one in SHIPPED if not one.half_width]


def test_several_agents_ship_and_none_is_large():
    assert len(SHIPPED) >= 3
    assert all(one.skill > 0.8 for one in SHIPPED)
    files = [path for path in zoo.FOLDER.rglob("*") if path.is_file()]
    assert max(path.stat().st_size for path in files) <= zoo.LARGEST
    assert {path.parent.name for path in files} == set(NAMES)


@pytest.mark.parametrize("one", SHIPPED, ids=NAMES)
def test_an_agent_acts_in_the_market_that_its_name_names(one):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        policy = zoo.load(one.agent, market=one.market)
    market = MARKETS[one.market]()
    seen = np.stack([market.observation_space.sample() for _ in range(5)])
    actions = np.asarray(policy.act(seen))
    assert all(action in market.action_space for action in actions.astype(market.action_space.dtype))


@pytest.mark.parametrize(
    "one",
    [pytest.param(one, marks=pytest.mark.slow) if one.market == "small_book" else one for one in EXACT],
    ids=lambda one: f"{one.agent}_{one.market}",
)
def test_an_exact_skill_is_as_stated(one):
    market = MARKETS[one.market]()
    skill = SkillReferences.of(market).exact_skill(zoo.load(one.agent, market=one.market))
    assert skill == pytest.approx(one.skill, abs=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("one", [one for one in SHIPPED if one.half_width], ids=lambda one: f"{one.agent}_{one.market}")
def test_a_simulated_skill_is_as_stated(one):
    place = zoo.place_of(one.agent, one.market)
    market = build_market(run_config(place))
    found = zoo.skill_of(market, zoo.load(one.agent, one.market), one.episodes, one.evaluation_seed)[0]
    assert not zoo.is_off(one, found)


def test_another_market_is_noted_or_refused():
    market = MARKETS["amzn"]()
    with pytest.warns(zoo.OtherMarket, match=r"ppo_amzn was trained on another market.*max_inventory 20.0, got 10.0"):
        zoo.load("ppo", market="amzn", to=replace(market, max_inventory=10.0))
    with pytest.raises(ValueError, match="was trained with quote SpreadAndSkew"):
        zoo.load("ppo", market="amzn", to=replace(market, quote=replace(market.quote, max_skew=0.3)))
    with pytest.raises(ValueError, match="was trained with observation_names"):
        zoo.load("ppo", market="amzn", to=MARKETS["heston"]())


def test_a_market_that_changed_since_is_noted(monkeypatch):
    changed = replace(MARKETS["amzn"](), initial_mid=221.0)
    monkeypatch.setitem(MARKETS, "amzn", lambda: changed)
    with pytest.warns(zoo.OtherMarket, match=r"initial_mid 220.0, got 221.0"):
        zoo.load("ppo", market="amzn")


def test_who_does_not_ship_is_refused_with_those_that_do():
    with pytest.raises(ValueError, match=r"got \('sac', 'amzn'\); known: .*\('ppo', 'amzn'\)"):
        zoo.load("sac", market="amzn")


def test_the_table_lists_every_agent_with_its_command():
    text = (zoo.FOLDER.parent / zoo.TABLE).read_text(encoding="utf-8")
    assert text == zoo.table()
    for one in SHIPPED:
        assert one.command.startswith("python -m experiments.train ")
        assert {f"agent={one.agent}", f"market={one.market}"} <= set(one.command.split())
        assert f"| {one.skill_says} |" in text
