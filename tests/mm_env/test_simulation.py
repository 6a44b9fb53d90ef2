"""The lanes: bit-identical whatever their number, the threads and what others do; replayed from any point."""

import numpy as np
import pytest

import mm_env.simulation
from mm_env import Uniform
from mm_env.core.component import flat, record
from mm_env.core.cores import usable_cores, usable_threads
from mm_env.core.noise import MAX_SEED, draw
from mm_env.simulation import LANES_PER_THREAD, Simulation
from tests.worlds import BOOKS, COVERING, numbers, random_actions, same_bits, story, world

ACTIONS = random_actions(world(), 200)


@pytest.mark.parametrize("market", [world(), world(initial_mid=Uniform(90.0, 110.0))], ids=["shared", "random"])
def test_a_lane_is_the_same_among_any_number_of_lanes(market):
    longest = story(Simulation(market, 200), 9, ACTIONS, 12)
    for lanes in (1, 64, 65):
        for alone, among in zip(story(Simulation(market, lanes), 9, ACTIONS[:lanes], 12), longest, strict=True):
            assert same_bits(alone, among[:lanes])


def test_a_lane_is_the_same_on_any_number_of_threads(monkeypatch):
    single = story(Simulation(world(), 200, threads=1), 9, ACTIONS, 12)
    monkeypatch.setattr(mm_env.simulation, "LANES_PER_THREAD", 1)
    for threads in (2, 3, 4, 200):
        simulation = Simulation(world(), 200, threads=threads)
        assert simulation._threads == threads
        assert all(same_bits(one, other) for one, other in zip(single, story(simulation, 9, ACTIONS, 12), strict=True))


def test_a_table_runs_alike_on_any_number_of_threads(monkeypatch):
    monkeypatch.setattr(mm_env.simulation, "LANES_PER_THREAD", 1)
    table, ends = random_actions(world(), 5 * 7).reshape(5, 7, 2), []
    for threads in (1, 2, 4):
        simulation = Simulation(world(), 200, threads=threads)
        simulation.start(4)
        simulation.run(table)
        ends.append(numbers(simulation))
    assert same_bits(ends[0], ends[1])
    assert same_bits(ends[0], ends[2])


def test_few_lanes_stay_on_one_thread():
    assert Simulation(world(), 1_024, threads=8)._threads == 1
    assert Simulation(world(), 2 * mm_env.simulation.LANES_PER_THREAD, threads=2)._threads == 2


def test_an_order_book_repays_a_thread_with_fewer_lanes_and_is_the_same_on_it():
    market, lanes = BOOKS["cont_stoikov_talreja"], 2 * mm_env.simulation.BOOKS_PER_THREAD
    single, double = (Simulation(market, lanes, threads=threads) for threads in (1, 2))
    assert (single._threads, double._threads) == (1, 2)
    assert Simulation(market, lanes - 1, threads=2)._threads == 1
    actions = random_actions(market, lanes)
    stories = [story(simulation, 9, actions, 6) for simulation in (single, double)]
    assert all(same_bits(one, other) for one, other in zip(*stories, strict=True))
    assert single.books.tobytes() == double.books.tobytes()


@pytest.mark.parametrize("name", ["brownian", "geometric", "binomial", "unbounded"])
def test_the_mid_does_not_depend_on_what_we_do_unless_our_fills_move_it(name):
    market, paths = COVERING[name], []
    for seed in (0, 1):
        simulation = Simulation(market, 70, interpreted=True)
        simulation.start(5)
        path = []
        for _ in range(3):
            simulation.step(random_actions(market, 70, seed).reshape(-1))
            path.append(simulation.state.mid)
        paths.append(np.array(path))
    assert np.array_equal(*paths) == (name in ("brownian", "geometric"))  # the others' fills have an impact


def test_one_step_of_one_episode_is_replayed_alone_from_the_noise():
    market, lane, seed, action = world(), 66, 77, (0.3, -0.2)
    simulation = Simulation(market, 70)
    simulation.start(seed)
    simulation.restart(np.arange(70) == lane)  # so that its episode is 1
    simulation.step(np.tile(action, 70))
    rules, fresh = record(market), record(market).begin(1.0, 100.0)
    first, _ = rules.step(fresh, action, draw(seed, lane, 1, 0))
    assert same_bits(numbers(simulation)[lane], np.array(list(flat(first))))
    _, rewards, _, _ = simulation.step(np.tile(action, 70))
    second, reward = rules.step(first, action, draw(seed, lane, 1, 1))
    assert same_bits(numbers(simulation)[lane], np.array(list(flat(second))))
    assert rewards[lane] == reward


def test_start_repeats_and_restart_goes_on():
    simulation = Simulation(world(), 8)
    first = story(simulation, 3, ACTIONS[:8], 12)
    again = story(simulation, 3, ACTIONS[:8], 12)
    other = story(simulation, 4, ACTIONS[:8], 12)
    assert all(same_bits(one, two) for one, two in zip(first, again, strict=True))
    assert not same_bits(first[-1], other[-1]) or not same_bits(first[-2], other[-2])
    assert simulation.episodes.tolist() == [2] * 8


