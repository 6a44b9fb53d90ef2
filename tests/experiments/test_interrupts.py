"""Ctrl-C and SIGTERM: one line, a checkpoint, status interrupted, exit code 130; and it goes on to the same bits."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from experiments import compare, train
from experiments.config.agents import load_run
from experiments.config.markets import build_market
from experiments.config.stored import run_config
from experiments.reporting.runs import INTERRUPTED, read
from experiments.runs import jobs
from experiments.runs.sweeps import standing
from tests.experiments.conftest import SMALL, launched, wait_for
from tests.experiments.signalled import ROLLOUT, run_and_signal

SHORT = ("rivals=[]", "watch.evaluations=2", "watch.episodes=50", "agent.num_envs=64", "agent.settings.batch_size=512")
TRAINING = (*SMALL, *SHORT, "agent.total_steps=5000", "agent.checkpoints=0")
ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def bars(monkeypatch):
    monkeypatch.setenv("TQDM_DISABLE", "1")


def weights(folder):
    policy = load_run(folder, build_market(run_config(folder)))
    return torch.nn.utils.parameters_to_vector(policy.model.policy.parameters()).detach().numpy()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    return folder, launched(train.main, folder, *TRAINING)


def test_a_training_leaves_one_line_and_a_checkpoint_and_goes_on_to_the_same_bits(undisturbed, tmp_path):
    folder = tmp_path / "a run = ü"
    code, said, _ = run_and_signal("train", "SIGTERM", ROLLOUT, 3, *TRAINING, f"hydra.run.dir='{folder}'")
    assert code == 130
    assert said == [f"interrupted: python -m experiments.train \"resume='{folder}'\" goes on"]
    told = jobs.read(folder)
    assert told["status"] == jobs.INTERRUPTED
    assert not {"error", "traceback"} & set(told)
    assert (folder / "checkpoint.pt").is_file()  # of that very moment: none was due
    assert not (folder / "model.zip").exists()
    known = read(folder)
    assert known.status == INTERRUPTED
    assert known.error == "it was interrupted, 0 of 5,000 steps done; it can go on from its checkpoint"  # by its curve
    assert launched(train.main, tmp_path / "hydras", f"resume='{folder}'") == undisturbed[1]
    np.testing.assert_array_equal(weights(folder), weights(undisturbed[0]))
    assert (folder / "table.csv").read_bytes() == (undisturbed[0] / "table.csv").read_bytes()


def test_a_second_signal_ends_it_at_once(tmp_path):
    code, said, _ = run_and_signal("train", "SIGINT,SIGINT", ROLLOUT, 2, *TRAINING, f"hydra.run.dir={tmp_path}")
    assert (code, said) == (130, ["interrupted at once"])
    assert standing(tmp_path) == ("interrupted", "it was killed")
    assert not (tmp_path / "checkpoint.pt").exists()


@pytest.mark.parametrize(("main", "where", "overrides"), [
    ("evaluate", "experiments.evaluation.show:evaluate_on_common_noise", ("agent=fixed_symmetric",)),
    ("compare", "experiments.evaluation.show:evaluate_on_common_noise", ("agents=[fixed_symmetric]",)),
])  # fmt: skip
def test_what_cannot_be_taken_up_ends_where_it_is(tmp_path, main, where, overrides):
    code, said, _ = run_and_signal(main, "SIGTERM", where, 1, *SMALL, *overrides, f"hydra.run.dir={tmp_path}")
    assert code == 130
    assert len(said) == 1
    assert said[0].startswith("interrupted: ")
    assert str(tmp_path) in said[0]
    assert jobs.read(tmp_path)["status"] == jobs.INTERRUPTED


def test_a_sweep_stops_and_says_how_it_goes_on(undisturbed, tmp_path):
    command = ("-m", "seed=0,1", *TRAINING, f"hydra.sweep.dir={tmp_path}", "hydra/hydra_logging=disabled")
    code, said, _ = run_and_signal("train", "SIGINT", ROLLOUT, 3, *command)
    assert code == 130
    assert said == [f"interrupted: the same command with hydra.sweep.dir={tmp_path} goes on"]
    (first,) = (path.parent for path in tmp_path.glob("*/metrics.json"))
    assert standing(first) == ("interrupted", "")
    assert launched(train.main, tmp_path, *command[:-2])[0] == undisturbed[1][0]
    assert sorted(standing(path.parent)[0] for path in tmp_path.glob("*/metrics.json")) == ["finished"] * 2
    np.testing.assert_array_equal(weights(first), weights(undisturbed[0]))


def _group(command, folder, seen, sent):
    """Send a signal to a command, or to all its processes, once `seen` is in `folder`; how it ended and what it said."""
    started = subprocess.Popen(
        [sys.executable, "-m", *command], cwd=ROOT, env={**os.environ, "TQDM_DISABLE": "1"}, stderr=subprocess.PIPE,
        stdout=subprocess.PIPE, text=True, encoding="utf-8", start_new_session=True,
    )  # fmt: skip
    try:
        wait_for(lambda: list(folder.rglob(seen)) or started.poll() is not None)
        os.killpg(started.pid, sent) if sent == signal.SIGINT else os.kill(started.pid, sent)
        _, said = started.communicate(timeout=120)
    finally:
        started.poll() is None and os.killpg(started.pid, signal.SIGKILL)
    shown = [line for line in said.splitlines() if line and "run/s]" not in line and not line.startswith("mm_env: ")]
    return started.returncode, shown


LONG = (*SMALL, "watch.evaluations=1", "watch.episodes=50", "hydra/hydra_logging=disabled")


@pytest.mark.slow
def test_workers_of_a_comparison_leave_checkpoints(tmp_path):
    learner = "{name: long, base: ppo, total_steps: 50000000, num_envs: 64, settings: {batch_size: 512}}"
    command = ["experiments.compare", *LONG, f"agents=[best_fixed,{learner}]", "seeds=[0,1,2]", "jobs=1"]
    code, said = _group([*command, f"hydra.run.dir={tmp_path}"], tmp_path, "curve.csv", signal.SIGTERM)
    assert (code, said) == (
        130,
        [f"interrupted: the same command with hydra.run.dir={tmp_path} goes on with what is not finished"],
    )
    assert jobs.read(tmp_path)["status"] == jobs.INTERRUPTED
    (begun,) = (path.parent for path in tmp_path.rglob("seed*/metrics.json"))
    assert jobs.read(begun)["status"] == jobs.INTERRUPTED
    assert (begun / "checkpoint.pt").is_file()


def test_workers_of_a_sweep_leave_checkpoints(tmp_path):
    training = (*LONG, *SHORT[:1], *SHORT[3:], "agent.total_steps=50000000")
    command = ["experiments.train", "-m", "seed=0,1,2", *training, "hydra/launcher=parallel", "hydra.launcher.n_jobs=1"]
    code, said = _group([*command, f"hydra.sweep.dir={tmp_path}"], tmp_path, "curve.csv", signal.SIGINT)
    assert (code, said) == (130, [f"interrupted: the same command with hydra.sweep.dir={tmp_path} goes on"])
    (begun,) = (path.parent for path in tmp_path.glob("*/metrics.json"))
    assert jobs.read(begun)["status"] == jobs.INTERRUPTED
    assert (begun / "checkpoint.pt").is_file()


def test_a_job_of_another_kind_is_not_called_failed(launch, tmp_path, monkeypatch, capsys):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("experiments.evaluation.show.evaluate_on_common_noise", interrupt)
    with pytest.raises(SystemExit) as ended:
        launch(compare.main, *SMALL, "agents=[fixed_symmetric]")
    assert ended.value.code == 130
    assert capsys.readouterr().err.startswith("interrupted: the same command with hydra.run.dir=")
