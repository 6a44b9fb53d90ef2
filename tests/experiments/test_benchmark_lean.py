"""The lean numpy step that ours is timed beside is one of the same market."""

import io
import time

import numpy as np
import pytest
from rich.console import Console

from experiments import benchmark
from experiments.speed import benchmark_lean
from experiments.speed.benchmark_lean import RUNS, beside_lean, in_turn
from experiments.speed.lean import LeanAmzn
from mm_env.core.maths import normal
from mm_env.core.noise import draw
from mm_env.markets import amzn
from mm_env.simulation import Simulation

LANES, SEED = 5, 3


class OfOurNoise(LeanAmzn):
    """The lean step, drawing what our lanes draw."""

    episode = 0

    def draw(self):
        drawn = [draw(SEED, lane, self.episode, int(self.elapsed[lane])) for lane in range(self.num_envs)]
        sides = np.array([(noise.bid, noise.ask) for noise in drawn]).T
        return sides, np.array([normal(noise.price) for noise in drawn])


def test_by_the_same_noise_it_steps_as_the_market_does_across_episodes():
    """Observations to single precision, all else to rounding, for actions beyond [-1, 1] and inventories at their limit too."""
    ours, lean = Simulation(amzn(), LANES, interpreted=True), OfOurNoise(LANES)
    np.testing.assert_allclose(lean.observations(), ours.start(SEED), rtol=1e-6)
    random, reached, ends = np.random.default_rng(0), 0.0, 0
    for _ in range(2 * lean.steps):
        actions = random.uniform(-1.2, 1.2, (LANES, 2))
        actions[:2] = (-1.0, -1.0), (-1.0, 1.0)  # the first lane sells, the second buys up to the limit
        seen, rewards, ended, _ = ours.step(actions.reshape(-1))
        lean_seen, lean_rewards, lean_ended, truncated, infos = lean.step(actions)
        np.testing.assert_allclose(lean_rewards, rewards, atol=1e-9)
        np.testing.assert_array_equal(lean_ended, ended)
        reached, last = max(reached, np.abs(ours.state.account.inventory).max()), infos.get("final_obs", lean_seen)
        np.testing.assert_allclose(last, seen, atol=1e-6)
        assert not truncated.any()
        if ended.any():
            np.testing.assert_allclose(infos["r"], ours.state.tally.objective, atol=1e-9)
            ours.restart(ended)
            np.testing.assert_allclose(lean_seen, ours.observations, atol=1e-6)
            ends, lean.episode = ends + 1, lean.episode + 1
        np.testing.assert_allclose(lean.cash, ours.state.account.cash, atol=1e-8)
        np.testing.assert_allclose(lean.mid, ours.state.mid, rtol=1e-12)
    assert (ends, reached) == (2, lean.max_inventory)


def test_the_table_tells_how_many_times_as_fast_ours_is(monkeypatch, composed):
    """By a clock that goes on only while steps last."""
    now = [0.0]

    def lasting(seconds):
        def step():
            now[0] += seconds

        return step

    monkeypatch.setattr(time, "process_time", lambda: now[0])
    ours, lean = lasting(2.0**-12), lasting(2.0**-10)
    pairs = in_turn(ours, lean, 2.0**-6)
    assert [(pair.ours, pair.lean) for pair in pairs] == [(2.0**-12, 2.0**-10)] * RUNS
    monkeypatch.setattr(benchmark_lean, "steps", lambda lanes: (ours, lean))
    console = Console(file=io.StringIO(), width=80)
    assert beside_lean(console, composed("benchmark", "lean_lanes=[64]")) == ["VectorEnv.step / lean numpy,64,1,4.000"]
    assert "4.00" in console.file.getvalue()


@pytest.mark.parametrize(("option", "why"), [
    ("threads=1", "threads must be a list, got 1: threads=[1]"), ("markets=amzn", "markets must be a list, got 'amzn'"),
    ("lanes=[0]", "lanes must be a whole number >= 1, got 0"), ("desks=[2.5]", "desks must be a whole number >= 1, got 2.5"),
])  # fmt: skip
def test_a_benchmark_refuses_what_is_no_list_of_numbers_before_it_measures(refused, option, why):
    assert why in refused(benchmark.main, option)
