"""PPO by loops of our own: gradients are torch's, updates and rollouts stable-baselines3's, and it is a learner like others."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from gymnasium.spaces import Discrete
from stable_baselines3 import PPO
from stable_baselines3.common.utils import set_random_seed
from threadpoolctl import threadpool_info, threadpool_limits

from agents.learning.compiled.distinct import distinct, grouped
from agents.learning.compiled.mlp import MLP, Layer
from agents.learning.compiled.ppo import CompiledPPO
from agents.learning.compiled.rollout import Samples, advantages_of
from agents.learning.learner import Learner
from agents.learning.rollout_buffers import attached
from agents.learning.saved import save_model
from agents.learning.sb3 import TrainedPolicy, VecAdapter
from mm_env import CARA, Depths
from mm_env.markets import market_named, small_book
from tests.worlds import world

NETS = {"net_arch": [16, 8], "activation_fn": torch.nn.SiLU, "log_std_init": -1.0}
SHORT = {"n_steps": 4, "batch_size": 64, "n_epochs": 2, "gamma": 1.0, "gae_lambda": 0.4, "policy_kwargs": NETS}


def layers_of(net):
    return [Layer(one.weight.detach().numpy(), one.bias.detach().numpy()) for one in net if hasattr(one, "weight")]


def weights_of(model):
    return torch.cat([parameter.detach().ravel() for parameter in model.policy.parameters()]).numpy()


@pytest.mark.parametrize(("dtype", "within"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
@pytest.mark.parametrize("activation", [torch.nn.SiLU, torch.nn.Tanh])
def test_outputs_and_gradients_are_torchs(activation, dtype, within):
    torch.manual_seed(0)
    shape = [torch.nn.Linear(3, 64), activation(), torch.nn.Linear(64, 32), activation(), torch.nn.Linear(32, 2)]
    net, seen, slopes = (
        torch.nn.Sequential(*shape).to(dtype),
        torch.randn(300, 3, dtype=dtype),
        torch.randn(300, 2, dtype=dtype),
    )
    own = MLP(layers_of(net), activation.__name__)
    gradients = [Layer(*(np.empty_like(part) for part in layer)) for layer in own.layers]
    outputs = net(10.0 * seen)
    (outputs * slopes).sum().backward()
    np.testing.assert_allclose(own.forward(10.0 * seen.numpy()), outputs.detach().numpy(), rtol=within, atol=within)
    own.backward(slopes.numpy(), gradients)
    for ours, parameter in zip([part for layer in gradients for part in layer], net.parameters(), strict=True):
        theirs = parameter.grad.numpy()
        np.testing.assert_allclose(ours, theirs, rtol=0.0, atol=10.0 * within * abs(theirs).max())


def test_distinct_rows_are_those_of_sorting_and_each_row_finds_its_own():
    rows = np.random.default_rng(0).integers(-4, 5, (20_000, 3)).astype(np.float32) * np.float32(0.1)
    rows[:50, 0] = -0.0
    found = distinct(rows)
    assert len(found.rows) == len(np.unique(rows, axis=0)) < len(rows)
    assert (found.rows[found.place] == rows).all()
    order, bounds = grouped(found.place, len(found.rows))
    assert all((found.place[order[bounds[u] : bounds[u + 1]]] == u).all() for u in (0, 17, len(found.rows) - 1))


def pair(batch_size, normalised=True, market="cartea_jaimungal"):
    """stable-baselines3's PPO after a rollout, and ours with the same weights and samples."""
    settings = {**SHORT, "batch_size": batch_size, "n_epochs": 3, "ent_coef": 0.02, "normalize_advantage": normalised}
    lanes = VecAdapter(market, 32, stagger=True, reward_scale=3.0)
    theirs = PPO("MlpPolicy", lanes, seed=1, **settings)
    theirs._setup_learn(10_000)
    with torch.no_grad():
        theirs.policy.action_net.weight.mul_(50.0)  # else all means are nearly 0
    theirs.collect_rollouts(lanes, theirs._init_callback(None), theirs.rollout_buffer, 4)
    ours = CompiledPPO("MlpPolicy", lanes, seed=1, **settings)
    ours.policy.load_state_dict(theirs.policy.state_dict())
    ours._setup_learn(10_000)
    buffer = theirs.rollout_buffer
    next(iter(buffer.get(1)))  # flattens it
    theirs.weights_before = weights_of(theirs)
    return theirs, ours, buffer


