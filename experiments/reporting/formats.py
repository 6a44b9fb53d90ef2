"""Estimates as people read them: no more digits than the error allows."""

from __future__ import annotations

import math

from experiments.reporting.presenter import Cell
from mm_env.metrics import Estimate

INTERVAL = "± is the half-width of a 95 % interval."
HALF_WIDTH = ("", "_half_width")  # the parts of an estimate in CSV


def estimate(found: Estimate | None) -> Cell:
    """The value and, in small print, its half-width if there is any."""
    return Cell(number(found), (error(found),))


def in_line(found: Estimate | None) -> str:
    """The value and its half-width beside it."""
    return f"{number(found)} {error(found)}".strip()


def number(estimate: Estimate | None) -> str:
    """The value to as many decimals as its half-width has, one significant digit of which is shown (two from a 1 on)."""
    if estimate is None or math.isnan(estimate.value):
        return "—"
    return f"{estimate.value:.{_decimals(estimate)}f}"


def error(estimate: Estimate | None) -> str:
    """The half-width, likewise, if there is any."""
    if estimate is None or math.isnan(estimate.value) or estimate.half_width == 0:
        return ""
    if math.isnan(estimate.half_width):
        return "±?"  # a single episode, or window, tells nothing of others
    return f"±{estimate.half_width:.{_decimals(estimate)}f}"


def _decimals(estimate: Estimate) -> int:
    known = 0.0 if math.isnan(estimate.half_width) else estimate.half_width
    scale = known or abs(estimate.value) / 100.0 or 0.01
    leading = math.floor(math.log10(scale))
    return min(8, max(0, (1 if scale < 1.95 * 10.0**leading else 0) - leading))
