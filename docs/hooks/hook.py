"""The hook of mkdocs: generated pages, links into the repository, the navigation, and formulas."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT)] if str(ROOT) not in sys.path else []

from mkdocs.structure.files import File, Files  # noqa: E402

from docs.hooks import agent_pages, links, market_pages, mathml, nav, reference  # noqa: E402


def on_config(config: Any) -> Any:
    """Fences of `math` become MathML, which a browser draws by itself."""
    fences = config.mdx_configs.setdefault("pymdownx.superfences", {}).setdefault("custom_fences", [])
    fences.append({"name": "math", "class": "equation", "format": mathml.fence})
    return config


def on_files(files: Files, config: Any) -> Files:
    """What is generated, and what pages point to elsewhere in the repository, are files of the site too."""
    for path, text in {**market_pages.pages(), **agent_pages.pages(), **reference.pages()}.items():
        files.append(File.generated(config, path, content=text))
    for path, source in links.outside(files).items():
        files.append(File.generated(config, path, abs_src_path=str(source)))
    config.nav = nav.tree([file.src_uri for file in files.documentation_pages()])
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """The page with its links into the repository turned into links within the site."""
    return links.within(markdown, page.file.src_uri)