@pytest.mark.parametrize("normalised", [True, False])
@pytest.mark.parametrize("batch_size", [128, 32])
@pytest.mark.parametrize("market", ["cartea_jaimungal", "small_book"])
def test_an_update_is_that_of_stable_baselines3(market, batch_size, normalised):
    """In minibatches, each sample at a row of its own: the same permutations draw the same minibatches."""
    theirs, ours, buffer = pair(batch_size, normalised, market)
    columns = (buffer.log_probs, buffer.advantages, buffer.returns, buffer.values)
    place = np.arange(len(buffer.actions))
    ours.samples = Samples(buffer.observations, place, buffer.actions, *(column.ravel() for column in columns))
    for model in (theirs, ours):
        set_random_seed(5)
        model.train()
    moved = abs(weights_of(theirs) - theirs.weights_before).max()
    np.testing.assert_allclose(weights_of(ours), weights_of(theirs), rtol=0.0, atol=2e-4 * moved)


def test_samples_that_share_an_observation_add_up():
    theirs, ours, buffer = pair(128)
    found = distinct(buffer.observations)
    assert len(found.rows) < 0.9 * len(buffer.observations)
    columns = (buffer.log_probs, buffer.advantages, buffer.returns, buffer.values)
    ours.samples = Samples(found.rows, found.place, buffer.actions, *(column.ravel() for column in columns))
    theirs.train()
    ours.train()
    moved = abs(weights_of(theirs) - theirs.weights_before).max()
    np.testing.assert_allclose(weights_of(ours), weights_of(theirs), rtol=0.0, atol=2e-4 * moved)
    assert ours.logger.name_to_value["train/value_loss"] == pytest.approx(
        theirs.logger.name_to_value["train/value_loss"], rel=1e-3
    )


def test_advantages_are_discounted_sums_of_temporal_differences():
    random, gamma, decay = np.random.default_rng(0), 0.9, 0.7
    rewards, values = random.normal(size=(6, 5)).astype(np.float32), random.normal(size=(7, 5)).astype(np.float32)
    over = (random.random((6, 5)) < 0.3).astype(np.float32)
    found = advantages_of(rewards, values, over, gamma, decay)
    for lane in range(5):
        for step in range(6):
            expected, weight = 0.0, 1.0
            for later in range(step, 6):
                goes_on = gamma * (1.0 - over[later, lane])
                expected += weight * (rewards[later, lane] + goes_on * values[later + 1, lane] - values[later, lane])
                weight *= decay * goes_on
            assert found[step, lane] == pytest.approx(expected, abs=1e-5)


def drawn(space):
    """What four steps of 32 lanes draw by, as a rollout of ours draws it from the seed 11."""
    torch.manual_seed(11)
    return torch.rand(4, 32) if isinstance(space, Discrete) else torch.randn(4, 32, *space.shape)


def taken(distribution, draws):
    """The actions of a distribution of torch by these draws."""
    if isinstance(distribution, torch.distributions.Categorical):
        return (
            (distribution.probs.cumsum(dim=1) <= draws[:, None]).sum(dim=1).clamp(max=distribution.probs.shape[1] - 1)
        )
    return distribution.mean + distribution.stddev * draws


LEARNERS = {
    "plain": ("amzn", {}),
    "expected fills": ("cartea_jaimungal", {"expected_fills": True, "noise": 0.0, "lateness": True}),
    "branches": ("small_book", {"branches": 3}),
    "cut episodes": ("amzn_ergodic", {"branches": 2}),
    "CARA": (world(reward=CARA(gamma=0.5), quote=Depths(max_depth=2.0)), {"branches": 2}),
}


