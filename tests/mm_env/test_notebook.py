"""Models made in notebook cells: each cell takes effect, be it a rule, a helper or a constant that is defined anew."""

import pytest

from tests.mm_env.processes import run_script

NOTEBOOK = """
from IPython.core.interactiveshell import InteractiveShell

shell = InteractiveShell.instance()

def run(cell):
    result = shell.run_cell(cell, store_history=True)
    result.raise_error()

run('''
import numpy as np
from mm_env import Depths, Dealer, Exponential, FiniteHorizon, Market, Poisson, Price, Positive, rule, scalar
from mm_env.simulation import Simulation

def starts():
    "The starting value by machine code and by Python."
    venue, clock = Dealer(Poisson(1.0), Exponential(1.0)), FiniteHorizon(1.0, 2)
    market = Market(price=Mine(2.0), venue=venue, clock=clock, quote=Depths(1.0))
    values = []
    for interpreted in (False, True):
        simulation = Simulation(market, 1, interpreted=interpreted)
        simulation.start(0)
        values.append(simulation.state.mid[0] + simulation.state.world.price.value[0])
    print(*values)
''')
CONSTANT = "LEVEL = {}"
FURTHER = "WIDTH = {}"
HELPER = '''
@scalar
def shifted(x):
    return x + {} + WIDTH
'''
MODEL = '''
from typing import NamedTuple

class Latent(NamedTuple):
    value: float

class Mine(Price):
    sigma: Positive

    @rule
    def start(self):
        return Latent({} * self.sigma + shifted(LEVEL))

    @rule
    def move(self, mid, latent, noise, dt):
        return mid
'''
run(CONSTANT.format(1.0))
run(FURTHER.format(0.0))
run(HELPER.format(10.0))
for cell in (MODEL.format(100.0), MODEL.format(200.0), HELPER.format(20.0), CONSTANT.format(2.0), FURTHER.format(0.5)):
    run(cell)
    run("starts()")
"""
CELLS = ["a model", "its rule redefined", "its helper alone", "its constant alone", "its helper's constant alone"]
VALUES = [311.0, 511.0, 521.0, 522.0, 522.5]


@pytest.fixture(scope="module")
def notebook(tmp_path_factory):
    """What each cell printed: the value by machine code and by Python."""
    script = tmp_path_factory.mktemp("notebook") / "notebook.py"
    script.write_text(NOTEBOOK, encoding="utf-8")
    printed = run_script(script, script.parent / "cache")
    return [printed[i : i + 2] for i in range(0, len(printed), 2)]


@pytest.mark.parametrize("cell", range(5), ids=CELLS)
def test_a_notebook_cell_takes_effect(notebook, cell):
    assert notebook[cell] == [VALUES[cell]] * 2
