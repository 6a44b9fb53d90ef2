"""The notebooks run from the first cell to the last, and are kept without what they print."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def read(path):
    return nbformat.read(path, as_version=4)


def codes(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_the_story_is_told():
    assert "inventory_risk" in [path.stem for path in NOTEBOOKS]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_kept_without_outputs(path):
    notebook = read(path)
    nbformat.validate(notebook)
    assert all(not cell.outputs and cell.execution_count is None for cell in codes(notebook))


@pytest.fixture(scope="module", params=NOTEBOOKS, ids=lambda path: path.stem)
def executed(request, tmp_path_factory):
    """A notebook that was run in a folder of its own, by this environment's python."""
    folder, notebook = tmp_path_factory.mktemp("notebook"), read(request.param)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": folder}}).execute()
    return notebook


def test_a_notebook_runs_to_its_last_cell_without_a_warning(executed):
    outputs = [output for cell in codes(executed) for output in cell.outputs]
    assert all(cell.execution_count is not None for cell in codes(executed))
    assert not [output.text for output in outputs if output.output_type == "stream" and output.name == "stderr"]


def test_each_figure_is_drawn(executed):
    for cell in codes(executed):
        pictures = [output for output in cell.outputs if "image/png" in output.get("data", {})]
        assert len(pictures) == cell.source.count("plt.show()")


def test_the_story_ends_well(executed):
    """The closed forms rank as their theories say, and what is learnt beats the best constant quotes."""
    said = "".join(o.text for cell in codes(executed) for o in cell.outputs if o.output_type == "stream")
    lines = [line.rsplit(maxsplit=1) for line in said.splitlines() if line[:1].isalpha()]
    skills = {name.strip(): float(value) for name, value in lines if value.replace(".", "").replace("-", "").isdigit()}
    assert skills["optimum"] == 1.0
    assert skills["Cartea-Jaimungal"] > 0.99
    assert abs(skills["best constant quotes"]) < 1e-6
    assert float(said.split("\nskill ")[1].split()[0]) > 0.5
