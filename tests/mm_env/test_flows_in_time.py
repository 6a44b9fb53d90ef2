"""Orders by the time of day, by volatility, and those that bring orders: rates, closed forms of the stationary law, errors."""

import math

import numpy as np
import pytest

from mm_env import (
    Brownian,
    Dealer,
    Exponential,
    FiniteHorizon,
    HawkesFlow,
    Heston,
    Poisson,
    SeasonalFlow,
    VolatilityFlow,
)
from mm_env.core.component import record
from mm_env.core.noise import draw
from mm_env.price.heston import Variance
from mm_env.simulation import Simulation
from mm_env.venue.dealer.flows_in_time import Excitation
from tests.worlds import AT_START, random_actions, same_bits, story, within, world

HESTON = Heston(kappa=5.0, theta=1.0, vol=1.5, rho=-0.5, v0=1.0)
HAWKES = HawkesFlow(base=5.0, branching=0.4, cross=0.2, decay=3.0)
MARKETS = {
    "seasonal": world(venue=Dealer(SeasonalFlow(Poisson(10.0), [1.0, 0.2, 3.0]), Exponential(1.0))),
    "volatility": world(price=HESTON, venue=Dealer(VolatilityFlow(Poisson(10.0), 1.0, 0.5), Exponential(1.0))),
    "hawkes": world(venue=Dealer(HAWKES, Exponential(1.0))),
}


@pytest.mark.parametrize("name", MARKETS)
def test_the_kernel_does_what_the_rules_say_to_the_bit(name):
    market = MARKETS[name]
    actions = random_actions(market, 6)
    seen = [story(Simulation(market, 6, interpreted=plain), 5, actions, 7) for plain in (True, False)]
    assert all(same_bits(one, other) for one, other in zip(*seen, strict=True))


@pytest.mark.parametrize("steps", [4, 12, 20])
def test_each_part_of_the_day_has_its_own_rate_from_its_first_step_on(steps):
    flow, dt = record(SeasonalFlow(Poisson(10.0), [1.0, 0.0, 3.0, 2.0])), 0.7 / steps
    for step in range(steps):
        now = AT_START._replace(time=step * dt, time_left=0.7 - step * dt)
        rate = 10.0 * [1.0, 0.0, 3.0, 2.0][4 * step // steps]
        assert flow.probability(0.5, dt, now, ()) == record(Poisson(rate)).probability(0.5, dt)
    assert SeasonalFlow(Poisson(10.0), [1.0, 0.0, 3.0, 2.0]).rate == 15.0


def test_orders_follow_the_variance_to_a_power():
    flow = record(VolatilityFlow(Poisson(10.0), reference=4.0, power=0.5))
    now = AT_START._replace(world=AT_START.world._replace(price=Variance(1.0)))
    assert flow.probability(0.5, 0.1, now, ()) == pytest.approx(record(Poisson(5.0)).probability(0.5, 0.1), rel=1e-14)
    assert flow.probability(0.5, 0.1, now._replace(world=now.world._replace(price=Variance(0.0))), ()) == 0.0


def intensities(flow, steps, dt, lanes=4000):
    """Intensities of the bid over time (steps, lanes) and orders a side and unit of time, from the start."""
    market = world(venue=Dealer(flow, Exponential(1.0)), clock=FiniteHorizon((steps + 1) * dt, steps + 1))
    simulation, seen = Simulation(market, lanes), []
    simulation.start(3)
    for _ in range(steps):
        simulation.step(np.zeros(2 * lanes))
        seen.append(flow.base + simulation.state.world.flow[0].above)
    return np.array(seen), simulation.state.tally.arrivals / (2.0 * steps * dt)


@pytest.mark.parametrize("dt", [0.01, 0.05])
def test_the_mean_intensity_is_base_over_one_less_the_branching_ratio_whatever_the_step(dt):
    found, orders = intensities(HAWKES, round(20.0 / dt), dt)
    assert HAWKES.rate == pytest.approx(12.5)
    assert within(found.mean(axis=0), 12.5)
    assert within(orders, 12.5)


def test_the_stationary_variance_of_the_intensity_is_that_of_its_recursion():
    """x' = e^(-decay dt) x + jump x (order or not): of the sum and of the difference of both sides, each by itself."""
    dt, flow = 0.02, HAWKES
    fade, unit = math.exp(-flow.decay * dt), -math.expm1(-flow.decay * dt) / dt
    ratios, p = np.array([flow.branching + flow.cross, flow.branching - flow.cross]), flow.rate * dt
    both = np.zeros(2)  # variance of the sum, and of the difference
    for _ in range(10_000):
        coins = 2.0 * (p - p**2 - both.sum() / 4.0 * dt**2)  # E[intensity dt (1 - intensity dt)] of two sides
        both = (fade + ratios * unit * dt) ** 2 * both + (ratios * unit) ** 2 * coins
    late = intensities(flow, 1000, dt)[0][300:]
    assert within(((late - flow.rate) ** 2).mean(axis=0), both.sum() / 4.0)


def test_an_order_brings_as_many_as_its_branching_says():
    flow, dt = record(HAWKES), 0.05
    state, brought = flow.evolve(Excitation(0.0), 1.0, 0.0, draw(1, 2, 3, 4), dt), 0.0
    for _ in range(400):
        brought += state.above * dt
        state = flow.evolve(state, 0.0, 0.0, draw(1, 2, 3, 4), dt)
    assert brought == pytest.approx(0.4, rel=1e-12)
    assert flow.evolve(Excitation(0.0), 0.0, 1.0, draw(1, 2, 3, 4), dt).above * 2.0 == pytest.approx(
        flow.evolve(Excitation(0.0), 1.0, 0.0, draw(1, 2, 3, 4), dt).above
    )


@pytest.mark.parametrize(("make", "said"), [
    (lambda: HawkesFlow(1.0, 0.6, 0.4, 1.0), r"branching \+ cross must be below 1, .*, got 1"),
    (lambda: HawkesFlow(1.0, 0.6, 0.1, 0.0), "decay must be > 0, got 0"),
    (lambda: world(price=Brownian(1.0), venue=Dealer(VolatilityFlow(Poisson(1.0), 1.0), Exponential(1.0))),
     "VolatilityFlow needs a price whose state is a variance v, such as Heston"),
    (lambda: SeasonalFlow(Poisson(1.0), [1.0, -1.0]), "factors must be .* >= 0, got -1"),
])  # fmt: skip
def test_bad_input_is_one_line(make, said):
    with pytest.raises(ValueError, match=said) as error:
        make()
    assert "\n" not in str(error.value)
