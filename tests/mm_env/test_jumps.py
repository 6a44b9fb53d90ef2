"""Jumps of the mid: cumulants of a step, the law, shorthands, and the calls that Merton's formula prices."""

import math
from dataclasses import replace

import numpy as np
import pytest

from agents.exact.optimum import optimum
from agents.exact.price_grid import Unsolvable
from agents.quoting import quoted_depths
from mm_env import (
    CARA,
    Bates,
    Brownian,
    Depths,
    DoubleExponentialJumps,
    FiniteHorizon,
    FixedJumps,
    FromBook,
    Geometric,
    GeometricBates,
    GeometricMerton,
    Heston,
    InventoryPenalty,
    Kou,
    Merton,
    NormalJumps,
    OrnsteinUhlenbeck,
    ShortTermAlpha,
    Uniform,
    VariancePenalty,
    WithJumps,
    WithRelativeJumps,
)
from mm_env.core.component import record
from mm_env.markets import bates, glft, jumps
from mm_env.price.compound_poisson import MOST, OFTEN, counts, mean_count
from mm_env.price.trial import States, tried
from mm_env.rollout import inventory_levels, run_depths
from mm_env.simulation import Simulation
from mm_env.world import alone
from tests.worlds import random_actions, same_bits, story, within, world

DT, SIGMA, DRIFT = 0.1, 0.3, 0.7
JUMPS = {
    "normal": NormalJumps(rate=0.5, mean=-0.4, std=0.6),
    "double_exponential": DoubleExponentialJumps(rate=0.5, up=0.3, up_mean=0.4, down_mean=0.7),
    "all up": DoubleExponentialJumps(rate=0.5, up=1.0, up_mean=0.4, down_mean=0.7),
    "fixed": FixedJumps(rate=0.5, size=0.8),
}
VARIANCE = {"kappa": 2.0, "theta": 0.04, "vol": 0.3, "rho": -0.6, "v0": 0.04}
SHORTHANDS = [
    Merton(SIGMA, 0.4, -0.4, 0.6, DRIFT),
    Kou(SIGMA, 0.4, 0.3, 0.4, 0.7, DRIFT),
    Bates(**VARIANCE, rate=0.4, jump_mean=-0.4, jump_std=0.6, drift=DRIFT),
    GeometricMerton(SIGMA, 0.4, -0.04, 0.06, DRIFT),
    GeometricBates(**VARIANCE, rate=0.4, jump_mean=-0.04, jump_std=0.06, drift=DRIFT),
]
every_kind = pytest.mark.parametrize("jumps", JUMPS.values(), ids=JUMPS)
every_shorthand = pytest.mark.parametrize("price", SHORTHANDS, ids=lambda price: type(price).__name__)


def moments_of(jumps):
    """E[J^n] for n = 1, ..., 4, from the textbooks."""
    if isinstance(jumps, NormalJumps):
        m, s = jumps.mean, jumps.std
        return m, m**2 + s**2, m**3 + 3 * m * s**2, m**4 + 6 * m**2 * s**2 + 3 * s**4
    if isinstance(jumps, FixedJumps):
        return 0.0, jumps.size**2, 0.0, jumps.size**4
    up, down = jumps.up, 1.0 - jumps.up
    return tuple(math.factorial(n) * (up * jumps.up_mean**n + down * (-jumps.down_mean) ** n) for n in (1, 2, 3, 4))


def transform(jumps, theta):
    """E[e^(theta J)], from the textbooks."""
    if isinstance(jumps, NormalJumps):
        return math.exp(theta * jumps.mean + 0.5 * theta**2 * jumps.std**2)
    if isinstance(jumps, FixedJumps):
        return math.cosh(theta * jumps.size)
    return jumps.up / (1.0 - theta * jumps.up_mean) + (1.0 - jumps.up) / (1.0 + theta * jumps.down_mean)


def moved(price, groups=2**16):
    """Moves of the mid from 100 within a step, (groups, 4)."""
    return tried(price, DT, States.of([(100.0, record(price).start())]), groups).move[0]


# a step


