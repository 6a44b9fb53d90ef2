"""Pictures: what is drawn is what is quoted."""

from dataclasses import replace

import numpy as np
import pytest

from agents.exact.optimum import optimum
from agents.policy import RandomPolicy, StrategyPolicy, play
from agents.strategies.fixed import FixedSymmetric, LinearSkew
from agents.strategies.touch import AtTouch
from experiments.evaluation import plots
from experiments.evaluation.common_noise import evaluate_on_common_noise
from mm_env import AsymmetricDamping, Ergodic
from tests.worlds import BOOKS, COVERING, thinned, world

MARKET = world(inventory_scale=3.0)
LEANING = StrategyPolicy(LinearSkew(0.8, 0.1), MARKET)


def test_quotes_are_drawn_over_inventory_at_the_start_the_middle_and_the_end():
    best = optimum(MARKET)
    figure = plots.quote_curves(MARKET, "leaning", LEANING, "optimum", best)
    assert [axis.get_title() for axis in figure.axes] == ["start", "middle", "last step"]
    assert all(axis.get_xlabel() == "inventory" for axis in figure.axes)
    assert "depth" in figure.axes[0].get_ylabel()
    depths = best.table().depths()
    for axis, row in zip(figure.axes, (0, 2, 4), strict=True):
        bid, ask, best_bid, best_ask = axis.get_lines()
        assert [line.get_label() for line in (bid, ask)] == ["bid, leaning", "ask, leaning"]
        inventory = bid.get_xdata()
        np.testing.assert_array_equal(bid.get_ydata(), 0.8 + 0.1 * inventory)
        np.testing.assert_array_equal(ask.get_ydata(), 0.8 - 0.1 * inventory)
        np.testing.assert_array_equal(best_bid.get_ydata(), depths[row, 1:-1, 0])
        np.testing.assert_array_equal(best_ask.get_ydata(), depths[row, 1:-1, 1])


def test_without_an_end_there_is_one_panel():
    market = replace(MARKET, clock=Ergodic(0.5, 5))
    still = StrategyPolicy(FixedSymmetric(0.5), market)
    figure = plots.quote_curves(market, "still", still, "optimum", optimum(market))
    assert len(figure.axes) == 1


def test_the_percentiles_of_the_inventory_are_those_of_simulated_episodes():
    found = plots.inventory_percentiles(MARKET, LEANING)
    assert found.shape == (5, 6)
    assert (found[:, 0] == 0.0).all()
    held = play(MARKET, LEANING, 20_000, 0).terminal_inventory
    for level, inventory in zip((0.05, 0.25, 0.5, 0.75, 0.95), found[:, -1], strict=True):
        error = 4.0 * np.sqrt(level * (1.0 - level) / len(held))
        assert (held < inventory).mean() - error < level < (held <= inventory).mean() + error


def test_the_inventory_is_drawn_beside_its_rivals():
    axis = plots.inventory_fan(MARKET, "leaning", LEANING, "optimum", optimum(MARKET)).axes[0]
    median, low, high = axis.get_lines()
    ours, theirs = (plots.inventory_percentiles(MARKET, policy) for policy in (LEANING, optimum(MARKET)))
    for line, values in ((median, ours[2]), (low, theirs[0]), (high, theirs[4])):
        np.testing.assert_array_equal(line.get_ydata(), values)
    assert "units" in axis.get_ylabel()


def test_an_inventory_whose_law_is_not_known_is_not_drawn():
    damped = replace(MARKET, reward=AsymmetricDamping(0.5))
    still = StrategyPolicy(FixedSymmetric(0.5), damped)
    assert plots.inventory_fan(damped, "still", still, "still", still) is None
    assert plots.inventory_fan(MARKET, "random", RandomPolicy(MARKET), "leaning", LEANING) is None


def test_a_policy_that_is_no_table_is_not_drawn():
    assert plots.quote_curves(MARKET, "leaning", LEANING, "random", RandomPolicy(MARKET)) is None


def test_the_histogram_shows_the_best_agents_profits():
    policies = {f"{h}": StrategyPolicy(FixedSymmetric(h), MARKET) for h in (0.2, 0.4, 0.6, 0.8, 1.0)}
    entries = evaluate_on_common_noise(MARKET, policies, 500, 0)
    axis = plots.profit_histogram(entries).axes[0]
    assert [text.get_text() for text in axis.get_legend().get_texts()] == [entry.name for entry in entries]
    assert "profit" in axis.get_xlabel()


def test_a_profit_that_never_varies_can_be_drawn():
    entries = evaluate_on_common_noise(MARKET, {"away": StrategyPolicy(FixedSymmetric(1e6), MARKET)}, 20, 0)
    plots.profit_histogram(entries)


def test_figures_that_are_none_are_not_saved(tmp_path):
    entries = evaluate_on_common_noise(MARKET, {"leaning": LEANING}, 20, 0)
    paths = plots.save(tmp_path, {"quotes": None, "profit": plots.profit_histogram(entries)})
    assert paths == [tmp_path / "profit.png"]
    assert paths[0].stat().st_size > 0


@pytest.mark.parametrize("row", [0, 4])
def test_a_depth_table_is_what_a_strategy_quotes(row):
    table = plots.depth_table(MARKET, LEANING)
    np.testing.assert_array_equal(table[row], LinearSkew(0.8, 0.1).depths(np.arange(-3.0, 4.0), 0.0))


@pytest.mark.parametrize(
    "name", thinned(["brownian", "binomial", "cont_stoikov_talreja", "queue_reactive"], {"queue_reactive"})
)
def test_the_episode_that_is_drawn_is_the_first_of_those_that_are_scored(name):
    market = COVERING[name]
    policy = AtTouch(market) if name in BOOKS else StrategyPolicy(LinearSkew(0.3, 0.1), market)
    episodes, moments = play(market, policy, 70, 4), plots.recorded(market, policy, 4).moments
    assert moments[-1].profit == episodes.profit[0]
    assert moments[-1].inventory == episodes.terminal_inventory[0]
    assert len(moments) == market.clock.steps + 1
    assert len(plots.episode(market, policy, 4).axes) >= 3
