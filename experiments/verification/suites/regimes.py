"""A Markov chain of two volatilities: the optimum by regime, what average parameters lose, and the limits that are known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from agents.exact.blind_optimum import blind_optimum
from agents.exact.evaluation import worth
from agents.exact.optimum import optimum
from agents.policy import tabulate
from experiments.verification.suite import Asked, Row, suite
from experiments.verification.suites.cartea_jaimungal import MARKET
from mm_env.clock import FiniteHorizon
from mm_env.market import Market
from mm_env.price.models import Brownian
from mm_env.price.regimes import RegimeSwitching
from mm_env.reward import VariancePenalty

STEPS, SIGMA = (100, 200, 400), 0.1
GAMMA = 2.0 * 0.5 / SIGMA**2  # phi = gamma sigma^2 / 2 = 0.5 in calm
NAMES = ("calm", "turbulent")


def switching(steps: int, start: int, volatility: tuple[float, ...] = (1.0, 2.0)) -> Market:
    """The market of Cartea, Jaimungal & Penalva, |q| <= 10, calm or turbulent at the start."""
    price = RegimeSwitching(Brownian(SIGMA), ((-2.0, 2.0), (4.0, -4.0)), volatility, initial_regime=float(start))
    reward = VariancePenalty(GAMMA, alpha=0.001)
    return replace(MARKET, price=price, reward=reward, clock=FiniteHorizon(1.0, steps))


@suite("two_regimes", "exact: rates 2 and 4, phi 0.5 and 2, rest as Cartea, Jaimungal & Penalva", 20.0)
def two(_: Asked) -> Iterator[Row]:
    """The optimum of who sees the regime; who quotes for the average volatility; equal regimes."""
    for start, best, average in ((0, 5.9304534455, 5.8973109166), (1, 5.8180666535, 5.7812437841)):
        markets = {1.0 / steps: switching(steps, start) for steps in STEPS}
        found = {dt: optimum(market).worth for dt, market in markets.items()}
        yield Row.converging(f"h(0), {NAMES[start]}", best, found, 1e-5)
        blind = {dt: averaged(market) for dt, market in markets.items()}
        yield Row.converging(f"average parameters, {NAMES[start]}", average, blind, 1e-5)
    alike = {1.0 / steps: optimum(switching(steps, 0, (1.0, 1.0))).worth for steps in STEPS}
    yield Row.converging("h(0), equal regimes", 6.38060372, alike, 1e-5)


def averaged(market: Market) -> float:
    """What the quotes of who takes the mid for Brownian, with the average variance, are worth in the market, exactly."""
    table = tabulate(market, blind_optimum(market, {"price": Brownian(market.price.sigma)}))  # pyright: ignore
    assert table is not None
    return worth(table.market, table.actions)
