"""Parameters: what they may be, the one error when they are not, and how they differ by lane and episode."""

import math
import re

import numpy as np
import pytest

from mm_env import (
    CARA,
    Bernoulli,
    Binomial,
    Brownian,
    Dealer,
    Ergodic,
    Exponential,
    FiniteHorizon,
    Integers,
    InventoryPenalty,
    LogUniform,
    OrnsteinUhlenbeck,
    Poisson,
    Sides,
    Uniform,
)
from mm_env.core.parameters import Count, Distribution, Interval, NonNegative, Positive, Probability, Real, check
from mm_env.simulation import Simulation
from tests.worlds import random_actions, same_bits, story, sure, within, world

UNIFORMS = (np.arange(100_000) + 0.5) / 100_000


def rule_of(annotation) -> Interval:
    return annotation.__metadata__[0]


@pytest.mark.parametrize(
    ("annotation", "said", "kept", "refused"),
    [
        (Real, "a finite number", [-1e300, 0, 2.5], [math.inf, -math.inf, math.nan]),
        (Positive, "> 0", [5e-324, 3], [0, -1.0, math.nan, math.inf]),
        (NonNegative, ">= 0", [0, 0.5], [-5e-324, math.nan, math.inf]),
        (Probability, "in [0, 1]", [0, 1.0, 0.5], [-0.1, 1.0000001, math.nan]),
        (Count, "a whole number in [1, 2.14748e+09]", [1, 200], [0, 1.5, -3, 2**31 + 1]),
    ],
)
def test_an_interval_keeps_its_rule(annotation, said, kept, refused):
    for value in kept:
        check("x", value, rule_of(annotation))
    for value in refused:
        with pytest.raises(ValueError, match=re.escape(f"x must be {said}, got {value}")):
            check("x", value, rule_of(annotation))


@pytest.mark.parametrize(
    "value",
    [True, np.True_, "1.0", None, 1j, [1.0, 2.0], np.array([True]), np.zeros((2, 2)), np.array([]), np.array(["a"])],
)
def test_what_is_no_number_array_or_distribution_is_a_type_error(value):
    with pytest.raises(TypeError, match=r"Brownian\.sigma must be >= 0"):
        Brownian(sigma=value)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Brownian(sigma=-1.0), "Brownian.sigma must be >= 0, got -1.0"),
        (lambda: Brownian(1.0, drift=math.nan), "Brownian.drift must be a finite number, got nan"),
        (lambda: OrnsteinUhlenbeck(-1.0, 1.0, 0.0), "OrnsteinUhlenbeck.sigma must be >= 0, got -1.0"),
        (lambda: Exponential(k=math.inf), "Exponential.k must be > 0, got inf"),
        (lambda: Poisson(rate=np.array([1.0, -2.0, 3.0])), "Poisson.rate must be >= 0, got -2.0"),
        (lambda: Poisson(rate=Uniform(-1.0, 2.0)), "Poisson.rate must be >= 0, got Uniform(low=-1.0, high=2.0)"),
        (lambda: Exponential(k=Uniform(0.0, 2.0)), "Exponential.k must be > 0, got Uniform(low=0.0, high=2.0)"),
        (lambda: CARA(gamma=0), "CARA.gamma must be > 0, got 0"),
        (lambda: InventoryPenalty(noise=1.5), "InventoryPenalty.noise must be in [0, 1], got 1.5"),
        (lambda: FiniteHorizon(1.0, steps=0), "FiniteHorizon.steps must be a whole number in [1, 2.14748e+09], got 0"),
        (lambda: FiniteHorizon(1.0, steps=2.5), "FiniteHorizon.steps must be a whole number"),
        (lambda: Ergodic(horizon=0.0, steps=1), "Ergodic.horizon must be > 0, got 0.0"),
        (lambda: Uniform(2.0, 1.0), "Uniform.low must be <= high, got 2.0 > 1.0"),
        (lambda: Uniform(math.nan, 1.0), "Uniform.low must be a finite number, got nan"),
        (lambda: LogUniform(0.0, 1.0), "LogUniform.low must be > 0, got 0.0"),
        (lambda: Integers(0.5, 1), "Integers.low must be a whole number finite number, got 0.5"),
        (lambda: Integers(3, 1), "Integers.low must be <= high, got 3 > 1"),
        (lambda: FiniteHorizon(1.0, Uniform(1.0, 5.0)), "FiniteHorizon.steps must be a whole number"),
    ],
)
def test_an_error_says_name_rule_and_value(make, message):
    with pytest.raises(ValueError, match="^" + re.escape(message)):
        make()


@pytest.mark.parametrize("steps", [4.0, np.int64(4), np.float64(4.0)])
def test_a_whole_number_is_a_count_however_it_is_written(steps):
    assert list(range(FiniteHorizon(horizon=1.0, steps=steps).steps)) == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("distribution", "mean", "variance", "values"),
    [
        (Uniform(-1.0, 3.0), 1.0, 16 / 12, (-1.0, 3.0)),
        (Integers(-2, 2), 0.0, 2.0, (-2.0, 2.0)),
        (LogUniform(0.1, 10.0), 9.9 / math.log(100), None, (0.1, 10.0)),
    ],
)
def test_a_distribution_has_its_law(distribution, mean, variance, values):
    drawn = distribution.ppf(UNIFORMS)
    assert isinstance(distribution, Distribution)
    assert drawn.mean() == pytest.approx(mean, abs=1e-4)
    assert variance is None or drawn.var() == pytest.approx(variance, rel=1e-4)
    assert distribution.support == values
    assert values[0] <= drawn.min() <= drawn.max() <= values[1]


