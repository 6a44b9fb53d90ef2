"""Machine code depends on what it is made of, and on nothing else."""

import types
from typing import NamedTuple

import numpy as np
import pytest

from mm_env.core import engine, kernel
from mm_env.core.code_identity import code_of
from mm_env.core.component import record
from tests.mm_env.processes import said_after_edits
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


NAMED = (
    "from mm_env.core import engine, kernel\nfrom mm_env.core.component import record\n"
    "from mm_env.markets import market_named\n"
    "print(engine.fingerprint(kernel.step_lanes, record(market_named('amzn'))))"
)
WORDS = {  # a comment, a docstring, another model's rule: the code of a market that has none of them is the same
    "render": ("mm_env/envs/render.py", '"""The picture', 'import os\n"""A picture'),
    "metrics": ("mm_env/metrics.py", "def sharpe(", "def sharpe_of("),
    "a docstring": (
        "mm_env/venue/dealer/fill.py",
        'class Exponential(Fill):\n    """',
        'class Exponential(Fill):\n    """Edited. ',
    ),
    "a comment": ("mm_env/core/lanes.py", "TILE = 64", "# lanes\nTILE = 64"),
    "another price": ("mm_env/price/models.py", "0.5 * self.sigma * self.sigma", "0.4 * self.sigma * self.sigma"),
    "another signal": ("mm_env/price/short_term_alpha.py", "self.", "1.0 * self."),
}
OWN = {
    "a rule": ("mm_env/venue/dealer/fill.py", "exp(-self.k * depth)", "exp(-self.k * depth * 2.0)"),
    "a helper": ("mm_env/core/maths.py", "1.6059043836821613e-10", "1.7e-10"),
    "the noise": ("mm_env/core/noise.py", "2.3283064365386963e-10", "2.4e-10"),
    "the kernel": ("mm_env/core/kernel.py", "return 1 if over else 0", "return 2 if over else 0"),
}


def test_machine_code_is_named_by_its_own_rules_and_by_nothing_else(tmp_path):
    edits = {"nothing": [], **{name: [edit] for name, edit in (WORDS | OWN).items()}}
    said = dict(zip(edits, said_after_edits(tmp_path, NAMED, list(edits.values()))))
    assert {name: said[name] == said["nothing"] for name in said} == {name: name not in OWN for name in edits}


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
