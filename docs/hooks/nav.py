"""The navigation, of docs/nav.yml and the pages that there are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import yaml

SECTIONS = Path(__file__).parents[1] / "nav.yml"


def tree(pages: Sequence[str]) -> list[Any]:
    """The navigation as mkdocs has it: each page once, in the first section that takes it."""
    sections = yaml.safe_load(SECTIONS.read_text(encoding="utf-8"))
    named = {entry for entry in _entries(sections) if "*" not in entry}
    return _section([{title: entries} for title, entries in sections.items()], list(pages), named)


def _entries(section: Any) -> Iterator[str]:
    if isinstance(section, str):
        yield section
    else:
        for entry in section.values() if isinstance(section, dict) else section:
            yield from _entries(entry)


def _section(entries: Sequence[Any], left: list[str], named: set[str]) -> list[Any]:
    """The pages of a section, which are taken from those that are `left`; empty sections are left out."""
    found: list[Any] = []
    for entry in entries:
        if isinstance(entry, dict):
            inner = [(title, _section(own, left, named)) for title, own in entry.items()]
            found += [{title: own} for title, own in inner if own]
            continue
        taken = [page for page in left if _takes(entry, page, named)]
        left[:] = [page for page in left if page not in taken]
        found += taken
    return found


def _takes(entry: str, page: str, named: set[str]) -> bool:
    return page == entry or ("*" in entry and page not in named and fnmatch(page, entry))