@every_kind
def test_a_step_has_the_cumulants_of_a_compound_poisson_process(jumps):
    moves = moved(WithJumps(Brownian(SIGMA, DRIFT), jumps)).ravel() - DRIFT * DT
    _, second, third, fourth = (jumps.rate * DT * moment for moment in moments_of(jumps))
    variance = SIGMA**2 * DT + second
    assert within(moves, 0.0)
    assert within(moves**2, variance)
    assert within(moves**3, third)
    assert within(moves**4, fourth + 3.0 * variance**2)


@every_kind
def test_the_components_say_their_own_moments(jumps):
    rules, (first, second, *_) = record(jumps), moments_of(jumps)
    assert (rules.first(), rules.second()) == pytest.approx((first, second), rel=1e-14)
    assert [rules.growth(theta) for theta in (-1.3, 0.4)] == pytest.approx(
        [transform(jumps, theta) for theta in (-1.3, 0.4)], rel=1e-14
    )


@every_kind
def test_the_variance_told_is_that_of_diffusion_and_jumps(jumps):
    rules, now = record(WithJumps(Brownian(SIGMA), jumps)), alone((), 100.0)
    assert rules.variance((), DT, now) == pytest.approx((SIGMA**2 + jumps.rate * moments_of(jumps)[1]) * DT)


@pytest.mark.parametrize("expected", [0.0, 1e-4, OFTEN])
def test_what_is_left_out_beyond_three_jumps_is_next_to_nothing(expected):
    law = counts(expected)
    assert sum(law) == pytest.approx(1.0, abs=1e-15)
    poisson = [math.exp(-expected) * expected**n / math.factorial(n) for n in range(MOST)]
    assert law[:MOST] == pytest.approx(poisson, abs=1e-15)
    assert expected - 2.7e-7 < mean_count(law) <= expected


@every_kind
def test_the_compiled_steps_are_those_of_the_rules_to_the_bit(jumps):
    for price in (WithJumps(Brownian(SIGMA, DRIFT), jumps), WithRelativeJumps(Geometric(SIGMA), jumps)):
        market = world(price=price, reward=VariancePenalty(0.5))
        actions = random_actions(market, 67)
        compiled, plain = (story(Simulation(market, 67, interpreted=how), 3, actions, 7) for how in (False, True))
        assert all(same_bits(one, other) for one, other in zip(compiled, plain, strict=True))


# the law


@every_kind
@pytest.mark.parametrize("theta", [-0.8, -0.3, 0.6])
def test_the_law_has_the_transform_of_a_compound_poisson_process(jumps, theta):
    law = jumps.law(DT)
    found = float((law.probability * np.exp(theta * law.mean + 0.5 * theta**2 * law.variance)).sum())
    exponent = jumps.rate * DT * (transform(jumps, theta) - 1.0 - theta * moments_of(jumps)[0])
    assert found == pytest.approx(math.exp(exponent), rel=2e-6)
    assert float(law.drift[0]) == pytest.approx(0.0, abs=1e-15)


def test_the_law_of_a_price_with_jumps_is_its_own_and_that_of_the_jumps():
    inner, kind = ShortTermAlpha(1.0, 5.0, 2.0), JUMPS["normal"]
    law = WithJumps(inner, kind).law(DT, 7)
    assert [len(axis.nodes) for axis in law.axes] == [7, 1]
    assert law.axes[0].signal == "alpha"
    assert law.axes[1].mean == pytest.approx(kind.law(DT).mean)


@every_kind
def test_jumps_too_rare_to_come_leave_the_optimum_as_it_was(jumps):
    market = replace(glft(), max_inventory=3.0, clock=FiniteHorizon(10.0, 20))
    rare = replace(market, price=WithJumps(market.price, replace(jumps, rate=0.0)))
    assert optimum(rare).worth == pytest.approx(optimum(market).worth, rel=1e-12)


# on top of other prices


