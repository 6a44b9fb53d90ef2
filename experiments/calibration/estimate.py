"""An estimate as a row: of what, its value, its standard error, its unit."""

from __future__ import annotations

import math
from typing import NamedTuple

from experiments.calibration.blocks import Measured

EXACT = math.nan  # the error of what is counted, or a measure of fit


class EstimateRow(NamedTuple):
    """One number."""

    section: str
    estimate: str
    value: float
    error: float
    unit: str


def measured(section: str, name: str, one: Measured, unit: str) -> EstimateRow:
    """The row of a value with its error."""
    return EstimateRow(section, name, one.value, one.error, unit)
