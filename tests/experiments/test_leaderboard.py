"""The leaderboard: learners trained on the spot, once, from several seeds, on several markets; what is there is kept."""

import csv
import subprocess
import sys

import numpy as np
import pytest
from omegaconf import OmegaConf

from experiments import compare
from experiments.config.agents import agent_config, is_learner
from experiments.config.markets import build
from experiments.config.search_path import CONF
from experiments.evaluation.leaderboard_table import LeaderboardRow, Result, table_of
from experiments.runs import jobs
from experiments.training.curve import CURVE, Curve, read_curve
from experiments.training.training_jobs import Training, train_all
from mm_env.metrics import Estimate
from tests.experiments.conftest import launched, wait_for

SMALL = ("max_inventory=3", "clock.steps=10")
MARKETS = tuple(
    part
    for name in ("cartea_jaimungal", "amzn")
    for part in (f"+market@markets.{name}={name}", *(f"markets.{name}.{small}" for small in SMALL))
)
LEARNER = "{name: learner, base: ppo, total_steps: 9000, num_envs: 64, checkpoints: 4, settings: {batch_size: 1024}}"
SETTINGS = ("seeds=[0,1]", "episodes=400", "watch.evaluations=2", "watch.episodes=50")


def board(folder):
    """(market, agent, policy) -> line of leaderboard.csv."""
    with (folder / "leaderboard.csv").open(newline="", encoding="utf-8") as file:
        return {(line["market"], line["agent"], line["policy"]): line for line in csv.DictReader(file)}


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """The folder of a leaderboard of one learner, two seeds, two markets; and what the main returned."""
    folder = tmp_path_factory.mktemp("board")
    return folder, launched(compare.main, folder, *MARKETS, *SETTINGS, f"agents=[{LEARNER},best_fixed,glft]", "jobs=2")


def test_every_agent_has_a_line_on_every_market_and_a_learner_one_for_each_seed(played):
    lines = board(played[0])
    for market in ("cartea_jaimungal", "amzn"):
        names = {policy for place, _, policy in lines if place == market}
        assert names == {"learner, seed 0", "learner, seed 1", "best_fixed", "glft", "optimum"}


def test_skills_are_exact_and_seconds_are_those_of_the_training(played):
    lines = board(played[0])
    for (_, agent, _), line in lines.items():
        skill = float(line["skill"])
        assert {"optimum": skill == pytest.approx(1.0), "best_fixed": abs(skill) < 1e-6}.get(agent, skill < 1.0)
        assert (float(line["seconds"]) > 0.0) == (agent == "learner")


def test_it_returns_the_worst_middle_skill_of_the_learner(played):
    lines = board(played[0])
    worst = [
        min(float(line["skill"]) for (place, agent, _), line in lines.items() if (place, agent) == (market, "learner"))
        for market in ("cartea_jaimungal", "amzn")
    ]  # of two seeds the middle one is the worse
    assert played[1] == [pytest.approx(min(worst))]


def test_it_leaves_tables_curves_and_quotes(played):
    for name in ("leaderboard.md", "leaderboard.csv", "learning_curves.png", "cartea_jaimungal/table.md",
                 "cartea_jaimungal/quotes.png", "amzn/learner/seed1/model.zip"):  # fmt: skip
        assert (played[0] / name).stat().st_size > 0, name


@pytest.mark.slow
def test_a_second_call_trains_nothing_again_and_one_lost_run_is_made_again_to_the_same_bits(played):
    folder = played[0]
    kept, lost = (folder / "cartea_jaimungal" / "learner" / f"seed{seed}" / "model.zip" for seed in (0, 1))
    before, first = kept.stat().st_mtime_ns, board(folder)
    lost.unlink()
    numbers = launched(compare.main, folder, *MARKETS, *SETTINGS, f"agents=[{LEARNER},best_fixed,glft]", "jobs=2")
    assert kept.stat().st_mtime_ns == before
    assert lost.is_file()
    assert numbers == played[1]
    again = board(folder)
    for key, line in first.items():
        assert {**again[key], "seconds": ""} == {**line, "seconds": ""}


