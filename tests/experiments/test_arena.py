"""The arena as a command: tables of every pair, exact best answers, learners in self-play, and what it refuses."""

import csv

import numpy as np
import pytest

from experiments import arena

SMALL = ("market.clock.steps=10", "market.clock.horizon=0.1", "market.max_inventory=2.0", "episodes=200", "grid=5")


def read(folder):
    with (folder / "arena.csv").open(encoding="utf-8") as file:
        return {row["agent"]: row for row in csv.DictReader(file)}


def test_every_agent_meets_every_other_on_the_same_noise(launch):
    agents = "agents=[cartea_jaimungal,fixed_symmetric,{name: twin, base: fixed_symmetric}]"
    folder, (best,) = launch(arena.main, *SMALL, agents)
    rows = read(folder)
    assert set(rows) == {"cartea_jaimungal", "fixed_symmetric", "twin"}
    assert best == max(float(row["mean"]) for row in rows.values())
    one, twin = rows["fixed_symmetric"], rows["twin"]
    for rival in rows:  # one and the same by two names, at the seats of either
        error = np.hypot(float(one[f"against_{rival}_half_width"]), float(twin[f"against_{rival}_half_width"]))
        assert abs(float(one[f"against_{rival}"]) - float(twin[f"against_{rival}"])) < 2.0 * error
    assert one["best_answer"] == twin["best_answer"]
    assert all(float(row["exploitability"]) >= -1e-12 for row in rows.values())
    assert np.mean([float(row["elo"]) for row in rows.values()]) == pytest.approx(1500.0)
    assert (folder / "arena.png").is_file()
    assert "same noise" in (folder / "arena.md").read_text(encoding="utf-8")


def test_where_there_is_no_best_answer_it_says_why(launch):
    folder, _ = launch(arena.main, *SMALL, "agents=[fixed_symmetric,random]", "market.price.drift=1.0")
    assert "The best answers are left out: price: it must not drift" in (folder / "arena.md").read_text(
        encoding="utf-8"
    )
    assert {row["best_answer"] for row in read(folder).values()} == {"nan"}


def test_makers_meet_in_an_order_book_too(launch):
    folder, _ = launch(arena.main, "market=book_duopoly", "market.clock.steps=8", "episodes=50", "agents=[join,inside]")
    assert set(read(folder)) == {"join", "inside"}
    assert "The best answers are left out: venue: an order book" in (folder / "arena.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(("overrides", "said"), [
    (["market=amzn"], "market must be a mm_env.Competition, of several makers, got a Market"),
    (["market.makers=3"], "market.makers must be 2 in the arena"),
    (["agents=[fixed_symmetric]"], "agents must name at least two"),
])  # fmt: skip
def test_what_is_no_arena_is_refused(refused, overrides, said):
    assert said in refused(arena.main, *overrides)


OF_BONDS = ("market=bonds_duopoly", "market.clock.steps=4", "market.clock.horizon=0.02", "episodes=6",
            "market.instruments.vary.max_inventory=[25000.0,25000.0]")  # fmt: skip


@pytest.mark.usefixtures("interpreted")
def test_agents_meet_at_the_desks_of_two_makers_and_learn_against_themselves(launch):
    tiny = "total_steps: 64, num_envs: 4, standardise: false, settings: {batch_size: 64}"
    ppo = "{name: twin, base: ppo, " + tiny + "}"
    folder, (best,) = launch(arena.main, *OF_BONDS, f"agents=[quadratic_desk,random,{ppo}]", "watch.evaluations=1")
    found = read(folder)
    assert set(found) == {"quadratic_desk", "random", "twin"}
    assert best == max(float(row["mean"]) for row in found.values())
    assert "hold several" in (folder / "arena.md").read_text(encoding="utf-8")
    assert {row["exploitability"] for row in found.values()} == {"nan"}


def test_the_arena_of_desks_asks_strategies_of_desks(composed):
    assert composed("arena", "market=bonds_duopoly").agents == ["quadratic_desk", "constant_depths"]
    assert composed("arena").agents[:2] == ["competing", "cartea_jaimungal"]
