"""compare and evaluate: one table, paired and repeatable, in three forms and two pictures."""

import csv

import matplotlib.pyplot as plt
import numpy as np
import pytest

from agents.policy import RandomPolicy, StrategyPolicy, play
from agents.strategies.fixed import FixedSymmetric
from experiments import compare, evaluate
from experiments.evaluation.common_noise import evaluate_on_common_noise
from experiments.evaluation.table import COLUMNS
from tests.experiments.conftest import SMALL, launched, rows
from tests.worlds import world

AGENTS = "agents=[random,best_fixed,glft,cartea_jaimungal]"


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compared")
    return folder, launched(compare.main, folder, *SMALL, AGENTS)


def test_a_comparison_leaves_a_table_in_two_forms_and_two_pictures(compared):
    folder, _ = compared
    table, text = rows(folder), (folder / "table.md").read_text(encoding="utf-8").splitlines()
    assert set(table) == {"random", "best_fixed", "glft", "cartea_jaimungal", "optimum"}
    assert text[0] == "# cartea_jaimungal, 400 episodes of seed 1"
    assert text[2].replace("\\|", "|") == f"| agent | {' | '.join(COLUMNS.values())} |"
    assert [line.split(" | ")[0] for line in text[4:]] == [f"| {name}" for name in table]
    for picture in ("quotes", "profit"):
        pixels = plt.imread(folder / f"{picture}.png")
        assert min(pixels.shape[:2]) > 300
        assert pixels.std() > 0.05


def test_rows_come_by_descending_objective_and_the_best_strategy_leads_itself_by_nothing(compared):
    table = rows(compared[0])
    objectives = [row["objective"] for row in table.values()]
    assert objectives == sorted(objectives, reverse=True)
    assert [name for name, row in table.items() if np.isnan(row["lead"])] == ["cartea_jaimungal"]


def test_rows_are_paired_a_lead_is_the_difference_of_the_means(compared):
    table = rows(compared[0])
    best = table["cartea_jaimungal"]["objective"]
    for name in ("random", "best_fixed", "glft", "optimum"):
        row = table[name]
        assert row["lead"] == pytest.approx(row["objective"] - best, abs=1e-12)
        assert row["skill"] == pytest.approx(1.0 + (row["objective"] - table["optimum"]["objective"]) / gap(table))
    assert table["optimum"]["lead_half_width"] < 0.5 * table["optimum"]["objective_half_width"]


def gap(table):
    """J(optimum) - J(best fixed), from the difference that a skill of 1 makes."""
    lost = table["optimum"]["objective"] - table["random"]["objective"]
    return lost / (1.0 - table["random"]["skill"])


def test_all_meet_the_same_noise_as_each_alone():
    market = world()
    policies = {"still": StrategyPolicy(FixedSymmetric(0.5), market), "wild": RandomPolicy(market, 3)}
    entries = {entry.name: entry for entry in evaluate_on_common_noise(market, policies, 50, 7)}
    alone = play(market, StrategyPolicy(FixedSymmetric(0.5), market), 50, 7)
    np.testing.assert_array_equal(entries["still"].episodes.objective, alone.objective)
    lead = (entries["wild"].episodes.objective - entries["still"].episodes.objective).mean()
    assert entries["wild"].lead.value == pytest.approx(lead)
    assert entries["still"].lead is None


def test_those_put_aside_are_led_but_do_not_lead():
    market = world()
    policies = {"good": StrategyPolicy(FixedSymmetric(0.8), market), "bad": StrategyPolicy(FixedSymmetric(9.0), market)}
    entries = {entry.name: entry for entry in evaluate_on_common_noise(market, policies, 50, 7, frozenset({"good"}))}
    assert entries["bad"].lead is None
    assert entries["good"].lead.value > 0.0
    alone = evaluate_on_common_noise(market, {"good": policies["good"]}, 50, 7, frozenset({"good"}))
    assert alone[0].lead is None


def test_the_same_seed_makes_the_same_table_to_the_last_digit_and_another_seed_another(launch, compared):
    first = (compared[0] / "table.csv").read_bytes()
    assert first == (launch(compare.main, *SMALL, AGENTS)[0] / "table.csv").read_bytes()
    assert first != (launch(compare.main, *SMALL, AGENTS, "seed=0")[0] / "table.csv").read_bytes()


