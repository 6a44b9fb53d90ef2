"""Agents on markets over seeds: what is together, what is apart, and what is left out."""

import math

import numpy as np
import pytest

from experiments.reporting.runs import find, strategies
from experiments.reporting.sections import sections, shown
from experiments.reporting.statistics import Interval
from experiments.reporting.study import study
from mm_env.metrics import Estimate
from tests.experiments.reporting.folders import config, finished, folder_of

SKILLS = {("ppo", "amzn"): (0.9, 0.8, 0.7), ("ppo", "aapl"): (0.6, 0.5), ("a2c", "amzn"): (0.1, 0.2),
          ("a2c", "aapl"): (0.95,)}  # fmt: skip


@pytest.fixture
def found(tmp_path):
    for (agent, market), skills in SKILLS.items():
        for seed, skill in enumerate(skills):
            finished(tmp_path, agent, market, seed, skill, table={"PPO": (1, 2, 3, 4), "glft": (1, 0.5, 3, 4)})
    runs = find([tmp_path])
    return study(runs, strategies(runs, [tmp_path]), resamples=200)


def test_agents_and_markets_and_the_skills_of_their_seeds(found):
    assert (found.agents, found.markets, found.shared) == (["ppo", "a2c"], ["aapl", "amzn"], ["aapl", "amzn"])
    for (agent, market), skills in SKILLS.items():
        np.testing.assert_array_equal(found.values(agent, market), skills)


def test_agents_on_a_market_are_those_that_were_trained_there(found, tmp_path):
    assert (found.on("amzn"), found.together) == (["ppo", "a2c"], "all markets")
    finished(tmp_path, "ppo", "glft", 0, 0.5)
    more = study(find([tmp_path]), {})
    assert (more.on("glft"), more.together) == (["ppo"], "2 markets")


def test_a_figure_is_the_interquartile_mean_of_its_seeds_and_overall_of_all(found):
    assert found.figure("ppo", "amzn").value == pytest.approx(0.8)
    assert found.figure("ppo", "amzn", "profit").value == pytest.approx(3.0)
    assert found.overall("ppo").value == pytest.approx((0.6 + 0.7 + 0.8) / 3)  # of five, one is cut at each end
    assert found.overall("a2c").value == pytest.approx((0.1 + 0.2 + 0.95) / 3)


def test_a_figure_that_a_seed_lacks_is_none(found):
    assert found.figure("ppo", "amzn", "max_drawdown") is None
    assert found.figure("nobody", "amzn") is None


def test_strategies_stand_by_their_market(found):
    assert {key: skill.value for key, skill in found.strategies.items()} == {
        ("amzn", "glft"): 0.5, ("aapl", "glft"): 0.5,
    }  # fmt: skip


def test_of_a_strategy_in_several_tables_the_most_precise_figure_is_taken(tmp_path):
    finished(tmp_path, "ppo", "amzn", 0, 0.5)
    (run,) = runs = find([tmp_path])
    told = {(run.folder, "amzn", "glft"): Estimate(0.5, 0.01), (None, "amzn", "glft"): Estimate(0.6, 0.2)}
    for beside in (told, dict(reversed(told.items())), {**told, (run.folder, "x", "glft"): Estimate(math.nan, 0.0)}):
        assert study(runs, beside).strategies["amzn", "glft"] == Estimate(0.5, 0.01)


def test_an_agent_without_any_skill_leaves_the_others_comparison_whole(tmp_path):
    for agent, market, skill in (("ppo", "amzn", 0.5), ("sac", "amzn", 0.4), ("dqn", "glft", math.nan)):
        finished(tmp_path, agent, market, 0, skill)
    found = study(find([tmp_path]), {})
    assert (found.shared, found.compared, found.agents) == (["amzn"], ["ppo", "sac"], ["ppo", "sac", "dqn"])
    assert found.overall("dqn") is None
    summary, comparison, *_ = sections(found, [], {})
    assert "Without a skill anywhere, and so not in the comparison either: dqn." in summary.words
    assert comparison.anchor == "comparison"


def test_where_no_market_has_a_skill_no_optimum_is_spoken_of(tmp_path):
    finished(tmp_path, "ppo", "glft", 0, math.nan)
    summary, *_ = sections(study(find([tmp_path]), {}), [], {})
    assert summary.words.startswith("There is no skill: no optimum was found.")


def test_a_market_that_an_agent_was_not_trained_on_or_that_has_no_skill_is_not_shared(tmp_path):
    finished(tmp_path, "ppo", "amzn", 0, 0.5)
    finished(tmp_path, "ppo", "glft", 0, float("nan"))
    finished(tmp_path, "ppo", "aapl", 0, 0.5)
    finished(tmp_path, "a2c", "amzn", 0, 0.4)
    finished(tmp_path, "a2c", "glft", 0, 0.4)
    found = study(find([tmp_path]), {})
    assert (found.shared, found.together) == (["amzn"], "amzn")
    summary, *_ = sections(found, [], {})
    assert "Without a skill of every agent, and so not in the comparison: aapl, glft." in summary.words


def test_configs_that_differ_under_one_name_are_told_apart(tmp_path):
    for i, (steps, sigma) in enumerate([(100, 2.0), (200, 2.0), (200, 4.0)]):
        finished(tmp_path / str(i), "ppo", "amzn", 0, 0.5, own=config(0, steps, sigma))
    found = study(find([tmp_path]), {})
    assert found.markets == ["amzn, sigma=2.0", "amzn, sigma=4.0"]
    assert set(found.agents) == {"ppo, total_steps=100", "ppo, total_steps=200"}


def test_the_same_seed_twice_counts_once(tmp_path):
    for i in range(2):
        finished(tmp_path / str(i), "ppo", "amzn", 0, 0.5)
    found = study(find([tmp_path]), {})
    assert (len(found.runs), found.repeated) == (1, 1)
    summary, *_ = sections(found, [], {})
    assert "1 runs of the same market, agent and seed as another were left out." in summary.words


def test_runs_that_did_not_finish_come_first_and_say_why(tmp_path):
    finished(tmp_path, "ppo", "amzn", 0, 0.5)
    folder_of(tmp_path / "bad", 9, metrics={"status": "failed", "seed": 9, "error": "out of memory"})
    found = study(find([tmp_path]), {})
    first, second, *_ = sections(found, [], {})
    assert first.anchor == "unfinished"
    assert [row[:3] for row in first.table.texts] == [["ppo on amzn, seed 9", "failed", "out of memory"]]
    assert second.table.texts == [["ppo", "0.500 (1 seed)"]]


def test_the_summary_has_a_column_for_each_market_and_says_how_many_seeds(found):
    summary, *_ = sections(found, [], {})
    assert summary.table.headings == ["agent", "all markets", "aapl", "amzn"]
    name, everywhere, aapl, amzn = summary.table.texts[0]
    assert (name, aapl) == ("ppo", "0.55 [0.50, 0.60] (2 seeds)")
    assert everywhere.startswith("0.70 [")
    assert amzn.endswith("(3 seeds)")
    assert summary.table.texts[-1] == ["glft (strategy)", "", "0.50 ±0.10", "0.50 ±0.10"]


@pytest.mark.parametrize(("interval", "text"), [
    (Interval(0.9945, 0.9932, 0.9958), "0.9945 [0.9932, 0.9958]"),
    (Interval(0.5, 0.5, 0.5), "0.500"),
    (Interval(-3.628, -3.9, -3.1), "-3.6 [-3.9, -3.1]"),
    (None, "—"),
])  # fmt: skip
def test_an_interval_has_the_decimals_of_its_width(interval, text):
    assert shown(interval) == text
