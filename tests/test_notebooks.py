"""The notebooks run from the first cell to the last, and are kept without what they print."""

import re
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
LONG = ("messages_to_agent", "queues_of_an_order_book", "why_makers_skew")  # most of a minute each
RUN = [pytest.param(path, id=path.stem, marks=[pytest.mark.slow] * (path.stem in LONG)) for path in NOTEBOOKS]


def read(path):
    return nbformat.read(path, as_version=4)


def codes(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_a_notebook_is_called_by_what_it_shows():
    assert [path.stem for path in NOTEBOOKS] == [
        "desk_of_two_bonds", "first_quarter_of_an_hour", "liquidity_in_a_pool", "messages_to_agent", "queues_of_an_order_book",
        "risk_and_tails", "why_makers_skew",
    ]  # fmt: skip


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_names_only_notebooks_that_are_there(path):
    named = {name for cell in read(path).cells for name in re.findall(r"`(\w+)\.ipynb`", cell.source)}
    assert named <= {other.stem for other in NOTEBOOKS} - {path.stem}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_kept_without_outputs(path):
    notebook = read(path)
    nbformat.validate(notebook)
    assert all(not cell.outputs and cell.execution_count is None for cell in codes(notebook))


@cache
def executed(path):
    """A notebook that was run in a folder of its own, by this environment's python, without real data."""
    notebook = read(path)
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        patch.setenv("MM_ENV_DATA", folder)
        NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": folder}}).execute()
    return notebook


def said(stem):
    """What a notebook printed."""
    cells = codes(executed(ROOT / "notebooks" / f"{stem}.ipynb"))
    return "".join(o.text for cell in cells for o in cell.outputs if o.output_type == "stream")


def rows(text):
    """Name -> the numbers at the end of a printed row."""
    found = [re.match(r"([A-Za-z][A-Za-z, -]*?):? +((?:±?[+-]?\d[\d.]* *)+)$", line) for line in text.splitlines()]
    return {row[1]: [float(number.lstrip("±")) for number in row[2].split()] for row in found if row}


@pytest.mark.parametrize("path", RUN)
def test_a_notebook_runs_to_its_last_cell_without_a_warning(path):
    outputs = [output for cell in codes(executed(path)) for output in cell.outputs]
    assert all(cell.execution_count is not None for cell in codes(executed(path)))
    said = "".join(o.text for o in outputs if o.output_type == "stream" and o.name == "stderr").splitlines()
    assert not [line for line in said if not line.startswith("mm_env: making machine code")]  # where none was kept yet


@pytest.mark.parametrize("path", RUN)
def test_each_figure_is_drawn(path):
    for cell in codes(executed(path)):
        pictures = [output for output in cell.outputs if "image/png" in output.get("data", {})]
        assert len(pictures) == cell.source.count("plt.show()")


def test_a_brief_training_comes_near_the_optimum():
    """Skill runs from the best constant quotes to the optimum; and what constant quotes forgo is in the risk."""
    found = rows(said("first_quarter_of_an_hour"))
    assert found["optimum"][-1] == 1.0
    assert found["constant quotes"][-1] == 0.0
    assert 0.9 < found["PPO"][-1] <= 1.0
    assert found["random"][0] < found["constant quotes"][0] < found["PPO"][0]
    assert found["constant quotes"][2] > 2.0 * found["optimum"][2]


@pytest.mark.slow
def test_the_closed_forms_rank_as_their_theories_say_and_skewing_pays():
    text = said("why_makers_skew")
    skills = {name: numbers[-1] for name, numbers in rows(text).items()}
    assert skills["optimum"] == 1.0
    assert skills["Cartea-Jaimungal"] > skills["GLFT"] > skills["GLFT, asymptotic"] > skills["Avellaneda-Stoikov"] > 0.5
    assert abs(skills["best constant quotes"]) < 1e-6
    assert 0.9 < float(text.split("\nskill ")[1].split()[0]) <= 1.0
    skewed, constant = re.search(r"skewed ([\d.]+), constant ([\d.]+)", text).groups()
    assert float(skewed) > 1.5 * float(constant)


@pytest.mark.slow
def test_the_book_keeps_its_exact_chances_and_no_strategy_beats_its_optimum():
    text = said("queues_of_an_order_book")
    assert float(re.search(r"exact chance: ([\d.]+)", text)[1]) < 4.0
    places = re.findall(r"filled ([\d.]+) \(exactly ([\d.]+)\), worth ([+-][\d.]+)", text)
    filled, exact, worth = np.array(places, float).T
    assert len(places) == 5
    assert np.all(np.abs(filled - exact) < 4.0 * np.sqrt(exact * (1.0 - exact) / 10_000) + 0.001)  # as rounded
    assert np.all(np.diff(worth) < 0.0)
    played, small = text.split("states; worth")
    assert max(rows(played), key=lambda name: rows(played)[name][0]) == "join, two lots at most"
    skill, half_width = rows(small)["optimum"]
    assert abs(skill - 1.0) < 4.0 / 1.96 * half_width + 0.01
    assert all(skill > rival[0] for name, rival in rows(small).items() if len(rival) == 2 and name != "optimum")
    bid, ask = (
        np.array(line.split(": ")[1].split(), float) for line in small.splitlines() if "inside the best" in line
    )
    assert bid[-1] == ask[0] == 0.0
    assert np.all(bid[:2] > ask[:2])
    assert np.all(bid[3:] < ask[3:])


@pytest.mark.slow
def test_the_true_market_comes_back_from_its_messages_and_the_agent_survives_the_errors():
    text = said("messages_to_agent")
    assert "\n0 of " in text
    estimates = re.findall(r"(\w+) +([\d.]+) ±([\d.]+) +true ([\d.]+)", text)
    assert [name for name, *_ in estimates] == ["rate", "k", "sigma"]
    assert all(abs(float(value) - float(true)) < 4.0 * float(error) for _, value, error, true in estimates)
    skills = rows(text)
    assert skills["optimum of the measured market"][0] == 1.0
    assert 0.98 < skills["optimum of the measured market"][1] < 1.0
    assert all(0.9 < skill <= 1.0 for skill in skills["PPO"])
    assert skills["best constant quotes"][1] <= 0.0 == skills["best constant quotes"][0]


def test_who_leans_earns_as_much_at_a_thinner_tail_in_calm_and_in_each_crisis():
    text = said("risk_and_tails")
    calm = {name: [float(n) for n in line.split()[-4:]] for line in text.splitlines()
            for name in ("constant quotes", "GLFT") if line.startswith(name)}  # fmt: skip
    assert all(row[2] < row[1] < row[0] for row in calm.values())  # CVaR < VaR < mean
    assert calm["GLFT"][0] > 0.9 * calm["constant quotes"][0]
    assert calm["GLFT"][2] > calm["constant quotes"][2] + 1.0
    tails = dict(re.findall(r"^(.+, (?:constant quotes|GLFT)) +(-?[\d.]+)$", text, re.M))
    assert len(tails) == 6
    for stress in ("volatility x 3", "sellers", "sellers and a gap"):
        constant, leaning = (float(tails[f"{stress}, {name}"]) for name in ("constant quotes", "GLFT"))
        assert constant < leaning
        assert constant < calm["constant quotes"][2]


def test_a_desk_long_of_one_bond_bids_less_for_the_one_that_moves_with_it_and_that_pays():
    text = said("desk_of_two_bonds")
    short, long = map(float, re.search(r"short and long of bond_2: ([\d.-]+) ([\d.-]+)", text).groups())
    assert short < long
    ahead, error = map(float, re.search(r"ahead by ([\d.-]+) ±([\d.]+)", text).groups())
    assert ahead > error
    table = rows(text)
    assert table["quadratic"][2] < table["constant depths"][2]  # at less risk


def test_a_pools_narrow_range_earns_and_loses_more_and_moving_keeps_it_in_range():
    text = said("liquidity_in_a_pool")
    widths = np.array(re.findall(r"^(0\.\d+) +([\d.]+) +([\d.]+) +([\d.]+)$", text, re.M), float)
    assert len(widths) == 5
    assert np.all(np.diff(widths[:, 3]) > 0.0)  # the wider, the longer in range
    assert np.all(widths[:, 1] > widths[:, 2])  # fees are more than what arbitrageurs take
    assert widths[1, 1] > widths[4, 1]
    table = {name: [float(n) for n in re.findall(r"-?[\d.]+", line[20:])] for line in text.splitlines()
             for name in ("out of the pool", "placed once, 2 %", "moved on exit") if line.startswith(name)}  # fmt: skip
    assert table["out of the pool"][0] == 0.0
    assert table["moved on exit"][3] > 0.99 > table["placed once, 2 %"][3]
    assert table["moved on exit"][2] > 1.0
