"""What a table of a recorded day is of: windows that nobody learnt from, each once; and who has met the noise of a table."""

import json

import numpy as np
import pytest
from omegaconf import OmegaConf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from agents.policy import play
from agents.strategies.touch import AtTouch
from experiments import compare, evaluate, report, train, tune
from experiments.config.markets import build_market
from experiments.evaluation.sample import CURVE_SEED
from experiments.training.curve import read_curve
from mm_env import Drawn, InTurn
from mm_env.bootstrap import half_width
from mm_env.metrics import figures
from tests.experiments.conftest import SMALL, launched, rows
from tests.mm_env.recorded_days import random_day

LEARNER = ("agent.total_steps=1", "agent.num_envs=8", "agent.settings.n_steps=8", "agent.settings.batch_size=8",
           "watch.evaluations=1", "rivals=[join]")  # fmt: skip


@pytest.fixture(scope="module")
def day(tmp_path_factory):
    """Overrides of a market of a random day: training windows of a tenth of a second up to 0.5 s, test windows from 0.6 s."""
    path = random_day(tmp_path_factory.mktemp("day") / "day.zip", seed=3, levels=25, events=4_000)
    return (
        "market=amzn_replay", f"market.venue.path={path}", "market.venue.lot=1", "market.clock.horizon=0.1",
        "market.clock.steps=10", "quote@market.quote=touch", "window@market.venue.window=test",
        "market.venue.window.begins=0", "market.venue.window.ends=0.5",
    )  # fmt: skip


TESTED = ("evaluation_window.begins=0.6", "evaluation_window.ends=1.1")


@pytest.fixture(scope="module")
def run(day, tmp_path_factory):
    """The folder of a training on the first part of the day, by default numbers of episodes."""
    folder = tmp_path_factory.mktemp("run")
    launched(train.main, folder, *day, *TESTED, *LEARNER)
    return folder


def heading(folder):
    return (folder / "table.md").read_text(encoding="utf-8").splitlines()[0]


def test_the_table_of_a_training_is_of_test_windows_each_once(run):
    assert heading(run) == "# amzn_replay, 5 test windows of 0.1 s, 0.6 to 1.1 s of TEST"
    told = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    assert told["windows"] == 5
    assert [note for note in told["notes"] if "block bootstrap" in note]
    assert "block bootstrap over them" in (run / "table.md").read_text(encoding="utf-8")


def test_watching_a_training_is_of_its_own_windows_and_says_so(run):
    events = EventAccumulator(str(next(run.rglob("events.out.tfevents.*")))).Reload()
    text = events.Tensors("episodes/text_summary")[0].tensor_proto.string_val[0].decode()
    assert text == "eval/ and risk/ are over 5 training windows of 0.1 s, 0 to 0.5 s of TEST"


def test_a_run_is_evaluated_on_the_same_windows_or_on_those_asked_for(launch, run):
    again, numbers = launch(evaluate.main, f"run={run}", *TESTED)
    assert rows(again)[run.name]["objective"] == rows(run)["PPO"]["objective"] == numbers[0]
    assert rows(again)[run.name]["objective_half_width"] == rows(run)["PPO"]["objective_half_width"]
    known, _ = launch(evaluate.main, f"run={run}", "window@evaluation_window=train", "evaluation_window.ends=0.5")
    assert heading(known).endswith(", 5 windows of 0.1 s, 0 to 0.5 s of TEST")
    assert "was trained on 0 to 0.5 s of this day" in (known / "table.md").read_text(encoding="utf-8")
    assert rows(known)[run.name]["objective"] == pytest.approx(read_curve(run)[-1, 3])


def test_the_interval_is_the_block_bootstraps_however_many_episodes_are_asked_for(launch, day, capsys):
    few, _ = launch(evaluate.main, *day, *TESTED, "agent=join", "episodes=5")
    many, _ = launch(evaluate.main, *day, *TESTED, "agent=join")
    assert (few / "table.csv").read_bytes() == (many / "table.csv").read_bytes()
    assert "5 test windows of 0.1 s" in capsys.readouterr().out


def test_a_window_given_for_the_market_is_the_one_that_is_meant(launch, day):
    folder, _ = launch(
        evaluate.main, *day[:-2], "market.venue.window.begins=0.3", "market.venue.window.ends=0.6", "agent=join"
    )
    assert heading(folder) == "# join, 3 windows of 0.1 s, 0.3 to 0.6 s of TEST"


