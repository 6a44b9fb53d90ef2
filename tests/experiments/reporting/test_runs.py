"""Runs are found wherever they are, and how each ended is read from what it left."""

import math

import numpy as np
import pytest
from filelock import FileLock

from experiments.reporting.files import read_table
from experiments.reporting.runs import FAILED, FINISHED, INTERRUPTED, RUNNING, find, read, strategies
from mm_env.metrics import Estimate
from tests.experiments.reporting.folders import config, finished, folder_of, write_table

CURVE = [(0, 0.0, -1.0, 1.0), (50, 2.5, 0.25, 2.0)]


def test_a_finished_job_is_read_from_its_metrics(tmp_path):
    told = {"name": "train", "status": "finished", "agent": "PPO", "market": "title", "seed": 7, "seconds": 60.0,
            "skill": [0.5, 0.1], "objective": [1.5, 0.2], "figures": {"profit": [2.0, 0.3], "sharpe": None}}  # fmt: skip
    run = read(folder_of(tmp_path / "job", 7, metrics=told))
    assert (run.market, run.agent, run.seed, run.status, run.error) == ("amzn", "ppo", 7, FINISHED, "")
    assert (run.skill, run.objective, run.seconds) == (0.5, 1.5, 60.0)
    assert run.figures["profit"] == Estimate(2.0, 0.3)
    assert math.isnan(run.figures["sharpe"].value)


def test_the_exact_skill_and_the_seconds_of_training_are_the_curves(tmp_path):
    told = {"name": "train", "status": "finished", "seed": 0, "seconds": 60.0, "skill": [0.5, 0.1]}
    run = read(folder_of(tmp_path / "job", metrics=told, curve=CURVE))
    assert (run.skill, run.seconds, run.objective) == (0.25, 2.5, 2.0)
    np.testing.assert_array_equal(run.curve, CURVE)


def test_where_the_curve_has_no_skill_it_is_the_simulated_one(tmp_path):
    curve = [(50, 2.5, "nan", 2.0)]
    run = read(folder_of(tmp_path / "job", curve=curve, model=True, table={"PPO": (1.0, 0.75, 2.0, 3.0)}))
    assert (run.skill, run.objective) == (0.75, 1.0)


def test_a_run_without_metrics_is_finished_if_its_model_is_there(tmp_path):
    run = read(folder_of(tmp_path / "job", 3, curve=CURVE, model=True, table={"PPO": (1.0, 0.3, 2.0, 3.0)}))
    assert (run.seed, run.status, run.objective) == (3, FINISHED, 1.0)
    assert run.figures["sharpe"] == Estimate(3.0, 0.1)


def test_a_failed_run_says_why_by_the_last_line_of_its_error(tmp_path):
    told = {"status": "failed", "seed": 1, "error": "Traceback:\n  File\nValueError: sigma must be > 0, got -1\n"}
    run = read(folder_of(tmp_path / "job", metrics=told, curve=CURVE))
    assert (run.status, run.error) == (FAILED, "ValueError: sigma must be > 0, got -1")
    assert not run.finished


def test_a_failed_run_that_says_nothing_is_explained_by_its_log(tmp_path):
    folder = folder_of(tmp_path / "job", metrics={"status": "failed"})
    (folder / "train.log").write_text("warning\nOutOfMemory: 3 GiB\n\n", encoding="utf-8")
    assert read(folder).error == "OutOfMemory: 3 GiB"


@pytest.mark.parametrize("metrics", [None, {"status": "running"}])
def test_a_run_that_was_killed_says_how_far_it_came(tmp_path, metrics):
    run = read(folder_of(tmp_path / "job", metrics=metrics, curve=CURVE))
    assert (run.status, run.error) == (INTERRUPTED, "it runs still or was killed, 50 of 100 steps done")
    folder = folder_of(tmp_path / "other", metrics=metrics)
    (folder / "train.log").write_text("Killed\n", encoding="utf-8")
    assert read(folder).error == "it runs still or was killed, 0 of 100 steps done; last word: Killed"


