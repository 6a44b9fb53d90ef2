"""tune: trials add up whoever does them, what fails or is killed does not stop a study, its best is an experiment."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import optuna
import pytest
from omegaconf import OmegaConf

from experiments import train, tune
from experiments.config.markets import build
from experiments.config.search_path import CONF
from experiments.config.space import distributions
from experiments.runs import jobs
from experiments.training.curve import Curve, read_curve
from experiments.training.pruning import Pruning
from tests.experiments.conftest import SMALL, launched
from tests.experiments.killed import run_and_kill
from tests.experiments.signalled import ROLLOUT, run_and_signal

TINY = (
    *SMALL, "watch.evaluations=2", "watch.episodes=50", "agent.num_envs=64", "agent.settings.batch_size=128",
    "agent.total_steps=3000", "agent.checkpoints=10",
)  # fmt: skip
FAILING = ("~space", "+space.agent.num_envs={choices:[0,64]}")
ONLY = ("~space", "+space.agent.settings.gae_lambda={low:0.2,high:0.9}")


@pytest.fixture(autouse=True)
def bars(monkeypatch):
    monkeypatch.setenv("TQDM_DISABLE", "1")


def options(folder, *more):
    return (*TINY, "study=tiny", f"folder={folder}", f"to={folder}/experiment/tiny.yaml", *more)


def tuned(folder, *more):
    """Run a worker: what it returned, and the study it left."""
    numbers = launched(tune.main, folder / "worker", *options(folder, *more))
    return numbers, study(folder)


def study(folder):
    return optuna.load_study(study_name="tiny", storage=tune.storage(str(folder / "journal.log")))


def states(found):
    return [trial.state.name for trial in found.trials]


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """The folder of a study of two trials."""
    folder = tmp_path_factory.mktemp("study")
    return folder, *tuned(folder, "trials=2", "seeds=[0,1]")


# a study


def test_a_trial_is_worth_the_mean_of_what_its_seeds_reached_and_the_best_is_returned(first):
    folder, numbers, found = first
    assert states(found) == ["COMPLETE", "COMPLETE"]
    for trial in found.trials:
        ends = [read_curve(folder / f"trial{trial.number}" / f"seed{seed}")[-1, 2] for seed in (0, 1)]
        assert trial.value == pytest.approx(np.mean(ends), rel=1e-12)
    assert numbers == [max(trial.value for trial in found.trials)]


def test_a_trial_lies_in_the_space_and_is_what_was_trained(first, composed):
    folder, _, found = first
    space = distributions(composed("tune"))
    for trial in found.trials:
        assert trial.distributions == space
        config = OmegaConf.load(folder / f"trial{trial.number}" / "seed1" / "config.yaml")
        for path, value in trial.params.items():
            assert space[path]._contains(space[path].to_internal_repr(value))
            assert OmegaConf.select(config, path) == value
        assert config.seed == 1


def test_each_training_tells_what_any_job_does(first):
    told = jobs.read(first[0] / "trial1" / "seed0")
    assert (told["status"], told["trial"], told["seed"], told["pruned"]) == ("finished", 1, 0, False)
    assert told["params"] == first[2].trials[1].params


def test_every_row_of_a_curve_is_reported_once_but_the_last_which_is_the_result(first):
    folder, _, found = first
    for trial in found.trials:
        for place in (0, 1):
            curve = read_curve(folder / f"trial{trial.number}" / f"seed{place}")[:-1, 2]
            reported = [trial.intermediate_values[4 * place + index] for index in range(len(curve))]
            assert reported == pytest.approx(curve.tolist())
        assert len(trial.intermediate_values) == 2 * len(curve)


def test_two_trials_differ(first):
    one, other = first[2].trials
    assert one.params != other.params


def test_the_best_is_an_experiment_that_composes_to_the_config_of_its_trial(first, composed):
    folder, _, found = first
    cfg = composed("train", "experiment=tiny", f"hydra.searchpath=[file://{folder}]")
    kept = OmegaConf.load(folder / f"trial{found.best_trial.number}" / "seed0" / "config.yaml")
    for part in ("market", "agent", "watch"):
        assert OmegaConf.to_container(cfg[part], resolve=True) == OmegaConf.to_container(kept[part])
    text = (folder / "experiment" / "tiny.yaml").read_text(encoding="utf-8")
    assert text.startswith("# @package _global_\n# the best trial of study tiny, number ")


def test_the_experiment_trains_to_what_the_trial_reached(first, launch):
    folder, _, found = first
    told, _ = launch(train.main, "--config-dir", str(folder), "experiment=tiny", "rivals=[]")
    best = folder / f"trial{found.best_trial.number}" / "seed0"
    np.testing.assert_array_equal(read_curve(told)[:, [0, 2, 3]], read_curve(best)[:, [0, 2, 3]])


def test_a_study_that_has_its_trials_is_left_alone_and_one_asked_for_more_goes_on(first):
    folder, numbers, found = first
    again, same = tuned(folder, "trials=2", "seeds=[0,1]")
    assert again == numbers
    assert len(same.trials) == len(found.trials)
    _, longer = tuned(folder, "trials=3", "seeds=[0,1]")
    assert states(longer) == ["COMPLETE"] * 3


# several workers, killed ones, failing trials


@pytest.mark.slow
def test_two_workers_at_once_share_the_trials_of_one_study(tmp_path):
    command = [sys.executable, "-m", "experiments.tune", *options(tmp_path, *ONLY, "trials=5")]
    workers = [
        subprocess.Popen(command, cwd=CONF.parent, stdout=subprocess.PIPE, text=True, encoding="utf-8")
        for _ in range(2)
    ]
    said = [worker.communicate()[0] for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0]
    found = study(tmp_path)
    assert states(found) == ["COMPLETE"] * 5
    done = sorted(int(line.split()[1][:-1]) for text in said for line in text.splitlines() if line.startswith("trial "))
    assert done == [0, 1, 2, 3, 4]  # each by one of them
    assert len(list((tmp_path / "workers").iterdir())) == 2


def test_a_trial_whose_worker_was_killed_is_taken_over_from_its_checkpoint_to_the_same_end(tmp_path):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    numbers, _ = tuned(whole, *ONLY, "trials=1")
    run_and_kill("tune", 1, *options(broken, *ONLY, "trials=1"))
    assert states(study(broken)) == ["RUNNING"]
    assert jobs.read(broken / "trial0" / "seed0")["status"] == "running"
    again, found = tuned(broken, *ONLY, "trials=1")
    assert again == numbers
    assert states(found) == ["FAIL", "COMPLETE"]
    assert found.trials[1].params == found.trials[0].params
    assert jobs.read(broken / "trial0" / "seed0")["attempts"] == 2
    assert not (broken / "trial1").exists()


def test_a_trial_that_fails_is_recorded_with_the_reason_and_the_study_goes_on(tmp_path):
    numbers, found = tuned(tmp_path, *FAILING, "trials=4")
    assert {trial.params["agent.num_envs"]: trial.state.name for trial in found.trials} == {0: "FAIL", 64: "COMPLETE"}
    assert len(found.trials) == 4
    failed = next(trial for trial in found.trials if trial.state.name == "FAIL")
    assert "num_envs must be a whole number" in failed.user_attrs["error"]
    assert jobs.read(tmp_path / f"trial{failed.number}" / "seed0")["status"] == "failed"
    assert numbers == [found.best_value]


def test_a_trial_that_shows_too_little_is_pruned_before_its_end(tmp_path):
    hopeless = ("~pruner", "+pruner={_target_:optuna.pruners.ThresholdPruner,lower:2.0}")
    with pytest.raises(SystemExit, match=r"none of the 1 trials of study tiny was completed: \['pruned'\]"):
        tuned(tmp_path, *ONLY, "trials=1", *hopeless)
    assert states(study(tmp_path)) == ["PRUNED"]
    told = jobs.read(tmp_path / "trial0" / "seed0")
    assert (told["status"], told["pruned"]) == ("finished", True)
    assert not (tmp_path / "trial0" / "seed0" / "model.zip").exists()
    assert not (tmp_path / "experiment").exists()


def test_a_database_holds_a_study_too(tmp_path):
    storage = f"storage=sqlite:///{tmp_path}/study.db"
    launched(tune.main, tmp_path / "worker", *options(tmp_path, *ONLY, "trials=1", storage))
    found = optuna.load_study(study_name="tiny", storage=tune.storage(f"sqlite:///{tmp_path}/study.db"))
    assert states(found) == ["COMPLETE"]
    opened = [link.resolve() for link in Path("/proc/self/fd").glob("*")]  # empty where there is no such folder
    assert tmp_path / "study.db" not in opened, "a connection was left open"


# mistakes


@pytest.mark.parametrize(("overrides", "message"), [
    (["trials=0"], "trials must be a whole number"),
    (["storage='sqlite:///:memory:'"], "storage must be a file or a database, got sqlite:///:memory:"),
    (["storage='sqlite+pysqlite://'"], "storage must be a file or a database, got sqlite+pysqlite://"),
    (["~space", "+space.agent.nothing={low:0,high:1}"], "space must name parameters of the config, got agent.nothing"),
    (["~space", "+space.agent.noise={low:0}"], "space.agent.noise must have low and high, or choices, got"),
    (["~space", "+space.agent.noise={low:2,high:1}"], "space.agent.noise must have low and high, or choices, got"),
    (["~space", "+space.agent.noise=3"], "must have low and high, or choices, got"),
    (["~market.reward.phi", "reward@market.reward=cara"], "overrides must leave nothing out"),
    (["agent=dqn", "+space.agent.noise={low:0.0,high:1.0}"], "DQN needs a grid of actions"),
])  # fmt: skip
def test_a_study_that_cannot_be_is_refused_before_any_trial(refused, tmp_path, overrides, message):
    assert message in refused(tune.main, *options(tmp_path), *overrides)
    assert not (tmp_path / "journal.log").exists()


def test_a_strategy_has_nothing_to_tune(refused, tmp_path):
    assert "space must name a parameter to tune" in refused(tune.main, "agent=glft", f"folder={tmp_path}")
    given = "+space.agent.gamma={low:0.1,high:1.0}"
    assert "agent must be a learner such as ppo" in refused(tune.main, "agent=glft", given, f"folder={tmp_path}")


def test_another_config_needs_another_study(first):
    with pytest.raises(SystemExit, match="study must be a new name where the config is another, got tiny again"):
        tuned(first[0], "trials=2", "seeds=[0,1]", "market.price.sigma=0.3")


def test_a_file_that_is_no_studys_is_not_overwritten(refused, tmp_path):
    (tmp_path / "mine.yaml").write_text("# my own\n", encoding="utf-8")
    said = refused(tune.main, *TINY, f"folder={tmp_path}", f"to={tmp_path}/mine.yaml")
    assert "to must name a new experiment" in said
    assert (tmp_path / "mine.yaml").read_text(encoding="utf-8") == "# my own\n"


@pytest.mark.parametrize(
    "data", [b"", b'{"op_code": 0, "wor', bytes(range(256)), b"[1]\n"], ids=["empty", "cut", "noise", "other"]
)
@pytest.mark.parametrize("where", ["journal.log", "study.db"])
def test_a_storage_that_is_damaged_is_named_in_one_line(first, tmp_path, data, where):
    """What is empty is a study that begins; what was cut off in a write of its own the journal passes over."""
    (tmp_path / where).write_bytes(data)
    place = f"sqlite:///{tmp_path / where}" if where == "study.db" else str(tmp_path / where)
    if data in (b"", b'{"op_code": 0, "wor') and (where == "journal.log" or not data):
        return
    with pytest.raises(
        SystemExit, match=rf"error: storage {place} cannot be read: if it was damaged, put a copy of it back"
    ):
        tuned(tmp_path, "trials=1", f"storage={place}")


@pytest.mark.slow
def test_an_interrupted_trial_is_taken_over_by_the_same_command(tmp_path):
    code, said, _ = run_and_signal("tune", "SIGTERM", ROLLOUT, 1, *options(tmp_path, "trials=1"))
    assert (code, said) == (130, ["interrupted: the same command goes on with the study"])
    assert states(study(tmp_path)) == ["RUNNING"]
    assert jobs.read(tmp_path / "trial0" / "seed0")["status"] == jobs.INTERRUPTED
    _, found = tuned(tmp_path, "trials=1")
    assert states(found) == ["FAIL", "COMPLETE"]
    assert found.trials[0].params == found.trials[1].params


# the parts


class Trial:
    """Remembers what is reported."""

    def __init__(self):
        self.told = []

    def report(self, value, step):
        self.told.append((step, value))

    def should_prune(self):
        return len(self.told) >= 3


def test_pruning_reports_skill_or_else_objective_and_ends_the_training_when_told_to(tmp_path):
    curve, trial = Curve(tmp_path, 0), Trial()
    pruning = Pruning(trial, tmp_path, 10)
    curve.write(0, 0.5, 7.0)
    pruning._on_rollout_start()
    pruning._on_rollout_start()
    curve.write(100, None, 8.0)
    pruning._on_rollout_start()
    assert trial.told == [(10, 0.5), (11, 8.0)]
    curve.write(200, 0.7, 9.0)
    with pytest.raises(optuna.TrialPruned):
        pruning._on_rollout_start()


@pytest.mark.parametrize("name", sorted(path.stem for path in (CONF / "space").glob("*.yaml")))
def test_a_space_is_of_parameters_of_its_agent_whose_defaults_it_holds(composed, name):
    cfg = composed("tune", f"agent={name}")
    for path, distribution in distributions(cfg).items():
        assert distribution._contains(distribution.to_internal_repr(OmegaConf.select(cfg, path))), path
    assert type(build(cfg.pruner)).__name__ == "MedianPruner"


def test_a_choice_may_be_a_list(tmp_path):
    nets = "+space.agent.settings.policy_kwargs.net_arch={choices:[[8],[16,16]]}"
    _, found = tuned(tmp_path, "~space", nets, "trials=1")
    config = OmegaConf.load(tmp_path / "trial0" / "seed0" / "config.yaml")
    chosen = OmegaConf.to_container(config.agent.settings.policy_kwargs.net_arch)
    assert chosen in ([8], [16, 16])
    assert str(chosen) == found.trials[0].params["agent.settings.policy_kwargs.net_arch"]
