"""CVaR's shaping: a step brings the change of what the profit would be worth, an episode what it is worth at its end."""

from dataclasses import replace

import numpy as np
import pytest

from mm_env import CVaR, FiniteHorizon, MaintenanceMargin
from mm_env.core.component import record
from mm_env.rollout import run_policy, steps
from mm_env.simulation import Simulation
from tests.worlds import random_actions, world

TAIL = CVaR(level=0.9, threshold=0.4, weight=0.7, closing_cost=0.2)
NARROW = MaintenanceMargin(capital=1.5, per_unit=0.8, liquidation_cost=0.5, franchise_loss=0.5)
MARKETS = {
    "to the horizon": world(reward=TAIL, clock=FiniteHorizon(1.0, 20)),
    "or to ruin": world(reward=TAIL, clock=FiniteHorizon(1.0, 20), margin=NARROW),
}


def acting(market):
    actions = iter(np.clip(random_actions(market, 300, step), -1.0, 1.0) for step in range(20))
    return lambda seen: next(actions)


@pytest.mark.parametrize("name", MARKETS)
@pytest.mark.parametrize("shaping", [0.5, 1.0])
def test_shaped_rewards_add_up_to_the_terminal_one_but_for_a_constant(name, shaping):
    market = MARKETS[name]
    shaped = replace(market, reward=replace(TAIL, shaping=shaping))
    plain, found = (run_policy(each, acting(each), 300, seed=4) for each in (market, shaped))
    assert np.array_equal(plain.profit, found.profit)
    start = record(TAIL).worth(0.0)
    np.testing.assert_allclose(found.objective, plain.objective - shaping * start, rtol=0.0, atol=1e-9)


def test_a_shaped_step_brings_the_change_of_what_the_profit_is_worth():
    market = replace(MARKETS["to the horizon"], reward=replace(TAIL, shaping=1.0))
    place, worth = market.observation_names.index("profit"), np.vectorize(record(TAIL).worth)
    for step in steps(Simulation(market, 300), acting(market), 4):
        before, after = (
            market.profit_scale * seen[:, place].astype(float) for seen in (step.observations, step.following)
        )
        if not step.ended.any():
            assert step.rewards == pytest.approx(worth(after) - worth(before), abs=1e-5)


def test_without_shaping_nothing_comes_before_the_end():
    market = MARKETS["to the horizon"]
    rewards = [step.rewards for step in steps(Simulation(market, 300), acting(market), 4)]
    assert not np.any(rewards[:-1])
    assert np.any(rewards[-1])
