"""Salmon, Moraes, Dror & Shaw 2011: the known answers of Philox4x32-10 that come with Random123."""

from __future__ import annotations

from collections.abc import Iterator

from experiments.verification.suite import Asked, Row, suite
from mm_env.core.noise import philox

ONES = 0xFFFFFFFF
ANSWERS = {  # counter and key -> words
    (0,) * 6: (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8),
    (ONES,) * 6: (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD),
    (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344, 0xA4093822, 0x299F31D0): (
        0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1,
    ),
}  # fmt: skip


@suite("philox_2011", "Salmon, Moraes, Dror & Shaw 2011, Random123's kat_vectors", 0.1)
def words(_: Asked) -> Iterator[Row]:
    """The four words of each counter and key."""
    for number, (counter, answer) in enumerate(ANSWERS.items()):
        for place, (known, found) in enumerate(zip(answer, philox(*counter), strict=True)):
            yield Row(f"vector {number + 1}, word {place}", float(known), float(found), 0.0)
