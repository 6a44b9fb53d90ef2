"""What the kernel reads of a desk's instruments: arrays, so that how many there are is no part of the machine code."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mm_env.core.component import flat, record
from mm_env.core.maths import scalar
from mm_env.price.joint import Excitation

Floats = NDArray[np.float64]
COLUMNS = 4  # of the shared part of a diffusion that are added up at a time: it is padded by zeros


class Terms(NamedTuple):
    """What the kernel reads of an instrument."""

    instrument: Any  # its record
    number: float  # by which it draws its noise
    drift: float  # price / time
    own: float  # price / sqrt(time): its own diffusion
    column: float  # of the action, of its trade outside; -1 where there is none
    scale: float  # units: the inventory that is observed as 1
    jumps: Any  # its `JumpTerms`


class JumpTerms(NamedTuple):
    """The jumps of an instrument."""

    base: float  # jumps / time
    decay: float  # 1 / time
    mean: float  # price
    std: float  # price
    usual: float  # mean rate in the long run, jumps / time: what is observed as 1


@scalar
def no_jump_terms() -> JumpTerms:
    """What a `JumpTerms` looks like."""
    return JumpTerms(0.0, 0.0, 0.0, 0.0, 0.0)


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
    excitation: (
        Floats  # N x N, its rows padded by zeros: what a jump adds to the rates of all; () where there are no jumps
    )
    variance: Floats  # `VarianceFactor`; () where there is none
    impact: Floats  # N x N, its rows padded by zeros: of trades outside on all mids; () where there is none


def tables(desk: Any) -> Tables:
    """The tables of a `Desk`; of several makers those of the first, and behind its instruments the other makers'."""
    own, shared, by_own = desk.prices.diffusion
    drifts, count = desk.prices.drifts, len(desk.instruments)
    padded = _padded(shared)
    places = desk.outside_places
    outside = [desk.width - len(places) + places.index(i) if i in places else -1 for i in range(count)]
    scales = [float(one.max_inventory) for one in desk.instruments]
    jumps, variance = desk.prices.excitation, desk.prices.variance_factor
    terms = [
        Terms(record(instrument), desk.numbers[i], drifts[i], own[i], outside[i], scales[i], _jumps_of(jumps, i))
        for maker in range(desk.lanes_a_world)
        for i, instrument in enumerate(desk.instruments_of(maker))
    ]
    requests, tiers, columns = [], [], desk.columns
    firsts = np.concatenate([[0], np.cumsum([len(instrument.requests) for instrument in desk.instruments])])
    for i, instrument in enumerate(desk.instruments):
        for (tier, size, share), column in zip(instrument.requests, columns[i], strict=True):
            requests.append(Request(len(tiers) + tier, column, size, share))
        tiers += [record(tier) for tier in instrument.tiers]
    sizes = np.array([desk.width, padded.shape[1], 0 if by_own else padded_rows(count)], np.int64)
    excitation = np.zeros(0) if jumps is None else _padded(jumps.matrix).reshape(-1)
    impact = desk.prices.cross_impact
    return Tables(_numbers(terms), _numbers(tiers), _numbers(requests), firsts, padded.reshape(-1), sizes, excitation,
                  np.array(variance or (), np.float64),
                  np.zeros(0) if impact is None else _padded(impact).reshape(-1))  # fmt: skip


def padded_rows(rows: int) -> int:
    """Rows of a number that is a whole multiple of `COLUMNS`."""
    return rows + -rows % COLUMNS


def _padded(matrix: Floats) -> Floats:
    """The matrix with columns of 0 more, to a whole multiple of `COLUMNS`."""
    return np.ascontiguousarray(np.pad(matrix, ((0, 0), (0, -matrix.shape[1] % COLUMNS))))


def _jumps_of(jumps: Excitation | None, i: int) -> JumpTerms:
    """The jumps of an instrument."""
    if jumps is None:
        return JumpTerms(0.0, 0.0, 0.0, 0.0, 1.0)
    return JumpTerms(jumps.base[i], jumps.decay, jumps.mean[i], jumps.std[i], jumps.rates[i] or 1.0)


def _numbers(records: list[Any]) -> Floats:
    return np.array([number for one in records for number in flat(one)], np.float64)
