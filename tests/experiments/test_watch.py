"""A training is shown as it was logged, to the digit, while it runs and after; a terminal gets a picture, all else lines."""

import csv
import io
import re
import threading

import numpy as np
import pytest
from rich.console import Console
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from experiments import train, watch
from experiments.runs import jobs
from experiments.training.following import Followed, followed, sparkline
from tests.experiments.conftest import SMALL, launched

SHORT = ("agent.total_steps=32768", "rivals=[]", "watch.evaluations=3", "watch.episodes=50", "agent.checkpoints=0",
         "agent.settings.n_steps=4")  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a finished training."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    launched(train.main, folder, *SMALL, *SHORT)
    return folder


@pytest.fixture(scope="module")
def logged(run):
    """Tag -> (step, value) as TensorBoard itself reads them."""
    log = EventAccumulator(str(next(run.rglob("events.out.tfevents.*"))), {"scalars": 0, "images": 1}).Reload()
    return {tag: [(e.step, e.value) for e in log.Scalars(tag)] for tag in log.Tags()["scalars"]}


def looked(folder):
    mine = Followed(folder)
    mine.look()
    return mine


def test_what_is_shown_is_what_was_logged(run, logged):
    mine = looked(run)
    with (run / "curve.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert mine.told.scalars == logged
    assert mine.values == [float(row["skill"]) for row in rows]
    assert (mine.measure, mine.half_width, mine.status, mine.is_over) == ("skill", 0.0, jobs.FINISHED, True)
    assert mine.steps == mine.total == 32768 == int(rows[-1]["steps"])
    assert mine.rate == logged["time/fps"][-1][1]
    assert mine.losses["entropy_loss"] == logged["train/entropy_loss"][-1][1]
    assert mine.reward == [value for _, value in logged["train/ep_rew_mean"]]
    said = watch.line(mine)
    for words in ("PPO, seed 0", "32,768 of 32,768 steps", f"{mine.rate:,.0f} steps/s", "finished",
                  f"entropy_loss {mine.losses['entropy_loss']:.4g}", "(exact)"):  # fmt: skip
        assert words in said
    assert float(re.search(r"skill (-?[\d.]+)", said)[1]) == pytest.approx(mine.values[-1], abs=0.01)


def test_the_interval_of_an_objective_is_the_one_that_was_logged(run, logged):
    mine = looked(run)
    mine.curve = mine.curve.copy()
    mine.curve[:, 2] = np.nan  # as where the policy is no table
    assert mine.measure == "objective"
    assert mine.values == mine.curve[:, 3].tolist()
    assert mine.half_width == logged["eval/objective_half_width"][-1][1] > 0.0
    assert "±" in watch.score(mine)


def test_what_is_left_goes_by_the_speed_so_far(run):
    mine = looked(run)
    mine.status, mine.told.scalars = jobs.RUNNING, {"time/fps": [(8192, 4096.0)]}
    mine.curve = mine.curve[:0]
    assert mine.steps == 8192
    assert mine.left == (32768 - 8192) / 4096.0
    assert watch.left(mine) == "0:00:06 left"
    mine.told.scalars, mine.curve = {}, np.array([[16384.0, 2.0, 0.5, 1.0]])  # nothing logged yet but the curve
    assert (mine.rate, mine.left) == (8192.0, 2.0)


def test_a_run_is_followed_while_it_is_written(run, tmp_path):
    """What is new in curve and log is seen at the next look, a line that is cut off at the one after."""
    folder = tmp_path / "run"
    (folder / "training_1").mkdir(parents=True)
    (folder / "config.yaml").write_text((run / "config.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    event = next(run.rglob("events.out.tfevents.*"))
    whole, curve = event.read_bytes(), (run / "curve.csv").read_text(encoding="utf-8")
    mine = Followed(folder)
    mine.look()
    assert (mine.values, mine.steps, mine.told.scalars) == ([], 0, {})
    seen = []
    for share in (0.3, 0.6, 1.0):
        (folder / "training_1" / event.name).write_bytes(whole[: int(share * len(whole))])
        (folder / "curve.csv").write_text(curve[: int(share * len(curve))], encoding="utf-8")
        mine.look()
        seen.append((len(mine.values), sum(map(len, mine.told.scalars.values()))))
    assert seen == sorted(seen)
    assert mine.told.scalars == looked(run).told.scalars
    assert mine.values == looked(run).values


def test_watching_ends_with_the_training_and_tells_each_evaluation_once(run, capsys):
    assert watch.main([str(run), "--every", "0.1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines == [watch.line(looked(run))]


def test_it_waits_for_a_training_that_runs(run, monkeypatch, capsys):
    running = threading.Event()
    state = {"looks": 0}

    def standing(folder):
        state["looks"] += 1
        return (jobs.RUNNING if state["looks"] < 3 else jobs.FINISHED), ""

    monkeypatch.setattr("experiments.training.following.standing", standing)
    monkeypatch.setattr("experiments.watch.time.sleep", lambda seconds: running.set())
    assert watch.main([str(run)]) == 0
    assert running.is_set()
    said = capsys.readouterr().out.splitlines()
    assert [line.rsplit("; ", 1)[1] for line in said] == ["running", "finished"]


def test_a_terminal_gets_one_picture(run):
    console = Console(file=io.StringIO(), force_terminal=True, width=110)
    console.print(watch.picture([looked(run)]))
    said = console.file.getvalue()
    assert sparkline(looked(run).values) in said
    for words in ("PPO, seed 0", "entropy loss", "skill by evaluation", "finished"):
        assert words in said
    console.print(watch.picture([looked(run), looked(run)]))
    assert "100%" in console.file.getvalue()


def test_trainings_are_found_below_a_folder_and_nothing_else(run, tmp_path):
    assert [each.folder for each in followed([run.parent])] == [run]
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "config.yaml").write_text("name: compare\n", encoding="utf-8")
    assert followed([tmp_path]) == []


@pytest.mark.parametrize(("values", "wanted"), [
    ([0.0, 1.0], "▁█"), ([2.0, 2.0], "▁▁"), ([0.0, float("nan"), 7.0], "▁ █"), ([], ""), (range(8), "▁▂▃▄▅▆▇█"),
])  # fmt: skip
def test_a_sparkline_is_by_height(values, wanted):
    assert sparkline(values) == wanted
    assert len(sparkline([*values, 1.0] * 30, 10)) == 10


@pytest.mark.parametrize(("arguments", "said"), [
    (["nowhere"], "error: PATH must be a folder, got nowhere"),
    (["."], "--every must be >= 0.1, got 0.0"),
])  # fmt: skip
def test_a_mistake_is_one_line(arguments, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert watch.main([*arguments, *(["--every", "0"] if arguments == ["."] else [])]) == 1
    assert said in capsys.readouterr().err
