"""A sweep survives: what fails does not stop the rest, what is finished is skipped, what was under way goes on."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hydra.core.hydra_config import HydraConfig

from experiments import evaluate, train
from experiments.config.agents import load_run
from experiments.config.main import experiment
from experiments.config.markets import build_market
from experiments.config.search_path import CONF
from experiments.config.stored import run_config
from experiments.runs import jobs
from experiments.runs.sweeps import LONGEST, Sweep, standing, sub_folder
from mm_env.core.cores import usable_threads
from tests.experiments.conftest import SMALL, Keep, launched, rows
from tests.experiments.killed import run_and_kill

SHORT = ("rivals=[]", "watch.evaluations=2", "watch.episodes=50", "agent.num_envs=64", "agent.settings.batch_size=512")
TRAINING = (*SMALL, *SHORT, "agent.total_steps=5000", "agent.checkpoints=10")


@pytest.fixture(autouse=True)
def bars(monkeypatch):
    """Sweeps turn their workers' progress bars off in the environment: here it is put back."""
    monkeypatch.setenv("TQDM_DISABLE", "1")


def told(folder):
    """Name of a job's folder -> what its metrics say."""
    return {path.parent.name: jobs.read(path.parent) for path in sorted(folder.glob("*/metrics.json"))}


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """The folder of a sweep over two seeds that nothing disturbed, and what its jobs returned."""
    folder = tmp_path_factory.mktemp("swept")
    return folder, launched(train.main, folder, "-m", "seed=range(0,2)", *TRAINING)


def weights(folder):
    policy = load_run(folder, build_market(run_config(folder)))
    return torch.nn.utils.parameters_to_vector(policy.model.policy.parameters()).detach().numpy()


# what a job leaves


def test_a_range_of_seeds_is_a_job_each_in_a_folder_without_a_time(swept):
    folder, numbers = swept
    names = sorted(path.name for path in folder.iterdir() if path.is_dir())
    assert [name[-6:] for name in names] == ["_seed0", "_seed1"]
    assert len({name[:-6] for name in names}) == 1
    assert len(numbers) == 2


def test_a_job_tells_its_config_overrides_seed_commit_versions_time_and_every_figure(swept):
    for (name, facts), number in zip(told(swept[0]).items(), swept[1], strict=True):
        folder, table = swept[0] / name, rows(swept[0] / name)
        assert (facts["status"], facts["agent"], facts["market"]) == ("finished", "PPO", "cartea_jaimungal")
        assert f"seed={facts['seed']}" in facts["overrides"]
        assert facts["seed"] == run_config(folder).seed == int(name[-1])
        assert facts["seconds"] > 0.0
        assert {"commit", "dirty", "host", "pid", "started", "versions"} <= set(facts)
        assert facts["skill"] == facts["figures"]["skill"]
        assert number == facts["score"] == facts["skill"][0]
        assert set(facts["table"]) == set(table)
        for agent, row in table.items():
            for figure, known in facts["table"][agent].items():
                expected = [row[figure], row[f"{figure}_half_width"]]
                assert known == (None if np.isnan(expected[0]) else expected), (agent, figure)


def test_evaluate_tells_the_same_as_train(launch, swept):
    run = next(path for path in swept[0].iterdir() if path.is_dir())
    folder, numbers = launch(evaluate.main, f"run={run}", "episodes=400")
    there, here = jobs.read(run), jobs.read(folder)
    assert (here["status"], here["name"], here["market"]) == ("finished", "evaluate", "cartea_jaimungal")
    assert numbers == [here["score"]] == [there["score"]]
    assert {**here["figures"], "lead": 0} == {**there["figures"], "lead": 0}


# once more


def test_the_same_sweep_again_does_nothing_and_returns_the_same(swept):
    before = {path: path.stat().st_mtime_ns for path in swept[0].glob("*/*.*") if path.name != "multirun.yaml"}
    assert launched(train.main, swept[0], "-m", "seed=range(0,2)", *TRAINING) == swept[1]
    assert {path: path.stat().st_mtime_ns for path in before} == before