def test_a_training_that_fails_is_named_and_the_others_are_kept(tmp_path):
    config = OmegaConf.create({"market": OmegaConf.load(CONF / "agent" / "ppo.yaml"), "watch": {}, "seed": 0})
    bad = Training("somewhere", "nobody", 3, config, tmp_path / "bad")  # its market is no market
    with pytest.raises(
        RuntimeError, match=r"^1 of 1 trainings failed: {'somewhere, nobody, seed 3': 'market must describe"
    ):
        train_all([bad], 1)


def test_a_killed_comparison_leaves_nobody_training_on_and_its_folders_free(tmp_path):
    long = "{name: long, base: ppo, total_steps: 1000000000, num_envs: 64, settings: {batch_size: 1024}}"
    options = (*MARKETS[:3], *SETTINGS[1:], "seeds=[0]", f"agents=[{long}]", f"hydra.run.dir={tmp_path}")
    command = [sys.executable, "-m", "experiments.compare", *options]
    comparison = subprocess.Popen(command, cwd=CONF.parent, stderr=subprocess.DEVNULL)
    folder = tmp_path / "cartea_jaimungal" / "long" / "seed0"
    try:
        wait_for(
            lambda: (folder / CURVE).is_file() and len((folder / CURVE).read_text(encoding="utf-8").splitlines()) > 1
        )
        assert jobs.is_locked(folder)
    finally:
        comparison.kill()
        comparison.wait()
    wait_for(lambda: not jobs.is_locked(folder))
    assert not jobs.is_locked(tmp_path)


def test_a_training_tells_of_itself_as_any_job_does(played):
    folder = played[0] / "amzn" / "learner" / "seed1"
    told, ended = jobs.read(folder), read_curve(folder)[-1]
    assert (told["status"], told["seed"], told["agent"], told["market"]) == ("finished", 1, "learner", "amzn")
    assert (told["skill"], told["objective"]) == (ended[2], ended[3])
    lines = board(played[0])
    table = jobs.read(played[0])["table"]
    assert set(table) == {f"{market}, {policy}" for market, _, policy in lines}
    for (market, _, policy), line in lines.items():
        assert table[f"{market}, {policy}"]["skill"] == pytest.approx(float(line["skill"]))


def test_an_agent_of_one_market_plays_there_alone_and_who_is_left_out_is_told(launch):
    """Here who ignores the penalty on inventory."""
    blind = "{name: blind, base: blind_optimum, instead: {reward: {_target_: mm_env.InventoryPenalty}}}"
    others = ("agents=[best_fixed,join]", f"+market_agents.amzn=[{blind}]")
    folder, _ = launch(compare.main, *MARKETS, *SETTINGS, *others)
    lines = board(folder)
    assert {market for market, agent, _ in lines if agent == "blind"} == {"amzn"}
    assert {market for market, agent, _ in lines if agent == "best_fixed"} == {"cartea_jaimungal", "amzn"}
    assert 0.5 < float(lines["amzn", "blind", "blind"]["skill"]) < 0.9
    for notes in ("leaderboard.md", "amzn/table.md"):
        assert "join is left out: " in (folder / notes).read_text(encoding="utf-8")


def test_mistakes_are_found_before_anything_is_trained(refused):
    said = refused(compare.main, *MARKETS, "+market_agents.amzm=[best_fixed]")
    assert "error: market_agents must be of markets among cartea_jaimungal, amzn, got amzm" in said
    said = refused(compare.main, *MARKETS, "+market_agents.amzn=[best_fixed,{name: best_fixed, base: random}]")
    assert "agents must have names of their own, got 'best_fixed' twice" in said
    said = refused(compare.main, "agents=[{name: x, base: ppo, num_envs: 0}]")
    assert "Learner.num_envs must be a whole number" in said
    said = refused(compare.main, "agents=[{name: x, base: sac}]", "quote@market.quote=grid")
    assert "SAC needs continuous actions" in said
    assert "Did you mean 'ppo'?" in refused(compare.main, "agents=[{name: x, base: pppo}]")


