"""What others join the project by is valid, and names only what is there."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import jsonschema
import pytest
import yaml

import mm_env

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
FORMS = sorted(path for path in (ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml") if path.stem != "config")
PINS = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").split())
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def read(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def steps(workflow):
    return [step for job in read(workflow)["jobs"].values() for step in job["steps"]]


def test_the_citation_is_valid_and_of_this_version():
    """By the schema of the Citation File Format 1.2.0 (its authors, CC BY 4.0)."""
    schema = json.loads(Path(__file__).with_name("cff-1.2.0.schema.json").read_text(encoding="utf-8"))
    citation = read(ROOT / "CITATION.cff")
    jsonschema.Draft7Validator(schema).validate(citation)
    assert citation["version"] == mm_env.__version__
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## {citation['version']} ({citation['date-released']})" in changelog


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_an_issue_form_is_one_that_github_shows(path):
    form = read(path)
    assert {"name", "description", "body"} <= set(form)
    asked = [part for part in form["body"] if part["type"] != "markdown"]
    assert asked
    assert len({part["id"] for part in asked}) == len(asked)
    assert {part["type"] for part in asked} <= {"textarea", "input", "dropdown", "checkboxes"}
    assert all(part["attributes"]["label"] for part in asked)
    assert all(part["attributes"]["options"] for part in asked if part["type"] in ("dropdown", "checkboxes"))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_is_whole(path):
    workflow = read(path)
    assert {"name", "jobs", "permissions"} <= set(workflow)
    assert workflow[True]  # what YAML makes of `on`
    for job in workflow["jobs"].values():
        assert job["timeout-minutes"] <= 90
        assert all(("run" in step) != ("uses" in step) for step in job["steps"])


def test_the_workflows_are_those_that_contributing_needs():
    assert [path.stem for path in WORKFLOWS] == ["benchmark", "docs", "quick", "tests"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_what_a_workflow_runs_and_reads_is_there(path):
    for step in steps(path):
        for target in re.findall(r"make ([\w-]+)", step.get("run", "")):
            if target == "docs" and not (ROOT / "mkdocs.yml").is_file():
                pytest.skip("the site is not here yet")
            assert re.search(rf"^{target}:", MAKEFILE, re.M), target
        if file := step.get("with", {}).get("cache-dependency-path"):
            assert (ROOT / file).is_file()


def test_the_whole_suite_runs_on_the_lowest_and_the_highest_python():
    """Of those that pyproject.toml allows."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    low, end = re.fullmatch(r">=3\.(\d+),<3\.(\d+)", project["requires-python"]).groups()
    matrix = read(ROOT / ".github" / "workflows" / "tests.yml")["jobs"]["tests"]["strategy"]["matrix"]
    assert matrix["python"] == [f"3.{low}", f"3.{int(end) - 1}"]


def test_every_target_that_contributing_names_is_one():
    said = re.findall(r"`make ([\w-]+)`", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))
    assert len(said) >= 5
    assert [target for target in said if not re.search(rf"^{target}:", MAKEFILE, re.M)] == []


def test_every_file_that_contributing_names_is_there():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = {name for name in re.findall(r"`((?:mm_env|agents|conf|tests)/[\w/.]+)`", text) if "NAME" not in name}
    assert len(named) > 10
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def test_pre_commit_has_the_versions_that_are_pinned():
    repositories = {
        entry["repo"].rsplit("/", 1)[-1]: entry for entry in read(ROOT / ".pre-commit-config.yaml")["repos"]
    }
    assert set(repositories) == {"ruff-pre-commit", "nbstripout", "codespell"}
    assert repositories["ruff-pre-commit"]["rev"] == f"v{PINS['ruff']}"
    assert repositories["codespell"]["rev"] == f"v{PINS['codespell']}"


def test_the_text_is_spelt_well():
    """By codespell's list of common mistakes, with pyproject.toml's exceptions."""
    pytest.importorskip("codespell_lib")

    done = subprocess.run(
        [sys.executable, "-m", "codespell_lib"], cwd=ROOT, capture_output=True, text=True, encoding="utf-8"
    )
    assert done.stdout == ""
    assert done.returncode == 0
