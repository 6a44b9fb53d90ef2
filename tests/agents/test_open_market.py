"""Markets of a user's own are solved exactly: their optimum, what the simulator earns of it, and the loop to the bit."""

import math
from dataclasses import replace

import numpy as np
import pytest

from agents.exact.evaluation import evaluate
from agents.exact.optimum import optimum
from mm_env import (
    FiniteHorizon,
)
from mm_env.rollout import run_policy
from mm_env.simulation import Simulation
from tests.agents.open_markets import OPEN, Channel, TwoFactors
from tests.worlds import same_bits, thinned, within

EPISODES = 40_000
every_market = pytest.mark.parametrize("name", thinned(OPEN, {"fees by a price that reverts", "two factors, utility"}))


@every_market
def test_the_simulator_earns_the_optimum(name):
    best = optimum(OPEN[name])
    episodes = run_policy(OPEN[name], best.act, EPISODES, seed=1)
    assert within(episodes.objective, best.objective)
    found = evaluate(OPEN[name], best.actions, len(best.axis.nodes))
    assert within((episodes.objective - best.objective) ** 2, found.variance)


@every_market
def test_the_table_of_the_optimum_is_worth_its_value(name):
    market = replace(OPEN[name], clock=FiniteHorizon(0.5, 5))
    best = optimum(market, nodes=11)
    found = evaluate(market, best.actions, nodes=11)
    np.testing.assert_allclose(found.value, best.value, rtol=1e-10, atol=1e-12)
    other = evaluate(market, np.clip(best.actions + 0.1, -1.0, 1.0), nodes=11)
    assert (other.value <= best.value + 1e-9).all()


@every_market
def test_the_loop_is_the_rules_to_the_bit(name):
    found = []
    for interpreted in (True, False):
        lanes, random = Simulation(OPEN[name], 5, interpreted=interpreted), np.random.default_rng(0)
        steps = [lanes.start(7)]
        for _ in range(8):
            observations, rewards, _, _ = lanes.step(random.uniform(-1.0, 1.0, 10))
            steps += [observations, rewards]
        found.append(np.concatenate([part.ravel() for part in steps]))
    assert same_bits(*found)


def test_equal_regimes_are_one():
    two = replace(OPEN["two factors"], price=TwoFactors(1.0, 1.0, 0.7, 0.7, 2.0))
    best = optimum(two)
    levels = best.value.reshape(21, -1, 2, 7)
    np.testing.assert_allclose(levels[..., 0, :], levels[..., 1, :], rtol=1e-9, atol=1e-9)
    assert 0.0 < best.error < 1e-2


def test_a_constant_fee_in_a_channel_earns_less_than_fees_by_balance():
    best = optimum(OPEN["channel"])
    flat = max(evaluate(OPEN["channel"], np.full((1, 7, 2), a)).objective for a in np.linspace(-1.0, 1.0, 41))
    assert best.objective > flat + 0.01


def test_a_channel_earns_what_is_known_of_it_in_continuous_time():
    """2 l / (e k) cos(pi / (C + 2)) a unit of time, from what ten more bring, in the limit of many steps."""
    market, found = replace(OPEN["channel"], venue=Channel(rate=1.0, others=0.0), max_inventory=4.0), []
    for dt in (0.05, 0.025):
        long, short = (optimum(replace(market, clock=FiniteHorizon(t, round(t / dt)))).objective for t in (30.0, 20.0))
        found.append((long - short) / 10.0)
    known = 2.0 / math.e * math.cos(math.pi / 6.0)
    assert known == pytest.approx(0.63718588, abs=1e-8)
    assert 2.0 * found[1] - found[0] == pytest.approx(known, rel=2e-4)