def test_the_middle_seed_is_the_median_and_of_an_even_number_the_worse_one():
    def row(*skills):
        results = tuple(Result(Estimate(0.0, 0.1), skill, 1.0, str(skill)) for skill in sorted(skills))
        return LeaderboardRow("market", "agent", results)

    def cells(*skills):
        return table_of("title", [row(*skills)]).texts[0][3:6]

    assert row(0.9, 0.1, 0.5).median.skill == 0.5
    assert row(0.9, 0.1, 0.5, 0.6).median.skill == 0.5
    assert cells(0.9, 0.1, 0.5) == ["0.500", "0.100", "0.900"]
    assert cells(0.7) == ["0.700", "", ""]


def test_what_hedges_cost_stands_beside_the_skill_where_there_are_any():
    spread, cost, kept = Estimate(3.0, 0.1), Estimate(0.25, 0.01), Estimate(0.98, 0.0)
    hedged, outside, plain = (
        LeaderboardRow(name, "agent", (Result(Estimate(1.0, 0.1), 0.5, 0.0, "agent", risk),))
        for name, risk in (("hedged", (spread, cost, None)), ("desk", (spread, cost, kept)), ("plain", ()))
    )
    table = table_of("title", [hedged, outside, plain])
    assert [column.title for column in table.columns[-3:]] == ["std of P&L", "hedging cost", "internalised"]
    assert [row[-3:] for row in table.texts] == [["3", "0.25", ""], ["3", "0.25", "0.98"], ["", "", ""]]
    assert [column.title for column in table_of("title", [plain]).columns[-1:]] == ["training s"]


def test_a_config_with_a_base_is_that_agent_with_its_own_settings_over_it():
    entry = OmegaConf.create({"name": "mine", "base": "ppo", "settings": {"n_steps": 7}})
    name, config = agent_config(entry)
    base = OmegaConf.load(CONF / "agent" / "ppo.yaml")
    assert (name, config.settings.n_steps) == ("mine", 7)
    assert config.settings.batch_size == base.settings.batch_size
    assert is_learner(entry)
    assert not is_learner("glft")


@pytest.mark.parametrize("name", ["leaderboard", "ablations"])
def test_every_learner_of_an_experiment_is_one_that_its_algorithm_takes(composed, name):
    cfg = composed("compare", f"experiment={name}")
    for entry in filter(is_learner, cfg.agents):
        whole = OmegaConf.create({"market": next(iter(cfg.markets.values()))})
        whole["agent"] = agent_config(entry)[1]
        learner = build(whole.agent)
        assert learner.model(build(whole.market), seed=0).num_timesteps == 0


# the curve of a run


def test_a_curve_counts_training_alone_and_goes_on_where_it_was(tmp_path):
    curve = Curve(tmp_path, 0)
    for steps in (0, 100, 200):
        curve.pause()
        curve.write(steps, 0.5, 1.25)
        curve.go_on()
    first = read_curve(tmp_path)
    np.testing.assert_array_equal(first[:, 0], [0, 100, 200])
    np.testing.assert_array_equal(first[:, 2:], [[0.5, 1.25]] * 3)
    again = Curve(tmp_path, 100)
    assert again.seconds == first[1, 1]
    np.testing.assert_array_equal(read_curve(tmp_path)[:, 0], [0])
    again.write(150, None, 2.0)
    assert np.isnan(read_curve(tmp_path)[-1, 2])


def test_a_run_without_a_curve_has_no_rows(tmp_path):
    assert read_curve(tmp_path).shape == (0, 4)
