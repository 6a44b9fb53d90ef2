"""Machine code depends on what it is made of, and on nothing else."""

import shutil
import types
from typing import NamedTuple

import numpy as np
import pytest

from mm_env.core import engine, kernel
from mm_env.core.code_identity import code_of
from mm_env.core.component import record
from tests.mm_env.processes import ROOT, run_script
from tests.worlds import world


def said(source, name="rule", **names):
    """The words for the function `name` of a module with this source."""
    module = types.ModuleType("a_module")
    vars(module).update(names)
    exec(source, vars(module))
    return list(code_of(vars(module)[name], set()))


RULE = "FACTOR = 2.0\ndef helper(x):\n    return FACTOR * x\ndef rule(x):\n    return helper(x) + 1.0\n"


@pytest.mark.parametrize("edit", [
    ("FACTOR = 2.0", "FACTOR = 3.0"), ("FACTOR * x", "FACTOR / x"), ("+ 1.0", "+ 2.0"), ("(x) + 1.0", "(x + 1.0)"),
    ("def rule(x)", "def rule(x, y=0.0)"), ("FACTOR = 2.0", "import numpy as np\nFACTOR = np.ones(2)"),
])  # fmt: skip
def test_an_edit_of_a_rule_its_helpers_or_constants_makes_another(edit):
    assert edit[0] in RULE
    assert said(RULE.replace(*edit)) != said(RULE)


@pytest.mark.parametrize("edit", [
    ("def rule(x):\n", "def rule(x):\n    '''What it does.'''\n"), ("FACTOR = 2.0", "FACTOR = 2.0  # why"),
    ("FACTOR = 2.0", "\n\nFACTOR = 2.0\nOTHER = 3.0\ndef stranger():\n    return OTHER"),
])  # fmt: skip
def test_an_edit_of_words_or_of_strangers_makes_the_same(edit):
    assert said(RULE.replace(*edit)) == said(RULE)


@pytest.mark.parametrize("path", ["helpers", "package.helpers", "package.inner.helpers"])
def test_helpers_are_found_through_modules_in_modules(path):
    def words(factor):
        helpers = types.ModuleType("helpers")
        exec(f"def helper(x):\n    return {factor} * x", vars(helpers))
        names, module = path.split("."), helpers
        for name in reversed(names[1:]):
            outer = types.ModuleType("outer")
            setattr(outer, name, module)
            module = outer
        return said(f"def rule(x):\n    return {path}.helper(x)", **{names[0]: module})

    assert words(2.0) == words(2.0)
    assert words(2.0) != words(3.0)


def test_the_places_of_a_named_tuples_fields_count():
    one, other = NamedTuple("Pair", [("a", float), ("b", float)]), NamedTuple("Pair", [("b", float), ("a", float)])
    source = "def rule(x):\n    return Pair(a=x, b=0.0)"
    assert said(source, Pair=one) != said(source, Pair=other)


def test_the_layout_of_a_record_counts():
    one, other = np.dtype([("x", "f8")]), np.dtype([("x", "f8"), ("y", "f8")])
    source = "def rule(x):\n    return Layout"
    assert said(source, Layout=one) != said(source, Layout=other)


@pytest.fixture
def copied(tmp_path):
    """A copy of the package, and the fingerprint of the step of `amzn` that a new process finds in it."""
    shutil.copytree(ROOT / "mm_env", tmp_path / "mm_env", ignore=shutil.ignore_patterns("__pycache__"))
    script = tmp_path / "main.py"
    script.write_text(
        "from mm_env.core import engine, kernel\nfrom mm_env.core.component import record\n"
        "from mm_env.markets import market_named\n"
        "print(int(engine.fingerprint(kernel.step_lanes, record(market_named('amzn')))[:12], 16))\n",
        encoding="utf-8",
    )
    return lambda: run_script(script, tmp_path / "cache")


