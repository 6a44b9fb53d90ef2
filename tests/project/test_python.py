"""A Python that does not go is refused in words, before anything is installed."""

import re
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / ".ci" / "check_python.py"


@pytest.fixture(scope="module")
def check():
    spec = spec_from_file_location("check_python", SCRIPT)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("minor", [11, 12, 13])
def test_what_is_tested_is_allowed(check, minor):
    assert check.refusal((3, minor)) == ""


@pytest.mark.parametrize(
    ("version", "why"),
    [
        ((2, 7), "is too old"),
        ((3, 10), "is too old"),
        ((3, 14), "is too new: nothing here was ever run on it"),
    ],
)
def test_what_is_not_is_refused_with_the_cure(check, version, why):
    named = ".".join(map(str, version))
    assert check.refusal(version) == (
        f"mm_env needs Python 3.11 or 3.12 or 3.13, and Python {named} {why}; make PYTHON=python3.13 takes another one that is "
        "installed"
    )


def test_the_script_ends_with_the_sentence_alone(tmp_path):
    """As for a Python that is not allowed: by a copy whose pyproject.toml ends before this one."""
    copied = tmp_path / ".ci" / SCRIPT.name
    copied.parent.mkdir()
    copied.write_text(SCRIPT.read_text(encoding="utf-8"), encoding="utf-8")
    bounds = f'requires-python = ">=3.{sys.version_info.minor - 2},<3.{sys.version_info.minor}"\n'
    (tmp_path / "pyproject.toml").write_text(bounds, encoding="utf-8")
    done = subprocess.run([sys.executable, str(copied)], capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.returncode == 1
    assert re.fullmatch(r"mm_env needs Python 3\.\d+ or 3\.\d+, and Python 3\.\d+ is too new: [^\n]*\n", done.stderr)


def test_make_asks_before_it_makes_an_environment():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in (".venv/ready: pyproject.toml constraints.txt", "test-lowest:"):
        rule = makefile.split(f"\n{target}\n", 1)[1].split("\n\n", 1)[0]
        assert rule.splitlines()[0] == "\t$(PYTHON) .ci/check_python.py"


def test_this_python_goes_by_without_a_word():
    done = subprocess.run([sys.executable, str(SCRIPT)], capture_output=True, text=True, encoding="utf-8", check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
