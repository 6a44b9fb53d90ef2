"""Links from pages into the repository, such as ../experiments/results/pool.md: they work there and in the site alike."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
TOP = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
SHOWN = (".png", ".svg", ".csv")  # what is copied into the site as it is
_LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s#]+)(#[^)\s]*)?\)")
_FENCE = re.compile(r"(^```.*?^```[^\n]*$)", re.MULTILINE | re.DOTALL)


def outside(files: Any) -> dict[str, Path]:
    """Path in the site -> file, of all that pages point to outside docs/, and of the repository's own pages."""
    found = {site: ROOT / name for name, site in TOP.items() if site != "index.md" and (ROOT / name).exists()}
    texts = {file.src_uri: file.content_string for file in files.documentation_pages()} | {
        s: p.read_text(encoding="utf-8") for s, p in found.items()
    }
    while texts:
        page, text = texts.popitem()
        for target in _targets(text, page):
            site = _site_path(target)
            if site and site not in found and not target.startswith("docs/"):
                found[site] = ROOT / target
                if target.endswith(".md"):
                    texts[site] = (ROOT / target).read_text(encoding="utf-8")
    known = {file.src_uri for file in files}
    return {site: source for site, source in found.items() if site not in known}


def within(text: str, page: str) -> str:
    """The text of a page with links into the repository turned into links within the site; of what is not shown there, the
    words of the link are left."""
    parts = _FENCE.split(text)
    return "".join(part if i % 2 else _LINK.sub(lambda m: _turned(m, page), part) for i, part in enumerate(parts))


def _turned(link: re.Match[str], page: str) -> str:
    bang, words, target, anchor = link.groups()
    if _is_elsewhere(target):
        return link[0]
    where = _in_repository(target, page)
    if where.startswith("docs/") or not (ROOT / where).exists():
        return link[0]
    site = _site_path(where)
    if site is None:
        return words if words.startswith("`") else f"`{words}`"
    return f"{bang}[{words}]({posixpath.relpath(site, posixpath.dirname(page) or '.')}{anchor or ''})"


def _targets(text: str, page: str) -> set[str]:
    own = "".join(_FENCE.split(text)[::2])
    found = {_in_repository(m[3], page) for m in _LINK.finditer(own) if not _is_elsewhere(m[3])}
    return {where for where in found if (ROOT / where).exists()}


def _is_elsewhere(target: str) -> bool:
    return ":" in target or target.startswith(("/", "#"))


def _in_repository(target: str, page: str) -> str:
    """The path in the repository that a page's link means; pages that come of the repository keep their own places."""
    origin = {site: name for name, site in TOP.items() if site != "index.md"}.get(page)
    source = origin or (page if (ROOT / page).exists() and not (ROOT / "docs" / page).exists() else f"docs/{page}")
    return posixpath.normpath(posixpath.join(posixpath.dirname(source), target))


def _site_path(where: str) -> str | None:
    if where in TOP:
        return TOP[where]
    if where.startswith("docs/"):
        return where.removeprefix("docs/")
    return where if where.endswith((".md", *SHOWN)) else None
