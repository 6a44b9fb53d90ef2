"""What an installation holds and needs: one import name, typed; the rest by extras, each of which says that it is missing."""

import re
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from mm_env.core.extras import MissingExtra, require

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
EXTRAS = PROJECT["project"]["optional-dependencies"]
REQUIRED = re.compile(r'^\s*require\("([^"]+)", "([a-z]+)"((?:, "\w+")+)\)', re.MULTILINE)
SOURCES = [path for room in ("mm_env", "agents", "experiments") for path in sorted((ROOT / room).rglob("*.py"))]
CALLS = [found for path in SOURCES for found in REQUIRED.findall(path.read_text(encoding="utf-8"))]


def brought_by(requirements):
    """The names of the distributions, through extras of our own."""
    for requirement in map(Requirement, requirements):
        if requirement.name == "mm_env":
            yield from brought_by(line for extra in requirement.extras for line in EXTRAS[extra])
        else:
            yield canonicalize_name(requirement.name)


def test_the_version_is_one_wherever_it_is_told():
    told = {
        "CITATION.cff": r"^version: (\S+)$",
        "README.md": r"^  version = \{(\S+)\}$",
        "CHANGELOG.md": r"^## (\d\S*) \(\d{4}-\d\d-\d\d\)$",  # the newest
        "mm_env/__init__.py": r'^__version__ = "(\S+)"$',
    }
    found = {
        name: re.search(line, (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE) for name, line in told.items()
    }
    assert {name: match and match[1] for name, match in found.items()} == dict.fromkeys(
        told, PROJECT["project"]["version"]
    )


def test_a_wheel_holds_one_import_name_with_its_types():
    setuptools = pytest.importorskip("setuptools")
    found = setuptools.find_packages(str(ROOT), **PROJECT["tool"]["setuptools"]["packages"]["find"])
    folders = {path.parent.relative_to(ROOT) for path in (ROOT / "mm_env").rglob("*.py")}
    assert set(found) == {".".join(folder.parts) for folder in folders}
    data = PROJECT["tool"]["setuptools"]["package-data"]
    assert data == {"mm_env": ["py.typed"]}
    assert (ROOT / "mm_env" / "py.typed").is_file()


def test_the_package_alone_needs_four_libraries():
    assert set(brought_by(PROJECT["project"]["dependencies"])) == {"numpy", "gymnasium", "numba", "filelock"}


def test_everything_is_all_that_users_may_want():
    extras = ("training", "experiments", "data", "sweeps", "options", "makers", "minari", "onnx")
    parts = [line for extra in extras for line in EXTRAS[extra]]
    assert set(brought_by(EXTRAS["everything"])) == set(brought_by(parts))
    assert set(brought_by(EXTRAS["dev"])) > set(brought_by(parts))


@pytest.mark.parametrize(("user", "extra", "libraries"), CALLS, ids=[call[0] for call in CALLS])
def test_an_extra_brings_what_is_asked_of_it(user, extra, libraries):
    owners = packages_distributions()
    for library in re.findall(r"\w+", libraries):
        names = {canonicalize_name(name) for name in owners[library]}
        assert names & set(brought_by(EXTRAS[extra])), (user, library)


def test_a_missing_extra_is_told_of_in_one_line():
    require("the game", "training", "numpy")
    with pytest.raises(MissingExtra) as caught:
        require("the game", "training", "numpy", "no_such_library")
    assert str(caught.value).startswith("the game needs mm_env[training]: no_such_library not found")
    assert "\n" not in str(caught.value)
    assert caught.value.name == "no_such_library"