@pytest.mark.parametrize("inner", [OrnsteinUhlenbeck(1.0, 2.0, 100.0), ShortTermAlpha(1.0, 5.0, 2.0)], ids=str)
def test_a_price_with_jumps_has_the_state_and_the_signals_of_the_price_within(inner):
    price = WithJumps(inner, JUMPS["fixed"])
    assert price.signals == inner.signals
    rules, within_it = record(price), record(inner)
    assert rules.start() == within_it.start()
    now = alone(rules.start(), 99.0)
    assert rules.observe(99.0, rules.start(), now) == within_it.observe(99.0, rules.start(), now)
    assert rules.expected(99.0, rules.start(), DT, now) == within_it.expected(99.0, rules.start(), DT, now)


@every_shorthand
def test_a_shorthand_is_what_it_stands_for(price):
    market = world(price=price, reward=VariancePenalty(0.5, 0.1))
    actions, longer = random_actions(market, 67), replace(market, price=price.split())
    compiled, plain, split = (story(Simulation(one, 67, interpreted=how), 3, actions, 7)
                              for one, how in ((market, False), (market, True), (longer, False)))  # fmt: skip
    assert all(same_bits(one, other) for one, other in zip(compiled, plain, strict=True))
    assert all(np.allclose(one, other, rtol=1e-10) for one, other in zip(compiled, split, strict=True))
    assert same_bits(*(np.asarray(one.signals) for one in (price, price.split())))


@pytest.mark.parametrize("price", SHORTHANDS[:3], ids=lambda price: type(price).__name__)
def test_closed_forms_are_told_the_volatility_with_jumps(price):
    square = record(price.split().jumps).second()
    told = price.sigma if isinstance(price, Bates) else price.long_run_sigma
    diffusion = 0.04 if isinstance(price, Bates) else SIGMA**2
    assert told == pytest.approx(math.sqrt(diffusion + 0.4 * square))


def test_closed_forms_are_told_that_a_volatility_differs_by_lane():
    drawn = Uniform(0.1, 0.2)
    assert Heston(**{**VARIANCE, "theta": drawn}).sigma is drawn
    assert Merton(SIGMA, drawn, 0.0, 1.0).long_run_sigma is drawn


# relative prices

VOLATILITY, SHARE, RATE, INTEREST, YEARS = 0.25, 0.25, 5.0, 0.08, 0.5  # Haug's parametrisation
STD = VOLATILITY * math.sqrt(SHARE / RATE)
HAUG = GeometricMerton(VOLATILITY * math.sqrt(1.0 - SHARE), RATE, -0.5 * STD**2, STD, INTEREST)


def test_calls_cost_what_they_do_by_merton():
    market = world(price=HAUG, clock=FiniteHorizon(YEARS, 50), initial_inventory=1.0, max_inventory=1.0,
                   reward=InventoryPenalty())  # fmt: skip
    depths = np.full((1, len(inventory_levels(market)), 2), 1e6)
    mids, discount = 100.0 + run_depths(market, depths, 200_000, seed=3).profit, math.exp(-INTEREST * YEARS)
    assert within(discount * mids, 100.0)
    for strike, known in zip(range(80, 130, 10), (23.60904, 15.419343, 9.021649, 4.731666, 2.250023), strict=True):
        assert within(discount * np.maximum(mids - strike, 0.0), known)


@pytest.mark.parametrize("price", SHORTHANDS[3:], ids=lambda price: type(price).__name__)
def test_a_relative_price_grows_by_its_drift_and_has_its_variance(price):
    moves, rules = moved(price).ravel(), record(price)
    now = alone(rules.start(), 100.0)
    assert within(moves, 100.0 * math.expm1(DRIFT * DT))
    squares, told = (moves - moves.mean()) ** 2, rules.variance(rules.start(), DT, now)
    assert (
        within(squares, told) if isinstance(price, GeometricMerton) else squares.mean() == pytest.approx(told, rel=0.03)
    )


# the optimum


def test_under_utility_the_direction_of_jumps_matters():
    """A crash is feared more than a leap: who is flat wants to sell rather than to buy."""
    market = replace(jumps(), max_inventory=4.0, clock=FiniteHorizon(1.0, 50))
    bid, ask = quoted_depths(market, optimum(market).actions[0, 0, 4:5])[0]
    even = replace(market, price=replace(market.price, jump_mean=0.0, jump_std=math.sqrt(5.0)))
    level = quoted_depths(even, optimum(even).actions[0, 0, 4:5])[0]
    assert bid > level[0]
    assert ask < level[1]
    assert level[0] == pytest.approx(level[1], abs=1e-5)


