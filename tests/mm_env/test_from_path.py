"""A mid that follows a path of the user's own: which mids are played, from where, out of what files, and what is refused."""

import copy
import pickle

import numpy as np
import polars
import pytest

from agents.exact.optimum import optimum
from agents.exact.price_grid import Unsolvable
from mm_env import (
    Binomial,
    FiniteHorizon,
    FixedJumps,
    FromPath,
    InventoryPenalty,
    MarketMakingVectorEnv,
    RegimeSwitching,
    ScheduledGap,
    WithJumps,
)
from mm_env.rollout import run_actions
from mm_env.simulation import Simulation
from tests.worlds import random_actions, same_bits, story, within, world

PATH = 100.0 + np.cumsum(np.random.default_rng(7).normal(size=41))


def mids_of(price, lanes=1, episodes=1, seed=3):
    """The mids of one episode after another, (episodes, steps + 1, lanes)."""
    market = world(price=price)
    simulation, seen = Simulation(market, lanes), []
    simulation.start(seed)
    for _ in range(episodes):
        mids = [simulation.state.mid]
        for _ in range(market.clock.steps):
            simulation.step(np.zeros(2 * lanes))
            mids.append(simulation.state.mid)
        seen.append(mids)
        simulation.restart(np.ones(lanes, np.bool_))
    return np.array(seen)


def test_every_episode_plays_the_path_from_its_start():
    played = mids_of(FromPath(PATH), lanes=3, episodes=2)
    np.testing.assert_allclose(played, np.broadcast_to(PATH[None, :6, None], (2, 6, 3)), rtol=1e-13)


def test_a_window_begins_anywhere_from_where_an_episode_lasts_and_each_start_is_as_likely():
    played = mids_of(FromPath(PATH, drawn=1), lanes=20_000)[0]
    starts = np.abs(played[0][:, None] - PATH).argmin(axis=1)
    np.testing.assert_allclose(played, PATH[starts + np.arange(6)[:, None]], rtol=1e-13)
    assert set(starts) == set(range(36))
    assert all(within(np.asarray(starts == start, float), 1.0 / 36.0) for start in range(36))


def test_a_window_belongs_to_seed_lane_and_episode_alone():
    few, many = (mids_of(FromPath(PATH, drawn=1), lanes=lanes, episodes=3) for lanes in (2, 9))
    np.testing.assert_array_equal(few, many[..., :2])
    assert len(np.unique(many[:, 0])) > 10
    assert (mids_of(FromPath(PATH, drawn=1), 9, 1, seed=4) != many[:1]).any()


@pytest.mark.parametrize("every", [0.05, 0.1, 0.25])
def test_mids_that_are_so_far_apart_are_joined_by_lines(every):
    times = np.arange(6) * 0.1
    np.testing.assert_allclose(
        mids_of(FromPath(PATH, every=every))[0, :, 0], np.interp(times, np.arange(41) * every, PATH)
    )


@pytest.mark.parametrize("suffix", [".npy", ".csv", ".parquet"])
def test_a_file_plays_as_its_numbers_do(tmp_path, suffix):
    path, table = tmp_path / f"mids{suffix}", polars.DataFrame({"time": np.arange(41.0), "mid": PATH})
    {
        ".npy": lambda: np.save(path, PATH),
        ".csv": lambda: table.write_csv(path),
        ".parquet": lambda: table.write_parquet(path),
    }[suffix]()
    np.testing.assert_array_equal(mids_of(FromPath(str(path))), mids_of(FromPath(PATH)))


PRICES = {
    "path": FromPath(PATH, drawn=1),
    "jumps": WithJumps(FromPath(PATH), FixedJumps(0.4, 1.0)),
    "regimes": RegimeSwitching(FromPath(PATH, drawn=1), [[0, 2], [4, 0]], [1.0, 2.0]),
    "gap": ScheduledGap(FromPath(PATH), [0.3], [1.0]),
}


