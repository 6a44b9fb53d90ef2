"""Stale machine code is impossible: whatever a rule is made of is edited, and a new process sees it."""

from pathlib import Path

import pytest

from tests.mm_env.processes import run_script

MODULE = """
from typing import NamedTuple

import helpers
import numpy as np
from mm_env import Price, Real, rule, scalar

LEVEL = 1.0
WEIGHTS = np.array([10.0, 20.0])
SINGLE = np.float32(100.0)
PAIR = (1000.0, (2000.0, 3000.0))
LOW, HIGH, PICK = 1, 2, 1

class Latent(NamedTuple):
    value: float

@scalar
def inner(x):
    return x + 1e4

@scalar
def shifted(x, by=1e5):
    return inner(x) + by

class Base(Price):
    @rule
    def base(self):
        return 1e6

class Mine(Base):
    first: Real
    second: Real

    @rule
    def start(self):
        known = shifted(LEVEL) + WEIGHTS[0] + SINGLE + PAIR[1][0] + helpers.outer(1e7) + (LOW + 2 * HIGH + PICK) / 8
        return Latent(known + self.base() + 1e8 * self.first + 1e9 * self.second)

    @rule
    def move(self, mid, latent, noise, dt):
        return mid
"""
HELPERS = """
from mm_env import scalar

FACTOR = 1.0

@scalar
def outer(x):
    return FACTOR * x
"""
MAIN = """
from mm_env import Depths, Dealer, Exponential, FiniteHorizon, Market, Poisson
from mm_env.simulation import Simulation
from model import Mine

venue, clock = Dealer(Poisson(1.0), Exponential(1.0)), FiniteHorizon(1.0, 2)
market = Market(price=Mine(first=1.0, second=2.0), venue=venue, clock=clock, quote=Depths(1.0))
for interpreted in (False, True):
    simulation = Simulation(market, 1, interpreted=interpreted)
    simulation.start(0)
    print(simulation.state.world.price.value[0])
"""
EDITS = {
    "a rule": ("1e8 * self.first", "3e8 * self.first"),
    "a parent's rule": ("return 1e6", "return 2e6"),
    "a helper": ("inner(x) + by", "inner(x) - by"),
    "a helper's helper": ("x + 1e4", "x - 1e4"),
    "a default": ("by=1e5", "by=2e5"),
    "a number": ("LEVEL = 1.0", "LEVEL = 5.0"),
    "a number for another that is known": ("PICK = 1, 2, 1", "PICK = 1, 2, 2"),
    "a numpy number": ("np.float32(100.0)", "np.float32(300.0)"),
    "a numpy array": ("np.array([10.0, 20.0])", "np.array([30.0, 20.0])"),
    "a nested tuple": ("(2000.0, 3000.0)", "(4000.0, 3000.0)"),
    "a helper of another module": ("return FACTOR * x", "return FACTOR * x * 2.0"),
    "a number of another module": ("FACTOR = 1.0", "FACTOR = 3.0"),
    "the order of the parameters": ("first: Real\n    second: Real", "second: Real\n    first: Real"),
}


def run_in_new_process(folder: Path, cache: Path, edit=("", "")) -> list[float]:
    """The starting value by machine code and by Python, of the model with one edit."""
    for name, text in (("model", MODULE), ("helpers", HELPERS), ("main", MAIN)):
        (folder / f"{name}.py").write_text(text.replace(*edit) if edit[0] else text, encoding="utf-8")
    return run_script(folder / "main.py", cache)


@pytest.fixture(scope="module")
def warm(tmp_path_factory):
    """A cache that holds the machine code of the model as it was before any edit, and what the model gave."""
    folder = tmp_path_factory.mktemp("stale")
    return folder / "cache", run_in_new_process(folder, folder / "cache")


def files(cache: Path) -> dict[str, int]:
    """Each file of machine code and its place on the disk, which is another one once it is written anew."""
    return {str(path): path.stat().st_ino for path in cache.rglob("*.code")}


def test_without_an_edit_the_machine_code_is_found_again(warm, tmp_path):
    cache, values = warm
    before = files(cache)
    assert len(before) == 1
    assert run_in_new_process(tmp_path, cache) == values
    assert files(cache) == before
    assert values[0] == values[1]


@pytest.mark.parametrize("edit", EDITS)
def test_after_an_edit_the_machine_code_is_never_stale(warm, tmp_path, edit):
    cache, (_, before) = warm
    made, plain = run_in_new_process(tmp_path, cache, EDITS[edit])
    assert made == plain
    assert (plain == before) == (edit == "the order of the parameters")
