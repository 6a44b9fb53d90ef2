"""Models of one's own, from a module and from a notebook: machine code and Python agree, and an edit takes effect."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mm_env import Brownian, Dealer, Exponential, FiniteHorizon, InventoryPenalty, MarketMakingVectorEnv, Poisson, Price, rule
from mm_env.component import record
from mm_env.simulation import Simulation
from tests.mm_env import user_models as mine
from tests.worlds import random_actions, same_bits, story, within, world

ROOT = Path(__file__).parents[2]
HESTON = mine.Heston(mean=0.3, speed=2.0, vol=0.4)
MARKETS = {
    "price": world(price=HESTON, reward=InventoryPenalty(phi=0.1, noise=0.5)),
    "everything else": world(
        venue=Dealer(mine.Clusters(9.0), mine.Step(0.5), mine.Fixed(0.1)),
        reward=mine.Drawdown(0.5),
        quote=mine.Tick(0.25),
        fees=mine.Tiered(maker=0.1, above=99.0),
        clock=mine.Session(0.5, 5),
    ),
    "venue": world(price=HESTON, venue=mine.Alternating(0.5)),
}


@pytest.mark.parametrize("name", MARKETS)
def test_models_of_ones_own_compile_to_the_bits_of_python(name):
    actions = random_actions(MARKETS[name], 70)
    made, plain = (story(Simulation(MARKETS[name], 70, interpreted=i), 1, actions, 7) for i in (False, True))
    assert all(same_bits(one, other) for one, other in zip(made, plain, strict=True))
    assert np.isfinite(made[-1]).all()


def test_a_latent_state_follows_its_own_law():
    simulation = Simulation(MARKETS["price"], 20_000)
    simulation.start(3)
    assert (simulation.state.latent.variance == 0.3).all()
    for _ in range(5):
        simulation.step(np.zeros(40_000))
    assert within(simulation.state.latent.variance, 0.3)
    shocks = simulation.state.latent.shock
    assert within(shocks, 0.0)
    assert within(shocks**2, 1.0)


def test_a_latent_state_is_shown_where_it_is_declared():
    env = MarketMakingVectorEnv(MARKETS["price"], 5)
    assert env.market.observation_names == ("inventory", "time_left", "variance")
    env.reset(seed=0)
    observations = env.step(np.zeros((5, 2)))[0]
    shown = (env.simulation.state.latent.variance / 0.3 - 1.0).astype(np.float32)
    assert same_bits(observations[:, 2], shown)


def test_a_latent_state_starts_anew_with_each_episode():
    simulation = Simulation(MARKETS["price"], 3)
    simulation.start(0)
    simulation.step(np.zeros(6))
    simulation.restart(np.array([True, False, False]))
    assert (simulation.state.latent.variance == 0.3).tolist() == [True, False, False]


def test_parameters_of_ones_own_model_are_checked_and_may_differ_by_lane():
    with pytest.raises(ValueError, match=r"Heston\.speed must be > 0, got 0"):
        mine.Heston(mean=1.0, speed=0, vol=1.0)
    market = world(price=mine.Heston(mean=np.array([0.1, 0.5]), speed=1.0, vol=0.1))
    simulation = Simulation(market, 2)
    simulation.start(0)
    assert simulation.state.latent.variance.tolist() == [0.1, 0.5]


def test_a_model_made_inside_a_function_works():
    class Drift(Price):
        @rule
        def move(self, mid, latent, noise, dt):
            return mid + dt

    simulation = Simulation(world(price=Drift(), clock=FiniteHorizon(4.0, 4)), 1)
    simulation.start(0)
    simulation.step(np.ones(2))
    assert simulation.state.mid.tolist() == [101.0]


def test_the_rules_of_a_parent_are_inherited():
    class Faster(mine.Step):
        def take(self, depth):
            return 0.5

    assert record(Faster(1.0)).take(9.0) == 0.5
    assert record(Dealer(Poisson(1.0), Faster(1.0))).fill.bid.take(0.0) == 0.5
    assert record(Dealer(Poisson(1.0), Exponential(1.0))).fill.ask.take(0.0) == 1.0


def test_a_model_that_forgets_its_rule_says_so():
    class Empty(Price):
        pass

    simulation = Simulation(world(price=Empty()), 1, interpreted=True)
    simulation.start(0)
    with pytest.raises(NotImplementedError):
        simulation.step(np.zeros(2))
    assert isinstance(Brownian(1.0), Price)


# --- a notebook -------------------------------------------------------------------------------------------------------

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
    market = Market(price=Mine(2.0), venue=Dealer(Poisson(1.0), Exponential(1.0)), clock=FiniteHorizon(1.0, 2), quote=Depths(1.0))
    values = []
    for interpreted in (False, True):
        simulation = Simulation(market, 1, interpreted=interpreted)
        simulation.start(0)
        values.append(simulation.state.mid[0] + simulation.state.latent.value[0])
    print(*values)
''')
CONSTANT = "LEVEL = {}"
HELPER = '''
@scalar
def shifted(x):
    return x + {}
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
for cells in ([CONSTANT.format(1.0), HELPER.format(10.0), MODEL.format(100.0)], [MODEL.format(200.0)], [HELPER.format(20.0)], [CONSTANT.format(2.0)]):
    for cell in cells:
        run(cell)
    run("starts()")
"""
CELLS = ["a model", "its rule redefined", "its helper alone redefined", "its constant alone redefined"]
VALUES = [311.0, 511.0, 521.0, 522.0]


