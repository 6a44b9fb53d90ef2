"""What the terms of a loan against collateral must be, and the market that it finances."""

from __future__ import annotations

from typing import Any

import numpy as np

from mm_env.clock import Ergodic
from mm_env.core.component import differs, rules
from mm_env.core.parameters import Distribution
from mm_env.price.models import Brownian

_SAME = (
    "loan_to_value",
    "threshold",
    "close_factor",
    "bonus",
    "haircut",
    "least_health",
    "most_health",
    "collateral",
    "debt",
    "least_debt",
)


def check_terms(loan: Any) -> None:
    """Refuse terms by which a loan could not be lent, or not be liquidated. Raises: TypeError or ValueError."""
    for name in _SAME:
        if differs(getattr(loan, name)):
            raise TypeError(f"Collateral.{name} must be the same in all lanes, got {getattr(loan, name)!r}")
    if loan.threshold >= 1.0:
        raise ValueError(
            f"Collateral.threshold must be < 1 (a debt must be less than what secures it), got {loan.threshold:g}"
        )
    if loan.haircut >= 1.0:
        raise ValueError(f"Collateral.haircut must be < 1 (else no collateral counts), got {loan.haircut:g}")
    if loan.loan_to_value > loan.threshold:
        raise ValueError(
            f"Collateral.loan_to_value must be <= threshold = {loan.threshold:g} (else loans start under water), "
            f"got {loan.loan_to_value:g}"
        )
    most = 1.0 / (loan.threshold * (1.0 - loan.haircut)) - 1.0
    if loan.bonus >= most:
        raise ValueError(
            f"Collateral.bonus must be < {most:.4g} = 1 / (threshold (1 - haircut)) - 1 (else collateral at the threshold does "
            f"not cover a liquidation), got {loan.bonus:g}"
        )
    if loan.least_health >= loan.most_health:
        raise ValueError(
            f"Collateral.least_health must be < most_health = {loan.most_health:g}, got {loan.least_health:g}"
        )
    if loan.least_debt > loan.debt:
        raise ValueError(f"Collateral.least_debt must be <= debt = {loan.debt:g}, got {loan.least_debt:g}")


def check_market(loan: Any, market: Any) -> None:
    """Refuse a market that the loan cannot finance, or in which it starts under water. Raises: ValueError."""
    if isinstance(market.clock, Ergodic) or market.venue.loops != "lanes":
        raise ValueError(
            f"Collateral needs a clock with an end and a venue without a record of events, got {market.clock} and "
            f"{type(market.venue).__name__}"
        )
    loan.token.check(market.clock.step_length)
    lent = loan.loan_to_value * (1.0 - loan.haircut) * loan.collateral * ends(loan.token.initial_price)[0]
    if loan.debt > lent:
        raise ValueError(
            f"Collateral.debt must be at most {lent:g} = loan_to_value (1 - haircut) collateral x token.initial_price "
            f"(post more, or borrow less), got {loan.debt:g}"
        )
    if market.removes_noise and loan.correlated and not moves_normally(market.price):
        raise ValueError(
            "reward.noise must be 1 where the token moves with a mid that is no Brownian motion: its mean is not known, "
            f"got {market.reward}"
        )


def moves_normally(price: Any) -> bool:
    """Whether a price's moves are those of a Brownian motion."""
    return rules(type(price))["move"] is rules(Brownian)["move"]


def ends(value: Any) -> tuple[float, float]:
    """The least and the largest value that a parameter may take."""
    if isinstance(value, Distribution):
        return float(value.support[0]), float(value.support[1])
    return float(np.min(value)), float(np.max(value))
