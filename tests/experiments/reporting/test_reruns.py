"""What is shown of episodes is what the episodes were."""

from dataclasses import replace

import numpy as np
import pytest

from agents.exact.optimum import optimum
from agents.policy import RandomPolicy, StrategyPolicy
from agents.strategies.fixed import FixedSymmetric, LinearSkew
from experiments.evaluation import state_plots
from experiments.reporting import episodes
from experiments.reporting.reruns import Paths, Rerun, fan, follow, pooled, rerun, reruns
from experiments.reporting.runs import find
from mm_env import Brownian, RegimeSwitching
from mm_env.rollout import inventory_levels, run_policy
from tests.experiments.reporting.folders import finished
from tests.worlds import COVERING, world

MARKET = world(inventory_scale=3.0)
LEANING, STILL = (StrategyPolicy(quotes, MARKET) for quotes in (LinearSkew(0.8, 0.1), FixedSymmetric(0.2)))


@pytest.mark.parametrize("name", ["brownian", "geometric", "market_orders", "discrete"])
def test_paths_end_where_the_same_episodes_end_and_reach_what_they_reach(name):
    market = COVERING[name]
    paths = follow(market, RandomPolicy(market, 3), 60, seed=5)
    ended = run_policy(market, RandomPolicy(market, 3).act, 60, 5)
    np.testing.assert_array_equal(paths.profit[-1], ended.profit)
    np.testing.assert_array_equal(paths.inventory[-1], ended.terminal_inventory)
    np.testing.assert_allclose(np.abs(paths.inventory[1:]).mean(axis=0), ended.mean_absolute_inventory, rtol=1e-12)
    fallen = np.maximum.accumulate(paths.profit, axis=0) - paths.profit
    np.testing.assert_array_equal(fallen.max(axis=0), ended.drawdown)


def test_paths_begin_with_what_is_there_at_the_start():
    paths = follow(replace(MARKET, initial_inventory=2.0, initial_mid=50.0), LEANING, 4)
    assert (paths.inventory[0] == 2.0).all()
    assert (paths.mid[0] == 50.0).all()
    assert (paths.profit[0] == 0.0).all()
    np.testing.assert_allclose(paths.times, [0.0, 0.1, 0.2, 0.3, 0.4, 0.5])


def test_all_agents_meet_the_same_mid():
    np.testing.assert_array_equal(follow(MARKET, LEANING, 20).mid, follow(MARKET, STILL, 20).mid)


def test_a_fan_is_the_percentiles_of_each_step():
    values = np.arange(101.0)[None, :] * np.array([[1.0], [2.0]])
    np.testing.assert_allclose(fan(values), np.array([5, 25, 50, 75, 95])[:, None] * [1.0, 2.0])


def paths(profits, times=(0.0, 1.0)):
    """Episodes that end with these profits."""
    ended = np.array([np.zeros(len(profits)), profits])
    return Paths(np.array(times), ended.copy(), ended, ended.copy())


def made(*seeds, depths=(), best=None, market=MARKET):
    return Rerun("ppo", "amzn", market, tuple(range(len(seeds))), seeds, depths, best, None)


def test_seeds_are_pooled_side_by_side():
    everyone = pooled([paths([1.0, 2.0]), paths([3.0, 4.0])])
    np.testing.assert_array_equal(everyone.profit[-1], [1.0, 2.0, 3.0, 4.0])


def test_the_worst_episodes_are_different_ones_each_with_its_worst_seed():
    again = made(paths([-1.0, 5.0, -3.0, 0.0, 9.0]), paths([-2.0, 5.0, -2.5, 1.0, -0.5]))
    worst = [(seed, episode, own.profit[-1, episode]) for own, seed, episode in episodes.worst_episodes(again)]
    assert worst == [(0, 2, -3.0), (1, 0, -2.0), (1, 4, -0.5)]


