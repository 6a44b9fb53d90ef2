"""train: a model, its config, its logs and a table; loaded in a fresh process it is the same agent."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from omegaconf import OmegaConf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from agents.learning.sb3 import load
from agents.policy import play
from experiments import compare, evaluate, train
from experiments.config.agents import load_run
from experiments.config.markets import build_market
from tests.experiments.conftest import SMALL, launched, rows

SHORT = ("agent.total_steps=1", "rivals=[best_fixed]", "watch.evaluations=1", "watch.episodes=100")
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of one training of a single rollout, and what the main returned."""
    folder = tmp_path_factory.mktemp("run")
    return folder, launched(train.main, folder, *SMALL, *SHORT)


@pytest.fixture(scope="module")
def events(run):
    accumulator = EventAccumulator(str(next(run[0].rglob("events.out.tfevents.*"))), {"images": 0, "histograms": 0})
    return accumulator.Reload()


def test_a_run_leaves_its_model_config_table_and_pictures(run):
    folder, numbers = run
    for name in ("model.zip", "config.yaml", "table.csv", "table.md", "quotes.png", "profit.png"):
        assert (folder / name).stat().st_size > 0, name
    table = rows(folder)
    assert set(table) == {"PPO", "best_fixed", "optimum"}
    assert numbers == [table["PPO"]["skill"]]


def test_its_config_is_whole_and_makes_the_market_again(run):
    cfg = OmegaConf.load(run[0] / "config.yaml")
    assert build_market(cfg).max_inventory == 3.0
    assert cfg.agent.algorithm == "PPO"
    assert "${" not in (run[0] / "config.yaml").read_text(encoding="utf-8")


def test_tensorboard_has_scalars_of_skill_and_objective_before_and_after_training(events):
    tags = events.Tags()["scalars"]
    assert {"eval/skill", "eval/objective", "risk/mean_absolute_position"} <= set(tags)
    for tag in ("eval/skill", "eval/objective"):
        scalars = events.Scalars(tag)
        assert len(scalars) >= 2
        assert scalars[0].step == 0 < scalars[-1].step
        assert np.isfinite([scalar.value for scalar in scalars]).all()


def test_tensorboard_has_the_config_the_quotes_and_the_profits(run, events):
    tags = events.Tags()
    assert "config/text_summary" in tags["tensors"]
    text = events.Tensors("config/text_summary")[0].tensor_proto.string_val[0].decode()
    assert (run[0] / "config.yaml").read_text(encoding="utf-8") in text
    assert "eval/quotes" in tags["images"]
    assert "eval/profit_distribution" in tags["histograms"]
    assert events.Histograms("eval/profit_distribution")[-1].histogram_value.num == 100


def test_the_exact_skill_watched_at_the_end_is_the_simulated_one_of_the_table_within_its_error(run, events):
    row = rows(run[0])["PPO"]
    watched = events.Scalars("eval/skill")[-1].value
    assert abs(watched - row["skill"]) < 2.1 * row["skill_half_width"]


def test_a_fresh_process_evaluates_the_run_to_the_same_digits(run, tmp_path):
    folder = run[0]
    command = ["-m", "experiments.evaluate", f"run={folder}", "episodes=400", f"hydra.run.dir={tmp_path}"]
    ended = subprocess.run(
        [sys.executable, *command], cwd=ROOT, capture_output=True, text=True, check=False, encoding="utf-8"
    )
    assert ended.returncode == 0, ended.stderr
    there, here = rows(tmp_path)[folder.name], rows(folder)["PPO"]
    for name in here:
        if "lead" not in name:
            assert there[name] == here[name], name


def test_a_loaded_run_acts_as_the_model_did(run):
    cfg = OmegaConf.load(run[0] / "config.yaml")
    market = build_market(cfg)
    loaded, saved = load_run(run[0], market), load("PPO", run[0] / "model.zip")
    one, other = play(market, loaded, 50, 3), play(market, saved, 50, 3)
    np.testing.assert_array_equal(one.objective, other.objective)
    assert one.objective.mean() == pytest.approx(rows(run[0])["PPO"]["objective"], abs=2.0)


def test_a_run_competes_by_its_folder(launch, run):
    folder, _ = launch(compare.main, *SMALL, f"agents=[best_fixed,{run[0]}]")
    assert rows(folder)[run[0].name]["objective"] == rows(run[0])["PPO"]["objective"]


@pytest.mark.parametrize(("override", "what"), [
    ("quote@market.quote=grid", "quote"),
    ("clock@market.clock=ergodic", "observation_names"),
])  # fmt: skip
def test_a_run_is_refused_where_it_would_see_or_do_something_else(refused, run, override, what):
    said = refused(compare.main, *SMALL, override, f"agents=[{run[0]}]")
    assert f"was trained with {what} " in said


def test_the_same_seed_trains_the_same_agent(launch, run):
    folder, numbers = launch(train.main, *SMALL, *SHORT)
    assert numbers == run[1]
    assert (folder / "table.csv").read_bytes() == (run[0] / "table.csv").read_bytes()


def test_an_interrupted_run_is_resumed_by_its_folder_to_the_same_table(launch, composed):
    agent = composed("train").agent
    steps = 2 * agent.num_envs * agent.settings.n_steps  # two rollouts, with a checkpoint between them
    folder, numbers = launch(train.main, *SMALL, *SHORT[1:], f"agent.total_steps={steps}", "agent.checkpoints=2")
    table = (folder / "table.csv").read_bytes()
    for name in ("table.csv", "model.zip"):
        (folder / name).unlink()
    _, again = launch(train.main, f"resume={folder}")
    assert again == numbers
    assert (folder / "table.csv").read_bytes() == table
    assert (folder / "model.zip").is_file()


def test_a_market_without_an_exact_optimum_is_trained_on_all_the_same(launch):
    damped = ("reward@market.reward=asymmetric_damping", "~market.reward.phi", "~market.reward.alpha")
    folder, numbers = launch(train.main, *SMALL, *damped, *SHORT[:1], *SHORT[2:], "rivals=[random]")
    table = rows(folder)
    assert numbers == [table["PPO"]["objective"]]
    assert np.isnan(table["PPO"]["skill"])
    log = EventAccumulator(str(next(folder.rglob("events.out.tfevents.*")))).Reload()
    assert "eval/objective" in log.Tags()["scalars"]
    assert "eval/skill" not in log.Tags()["scalars"]


def test_a_finished_run_evaluated_elsewhere_needs_nothing_but_its_folder(launch, run, tmp_path, monkeypatch):
    for name in ("model.zip", "config.yaml"):
        (tmp_path / "moved").mkdir(exist_ok=True)
        os.link(run[0] / name, tmp_path / "moved" / name)
    monkeypatch.chdir(tmp_path)
    folder, numbers = launch(evaluate.main, "run=moved", "episodes=400", "render=true")
    assert (folder / "episode.png").stat().st_size > 0
    assert numbers == run[1]
    assert set(rows(folder)) == {"moved", "optimum"}
