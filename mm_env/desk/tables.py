"""What the kernel reads of a desk's instruments: arrays, so that how many there are is no part of the machine code."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mm_env.core.component import flat, record

Floats = NDArray[np.float64]
COLUMNS = 4  # of the shared part of a diffusion that are added up at a time: it is padded by zeros


class Terms(NamedTuple):
    """What the kernel reads of an instrument."""

    instrument: Any  # its record
    number: float  # by which it draws its noise
    drift: float  # price / time
    own: float  # price / sqrt(time): its own diffusion
    column: float  # of the action, of its trade outside; -1 where there is none


class Request(NamedTuple):
    """A kind of request: of one tier, for one size."""

    tier: float  # row of `Tables.tiers`
    column: float  # of the action, of its bid; the ask's is the next
    size: float  # units
    share: float  # of the tier's requests


class Tables(NamedTuple):
    """All that a desk's lanes share, in flat arrays."""

    instruments: Floats  # N x `Terms`
    tiers: Floats  # records of `Tier`, instrument by instrument
    requests: Floats  # `Request`, instrument by instrument
    firsts: NDArray[np.int64]  # (N + 1,): the first request of each instrument
    shared: Floats  # N x M, the shared part of the diffusion
    sizes: NDArray[np.int64]  # numbers of an action, M, and the first of the normals that the shared part multiplies


def tables(desk: Any) -> Tables:
    """The tables of a `Desk`."""
    own, shared, by_own = desk.prices.diffusion
    drifts, count = desk.prices.drifts, len(desk.instruments)
    padded = np.pad(shared, ((0, 0), (0, -shared.shape[1] % COLUMNS)))
    outside = [desk.width - count + i if desk.trades_outside else -1 for i in range(count)]
    terms = [
        Terms(record(instrument), desk.numbers[i], drifts[i], own[i], outside[i])
        for i, instrument in enumerate(desk.instruments)
    ]
    requests, tiers, columns = [], [], desk.columns
    firsts = np.concatenate([[0], np.cumsum([len(instrument.requests) for instrument in desk.instruments])])
    for i, instrument in enumerate(desk.instruments):
        for (tier, size, share), column in zip(instrument.requests, columns[i], strict=True):
            requests.append(Request(len(tiers) + tier, column, size, share))
        tiers += [record(tier) for tier in instrument.tiers]
    sizes = np.array([desk.width, padded.shape[1], 0 if by_own else padded_rows(count)], np.int64)
    return Tables(_numbers(terms), _numbers(tiers), _numbers(requests), firsts, padded.reshape(-1).copy(), sizes)


def padded_rows(rows: int) -> int:
    """Rows of a number that is a whole multiple of `COLUMNS`."""
    return rows + -rows % COLUMNS


def _numbers(records: list[Any]) -> Floats:
    return np.array([number for one in records for number in flat(one)], np.float64)