def test_the_picture_of_the_worst_names_them():
    figure = episodes.worst(made(paths([-1.0, 5.0, -3.0, 0.5]))).figure
    axes, legend = figure.axes, [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == ["seed 0, episode 2: -3", "seed 0, episode 0: -1", "seed 0, episode 3: 0.5"]
    assert all(axis.get_ylabel() for axis in axes)


def test_quotes_are_the_median_of_the_seeds_within_all_that_they_span_beside_the_optimum():
    best = optimum(MARKET).table().depths()
    tables = tuple(np.full_like(best, depth) for depth in (0.1, 0.3, 0.8))
    again = replace(made(paths([0.0]), paths([0.0]), paths([0.0]), depths=tables), best_depths=best)
    picture = episodes.quotes(again)
    assert "3 seeds" in picture.says
    assert "dashed, the exact optimum's" in picture.says
    assert "optimum" not in episodes.quotes(replace(again, best_depths=None)).says
    half_way, last = picture.figure.axes
    for axis, row in ((half_way, 2), (last, 4)):
        bid, best_bid, ask, best_ask = axis.get_lines()
        assert set(bid.get_ydata()) == set(ask.get_ydata()) == {0.3}
        np.testing.assert_array_equal(bid.get_xdata(), inventory_levels(MARKET)[1:-1])
        np.testing.assert_array_equal(best_bid.get_ydata(), best[row, 1:-1, 0])
        np.testing.assert_array_equal(best_ask.get_ydata(), best[row, 1:-1, 1])
        band = axis.collections[0].get_datalim(axis.transData)
        assert (band.y0, band.y1) == (0.1, 0.8)


def test_an_agent_that_is_no_table_has_no_picture_of_quotes():
    assert episodes.quotes(made(paths([0.0]))) is None


def test_fans_are_drawn_beside_the_optimums():
    own, best = follow(MARKET, STILL, 50), follow(MARKET, optimum(MARKET), 50)
    picture = episodes.fans(made(own, best=best))
    assert "50 episodes of 1 seed" in picture.says
    assert "what the optimum takes" in picture.says
    assert "optimum" not in episodes.fans(made(own)).says
    for axis, name in zip(picture.figure.axes, ("inventory", "profit"), strict=True):
        median, theirs, *_ = axis.get_lines()
        np.testing.assert_array_equal(median.get_ydata(), fan(getattr(own, name))[2])
        np.testing.assert_array_equal(theirs.get_ydata(), fan(getattr(best, name))[2])


def test_lines_are_thinned_to_what_can_be_seen_and_keep_their_ends():
    times = np.arange(601.0)
    kept, values = episodes.thinned(times, np.stack([times, -times]))
    assert len(kept) == episodes.POINTS
    assert (kept[0], kept[-1]) == (0.0, 600.0)
    np.testing.assert_array_equal(values, [kept, -kept])
    np.testing.assert_array_equal(episodes.thinned(times[:6], times[:6])[0], times[:6])


def test_what_cannot_be_played_again_says_why_and_stops_nobody(tmp_path):
    finished(tmp_path, "ppo", "amzn", 0, 0.5)
    (run,) = find([tmp_path])
    found, refused = reruns([("ppo", "amzn")], lambda agent, market: [run], 5)
    assert found == []
    assert "Market" in refused["ppo", "amzn"]
    (run.folder / "model.zip").unlink()
    with pytest.raises(ValueError, match="no run left a model"):
        rerun([run], 5, {})


def test_what_decides_beside_time_and_inventory_is_drawn_with_its_words():
    regimes = RegimeSwitching(Brownian(1.0), rates=((0.0, 9.0), (9.0, 0.0)), volatility=(1.0, 2.0))
    market = replace(MARKET, price=regimes)
    still, best = StrategyPolicy(FixedSymmetric(0.2), market), optimum(market)
    drawn = state_plots.figures(market, "ppo", still, "optimum", best)
    again = replace(made(paths([0.0]), market=market), by_state={name: each for name, each in drawn.items() if each})
    (picture,) = episodes.by_state(again)
    assert (picture.name, len(picture.figure.axes)) == ("quotes_by_state", 2)
    assert picture.says.startswith("ppo on amzn, seed 0, beside the exact optimum: quotes over inventory")
    assert episodes.by_state(made(paths([0.0]))) == []