def test_restart_leaves_the_other_lanes_alone():
    simulation = Simulation(world(), 70)
    simulation.start(1)
    simulation.step(ACTIONS[:70].reshape(-1))
    before, mask = numbers(simulation), np.arange(70) % 2 == 1
    simulation.restart(mask)
    after = numbers(simulation)
    assert same_bits(before[~mask], after[~mask])
    assert (simulation.state.step[mask] == 0).all()
    assert np.array_equal(simulation.state.episode, mask.astype(float))


def test_a_restored_simulation_goes_on_as_if_nothing_had_happened():
    market = world(initial_mid=Uniform(90.0, 110.0))
    simulation = Simulation(market, 8)
    simulation.start(3)
    simulation.step(ACTIONS[:8].reshape(-1))
    saved = simulation.save()
    expected = next_step(simulation)
    story(simulation, 99, ACTIONS[:8], 7)
    simulation.restore(saved)
    assert all(same_bits(one, other) for one, other in zip(expected, next_step(simulation), strict=True))


def next_step(simulation):
    """All that is seen of a step and of the episode after it."""
    seen = [x.copy() for x in simulation.step(ACTIONS[8:16].reshape(-1))[:3]] + [numbers(simulation)]
    simulation.restart(np.ones(8, np.bool_))
    return [*seen, numbers(simulation), simulation.observations.copy()]


def test_what_the_agent_sees_can_be_asked_for_at_any_time():
    for interpreted in (False, True):
        simulation = Simulation(world(), 70, interpreted=interpreted)
        assert same_bits(simulation.start(3), simulation.observations)
        for _ in range(3):
            assert same_bits(simulation.step(ACTIONS[:70].reshape(-1))[0], simulation.observations)
        observations, mask = simulation.observations, np.arange(70) % 3 == 0
        before = observations.copy()
        simulation.restart(mask, observations)
        assert same_bits(observations, simulation.observations)
        assert same_bits(observations[~mask], before[~mask])


def test_the_state_is_a_copy():
    simulation = Simulation(world(), 3)
    simulation.start(0)
    simulation.state.mid[:] = -1.0
    assert (simulation.state.mid == 100.0).all()


@pytest.mark.parametrize("seed", [True, -1, 2**63, 1.5, "0", None, np.bool_(True), np.float64(1.0)])
def test_a_seed_is_a_whole_number_below_two_to_the_63(seed):
    simulation = Simulation(world(), 1, interpreted=True)
    simulation.start(5)
    with pytest.raises(ValueError, match=r"seed must be a whole number in \[0, 2\^63\), got "):
        simulation.start(seed)
    assert simulation.seed == 5


@pytest.mark.parametrize("seed", [0, MAX_SEED, np.int32(7), np.uint64(7)])
def test_every_other_whole_number_is_a_seed(seed):
    Simulation(world(), 1, interpreted=True).start(seed)


@pytest.mark.parametrize("lanes", [0, -1, 1.5, True, "3", None, 2**32])
def test_the_number_of_lanes_is_a_whole_number_from_1_on(lanes):
    with pytest.raises(ValueError, match=r"num_envs must be a whole number in \[1, 2\^32\), got "):
        Simulation(world(), lanes)


def test_the_largest_seed_runs_alike_in_python():
    actions = random_actions(world(), 3)
    made, plain = (story(Simulation(world(), 3, interpreted=i), MAX_SEED, actions, 6) for i in (False, True))
    assert all(same_bits(one, other) for one, other in zip(made, plain, strict=True))


def test_a_lane_can_go_through_many_episodes():
    simulation = Simulation(world(), 2)
    simulation.start(0)
    for _ in range(1_000):
        simulation.restart(np.array([True, False]))
    assert simulation.state.episode.tolist() == [1_000.0, 0.0]


def test_staggered_lanes_start_evenly_spread_over_the_horizon():
    simulation, control = Simulation(world(), 70), Simulation(world(), 70)
    simulation.start(5), control.start(5)
    simulation.stagger()
    steps = np.arange(70) * 5 // 70
    assert np.array_equal(simulation.state.step, steps)
    assert np.array_equal(simulation.observations[:, 1], (1 - steps / 5).astype(np.float32))
    assert np.bincount(steps).tolist() == [14] * 5
    endings = [simulation.step(ACTIONS[:70].reshape(-1))[2] for _ in range(5)]
    assert np.array_equal(np.argmax(endings, axis=0), 4 - steps)
    assert np.array_equal(control.state.mid, np.full(70, 100.0))


def test_a_staggered_lane_meets_the_noise_of_its_step():
    simulation = Simulation(world(), 70)
    simulation.start(5)
    simulation.stagger()
    simulation.step(ACTIONS[:70].reshape(-1))
    rules = record(world())
    late = rules.begin(0.0, 100.0)._replace(step=4.0)
    after, _ = rules.step(late, tuple(ACTIONS[69].tolist()), draw(5, 69, 0, 4))
    assert same_bits(numbers(simulation)[69], np.array(list(flat(after))))


@pytest.mark.parametrize(("asked", "threads"), [("1", 1), ("3", 3), (None, usable_cores())])
def test_lanes_have_the_threads_that_a_launcher_left_them(monkeypatch, asked, threads):
    if asked is None:
        monkeypatch.delenv("NUMBA_NUM_THREADS", raising=False)
    else:
        monkeypatch.setenv("NUMBA_NUM_THREADS", asked)
    assert usable_threads() == threads
    assert Simulation(world(), 4 * LANES_PER_THREAD)._threads == min(threads, 4)
