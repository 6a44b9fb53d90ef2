"""Noise as a pure function of (seed, lane, episode, step): Philox 4x32-10 of Salmon, Moraes, Dror & Shaw 2011.

No state is carried, so lane i sees the same market whatever the batch, the threads or the quotes, and any step can be
replayed alone. Only integer products modulo 2^64 are used: the same lines serve Python, numpy arrays and the kernel.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mm_env.core.maths import scalar

MASK = 0xFFFFFFFF
MAX_SEED = 2**63 - 1
VENUE, FACTORS, HEDGES, FLOW, FINANCING = (
    2**30 + 16 * role for role in range(5)
)  # the first of the 16 blocks that a role may draw by
_APART = 2**20  # blocks from one of several of a role to the next: further than all roles reach
_PARAMETER_BLOCK = 2**31  # the blocks from here on draw parameters at reset; those below belong to the steps


class Noise(NamedTuple):
    """The uniforms in (0, 1) of one step of one lane. What no rule reads is never computed in the compiled kernel."""

    bid: float  # the order that may hit our bid
    ask: float  # the order that may lift our ask
    price: tuple[float, float]
    bid_jump: float
    ask_jump: float
    latent: tuple[float, float]
    key: tuple[int, int, int, int] = (0, 0, 0, 0)  # seed, lane, episode and step: what `more` draws by
    shift: int = 0  # blocks further on that `more` draws


@scalar
def _round(c0, c1, c2, c3, k0, k1):
    left, right = c0 * 0xD2511F53, c2 * 0xCD9E8D57
    return ((right >> 32) & MASK) ^ c1 ^ k0, right & MASK, ((left >> 32) & MASK) ^ c3 ^ k1, left & MASK


@scalar
def philox(c0, c1, c2, c3, k0, k1):
    """Four 32-bit words from a counter of four and a key of two (all as whole numbers in [0, 2^32))."""
    c0, c1, c2, c3 = _round(c0, c1, c2, c3, k0, k1)
    c0, c1, c2, c3 = _round(c0, c1, c2, c3, (k0 + 0x9E3779B9) & MASK, (k1 + 0xBB67AE85) & MASK)
    c0, c1, c2, c3 = _round(c0, c1, c2, c3, (k0 + 0x3C6EF372) & MASK, (k1 + 0x76CF5D0A) & MASK)
    c0, c1, c2, c3 = _round(c0, c1, c2, c3, (k0 + 0xDAA66D2B) & MASK, (k1 + 0x32370B8F) & MASK)
    c0, c1, c2, c3 = _round(c0, c1, c2, c3, (k0 + 0x78DDE6E4) & MASK, (k1 + 0xED9EBA14) & MASK)
    c0, c1, c2, c3 = _round(c0, c1, c2, c3, (k0 + 0x1715609D) & MASK, (k1 + 0xA9066899) & MASK)
    c0, c1, c2, c3 = _round(c0, c1, c2, c3, (k0 + 0xB54CDA56) & MASK, (k1 + 0x646E171E) & MASK)
    c0, c1, c2, c3 = _round(c0, c1, c2, c3, (k0 + 0x5384540F) & MASK, (k1 + 0x1FD5C5A3) & MASK)
    c0, c1, c2, c3 = _round(c0, c1, c2, c3, (k0 + 0xF1BBCDC8) & MASK, (k1 + 0xDB3D7428) & MASK)
    return _round(c0, c1, c2, c3, (k0 + 0x8FF34781) & MASK, (k1 + 0x96A522AD) & MASK)


@scalar
def uniforms(seed, lane, episode, step, block):
    """Four uniforms in (0, 1), each (word + 1/2) / 2^32."""
    w0, w1, w2, w3 = philox(step & MASK, episode & MASK, lane & MASK, block, seed & MASK, (seed >> 32) & MASK)
    unit = 2.3283064365386963e-10
    return (w0 + 0.5) * unit, (w1 + 0.5) * unit, (w2 + 0.5) * unit, (w3 + 0.5) * unit


def lane_key(seed, lane):
    """The seed and the lane number that a lane draws by: those it is given, or row `lane` of an array (lanes, 2) of both."""
    return (int(seed[lane, 0]), int(seed[lane, 1])) if isinstance(seed, np.ndarray) else (seed, lane)


@scalar
def world_key(seed, lane, makers):
    """The seed and the number that a lane's world draws by, where each `makers` lanes are one: its number among the worlds."""
    key, number = lane_key(seed, lane - lane % makers)
    return key, number // makers


@scalar
def draw(seed, lane, episode, step) -> Noise:
    """All the noise of one step of one lane."""
    bid, ask, price, price_angle = uniforms(seed, lane, episode, step, 0)
    bid_jump, ask_jump, latent, latent_angle = uniforms(seed, lane, episode, step, 1)
    key = (seed, lane, episode, step)
    return Noise(bid, ask, (price, price_angle), bid_jump, ask_jump, (latent, latent_angle), key, 0)


@scalar
def more(noise, block):
    """Four uniforms in (0, 1) more of a step, by the number of their block: `FACTORS + 2` is the third of a price's own.

    A role (VENUE, FACTORS, HEDGES, FLOW, FINANCING) has 16 blocks, so that no part disturbs what another draws.
    """
    seed, lane, episode, step = noise.key
    return uniforms(seed, lane, episode, step, block + noise.shift)


@scalar
def beside_the_price(noise):
    """The noise of a step whose `price` is of the hedges' own first block, not of what moves the mid."""
    first, second, _, _ = more(noise, HEDGES)
    return Noise(
        noise.bid, noise.ask, (first, second), noise.bid_jump, noise.ask_jump, noise.latent, noise.key, noise.shift
    )


@scalar
def apart(noise, number):
    """The noise of a step for one of several hedges, 0, 1, ... up to 999: by `more` and by `price` none draws what another
    does, and the first draws what it would by itself."""
    shift = noise.shift + _APART * number
    moved = Noise(noise.bid, noise.ask, noise.price, noise.bid_jump, noise.ask_jump, noise.latent, noise.key, shift)
    return beside_the_price(moved) if number > 0 else moved


def parameter_uniforms(seed: int | NDArray, lanes: NDArray, episodes: NDArray, index: int) -> NDArray[np.float64]:
    """The uniforms that draw the index-th random parameter of each lane's episode; (len(lanes),). One seed, or one a lane."""
    return uniforms(seed, lanes.astype(np.int64), episodes.astype(np.int64), 0, _PARAMETER_BLOCK + index)[0]
