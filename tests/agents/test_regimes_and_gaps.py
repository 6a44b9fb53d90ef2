"""The optimum in regimes and around gaps: published and exact values, what ignoring them costs, and the simulator beside it."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from agents.exact.evaluation import evaluate, inventory_law
from agents.exact.optimum import optimum
from agents.exact.price_grid import Unsolvable
from agents.exact.reader import read
from agents.exact.stated import _try_law
from agents.policy import play
from agents.strategies.theory import theory
from mm_env import (
    ArrivalImpact,
    Brownian,
    Dealer,
    Depths,
    Exponential,
    FiniteHorizon,
    HawkesFlow,
    Heston,
    HiddenRegimes,
    InventoryPenalty,
    Market,
    Poisson,
    RegimeFill,
    RegimeFlow,
    RegimeImpact,
    RegimeSwitching,
    ScheduledGap,
    SeasonalFlow,
    ShortTermAlpha,
    VariancePenalty,
)
from mm_env.rollout import inventory_levels
from tests.worlds import thinned, within, world

RATES = [[-2.0, 2.0], [4.0, -4.0]]
TURBULENT = RegimeSwitching(Brownian(1.0), RATES, [1.0, 2.0])


def extrapolated(rows):
    """The limits of values (steps, numbers) that halve their steps from row to row, and the order seen in the last three."""
    table, order = np.asarray(rows), np.log2((rows[-3] - rows[-2]) / (rows[-2] - rows[-1]))
    for power in range(1, len(rows)):
        table = (2.0**power * table[1:] - table[:-1]) / (2.0**power - 1.0)
    return table[-1], order


# regimes


def cartea_jaimungal_penalva(price, steps, gamma=1.0):
    return Market(
        price, Dealer(Poisson(10.0), Exponential(1.0)), FiniteHorizon(1.0, steps), Depths(14.0, -8.0),
        VariancePenalty(gamma, 0.001), max_inventory=10.0,
    )  # fmt: skip


@cache
def two_regimes(steps):
    """Objectives from calm and turbulent: the optimum, and quotes of the average penalty."""
    ignoring = optimum(cartea_jaimungal_penalva(Brownian(1.0), steps, 2.0)).table().actions
    markets = [cartea_jaimungal_penalva(replace(TURBULENT, initial_regime=first), steps) for first in (0, 1)]
    return np.array([*(optimum(m).objective for m in markets), *(evaluate(m, ignoring).objective for m in markets)])


def test_two_regimes_are_worth_what_the_coupled_equations_say():
    limits, order = extrapolated([two_regimes(steps) for steps in (25, 50, 100, 200)])
    assert limits == pytest.approx([5.9304534455, 5.8180666535, 5.8973109166, 5.7812437841], abs=1e-4)
    assert order == pytest.approx(np.ones(4), abs=0.05)


def test_the_average_penalty_is_that_of_the_long_run():
    assert theory(cartea_jaimungal_penalva(TURBULENT, 10)).phi == pytest.approx(1.0)  # 2/3 x 0.5 + 1/3 x 2


@pytest.mark.parametrize(
    "price",
    [pytest.param(Brownian(1.0, 0.2), marks=pytest.mark.slow), Heston(5.0, 1.0, 1.5, -0.5, 1.0)],
    ids=["brownian", "heston"],
)
def test_regimes_that_are_alike_are_none(price):
    alike = RegimeSwitching(price, RATES, [1.0])
    found = [optimum(world(price=p, reward=VariancePenalty(1.0, 0.1)), nodes=11).objective for p in (price, alike)]
    assert found[1] == pytest.approx(found[0], abs=1e-12)


def test_a_market_in_regimes_averages_to_plain_parts():
    parts = Dealer(
        RegimeFlow(Poisson(9.0), [1.0, 2.0]),
        RegimeFill(Exponential(1.2), [1.0, 0.5]),
        RegimeImpact(ArrivalImpact(0.1), [1.0, 4.0]),
    )
    found = theory(world(price=TURBULENT, venue=parts))
    assert (found.rate, found.k, found.jump) == pytest.approx((12.0, 1.0, 0.2))
    assert found.sigma == pytest.approx(2.0**0.5)


FULL = Dealer(
    RegimeFlow(Poisson(8.0), [1.0, 2.0]),
    RegimeFill(Exponential(1.0), [1.0, 0.6]),
    RegimeImpact(ArrivalImpact(0.1), [1.0, 3.0]),
)
SIMULATED = {
    "regimes": world(price=TURBULENT, venue=FULL, reward=VariancePenalty(1.0, 0.1)),
    "regimes of alpha": world(
        price=RegimeSwitching(ShortTermAlpha(0.5, 3.0, 4.0), RATES, [1.0, 2.0], [0.3, -0.2], initial_regime=1),
        reward=InventoryPenalty(0.3, 0.1),
    ),
    "gap": world(price=ScheduledGap(Brownian(1.0), [0.3], [2.0], [0.5]), reward=VariancePenalty(1.0, 0.1)),
    "gap in regimes": world(price=ScheduledGap(TURBULENT, [0.3], [2.0]), venue=FULL, reward=VariancePenalty(1.0, 0.1)),
    "seasons": world(venue=Dealer(SeasonalFlow(Poisson(9.0), [1.0, 0.2, 2.0]), Exponential(1.0))),
}


QUICK = {"gap", "gap in regimes"}


@pytest.mark.parametrize("name", thinned(SIMULATED, set(SIMULATED) - QUICK))
def test_the_optimum_brings_in_simulation_what_it_says(name):
    best = optimum(SIMULATED[name], nodes=21)
    assert within(play(SIMULATED[name], best, 60_000, seed=4).objective, best.objective)


@pytest.mark.parametrize("name", ["regimes", "regimes of alpha"])
def test_the_law_of_regimes_is_that_of_their_steps(name):
    _try_law(SIMULATED[name])


def test_regimes_that_nobody_sees_have_no_optimum_and_say_whose_is_a_bound():
    with pytest.raises(Unsolvable, match=r"^price: hidden regimes have no law .* RegimeSwitching, is an upper bound$"):
        optimum(world(price=HiddenRegimes(Brownian(1.0), RATES, [1.0, 2.0])))


def test_a_flow_that_excites_itself_has_no_exact_recursion():
    with pytest.raises(Unsolvable, match="its flow has a state"):
        optimum(world(venue=Dealer(HawkesFlow(5.0, 0.3, 0.1, 2.0), Exponential(1.0))))


# gaps


def session(price, steps):
    return Market(
        price, Dealer(Poisson(1.0), Exponential(100.0)), FiniteHorizon(120.0, steps), Depths(0.2, -0.1),
        VariancePenalty(0.2, 1e-4), max_inventory=10.0,
    )  # fmt: skip


@cache
def one_night(steps):
    """Objective and E|q| at the gap, the ask at q = 2 half a minute and a second before; the first two of who ignores it."""
    market, half = session(ScheduledGap(Brownian(0.01), [60.0], [0.1]), steps), steps // 2
    held, found = np.abs(inventory_levels(market)), optimum(market)
    actions, ignoring = found.table().actions, optimum(session(Brownian(0.01), steps)).table().actions
    asks = [read(market, actions[half - round(t * steps / 120), 12][None])[0, 1] for t in (30, 1)]
    kept = [float(inventory_law(market, table)[half] @ held) for table in (actions, ignoring)]
    return np.array([found.objective, kept[0], *asks, evaluate(market, ignoring).objective, kept[1]])


def test_a_night_between_two_sessions_is_worth_what_its_equations_say():
    limits, order = extrapolated([one_night(steps) for steps in (120, 240, 480, 960)])
    assert limits == pytest.approx([0.85633973, 1.40214, 0.0090931, 0.0067325, 0.85250499, 2.39050], rel=1e-4)
    assert order == pytest.approx(np.ones(6), abs=0.12)
