"""What holds in every market, whatever its parameters."""

import math
import re
from contextlib import nullcontext
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm_env import Book, Component, Dealer, MarketMakingVectorEnv, WithJumps
from mm_env.core.component import leaves
from mm_env.simulation import Simulation
from tests.worlds import COVERING, numbers, random_actions, same_bits, wealth

ORDER_SIZES = [0.1, 0.5, 1.0, 3.0, 100.0]


def scaled(component, by):
    """A component with each volatility in it, however deep it lies, `by` times as large."""
    if isinstance(component, tuple):
        return tuple(scaled(one, by) for one in component)
    if not isinstance(component, Component):
        return component
    values = {one.name: getattr(component, one.name) for one in fields(component) if one.init}
    return replace(
        component,
        **{name: by * value if name == "sigma" else scaled(value, by) for name, value in values.items()},
    )


@st.composite
def markets(draw):
    """A market of COVERING's types with other numbers."""
    market = COVERING[draw(st.sampled_from(list(COVERING)))]
    size, limit = draw(st.sampled_from(ORDER_SIZES)), draw(st.integers(1, 6))
    start = draw(st.integers(-limit, limit))
    clock = replace(market.clock, horizon=draw(st.floats(0.01, 100.0)), steps=draw(st.integers(1, 12)))
    if isinstance(market.venue, Book):
        clock = replace(clock, horizon=min(clock.horizon, 2.0 * clock.steps))
        parts = {"venue": replace(market.venue, lot=size, latency=draw(st.floats(0.0, 1.0)) * clock.step_length)}
    else:
        if isinstance(market.price, WithJumps):  # refuses steps in which it would jump often
            clock = replace(clock, horizon=min(clock.horizon, 0.1 * clock.steps))
        parts = {"price": scaled(market.price, draw(st.floats(1e-3, 1.0)))}
    return replace(
        market,
        **parts,
        clock=clock,
        order_size=size,
        max_inventory=limit * size,
        initial_inventory=start * size,
        initial_mid=draw(st.floats(1.0, 1e4)),
        inventory_scale=draw(st.floats(0.1, 100.0)),
    )


def played(market, lanes, seed, interpreted=False):
    """The simulation after each step of one episode of random actions, and its rewards so far."""
    simulation, rewards = Simulation(market, lanes, interpreted=interpreted), 0.0
    simulation.start(seed)
    for step in range(market.clock.steps):
        rewards = rewards + simulation.step(random_actions(market, lanes, step).reshape(-1))[1]
        yield simulation, rewards


SEEDS, LANES = st.integers(0, 2**63 - 1), st.integers(1, 9)


@given(markets(), LANES, SEEDS)
def test_the_books_balance(market, lanes, seed):
    fresh = Simulation(market, lanes)
    fresh.start(seed)
    start = wealth(fresh.state)
    scale = np.abs(start)
    for simulation, rewards in played(market, lanes, seed):
        state = simulation.state
        scale = np.maximum(scale, np.abs(state.account.cash) + np.abs(state.account.inventory * state.mid))
        assert (np.abs(state.tally.profit - (wealth(state) - start)) <= 1e-12 * (1 + scale)).all()
        assert same_bits(state.tally.objective, rewards)


@given(markets(), LANES, SEEDS)
def test_the_inventory_stays_inside_its_limits_in_whole_orders(market, lanes, seed):
    for simulation, _ in played(market, lanes, seed):
        orders = simulation.state.account.inventory / market.order_size
        assert np.abs(orders).max() <= market.max_inventory / market.order_size + 1e-9
        assert np.abs(orders - np.rint(orders)).max() < 1e-9


@given(markets(), LANES, SEEDS)
def test_the_tally_is_consistent(market, lanes, seed):
    for simulation, _ in played(market, lanes, seed):
        state, tally = simulation.state, simulation.state.tally
        assert (tally.fills <= tally.arrivals * (1 + 1e-12)).all()  # who trades with us has come
        if isinstance(market.venue, Dealer):
            assert (tally.arrivals <= 2 * state.step).all()
        assert (tally.peak >= np.maximum(tally.profit, 0)).all()
        assert (tally.drawdown >= tally.peak - tally.profit).all()
        assert (tally.absolute_inventory <= market.max_inventory * state.step * (1 + 1e-9)).all()


@given(markets(), LANES, SEEDS)
def test_observations_are_finite_and_inside_the_declared_space(market, lanes, seed):
    env = MarketMakingVectorEnv(market, lanes)
    env.action_space.seed(seed % 2**32)
    observations, _ = env.reset(seed=seed)
    for _ in range(2 * market.clock.steps + 1):
        assert observations in env.observation_space
        assert np.isfinite(observations).all()
        observations, _, _, _, infos = env.step(env.action_space.sample())
        assert not infos or infos["final_obs"] in env.observation_space


@given(markets(), SEEDS)
def test_machine_code_is_python_to_the_bit(market, seed):
    both = zip(played(market, 2, seed), played(market, 2, seed, interpreted=True), strict=True)
    for (made, rewards), (plain, same_rewards) in both:
        assert same_bits(numbers(made), numbers(plain))
        assert same_bits(rewards, same_rewards)


@given(markets(), LANES, SEEDS)
def test_a_lane_is_the_same_alone(market, lanes, seed):
    for (among, _), (alone, _) in zip(played(market, lanes, seed), played(market, lanes + 1, seed), strict=True):
        assert market.quote.width != 2 or same_bits(numbers(among)[0], numbers(alone)[0])
        assert same_bits(among.state.step, alone.state.step[:lanes])


def every_parameter():
    """(owner, field) of each parameter of each component, once a class."""
    seen = {}
    for market in COVERING.values():
        for leaf in leaves(market):
            seen.setdefault((type(leaf.owner), leaf.field), leaf.owner)
    return [pytest.param(owner, field, id=f"{kind.__name__}.{field}") for (kind, field), owner in seen.items()]


@pytest.mark.parametrize(("owner", "field"), every_parameter())
@pytest.mark.parametrize(
    "bad", [math.nan, math.inf, -math.inf, True, "1", None, [1.0], np.array(["x"]), np.zeros((2, 2))]
)
def test_a_bad_value_of_any_parameter_is_one_error_with_its_name(owner: Component, field, bad):
    with pytest.raises((TypeError, ValueError), match="^" + re.escape(f"{type(owner).__name__}.{field} must be ")):
        replace(owner, **{field: bad})


@given(st.floats())
def test_a_parameter_is_kept_or_refused_never_changed(value):
    owner, allowed = COVERING["brownian"].price, 0 <= value < math.inf
    with nullcontext() if allowed else pytest.raises(ValueError, match=r"^Brownian\.sigma must be >= 0, got "):
        assert replace(owner, sigma=value).sigma == value
