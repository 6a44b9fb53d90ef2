"""The report of two trained seeds, a failed and a killed run: whole, self-contained, and the same each time."""

import base64
import csv
import re
import shutil
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest

from experiments import report, train
from experiments.training.curve import read_curve
from tests.experiments.conftest import SMALL, launched
from tests.experiments.reporting.browser import CHROMIUM, seen
from tests.experiments.reporting.folders import folder_of

SHORT = ("agent.num_envs=64", "agent.total_steps=2048", "agent.settings.batch_size=1024", "rivals=[best_fixed]",
         "watch.evaluations=2", "watch.episodes=50")  # fmt: skip
AGENTS = ("ppo", "a2c")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two agents of two seeds each, one run that failed and one that was killed."""
    folder = tmp_path_factory.mktemp("runs")
    for agent in AGENTS:
        batch = SHORT if agent == "ppo" else [part for part in SHORT if "batch" not in part]
        for seed in (0, 1):
            launched(train.main, folder / f"{agent}{seed}", *SMALL, *batch, f"agent={agent}", f"seed={seed}")
    folder_of(
        folder / "bad", 5, metrics={"name": "train", "status": "failed", "seed": 5, "error": "sigma <b>must</b> be > 0"}
    )
    folder_of(folder / "killed", 6, curve=[(0, 0.0, 0.1, 1.0)])
    return folder


@pytest.fixture(scope="module")
def page(runs, tmp_path_factory):
    """The folder of the report."""
    folder = tmp_path_factory.mktemp("report")
    assert report.main([str(runs), "--to", str(folder), "--episodes", "20", "--resamples", "100"]) == 0
    return folder


class Tags(HTMLParser):
    """Every tag of a page with its attributes, and its text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.text = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "link", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


@pytest.fixture(scope="module")
def parsed(page):
    return Tags((page / "report.html").read_text(encoding="utf-8"))


def test_the_page_needs_nothing_but_itself(parsed):
    assert parsed.open == []
    sources = [value for _, attrs in parsed.tags for name, value in attrs.items() if name in ("src", "href")]
    assert sources
    assert all(source.startswith(("data:", "#")) for source in sources)
    assert not [tag for tag, _ in parsed.tags if tag in ("script", "iframe")]


def test_every_link_within_the_page_leads_somewhere(parsed):
    anchors = {attrs["id"] for _, attrs in parsed.tags if "id" in attrs}
    links = [attrs["href"][1:] for tag, attrs in parsed.tags if tag == "a"]
    assert links == ["unfinished", "summary", "comparison", "market-1", "runs"]
    assert set(links) <= anchors


def test_every_picture_is_there_drawn_and_described(page, parsed):
    pictures = [attrs for tag, attrs in parsed.tags if tag == "img"]
    files = sorted(path.name for path in (page / "figures").iterdir())
    expected = {"overall", "profiles", "improvements", "curves_steps", "curves_seconds", "quotes", "fans", "worst"}
    assert {re.sub(r"^[a-z]+(-\d+)?_\d+_|\.svg$", "", name) for name in files} == expected
    assert len(pictures) == len(files) == 5 + 3 * len(AGENTS)
    within = {base64.b64decode(attrs["src"].split(",", 1)[1]) for attrs in pictures}
    assert within == {path.read_bytes() for path in (page / "figures").iterdir()}
    for drawing in within:
        assert len(list(ElementTree.fromstring(drawing).iter("{http://www.w3.org/2000/svg}path"))) > 5
    assert all(len(attrs["alt"]) > 40 for attrs in pictures)


def test_what_failed_and_why_stands_on_top_and_is_text_not_markup(page, parsed):
    text = " ".join(parsed.text)
    assert "sigma <b>must</b> be > 0" in text
    assert "it runs still or was killed, 0 of 100 steps done" in text
    assert "Runs: 6, of which 4 are in the figures. Agents: 2. Markets: 1." in text
    assert (page / "report.html").read_text(encoding="utf-8").index('id="unfinished"') < (
        page / "report.html"
    ).read_text(encoding="utf-8").index('id="summary"')


