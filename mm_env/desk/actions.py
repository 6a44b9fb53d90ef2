"""What the numbers of a desk's action are: bids and asks of instruments, of their tiers or sizes, and trades outside."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mm_env.desk.instrument import Instrument

Floats = NDArray[np.float64]
QUOTES = ("instrument", "tier", "size")  # what may have a bid and an ask of its own


def columns(instruments: Sequence[Instrument], quotes: str) -> list[list[int]]:
    """Of each instrument, the place in the action of the bid of each of its kinds of requests; its ask's is the next."""
    found, taken = [], 0
    for instrument in instruments:
        sizes, tiers = len(instrument.sizes), len(instrument.tiers)
        places = {"instrument": [0] * tiers * sizes, "tier": [t for t in range(tiers) for _ in range(sizes)],
                  "size": list(range(tiers * sizes))}[quotes]  # fmt: skip
        found.append([taken + 2 * place for place in places])
        taken += 2 * (max(places, default=-1) + 1)
    return found


def outside_places(instruments: Sequence[Instrument]) -> list[int]:
    """The places of the instruments that are traded with others than clients."""
    return [i for i, one in enumerate(instruments) if type(one.outside).width]


def action_names(instruments: Sequence[Instrument], quotes: str) -> tuple[str, ...]:
    """What each number of an action sets."""
    named: dict[int, str] = {}
    for instrument, places in zip(instruments, columns(instruments, quotes), strict=True):
        for (tier, size, _), place in zip(instrument.requests, places, strict=True):
            of_tier = f"_tier_{tier:g}" if quotes != "instrument" else ""
            named[place] = f"{instrument.name}{of_tier}" + (f"_size_{size:g}" if quotes == "size" else "")
    outside = [f"outside_{instruments[i].name}" for i in outside_places(instruments)]
    return (*(f"{side}_{name}" for name in named.values() for side in ("bid", "ask")), *outside)


def depth_ends(instruments: Sequence[Instrument], quotes: str) -> tuple[Floats, Floats]:
    """min_depth and max_depth of each number of an action that is a quote."""
    ends = [
        (one.min_depth, one.max_depth)
        for one, places in zip(instruments, columns(instruments, quotes), strict=True)
        for _ in range(2 * len(set(places)))
    ]
    low, high = np.array(ends).T
    return low, high
