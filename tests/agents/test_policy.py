"""The protocol every agent keeps: strategies act within the action space, and a table is its policy, step by step."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.policy import (
    Policy,
    RandomPolicy,
    Strategy,
    StrategyPolicy,
    Table,
    as_policy,
    grid_observations,
    natural_units,
    play,
    policy_of,
    quoted_depths,
    tabulate,
)
from agents.strategies.cartea_jaimungal import CarteaJaimungal
from agents.strategies.fixed import FixedSymmetric, LinearSkew
from mm_env import (
    Brownian,
    Depths,
    Ergodic,
    Grid,
    Hedges,
    MarketMakingVectorEnv,
    MarketOrders,
    OrnsteinUhlenbeck,
    ScheduledGap,
    Skew,
    SpreadAndSkew,
    VariancePenalty,
)
from mm_env.quote import Unbounded
from mm_env.rollout import Episodes, inventory_levels, run_policy
from tests.worlds import same_bits, world

LEANING = LinearSkew(half_spread=0.6, skew=0.1)
HURRIED = CarteaJaimungal(rate=10.0, kappa=1.0, phi=0.5, alpha=0.8, horizon=0.5, max_inventory=3)
QUOTES = [
    Depths(max_depth=2.0, min_depth=-1.0),
    SpreadAndSkew(max_half_spread=2.0, max_skew=1.0),
    Skew(half_spread=0.6, max_skew=1.0),
    Grid(max_half_spread=1.2, max_skew=0.3, half_spreads=7, skews=7),
    MarketOrders(SpreadAndSkew(max_half_spread=2.0, max_skew=1.0), half_spread=0.1),
    Unbounded(),
]
every_quote = pytest.mark.parametrize("quote", QUOTES, ids=lambda quote: type(quote).__name__)


class Leaning:
    """What a learner looks like: it acts on observations, says that it is deterministic, and clips nothing."""

    tabulable = True

    def act(self, observations):
        inventory, time_left = observations.T
        return np.stack([0.3 * np.sin(7.0 * time_left), -0.5 * inventory], axis=-1)


class Choosing:
    """The same with finitely many actions."""

    tabulable = True

    def act(self, observations):
        return np.rint(12.0 + 4.0 * observations[:, 0] - 3.0 * observations[:, 1]).astype(np.int64)


def observed(market, inventory, steps_done):
    """What a lane shows (1, k) of this inventory after so many steps."""
    names = {"inventory": inventory / market.inventory_scale, "time_left": 1.0 - steps_done / market.clock.steps}
    return np.array([[names[name] for name in market.observation_names]], np.float32)


# strategies


@every_quote
def test_a_strategy_acts_by_what_decodes_to_its_depths(quote):
    market = world(quote=quote)
    policy = StrategyPolicy(LEANING, market)
    for q in inventory_levels(market):
        actions = policy.act(observed(market, q, 0))
        depths = quoted_depths(market, actions.reshape(1, -1))
        np.testing.assert_allclose(depths, LEANING.depths(np.array([q]), 0.5), atol=1e-12)


@every_quote
def test_what_cannot_be_quoted_is_quoted_as_nearly_as_it_can(quote):
    market = world(quote=quote)
    actions = StrategyPolicy(LinearSkew(half_spread=50.0, skew=40.0), market).act(observed(market, 3.0, 0))
    space = market.quote.space
    if space.shape:
        assert (actions >= space.low).all()
        assert (actions <= space.high).all()
        assert actions.shape == (1, quote.width)
    else:
        assert actions.dtype == np.int64
        assert actions.tolist() == [space.n - quote.skews]  # the widest spread, leaning down as far as it goes


def test_a_strategy_is_tabulated_as_its_paper_has_it_not_as_the_actions_allow():
    market = world(quote=SpreadAndSkew(max_half_spread=0.1, max_skew=0.1))
    table = StrategyPolicy(LEANING, market).table()
    assert isinstance(table.market.quote, Unbounded)
    expected = LEANING.depths(inventory_levels(market), np.zeros((5, 1)))
    np.testing.assert_array_equal(table.depths(), expected)


def test_a_table_of_a_strategy_starts_with_the_whole_horizon_left_and_ends_with_one_step():
    market = world()
    table = tabulate(market, StrategyPolicy(HURRIED, market))
    q = inventory_levels(market)
    np.testing.assert_array_equal(table.actions[0], HURRIED.depths(q, 0.5))
    np.testing.assert_allclose(table.actions[-1], HURRIED.depths(q, 0.1), rtol=1e-12)


def test_inventory_counts_in_orders():
    market = world(order_size=0.1, max_inventory=0.3, inventory_scale=0.2)
    table = tabulate(market, StrategyPolicy(LEANING, market))
    np.testing.assert_allclose(table.actions[0], LEANING.depths(np.arange(-3.0, 4.0), 0.0))


class Future(Hedges):
    """One contract whose price stands still."""

    @property
    def names(self):
        return ("future",)

    def positions(self):
        return (0.0,)

    def marks(self, now):
        return (50.0,)

    def targets(self, action, inventory, held):
        return (2.0 * action[0],)

    def square(self, inventory, held, variance):
        return inventory * inventory


def test_a_strategy_that_knows_no_hedges_asks_for_none():
    hedged, plain = world(hedges=Future()), world()
    policy = StrategyPolicy(LEANING, hedged)
    acts = policy.act(observed(hedged, 2.0, 0))
    np.testing.assert_array_equal(
        acts, np.append(StrategyPolicy(LEANING, plain).act(observed(plain, 2.0, 0)), [[0.0]], axis=1)
    )
    np.testing.assert_allclose(quoted_depths(hedged, acts), LEANING.depths(np.array([2.0]), 0.5))
    assert policy.table().actions.shape == (5, 7, 3)
    free = play(plain, StrategyPolicy(LEANING, plain), 50, 3)
    assert same_bits(play(hedged, policy, 50, 3).profit, free.profit)
    assert RandomPolicy(hedged).act(observed(hedged, 2.0, 0)).shape == (1, 3)


# observations


@given(orders=st.integers(1, 400), steps=st.integers(1, 3_000), size=st.floats(1e-3, 1e3), scale=st.floats(0.1, 30.0),
       horizon=st.floats(1e-2, 1e4), share=st.floats(0.0, 1.0), data=st.data())  # fmt: skip
def test_natural_units_are_those_that_were_observed(orders, steps, size, scale, horizon, share, data):
    market = world(order_size=size, max_inventory=orders * size, inventory_scale=scale * size)
    market = replace(market, clock=replace(market.clock, horizon=horizon, steps=steps))
    held, done = data.draw(st.integers(-orders, orders)), round(share * (steps - 1))
    inventory, seconds_left = natural_units(market, observed(market, held * size, done))
    assert inventory.tolist() == [held]
    assert seconds_left[0] == pytest.approx((steps - done) * market.clock.step_length, rel=1e-12)


def test_without_an_end_there_is_always_the_whole_horizon_left():
    market = world(clock=Ergodic(horizon=2.0, steps=4))
    _, seconds_left = natural_units(market, np.array([[0.5], [-1.0]], np.float32))
    assert seconds_left.tolist() == [2.0, 2.0]


@pytest.mark.parametrize("market", [
    world(),
    world(clock=Ergodic(horizon=0.5, steps=5)),
    world(price=ScheduledGap(Brownian(1.0), [0.2, 0.35], [2.0, 3.0]), reward=VariancePenalty(1.0)),
], ids=["finite", "ergodic", "gaps"])  # fmt: skip
def test_grid_observations_are_those_that_lanes_show(market):
    seen, env = grid_observations(market), MarketMakingVectorEnv(market, 50, "Disabled")
    shown, _ = env.reset(seed=0)
    for step in range(5):
        row = seen[step % len(seen)]
        assert all((row == lane).all(axis=-1).any() for lane in shown)
        shown, *_ = env.step(np.full((50, 2), -1.0))


def test_who_sees_more_than_time_and_inventory_has_no_table():
    market = world(price=OrnsteinUhlenbeck(sigma=1.0, speed=1.0, mean=100.0))
    assert grid_observations(market) is None
    assert tabulate(market, Leaning()) is None


def test_who_does_not_say_that_it_is_deterministic_has_no_table():
    assert tabulate(world(), RandomPolicy(world())) is None


# tables


@pytest.mark.parametrize(("policy", "parts"), [
    (Leaning(), {}),
    (Leaning(), {"order_size": 0.1, "max_inventory": 0.3, "inventory_scale": 0.2}),
    (Choosing(), {"quote": Grid(max_half_spread=1.0, max_skew=0.5)}),
])  # fmt: skip
def test_a_tabulated_policy_earns_to_the_bit_what_it_earns_step_by_step(policy, parts):
    market = world(**parts)
    table, steps = play(market, policy, 300, 5), run_policy(market, policy.act, 300, 5)
    assert tabulate(market, policy) is not None
    for name in vars(table):
        assert same_bits(getattr(table, name), getattr(steps, name)), name


@pytest.mark.parametrize("clock", [world().clock, Ergodic(horizon=0.5, steps=5)])
def test_a_strategy_earns_from_its_table_what_it_earns_step_by_step(clock):
    market = world(quote=Depths(max_depth=9.0, min_depth=-7.0), clock=clock)
    policy = StrategyPolicy(HURRIED, market)
    table, steps = play(market, policy, 300, 5), run_policy(market, policy.act, 300, 5)
    assert table.closed is steps.closed is None
    for name in Episodes.__match_args__:
        np.testing.assert_allclose(getattr(table, name), getattr(steps, name), atol=1e-9)


def test_a_policy_that_is_no_table_plays_step_by_step_and_says_so():
    steps = []
    play(world(), RandomPolicy(world(), seed=1), 10, 0, lambda: steps.append(1))
    assert len(steps) == 5
    play(world(), StrategyPolicy(LEANING, world()), 10, 0, lambda: steps.append(1))
    assert len(steps) == 5


def test_a_table_reads_its_actions_as_the_market_does():
    market = world(quote=SpreadAndSkew(max_half_spread=2.0, max_skew=1.0))
    actions = np.zeros((1, 7, 2))
    actions[0, :, 1] = np.linspace(-1.0, 1.0, 7)
    depths = Table(market, actions).depths()
    assert depths.shape == (1, 7, 2)
    np.testing.assert_allclose(depths[0, :, 0], 1.0 - np.linspace(-1.0, 1.0, 7))
    np.testing.assert_allclose(depths[0, :, 1], 1.0 + np.linspace(-1.0, 1.0, 7))


# random actions


@pytest.mark.parametrize("quote", QUOTES[:-1], ids=lambda quote: type(quote).__name__)
def test_the_random_policy_repeats_itself_from_its_seed_and_fills_the_action_space(quote):
    market, seen = world(quote=quote), np.zeros((2_000, 2), np.float32)
    one, same, other = (RandomPolicy(market, seed) for seed in (3, 3, 4))
    first, second = one.act(seen), one.act(seen)
    np.testing.assert_array_equal(first, same.act(seen))
    np.testing.assert_array_equal(second, same.act(seen))
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, other.act(seen))
    batch = market.quote.space
    low, high = (batch.low[0], batch.high[0]) if batch.shape else (0, batch.n - 1)
    assert low <= first.min() < low + 0.01 * (high - low + 1)
    assert high - 0.01 * (high - low + 1) < first.max() <= high


def test_policies_and_strategies_are_known_by_what_they_can_do():
    market = world()
    assert all(isinstance(p, Policy) for p in (StrategyPolicy(LEANING, market), RandomPolicy(market)))
    assert isinstance(FixedSymmetric(0.5), Strategy)
    assert not isinstance(FixedSymmetric(0.5), Policy)
    assert isinstance(policy_of(FixedSymmetric(0.5), market), StrategyPolicy)
    assert isinstance(policy_of(RandomPolicy, market), RandomPolicy)


def test_an_object_that_acts_is_a_policy_and_what_it_says_of_itself_is_heard():
    market = world()
    leaning = policy_of(Leaning(), market)
    assert (leaning.tabulable, leaning.recurrent, leaning.learnt) == (True, False, False)
    assert leaning.acts_in(market) is market
    assert leaning.moved_to(market) is leaning
    assert as_policy(leaning) is leaning


def test_a_policy_of_ones_own_needs_act_alone():
    class Joining(Policy):
        def act(self, observations):
            return np.zeros((len(observations), 2))

    market = world(quote=Depths(max_depth=1.0))
    assert policy_of(Joining(), market).tabulated(market) is None
    assert len(play(market, Joining(), 3, 0)) == 3
    with pytest.raises(NotImplementedError, match=r"Policy needs a method act\(observations\)"):
        Policy().act(np.zeros((1, 2), np.float32))


def test_what_cannot_act_is_refused_with_what_it_lacks():
    with pytest.raises(TypeError, match=r"a policy must have a method act\(observations\), got 'glft'"):
        policy_of("glft", world())