def test_the_figures_are_the_interquartile_means_of_the_runs(page, runs):
    with (page / "summary.csv").open(newline="", encoding="utf-8") as file:
        found = {(row["agent"], row["market"], row["figure"]): row for row in csv.DictReader(file)}
    for agent in AGENTS:
        skills = [read_curve(runs / f"{agent}{seed}")[-1, 2] for seed in (0, 1)]
        row = found[agent, "cartea_jaimungal", "skill"]
        assert float(row["interquartile_mean"]) == pytest.approx(np.mean(skills))
        assert float(row["low"]) == pytest.approx(min(skills))  # (min, min) is one of four resamples
        assert float(row["high"]) == pytest.approx(max(skills))
        assert row["seeds"] == "2"


def test_every_run_has_a_line(page):
    with (page / "runs.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert sorted(row["status"] for row in rows) == ["failed"] + ["finished"] * 4 + ["interrupted"]
    assert {row["error"] for row in rows if row["status"] == "failed"} == {"sigma <b>must</b> be > 0"}


def test_markdown_has_the_same_tables_and_links_pictures_that_are_there(page, parsed):
    text = (page / "report.md").read_text(encoding="utf-8")
    links = re.findall(r"!\[.*?\]\((.*?)\)", text)
    assert sorted(links) == sorted(f"figures/{path.name}" for path in (page / "figures").iterdir())
    headings = [line[3:] for line in text.splitlines() if line.startswith("## ")]
    assert headings == [
        "Runs that did not finish",
        "Who is best",
        "Agent against agent",
        "cartea_jaimungal",
        "Every run",
    ]
    tables = [line for line in text.splitlines() if line.startswith("|")]
    assert len(tables) - 4 * 2 == len([tag for tag, _ in parsed.tags if tag == "tr"]) - 4


def test_the_same_runs_give_the_same_bytes(page, runs, tmp_path):
    report.main([str(runs), "--to", str(tmp_path), "--episodes", "20", "--resamples", "100"])
    for path in page.rglob("*.*"):
        assert (tmp_path / path.relative_to(page)).read_bytes() == path.read_bytes(), path.name


def test_without_episodes_nothing_is_played_again(runs, tmp_path):
    for agent in AGENTS:
        shutil.copytree(runs / f"{agent}0", tmp_path / "runs" / agent)
    report.main([str(tmp_path / "runs"), "--to", str(tmp_path / "page"), "--episodes", "0"])
    names = {path.stem.split("_", 2)[2] for path in (tmp_path / "page" / "figures").iterdir()}
    assert names == {"overall", "profiles", "improvements", "curves_steps", "curves_seconds"}


def test_runs_of_which_none_finished_are_a_report_too(tmp_path):
    folder_of(tmp_path / "runs" / "bad", metrics={"status": "failed", "error": "no memory"})
    assert report.main([str(tmp_path / "runs"), "--to", str(tmp_path / "page")]) == 0
    assert "no memory" in (tmp_path / "page" / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(("arguments", "said"), [
    (["nowhere"], "PATH must be a folder of runs, got nowhere"),
    (["."], "PATH must hold a run, got ."),
    ([".", "--episodes", "-1"], "episodes must be"),
    ([".", "--resamples", "0"], "resamples must be"),
])  # fmt: skip
def test_a_mistake_is_said_in_one_line(arguments, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert report.main(arguments) == 1
    assert capsys.readouterr().err.startswith(f"error: {said}")


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")
@pytest.mark.parametrize("width", [1280, 390])
def test_a_browser_shows_all_of_it_on_a_desk_and_on_a_telephone(page, width, tmp_path):
    told, console = seen(page / "report.html", width, tmp_path)
    assert console == []
    assert told["width"] == width
    assert told["reach"] <= width  # nothing to scroll sideways but within the tables
    assert told["cut"] == []
    assert min(told["text"]) >= 12.9  # pixels
    assert len(told["pictures"]) == 5 + 3 * len(AGENTS)
    for complete, natural, shown in told["pictures"]:
        assert complete
        assert natural > 0
        assert shown >= 320  # the writing within is drawn at 8 points on 310