@pytest.mark.parametrize("name", PRICES)
def test_the_kernel_does_what_the_rules_say_to_the_bit(name):
    market = world(price=PRICES[name])
    actions = random_actions(market, 70)
    seen = [story(Simulation(market, 70, interpreted=plain), 5, actions, 7) for plain in (True, False)]
    assert all(same_bits(one, other) for one, other in zip(*seen, strict=True))


def test_a_saved_or_copied_simulation_goes_on_along_its_path():
    market = world(price=PRICES["path"])
    simulation = Simulation(market, 5)
    simulation.start(1)
    simulation.step(np.zeros(10))
    others = [copy.deepcopy(simulation), pickle.loads(pickle.dumps(simulation)), Simulation(market, 5)]
    others[2].restore(simulation.save())
    simulation.step(np.zeros(10))
    for other in others:
        other.step(np.zeros(10))
        np.testing.assert_array_equal(other.state.mid, simulation.state.mid)


def test_its_profit_is_that_of_quotes_and_of_holding_along_the_path():
    """Quotes far from the mid are never filled: what is held at the start earns what the path moves."""
    market = world(price=FromPath(PATH), initial_inventory=2.0, reward=InventoryPenalty())
    wide = np.tile([1.0, 0.0], (1, 7, 1))
    market = world(price=FromPath(PATH), initial_inventory=2.0, reward=InventoryPenalty(), max_inventory=2.0)
    found = run_actions(market, wide[:, :5], 200, 0)
    held = np.isclose(found.fills, 0.0)
    assert held.any()
    np.testing.assert_allclose(found.profit[held], 2.0 * (PATH[5] - PATH[0]), rtol=1e-12)


def test_an_env_plays_it():
    env = MarketMakingVectorEnv(world(price=FromPath(PATH, drawn=1)), 4)
    assert env.reset(seed=0)[0].shape == (4, 2)
    for _ in range(12):
        assert np.isfinite(env.step(np.zeros((4, 2), np.float32))[1]).all()


def test_it_has_no_optimum():
    with pytest.raises(Unsolvable, match="price: a path that happened once has no law"):
        optimum(world(price=FromPath(PATH)))


def test_a_market_beside_it_reads_no_table():
    assert Simulation(world(price=Binomial(1.0)), 1).loops == "lanes"
    assert Simulation(world(price=FromPath(PATH)), 1).loops == "tables"


@pytest.mark.parametrize(("make", "said"), [
    (lambda: FromPath([1.0]), "mids must be two or more finite numbers, one after the other, got 1 numbers"),
    (lambda: FromPath([1.0, float("nan"), 2.0]), "mids must be two or more finite numbers"),
    (lambda: FromPath("no_such.csv"), r"mids must be numbers, or a file .* that is there, got no_such.csv"),
    (lambda: FromPath("pyproject.toml"), r"mids must be numbers, or a file .npy, .csv or .parquet"),
    (lambda: world(price=FromPath(PATH[:5])), "mids must last for an episode of 0.5, got 0.4"),
    (lambda: world(price=FromPath(PATH), clock=FiniteHorizon(50.0, 50)), "mids must last for an episode of 50, got 40"),
    (lambda: world(price=FromPath(PATH, every=0.01)), "mids must last for an episode of 0.5, got 0.4"),
    (lambda: FromPath(PATH, drawn=0.5), "drawn must be a whole number in"),
])  # fmt: skip
def test_bad_input_is_one_line(make, said):
    with pytest.raises(ValueError, match=said) as error:
        make()
    assert "\n" not in str(error.value)


def test_a_column_that_is_not_there_is_named(tmp_path):
    polars.DataFrame({"price": PATH}).write_csv(tmp_path / "mids.csv")
    with pytest.raises(ValueError, match=r"column must be one of \['price'\] of .*, got 'mid'"):
        FromPath(str(tmp_path / "mids.csv"))
