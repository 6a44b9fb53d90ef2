"""Time to skill: when a training first had a skill, its watching left out, and the table of medians and worst seeds."""

import math
import time
from types import SimpleNamespace

import pytest

from agents.learning.learner import Learner
from experiments import time_to_skill
from experiments.speed.time_to_skill import Reached, Watch, table_of

FOUND = [
    Reached("amzn", "slow", seed, seconds, 1_000_000, 50.0, 0.98)
    for seed, seconds in enumerate([(10.0, 20.0), (12.0, math.nan), (8.0, 30.0)])
] + [Reached("amzn", "fast", seed, (2.0 + seed, 4.0), 1_000_000, 5.0, 0.99) for seed in range(3)]


def test_the_table_has_the_median_the_worst_seed_and_the_share_of_the_first():
    table = table_of("", FOUND, [0.95, 0.99])
    slow, fast = (dict(zip(table.headings, row, strict=True)) for row in table.rows)
    assert slow["s to 0.95, median (worst)"] == "10.0 (12.0)"
    assert slow["s to 0.99, median (worst)"] == "30.0 (never)"
    assert fast["s to 0.95, median (worst)"] == "3.0 (4.0)"
    assert [row[3] for row in table.rows] == ["1.00", "0.30"]
    assert (slow["lane-steps a second"], fast["lane-steps a second"]) == ("20,000", "200,000")
    assert FOUND[1].line.split(",")[3:5] == ["12.000", "nan"]


def watched(skills, steps=(100, 200, 300), wanted=(0.5, 0.9)):
    """A watch that looked after each of `steps`, at a model of these skills; evaluating takes a tenth of a second."""
    left = iter(skills)

    def exact_skill(_):
        until = time.process_time() + 0.1
        while time.process_time() < until:
            pass
        return next(left)

    watch = Watch(SimpleNamespace(exact_skill=exact_skill), wanted, 100)  # type: ignore[arg-type]
    watch.model = SimpleNamespace(get_env=lambda: None, get_vec_normalize_env=lambda: None, policy=None)  # type: ignore
    going_on = []
    for watch.num_timesteps in steps:
        watch._on_rollout_start()
        going_on.append(watch._on_step())
    return watch, going_on


def test_the_first_time_counts_and_the_last_skill_ends_it(monkeypatch):
    monkeypatch.setattr("experiments.speed.time_to_skill.TrainedPolicy", lambda model: model)
    watch, going_on = watched([0.6, 0.4, 0.95])
    assert going_on == [True, True, False]
    first, last = watch.seconds
    assert 0.0 < first < last < 0.05  # of 0.3 s that went into evaluations
    assert watch.skill == 0.95


def test_what_is_never_reached_is_nan_and_a_skill_that_is_not_known_is_refused(monkeypatch):
    monkeypatch.setattr("experiments.speed.time_to_skill.TrainedPolicy", lambda model: model)
    watch, going_on = watched([0.1, 0.2, 0.3])
    assert all(going_on)
    assert all(math.isnan(seconds) for seconds in watch.seconds)
    with pytest.raises(ValueError, match="is not known exactly"):
        watched([None])


@pytest.mark.parametrize(("option", "why"), [
    ("agents=[]", "agents must be a list"), ("skills=[1.2]", "skills must be numbers < 1"),
    ("agents=[glft]", "agents must be learners"), ("evaluations=0", "evaluations must be"),
    ("markets=[amzon]", "amzon"), ("markets=[]", "markets must be a list with at least one entry"),
    ("+market@composed.amzn=amzn", "composed must have names that markets has not, got amzn in both"),
])  # fmt: skip
def test_what_cannot_be_is_refused(refused, option, why):
    assert why in refused(time_to_skill.main, option)


def test_a_market_may_be_composed_of_parts(launch):
    grid = ["+market@composed.grid=cartea_jaimungal", "quote@composed.grid.quote=grid", "composed.grid.quote.skews=5"]
    one = "[{name: short, base: dqn, total_steps: 256, settings: {learning_starts: 128, batch_size: 16}}]"
    options = ("markets=[]", *grid, f"agents={one}", "seeds=[0]", "skills=[0.99]", "evaluations=1")
    folder, _ = launch(time_to_skill.main, *options)
    market, agent, seed, never, *_ = (folder / "reached.csv").read_text(encoding="utf-8").splitlines()[1].split(",")
    assert (market, agent, seed, never) == ("grid", "short", "0", "nan")


def test_what_is_done_is_kept_when_a_later_training_fails(launch, tmp_path, monkeypatch):
    one = "[{name: short, base: ppo, total_steps: 64, num_envs: 4, settings: {n_steps: 4, batch_size: 16}}]"
    train = Learner.train

    def failing(self, market, seed, *others):
        if seed == 7:
            raise RuntimeError("the power went")
        return train(self, market, seed, *others)

    monkeypatch.setattr(Learner, "train", failing)
    with pytest.raises((RuntimeError, SystemExit)):
        launch(time_to_skill.main, "markets=[cartea_jaimungal]", f"agents={one}", "seeds=[3,7]", "evaluations=1")
    (kept,) = tmp_path.rglob("reached.csv")
    assert [line.split(",")[2] for line in kept.read_text(encoding="utf-8").splitlines()] == ["seed", "3"]