@pytest.mark.parametrize("name", LEARNERS)
def test_a_rollout_is_judged_as_the_buffers_of_stable_baselines3_judge_it(name):
    """The same lanes, nets and draws: advantages, returns and log-probabilities by sample."""
    named, told = LEARNERS[name]
    market = market_named(named)
    models = [Learner(kind, 10_000, 32, settings=SHORT, **told).model(market, 3) for kind in ("PPO", "CompiledPPO")]
    for model in models:
        model._setup_learn(10_000, None)
        attached(model)
    theirs, ours = models
    theirs.policy.load_state_dict(ours.policy.state_dict())
    draws, actions = drawn(market.action_space), []

    def as_drawn(observations, deterministic=False):
        distribution = theirs.policy.get_distribution(observations).distribution
        actions.append(taken(distribution, draws[len(actions)]))
        values, log_probabilities, _ = theirs.policy.evaluate_actions(observations, actions[-1])
        return actions[-1], values, log_probabilities

    theirs.policy.forward = as_drawn
    for model in models:
        model.get_env().seed(3)
        model._last_obs = model.get_env().reset()
        torch.manual_seed(11)
        model.collect_rollouts(model.get_env(), model._init_callback(None), model.rollout_buffer, 4)
    buffer, samples = theirs.rollout_buffer, ours.samples
    np.testing.assert_array_equal(samples.rows[samples.place].reshape(buffer.observations.shape), buffer.observations)
    for own, known in ((samples.log_probabilities, buffer.log_probs), (samples.values, buffer.values)):
        np.testing.assert_allclose(own, known.ravel(), rtol=1e-4, atol=1e-4)
    unit = abs(buffer.advantages).max()
    np.testing.assert_allclose(samples.advantages, buffer.advantages.ravel(), rtol=0.0, atol=2e-4 * unit)
    np.testing.assert_allclose(samples.returns, buffer.returns.ravel(), rtol=0.0, atol=2e-4 * unit)


def test_the_same_seed_learns_the_same_and_what_is_saved_acts_the_same(tmp_path):
    market, learner = market_named("cartea_jaimungal"), Learner("CompiledPPO", 512, 16, lateness=True, settings=SHORT)
    one, other, third = (learner.train(market, seed).model for seed in (0, 0, 1))
    assert (weights_of(one) == weights_of(other)).all()
    assert not (weights_of(one) == weights_of(third)).all()
    save_model(one, tmp_path / "model.zip")
    seen = market.observation_space.sample()[None].repeat(3, axis=0)
    assert (learner.load(market, tmp_path / "model.zip").act(seen) == TrainedPolicy(one).act(seen)).all()
    assert (PPO.load(tmp_path / "model.zip").predict(seen, deterministic=True)[0] == TrainedPolicy(one).act(seen)).all()


def test_observations_that_differ_in_what_no_net_reads_are_one():
    market = small_book()
    model = Learner("CompiledPPO", 10, 16, lateness=True, one_hot=True, settings=SHORT).model(market, 0)
    seen = np.tile(model.get_env().reset(), (2, 1))
    seen[16:, list(market.observation_names).index("order_flow")] += np.float32(1.0)
    read = model.weights.as_read(seen)
    assert (read[:16] == read[16:]).all()
    assert len(distinct(read).rows) <= 16
    np.testing.assert_array_equal(model.weights.features(read), model.weights.features(seen))
    seen[16:, list(market.observation_names).index("inventory")] += np.float32(0.5)
    assert (model.weights.as_read(seen)[:16] != model.weights.as_read(seen)[16:]).any(axis=1).all()


def test_matrices_are_multiplied_on_one_thread_where_a_learner_was_made():
    with threadpool_limits(2, user_api="blas"):
        Learner("CompiledPPO", 10, 16, settings=SHORT).model(world(), 0)
        assert {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"} == {1}


def test_what_it_has_no_loops_for_is_refused():
    market = market_named("cartea_jaimungal")
    with pytest.raises(ValueError, match="activation_fn of SiLU, Tanh, got ReLU"):
        Learner("CompiledPPO", 10, settings={"policy_kwargs": {"activation_fn": torch.nn.ReLU}}).model(market, 0)
    with pytest.raises(ValueError, match="clip_range_vf and target_kl"):
        Learner("CompiledPPO", 10, settings={"target_kl": 0.1}).model(market, 0)
