"""Where configs are found: the folder conf/ that comes with the code."""

from __future__ import annotations

from pathlib import Path

CONF = Path(__file__).parents[2] / "conf"