@pytest.mark.slow
def test_a_killed_sweep_goes_on_to_the_same_bits(swept, tmp_path):
    """Five rollouts a training, with a checkpoint between any two: the 6th checkpoint is the second job's second."""
    run_and_kill("train", 6, "-m", "seed=range(0,2)", *TRAINING, f"hydra.sweep.dir={tmp_path}")
    first, second = sorted(path for path in tmp_path.iterdir() if path.is_dir())
    assert standing(first) == ("finished", "")
    assert standing(second) == ("interrupted", "it was killed")
    assert not (second / "model.zip").exists()
    kept = (first / "model.zip").stat().st_mtime_ns
    assert launched(train.main, tmp_path, "-m", "seed=range(0,2)", *TRAINING) == swept[1]
    assert (first / "model.zip").stat().st_mtime_ns == kept
    assert (jobs.read(second)["status"], jobs.read(second)["attempts"]) == ("finished", 2)
    for path in (first, second):
        np.testing.assert_array_equal(weights(path), weights(swept[0] / path.name))
        assert (path / "table.csv").read_bytes() == (swept[0] / path.name / "table.csv").read_bytes()


@pytest.mark.slow
def test_a_folder_of_another_config_is_neither_skipped_nor_resumed(swept, launch):
    folder, numbers = launch(train.main, *TRAINING)
    assert numbers == swept[1][:1]
    changed = launched(train.main, folder, *TRAINING, "agent.settings.gae_lambda=0.9")
    fresh = launch(train.main, *TRAINING, "agent.settings.gae_lambda=0.9")[1]
    assert changed == fresh != numbers


# what goes wrong


def test_a_failing_job_is_reported_in_its_folder_and_at_the_end_and_the_others_go_on(tmp_path, capsys):
    with pytest.raises(SystemExit, match=r"^error: 1 of 2 jobs failed\n.*num_envs-0.*Learner.num_envs must be"):
        launched(train.main, tmp_path, "-m", "agent.num_envs=0,64", *[o for o in TRAINING if "num_envs" not in o])
    bad, good = told(tmp_path).values()
    assert (bad["status"], good["status"]) == ("failed", "finished")
    assert "Learner.num_envs must be a whole number" in bad["error"]
    assert "Traceback" in bad["traceback"]
    said = capsys.readouterr()
    assert "2 jobs in" in said.out
    assert "1 failed, 1 finished" in said.out
    assert "Learner.num_envs must be a whole number" in said.err


def test_a_failing_job_is_worth_nan_to_an_optimiser(tmp_path):
    with pytest.raises(SystemExit):
        launched(train.main, tmp_path, "-m", "agent.num_envs=0", "seed=0,1", *TRAINING[:-5])
    assert np.isnan(Keep.numbers).all()
    assert len(Keep.numbers) == 2