@pytest.fixture(scope="module")
def notebook(tmp_path_factory):
    """What each cell printed: the value by machine code and by Python."""
    script = tmp_path_factory.mktemp("notebook") / "notebook.py"
    script.write_text(NOTEBOOK)
    done = subprocess.run([sys.executable, "-B", str(script)], capture_output=True, text=True, env=environment(script.parent))
    assert done.returncode == 0, done.stderr
    return [[float(number) for number in line.split()] for line in done.stdout.splitlines() if line]


def environment(folder: Path) -> dict[str, str]:
    import os

    own = {"MM_ENV_CACHE": str(folder / "cache"), "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}", "IPYTHONDIR": str(folder)}
    return {**os.environ, **own}


@pytest.mark.parametrize("cell", range(4), ids=CELLS)
def test_a_notebook_cell_takes_effect(notebook, cell):
    assert notebook[cell] == [VALUES[cell]] * 2


# --- stale machine code -----------------------------------------------------------------------------------------------

MODULE = """
from typing import NamedTuple

import helpers
import numpy as np
from mm_env import Price, Real, rule, scalar

LEVEL = 1.0
WEIGHTS = np.array([10.0, 20.0])
SINGLE = np.float32(100.0)
PAIR = (1000.0, (2000.0, 3000.0))

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
        known = shifted(LEVEL) + WEIGHTS[0] + SINGLE + PAIR[1][0] + helpers.outer(1e7)
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
    print(simulation.state.latent.value[0])
"""
EDITS = {
    "a rule": ("1e8 * self.first", "3e8 * self.first"),
    "a parent's rule": ("return 1e6", "return 2e6"),
    "a helper": ("inner(x) + by", "inner(x) - by"),
    "a helper's helper": ("x + 1e4", "x - 1e4"),
    "a default": ("by=1e5", "by=2e5"),
    "a number": ("LEVEL = 1.0", "LEVEL = 5.0"),
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
        (folder / f"{name}.py").write_text(text.replace(*edit) if edit[0] else text)
    own = {**environment(folder), "MM_ENV_CACHE": str(cache)}
    done = subprocess.run([sys.executable, "-B", "main.py"], cwd=folder, capture_output=True, text=True, env=own)
    assert done.returncode == 0, done.stderr
    return [float(line) for line in done.stdout.split()]


@pytest.fixture(scope="module")
def warm(tmp_path_factory):
    """A cache that holds the machine code of the model as it was before any edit, and what the model gave."""
    folder = tmp_path_factory.mktemp("stale")
    return folder / "cache", run_in_new_process(folder, folder / "cache")


def files(cache: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in cache.rglob("*.nb?")}


def test_without_an_edit_the_machine_code_is_found_again(warm, tmp_path):
    cache, values = warm
    before = files(cache)
    assert len(before) == 2  # an index and a code
    assert run_in_new_process(tmp_path, cache) == values
    assert files(cache) == before
    assert values[0] == values[1]


@pytest.mark.parametrize("edit", EDITS)
def test_after_an_edit_the_machine_code_is_never_stale(warm, tmp_path, edit):
    cache, (_, before) = warm
    made, plain = run_in_new_process(tmp_path, cache, EDITS[edit])
    assert made == plain
    assert (plain == before) == (edit == "the order of the parameters")
