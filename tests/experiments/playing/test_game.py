"""A game is the market's own Env, played by hand; others play the same noise; and the skill is the paired one."""

import numpy as np
import pytest

from agents.policy import play
from experiments.playing.episodes import replayed
from experiments.playing.game import YOU, Refused
from experiments.playing.seats import in_own_time
from experiments.playing.told import told
from mm_env.action_parts import action_of
from mm_env.envs.gym import MarketMakingEnv
from mm_env.rollout import Episodes
from tests.experiments.playing.conftest import MARKET
from tests.worlds import same_bits


def played_through(game, values=None):
    """Play all episodes by the same values, or by the first adviser's where these are None."""
    while not game.finished:
        game.start()
        while not game.over:
            game.step(values or game.asked[0].values)
    return game


def test_an_episode_is_that_of_the_env_stepped_by_hand(game):
    mine, values = played_through(game("seed=7"), (1.0, 0.25)), (1.0, 0.25)
    env = MarketMakingEnv(mine.market)
    for number, each in enumerate(mine.played):
        env.reset(seed=7 if number == 0 else None)
        rewards, over = [], False
        while not over:
            _, reward, terminated, truncated, _ = env.step(action_of(mine.market, values))
            rewards.append(reward)
            over = terminated or truncated
        figures, own = env.figures(), each[YOU].episodes
        assert own.objective[0] == figures["r"] == pytest.approx(sum(rewards))
        assert (own.profit[0], own.fills[0], own.terminal_inventory[0]) == (
            figures["profit"], figures["fills"], figures["inventory"],
        )  # fmt: skip
        assert sum(each[YOU].parts.values()) == pytest.approx(own.profit[0], abs=1e-12)
        assert each[YOU].moments[-1].profit == own.profit[0]


def test_who_quotes_as_the_optimum_has_a_skill_of_one(game):
    mine = played_through(game("episodes=3"))
    assert mine.rival == "optimum"
    for each in mine.played:
        assert each[YOU].objective == pytest.approx(each["optimum"].objective, abs=1e-5)  # actions are float32
    assert mine.skill().value == pytest.approx(1.0, abs=1e-4)
    assert mine.skill().half_width < 1e-4


def test_the_skill_is_the_paired_distance_to_the_optimum_over_that_between_the_references(game):
    mine = played_through(game("episodes=4"), (0.6, 0.0))
    ahead = np.array([each[YOU].objective - each["optimum"].objective for each in mine.played])
    gap = mine.references.optimal - mine.references.fixed
    skill = mine.skill()
    assert skill.value == pytest.approx(1.0 + ahead.mean() / gap)
    assert skill.half_width == pytest.approx(1.959963984540054 * ahead.std() / np.sqrt(4) / gap)
    assert mine.behind().value == pytest.approx(ahead.mean())


def test_one_episode_has_a_skill_without_an_interval(game):
    skill = played_through(game("episodes=1"), (0.6, 0.0)).skill()
    assert np.isfinite(skill.value)
    assert np.isnan(skill.half_width)


def test_a_replay_is_the_policys_episode_of_that_seed(game):
    mine = game()
    for policy in mine.rivals.values():
        first = play(mine.market, policy, 3, 5)
        again = replayed(policy, mine.market, 5, 0)
        assert again.objective == pytest.approx(first.objective[0], abs=1e-12)
        assert replayed(policy, mine.market, 5, 1).objective != again.objective


def test_what_others_would_quote_is_what_they_quote_in_their_own_episode_as_long_as_both_are_in_one_state(game):
    mine = game("agents=[optimum,glft]")
    mine.start()
    before = mine.asked
    mine.step(before[0].values)
    quoted = replayed(mine.advisers["optimum"], mine.market, mine.seed, 0).moments[1].quoted
    assert [before[0].bid, before[0].ask] == pytest.approx(quoted.tolist(), abs=1e-12)
    assert [each.agent for each in before] == ["optimum", "glft"]
    assert mine.quoted(mine.asked[0].values) == pytest.approx(mine.asked[0][1:3], abs=1e-6)


def test_the_preview_is_what_stands(game):
    mine = game("market.max_inventory=1")
    mine.start()
    seen = set()
    while not mine.over:
        before = mine.quoted((0.3, 0.1))
        mine.step((0.3, 0.1))
        np.testing.assert_array_equal(np.array(before), mine.lane.moments[-1].quoted)
        seen |= {side for side, price in zip("ba", before, strict=True) if np.isnan(price)}
    assert seen  # a side was off at the limit


