"""Two learners against each other: a zero-sum game on one market, the same from the same seed, and one that learns."""

from dataclasses import replace

import numpy as np
import pytest
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback

from agents.learning.learner import Learner, reward_units
from agents.learning.rollout_buffers import foresee
from agents.learning.sb3 import TrainedPolicy, VecAdapter
from agents.policy import Table, tabulate
from agents.robust.adversary import FixedAdversary, Powers, RandomAdversary, play_against
from agents.robust.best_response import best_response, evaluate_under
from agents.robust.self_play import AdversaryLanes, MakerLanes, SelfPlay
from agents.strategies.fixed import FixedSymmetric
from mm_env import Grid, InventoryPenalty, with_parameters
from mm_env.rollout import inventory_levels
from tests.worlds import world

POWERS = Powers({"price.drift": (-3.0, 3.0), "venue.flow.rate": (4.0, 16.0), "venue.fill.k": (0.6, 1.8)})
SHORT = {"n_steps": 16, "batch_size": 64, "n_epochs": 2, "policy_kwargs": {"net_arch": [8]}}
LANES = 6


def quoting(market, seed=0):
    """A maker's table of random quotes."""
    shape = (market.clock.steps, len(inventory_levels(market)), 2)
    return Table(market, np.random.default_rng(seed).uniform(-1.0, 1.0, shape))


def lanes(market=None, **options):
    made = VecAdapter(market or world(), LANES, None, **options)
    made.seed(5)
    return made


def seated(seat, opponent, market=None, **options):
    made = seat(lanes(market, **options), POWERS, opponent)
    made.seed(5)
    return made


def learner(**parts):
    return Learner("PPO", **{"total_steps": 256, "num_envs": 4, "settings": SHORT, **parts})


# the two seats


def test_the_makers_seat_against_a_fixed_adversary_is_the_market_with_those_parameters():
    action = np.array([0.5, -1.0, 0.2])
    chosen = dict(zip(POWERS.ranges, POWERS.parameters(action).tolist()))
    one = seated(MakerLanes, FixedAdversary(action), reward_scale=2.0, reward_shift=0.1)
    other = lanes(with_parameters(world(), chosen), reward_scale=2.0, reward_shift=0.1)
    np.testing.assert_array_equal(one.reset(), other.reset())
    for step in range(12):
        actions = np.random.default_rng(step).uniform(-1, 1, (LANES, 2)).astype(np.float32)
        for seen, expected in zip(one.step(actions)[:3], other.step(actions)[:3], strict=True):
            np.testing.assert_array_equal(seen, expected)


@pytest.mark.parametrize("stagger", [False, True])
def test_what_the_maker_gains_the_adversary_loses(stagger):
    market, adversary = world(), RandomAdversary(POWERS, 3)
    maker = quoting(market)
    hers = seated(MakerLanes, adversary, reward_scale=3.0, reward_shift=0.2, stagger=stagger)
    his = seated(AdversaryLanes, maker, reward_scale=3.0, reward_shift=0.2, stagger=stagger)
    seen, watched, twin = hers.reset(), his.reset(), RandomAdversary(POWERS, 3)
    for _ in range(12):
        np.testing.assert_array_equal(seen, watched)
        seen, gain, over, _ = hers.step(maker.act(seen))
        watched, loss, ended, _ = his.step(twin.act(watched))
        np.testing.assert_array_equal(gain, -loss)
        np.testing.assert_array_equal(over, ended)


def test_the_adversarys_seat_acts_in_its_own_space_and_sees_what_the_maker_sees():
    made = seated(AdversaryLanes, quoting(world()))
    assert made.action_space.shape == (3,)
    assert made.observation_space == lanes().observation_space
    assert made.reset().shape == (LANES, 2)


def test_the_end_of_an_episode_is_told_in_the_makers_own_units():
    market = world()
    made = seated(AdversaryLanes, quoting(market), reward_scale=7.0, reward_shift=1.0)
    made.reset()
    infos = [made.step(np.zeros((LANES, 3), np.float32))[3] for _ in range(market.clock.steps)][-1]
    faced = play_against(market, quoting(market), POWERS, FixedAdversary(np.zeros(3)), LANES, 5)
    assert [info["episode"]["r"] for info in infos] == pytest.approx(faced.objective.tolist(), rel=1e-12)


def test_a_maker_of_discrete_actions_can_be_faced_too():
    market = world(quote=Grid(max_half_spread=1.0, max_skew=0.8))
    maker = Table(market, np.full((1, 7, 1), 12.0))
    episodes = play_against(market, maker, POWERS, RandomAdversary(POWERS), 50, 1)
    made = seated(AdversaryLanes, maker, market)
    made.reset()
    rewards = made.step(np.zeros((LANES, 3), np.float32))[1]
    assert np.isfinite(episodes.objective).all()
    assert np.isfinite(rewards).all()


# learning


def test_an_adversary_learns_to_do_nearly_the_worst_there_is():
    """PPO in the adversary's seat, against constant quotes: nine tenths of the damage of the exact best response."""
    market = world(reward=InventoryPenalty(phi=0.5, noise=0.0))
    maker = Table(market, np.full((1, 7, 2), 0.2) * [1.0, 0.0])
    made = AdversaryLanes(VecAdapter(market, 64, stagger=True), POWERS, maker)
    model = PPO("MlpPolicy", made, n_steps=32, batch_size=512, learning_rate=3e-3, gamma=1.0, gae_lambda=0.7, seed=0)
    adversary = tabulate(market, TrainedPolicy(model.learn(80_000)))
    assert adversary is not None
    nominal, best = (
        evaluate_under(market, maker.actions, POWERS, np.array([0.0, 10.0, 1.2])).objective,
        best_response(market, maker.actions, POWERS).objective,
    )
    learnt = evaluate_under(market, maker.actions, POWERS, POWERS.parameters(adversary.actions)).objective
    assert best <= learnt <= best + 0.1 * (nominal - best)


