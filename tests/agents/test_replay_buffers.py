"""Targets without the luck of fills: their mean and the batch are as they were, computed by hand, resumed to the same bits."""

import numpy as np
import pytest
import torch
from stable_baselines3.common.type_aliases import ReplayBufferSamples

from agents.learning.learner import Learner
from agents.learning.replay_buffers import ExpectedReplay, GapReplay
from agents.learning.rollout_buffers import expected_values
from mm_env import Grid, InventoryPenalty
from mm_env.markets import small_book
from tests.worlds import within, world

SETTINGS = {"learning_starts": 64, "batch_size": 32, "buffer_size": 4096, "policy_kwargs": {"net_arch": [8]}}
GRID = Grid(max_half_spread=2.0, max_skew=1.0, half_spreads=3, skews=3)
EACH = pytest.mark.parametrize("name", ["TD3", "SAC", "TQC", "DQN", "QRDQN"])


def trained(name, steps=512, lanes=16, **parts):
    learner = Learner(name, steps, lanes, expected_fills=True, settings=SETTINGS)
    market = world(**({"quote": GRID} if name.endswith("DQN") else {}), **parts)
    return learner.train(market, seed=0).model


def target_value(model, observations):
    """What the model's own target looks ahead to, at the most likely action, written out."""
    seen, name = torch.from_numpy(observations), type(model).__name__
    with torch.no_grad():
        if name == "DQN":
            return model.q_net_target(seen).max(dim=1).values.numpy()
        if name == "QRDQN":
            return model.quantile_net_target(seen).mean(dim=1).max(dim=1).values.numpy()
        actions = model.actor_target(seen) if name == "TD3" else model.actor(seen, deterministic=True)
        if name == "TQC":
            pooled = np.sort(model.critic_target(seen, actions).numpy().reshape(len(observations), -1), axis=1)
            return pooled[:, : pooled.shape[1] - 2 * model.critic.n_critics].mean(axis=1)
        return torch.minimum(*model.critic_target(seen, actions)).numpy().ravel()


@EACH
def test_a_sample_is_its_parents_with_the_luck_taken_out_of_the_reward(name):
    model = trained(name)
    buffer = model.replay_buffer
    assert isinstance(buffer, ExpectedReplay)
    rows = np.arange(20)
    np.random.seed(3)  # noqa: NPY002
    ours = buffer._get_samples(rows)
    np.random.seed(3)  # noqa: NPY002
    theirs = super(ExpectedReplay, buffer)._get_samples(rows)
    for part in ("observations", "actions", "next_observations", "dones"):
        assert torch.equal(getattr(ours, part), getattr(theirs, part)), part
    np.random.seed(3)  # noqa: NPY002
    lanes = np.random.randint(0, buffer.n_envs, 20)  # noqa: NPY002
    following, foreseen = buffer.next_observations[rows, lanes], buffer.foreseen[rows, lanes]
    luck = target_value(model, following) - expected_values(buffer.critic, buffer.lanes, following, foreseen)
    luck[buffer.dones[rows, lanes] > 0] = 0.0
    assert np.abs(luck).max() > 1e-4
    changed = (theirs.rewards - ours.rewards).numpy().ravel()
    np.testing.assert_allclose(changed, model.gamma * luck, atol=1e-5)


@EACH
def test_what_is_taken_out_has_mean_zero(name):
    model = trained(name, steps=16_000, lanes=512, reward=InventoryPenalty(phi=0.5))
    buffer = model.replay_buffer
    rows = np.repeat(np.arange(buffer.size()), buffer.n_envs)
    lanes = np.tile(np.arange(buffer.n_envs), buffer.size())
    going_on = buffer.dones[rows, lanes] == 0
    rows, lanes = rows[going_on], lanes[going_on]
    following = buffer.next_observations[rows, lanes]
    expected = expected_values(buffer.critic, buffer.lanes, following, buffer.foreseen[rows, lanes])
    luck = target_value(model, following) - expected
    assert luck.std() > 1e-3
    assert within(luck, 0.0)


