"""Copies: deepcopy and pickle in mid-episode, in this process and another, go on to the same bits."""

import pickle
import subprocess
import sys
from copy import deepcopy
from functools import partial
from pathlib import Path

import cloudpickle
import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv
from gymnasium.wrappers import RecordEpisodeStatistics

import mm_env
from mm_env import Controls, MarketMakingEnv, MarketMakingVectorEnv, Uniform
from mm_env.simulation import Simulation
from tests.mm_env.recorded_days import random_day
from tests.mm_env.test_replay_markets import market_of
from tests.worlds import COVERING, numbers, random_actions, same_bits, story, world

COPYING = {
    "deepcopy": deepcopy,
    "pickle": lambda thing: pickle.loads(pickle.dumps(thing)),
    "cloudpickle": lambda thing: cloudpickle.loads(cloudpickle.dumps(thing)),
}
WAYS = pytest.mark.parametrize("copied", COPYING.values(), ids=COPYING)
RANDOM = world(initial_mid=Uniform(90.0, 110.0))


def going_on(simulation, steps=7) -> list[np.ndarray]:
    """What comes of it from here on."""
    seen = []
    for step in range(steps):
        actions = random_actions(simulation.market, simulation.num_lanes, step).reshape(-1)
        observations, rewards, ended, _ = simulation.step(actions)
        simulation.restart(ended, observations)
        seen += [observations, rewards, numbers(simulation)]
    return seen


def alike(one, other) -> bool:
    return all(same_bits(a, b) for a, b in zip(one, other, strict=True))


@WAYS
@pytest.mark.parametrize("name", COVERING)
def test_a_copied_simulation_goes_on_as_the_first(name, copied):
    simulation = Simulation(COVERING[name], 3, interpreted=True)
    story(simulation, 3, random_actions(COVERING[name], 3), 2)
    other = copied(simulation)
    assert alike(going_on(simulation), going_on(other))


@WAYS
def test_parameters_set_or_drawn_lane_by_lane_are_copied(copied):
    simulation = Simulation(RANDOM, 70, interpreted=True)
    simulation.start_each([*range(70)])
    controls = Controls(simulation, {"price.drift": (-5.0, 5.0)})
    controls.set(np.linspace(-5.0, 5.0, 70)[:, None])
    other = copied(controls)
    for each in (controls, other):
        each.set(np.full((1, 1), 3.0), np.array([4]))
    assert alike(going_on(simulation), going_on(other.simulation))


@WAYS
def test_a_replay_is_copied_with_its_books_and_shares_the_day(tmp_path, copied):
    simulation = Simulation(market_of(random_day(tmp_path / "day.csv", 1)), 2, interpreted=True)
    story(simulation, 3, random_actions(simulation.market, 2), 2)
    other = copied(simulation)
    assert other._memory[1] is simulation._memory[1]
    assert len(pickle.dumps(simulation)) < simulation._memory[1].nbytes
    assert alike(going_on(simulation), going_on(other))


@WAYS
def test_machine_code_is_no_part_of_a_copy(copied):
    simulation = Simulation(world(), 2)
    simulation.start(0)
    simulation.step(np.zeros(4))
    other = copied(simulation)
    assert simulation._kernels._found
    assert not other._kernels._found
    assert alike(going_on(simulation), going_on(other))


@WAYS
@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_a_copied_vector_env_goes_on_as_the_first(mode, copied):
    env = MarketMakingVectorEnv(world(), 3, mode, render_mode="rgb_array", max_episode_steps=4, shown=1)
    env.reset(seed=[4, 5, 6])
    for step in range(4):
        env.step(random_actions(world(), 3, step))
    other, stories = copied(env), []
    for each in (env, other):
        if mode == AutoresetMode.DISABLED:
            each.reset(options={"reset_mask": np.ones(3, np.bool_)})
        told = [each.step(random_actions(world(), 3, step)) for step in range(3)]
        stories.append([*(array for step in told for array in step[:4]), *each.render()])
    assert alike(*stories)


@WAYS
@pytest.mark.parametrize("made", [
    lambda: MarketMakingEnv(world(), render_mode="rgb_array"),
    lambda: gym.make("mm_env/AMZN-v0", market=world(), max_episode_steps=4),
    lambda: RecordEpisodeStatistics(gym.make("mm_env/AMZN-v0", market=RANDOM)),
])  # fmt: skip
def test_a_copied_single_env_goes_on_as_the_first(made, copied):
    env = made()
    env.reset(seed=1)
    env.step(np.zeros(2))
    if env.render_mode:
        env.render()
    other = copied(env)
    for step in range(3):
        action = random_actions(world(), 1, step)[0]
        (seen, *rest), (same, *other_rest) = env.step(action), other.step(action)
        assert same_bits(seen, same)
        assert rest[:3] == other_rest[:3]
    if env.render_mode:
        assert same_bits(env.render(), other.render())
    assert same_bits(env.reset()[0], other.reset()[0])
    assert other.spec == env.spec


def test_another_process_goes_on_where_this_one_stood(tmp_path):
    simulation = Simulation(COVERING["cont_stoikov_talreja"], 2, interpreted=True)
    story(simulation, 3, random_actions(simulation.market, 2), 2)
    (tmp_path / "kept").write_bytes(pickle.dumps(simulation))
    script = (
        "import pickle, sys; from tests.mm_env.test_copies import going_on\n"
        "seen = going_on(pickle.loads(open(sys.argv[1], 'rb').read()))\n"
        "open(sys.argv[2], 'wb').write(pickle.dumps(seen))"
    )
    files = [str(tmp_path / "kept"), str(tmp_path / "seen")]
    subprocess.run([sys.executable, "-c", script, *files], cwd=Path(mm_env.__file__).parents[1], check=True)
    assert alike(going_on(simulation), pickle.loads((tmp_path / "seen").read_bytes()))


def test_worker_processes_do_what_one_process_does():
    make = [partial(MarketMakingEnv, world())] * 2
    ours, theirs = AsyncVectorEnv(make, context="spawn"), SyncVectorEnv(make)
    assert same_bits(ours.reset(seed=3)[0], theirs.reset(seed=3)[0])
    for step in range(7):
        actions = random_actions(world(), 2, step).astype(np.float32)
        assert alike(ours.step(actions)[:4], theirs.step(actions)[:4])
    ours.close()