def test_fewer_steps_are_as_long_as_the_markets_own(game):
    mine, whole = game("steps=4"), game()
    assert (mine.market.clock.steps, whole.market.clock.steps) == (4, 10)
    assert mine.market.clock.step_length == pytest.approx(whole.market.clock.step_length)
    played_through(mine, (1.0, 0.0))
    assert len(mine.result[YOU].moments) == 5


def test_a_learner_in_a_shorter_episode_sees_the_time_left_as_it_learnt_it(game):
    class Learnt:
        learnt, recurrent, seen = True, False, ()

        def act(self, observations):
            self.seen = observations
            return np.zeros((len(observations), 2))

    market, policy = game("steps=4").market, Learnt()
    assert in_own_time(policy, market, 4) is policy
    in_own_time(policy, market, 10).act(np.array([[0.5, 1.0], [0.5, 0.25]], np.float32))
    np.testing.assert_allclose(policy.seen, [[0.5, 0.4], [0.5, 0.1]], rtol=1e-6)


def test_moves_out_of_turn_are_refused(game):
    mine = game("episodes=1")
    with pytest.raises(Refused, match="no episode is under way"):
        mine.step((1.0, 0.0))
    mine.start()
    with pytest.raises(Refused, match="episode 1 is not over"):
        mine.start()
    with pytest.raises(ValueError, match="skew must be"):
        mine.step((1.0, 9.0))
    assert mine.steps == 0
    played_through_rest = [mine.step((1.0, 0.0)) for _ in range(10)]
    assert len(played_through_rest) == 10
    with pytest.raises(Refused, match="all 1 episodes are over"):
        mine.start()


def test_what_is_told_is_what_is(game):
    mine = played_through(game(), (0.8, 0.1))
    shown = told(mine, "small", [])
    assert shown["finished"]
    assert shown["over"]
    own = shown["result"]["you"]
    assert (own["objective"], own["profit"]) == (mine.result[YOU].objective, mine.result[YOU].episodes.profit[0])
    assert shown["now"]["inventory"] == shown["path"]["inventory"][-1] == own["final_inventory"]
    assert len(shown["heard"][0]["bid"]) == 10
    assert shown["score"]["skill"] == {"value": mine.skill().value, "half_width": mine.skill().half_width}


def test_a_book_without_an_optimum_has_the_best_known_strategy(game, monkeypatch):
    market = ("market=cont_stoikov_talreja", "market.clock.steps=6", "market.clock.horizon=1.5")
    monkeypatch.setattr("experiments.playing.seats.TRIED", 20)
    mine = game("known=[join,inside]", "episodes=1", market=market)
    assert mine.references.best is None
    assert mine.rival in ("join", "inside")
    mine.start()
    while not mine.over:
        preview = mine.quoted((1, 1))
        assert preview[0] == mine.lane.moments[-1].best[0]
        mine.step((1, 1))  # at the best: what join does
    assert mine.skill() is None
    assert same_bits(mine.result[YOU].objective, replayed(mine.rivals["join"], mine.market, 1, 0).objective)


@pytest.mark.parametrize(("override", "said"), [
    ("market=two_bonds", "market must have one quoted instrument to be played, got a Desk"),
    ("market=duopoly", "market must have one maker to be played, got 2"),
    ("steps=11", r"steps must be a whole number in \[1, 10\], got 11"),
    ("steps=0", r"steps must be a whole number in \[1, 10\], got 0"),
    ("agents=[join]", "agents must be such as the market allows: join: "),
    ("agents=[optimun]", "optimun"),
])  # fmt: skip
def test_what_cannot_be_played_is_refused_in_a_line(game, override, said):
    with pytest.raises((ValueError, TypeError), match=said) as refused:
        game(override, market=() if "market" in override else MARKET)
    assert "\n" not in str(refused.value)


def test_episodes_of_one_are_put_together_as_one_set(game):
    mine = played_through(game(), (0.8, 0.1))
    both = mine.all_of(YOU)
    assert isinstance(both, Episodes)
    assert both.objective.tolist() == [each[YOU].objective for each in mine.played]