@pytest.mark.parametrize("name", ["DQN", "QRDQN"])
def test_a_gap_takes_its_share_of_what_an_action_falls_short_off_its_reward(name):
    model = trained(name)
    buffer, rows = model.replay_buffer, np.arange(40)
    np.random.seed(3)  # noqa: NPY002
    plain = buffer._get_samples(rows)
    buffer.gap = 0.8
    np.random.seed(3)  # noqa: NPY002
    wider = buffer._get_samples(rows)
    with torch.no_grad():
        seen = plain.observations
        each = model.q_net_target(seen) if name == "DQN" else model.quantile_net_target(seen).mean(dim=1)
    short = each.max(dim=1).values - each[torch.arange(40), plain.actions.ravel()]
    assert short.max() > 1e-3
    np.testing.assert_allclose((plain.rewards - wider.rewards).ravel(), 0.8 * short, atol=1e-5)


def test_a_gap_widens_what_actions_lack_by_its_factor_and_leaves_the_best():
    """Advantage learning, iterated in tables of three states: q = r + gamma P max q - gap (max q - q)."""
    rng = np.random.default_rng(0)
    reward, chance = rng.normal(size=(3, 4)), rng.dirichlet(np.ones(3), size=(3, 4))

    state, action = torch.arange(3).repeat_interleave(4)[:, None], torch.arange(4).repeat(3)[:, None]

    def fixed_point(gap):
        q, buffer = np.zeros((3, 4)), GapReplay.__new__(GapReplay)
        buffer.gap, buffer.worth = gap, lambda seen: torch.from_numpy(q)[seen.ravel()]
        for _ in range(2000):
            worth = torch.from_numpy((reward + 0.9 * chance @ q.max(axis=1)).reshape(-1, 1))
            q = buffer.widened(ReplayBufferSamples(state, action, state, state, worth)).rewards.numpy().reshape(3, 4)
        return q

    plain, wide = fixed_point(0.0), fixed_point(0.8)
    np.testing.assert_allclose(wide.max(axis=1), plain.max(axis=1), atol=1e-9)
    lacking = [q.max(axis=1, keepdims=True) - q for q in (plain, wide)]
    np.testing.assert_allclose(lacking[1], lacking[0] / (1.0 - 0.8), atol=1e-8)


@pytest.mark.parametrize("name", ["DQN", "QRDQN"])
def test_a_gap_works_where_fills_cannot_be_expected(name):
    settings = {**SETTINGS, "replay_buffer_kwargs": {"gap": 0.5}}
    book = small_book()
    model = Learner(name, 128, 4, expected_fills=True, settings=settings).train(book, seed=0).model
    assert type(model.replay_buffer) is GapReplay
    rows = np.arange(8)
    np.random.seed(3)  # noqa: NPY002
    ours = model.replay_buffer._get_samples(rows)
    np.random.seed(3)  # noqa: NPY002
    theirs = super(GapReplay, model.replay_buffer)._get_samples(rows)
    assert torch.all(ours.rewards <= theirs.rewards)
    assert not torch.equal(ours.rewards, theirs.rewards)


def test_a_gap_is_for_choices_alone():
    settings = {**SETTINGS, "replay_buffer_kwargs": {"gap": 0.5}}
    with pytest.raises(ValueError, match=r"gap must be 0 but for DQN, QRDQN, got 0\.5"):
        Learner("TD3", 64, 2, expected_fills=True, settings=settings).model(world(), 0)
    settings["replay_buffer_kwargs"] = {"gap": 1.0}
    with pytest.raises(ValueError, match=r"replay_buffer_kwargs\.gap must be in \[0, 0\.99\], got 1"):
        Learner("DQN", 64, 2, expected_fills=True, settings=settings).model(world(quote=GRID), 0)


def test_it_is_saved_without_the_model_and_the_lanes():
    state = trained("TD3").replay_buffer.__getstate__()
    assert "foreseen" in state
    assert not {"critic", "worth", "lanes"} & set(state)
