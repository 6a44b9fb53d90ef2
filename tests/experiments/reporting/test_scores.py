"""Pictures of scores draw the statistics that they say."""

import numpy as np
import pytest

from experiments.reporting import scores
from experiments.reporting.runs import find
from experiments.reporting.study import study
from tests.experiments.reporting.folders import finished

SKILLS = {"ppo": (0.9, 0.8, 0.7), "a2c": (0.1, 0.85), "dqn": (-5.0, -7.0)}


@pytest.fixture
def found(tmp_path):
    for agent, skills in SKILLS.items():
        for seed, skill in enumerate(skills):
            finished(tmp_path, agent, "amzn", seed, skill)
    return study(find([tmp_path]), {}, resamples=200)


def test_overall_has_a_dot_and_a_bar_for_each_agent_and_an_arrow_for_what_is_far_below(found):
    picture = scores.overall(found)
    (axis,) = picture.figure.axes
    lines = axis.get_lines()
    bars, dots = lines[::2], lines[1::2]
    assert [float(dot.get_xdata()[0]) for dot in dots] == pytest.approx([0.8, 0.475, scores.FLOOR])
    assert [dot.get_marker() for dot in dots] == ["o", "o", "<"]
    assert bars[1].get_xdata() == pytest.approx([0.1, 0.85])
    assert [text.get_text() for text in axis.get_yticklabels()] == ["ppo\n3 runs", "a2c\n2 runs", "dqn\n2 runs"]
    assert "An arrow stands for a skill below -1." in picture.says


def test_profiles_fall_from_the_worst_runs_to_the_best(found):
    (axis,) = scores.profiles(found).figure.axes
    for line, skills in zip(axis.get_lines(), SKILLS.values(), strict=True):
        expected = [np.mean(np.array(skills) > level) for level in line.get_xdata()]
        np.testing.assert_allclose(line.get_ydata(), expected)


def test_improvements_are_of_every_pair_in_their_order(found):
    (axis,) = scores.improvements(found).figure.axes
    dots = [float(line.get_xdata()[0]) for line in axis.get_lines() if line.get_marker() == "o"]
    assert dots == pytest.approx([4 / 6, 1.0, 1.0])  # 0.9 beats both, 0.8 and 0.7 beat 0.1 alone
    labels = [text.get_text() for text in axis.get_yticklabels()]
    assert labels == ["ppo\nover a2c", "ppo\nover dqn", "a2c\nover dqn"]


def test_one_agent_has_nobody_to_beat(tmp_path):
    finished(tmp_path, "ppo", "amzn", 0, 0.5)
    assert scores.improvements(study(find([tmp_path]), {})) is None


@pytest.mark.parametrize(("place", "last"), [(0, 100 / 1e6), (1, 2.0)])
def test_curves_are_the_interquartile_means_of_the_seeds(found, place, last):
    picture = list(scores.curves(found, "amzn"))[place]
    (axis,) = picture.figure.axes
    for line, skills in zip(axis.get_lines(), SKILLS.values(), strict=False):
        assert line.get_xdata()[-1] == pytest.approx(last)
        np.testing.assert_allclose(line.get_ydata()[[0, -1]], np.mean(skills) + np.array([-1.0, 0.0]))
    labels = [text.get_text() for text in picture.figure.legends[0].get_texts()]
    assert labels == ["ppo (3 seeds)", "a2c (2 seeds)", "dqn (2 seeds)"]
    assert axis.get_ylabel() == "skill (interquartile mean)"
    assert axis.get_ylim()[0] == scores.FLOOR


def test_where_there_is_no_skill_curves_are_of_the_objective(tmp_path):
    finished(tmp_path, "ppo", "amzn", 0, float("nan"))
    (axis,) = next(scores.curves(study(find([tmp_path]), {}), "amzn")).figure.axes
    assert axis.get_ylabel() == "objective (interquartile mean)"
    assert axis.get_lines()[0].get_ydata()[-1] == 3.0


def test_a_long_name_is_cut(found):
    assert scores.shortened("x" * 30, 10) == "x" * 9 + "…"
    assert scores.shortened("short", 10) == "short"
