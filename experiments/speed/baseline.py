"""The stored speeds: of each number of lanes, how many times as fast as a lean numpy step `VectorEnv.step` is.

Both are timed in turn by the processor's time of their process, so that what else runs on the machine hits both alike; what
differs from one kind of processor to another is some tenths, for which the allowed share is wide.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from experiments import ROOT
from experiments.speed.benchmark_lean import SHARE, in_turn, steps

FILE = ROOT / "experiments" / "speed" / "baseline.json"


class Kept(NamedTuple):
    """What the file holds."""

    ratios: dict[str, float]  # lanes -> times as fast
    seconds: float  # the option it was measured with
    made: str = "python -m experiments.benchmark_check make=true"


class Row(NamedTuple):
    """One ratio beside the stored one."""

    name: str
    was: float
    now: float
    share: float  # now / was
    verdict: str  # "" if it is well


def kept() -> Kept:
    """The stored ratios. Raises: ValueError if there are none."""
    if not Path(FILE).is_file():
        raise ValueError(f"{FILE} is missing: make=true measures and writes it")
    return Kept(**json.loads(Path(FILE).read_text(encoding="utf-8")))


def measured(lanes: Iterable[int], seconds: float) -> dict[str, float]:
    """Lanes -> how many times as fast as the lean step ours is here, the median of the pairs."""
    return {str(n): _ratio(n, seconds) for n in lanes}


def _ratio(lanes: int, seconds: float) -> float:
    pairs = in_turn(*steps(lanes), SHARE * seconds)
    return round(statistics.median(pair.lean / pair.ours for pair in pairs), 3)


def beside(stored: Mapping[str, float], now: Mapping[str, float], share: float) -> list[Row]:
    """Each ratio beside the stored one of as many lanes; "slower" where more than `share` of it is lost.

    Raises: ValueError for lanes of which none is stored.
    """
    if missing := [lanes for lanes in now if lanes not in stored]:
        raise ValueError(f"lean_lanes must be among the stored {', '.join(stored)}, got {', '.join(missing)}")
    return [
        Row(
            lanes,
            stored[lanes],
            ratio,
            ratio / stored[lanes],
            "slower" if ratio < (1.0 - share) * stored[lanes] else "",
        )
        for lanes, ratio in now.items()
    ]
