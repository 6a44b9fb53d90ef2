"""The cascade study: three tables of one content, paired shocks, what leverage and overlap do, mistakes in one line."""

import csv
import json

import numpy as np
import pytest

from experiments import cascade
from experiments.studies.cascade import System
from mm_env import LinearSaleImpact, MarginCalls, RingNetwork

SMALL = ("scenarios=200", "seeds=2", "leverage=[1,12,18]", "overlap=[0,1]", "network.dealers=5")


def told(folder):
    return json.loads((folder / "cascade.json").read_text(encoding="utf-8"))["rows"]


def test_it_writes_tables_and_figures_of_one_content(launch, capsys):
    folder, (mean,) = launch(cascade.main, *SMALL)
    rows = told(folder)
    assert [(row["leverage"], row["overlap"]) for row in rows] == [(x, o) for x in (1, 12, 18) for o in (0, 1)]
    assert mean == pytest.approx(np.mean([row["probability"][0] for row in rows]))
    with (folder / "cascade.csv").open(newline="", encoding="utf-8") as file:
        for line, row in zip(csv.DictReader(file), rows, strict=True):
            assert float(line["cascade"]) == row["probability"][0]
            assert float(line["half_fail_low"]) == row["half_fail"][1]
            assert float(line["seed_highest"]) == max(row["by_seed"])
    text = (folder / "cascade.md").read_text(encoding="utf-8")
    assert len([line for line in text.splitlines() if line.startswith("| 1")]) == 6
    assert all((folder / f"{name}.png").stat().st_size > 10_000 for name in ("cascade", "channels", "infection"))
    assert "P(cascade)" in capsys.readouterr().out


def test_without_leverage_nothing_and_with_more_of_it_more(launch):
    by_leverage = {(row["leverage"], row["overlap"]): row for row in told(launch(cascade.main, *SMALL)[0])}
    for overlap in (0, 1):
        chances = [by_leverage[x, overlap]["probability"][0] for x in (1, 12, 18)]
        assert chances[0] == 0.0
        assert chances[1] < chances[2]
        assert by_leverage[1, overlap]["size"][0] is None
    assert by_leverage[18, 1]["size"][0] > 2.0 * by_leverage[18, 0]["size"][0]  # who all hold the same fall together


def test_rows_are_paired_and_a_seed_is_a_seed(launch):
    one, two = (told(launch(cascade.main, *SMALL, f"overlap={x}")[0]) for x in ("[0,1]", "[1]"))
    assert one[1::2] == two  # whatever else is in the grid
    other = told(launch(cascade.main, *SMALL, "overlap=[1]", "seeds=1", "seed=2")[0])
    assert [row["by_seed"][1:] for row in two] == [row["by_seed"] for row in other]


def test_the_shock_has_the_law_it_says():
    system = System(RingNetwork(4, [1.0], 0.1), MarginCalls(0.1), LinearSaleImpact([0.0]), 1.0, 0.05, 0.3, 1.0, 1.0)
    moves = np.log(system.shocked(40_000, 3))
    error = 4.0 * 0.05 / np.sqrt(40_000)
    assert np.abs(moves.mean(axis=0)).max() < error
    assert moves.std(axis=0) == pytest.approx(np.full(4, 0.05), rel=0.02)
    assert np.corrcoef(moves.T)[~np.eye(4, dtype=bool)] == pytest.approx(np.full(12, 0.3), abs=0.02)
    assert (system.shocked(10, 3) == system.shocked(40_000, 3)[:10]).all()


def test_other_parts_from_the_command_line(launch):
    swapped = ("network=core_periphery", "network.dealers=5", "network.sizes=[1]", "sale_impact=square_root",
               "sale_impact.scale=[0.05]", "deleveraging=leverage_target", "steps=1")  # fmt: skip
    rows = told(launch(cascade.main, *SMALL[:-1], "leverage=[12]", *swapped)[0])
    assert len(rows) == 2


@pytest.mark.parametrize(("override", "said"), [
    ("leverage=[0.5]", "leverage must be >= 1, got 0.5"),
    ("overlap=[1.5]", "overlap must be in [0, 1], got 1.5"),
    ("overlap=[]", "overlap must be a list of numbers, at least one"),
    ("scenarios=0", "scenarios must be a whole number"),
    ("steps=0", "steps must be a whole number"),
    ("alpha=2", "System.alpha must be in [0, 1], got 2"),
    ("network.share=3", "RandomNetwork.share must be in [0, 1], got 3"),
    ("network=matrix network.owed=nowhere.csv", "MatrixNetwork.owed must name a file"),
    ("sale_impact.slope=[0.1,0.2]", "LinearSaleImpact.slope must have one number, or one for each of 5 assets, got 2"),
])  # fmt: skip
def test_a_mistake_is_one_line(launch, override, said):
    with pytest.raises(SystemExit) as ended:
        launch(cascade.main, *(SMALL[:-1] if "matrix" in override else SMALL), *override.split())
    assert said in str(ended.value.code)
