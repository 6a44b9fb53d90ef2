"""Advantages without the luck of fills: the same mean, computed by hand, and refused where they would not have it."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from stable_baselines3 import PPO

from agents.learning.learner import Learner
from agents.learning.rollout_buffers import ExpectedRollouts, attached, check_separable, expected_values, foresee
from agents.learning.sb3 import VecAdapter
from mm_env import ArrivalImpact, CVaR, Dealer, Exponential, InventoryPenalty, OrnsteinUhlenbeck, Poisson, Uniform
from mm_env.simulation import Simulation
from tests.worlds import DEALERS, random_actions, same_bits, thinned, within, world

SHORT = {"n_steps": 8, "batch_size": 16, "n_epochs": 1, "policy_kwargs": {"net_arch": [8]}}


def critic(observations):
    """A value that bends in all it sees."""
    return torch.sin(2.0 * observations).sum(1, keepdim=True) + observations[:, :1] ** 2


def is_separable(market):
    try:
        check_separable(market)
    except ValueError:
        return False
    return True


SEPARABLE = [name for name, market in DEALERS.items() if is_separable(market)]


# what is foreseen


FEW = thinned(DEALERS, {"binomial", "geometric", "mean_reverting", "unbounded"})


@pytest.mark.parametrize("name", FEW)
def test_what_is_foreseen_is_the_same_in_python_and_compiled(name):
    market, random = DEALERS[name], np.random.default_rng(1)
    actions = random_actions(market, 70).reshape(-1)
    orders = round(market.max_inventory / market.order_size)
    inventories = market.order_size * random.integers(-orders, orders + 1, 70)
    one, other = (Simulation(market, 70, interpreted=slow).foresee(actions, inventories) for slow in (True, False))
    assert same_bits(one, other)


@pytest.mark.parametrize("name", FEW)
def test_orders_fill_as_often_as_foreseen(name):
    """From the start of an episode, each lane by its own action: the inventory after a step less what was foreseen."""
    market, lanes = DEALERS[name], 50_000
    simulation, actions = Simulation(market, lanes), random_actions(market, lanes).reshape(-1)
    simulation.start(0)
    reached, chances = np.moveaxis(simulation.foresee(actions, simulation.state.account.inventory), -1, 0)
    assert (np.diff(reached) >= 0.0).all()
    np.testing.assert_allclose(chances.sum(axis=1), 1.0, rtol=1e-12)
    simulation.step(actions)
    mean = (chances * reached).sum(axis=1)
    off = simulation.state.account.inventory - mean
    assert within(off, 0.0)
    assert within(off**2 - (chances * (reached - mean[:, None]) ** 2).sum(axis=1), 0.0)


def test_nothing_fills_beyond_the_limits():
    simulation = Simulation(world(max_inventory=3.0), 3)
    seen = simulation.foresee(np.zeros(6), np.array([-3.0, 0.0, 3.0]))
    likely = [sorted({q for q, p in lane if p > 0.0}) for lane in seen.tolist()]
    assert likely == [[-3.0, -2.0], [-1.0, 0.0, 1.0], [2.0, 3.0]]


def test_lanes_foresee_by_their_own_parameters():
    rates = np.array([5.0, 10.0])
    simulation = Simulation(world(venue=Dealer(Poisson(rates), Exponential(1.0))), 2)
    seen = simulation.foresee(np.array([-1.0, 0.0, -1.0, 0.0]), np.full(2, -3.0))  # at the mid, at the limit
    np.testing.assert_allclose(seen[:, 2], np.stack([np.full(2, -2.0), 1.0 - np.exp(-rates * 0.1)], -1), rtol=1e-12)


# the expectation


@pytest.mark.parametrize("name", SEPARABLE)
def test_the_next_value_less_what_was_expected_of_it_has_mean_zero(name):
    market, count = DEALERS[name], 50_000
    lanes = VecAdapter(market, count)
    lanes.seed(0)
    observations, actions = lanes.reset(), random_actions(market, count)
    actions = actions[:, 0].astype(np.int64) if not market.quote.space.shape else actions
    foreseen = foresee(lanes, observations, actions)
    following, _, _, _ = lanes.step(actions)
    expected = expected_values(critic, lanes, following, foreseen)
    luck = critic(torch.from_numpy(following)).numpy().ravel() - expected
    assert luck.std() > 0.01
    assert within(luck, 0.0)


def test_advantages_are_those_computed_by_hand():
    market = world()
    model = attached(PPO("MlpPolicy", VecAdapter(market, 4), rollout_buffer_class=ExpectedRollouts, seed=0, **SHORT))
    model.learn(1)  # one rollout of 8 steps: the episodes of 5 steps end within it
    buffer, lanes = model.rollout_buffer, model.get_env()
    lanes.seed(0)
    model.set_random_seed(0)
    model.collect_rollouts(lanes, callback(model), buffer, 8)
    with torch.no_grad():
        values = {lane: value_of(model, buffer.observations[:, lane]) for lane in range(4)}
        for lane in range(4):
            advantage = 0.0
            for step in reversed(range(8)):
                ended = buffer.episode_starts[step + 1, lane] if step < 7 else model._last_episode_starts[lane]
                after = buffer.observations[step + 1, lane] if step < 7 else lanes.observations[lane]
                seen, action = buffer.observations[step, lane], buffer.actions[step, lane]
                ahead = 0.0 if ended else by_hand(model, market, seen, action, after)
                reward = buffer.rewards[step, lane] - plain_correction(buffer, model, step, lane, ahead, ended, after)
                delta = reward + model.gamma * ahead - values[lane][step]
                advantage = delta + (0.0 if ended else model.gamma * model.gae_lambda * advantage)
                assert buffer.advantages[step, lane] == pytest.approx(advantage, abs=1e-5)


def plain_correction(buffer, model, step, lane, ahead, ended, after):
    """What the buffer has put on top of the reward: the expectation less the value that came."""
    return 0.0 if ended else model.gamma * (ahead - float(value_of(model, after[None])[0]))


def by_hand(model, market, seen, action, after):
    """E[V(s')] from the venue's own formula, outcome by outcome."""
    inventory, half_spread = round(float(seen[0]) * market.inventory_scale), 0.5 * (np.clip(action[0], -1, 1) + 1)
    skew, k, rate, dt = np.clip(action[1], -1, 1), 1.0, 10.0, 0.1
    bid = (1.0 - np.exp(-rate * np.exp(-k * (half_spread - skew)) * dt)) * (inventory < 3)
    ask = (1.0 - np.exp(-rate * np.exp(-k * (half_spread + skew)) * dt)) * (inventory > -3)
    total = 0.0
    for bought, p_bid in ((0, 1.0 - bid), (1, bid)):
        for sold, p_ask in ((0, 1.0 - ask), (1, ask)):
            held = np.float32(max(-3, min(3, inventory + bought - sold)) / market.inventory_scale)
            total += p_bid * p_ask * float(value_of(model, np.array([[held, after[1]]], np.float32))[0])
    return total


def value_of(model, observations):
    return model.policy.predict_values(torch.from_numpy(observations)).detach().numpy().ravel()


def callback(model):
    return model._init_callback(None)


def test_without_noise_in_the_reward_nothing_of_a_target_is_luck():
    """All lanes act alike from the same state: r + E[V(s')] is one number, r + V(s') is not."""
    market = world(reward=InventoryPenalty(noise=0.0))
    lanes = VecAdapter(market, 1000)
    lanes.seed(0)
    observations, actions = lanes.reset(), np.tile(np.float32([0.1, -0.3]), (1000, 1))
    foreseen = foresee(lanes, observations, actions)
    following, rewards, _, _ = lanes.step(actions)
    expected = rewards + expected_values(critic, lanes, following, foreseen)
    assert np.ptp(expected) < 1e-5 < 0.1 < np.ptp(rewards + critic(torch.from_numpy(following)).numpy().ravel())


# where it is refused


def test_it_is_refused_where_orders_move_what_the_price_shows():
    price, informed = OrnsteinUhlenbeck(1.0, 1.0, 100.0), Dealer(Poisson(10.0), Exponential(1.0), ArrivalImpact(0.1))
    with pytest.raises(ValueError, match="expected_fills must be off where orders move what the price shows, got Arr"):
        Learner("PPO", 64, 2, expected_fills=True, settings=SHORT).model(world(price=price, venue=informed), 0)
    check_separable(world(price=price))
    check_separable(world(venue=informed))


def test_it_is_refused_where_the_agent_sees_the_profit_and_before_anything_is_trained():
    learner = Learner("PPO", 64, 2, expected_fills=True, settings=SHORT)
    market = world(reward=CVaR(level=0.5))
    with pytest.raises(
        ValueError, match="expected_fills must be off where the agent sees the profit, which fills change"
    ):
        learner.check(market)
    replace(learner, branches=4).check(market)


def test_it_is_refused_to_one_whose_values_it_does_not_know():
    known = "PPO, A2C, CompiledPPO, TD3, SAC, TQC, DQN, QRDQN"
    with pytest.raises(ValueError, match=f"Learner.expected_fills is for {known}, got RecurrentPPO"):
        Learner("RecurrentPPO", 64, expected_fills=True)


@pytest.mark.parametrize("name", ["PPO", "A2C"])
def test_it_learns_the_same_from_the_same_seed_also_on_random_markets(name):
    settings = SHORT if name == "PPO" else {"n_steps": 8}
    market = replace(world(), venue=Dealer(Poisson(Uniform(5.0, 15.0)), Exponential(1.0)))
    learner = Learner(name, 128, 4, expected_fills=True, settings=settings)
    first, again = (learner.train(market, 0).model.policy.parameters_to_vector() for _ in range(2))
    assert np.array_equal(first, again)
    assert np.isfinite(first).all()
