"""The built site: nothing missing, no link that leads nowhere, no request that leaves it."""

import re
import subprocess
import sys
from functools import cache
from html import unescape
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import pytest
import yaml

import agents
import mm_env
from docs.hooks import agent_pages, market_pages, nav, reference, spaces
from mm_env.markets import market_named
from tests.docs.pages import ROOT
from tests.experiments.reporting.browser import CHROMIUM, seen

LOADED = re.compile(r"<(?:script|link|img|iframe|source|video|audio)\b[^>]*?\b(?:src|href)=[\"']?([^\"' >]+)")
WHOLE = re.compile(r"<(?:script|link|img|iframe|source|a)\b[^>]*?\b(?:src|href)=(?:\"([^\"]*)\"|'([^']*)'|([^\s>]+))")
PLACES = re.compile(r"\b(?:id|name)=(?:\"([^\"]*)\"|'([^']*)'|([^\s>]+))")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site, built strictly."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8", check=False)
    assert ended.returncode == 0, ended.stderr
    return folder


@cache
def text(page):
    return page.read_text(encoding="utf-8")


@cache
def places(page):
    """The anchors of a page."""
    return {unescape(next(filter(None, found), "")) for found in PLACES.findall(text(page))}


def links(page):
    return {unescape(next(filter(None, found), "")) for found in WHOLE.findall(text(page))}


def broken(site):
    """Links within the site that lead nowhere, and how many were followed."""
    found, followed = [], 0
    for page in sorted(site.rglob("*.html")):
        for link in links(page):
            if urlsplit(link).scheme or link.startswith("//"):
                continue
            followed += 1
            where, anchor = urldefrag(urljoin(page.relative_to(site).as_posix(), link))
            target = site / unquote(where).lstrip("/") if where else page
            target = target / "index.html" if target.is_dir() else target
            if not target.exists() or (anchor and target.suffix == ".html" and unquote(anchor) not in places(target)):
                found.append(f"{page.relative_to(site)}: {link}")
    return found, followed


def test_every_link_within_the_site_leads_to_a_page_and_an_anchor(site):
    found, followed = broken(site)
    assert not found
    assert followed > 10_000


def test_no_page_asks_for_anything_outside_the_site(site):
    for page in site.rglob("*.html"):
        outside = [link for link in LOADED.findall(text(page)) if re.match(r"(https?:)?//", link)]
        assert not [link for link in outside if 'rel="canonical"' not in link], page
    for sheet in site.rglob("*.css"):
        assert not re.search(r"(url\(|@import )[\"']?(https?:)?//", text(sheet)), sheet


def test_each_market_of_conf_has_a_page_with_its_spaces(site):
    names = {path.stem for path in (ROOT / "conf" / "market").glob("*.yaml")}
    assert names == set(market_pages.names())
    for name in names:
        assert "<h1 id=" in text(site / market_pages.path_of(name).replace(".md", ".html"))


@pytest.mark.parametrize("name", market_pages.NAMES)
def test_each_number_that_an_agent_sees_has_a_meaning_and_a_unit(name):
    assert "see `help`" not in spaces.observation_table(market_named(name))


def test_each_agent_of_conf_is_on_one_page():
    listed = [agent for family in agent_pages.families().values() for agent in family["agents"]]
    assert sorted(listed) == sorted(path.stem for path in (ROOT / "conf" / "agent").glob("*.yaml"))


def test_each_public_name_is_in_the_reference(site):
    for title, names in reference.groups().items():
        page = site / reference.path_of(title).replace(".md", ".html")
        missing = [one for one in names if one not in places(page)]
        assert not missing, title
    listed = {one for names in reference.groups().values() for one in names}
    assert listed == {f"mm_env.{name}" for name in mm_env.__all__} | {f"agents.{name}" for name in agents.__all__}


def test_the_navigation_takes_each_page_once_and_leaves_what_is_missing_out():
    tree = nav.tree(["index.md", "concepts.md", "markets/dealer/amzn.md", "of_somebody_else.md"])
    assert tree == [
        {"Start": ["index.md"]},
        {"Concepts": ["concepts.md"]},
        {"Markets": [{"Dealer markets": ["markets/dealer/amzn.md"]}]},
        {"More": ["of_somebody_else.md"]},
    ]


def test_the_readme_is_short_and_its_test_command_is_what_ci_runs():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(readme.splitlines()) <= 150
    assert "\nmake test " in readme
    assert (ROOT / ".ci" / "run").read_text(encoding="utf-8").rstrip().endswith("exec make test")


def test_each_market_that_needs_no_file_has_a_picture_which_says_whose_episode_it_is():
    named = yaml.safe_load((market_pages.PICTURES / "agents.yml").read_text(encoding="utf-8"))
    drawn = {path.stem for path in market_pages.PICTURES.glob("*.png")}
    assert drawn == set(named) == set(market_pages.NAMES)
    assert set(named.values()) <= {path.stem for path in (ROOT / "conf" / "agent").glob("*.yaml")}


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("path", [
    "index.html", "markets/dealer/cartea_jaimungal.html", "results.html", "vocabulary.html", "api/prices.html",
])  # fmt: skip
def test_a_page_fits_its_window(site, path, width, tmp_path):
    page = site / path
    told, console = seen(page, width, page.parent)
    assert told["reach"] <= told["width"]
    assert all(loaded and natural > 0 for loaded, natural, _ in told["pictures"])
    assert not [line for line in console if "Failed" in line or "ERR_" in line]
