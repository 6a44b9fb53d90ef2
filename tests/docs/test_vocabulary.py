"""Each name in the vocabulary exists."""

import re

import pytest

import agents
import mm_env
from tests.docs.pages import ROOT

ROWS = re.findall(
    r"^\| ([^|]+) \| ([^|]+) \| ([^|]+) \|$",
    (ROOT / "docs" / "vocabulary.md").read_text(encoding="utf-8"),
    re.MULTILINE,
)
NAMES = [(word, name) for word, _, names in ROWS for name in re.findall(r"`([\w.]+)`", names)]
SOURCES = "\n".join(
    path.read_text(encoding="utf-8")
    for folder in ("mm_env", "agents", "experiments", "conf")
    for path in (ROOT / folder).rglob("*")
    if path.suffix in (".py", ".yaml")
)


@pytest.mark.parametrize(("word", "name"), NAMES, ids=lambda value: value)
def test_a_name_of_the_vocabulary_exists(word, name):
    """As a public name; else as a function, field or module of the house, or a key of conf/."""
    if hasattr(mm_env, name) or hasattr(agents, name):
        return
    assert re.search(rf"(?:def |class |^\s*){name}\b *[(:=]|[\"']{name}[\"']|/{name}\.", SOURCES, re.MULTILINE) or any(
        list((ROOT / folder).rglob(f"{name}.py")) for folder in ("mm_env", "agents", "experiments")
    )


def test_each_word_says_what_the_literature_calls_it():
    assert len(ROWS) > 60
    assert all(literature.strip() for word, literature, _ in ROWS)