def test_integers_are_equally_likely():
    assert np.unique(Integers(3, 7).ppf(UNIFORMS), return_counts=True)[1].tolist() == [20_000] * 5


def test_log_uniform_is_uniform_in_the_logarithm():
    assert np.histogram(np.log10(LogUniform(0.01, 100.0).ppf(UNIFORMS)), bins=4)[0].tolist() == [25_000] * 4


@pytest.mark.parametrize(
    "vary",
    [
        lambda x: {"price": Brownian(sigma=x)},
        lambda x: {"venue": Dealer(Poisson(rate=x), Exponential(1.0))},
        lambda x: {"venue": Dealer(Poisson(8.0), Sides(Exponential(x), Exponential(1.0)))},
        lambda x: {"reward": InventoryPenalty(phi=x)},
        lambda x: {"initial_mid": x},
    ],
)
def test_a_lane_of_an_array_is_the_market_with_that_number(vary):
    values, actions = np.array([0.5, 1.0, 3.0, 8.0]), random_actions(world(), 4)
    together = story(Simulation(world(**vary(values)), 4, interpreted=True), 3, actions, 6)
    for lane, value in enumerate(values.tolist()):
        alone = story(Simulation(world(**vary(value)), 4, interpreted=True), 3, actions, 6)
        for one, other in zip(together, alone, strict=True):
            assert same_bits(one[lane], other[lane])


def test_an_array_of_another_length_than_the_lanes_is_an_error():
    with pytest.raises(ValueError, match=r"Market\.price\.sigma must have one value for each of 4 lanes, got 3"):
        Simulation(world(price=Brownian(np.ones(3))), 4)
    with pytest.raises(ValueError, match=r"Market\.venue\.fill\.bid\.k must have one value for each of 4 lanes, got 1"):
        Simulation(world(venue=Dealer(Poisson(1.0), Exponential(np.ones(1)))), 4)


def mids(seed: int, lanes: int = 4_000, episode: int = 0, **parts) -> np.ndarray:
    """The initial mids of a market that draws them from Uniform(90, 110)."""
    simulation = Simulation(world(initial_mid=Uniform(90.0, 110.0), **parts), lanes)
    simulation.start(seed)
    for _ in range(episode):
        simulation.restart(np.ones(lanes, np.bool_))
    return simulation.state.mid


def test_a_drawn_parameter_has_the_distributions_law():
    drawn = mids(seed=1)
    assert within(drawn, 100.0)
    assert within((drawn - 100.0) ** 2, 400 / 12)
    assert drawn.min() > 90.0
    assert drawn.max() < 110.0


def test_drawn_parameters_are_a_function_of_seed_lane_and_episode():
    assert same_bits(mids(seed=5), mids(seed=5))
    assert same_bits(mids(seed=5, lanes=65), mids(seed=5, lanes=200)[:65])
    assert not np.isin(mids(seed=5), mids(seed=6)).any()
    assert not np.isin(mids(seed=5), mids(seed=5, episode=1)).any()
    assert same_bits(mids(seed=5, lanes=65, episode=2), mids(seed=5, lanes=200, episode=2)[:65])


def test_only_the_lanes_of_the_mask_draw_anew():
    simulation = Simulation(world(initial_mid=Uniform(90.0, 110.0)), 70)
    simulation.start(0)
    before, mask = simulation.state.mid, np.arange(70) % 3 == 0
    simulation.restart(mask)
    assert np.array_equal(simulation.state.mid != before, mask)


def test_two_distributions_are_drawn_independently():
    simulation = Simulation(world(initial_mid=Uniform(90.0, 110.0), initial_inventory=Integers(-3, 3)), 4_000)
    simulation.start(2)
    state = simulation.state
    assert abs(np.corrcoef(state.mid, state.account.inventory)[0, 1]) < 4 / np.sqrt(4_000)


def fills_of_random_rates(flow) -> tuple[np.ndarray, np.ndarray]:
    """Fills and inventory after a step of a second in which an order comes at rate 1 for certain, at rate 0 never."""
    venue = Dealer(flow=flow, fill=Exponential(k=1e-300))
    market = world(price=Binomial(0.0), venue=venue, clock=FiniteHorizon(3.0, 3))
    simulation = Simulation(market, 64, interpreted=True)
    simulation.start(0)
    simulation.step(np.full(128, -1.0))
    return simulation.state.tally.fills, simulation.state.account.inventory


def test_one_component_for_both_sides_draws_the_same_on_both():
    fills, inventory = fills_of_random_rates(Bernoulli(Integers(0, 1)))
    assert set(fills.tolist()) == {0.0, 2.0}
    assert not inventory.any()


def test_two_components_draw_apart():
    fills, inventory = fills_of_random_rates(Sides(Bernoulli(Integers(0, 1)), Bernoulli(Integers(0, 1))))
    assert set(fills.tolist()) == {0.0, 1.0, 2.0}
    assert set(inventory.tolist()) == {-1.0, 0.0, 1.0}


def test_a_certain_venue_fills_for_certain():
    for bid, ask in ((0, 0), (0, 1), (1, 0), (1, 1)):
        simulation = Simulation(world(venue=sure(bid, ask), clock=FiniteHorizon(3.0, 3)), 5, interpreted=True)
        simulation.start(0)
        simulation.step(np.tile([-1.0, 0.0], 5))
        assert (simulation.state.tally.fills == bid + ask).all()
