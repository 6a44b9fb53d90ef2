"""Jumps whose rate is that of the regime: their steps, their law, and what equal rates come to."""

from dataclasses import replace

import numpy as np
import pytest

from agents.exact.optimum import optimum
from mm_env import CARA, Brownian, DoubleExponentialJumps, NormalJumps, RegimeJumps, VariancePenalty, WithJumps
from mm_env.core.component import record
from mm_env.price.regimes import RegimeSwitching
from mm_env.price.trial import States, tried
from mm_env.simulation import Simulation
from tests.worlds import random_actions, same_bits, story, within, world

SWITCHING = RegimeSwitching(Brownian(1.0), rates=[[0.0, 2.0], [4.0, 0.0]], volatility=[1.0, 2.0])
INNER, FACTORS, DT = NormalJumps(rate=0.3, mean=-0.5, std=1.0), (0.2, 1.5), 0.1
PRICE = WithJumps(SWITCHING, RegimeJumps(INNER, FACTORS))


@pytest.mark.parametrize("regime", [0, 1])
def test_the_law_is_that_of_the_steps(regime):
    law, start = PRICE.law(DT, 5), record(PRICE).start()._replace(regime=float(regime))
    steps = tried(PRICE, DT, States.of([(100.0, start)]), 2**16)
    moves, after = steps.move.ravel(), steps.after.latent[:, 0]
    p, mean, variance, following = (x[regime] for x in (law.probability, law.mean, law.variance, law.following))
    told = (FACTORS[regime] * INNER.rate * (INNER.mean**2 + INNER.std**2) + SWITCHING.volatility[regime] ** 2) * DT
    assert p @ (mean**2 + variance) == pytest.approx(told, rel=1e-6)
    assert record(PRICE).variance(start, DT, None) == pytest.approx(told)
    assert within(moves, p @ mean)
    assert within(moves**2, told)
    assert within(moves**3, p @ (mean**3 + 3.0 * mean * variance))
    assert within(after, p @ following)
    assert within(moves**2 * after, p @ ((mean**2 + variance) * following))


def test_the_compiled_steps_are_those_of_the_rules_to_the_bit():
    market = world(price=PRICE, reward=VariancePenalty(0.5))
    actions = random_actions(market, 67)
    compiled, plain = (story(Simulation(market, 67, interpreted=how), 3, actions, 7) for how in (False, True))
    assert all(same_bits(one, other) for one, other in zip(compiled, plain, strict=True))
    assert market.observation_names == ("inventory", "time_left", "regime")


@pytest.mark.parametrize(
    "jumps", [INNER, DoubleExponentialJumps(0.3, 0.4, 0.5, 1.0)], ids=lambda jumps: type(jumps).__name__
)
def test_equal_rates_are_those_of_jumps_without_regimes(jumps):
    market = world(price=WithJumps(SWITCHING, jumps), reward=CARA(0.1))
    equal = replace(market, price=WithJumps(SWITCHING, RegimeJumps(jumps, [1.0, 1.0])))
    assert optimum(equal).worth == pytest.approx(optimum(market).worth, rel=1e-12)


def test_more_jumps_in_the_regime_to_come_are_worth_less():
    def worth(factors):
        return optimum(world(price=WithJumps(SWITCHING, RegimeJumps(INNER, factors)), reward=CARA(0.1))).worth

    assert worth([0.2, 0.2]) > worth([0.2, 1.5]) > worth([1.5, 1.5])


def test_closed_forms_are_told_the_volatility_of_the_long_run():
    """Two thirds of the time are spent in the first regime."""
    squares = np.square(SWITCHING.volatility) + INNER.rate * np.array(FACTORS) * 1.25
    assert PRICE.sigma == pytest.approx(np.sqrt(squares @ [2.0 / 3.0, 1.0 / 3.0]))


@pytest.mark.parametrize(("make", "rule"), [
    (lambda: WithJumps(Brownian(1.0), RegimeJumps(INNER, FACTORS)), "one for each of the 0 regimes of Brownian"),
    (lambda: WithJumps(SWITCHING, RegimeJumps(INNER, [1.0])), r"one for each of the 2 regimes of RegimeSwitching, got \[1.0\]"),
    (lambda: world(price=WithJumps(SWITCHING, RegimeJumps(INNER, [0.0, 2.0]))), "at most 0.05 jumps a step.*got 0.6 x 0.1"),
])  # fmt: skip
def test_factors_that_do_not_fit_are_refused(make, rule):
    with pytest.raises(ValueError, match=rule):
        make()
