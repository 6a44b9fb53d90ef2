"""A job's folder: nobody else's while it runs, and afterwards it tells what came of it."""

import json
import os
import signal
import subprocess
import sys
import time
from multiprocessing import get_context
from pathlib import Path

import pytest

from experiments.runs import jobs
from experiments.runs.provenance import commit, provenance, versions
from mm_env.metrics import Estimate
from tests.experiments.conftest import wait_for

ROOT = Path(__file__).parents[2]
HOLD = "import sys, time; from pathlib import Path; from experiments.runs import jobs"


def hold(folder):
    """Have the folder until killed: what a worker of a test does."""
    jobs.end_with_parent(every=0.05)
    with jobs.locked(folder):
        (folder / "held").touch()
        time.sleep(600.0)


# the lock


def test_a_folder_is_one_jobs_at_a_time_and_free_after(tmp_path):
    with jobs.locked(tmp_path):
        assert jobs.is_locked(tmp_path)
        with pytest.raises(jobs.Busy, match="writes to"), jobs.locked(tmp_path, patience=0.0):
            pass
    assert not jobs.is_locked(tmp_path)


def test_a_job_that_raises_lets_go(tmp_path):
    with pytest.raises(RuntimeError), jobs.locked(tmp_path):
        raise RuntimeError
    assert not jobs.is_locked(tmp_path)


def test_a_killed_process_lets_go_and_who_had_it_is_named(tmp_path):
    code = f"{HOLD}\nwith jobs.locked(Path(sys.argv[1])), jobs.noted(Path(sys.argv[1])): time.sleep(600)"
    holder = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT)
    try:
        wait_for(lambda: jobs.read(tmp_path))
        with pytest.raises(jobs.Busy, match=f"process {holder.pid}"), jobs.locked(tmp_path, patience=0.0):
            pass
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    assert not jobs.is_locked(tmp_path)
    assert jobs.read(tmp_path)["status"] == jobs.RUNNING  # it had no chance to say otherwise


def test_a_worker_ends_when_its_parent_is_killed(tmp_path):
    code = (
        "import sys, time\nfrom multiprocessing import get_context\nfrom pathlib import Path\n"
        "from tests.experiments.test_jobs import hold\n"
        "if __name__ == '__main__':\n"
        "    get_context('spawn').Process(target=hold, args=(Path(sys.argv[1]),)).start()\n"
        "    time.sleep(600)\n"
    )
    script = tmp_path / "parent.py"
    script.write_text(code, encoding="utf-8")
    parent = subprocess.Popen([sys.executable, script, str(tmp_path)], env={**os.environ, "PYTHONPATH": str(ROOT)})
    try:
        wait_for((tmp_path / "held").is_file)
        assert jobs.is_locked(tmp_path)
    finally:
        parent.kill()
        parent.wait()
    wait_for(lambda: not jobs.is_locked(tmp_path))


def test_a_worker_whose_parent_lives_goes_on(tmp_path):
    worker = get_context("spawn").Process(target=hold, args=(tmp_path,))
    worker.start()
    wait_for((tmp_path / "held").is_file)
    time.sleep(0.3)  # several looks at its parent
    assert worker.is_alive()
    worker.kill()
    worker.join()


# what is noted


def test_a_job_is_noted_as_running_then_finished(tmp_path):
    with jobs.noted(tmp_path, seed=3):
        assert jobs.read(tmp_path)["status"] == jobs.RUNNING
        jobs.note(tmp_path, skill=Estimate(0.5, float("nan")))
    told = jobs.read(tmp_path)
    assert (told["status"], told["seed"], told["attempts"], told["skill"]) == (jobs.FINISHED, 3, 1, [0.5, None])
    assert told["seconds"] >= 0.0
    assert set(provenance()) <= set(told)


def test_a_job_that_raises_is_noted_as_failed_with_the_reason(tmp_path):
    with pytest.raises(ValueError, match="kappa"), jobs.noted(tmp_path):
        raise ValueError("kappa must be > 0, got -1")
    told = jobs.read(tmp_path)
    assert (told["status"], told["error"]) == (jobs.FAILED, "kappa must be > 0, got -1")
    assert "test_jobs.py" in told["traceback"]
    with jobs.noted(tmp_path):
        pass
    again = jobs.read(tmp_path)
    assert (again["status"], again["attempts"]) == (jobs.FINISHED, 2)
    assert "error" not in again


def test_metrics_are_json_to_the_letter(tmp_path):
    jobs.note(tmp_path, a=float("inf"), b=[float("nan"), 1.5], c={"d": None})

    def refuse(constant):
        raise AssertionError(constant)

    text = (tmp_path / jobs.METRICS).read_text(encoding="utf-8")
    assert json.loads(text, parse_constant=refuse) == {"a": None, "b": [None, 1.5], "c": {"d": None}}


def test_another_config_does_not_inherit_what_a_folder_holds(tmp_path):
    jobs.adopt(tmp_path, "seed: 0\n")
    (tmp_path / "checkpoint.pt").touch()
    with jobs.noted(tmp_path):
        pass
    jobs.adopt(tmp_path, "seed: 0\n")
    assert (tmp_path / "checkpoint.pt").is_file()
    assert jobs.is_finished(tmp_path, "seed: 0\n")
    jobs.adopt(tmp_path, "seed: 1\n")
    assert not (tmp_path / "checkpoint.pt").is_file()
    assert not jobs.is_finished(tmp_path, "seed: 1\n")


def test_the_leftovers_are_called_what_their_writers_call_them():
    from agents.learning.learner import CHECKPOINT
    from experiments.training.curve import CURVE

    assert {CHECKPOINT, CURVE} <= set(jobs.LEFTOVERS)


# where it comes from


def test_the_commit_is_that_of_this_checkout():
    ended = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False, encoding="utf-8"
    )
    assert commit() == (ended.stdout.strip() if ended.returncode == 0 else None)


def test_a_folder_inside_another_checkout_is_not_taken_for_this_one(tmp_path, monkeypatch):
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    (tmp_path / "site-packages").mkdir()
    monkeypatch.setattr("experiments.runs.provenance.ROOT", tmp_path / "site-packages")
    assert (provenance()["commit"], provenance()["dirty"]) == (None, None)


def test_versions_are_those_installed():
    import torch

    released = torch.__version__.split("+")[0]  # what a build for a GPU adds to it stands in no wheel's metadata
    assert versions()["torch"].split("+")[0] == released
    assert versions()["python"] == sys.version.split()[0]
