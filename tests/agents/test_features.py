"""The time left, seen near the end: the formula, and where there is none to see."""

import numpy as np
import pytest
import torch

from agents.exact.book_states import counted
from agents.learning.features import LogTimeToGo, with_log_time_to_go, with_one_hot
from agents.learning.learner import Learner
from agents.learning.sb3 import load
from mm_env import Brownian, Ergodic, OrnsteinUhlenbeck, ScheduledGap
from mm_env.markets import small_book
from mm_env.simulation import Simulation
from tests.worlds import world

SETTINGS = {"n_steps": 16, "batch_size": 32, "policy_kwargs": {"net_arch": [8]}}


def test_lateness_runs_from_the_start_to_the_end_by_logarithms_of_the_steps_left():
    market = world()
    extractor = LogTimeToGo(market.observation_space, 1, 5)
    left = np.arange(5, -1, -1)
    seen = torch.from_numpy(np.stack([np.full(6, 0.5), left / 5.0], axis=1).astype(np.float32))
    shown = extractor(seen)
    assert torch.equal(shown[:, :2], seen)
    np.testing.assert_allclose(shown[:, 2], 1.0 - 2.0 * np.log(1.0 + left) / np.log(6.0), atol=1e-6)
    assert shown[0, 2] == pytest.approx(-1.0)
    assert shown[-1, 2] == pytest.approx(1.0)


def test_it_is_shown_beside_any_signals():
    market = world(price=OrnsteinUhlenbeck(1.0, 1.0, 100.0))
    assert with_log_time_to_go(market, {})["features_extractor_kwargs"] == {"place": 1, "steps": 5}


def test_the_time_to_a_gap_is_seen_so_too():
    market = world(price=ScheduledGap(Brownian(1.0), [0.2, 0.3], [1.0]))
    told = with_log_time_to_go(market, {})["features_extractor_kwargs"]
    assert told == {"place": [1, 2], "steps": 5}
    shown = LogTimeToGo(market.observation_space, **told)(torch.tensor([[0.5, 1.0, 0.2], [0.5, 0.2, 1.0]]))
    np.testing.assert_allclose(shown[:, 3:], [[-1.0, 1.0 - 2.0 * np.log(2.0) / np.log(6.0)],
                                              [1.0 - 2.0 * np.log(2.0) / np.log(6.0), -1.0]], atol=1e-6)  # fmt: skip


def test_a_market_without_an_end_has_none():
    assert with_log_time_to_go(world(clock=Ergodic(1.0, 10)), {"net_arch": [8]}) == {"net_arch": [8]}
    Learner("PPO", 32, 2, lateness=True, settings=SETTINGS).train(world(clock=Ergodic(1.0, 10)), 0)


def test_an_extractor_of_ones_own_is_kept():
    class Mine(LogTimeToGo):
        pass

    assert with_log_time_to_go(world(), {"features_extractor_class": Mine})["features_extractor_class"] is Mine


@pytest.mark.parametrize("name", ["PPO", "TD3"])
def test_a_model_that_sees_it_is_saved_and_loaded(name, tmp_path):
    settings = SETTINGS if name == "PPO" else {"learning_starts": 8, "batch_size": 8, "buffer_size": 100}
    policy = Learner(name, 32, 2, lateness=True, settings=settings).train(world(), 0)
    policy.model.save(tmp_path / "model.zip")
    seen = np.random.default_rng(0).uniform(0, 1, (20, 2)).astype(np.float32)
    np.testing.assert_array_equal(policy.act(seen), load(name, tmp_path / "model.zip").act(seen))


def test_whole_numbers_are_one_hot_and_the_order_flow_is_not_seen():
    market = small_book()
    names = list(market.observation_names)
    told = with_one_hot(market, {})
    extractor = told["features_extractor_class"](market.observation_space, **told["features_extractor_kwargs"])
    simulation, random = Simulation(market, 200), np.random.default_rng(0)
    simulation.start(0)
    for _ in range(20):
        simulation.step(random.integers(0, 16, 200).astype(np.float64))
    seen = simulation.observations
    shown = extractor(torch.from_numpy(seen)).numpy()
    assert shown.shape[1] == extractor.features_dim
    start = 0
    for name, (unit, low, high) in counted(market).items():
        hot = shown[:, start : start + high - low + 1]
        assert set(np.unique(hot)) <= {0.0, 1.0}
        np.testing.assert_array_equal(hot.sum(axis=1), 1.0)
        np.testing.assert_allclose((hot.argmax(axis=1) + low) * unit, seen[:, names.index(name)], atol=1e-6)
        start += high - low + 1
    np.testing.assert_array_equal(shown[:, start], seen[:, names.index("imbalance")])
    left = seen[:, names.index("time_left")]
    np.testing.assert_array_equal(shown[:, start + 1], left)
    np.testing.assert_allclose(shown[:, start + 2], 1.0 - 2.0 * np.log1p(200 * left) / np.log(201.0), atol=1e-6)
    other = seen.copy()
    other[:, names.index("order_flow")] += 1.0
    np.testing.assert_array_equal(extractor(torch.from_numpy(other)).numpy(), shown)


def test_only_an_order_book_shows_whole_numbers():
    with pytest.raises(ValueError, match="whole numbers are shown by order books"):
        with_one_hot(world(), {})
