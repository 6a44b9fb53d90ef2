"""QR-DQN: sb3-contrib's own at level 0, and acting on the mean of its lowest quantiles above it."""

import numpy as np
import pytest
import sb3_contrib
import torch

from agents.learning.learner import Learner
from agents.learning.qrdqn import QRDQN, tail_means
from agents.learning.saved import save_model
from agents.policy import play
from mm_env import DepthGrid
from mm_env.envs import VecAdapter
from tests.worlds import world

MARKET = world(quote=DepthGrid(depths=[0.5, 1.0, 2.0]))
SETTINGS = {"learning_starts": 50, "batch_size": 16, "buffer_size": 500, "target_update_interval": 40}
NET = {"n_quantiles": 20, "net_arch": [8]}


def learner(level):
    settings = {**SETTINGS, "policy_kwargs": {**NET, "level": level}}
    return Learner("QRDQN", total_steps=400, num_envs=4, lateness=True, settings=settings)


def seen(n=200):
    return np.random.default_rng(0).normal(size=(n, len(MARKET.observation_names))).astype(np.float32)


def test_at_level_0_it_learns_and_acts_as_sb3_contribs_does_to_the_bit():
    found = []
    for kind in (QRDQN, sb3_contrib.QRDQN):
        model = kind("MlpPolicy", VecAdapter(MARKET, 4), seed=0, device="cpu", policy_kwargs=NET, **SETTINGS)
        found.append(model.learn(400))
    ours, theirs = (model.policy.state_dict() for model in found)
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    actions = [model.predict(seen(), deterministic=True)[0] for model in found]
    assert np.array_equal(*actions)
    assert len(set(actions[0].tolist())) > 1


@pytest.mark.parametrize("level", [0.5, 0.9])
def test_with_a_level_it_acts_by_the_tail_mean_of_its_quantiles(level):
    policy = learner(level).train(MARKET, seed=0)
    with torch.no_grad():
        quantiles = policy.model.quantile_net(torch.from_numpy(seen())).numpy()
    lowest = np.sort(quantiles, axis=1)[:, : round((1.0 - level) * 20)]
    wanted = lowest.mean(axis=1).argmax(axis=1)
    assert np.array_equal(policy.act(seen()), wanted)
    assert not np.array_equal(wanted, quantiles.mean(axis=1).argmax(axis=1))


def test_its_targets_are_the_law_of_the_action_that_it_would_take():
    model = learner(0.75).train(MARKET, seed=0).model
    batch = model.replay_buffer.sample(32)
    with torch.no_grad():
        following = model.quantile_net_target(batch.next_observations).numpy()
    taken = np.sort(following, axis=1)[:, :5].mean(axis=1).argmax(axis=1)
    wanted = batch.rewards.numpy() + (1 - batch.dones.numpy()) * 0.99 * following[np.arange(32), :, taken]
    np.testing.assert_allclose(model._targets(batch).numpy(), wanted, rtol=1e-5, atol=1e-6)


def test_a_saved_one_acts_by_its_level(tmp_path):
    trained = learner(0.9).train(MARKET, seed=0)
    save_model(trained.model, tmp_path / "model.zip")
    again = learner(0.9).load(MARKET, tmp_path / "model.zip")
    assert np.array_equal(again.act(seen()), trained.act(seen()))
    assert np.array_equal(QRDQN.load(tmp_path / "model.zip").predict(seen())[0], trained.act(seen()))
    assert np.isfinite(play(MARKET, again, 20, 0).objective).all()


def test_at_least_one_quantile_is_counted():
    quantiles = torch.tensor([[[3.0], [1.0], [2.0]]])
    assert tail_means(quantiles, 1.0).item() == 1.0
    assert tail_means(quantiles, 0.4).item() == pytest.approx(1.5)
    assert tail_means(quantiles, 0.0).item() == pytest.approx(2.0)


def test_a_level_is_a_share():
    with pytest.raises(ValueError, match=r"^QRDQN.level must be in \[0, 1\], got 1.5"):
        learner(1.5).model(MARKET, seed=0)
