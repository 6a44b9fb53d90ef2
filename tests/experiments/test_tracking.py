"""Trackers beside TensorBoard get the same scalars and the config, offline, and a training that goes on is the same run."""

import json

import numpy as np
import pytest
from omegaconf import OmegaConf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from experiments import train
from experiments.tracking.known import known_id
from experiments.tracking.loggers import check_loggers
from experiments.tracking.run import Writer, scalars_in, tracked
from mm_env.core.extras import MissingExtra
from tests.experiments.conftest import SMALL

BRIEF = (
    "agent.total_steps=4_096",
    "agent.num_envs=64",
    "agent.settings.batch_size=512",
    "watch.evaluations=1",
    "watch.episodes=100",
    "rivals=[]",
)


class Kept:
    """A tracker that keeps what it is told."""

    made: list = []  # noqa: RUF012

    def __init__(self, folder, name, config):
        self.name, self.config, self.told, self.ended = name, OmegaConf.create(config), [], None
        Kept.made.append(self)

    def log(self, scalars, step):
        self.told.append((step, dict(scalars)))

    def end(self, finished):
        self.ended = finished


@pytest.fixture
def kept(monkeypatch):
    """Trackers that are named are `Kept`."""
    monkeypatch.setattr("experiments.tracking.run.KINDS", {"mlflow": Kept, "wandb": Kept})
    for module in ("experiments.train", "experiments.tracking.loggers"):
        monkeypatch.setattr(f"{module}.check_loggers", list)
    Kept.made.clear()
    return Kept.made


def scalars_of(folder):
    """What TensorBoard holds: (tag, step) -> number."""
    events = EventAccumulator(str(folder / "training_1"))
    events.Reload()
    return {(tag, row.step): row.value for tag in events.Tags()["scalars"] for row in events.Scalars(tag)}


def test_a_tracker_gets_what_tensorboard_gets_and_the_config(launch, kept):
    folder, _ = launch(train.main, *SMALL, *BRIEF, "logger=[mlflow]")
    (run,) = kept
    assert (run.name, run.ended) == (folder.name, True)
    assert run.config == OmegaConf.load(folder / "config.yaml")
    told = {(tag, step): value for step, scalars in run.told for tag, value in scalars.items()}
    expected = {key: value for key, value in scalars_of(folder).items() if not np.isnan(value)}
    assert {key for key in expected if key[0].startswith(("eval/", "risk/"))} <= set(told)
    assert ("eval/skill", 4096) in told
    assert all(told[key] == pytest.approx(value, rel=1e-5, abs=1e-6) for key, value in expected.items() if key in told)
    assert all(tag.split("/")[0] in ("train", "eval", "risk", "time") for tag, _ in told)


def test_a_training_that_fails_ends_its_runs_so(tmp_path, kept):
    with pytest.raises(KeyboardInterrupt), tracked(["mlflow", "wandb"], tmp_path, "seed: 0\n"):
        raise KeyboardInterrupt
    assert [run.ended for run in kept] == [False, False]


def test_only_numbers_are_scalars():
    values = {"rollout/ep_rew_mean": np.float32(1.5), "config": "text", "eval/skill": 0.5, "train/loss": float("nan")}
    assert scalars_in(values) == {"train/ep_rew_mean": 1.5, "eval/skill": 0.5}


def test_a_writer_is_silent_where_there_are_none():
    class Refuses:
        def log(self, scalars, step):
            raise AssertionError

    Writer(Refuses()).write({"config": "text"}, {}, 3)


def test_a_name_that_is_no_tracker_is_refused_before_anything_is_trained(launch, monkeypatch):
    monkeypatch.setattr(train, "learn", None)
    with pytest.raises(SystemExit, match="logger must list trackers of wandb, mlflow, beside TensorBoard, got 'comet'"):
        launch(train.main, *SMALL, "logger=[comet]")


def test_a_tracker_that_is_not_installed_is_told_with_its_extra(monkeypatch):
    monkeypatch.setattr("mm_env.core.extras.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"logger=\[wandb\] needs mm_env\[wandb\]"):
        check_loggers(["wandb"])


# the libraries themselves, offline


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("store", ["file", "sqlite"])
def test_mlflow_keeps_scalars_and_config_and_goes_on_in_the_same_run(tmp_path, monkeypatch, store):
    mlflow = pytest.importorskip("mlflow")
    if store == "sqlite":
        pytest.importorskip("mlflow.store.db.utils")
    uri = f"{'file://' if store == 'file' else 'sqlite:///'}{tmp_path / 'store'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.chdir(tmp_path)
    mlflow.set_tracking_uri(uri)
    folder, config = tmp_path / "run", "seed: 3\nmarket:\n  _target_: mm_env.Market\n  max_inventory: 4.0\n"
    folder.mkdir()
    for step in (10, 20):  # the second time as when it is resumed
        with tracked(["mlflow"], folder, config) as (callback,):
            callback.runs[0].log({"eval/skill": step / 100.0}, step)
    client = mlflow.MlflowClient(tracking_uri=uri)
    run = client.get_run(known_id(folder, "mlflow"))
    assert run.info.status == "FINISHED"
    assert run.data.params == {"seed": "3", "market": "Market", "market.max_inventory": "4.0"}
    history = client.get_metric_history(run.info.run_id, "eval/skill")
    assert [(one.step, one.value) for one in history] == [(10, 0.1), (20, 0.2)]
    (experiment,) = [e for e in client.search_experiments() if e.name == "mm_env"]
    assert len(client.search_runs([experiment.experiment_id])) == 1


@pytest.mark.filterwarnings("ignore")
def test_wandb_writes_offline_what_can_be_sent_later(tmp_path, monkeypatch):
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    with tracked(["wandb"], tmp_path, "seed: 3\n") as (callback,):
        callback.runs[0].log({"eval/skill": 0.5}, 10)
    (folder,) = (tmp_path / "wandb").glob("offline-run-*")
    (record,) = folder.glob("run-*.wandb")
    assert json.loads((tmp_path / "trackers.json").read_text(encoding="utf-8"))["wandb"] in record.name
    assert b"eval/skill" in record.read_bytes()
