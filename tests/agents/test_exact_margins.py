"""Margins and limits of the package on the lattice that is exact by hand: what the optimum is worth is what it earns."""

import math

import pytest

from agents.exact.optimum import optimum
from agents.policy import play
from mm_env import (
    DrawdownLimits,
    DrawdownStop,
    GapLimits,
    LossLimit,
    MaintenanceMargin,
    Margins,
    ReduceOnly,
    Tightest,
)
from mm_env.rollout import run_actions
from tests.agents.lattice import lattice

CALL = MaintenanceMargin(capital=8.0, per_unit=4.0, liquidation_cost=3.0, franchise_loss=10.0)
LANES = 20_000
PARTS = {
    "margins": {"margin": Margins((CALL, LossLimit(3.0, franchise_loss=2.0)))},
    "drawdown stop": {"margin": DrawdownStop(7.0, liquidation_cost=1.0)},
    "reduce only": {"limits": ReduceOnly(MaintenanceMargin(6.0, 4.0))},
    "drawdown limits": {"limits": DrawdownLimits(5.0, max_inventory=1.0, min_depth=1.5)},
    "tightest": {"limits": Tightest((DrawdownLimits(5.0, 1.0), GapLimits((10.0,), 3.0, 1.0, 2.0)))},
}
SEEN = {"margins": "profit", "drawdown stop": "drawdown", "reduce only": "profit"}


@pytest.mark.slow
def test_the_optimum_under_a_maintenance_margin_and_the_ruin_of_who_ignores_it_are_the_known_ones():
    market = lattice(margin=CALL)
    best = optimum(market)
    assert best.objective == pytest.approx(19.49148897, abs=5e-9)
    for episodes, worth, ruin in (
        (play(market, best, LANES, 5), 19.49148897, 0.01578),
        (run_actions(market, optimum(lattice()).table().actions, LANES, 5), 16.66627054, 0.12556),
    ):
        error = episodes.objective.std() / math.sqrt(LANES)
        assert episodes.objective.mean() == pytest.approx(worth, abs=4.0 * error)
        assert episodes.closed.mean() == pytest.approx(ruin, abs=4.0 * math.sqrt(ruin * (1.0 - ruin) / LANES))


@pytest.mark.parametrize(
    "name", [next(iter(PARTS)), *(pytest.param(n, marks=pytest.mark.slow) for n in list(PARTS)[1:])]
)
def test_the_optimum_is_worth_what_it_earns_and_less_than_without(name):
    market = lattice(**PARTS[name])
    assert market.watched == (SEEN.get(name, "drawdown"),)
    best, free = optimum(market), 20.30627916
    episodes = play(market, best, LANES, 6)
    error = episodes.objective.std() / math.sqrt(LANES)
    assert episodes.objective.mean() == pytest.approx(best.objective, abs=4.0 * error)
    assert best.objective < free - 0.05


def test_a_margin_that_goes_by_profit_and_drawdown_shows_both():
    both = lattice(margin=Margins((CALL, DrawdownStop(7.0))), limits=Tightest((ReduceOnly(CALL), DrawdownLimits(3.0))))
    assert both.observation_names == ("inventory", "time_left", "profit", "drawdown")
