"""Policies: observations back to natural units, strategies quoted as nearly as a market can, tables played alike."""

from dataclasses import astuple

import numpy as np
import pytest

from agents.fixed import FixedSymmetric, LinearSkew
from agents.policy import (
    Policy,
    RandomPolicy,
    Strategy,
    StrategyPolicy,
    Table,
    grid_observations,
    natural_units,
    play,
    quoted_depths,
    tabulate,
)
from mm_env import Depths, Ergodic, Grid, Integers, MarketMakingVectorEnv, OrnsteinUhlenbeck, Skew
from mm_env.rollout import inventory_levels, run_policy
from mm_env.simulation import Simulation
from tests.worlds import COVERING, random_actions, same_bits, world

WIDE = world(quote=Depths(max_depth=2.0, min_depth=-1.0))
LEAN = LinearSkew(half_spread=0.5, skew=0.25)


def test_policies_and_strategies_keep_their_protocols():
    assert isinstance(LEAN, Strategy)
    assert isinstance(StrategyPolicy(LEAN, WIDE), Policy)
    assert isinstance(RandomPolicy(WIDE), Policy)


@pytest.mark.parametrize("market", [world(initial_inventory=Integers(-3, 3)), world(order_size=2.5, max_inventory=7.5)])
def test_observations_turn_back_into_orders_and_seconds(market):
    simulation = Simulation(market, 9, interpreted=True)
    simulation.start(0)
    for step in range(5):
        inventory, seconds = natural_units(market, simulation.observations)
        assert inventory.tolist() == (simulation.state.account.inventory / market.order_size).tolist()
        assert seconds == pytest.approx(np.full(9, 0.5 - 0.1 * step), rel=1e-12)
        simulation.step(random_actions(market, 9, step).reshape(-1))


def test_where_no_time_is_shown_the_end_is_a_horizon_away():
    market = world(clock=Ergodic(7.0, 70))
    assert natural_units(market, np.zeros((3, 1), np.float32))[1].tolist() == [7.0] * 3


def test_a_strategy_is_quoted_as_it_is_where_the_market_can():
    seen = grid_observations(WIDE).reshape(-1, 2)
    orders, seconds = natural_units(WIDE, seen)
    assert quoted_depths(WIDE, StrategyPolicy(LEAN, WIDE).act(seen)) == pytest.approx(LEAN.depths(orders, seconds))


def test_a_strategy_is_quoted_as_nearly_as_the_market_can():
    narrow = world(quote=Depths(max_depth=0.75))
    depths = quoted_depths(narrow, StrategyPolicy(LEAN, narrow).act(grid_observations(narrow).reshape(-1, 2)))
    orders, seconds = natural_units(narrow, grid_observations(narrow).reshape(-1, 2))
    assert depths == pytest.approx(np.clip(LEAN.depths(orders, seconds), 0.0, 0.75))
    alone = world(quote=Skew(half_spread=0.6, max_skew=0.5))
    depths = quoted_depths(alone, StrategyPolicy(LEAN, alone).act(grid_observations(alone).reshape(-1, 2)))
    assert depths.mean(axis=-1) == pytest.approx(np.full(len(depths), 0.6))


def test_a_strategy_acts_by_index_in_a_discrete_market():
    market = world(quote=Grid(max_half_spread=1.0, max_skew=0.5))
    actions = StrategyPolicy(FixedSymmetric(0.5), market).act(grid_observations(market).reshape(-1, 2))
    assert actions.dtype == np.int64
    assert set(actions.tolist()) == {12}  # the middle of five by five


def test_a_strategy_plays_by_table_as_by_stepping():
    policy = StrategyPolicy(LEAN, WIDE)
    by_table, by_stepping = play(WIDE, policy, 50, 3), run_policy(WIDE, policy.act, 50, 3)
    for one, other in zip(astuple(by_table), astuple(by_stepping), strict=True):
        assert one == pytest.approx(other, abs=1e-9)


def test_a_table_holds_the_quotes_of_the_paper_not_of_the_market():
    table = StrategyPolicy(LEAN, world(quote=Depths(max_depth=0.1))).table()
    levels = inventory_levels(WIDE)
    assert table.actions.shape == (5, 7, 2)
    assert table.depths()[2] == pytest.approx(LEAN.depths(levels, 0.3))
    assert isinstance(table, Table)


def test_grid_observations_are_what_the_env_shows():
    market = world(initial_inventory=Integers(-3, 3))
    env, grid = MarketMakingVectorEnv(market, 70), grid_observations(market)
    observations = env.reset(seed=0)[0]
    for step in range(5):
        level = (env.simulation.state.account.inventory + 3).astype(int)
        assert same_bits(observations, grid[step, level])
        observations = env.step(random_actions(market, 70, step))[0]


def test_only_time_and_inventory_make_a_table():
    assert grid_observations(world(price=OrnsteinUhlenbeck(1.0, 1.0, 100.0))) is None
    assert grid_observations(COVERING["market_orders"]).shape == (1, 7, 1)
    assert tabulate(WIDE, RandomPolicy(WIDE)) is None


def test_a_random_policy_acts_uniformly_over_the_space():
    actions = RandomPolicy(WIDE).act(np.zeros((20_000, 2), np.float32))
    assert actions.shape == (20_000, 2)
    assert abs(actions.mean()) < 4 / np.sqrt(3 * 40_000)
    assert actions.min() >= -1.0
    assert actions.max() <= 1.0
    market = world(quote=Grid(max_half_spread=1.0, max_skew=0.5))
    indices = RandomPolicy(market).act(np.zeros((25_000, 2), np.float32))
    assert abs(((np.bincount(indices, minlength=25) - 1_000) ** 2 / 1_000).sum() - 24) < 4 * np.sqrt(48)


def test_a_random_policy_repeats_with_its_seed():
    seen = np.zeros((5, 2), np.float32)
    one, other = RandomPolicy(WIDE, seed=0), RandomPolicy(WIDE, seed=0)
    assert same_bits(one.act(seen), other.act(seen))
    assert same_bits(one.act(seen), other.act(seen))
    assert not np.array_equal(RandomPolicy(WIDE, seed=1).act(seen), RandomPolicy(WIDE, seed=0).act(seen))
