"""Players as a command: who learns beside whom, how collusive they became, and what is refused."""

import csv
import re

import pytest

from experiments import arena, players

SMALL = (
    "market.clock.steps=10",
    "market.clock.horizon=0.1",
    "market.max_inventory=2.0",
    "episodes=200",
    "grid=5",
    "worlds=16",
)
QUICK = "{name: quick, base: ppo, total_steps: 512, settings: {n_steps: 8, batch_size: 64}}"
WATCH = "watch={evaluations: 2, episodes: 50}"


def test_players_are_judged_between_competition_and_cartel_and_can_be_met_again(launch):
    folder, (objective,) = launch(players.main, *SMALL, WATCH, f"players=[{QUICK},cartea_jaimungal]", "seeds=[0,2]")
    with (folder / "players.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["seed"], row["seat"], row["player"]) for row in rows[:3]] == [
        ("0", "0", "quick"), ("0", "1", "cartea_jaimungal"), ("0", "all", "mean of a maker"),
    ]  # fmt: skip
    seats = [float(row["objective"]) for row in rows if row["seat"] != "all"]
    assert objective == pytest.approx(sum(seats) / 4.0)
    told = (folder / "players.md").read_text(encoding="utf-8")
    low, high = (float(number) for number in re.findall(r"([\d.]+) each", told))
    for row in rows:
        assert float(row["collusion_index"]) == pytest.approx((float(row["objective"]) - low) / (high - low), abs=1e-3)
    assert (folder / "players.png").is_file()
    model = folder / "seed0" / "seat0"
    met, _ = launch(arena.main, *SMALL[:4], "grid=0", f"agents=[{model},fixed_symmetric]")
    assert (met / "arena.csv").is_file()


@pytest.mark.parametrize(("overrides", "said"), [
    (["market=amzn"], "market must be a mm_env.Competition, of several makers, got a Market"),
    (["players=[ppo]"], "players must be 2, one a maker, got 1"),
    (["players=[glft,fixed_symmetric]"], "players must have a learner such as ppo among them"),
    (["seeds=[1]"], "seeds must not have 1, on whose noise players are judged"),
    (["seeds=[]"], "seeds must be a list of at least one"),
    (["worlds=0"], "worlds must be"),
])  # fmt: skip
def test_what_cannot_play_is_refused(refused, overrides, said):
    assert said in refused(players.main, *overrides)
