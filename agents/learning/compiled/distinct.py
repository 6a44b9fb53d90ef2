"""Distinct rows: what many lanes see alike is told apart once, so that nets need answer it once."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.learning.compiled import loops


class Distinct(NamedTuple):
    """Rows (d, k), each different, in the order in which they first came, and the place (n,) of each of n rows among them."""

    rows: NDArray[Any]
    place: NDArray[np.int64]


def distinct(rows: NDArray[np.float32]) -> Distinct:
    """The distinct ones of rows (n, k), compared bit by bit (0 and -0 as equal)."""
    rows = np.ascontiguousarray(rows) + np.float32(0.0)
    bits = rows.view(np.uint32)
    table = np.full(1 << int(2 * len(rows) + 1).bit_length(), -1, np.int64)
    place, first = np.empty(len(rows), np.int64), np.empty(len(rows), np.int64)
    count = loops.run(tell_apart, bits, table, place, first)
    return Distinct(rows[first[:count]], place)


def tell_apart(bits: Any, table: Any, place: Any, first: Any) -> int:
    """Number the distinct rows of `bits` (n, k) by a hash table of a power of two: how many there are."""
    count, mask = 0, table.shape[0] - 1
    for i in range(bits.shape[0]):
        key = np.uint64(1469598103934665603)
        for j in range(bits.shape[1]):
            key = (key ^ np.uint64(bits[i, j])) * np.uint64(0x9E3779B97F4A7C15)
            key ^= key >> np.uint64(29)
        slot = np.int64(key & np.uint64(mask))
        while True:
            known = table[slot]
            if known < 0:
                table[slot], first[count], place[i] = count, i, count
                count += 1
                break
            same = True
            for j in range(bits.shape[1]):
                same = same and bits[i, j] == bits[first[known], j]
            if same:
                place[i] = known
                break
            slot = (slot + 1) & mask
    return count


def grouped(place: NDArray[np.int64], count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The rows in the order of their places, (n,), and where those of each place begin and end, (count + 1,)."""
    order = np.argsort(place, kind="stable")
    return order, np.concatenate([[0], np.cumsum(np.bincount(place, minlength=count))])
