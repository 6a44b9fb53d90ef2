"""Learners who train at once at the seats of one market."""

from dataclasses import replace

import numpy as np
import pytest

from agents.learning.learner import Learner
from agents.learning.players import train_players
from agents.makers.seats import play_seats
from agents.strategies.fixed import FixedSymmetric
from mm_env.clock import FiniteHorizon
from mm_env.competitions import duopoly
from mm_env.makers.routing import BestQuote
from mm_env.quote import SpreadAndSkew
from mm_env.reward import InventoryPenalty

SHORT = replace(duopoly(), clock=FiniteHorizon(0.1, 10), max_inventory=2.0)
SETTINGS = {"n_steps": 8, "batch_size": 64, "n_epochs": 1, "policy_kwargs": {"net_arch": [8]}}


def learner(algorithm="PPO", steps=512, **other):
    return Learner(algorithm, total_steps=steps, num_envs=32, **{"settings": SETTINGS, "checkpoints": 0} | other)


def weights(policy):
    return np.concatenate([each.detach().numpy().ravel() for each in policy.model.policy.parameters()])


def test_one_player_alone_learns_what_it_learns_without_others():
    market = replace(SHORT, makers=1)
    (player,) = train_players(market, [learner()], 32, seed=3)
    assert np.array_equal(weights(player), weights(learner().train(market, 3)))


def test_what_is_learnt_is_the_same_every_time_and_differs_by_seat():
    players = [learner(noise=0.0), learner("A2C", 256, settings={"n_steps": 8})]
    first, second = train_players(SHORT, players, 16, seed=0)
    again, other = train_players(SHORT, players, 16, seed=0)
    assert np.array_equal(weights(first), weights(again))
    assert np.array_equal(weights(second), weights(other))
    one, two = train_players(SHORT, [learner(), learner()], 16, seed=0)
    assert not np.array_equal(weights(one), weights(two))


def test_each_seat_learns_for_its_own_steps_from_its_own_rewards():
    """Beside a rival whose quotes are the best by far, nothing fills, and nothing is earned but by the rival."""
    rival, steps = FixedSymmetric(0.01), []

    def watch(seat, seats):
        from stable_baselines3.common.callbacks import BaseCallback

        class Rewards(BaseCallback):
            def _on_step(self):
                steps.append((seat, self.num_timesteps, self.locals["rewards"].copy()))
                return True

        assert len(seats) == 2
        return [Rewards()]

    far = replace(SHORT, routing=type(SHORT.routing)(scale=1e-3))
    quiet = learner(
        steps=128, standardise=False, reward_scale=2.0, settings=SETTINGS | {"policy_kwargs": {"log_std_init": -9.0}}
    )
    policies = train_players(far, [rival, quiet], 16, seed=0, callbacks=watch)
    assert {seat for seat, _, _ in steps} == {1}
    assert [n for _, n, _ in steps] == list(range(16, 129, 16))
    assert all((rewards == 0.0).all() for _, _, rewards in steps)
    (first, second) = play_seats(far, policies, 50, 1)
    assert first.fills.sum() > 0.0
    assert second.fills.sum() == 0.0


def test_one_that_fails_stops_all():
    def watch(seat, seats):
        from stable_baselines3.common.callbacks import BaseCallback

        class Fails(BaseCallback):
            def _on_step(self):
                if seat == 1 and self.n_calls == 5:
                    raise ZeroDivisionError("on purpose")
                return True

        return [Fails()]

    with pytest.raises(ZeroDivisionError, match="on purpose"):
        train_players(SHORT, [learner(), learner(steps=100_000)], 16, seed=0, callbacks=watch)


@pytest.mark.parametrize(("players", "said"), [
    ([learner()], "players must be 2, one a maker, got 1"),
    ([FixedSymmetric(0.5), FixedSymmetric(0.5)], "players must have a learner such as ppo among them"),
    ([learner(branches=4), learner()], "Learner.branches must be 0 among several players"),
    ([learner("TD3", expected_fills=False, settings={}), learner("DQN", settings={})], "DQN needs a grid of actions"),
])  # fmt: skip
def test_what_cannot_train_together_is_refused(players, said):
    with pytest.raises(ValueError, match=said):
        train_players(SHORT, players, 8, seed=0)


def test_makers_of_desks_learn_at_once_too_by_what_their_quotes_are_made_of():
    from agents.learning.reservation import ReservationQuotes
    from mm_env.competitions import COMPETITIONS

    desks = replace(COMPETITIONS["bonds_duopoly"](), clock=FiniteHorizon(0.2, 10))
    players = [learner(quoting=ReservationQuotes, noise=0.0), learner(noise=0.0)]
    first, second = train_players(desks, players, 16, seed=0)
    again, other = train_players(desks, players, 16, seed=0)
    assert np.array_equal(weights(first), weights(again))
    assert np.array_equal(weights(second), weights(other))
    assert all(np.isfinite(each.objective).all() for each in play_seats(desks, (first, second), 20, 1))


@pytest.mark.slow
def test_myopic_makers_compete_the_spread_away_and_one_alone_keeps_it():
    """Bertrand: where the best quote takes each order and nobody minds inventory, undercutting ends near no spread at all; one
    alone quotes 1 / k."""
    settings = {"n_steps": 20, "batch_size": 640, "n_epochs": 4, "gamma": 0.0, "gae_lambda": 0.0, "learning_rate": 3e-3,
                "policy_kwargs": {"net_arch": [16], "log_std_init": -1.5}}  # fmt: skip
    spreads = []
    for makers in (1, 2, 3):
        market = replace(duopoly(), makers=makers, routing=BestQuote(), reward=InventoryPenalty(), max_inventory=50.0,
                         clock=FiniteHorizon(0.2, 20), quote=SpreadAndSkew(max_half_spread=2.0, max_skew=0.5))  # fmt: skip
        myopic = learner(steps=60_000, noise=0.0, reward_scale=5.0, settings=settings)
        played = play_seats(market, train_players(market, [myopic] * makers, 64, seed=0), 2_000, 1)
        spreads.append(sum(each.spread_captured.sum() for each in played) / sum(each.fills.sum() for each in played))
    assert spreads[0] == pytest.approx(1.0, abs=0.06)
    assert spreads[1] < 0.25
    assert spreads[2] < spreads[1]
