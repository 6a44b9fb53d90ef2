"""An optimum on disk is named by all that it is made of, and by nothing else."""

from agents.exact.optimum import optimum
from agents.exact.quote_optimum import named
from mm_env.markets import market_named
from tests.mm_env.processes import said_after_edits
from tests.worlds import world

STATEMENT = """
from agents.exact.quote_optimum import named
from mm_env.markets import market_named
print(named(market_named("amzn"), 11))
"""
STRANGERS = {
    "render": ("mm_env/envs/render.py", '"""The picture', 'import os\n"""A picture'),
    "the simulation": ("mm_env/simulation.py", "\nclass ", "\nEDITED = True\n\nclass "),
    "a docstring": (
        "agents/exact/quote_optimum.py",
        '    """The optimum on a given grid',
        '    """Edited: on a given grid',
    ),
    "a docstring of a rule": ("mm_env/venue/dealer/fill.py", '    """exp(-k depth).', '    """exp(-k x).'),
    "a comment": ("agents/exact/quote_search.py", "import math\n", "import math  # of numbers\n"),
    "another price": ("mm_env/price/models.py", "0.5 * self.sigma * self.sigma", "0.4 * self.sigma * self.sigma"),
    "a strategy": ("agents/strategies/glft.py", "import math\n", "import math\n\nEDITED = True\n"),
    "another solver": ("agents/exact/small_book.py", "import numpy as np\n", "import numpy as np\n\nEDITED = True\n"),
}
OWN = {
    "a rule": ("mm_env/venue/dealer/fill.py", "exp(-self.k * depth)", "exp(-self.k * depth * 2.0)"),
    "a helper of a rule": ("mm_env/core/maths.py", "1.6059043836821613e-10", "1.7e-10"),
    "a parent's method": ("mm_env/clock.py", "self.horizon / self.steps", "self.horizon / self.steps * 1.0"),
    "the law": ("mm_env/price/models.py", "variance=self.sigma", "variance=1.0 * self.sigma"),
    "the law's class": ("mm_env/price/law.py", "self.probability * self.mean", "self.mean * self.probability"),
    "the solver": ("agents/exact/quote_optimum.py", "self.width = quoting.width", "self.width = 1 * quoting.width"),
    "a method by attribute": ("agents/exact/price_line.py", "self.moves @ following", "1.0 * self.moves @ following"),
    "a string": ("agents/exact/price_line.py", '"ib,bij->ij"', '"ib,bij->ij "'),
    "the search": ("agents/exact/quote_search.py", "GOLDEN = 0.6180339887498949", "GOLDEN = 0.618"),
    "the engine": ("mm_env/core/engine_numba.py", "import pickle\n", "import pickle  # of numbers\n"),
}


def test_an_edit_keeps_the_optimum_unless_it_is_of_what_it_is_made_of(tmp_path):
    edits = {"nothing": [], **{name: [edit] for name, edit in (STRANGERS | OWN).items()}}
    said = dict(zip(edits, said_after_edits(tmp_path, STATEMENT, list(edits.values()))))
    assert {name: said[name] == said["nothing"] for name in said} == {name: name not in OWN for name in edits}


def test_the_name_is_the_same_whatever_was_done_before():
    market = market_named("amzn")
    before = named(market, 11)
    optimum(world(), 11)
    assert named(market, 11) == before
