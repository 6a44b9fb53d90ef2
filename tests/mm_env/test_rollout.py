"""Episodes inside the kernel are the episodes of stepping, to the bit."""

import math
from dataclasses import astuple, replace

import numpy as np
import pytest

from mm_env import Integers, MarketMakingVectorEnv
from mm_env.quote import Unbounded
from mm_env.rollout import inventory_levels, run_actions, run_depths, run_policy, run_simulation, steps, steps_of
from mm_env.simulation import Simulation
from tests.worlds import COVERING, random_actions, same_bits, world

LANES = 70


def table_of(market, rows=None, seed=0):
    """A random table of actions (rows, levels, width)."""
    rows, levels = rows or market.clock.steps, len(inventory_levels(market))
    return random_actions(market, rows * levels, seed).reshape(rows, levels, -1)


def looked_up(market, table, step, inventory):
    """The actions (n, width) that a table holds for a step and inventories."""
    level = np.rint((inventory + market.max_inventory) / market.order_size).astype(int)
    return table[step if len(table) > 1 else 0, level]


def by_stepping(market, table, seed):
    """The state after an episode of LANES lanes, acting by the table one step after the other."""
    simulation = Simulation(market, LANES)
    simulation.start(seed)
    for step in range(market.clock.steps):
        simulation.step(looked_up(market, table, step, simulation.state.account.inventory).reshape(-1))
    return simulation.state


def same_episodes(episodes, state, market) -> bool:
    tally = state.tally
    stepped = (
        tally.objective, tally.profit, tally.drawdown, tally.absolute_inventory / market.clock.steps,
        state.account.inventory, tally.spread_captured, tally.fills, tally.arrivals,
    )  # fmt: skip
    return all(same_bits(one, other) for one, other in zip(astuple(episodes)[: len(stepped)], stepped, strict=True))


@pytest.mark.parametrize("rows", [None, 1], ids=["by step", "stationary"])
@pytest.mark.parametrize("name", ["brownian", "mean_reverting", "market_orders"])
def test_a_table_of_actions_plays_as_stepping_does(name, rows):
    market = COVERING[name]
    table = table_of(market, rows)
    assert same_episodes(run_actions(market, table, LANES, seed=5), by_stepping(market, table, 5), market)


def test_a_table_of_depths_quotes_them_whatever_the_action_space():
    market = world(initial_inventory=Integers(-3, 3))
    table = np.random.default_rng(0).uniform(-0.5, 1.5, (5, 7, 2))
    free = replace(market, quote=Unbounded())
    assert same_episodes(run_depths(market, table, LANES, seed=5), by_stepping(free, table, 5), market)


def test_a_policy_plays_as_the_vector_env_does():
    market, noticed = world(), []
    act = np.cos  # of the observations, which are two numbers as the actions are
    episodes = run_policy(market, act, LANES, seed=5, on_step=lambda: noticed.append(1))
    env = MarketMakingVectorEnv(market, LANES)
    observations, _ = env.reset(seed=5)
    for _ in range(5):
        observations, _, _, _, infos = env.step(act(observations))
    assert same_bits(episodes.objective, infos["figures"]["objective"])
    assert same_bits(episodes.profit, infos["figures"]["profit"])
    assert same_bits(episodes.terminal_inventory, infos["figures"]["inventory"])
    assert len(episodes) == LANES
    assert len(noticed) == 5


def test_a_policy_of_a_discrete_market_acts_by_index():
    market = COVERING["discrete"]
    by_index = run_policy(market, lambda seen: np.full(len(seen), 7), LANES, seed=5)
    by_table = run_actions(market, np.full((1, 7, 1), 7.0), LANES, seed=5)
    assert all(same_bits(one, other) for one, other in zip(astuple(by_index), astuple(by_table), strict=True))


def test_a_lane_plays_the_same_episode_among_any_number():
    market = world()
    table = table_of(market)
    few, many = run_actions(market, table, 3, seed=1), run_actions(market, table, 200, seed=1)
    assert same_bits(few.profit, many.profit[:3])


def test_the_levels_are_the_inventories_within_the_limit():
    assert inventory_levels(world()).tolist() == [-3, -2, -1, 0, 1, 2, 3]
    assert inventory_levels(world(order_size=2.5, max_inventory=5.0)).tolist() == [-5.0, -2.5, 0.0, 2.5, 5.0]
    assert inventory_levels(world(order_size=0.1, max_inventory=0.3)) == pytest.approx(np.arange(-3, 4) / 10)


