"""The pages written by hand, and what is in them: blocks of code, and commands.

A block runs as it stands, the blocks of a page one after the other, unless the line above says otherwise:
<!-- slow --> runs it among the slow tests alone, <!-- compiled --> only compiles it, and <!-- not a command --> is for a block
of text without a language. Commands are taken apart as their tool would, and among the slow tests given for a while.
"""

import re
import shlex
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
TOP = [path for path in (ROOT / name for name in ("README.md", "CONTRIBUTING.md")) if path.exists()]
PAGES = [*TOP, *sorted((ROOT / "docs").rglob("*.md"))]
_BLOCK = re.compile(r"^(?:<!-- ([\w ]+) -->\n)?```([^\n]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_SHELL = ("", "sh", "bash", "console")


class Block(NamedTuple):
    """A fenced block of a page."""

    page: Path
    line: int  # of its first line of text
    mark: str  # what the comment above it says, if there is one
    language: str
    text: str


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(page, text[: m.start(3)].count("\n") + 1, m[1] or "", m[2].strip(), m[3]) for m in _BLOCK.finditer(text)
    ]


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def commands(page: Path) -> list[str]:
    """The command lines of a page, of blocks of a shell and within its sentences and tables."""
    fenced = [b for b in blocks(page) if b.language in _SHELL and b.mark != "not a command"]
    lines = [line for block in fenced for line in block.text.replace("\\\n", " ").splitlines()]
    outside = _BLOCK.sub("", page.read_text(encoding="utf-8"))
    indented = re.findall(r"^    ((?:python -m|pip install) .*)$", outside, re.MULTILINE)
    inline = [" ".join(found.split()) for found in re.findall(r"`([^`]+)`", outside)]
    said = [
        line for line in inline if re.match(r"(python -m \S+|make [\w-]+$|pip install|experiments\.\w+( |$))", line)
    ]
    whole = [*lines, *indented, *said]
    return [f"python -m {line}" if line.startswith("experiments.") else line for line in whole if line.strip()]


def words(command: str) -> list[str]:
    """The words of a command line, without its comment."""
    return shlex.split(command, comments=True)