def test_an_agents_row_does_not_depend_on_the_others(launch, compared):
    alone = rows(launch(compare.main, *SMALL, "agents=[glft]")[0])["glft"]
    assert {name: x for name, x in alone.items() if "lead" not in name} == pytest.approx(
        {name: x for name, x in rows(compared[0])["glft"].items() if "lead" not in name}, rel=1e-12
    )


def test_the_number_of_a_comparison_is_the_best_agents_skill(compared):
    folder, numbers = compared
    assert numbers == [rows(folder)["cartea_jaimungal"]["skill"]]


def test_without_an_exact_optimum_the_number_is_the_objective_and_the_reason_is_said(launch, capsys):
    damped = ("reward@market.reward=asymmetric_damping", "~market.reward.phi", "~market.reward.alpha")
    folder, numbers = launch(compare.main, *SMALL, *damped, "agents=[fixed_symmetric,random,glft]")
    table = rows(folder)
    assert set(table) == {"fixed_symmetric", "random"}
    assert all(np.isnan(row["skill"]) for row in table.values())
    assert numbers == [table["fixed_symmetric"]["objective"]]
    said = " ".join(capsys.readouterr().out.split())
    assert "optimum is left out: reward has no exact recursion over (time, inventory): AsymmetricDamping" in said
    assert "glft is left out: " in said
    known = "there is no skill, and the best known strategy is fixed_symmetric, with an objective of"
    assert known in said
    assert known in (folder / "table.md").read_text(encoding="utf-8")


def test_an_ergodic_market_is_scored_by_its_average_reward(launch):
    ergodic = ("market=amzn_ergodic", "market.max_inventory=3", "market.clock.steps=60", "episodes=400")
    table = rows(launch(compare.main, *ergodic, "agents=[best_fixed,cartea_jaimungal_stationary,random]")[0])
    assert table["optimum"]["skill"] == pytest.approx(1.0, abs=1e-9)
    assert table["best_fixed"]["skill"] == pytest.approx(0.0, abs=1e-9)
    assert 0.9 < table["cartea_jaimungal_stationary"]["skill"] <= 1.0
    assert np.isnan(table["random"]["skill"])
    assert table["optimum"]["skill_half_width"] == 0.0


def test_the_published_rows_stand_beside_ours(launch, capsys):
    folder, _ = launch(compare.main, "experiment=avellaneda_stoikov_2008", "episodes=2000", "market.max_inventory=40")
    with (folder / "published.csv").open(newline="", encoding="utf-8") as file:
        lines = list(csv.reader(file))
    assert lines[0] == ["agent", "figure", "ours", "half_width", "published", "standard_errors_apart"]
    assert len(lines) == 1 + 6 * 4
    assert "beside the published numbers" in capsys.readouterr().out
    table = rows(folder)
    for agent, figure, ours, half_width, published, apart in lines[1:]:
        assert float(ours) == table[agent][figure]
        assert float(half_width) == table[agent][f"{figure}_half_width"]
        assert abs(float(apart)) < 4.0, (agent, figure, ours, published)


def test_a_sweep_writes_a_folder_a_job_and_gives_its_optimiser_a_number_each(launch):
    folder, numbers = launch(compare.main, "-m", "seed=0,1", *SMALL, "market.price.sigma=0.2", "agents=[glft]")
    jobs = sorted(path.parent for path in folder.rglob("table.csv"))
    assert [job.name[-6:] for job in jobs] == ["_seed0", "_seed1"]
    assert all("market.price.sigma-0.2" in job.name for job in jobs)
    assert numbers == [rows(job)["glft"]["skill"] for job in jobs]


@pytest.mark.parametrize("override", [["agent=glft"], []])
def test_evaluate_scores_one_strategy(launch, override):
    folder, numbers = launch(evaluate.main, *SMALL, *override)
    name = override[0].split("=")[1] if override else "cartea_jaimungal"
    table = rows(folder)
    assert set(table) == {name, "optimum"}
    assert numbers == [table[name]["skill"]]
