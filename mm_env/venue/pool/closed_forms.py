"""What providing liquidity earns and loses in closed form, where the outside mid is a geometric Brownian motion without drift.

Rates are per unit of time, and by the value of the position where nothing else is said. `sigma` is the mid's volatility, 1 /
sqrt(time); `fee` the share of what comes in that is charged; log fees are gamma = -ln(1 - fee).
"""

from __future__ import annotations

import math

from scipy.optimize import minimize_scalar

_WIDEST = 20.0  # log price


def concentration(half_width: float) -> float:
    """What a position over [P e^-w, P e^w] has of liquidity by its value, as a multiple of one over all prices: 1 / (1 -
    e^(-w/2)).

    Raises: ValueError for a half-width that is not positive.
    """
    if not half_width > 0.0:
        raise ValueError(f"half_width must be > 0, got {half_width:g}")
    return 1.0 / -math.expm1(-0.5 * half_width)


def loss_versus_rebalancing(sigma: float, half_width: float = math.inf) -> float:
    """sigma^2 / 8 of a position over all prices, and as often as it is concentrated in range (Milionis, Moallemi,
    Roughgarden & Zhang 2022)."""
    return 0.125 * sigma**2 * concentration(half_width)


def arbitrage_probability(fee: float, sigma: float, block: float) -> float:
    """P(a block is arbitraged), 1 / (1 + sqrt(2 / block) gamma / sigma), of blocks at Poisson times `block` apart on average
    (Milionis, Moallemi & Roughgarden 2023, theorem 1). The small drift of ln S, -sigma^2 / 2, is left out."""
    return 1.0 / (1.0 + math.sqrt(2.0 / block) * -math.log1p(-fee) / sigma)


def arbitrage_profit(fee: float, sigma: float, block: float) -> float:
    """What arbitrageurs earn of a position over all prices, blocks at Poisson times: P(arbitraged) times loss versus
    rebalancing, to first order in the block's length (ibid., theorem 3), and times (1 + 1 / (1 - fee)) / 2, as fees are
    paid in the token that comes in: on what is bought from the pool the arbitrageur earns by the mid, which is that much
    above the pool's price."""
    return arbitrage_probability(fee, sigma, block) * 0.125 * sigma**2 * 0.5 * (1.0 + 1.0 / (1.0 - fee))


def arbitrage_fees(fee: float, sigma: float, block: float) -> float:
    """What arbitrageurs pay in fees: what of loss versus rebalancing they do not keep."""
    return 0.125 * sigma**2 - arbitrage_profit(fee, sigma, block)


def impermanent_loss(ratio: float) -> float:
    """A constant-product position's value by that of the tokens that were put in, less 1, once the price is `ratio` times
    what it was: 2 sqrt(r) / (1 + r) - 1."""
    return 2.0 * math.sqrt(ratio) / (1.0 + ratio) - 1.0


def exit_time(half_width: float, sigma: float) -> float:
    """The mean time until ln P has moved by `half_width`: (2 w / sigma^2) tanh(w / 2), nearly w^2 / sigma^2."""
    return 2.0 * half_width / sigma**2 * math.tanh(0.5 * half_width)


def growth(half_width: float, income: float, sigma: float, cost: float) -> float:
    """What a position of constant value earns that is placed anew, for `cost` of its value, whenever the price leaves its
    range.

    `income` is the fees of L sqrt(P), half of what liquidity over all prices is worth. From one placing to the next the price's
    root is sqrt(P) (8 / sigma^2) (1 - sech(w / 2)) long on average, which earns `income` less sigma^2 / 4, the loss versus
    rebalancing, a unit of liquidity; the rest is renewal. In the limit of blocks that do not last.
    """
    stay = 8.0 / sigma**2 * (1.0 - 1.0 / math.cosh(0.5 * half_width))
    earned = (income - 0.25 * sigma**2) * stay * 0.5 * concentration(half_width)
    return (earned - cost) / exit_time(half_width, sigma)


def optimal_half_width(income: float, sigma: float, cost: float) -> float:
    """The half-width of the highest `growth`; nearly cost sigma^2 / (income / 2 - sigma^2 / 8) where that is small.

    Raises: ValueError where no width pays: an income of at most sigma^2 / 4; or where no width is too small: no cost.
    """
    if not income > 0.25 * sigma**2:
        raise ValueError(f"income must be > sigma^2 / 4 = {0.25 * sigma**2:g} for a range to pay, got {income:g}")
    if not cost > 0.0:
        raise ValueError(f"cost must be > 0 for a range to have a best width, got {cost:g}")
    guess = math.log(narrow_half_width(income, sigma, cost))
    found = minimize_scalar(
        lambda log_width: -growth(math.exp(log_width), income, sigma, cost),
        bounds=(guess - 3.0, min(guess + 3.0, math.log(_WIDEST))),
        method="bounded",
        options={"xatol": 1e-12},
    )
    return math.exp(float(found.x))  # pyright: ignore[reportAttributeAccessIssue]


def narrow_half_width(income: float, sigma: float, cost: float) -> float:
    """cost sigma^2 / (income / 2 - sigma^2 / 8): the closed form of Cartea, Drissi & Monga 2024 without drift.

    Their spread is delta = 2 gamma / (4 pi - sigma^2 / 2), both sides of a narrow range together, 2 w, in a pool that pays
    pi of its value; here pi is income / 2, and the concentration cost gamma / delta^2 is that of placing anew on exit,
    gamma = 4 cost sigma^2.
    """
    return cost * sigma**2 / (0.5 * income - 0.125 * sigma**2)


def patient_growth(half_width: float, leaves_at: float, income: float, sigma: float, cost: float) -> float:
    """What a narrow range earns that is placed anew only once ln P is `leaves_at`, beyond its end, from its middle.

    From the middle to +-b the price is in [-w, w] for (2 b w - w^2) / sigma^2 on average, and there it earns (income -
    sigma^2 / 4) / w: outside of its range a position earns nothing, and loses nothing, and the price comes back. To first
    order in w and b.
    """
    earned = (income - 0.25 * sigma**2) * (2.0 * leaves_at - half_width) / sigma**2
    return (earned - cost) * sigma**2 / leaves_at**2


def patient_exit(half_width: float, income: float, sigma: float, cost: float) -> float:
    """The distance to leave at of the highest `patient_growth`: w + cost sigma^2 / (income - sigma^2 / 4).

    Raises: ValueError where no range pays: an income of at most sigma^2 / 4.
    """
    if not income > 0.25 * sigma**2:
        raise ValueError(f"income must be > sigma^2 / 4 = {0.25 * sigma**2:g} for a range to pay, got {income:g}")
    return half_width + cost * sigma**2 / (income - 0.25 * sigma**2)
