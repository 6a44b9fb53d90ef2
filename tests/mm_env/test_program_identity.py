"""What a Python program is made of: all that its functions name, strings and whole classes; no docstring, no comment."""

import types
from functools import cached_property, lru_cache

import numpy as np
import pytest

from mm_env.core.program_identity import Program


def words(source, **names):
    """What the function `run` of a module with this source is made of."""
    module, program = types.ModuleType("a_module"), Program()
    vars(module).update(names, cached_property=cached_property, lru_cache=lru_cache)
    exec(source, vars(module))
    program.add(vars(module)["run"])
    return program.words


SOURCE = '''
seen = []

def inner(x):
    """Of x."""
    def within(y):
        """Of y."""
        return y + 3.0
    return within(x)

LIMITS = {"low": (1.0, inner), "names": {"a", "b"}}

class Base:
    """Of both."""
    RATE = 4.0

    @property
    def twice(self):
        return 2.0 * self.RATE

class Thing(Base):
    @cached_property
    def thrice(self):
        return self.twice * 1.5

    @classmethod
    def made(cls, part="bid"):
        return cls()

@lru_cache
def kept(x):
    return x + 5.0

def run(x, *, by=6.0):
    seen.append(x)
    return Thing.made().thrice + kept(LIMITS["low"][1](x)) * by
'''


@pytest.mark.parametrize("edit", [
    ("(1.0, inner", "(1.5, inner"), ('{"a", "b"}', '{"a", "c"}'), ("y + 3.0", "y + 3.5"), ("RATE = 4.0", "RATE = 4.5"),
    ("2.0 * self", "2.5 * self"), ("* 1.5", "* 1.6"), ('part="bid"', 'part="ask"'), ("x + 5.0", "x + 5.5"),
    ("by=6.0", "by=6.5"), ('LIMITS["low"]', 'LIMITS["high"]'), ("class Thing(Base)", "class Thing(Base, list)"),
])  # fmt: skip
def test_an_edit_of_what_is_named_makes_another_program(edit):
    assert edit[0] in SOURCE
    assert words(SOURCE.replace(*edit)) != words(SOURCE)


@pytest.mark.parametrize("edit", [
    ("Of x.", "Of z."), ("Of y.", "Of z."), ("Of both", "Of all"), ("seen = []", "seen = [7]"), ("LIMITS =", "# why\nLIMITS ="),
    ("def run", "OTHER = 7.0\n\ndef stranger():\n    return OTHER\n\ndef run"),
])  # fmt: skip
def test_an_edit_of_words_of_strangers_or_of_what_happened_makes_the_same(edit):
    assert edit[0] in SOURCE
    assert words(SOURCE.replace(*edit)) == words(SOURCE)


def test_a_library_counts_by_its_version(monkeypatch):
    before = words("def run(x):\n    return np.kron(x, x)", np=np)
    monkeypatch.setattr(np, "__version__", "0.0.0")
    assert words("def run(x):\n    return np.kron(x, x)", np=np) != before


def test_a_file_counts_without_its_docstrings(tmp_path):
    def of(text):
        (tmp_path / "mine.py").write_text(text, encoding="utf-8")
        program = Program()
        program.add_file(tmp_path / "mine.py")
        return program.words

    assert of(SOURCE.replace("Of x.", "Of z.")) == of(SOURCE + "# a comment\n") == of(SOURCE)
    assert of(SOURCE.replace('"bid"', '"ask"')) != of(SOURCE)
