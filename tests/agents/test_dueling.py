"""Critics of V and A: the sum of two nets, all of it learnt, saved and loaded."""

import numpy as np
import pytest
import torch

from agents.learning.dueling import (
    Dueling,
    DuelingChoices,
    DuelingDQNPolicy,
    DuelingQRDQNPolicy,
    DuelingSACPolicy,
    DuelingTD3Policy,
)
from agents.learning.learner import Learner
from agents.learning.sb3 import TrainedPolicy, load
from mm_env import Grid
from tests.worlds import world

SETTINGS = {"learning_starts": 20, "batch_size": 16, "buffer_size": 200, "policy_kwargs": {"net_arch": [8]}}
BOTH = pytest.mark.parametrize(("name", "policy"), [("TD3", DuelingTD3Policy), ("SAC", DuelingSACPolicy)])


def learner(name, policy):
    return Learner(name, 64, 2, settings={**SETTINGS, "policy": policy})


def test_it_is_the_sum_of_a_value_of_the_state_and_an_advantage_of_both():
    net = Dueling(2, 3, [4], torch.nn.Tanh)
    both = torch.randn(5, 5)
    assert torch.equal(net(both), net.value(both[:, :2]) + net.advantage(both))
    other = torch.cat([both[:, :2], torch.randn(5, 3)], dim=1)
    assert torch.allclose(net(both) - net.advantage(both), net(other) - net.advantage(other), atol=1e-6)


@BOTH
def test_every_net_of_the_critic_is_dueling_and_its_optimizer_and_target_know_it(name, policy):
    model = learner(name, policy).model(world(), seed=0)
    for critic in (model.critic, model.critic_target):
        nets = [critic.qf0, critic.qf1]
        assert all(isinstance(net, Dueling) for net in nets)
        assert [id(net) for net in critic.q_networks] == [id(net) for net in nets]
        assert sum(1 for _ in critic.parameters()) == 2 * 8  # two nets of two parts of two layers of weights and biases
    tuned = {id(p) for group in model.critic.optimizer.param_groups for p in group["params"]}
    assert tuned == {id(p) for p in model.critic.parameters()}
    for ours, targets in zip(model.critic.parameters(), model.critic_target.parameters(), strict=True):
        assert torch.equal(ours, targets)


@BOTH
def test_training_moves_both_parts_and_the_saved_model_acts_the_same(name, policy, tmp_path):
    made = learner(name, policy)
    before = {key: value.clone() for key, value in made.model(world(), 0).critic.state_dict().items()}
    model = made.train(world(), 0).model
    for part in ("qf0.value.0.weight", "qf0.advantage.0.weight", "qf1.value.0.weight", "qf1.advantage.0.weight"):
        assert not torch.equal(before[part], model.critic.state_dict()[part])
    model.save(tmp_path / "model.zip")
    seen = np.random.default_rng(0).uniform(-1, 1, (20, 2)).astype(np.float32)
    again = load(name, tmp_path / "model.zip")
    np.testing.assert_array_equal(TrainedPolicy(model).act(seen), again.act(seen))
    for key, value in model.critic.state_dict().items():
        assert torch.equal(value, again.model.critic.state_dict()[key])


def test_the_advantages_of_choices_have_mean_zero_and_the_greedy_choice_is_theirs():
    net = DuelingChoices(2, 5, [4], torch.nn.Tanh, width=3)
    seen = torch.randn(7, 2)
    each, value = net(seen).view(7, 3, 5), net.value(seen)
    assert torch.allclose(each.mean(dim=2), value, atol=1e-6)
    assert torch.equal(each.argmax(dim=2), net.advantage(seen).view(7, 3, 5).argmax(dim=2))


@pytest.mark.parametrize(("name", "policy", "net"), [
    ("DQN", DuelingDQNPolicy, "q_net"), ("QRDQN", DuelingQRDQNPolicy, "quantile_net"),
])  # fmt: skip
def test_learners_of_choices_learn_both_parts_and_act_the_same_once_saved(name, policy, net, tmp_path):
    market = world(quote=Grid(max_half_spread=2.0, max_skew=1.0, half_spreads=3, skews=3))
    made = learner(name, policy)
    before = {part: weights.clone() for part, weights in getattr(made.model(market, 0), net).state_dict().items()}
    model = made.train(market, 0).model
    for each in (net, f"{net}_target"):
        assert isinstance(getattr(getattr(model, each), net), DuelingChoices)
    for part in ("value.0.weight", "advantage.0.weight"):
        assert not torch.equal(before[f"{net}.{part}"], getattr(model, net).state_dict()[f"{net}.{part}"])
    model.save(tmp_path / "model.zip")
    seen = np.random.default_rng(0).uniform(-1, 1, (20, 2)).astype(np.float32)
    np.testing.assert_array_equal(TrainedPolicy(model).act(seen), load(name, tmp_path / "model.zip").act(seen))