def test_a_market_of_variance_and_jumps_has_its_optimum():
    market = replace(bates(), max_inventory=3.0, clock=FiniteHorizon(1.0, 25))
    found = optimum(market, 21)
    assert found.axis.shape == (21, 1)
    assert 0.0 < found.error < 1e-3 * found.worth


@pytest.mark.slow
def test_jumps_of_five_ticks_cost_what_they_do_in_continuous_time():
    """GLFT's market with jumps by +-5 at rate 1 / 600, as dt -> 0: Richardson's extrapolation of the first order."""
    price, found = WithJumps(Brownian(0.3), FixedJumps(1.0 / 600.0, 5.0)), []
    for steps in (600, 1200, 2400, 4800):
        market = replace(glft(), price=price, quote=Depths(20.0, -10.0), clock=FiniteHorizon(600.0, steps))
        best = optimum(market)
        found.append([best.worth, *quoted_depths(market, best.actions[0, 0, 30:32])[:, 0]])
    values = np.array(found)
    assert np.diff(values, axis=0)[-2] / np.diff(values, axis=0)[-1] == pytest.approx([2.0] * 3, abs=0.1)
    for order in (1, 2, 3):
        values = values[1:] + np.diff(values, axis=0) / (2.0**order - 1.0)
    assert values[0] == pytest.approx([1287.8206939, 3.32029920, 3.40293492], rel=3e-6)


# what is refused


@pytest.mark.parametrize(("make", "rule"), [
    (lambda: NormalJumps(-1.0, 0.0, 1.0), "NormalJumps.rate must be >= 0, got -1.0"),
    (lambda: NormalJumps(1.0, 0.0, -1.0), "NormalJumps.std must be >= 0, got -1.0"),
    (lambda: Kou(1.0, 1.0, 1.2, 1.0, 1.0), r"Kou.up must be in \[0, 1\], got 1.2"),
    (lambda: DoubleExponentialJumps(1.0, 0.5, 0.0, 1.0), "DoubleExponentialJumps.up_mean must be > 0, got 0.0"),
    (lambda: WithJumps(Merton(1.0, 1.0, 0.0, 1.0), JUMPS["fixed"]), "WithJumps.price must have no jumps itself"),
    (lambda: WithJumps(Geometric(0.1), JUMPS["fixed"]), "WithJumps.price must move by price units"),
    (lambda: WithJumps(FromBook(), JUMPS["fixed"]), "WithJumps.price must move by price units"),
    (lambda: WithRelativeJumps(Brownian(0.1), JUMPS["fixed"]), "WithRelativeJumps.price must move by a share of itself"),
    (lambda: world(price=WithJumps(Brownian(1.0), FixedJumps(Uniform(0.1, 0.6), 1.0))),
     r"FixedJumps.rate must be at most 0.05 jumps a step, as no more than 3 are drawn in one, got 0.6 x 0.1"),
    (lambda: world(price=Merton(1.0, 0.6, 0.0, 1.0)), "NormalJumps.rate must be at most 0.05 jumps a step"),
])  # fmt: skip
def test_a_mistake_is_one_line(make, rule):
    with pytest.raises(ValueError, match=rule):
        make()


def test_relative_jumps_have_no_law():
    with pytest.raises(Unsolvable, match="GeometricMerton has no law of its moves that is the same at every mid"):
        optimum(replace(jumps(), price=GeometricMerton(0.005, 2.0, -0.01, 0.02), reward=CARA(0.1)))


def test_a_utility_without_a_mean_is_refused():
    market = replace(jumps(), price=Kou(0.5, 1.0, 0.5, 1.0, 2.0), max_inventory=5.0, reward=CARA(0.1))
    with pytest.raises(
        Unsolvable, match=r"price: utility has no mean where gamma x inventory is 0\.5 or more, got 0\.1 x 5"
    ):
        optimum(market)
    assert optimum(replace(market, max_inventory=4.0, clock=FiniteHorizon(1.0, 20))).worth > 0.0