def weights(seed, folder=None, callbacks=(), **parts):
    trained = SelfPlay(learner(), learner(**parts), POWERS).train(world(), seed, folder, callbacks)
    return [player.model.policy.parameters_to_vector() for player in trained]


def test_the_same_seed_learns_the_same_two_players_to_the_bit():
    first, again, other = weights(0), weights(0), weights(1)
    for one, two, three in zip(first, again, other, strict=True):
        np.testing.assert_array_equal(one, two)
        assert not np.array_equal(one, three)


def test_each_learns_from_the_other():
    plain = weights(0)
    against_a_quiet_one = weights(0, settings={**SHORT, "learning_rate": 1e-12})
    assert not np.array_equal(plain[0], against_a_quiet_one[0])
    assert np.abs(plain[1] - against_a_quiet_one[1]).max() > 1e-3


def test_both_learn_for_their_own_number_of_steps_and_their_rates_fall_to_the_end():
    maker, adversary = SelfPlay(learner(total_steps=320), learner(total_steps=128), POWERS).train(world(), 0)
    assert (maker.model.num_timesteps, adversary.model.num_timesteps) == (320, 128)
    assert maker.model._current_progress_remaining == adversary.model._current_progress_remaining == 0.0
    more = SelfPlay(learner(total_steps=128), learner(total_steps=10_000), POWERS, turns=3).train(world(), 0)
    assert [player.model.num_timesteps for player in more] == [128, 3 * 128]


class Count(BaseCallback):
    rollouts = 0

    def _on_rollout_start(self):
        self.rollouts += 1

    def _on_step(self):
        return True


def test_a_duel_is_watched_by_callbacks_and_logs_both_players_in_one_folder(tmp_path):
    count = Count()
    weights(0, tmp_path, [count])
    assert count.rollouts == 4
    assert sorted(path.name for path in tmp_path.iterdir()) == ["adversary_1", "maker_1"]
    assert [len(list(path.glob("events*"))) for path in tmp_path.iterdir()] == [1, 1]


def test_a_duel_is_between_on_policy_learners():
    with pytest.raises(ValueError, match=r"^self-play is between on-policy learners \(PPO, A2C\), got SAC"):
        SelfPlay(learner(), Learner("SAC", 100), POWERS)


@pytest.mark.parametrize(("name", "value"), [("expected_fills", True), ("teacher", FixedSymmetric(0.5))])
def test_an_adversary_does_not_quote(name, value):
    with pytest.raises(ValueError, match=f"^SelfPlay.adversary must have no {name}, for its actions are no quotes"):
        SelfPlay(learner(), learner(**{name: value}), POWERS)


def test_a_maker_without_the_luck_of_fills_expects_them_at_the_parameters_that_the_adversary_set():
    """The chances that its rollouts foresee are those of the market as it was set in that very step."""
    action = np.array([0.3, 1.0, -0.7])
    rate, k = POWERS.parameters(action)[1:]
    maker = learner(expected_fills=True).model(world(), 0)
    made = MakerLanes(maker.get_env(), POWERS, FixedAdversary(action))
    made.reset()
    quotes = np.tile(np.float32([0.2, 0.1]), (4, 1))
    made.step(quotes)
    half_spread, skew = 0.6, 0.1
    sold, _, bought, _ = np.moveaxis(foresee(made, made.observations * [0.0, 1.0], quotes), 1, 0)
    bid, ask = (1.0 - np.exp(-rate * np.exp(-k * depth) * 0.1) for depth in (half_spread - skew, half_spread + skew))
    assert (sold[:, 0] == -1.0).all()
    assert (bought[:, 0] == 1.0).all()
    assert bought[:, 1] == pytest.approx(bid * (1.0 - ask), rel=1e-6)
    assert sold[:, 1] == pytest.approx(ask * (1.0 - bid), rel=1e-6)


def test_a_maker_with_a_teacher_begins_as_it():
    taught = replace(learner(total_steps=64), teacher=FixedSymmetric(0.3), settings={**SHORT, "learning_rate": 1e-12})
    maker, _ = SelfPlay(taught, learner(), POWERS).train(world(), 0)
    table = tabulate(world(), maker)
    assert table is not None
    assert table.depths()[:, 1:-1] == pytest.approx(np.full((5, 5, 2), 0.3), abs=0.1)


def test_ranges_that_the_market_does_not_have_are_refused_before_anything_is_learnt():
    with pytest.raises(ValueError, match=r"got 'price\.speed'"):
        SelfPlay(learner(), learner(), Powers({"price.speed": (0.0, 1.0)})).train(world(), 0)


def test_rewards_that_are_constant_without_noise_are_measured_by_their_noise():
    """A risk-neutral maker's rewards without noise do not vary at all: rounding must not become the unit."""
    market = world(reward=InventoryPenalty(noise=0.0), max_inventory=50.0)
    _, unit = reward_units(market)
    assert unit == reward_units(replace(market, reward=InventoryPenalty()))[1]
    assert 0.1 < unit < 10.0