@pytest.mark.parametrize("shape", [(5, 7), (2, 7, 2), (5, 6, 2), (5, 7, 1), (1, 7, 3), (0, 7, 2), (6, 7, 2)])
def test_a_table_of_the_wrong_shape_is_an_error(shape):
    for run in (run_actions, run_depths):
        with pytest.raises(ValueError, match=r"a table of actions must have shape \(5 or 1, 7, 2\), got \("):
            run(world(), np.zeros(shape), 3, seed=0)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_table_must_be_finite(bad):
    with pytest.raises(ValueError, match="a table of actions must be finite"):
        run_actions(world(), np.full((1, 7, 2), bad), 3, seed=0)


@pytest.mark.parametrize("bad", [25.0, -1.0, 0.5])
def test_a_table_of_indices_must_hold_indices(bad):
    with pytest.raises(ValueError, match=r"actions must .*\[0, 24\]"):
        run_actions(COVERING["discrete"], np.full((1, 7, 1), bad), 3, seed=0)


@pytest.mark.parametrize("actions", [np.zeros((3, 3)), np.full((3, 2), math.nan), np.zeros(3)])
def test_a_policy_that_acts_badly_is_an_error(actions):
    with pytest.raises(ValueError, match="actions must be "):
        run_policy(world(), lambda _: actions, 3, seed=0)


@pytest.mark.parametrize("episodes", [0, -1, 2.5])
def test_the_number_of_episodes_is_a_whole_number(episodes):
    with pytest.raises(ValueError, match="must be a whole number in"):
        run_depths(world(), np.zeros((1, 7, 2)), episodes, seed=0)


def test_a_seed_is_checked():
    with pytest.raises(ValueError, match="seed must be a whole number"):
        run_depths(world(), np.zeros((1, 7, 2)), 3, seed=-1)


# steps


class Falling:
    """Lanes whose episodes end after 1, 2 and 3 steps, and which go on to earn what is not theirs."""

    def __init__(self):
        self.done = 0

    def step(self, actions):
        self.done += 1
        ended = np.array(
            [self.done in (1, 2), self.done == 2, self.done == 3]
        )  # the first lane is soon in another episode
        return np.full((3, 1), float(self.done), np.float32), np.full(3, 2.0, np.float32), ended, int(ended.sum())


def test_the_steps_of_lanes_that_end_apart_belong_to_those_that_live():
    seen = list(steps_of(Falling(), lambda shown: 10.0 * shown, np.zeros((3, 1), np.float32)))
    assert [step.alive.tolist() for step in seen] == [[True] * 3, [False, True, True], [False, False, True]]
    assert [step.ended.tolist() for step in seen] == [[True, False, False], [False, True, False], [False, False, True]]
    assert [step.rewards.tolist() for step in seen] == [[2.0] * 3, [0.0, 2.0, 2.0], [0.0, 0.0, 2.0]]
    assert all(step.rewards.dtype == np.float32 for step in seen)
    assert [step.observations[0, 0] for step in seen] == [0.0, 1.0, 2.0]
    assert [step.actions[0, 0] for step in seen] == [0.0, 10.0, 20.0]
    assert [step.following[0, 0] for step in seen] == [1.0, 2.0, 3.0]


def test_steps_are_those_of_an_episode_from_its_start():
    market = world()
    simulation, stepped = Simulation(market, LANES), Simulation(market, LANES)
    played, endings = steps(simulation, np.cos, 5), []
    assert same_bits(stepped.start(5), simulation.observations)
    for step in played:
        observations, rewards, ended, _ = stepped.step(np.cos(step.observations).astype(np.float64).reshape(-1))
        assert same_bits(step.following, observations)
        assert same_bits(step.rewards, rewards)
        assert step.ended.tolist() == ended.tolist()
        assert step.alive.all()
        assert same_bits(simulation.state.account.cash, stepped.state.account.cash)
        endings.append(ended.all())
    assert endings == [False] * (market.clock.steps - 1) + [True]


def test_an_episode_in_a_simulation_of_ones_own_is_the_same():
    market = world()
    assert same_bits(
        run_simulation(Simulation(market, LANES), np.cos, 5).profit, run_policy(market, np.cos, LANES, 5).profit
    )