def test_learners_of_a_comparison_are_shown_on_test_windows(launch, day):
    agents = (
        "agents=[{name: small, base: ppo, total_steps: 1, num_envs: 8, settings: {n_steps: 8, batch_size: 8}}, join]"
    )
    folder, _ = launch(compare.main, *day, *TESTED, agents, "watch.evaluations=1")
    said = (folder / "leaderboard.md").read_text(encoding="utf-8")
    assert "amzn_replay: 5 test windows of 0.1 s, 0.6 to 1.1 s of TEST" in said
    assert "block bootstrap" in said
    told = json.loads((folder / "amzn_replay/small/seed0/metrics.json").read_text(encoding="utf-8"))
    assert told["notes"] == ["The learning curve is of 5 training windows of 0.1 s, 0 to 0.5 s of TEST."]
    assert OmegaConf.load(folder / "amzn_replay/small/seed0/config.yaml").evaluation_window.begins == 0.6


@pytest.mark.parametrize("main", [train, tune, compare])
def test_what_is_trained_on_is_not_shown_as_a_test(refused, day, main, tmp_path):
    own = {train: ["rivals=[join]"], tune: [f"folder={tmp_path}", f"to={tmp_path}/x.yaml"], compare: ["agents=[ppo]"]}[
        main
    ]
    said = refused(main.main, *day, *own, "evaluation_window.begins=0.4", "evaluation_window.ends=0.9")
    assert "evaluation_window, 0.4 to 0.9 s, must hold none of the windows that are trained on, 0 to 0.5 s" in said
    assert "evaluation_window=null" in said


def test_a_table_of_the_windows_trained_on_is_to_be_had_and_says_so(launch, day):
    folder, _ = launch(train.main, *day, *LEARNER, "evaluation_window=null")
    assert heading(folder) == "# amzn_replay, 5 training windows of 0.1 s, 0 to 0.5 s of TEST"
    assert "PPO was trained on 0 to 0.5 s of this day" in (folder / "table.md").read_text(encoding="utf-8")


def test_a_part_of_the_day_that_holds_no_window_is_refused_with_the_cure(refused, day):
    said = refused(evaluate.main, *day, "agent=join", "evaluation_window.begins=90000", "evaluation_window.ends=90001")
    assert "evaluation_window.begins and .ends say which part of the day tables are of" in said


def test_a_report_says_what_its_intervals_leave_out(run, tmp_path):
    folder = report.report([run], tmp_path, "report", 3)
    said = (folder / "report.md").read_text(encoding="utf-8")
    assert "They are of 5 windows of a recorded day, the same for all seeds" in said
    assert "block bootstrap" in said


def test_figures_of_windows_played_again_and_again_have_the_interval_of_the_windows(composed, day):
    market = build_market(composed("evaluate", *day, "~market.quote.max_half_spread", "~market.quote.max_skew"))
    once, often = (play(market, AtTouch(market), n, 1) for n in (5, 50))
    assert once.window.tolist() == [0, 1, 2, 3, 4]
    expected = half_width(once.profit - once.profit.mean(), np.arange(5))
    assert figures(once)["profit"].half_width == pytest.approx(expected)
    assert figures(often)["profit"] == pytest.approx((once.profit.mean(), expected))


def test_windows_drawn_at_random_are_played_end_to_end_for_figures():
    drawn = Drawn(begins=100.0, ends=900.0, apart=2.0)
    assert drawn.in_turn == InTurn(begins=100.0, ends=900.0)
    assert InTurn(begins=1.0, ends=2.0).in_turn == InTurn(begins=1.0, ends=2.0)


# noise


def known_noise(folder):
    """What is said of agents that have met the noise of the table."""
    return [
        note
        for note in json.loads((folder / "metrics.json").read_text(encoding="utf-8"))["notes"]
        if "was trained from seed" in note
    ]


def test_a_table_on_the_noise_of_the_training_says_so_in_a_sweep_too(launch, capsys):
    short = (
        "agent.total_steps=1",
        "agent.num_envs=64",
        "agent.settings.batch_size=1024",
        "rivals=[best_fixed]",
        "watch.evaluations=1",
        "watch.episodes=20",
    )
    folder, _ = launch(train.main, "-m", *SMALL, *short, "seed=range(0,2)")
    zero, one = (next(folder.glob(f"*seed{seed}")) for seed in (0, 1))
    assert known_noise(zero) == []
    (said,) = known_noise(one)
    assert said == (
        "PPO was trained from seed 1, which is that of these episodes too: it has met the noise of 64 of the 400 in training. "
        "Another evaluation_seed shows it on new noise."
    )
    assert said in (one / "table.md").read_text(encoding="utf-8")
    assert said in " ".join(capsys.readouterr().out.split())
    for seed, lines in ((1, 1), (2, 0)):
        again, _ = launch(evaluate.main, f"run={one}", f"seed={seed}", "episodes=50")
        assert len(known_noise(again)) == lines


def test_the_noise_of_learning_curves_is_no_seed_of_theirs():
    with pytest.raises(ValueError, match="on whose noise learning curves are evaluated"):
        train.learn(OmegaConf.create({"seed": CURVE_SEED}), None, None, None, None)  # pyright: ignore
