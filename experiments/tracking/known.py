"""Which run of a tracker a folder is: so that a training that goes on goes on in the same one."""

from __future__ import annotations

import json
from pathlib import Path

from agents.learning.durable import put_text

FILE = "trackers.json"


def known_id(folder: Path, tracker: str) -> str | None:
    """The id that the tracker gave the run in `folder`; None if it knows none."""
    return _ids(folder).get(tracker)


def keep_id(folder: Path, tracker: str, run: str) -> None:
    """Write down the id of the run."""
    put_text(folder / FILE, json.dumps({**_ids(folder), tracker: run}) + "\n")


def _ids(folder: Path) -> dict[str, str]:
    path = folder / FILE
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
