"""What closed forms and exact solvers take of a desk that is simulated."""

from __future__ import annotations

from fractions import Fraction
from math import gcd, lcm
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.strategies.instruments import DeskProblem, Instrument, Outside, Stream
from mm_env.core.component import differs, leaves, record
from mm_env.desk import instrument as quoted
from mm_env.desk.desk import Desk
from mm_env.desk.outside import NoOutside, OutsideRate
from mm_env.reward import InventoryPenalty, Reward, VariancePenalty
from mm_env.venue.dealer.flow import Bernoulli

Floats = NDArray[np.float64]
_FINEST, _WHOLE = 10**6, 1e-9  # parts of a unit; of a lot


class NoProblem(ValueError):
    """A desk, part by name, of which there is no `DeskProblem`."""


def problem_of(desk: Any) -> DeskProblem:
    """The parameters of a `mm_env.Desk`: its streams, limits in lots, covariance, drift, and the gamma and alpha of its
    reward; of several makers those of one who is alone.

    A lot is the largest of which all sizes of an instrument, and the lot that is traded outside, are whole multiples; what is
    left of max_inventory beyond whole lots is of no use. Depths lie within the widest of the instruments' bounds.

    Raises: NoProblem, naming the part, for jumps, a variance that moves, impact on other instruments, requests other than
    Bernoulli's (they come with probability rate dt), rewards that charge neither the variance nor what is a multiple of it, and
    trades outside other than `OutsideRate`.
    """
    if not isinstance(desk, Desk):
        raise NoProblem(f"it must be a Desk, got {type(desk).__name__}")
    _check_prices(desk)
    _check_rewards(desk)
    instruments = tuple(_instrument(desk, i) for i in range(len(desk.instruments)))
    weights = np.diag([one.weight for one in desk.instruments])
    gamma, alpha = _charges(desk)
    low, high = (
        f(getattr(one, name) for one in desk.instruments) for f, name in ((min, "min_depth"), (max, "max_depth"))
    )
    return DeskProblem(
        instruments, desk.prices.covariance_matrix, gamma, desk.prices.drifts, alpha * weights, (low, high)
    )


def _check_prices(desk: Desk) -> None:
    prices = desk.prices
    for part, why in (
        (prices.excitation, "jump"), (prices.variance_factor, "have a variance that moves"),
        (prices.cross_impact, "are moved by trades in other instruments"),
        (prices.has_marks or None, "are marks of options, whose greeks move"),
    ):  # fmt: skip
        if part is not None:
            raise NoProblem(
                f"a desk's prices must be of a constant drift and covariance: those of {type(prices).__name__} {why}"
            )


def _check_rewards(desk: Desk) -> None:
    if told_apart := [leaf.path for leaf in leaves(desk.reward) if differs(leaf.value)]:
        raise NoProblem(
            f"reward.{told_apart[0]} must be the same for all makers: `desk.alone(maker)` is the desk of one"
        )


def _instrument(desk: Desk, i: int) -> Instrument:
    one, lot = desk.instruments[i], lot_of(desk.instruments[i])
    bids, asks = (
        tuple(Stream(_fill(one, side, tier), float(rate), float(size)) for tier, size, _, rate in zip(*flows))
        for side, flows in zip(("bid", "ask"), desk.streams(i))
    )
    return Instrument(bids, asks, lot, lot * int(one.max_inventory / lot + _WHOLE), _outside(one))


def lot_of(one: quoted.Instrument) -> float:
    """The largest number of units of which the sizes of an instrument, and what it trades outside, are whole multiples."""
    outside = getattr(one.outside, "lot", 0.0)
    exact = [Fraction(units).limit_denominator(_FINEST) for units in (*one.sizes, *([outside] if outside else []))]
    parts = lcm(*(units.denominator for units in exact))
    return gcd(*(int(units * parts) for units in exact)) / parts


def _fill(one: quoted.Instrument, side: str, tier: int) -> Any:
    clients: Any = one.tiers[tier]
    flow = getattr(clients.flow, side)
    if not isinstance(flow, Bernoulli):
        raise NoProblem(f"a desk's requests must come with probability rate dt (Bernoulli), got {type(flow).__name__}")
    return getattr(clients.fill, side)


def _outside(one: quoted.Instrument) -> Outside | None:
    terms = one.outside
    if isinstance(terms, NoOutside):
        return None
    if not isinstance(terms, OutsideRate):
        raise NoProblem(f"trades outside must be at a rate (OutsideRate), got {type(terms).__name__}")
    return Outside(terms.half_spread, terms.max_rate, terms.quadratic, terms.impact)


def _charges(desk: Desk) -> tuple[float, float]:
    """Gamma and alpha of the reward: phi sum w q^2 dt is gamma / 2 q' Sigma q dt where Sigma is a multiple of diag(w)."""
    reward: Any = desk.reward
    if isinstance(reward, VariancePenalty):
        return float(reward.gamma), float(reward.alpha)
    if isinstance(reward, InventoryPenalty):
        return 0.0 if reward.phi == 0.0 else 2.0 * reward.phi / _scale(desk), float(reward.alpha)
    if type(reward) is not Reward:
        raise NoProblem(f"a desk's reward must be VariancePenalty or InventoryPenalty, got {type(reward).__name__}")
    return 0.0, 0.0


def _scale(desk: Desk) -> float:
    """By what diag(w) is multiplied to give the covariance."""
    covariance, weights = desk.prices.covariance_matrix, np.diag([one.weight for one in desk.instruments])
    scale = covariance[0, 0] / weights[0, 0]
    if scale <= 0.0 or not np.allclose(covariance, scale * weights, rtol=1e-9, atol=1e-12 * scale):
        raise NoProblem(
            f"InventoryPenalty must charge what the variance does, or phi = 0: the weights {weights.diagonal().tolist()} are "
            f"no multiple of the covariance {covariance.tolist()}; take VariancePenalty"
        )
    return float(scale)


def taken_at_most(desk: Desk) -> float:
    """The largest share of requests that a quote of the desk takes."""
    ends = [(one, tier) for one in desk.instruments for tier in one.tiers]
    return max(
        float(record(getattr(tier.fill, side)).take(one.min_depth, ())) for one, tier in ends for side in ("bid", "ask")
    )