def test_a_job_whose_folder_is_taken_leaves_it_alone(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(jobs.locked.__wrapped__, "__defaults__", (0.0,))
    folder = tmp_path / "taken"
    with jobs.locked(folder):
        jobs.note(folder, status="running", host="elsewhere", pid=1)
        before = (folder / "metrics.json").read_bytes()
        with pytest.raises(SystemExit, match="another job \\(elsewhere, process 1\\) writes to"):
            launched(train.main, folder, *TRAINING)
        assert (folder / "metrics.json").read_bytes() == before
        assert not (folder / "config.yaml").exists()


# names of folders


def test_a_folder_is_named_by_overrides_and_seed():
    assert sub_folder("agent-ppo+market.price.sigma-0.2", 3) == "agent-ppo+market.price.sigma-0.2_seed3"
    assert sub_folder("", 0) == "seed0"


def test_what_is_no_name_or_too_long_for_one_gets_a_digest_that_tells_it_apart():
    names = [sub_folder(text, 0) for text in ("agents=[a/b]", "agents=[a_b]", "x=" + 300 * "a", "x=" + 301 * "a")]
    assert len(set(names)) == 4
    assert all("/" not in name and "[" not in name and len(name) <= LONGEST + 10 for name in names)
    assert names == [
        sub_folder(text, 0) for text in ("agents=[a/b]", "agents=[a_b]", "x=" + 300 * "a", "x=" + 301 * "a")
    ]


# launchers


def surroundings(cfg):
    """Note what a job of a launcher may use of the machine, and who runs it."""
    folder = HydraConfig.get().runtime.output_dir
    threads = {"torch": torch.get_num_threads(), "lanes": usable_threads(), "openmp": os.environ.get("OMP_NUM_THREADS")}
    jobs.note(Path(folder), threads=threads, process=os.getpid())
    return float(cfg.seed)


noting = experiment("train")(surroundings)


def test_workers_of_one_machine_share_its_threads_and_their_folders_are_told(tmp_path, monkeypatch):
    for name in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    launched(noting, tmp_path, "-m", "seed=0,1", "hydra/launcher=parallel", "hydra.launcher.n_jobs=2")
    share = max(1, (os.cpu_count() or 1) // 2)
    for facts in told(tmp_path).values():
        assert facts["status"] == "finished"
        assert facts["threads"] == {"torch": share, "lanes": share, "openmp": str(share)}
        assert facts["process"] != os.getpid()


@pytest.mark.slow
def test_slurms_launcher_runs_here_with_one_thread_a_job_and_not_all_at_once(tmp_path):
    options = ("hydra/launcher=slurm_local", "hydra.sweeper.max_batch_size=1")
    launched(noting, tmp_path, "-m", "seed=0,1", *options)
    first, second = told(tmp_path).values()
    for facts in (first, second):
        assert facts["status"] == "finished"
        assert facts["threads"] == {"torch": 1, "lanes": 1, "openmp": "1"}
    assert first["process"] != second["process"]
    ends = (tmp_path / name / "metrics.json" for name in told(tmp_path))
    assert next(ends).stat().st_mtime < (tmp_path / list(told(tmp_path))[1] / "config.yaml").stat().st_mtime


def test_slurms_launcher_here_starts_as_many_as_there_are_cores(composed):
    cfg = composed("train", "hydra/launcher=slurm_local", return_hydra_config=True)
    Sweep().on_multirun_start(cfg)
    assert cfg.hydra.sweeper.max_batch_size == os.cpu_count()
    chosen = composed("train", "hydra/launcher=slurm_local", "hydra.sweeper.max_batch_size=7", return_hydra_config=True)
    Sweep().on_multirun_start(chosen)
    assert chosen.hydra.sweeper.max_batch_size == 7


@pytest.mark.parametrize("name", sorted(path.stem for path in (CONF / "hydra" / "launcher").glob("*.yaml")))
def test_a_launchers_yaml_composes_with_a_main(composed, name):
    cfg = composed("train", f"hydra/launcher={name}", return_hydra_config=True)
    assert cfg.hydra.launcher._target_.startswith("hydra_plugins.")


def test_slurm_is_asked_for_what_its_yaml_says(composed):
    """Submitit accepts every parameter: the batch script, without a cluster to send it to."""
    from hydra_plugins.hydra_submitit_launcher.config import BaseQueueConf
    from omegaconf import OmegaConf
    from submitit.slurm.slurm import SlurmExecutor, _make_sbatch_string

    cfg = composed("train", "hydra/launcher=slurm", "hydra.launcher.partition=long", return_hydra_config=True)
    asked = OmegaConf.to_container(cfg.hydra.launcher, resolve=False)
    assert isinstance(asked, dict)
    asked = {name: value for name, value in asked.items() if name not in ("_target_", "submitit_folder")}
    valid = (
        set(SlurmExecutor._valid_parameters()) | set(OmegaConf.structured(BaseQueueConf)) | {"max_num_timeout", "setup"}
    )
    assert set(asked) <= valid
    script = _make_sbatch_string("true", "folder", partition=asked["partition"], time=asked["timeout_min"])
    assert "#SBATCH --partition=long" in script


@pytest.mark.slow
@pytest.mark.parametrize("launcher", ["parallel", "slurm_local"])
def test_a_launcher_makes_no_difference_to_the_bits(swept, tmp_path, launcher):
    launched(train.main, tmp_path, "-m", "seed=range(0,2)", *TRAINING, f"hydra/launcher={launcher}")
    for name, facts in told(swept[0]).items():
        assert told(tmp_path)[name]["table"] == facts["table"]
        np.testing.assert_array_equal(weights(tmp_path / name), weights(swept[0] / name))


def test_a_sweep_ends_with_a_failure_for_the_shell(tmp_path):
    command = [sys.executable, "-m", "experiments.train", "-m", "seed=0,-1", *TRAINING, f"hydra.sweep.dir={tmp_path}"]
    ended = subprocess.run(command, cwd=CONF.parent, capture_output=True, text=True, check=False, encoding="utf-8")
    assert ended.returncode == 1
    assert ended.stderr.strip().splitlines()[-1].endswith("seed must be a whole number in [0, 2^63), got -1")
    assert sorted(facts["status"] for facts in told(tmp_path).values()) == ["failed", "finished"]