@pytest.mark.parametrize(
    "path", ["mm_env/envs/render.py", "mm_env/metrics.py", "mm_env/price/short_term_alpha.py", "mm_env/price/models.py"]
)
def test_words_in_a_file_of_the_package_change_no_fingerprint(path, tmp_path, copied):
    """A comment, a docstring, another model's rule are edited: the code of a market that has none of them is the same."""
    before, edited = copied(), tmp_path / path
    whole = edited.read_text(encoding="utf-8")
    whole = whole.replace('"""', '"""Edited. ', 1) + "\n# a comment\n"
    edited.write_text(whole.replace("0.5 * self.sigma * self.sigma", "0.4 * self.sigma * self.sigma"), encoding="utf-8")
    assert copied() == before


@pytest.mark.parametrize(("path", "edit"), [
    ("mm_env/venue/dealer/fill.py", ("exp(-self.k * depth)", "exp(-self.k * depth * 2.0)")),
    ("mm_env/core/maths.py", ("1.6059043836821613e-10", "1.7e-10")),
    ("mm_env/core/noise.py", ("2.3283064365386963e-10", "2.4e-10")),
    ("mm_env/core/kernel.py", ("return 1 if over else 0", "return 2 if over else 0")),
    ("mm_env/core/lanes.py", ("TILE = 64", "TILE = 32")),
])  # fmt: skip
def test_an_edit_of_a_markets_own_rule_changes_its_fingerprint(path, edit, tmp_path, copied):
    before, whole = copied(), (tmp_path / path).read_text(encoding="utf-8")
    assert edit[0] in whole
    (tmp_path / path).write_text(whole.replace(*edit), encoding="utf-8")
    assert copied() != before


@pytest.mark.parametrize("name", [
    "numba.core.compiler:CompileResult._rebuild", "numba.core.compiler:CompileResult._reduce",
    "numba.core.compiler:CompileResult._find_referenced_environments", "numba.core.bytecode:FunctionIdentity._unique_ids",
    "numba.core.codegen:JITCodeLibrary._finalize_final_module", "numba.core.codegen:JITCodeLibrary._optimize_functions",
    "numba.core.codegen:JITCodeLibrary._optimize_final_module", "numba.core.codegen:JITCodeLibrary._finalize_dynamic_globals",
    "numba.core.codegen:JITCodeLibrary._verify_declare_only_symbols", "numba.core.codegen:JITCPUCodegen._library_class",
    "numba.core.codegen:JITCPUCodegen._function_pass_manager", "numba.core.codegen:JITCPUCodegen.set_env",
    "numba.core.codegen:JitEngine.is_symbol_defined", "numba.core.codegen:JITCPUCodegen.magic_tuple",
    "llvmlite.ir.values:MDValue.descr", "llvmlite.ir:MetaDataString", "llvmlite.ir:CallInstr",
])  # fmt: skip
def test_numba_still_has_the_private_names_that_the_engine_relies_on(name):
    import importlib

    module, path = name.split(":")
    thing = importlib.import_module(module)
    for part in path.split("."):
        assert hasattr(thing, part), f"numba changed: {name} is gone, and mm_env/engine_numba.py relies on it"
        thing = getattr(thing, part)


def test_a_rule_that_raises_raises_in_machine_code_too():
    """What a rule raises lies in an environment of its own, which has to be part of the kernel's."""
    import mm_env
    from mm_env.simulation import Simulation

    class Refuses(mm_env.Brownian):
        @mm_env.rule
        def move(self, mid, latent, noise, dt):
            if mid > 0.0:
                raise ValueError("no such mid")
            return mid

    simulation = Simulation(world(price=Refuses(1.0)), 3)
    simulation.start(0)
    with pytest.raises(ValueError, match="no such mid"):
        simulation.step(np.zeros(6))


def test_a_fingerprint_is_of_rules_and_kernel():
    rules = record(world())
    assert engine.fingerprint(kernel.step_lanes, rules) != engine.fingerprint(kernel.begin_lanes, rules)