def test_a_lock_tells_who_runs_still_from_who_was_killed(tmp_path):
    folder = folder_of(tmp_path / "job", metrics={"status": "running"}, curve=CURVE)
    with FileLock(folder / ".lock"):
        run = read(folder)
        assert (run.status, run.error) == (RUNNING, "50 of 100 steps done")
    (folder / "checkpoint.pt").touch()
    run = read(folder)
    killed = "it was killed, 50 of 100 steps done; it can go on from its checkpoint"
    assert (run.status, run.error) == (INTERRUPTED, killed)


@pytest.mark.parametrize(("name", "text"), [
    ("metrics.json", '{"status": "finis'),
    ("curve.csv", "steps,seconds,skill,objective\n0,0.0,0.1,1.0\n50,1."),
    ("table.csv", "agent,skill,skill_half_width\nPPO,0."),
    ("config.yaml", "agent: {algorithm: PPO"),
])  # fmt: skip
def test_a_file_that_was_cut_off_stops_nobody(tmp_path, name, text):
    folder = folder_of(tmp_path / "job", curve=CURVE)
    (folder / name).write_text(text, encoding="utf-8")
    assert [run.status for run in find([tmp_path])] == [INTERRUPTED]


def test_a_run_that_died_before_it_wrote_its_config_is_found_by_hydras(tmp_path):
    folder = folder_of(tmp_path / "job", own={})
    (folder / ".hydra" / "config.yaml").write_text(
        "name: train\nseed: 4\nagent: {algorithm: PPO, total_steps: 9}\n", encoding="utf-8"
    )
    (run,) = find([tmp_path])
    assert (run.agent, run.seed, run.status) == ("ppo", 4, INTERRUPTED)


def test_runs_are_found_below_any_path_and_once(tmp_path):
    for i in range(3):
        finished(tmp_path / "sweep", "ppo", "amzn", i, 0.5)
    one = tmp_path / "sweep" / "amzn_ppo_1"
    (one / "training_1").mkdir()
    assert [run.seed for run in find([tmp_path, one, tmp_path / "sweep"])] == [0, 1, 2]


def test_jobs_of_other_mains_are_no_runs(tmp_path):
    folder_of(
        tmp_path / "one", own={**config(), "name": "evaluate"}, metrics={"name": "evaluate", "status": "finished"}
    )
    folder_of(tmp_path / "two", own={"name": "compare", "seed": 1}, metrics={"name": "compare", "status": "finished"})
    assert find([tmp_path]) == []


def test_a_path_that_is_no_folder_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"PATH must be a folder of runs, got .*nowhere"):
        find([tmp_path / "nowhere"])


def test_trainings_of_a_comparison_are_called_by_their_folders(tmp_path):
    whole = {key: value for key, value in config(2).items() if key not in ("name", "title")}
    path = tmp_path / "amzn" / "wide nets" / "seed2"
    folder_of(path, choices=None, own=whole, curve=CURVE, model=True)
    write_table(tmp_path / "amzn", {"wide nets, seed 2": (5.0, 0.4, 2.0, 3.0), "glft": (6.0, 0.9, 2.0, 3.0)})
    (run,) = find([tmp_path])
    assert (run.market, run.agent, run.seed, run.objective) == ("amzn", "wide nets", 2, 5.0)
    assert strategies([run], [tmp_path]) == {(run.folder, "amzn", "glft"): Estimate(0.9, 0.1)}


def test_strategies_are_the_rows_beside_the_run_and_those_of_a_comparison(tmp_path):
    table = {"PPO": (1.0, 0.7, 2.0, 3.0), "glft": (1.0, 0.9, 2.0, 3.0)}
    run = read(finished(tmp_path, "ppo", "amzn", 0, 0.5, table=table))
    folder_of(tmp_path / "compare", own={"name": "compare"}, choices=("aapl", ""), table={"glft": (1.0, 0.8, 2.0, 3.0)})
    found = strategies([run], [tmp_path])
    assert found == {(run.folder, "amzn", "glft"): Estimate(0.9, 0.1), (None, "aapl", "glft"): Estimate(0.8, 0.1)}


def test_a_table_that_is_not_there_has_no_rows(tmp_path):
    assert read_table(tmp_path / "table.csv") == {}
