"""Where provision pays: the table of pools, simulated beside closed form."""

import csv

import pytest

from experiments import sustainability

FEW = ("fee_levels=[0.0005,0.003]", "volatilities=[0.05]", "block_times=[12.0]", "lanes=400", "steps=400")


def test_returns_are_those_of_the_closed_form_and_more_pays_with_less_volatility(launch):
    folder, (share,) = launch(sustainability.main, *FEW)
    with (folder / "table.csv").open(newline="", encoding="utf-8") as file:
        found = list(csv.DictReader(file))
    for row in found:
        error = float(row["return_half_width"])
        assert abs(float(row["return"]) - float(row["closed form"])) < 3.0 * error + 0.05
        earned = float(row["fees"]) - float(row["loss versus rebalancing"]) - float(row["moving costs"])
        assert earned == pytest.approx(float(row["return"]), abs=1e-6)
    assert share == sum(row["provision"] == "pays" for row in found) / len(found) == 1.0
    assert (folder / "table.md").is_file()


@pytest.mark.parametrize(("option", "why"), [
    ("fee_levels=[1.5]", "Pool.fee must be in"), ("fee_levels=[]", "fee_levels must be a list of numbers"),
    ("volatilities=[-0.1]", "volatilities must be > 0"), ("poisson=1", "poisson must be true or false"),
    ("steps=2", "steps must be a whole number >= 10, got 2"), ("half_width=0", "RangeGrid.half_widths must be > 0"),
])  # fmt: skip
def test_what_cannot_be_is_refused(refused, option, why):
    assert why in refused(sustainability.main, *FEW, option)
