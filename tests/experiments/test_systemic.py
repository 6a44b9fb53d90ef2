"""What makers' quotes do to all of them, as a command."""

import csv
from dataclasses import replace

import numpy as np
import pytest

from agents.policy import policy_of
from agents.strategies.fixed import FixedSymmetric
from experiments import systemic
from experiments.studies.systemic import Makers
from mm_env.competitions import COMPETITIONS
from mm_env.makers.fire_sale import NoFireSale
from mm_env.systemic.networks import MatrixNetwork

SMALL = ("episodes=300", "seeds=2", "market.price.sigma=5.0", "market.clock.steps=20", "market.clock.horizon=0.2")
RING = MatrixNetwork([[0.0, 6.0, 0.0, 0.0], [0.0, 0.0, 6.0, 0.0], [0.0, 0.0, 0.0, 6.0], [6.0, 0.0, 0.0, 0.0]])


def makers(market, **other):
    own = {"network": RING, "capital": 8.0, "alpha": 0.9, "beta": 0.9, "level": 0.05, "episodes": 200, "seeds": 2}
    return Makers(market, **{**own, "first_seed": 1, **other})


def test_each_agent_meets_the_same_worlds_and_all_of_it_is_written(launch):
    agents = "agents=[fixed_symmetric,{name: twin, base: fixed_symmetric},{name: skewed, base: cartea_jaimungal}]"
    folder, (least,) = launch(systemic.main, *SMALL, agents)
    with (folder / "systemic.csv").open(encoding="utf-8") as file:
        rows = {row.pop("agent"): row for row in csv.DictReader(file)}
    assert set(rows) == {"fixed_symmetric", "twin", "skewed"}
    assert rows["fixed_symmetric"] == rows["twin"]
    assert least == min(float(row["fails"]) + float(row["infected"]) for row in rows.values())
    assert (folder / "systemic.png").is_file()


def test_where_sales_move_nothing_nobody_is_closed_by_others():
    market = replace(COMPETITIONS["cascade"](), fire_sale=NoFireSale())
    row = makers(market).row("fixed", _policy(market))
    assert row.sold_out_by_others.value == 0.0
    assert row.closed == row.closed_alone


def test_a_fire_sale_closes_more_makers_and_none_less_often():
    market = replace(COMPETITIONS["cascade"](), price=replace(COMPETITIONS["cascade"]().price, sigma=5.0))
    row = makers(market).row("fixed", _policy(market))
    assert row.closed.value > row.closed_alone.value
    assert row.sold_out_by_others.value > 0.0


def test_what_fails_is_counted_by_hand():
    market = replace(COMPETITIONS["cascade"](), price=replace(COMPETITIONS["cascade"]().price, sigma=8.0))
    found = makers(market)
    profit = found.played(_policy(market), market).profit
    assert profit.shape == (400, 4)
    row = found.row("fixed", _policy(market))
    assert row.fails.value == pytest.approx(np.mean(8.0 + profit < 0.0))  # claims and debts of a ring are equal
    assert row.fails.value > 0.0


def _policy(market):
    return policy_of(FixedSymmetric(0.8), market)


@pytest.mark.parametrize(("overrides", "said"), [
    (["market=amzn"], "market must be a mm_env.Competition, of several makers, got a Market"),
    (["network.dealers=3"], "network must be of the market's 4 makers, got 3 dealers"),
    (["capital=0"], "capital must be > 0"),
    (["alpha=1.5"], "alpha must be in"),
])  # fmt: skip
def test_what_is_no_system_of_makers_is_refused(refused, overrides, said):
    assert said in refused(systemic.main, *overrides)
