"""Accounts that are closed before the end: what learners are shown, what is cloned, and what agents play."""

from dataclasses import replace

import numpy as np
import pytest

from agents.learning.clone import demonstrate
from agents.learning.learner import Learner, reward_units
from agents.learning.rollout_buffers import check_separable
from agents.policy import RandomPolicy, StrategyPolicy, play
from agents.strategies.fixed import FixedSymmetric
from experiments.evaluation.common_noise import Entry
from experiments.evaluation.plots import recorded
from experiments.evaluation.table import headings
from experiments.reporting.reruns import follow
from mm_env import Margin, Positive, rule
from mm_env.envs import VecAdapter
from mm_env.metrics import figures
from mm_env.rollout import Episodes, run_policy, steps
from mm_env.simulation import Simulation
from tests.worlds import world

LANES = 200


class Drawdown(Margin):
    """The account is closed once it has lost `most`."""

    most: Positive

    @rule
    def holds(self, standing, now):
        return standing.profit > -self.most


MARKET = world(margin=Drawdown(0.5))
QUOTES = StrategyPolicy(FixedSymmetric(0.3), MARKET)


def lived(market, act, seed):
    """The number of steps that each lane of an episode lived, (LANES,)."""
    return sum(step.alive for step in steps(Simulation(market, LANES), act, seed))


def test_a_lane_lives_until_its_account_is_closed_and_earns_nothing_after():
    simulation = Simulation(MARKET, LANES)
    played = list(steps(simulation, QUOTES.act, 3))
    closed = np.array([step.alive for step in played])
    assert 0 < (~closed).any(axis=0).sum() < LANES
    assert (np.array([step.ended for step in played]).sum(axis=0) == 1).all()
    rewards = np.array([step.rewards for step in played])
    assert (rewards[~closed] == 0.0).all()
    np.testing.assert_allclose(rewards.sum(axis=0), simulation.state.tally.objective)


def test_the_mean_inventory_is_over_the_steps_that_were_lived():
    episodes, simulation, held = run_policy(MARKET, QUOTES.act, LANES, 3), Simulation(MARKET, LANES), []
    held.extend(
        np.where(s.alive, np.abs(simulation.state.account.inventory), 0) for s in steps(simulation, QUOTES.act, 3)
    )
    np.testing.assert_allclose(episodes.mean_absolute_inventory, sum(held) / lived(MARKET, QUOTES.act, 3))


def test_a_table_plays_in_the_kernel_what_it_plays_step_by_step():
    table = QUOTES.table()
    inside, outside = play(MARKET, table, LANES, 3), run_policy(table.market, table.act, LANES, 3)
    for name in (*Episodes.__match_args__, "closed", "time_open"):
        np.testing.assert_allclose(getattr(inside, name), getattr(outside, name), rtol=1e-12, err_msg=name)


def test_a_closed_account_stands_still_in_pictures():
    paths = follow(MARKET, QUOTES, LANES, 3)
    ends = lived(MARKET, QUOTES.act, 3)
    for lane in range(LANES):
        assert (paths.profit[ends[lane] :, lane] == paths.profit[-1, lane]).all()
    lane = recorded(MARKET, QUOTES, 3)
    assert len(lane.moments) == ends[0] + 1


def test_nothing_is_subtracted_from_rewards_where_episodes_may_end_early():
    learner = Learner("PPO", 100, num_envs=4)
    assert reward_units(MARKET)[0] != 0.0
    assert learner.lanes(MARKET).reward_shift == 0.0
    assert learner.lanes(MARKET).reward_scale == 1.0 / reward_units(MARKET)[1]
    free = world()
    assert learner.lanes(free).reward_shift == reward_units(free)[0]


def test_a_teacher_shows_what_it_does_while_the_account_is_open():
    lanes = VecAdapter(MARKET, LANES)
    lanes.seed(3)
    lessons = demonstrate(lanes, QUOTES)
    assert (
        len(lessons.returns) == len(lessons.actions) == len(lessons.observations) == lived(MARKET, QUOTES.act, 3).sum()
    )
    np.testing.assert_allclose(
        lessons.returns[:LANES], run_policy(MARKET, QUOTES.act, LANES, 3).objective, rtol=1e-4, atol=1e-4
    )


def test_fills_are_not_expected_where_one_may_end_the_episode():
    with pytest.raises(ValueError, match=r"^expected_fills must be off where accounts may be closed, .* got Drawdown"):
        check_separable(MARKET)


def test_outcomes_of_a_step_say_which_accounts_are_closed():
    lanes = VecAdapter(replace(MARKET, margin=Drawdown(0.01)), 50, branches=4)
    lanes.reset()
    for _ in range(2):
        lanes.step(RandomPolicy(MARKET).act(lanes.observations))
    assert lanes.outcomes.closed.any()
    assert (lanes.outcomes.ended >= lanes.outcomes.closed).all()


def test_the_share_of_closed_accounts_is_a_figure_of_markets_that_may_close_them_and_of_no_other():
    episodes = play(MARKET, QUOTES, 400, 3)
    assert set(episodes.closed) == {0.0, 1.0}
    assert figures(episodes)["closed"].value == pytest.approx(episodes.closed.mean())
    assert "closed" not in figures(play(world(), StrategyPolicy(FixedSymmetric(0.3), world()), 10, 3))
    assert "probability of ruin" in headings([Entry("a", episodes, figures(episodes), None)]).values()
    assert "probability of ruin" not in headings([Entry("a", episodes, {}, None)]).values()
