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


def read(path):
    return nbformat.read(path, as_version=4)


def codes(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_the_story_is_told_in_order():
    expected = ["first_quarter_of_an_hour", "why_makers_skew", "queues_of_an_order_book", "messages_to_agent"]
    assert [path.stem for path in NOTEBOOKS] == expected


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


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_to_its_last_cell_without_a_warning(path):
    outputs = [output for cell in codes(executed(path)) for output in cell.outputs]
    assert all(cell.execution_count is not None for cell in codes(executed(path)))
    said = "".join(o.text for o in outputs if o.output_type == "stream" and o.name == "stderr").splitlines()
    assert not [line for line in said if not line.startswith("mm_env: making machine code")]  # where none was kept yet


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
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


def test_the_closed_forms_rank_as_their_theories_say_and_skewing_pays():
    text = said("why_makers_skew")
    skills = {name: numbers[-1] for name, numbers in rows(text).items()}
    assert skills["optimum"] == 1.0
    assert skills["Cartea-Jaimungal"] > skills["GLFT"] > skills["GLFT, asymptotic"] > skills["Avellaneda-Stoikov"] > 0.5
    assert abs(skills["best constant quotes"]) < 1e-6
    assert 0.9 < float(text.split("\nskill ")[1].split()[0]) <= 1.0
    skewed, constant = re.search(r"skewed ([\d.]+), constant ([\d.]+)", text).groups()
    assert float(skewed) > 1.5 * float(constant)


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
