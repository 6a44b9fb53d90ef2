"""Whether each message turns one row of a LOBSTER order book into the next.

Plain Python as it stands; `mm_env.core.engine.run` makes machine code of it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mm_env.core.maths import routine

NEW, EXECUTED = 1, 4
AGREES, REVEALS, DIFFERS, FIRST = 0, 1, 2, 3
NO_SENSE = -1


def check_rows(kind: Any, side: Any, size: Any, price: Any, prices: Any, sizes: Any, empty: Any) -> Any:
    """What came of each message, (n,): AGREES, REVEALS, DIFFERS, or FIRST where there is no row before.

    A row knows `levels` prices a side, so all of the next one follows from it and the message, but for a level that comes
    into view at the far end when another goes: REVEALS, and then it must lie beyond the one before it and hold something.
    Messages of other kinds than 1 to 4 must leave the row as it is.

    `prices` and `sizes` (n, 2, levels) hold bids and asks, best first; `empty` (2,) is the price of a level that does not
    exist.
    """
    n, levels = prices.shape[0], prices.shape[2]
    outcome = np.zeros(n, np.int64)
    outcome[0] = FIRST
    for t in range(1, n):
        for s in range(2):
            expected_price, expected_size = prices[t - 1, s].copy(), sizes[t - 1, s].copy()
            away, known = -1 if s == 0 else 1, levels  # `away` is the direction in which prices get worse
            if NEW <= kind[t] <= EXECUTED and (side[t] > 0) == (s == 0):
                known = _apply(kind[t] == NEW, size[t], price[t], away, expected_price, expected_size)
            if known == NO_SENSE or not _same(known, prices[t, s], sizes[t, s], expected_price, expected_size):
                outcome[t] = DIFFERS
            elif known < levels and outcome[t] != DIFFERS:
                last = prices[t, s, levels - 1]
                beyond = sizes[t, s, levels - 1] > 0 and away * (last - prices[t - 1, s, levels - 1]) > 0
                nothing = sizes[t, s, levels - 1] == 0 and last == empty[s]
                outcome[t] = REVEALS if beyond or nothing else DIFFERS
    return outcome


@routine
def _apply(new: bool, size: int, price: int, away: int, prices: Any, sizes: Any) -> int:
    """Change one side (levels,) by a message: how many levels are known then, or NO_SENSE.

    What makes no sense is an order beyond the levels in view, or one that takes more than there is.
    """
    levels, level = len(prices), 0
    while level < levels and away * (prices[level] - price) < 0:
        level += 1
    if level == levels:
        return NO_SENSE
    here = prices[level] == price
    if new and here:
        sizes[level] += size
    elif new:
        prices[level + 1 :], sizes[level + 1 :] = prices[level:-1].copy(), sizes[level:-1].copy()
        prices[level], sizes[level] = price, size
    elif not here or sizes[level] < size:
        return NO_SENSE
    elif sizes[level] > size:
        sizes[level] -= size
    else:
        prices[level:-1], sizes[level:-1] = prices[level + 1 :].copy(), sizes[level + 1 :].copy()
        return levels - 1
    return levels


@routine
def _same(known: int, prices: Any, sizes: Any, expected_price: Any, expected_size: Any) -> bool:
    """Whether the first `known` levels are the expected ones."""
    return bool(np.all(prices[:known] == expected_price[:known]) and np.all(sizes[:known] == expected_size[:known]))
