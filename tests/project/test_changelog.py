"""CHANGELOG.md is by version and date, the newest first, and in each by Breaking, Added, Fixed and Deprecated."""

import re
from pathlib import Path

import pytest

import mm_env

TEXT = (Path(__file__).parents[2] / "CHANGELOG.md").read_text(encoding="utf-8")
HEADINGS = ["Breaking", "Added", "Fixed", "Deprecated"]
SECTIONS = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", TEXT, re.M | re.S))


def test_what_is_not_released_stands_on_top_and_versions_go_down_with_their_dates():
    first, *released = SECTIONS
    assert first == "Unreleased"
    versions = [re.fullmatch(r"(\d+\.\d+\.\d+) \((\d{4}-\d\d-\d\d)\)", heading).groups() for heading in released]
    numbers = [tuple(map(int, version.split("."))) for version, _ in versions]
    assert numbers == sorted(numbers, reverse=True)
    assert [date for _, date in versions] == sorted((date for _, date in versions), reverse=True)
    assert versions[0][0] == mm_env.__version__


@pytest.mark.parametrize("heading", SECTIONS)
def test_a_version_tells_by_kinds_in_their_order(heading):
    parts = re.findall(r"^### (.+)\n\n- ", SECTIONS[heading], re.M)
    assert parts == [kind for kind in HEADINGS if kind in parts]
    assert len(re.findall(r"^### ", SECTIONS[heading], re.M)) == len(parts)
    assert parts or heading == "Unreleased"
