"""Whether each message turns one row of a LOBSTER order book into the next."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

NEW, EXECUTED = 1, 4
AGREES, REVEALS, DIFFERS, FIRST = 0, 1, 2, 3


@njit(cache=True)
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
    expected_price, expected_size = np.empty(levels, np.int64), np.empty(levels, np.int64)
    outcome[0] = FIRST
    for t in range(1, n):
        visible = NEW <= kind[t] <= EXECUTED
        touched = 0 if side[t] > 0 else 1
        for s in range(2):
            for j in range(levels):
                expected_price[j], expected_size[j] = prices[t - 1, s, j], sizes[t - 1, s, j]
            known = levels
            if visible and s == touched:
                away = -1 if s == 0 else 1  # the direction in which prices get worse
                level = 0
                while level < levels and away * (expected_price[level] - price[t]) < 0:
                    level += 1
                here = level < levels and expected_price[level] == price[t]
                if kind[t] == NEW and here:
                    expected_size[level] += size[t]
                elif kind[t] == NEW and level < levels:
                    for j in range(levels - 1, level, -1):
                        expected_price[j], expected_size[j] = expected_price[j - 1], expected_size[j - 1]
                    expected_price[level], expected_size[level] = price[t], size[t]
                elif kind[t] != NEW and here and expected_size[level] > size[t]:
                    expected_size[level] -= size[t]
                elif kind[t] != NEW and here and expected_size[level] == size[t]:
                    for j in range(level, levels - 1):
                        expected_price[j], expected_size[j] = expected_price[j + 1], expected_size[j + 1]
                    known = levels - 1
                else:  # out of view, or more is taken than there is
                    outcome[t] = DIFFERS
            for j in range(known):
                if prices[t, s, j] != expected_price[j] or sizes[t, s, j] != expected_size[j]:
                    outcome[t] = DIFFERS
            if known < levels and outcome[t] != DIFFERS:
                last, away = prices[t, s, levels - 1], -1 if s == 0 else 1
                nothing = last == empty[s] and sizes[t, s, levels - 1] == 0
                beyond = prices[t - 1, s, levels - 1]  # what stood last before, at the least
                held = sizes[t, s, levels - 1] > 0 and away * (last - beyond) > 0
                outcome[t] = REVEALS if held or nothing else DIFFERS
    return outcome
