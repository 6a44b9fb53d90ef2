"""Small markets for tests, and what tests do with all of them.

`COVERING`, dealers and order books, has every model of the package in at least one market and most pairs of kinds in some: a
dozen machine codes instead of thousands.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mm_env import (
    CARA,
    ArrivalImpact,
    AsymmetricDamping,
    Bernoulli,
    Binomial,
    Book,
    Brownian,
    ContStoikovTalreja,
    Dealer,
    DepthImpact,
    Depths,
    DoubleExponentialJumps,
    Ergodic,
    EveryEvent,
    EveryQuoteChange,
    Exponential,
    Fees,
    FillImpact,
    FiniteHorizon,
    FromBook,
    Geometric,
    GeometricSize,
    Grid,
    Hawkes,
    Heston,
    Hyperexponential,
    InventoryPenalty,
    Linear,
    Logistic,
    Market,
    MarketOrders,
    NoImpact,
    Now,
    OrnsteinUhlenbeck,
    Poisson,
    PowerLaw,
    ProportionalFees,
    QueueReactive,
    ShortTermAlpha,
    Sides,
    Skew,
    SpreadAndSkew,
    Touch,
    UnnoticedBook,
    VariancePenalty,
    WithJumps,
    World,
    ZeroIntelligence,
)
from mm_env.core.component import flat
from mm_env.quote import Unbounded
from mm_env.simulation import Simulation

AT_START = Now(0.0, 1.0, 100.0, World((), ((), ()), (), (), ()))  # of a dealer none of whose parts has a state


def world(**parts: Any) -> Market:
    """A market of `cartea_jaimungal`'s types: five steps of a tenth of a second, at most three orders held."""
    plain = Market(
        price=Brownian(sigma=1.0),
        venue=Dealer(flow=Poisson(rate=10.0), fill=Exponential(k=1.0)),
        clock=FiniteHorizon(horizon=0.5, steps=5),
        quote=SpreadAndSkew(max_half_spread=1.0, max_skew=1.0),
        reward=InventoryPenalty(phi=0.5, alpha=0.1),
        max_inventory=3.0,
        inventory_scale=2.0,
    )
    return replace(plain, **parts)


def sure(bid: float = 1, ask: float = 1) -> Dealer:
    """A venue where a quote at the mid fills within a second for certain (1) or never (0)."""
    return Dealer(flow=Sides(Bernoulli(float(bid)), Bernoulli(float(ask))), fill=Exponential(k=1e-300))


BRANCHING = (0.3 * np.eye(6) + 0.05).tolist()
DEALERS: dict[str, Market] = {
    "brownian": world(price=Brownian(sigma=1.0, drift=0.5), reward=InventoryPenalty(phi=0.5, alpha=0.1, noise=0.25)),
    "binomial": world(
        price=Binomial(sigma=2.0),
        venue=Dealer(Poisson(9.0), PowerLaw(scale=0.5, exponent=1.5), FillImpact(0.2)),
        quote=Depths(max_depth=2.0, min_depth=-0.2),
        reward=CARA(gamma=0.1),
        fees=ProportionalFees(maker=-0.0002, taker=0.0005),
        initial_inventory=-1.0,
    ),
    "geometric": world(
        price=Geometric(sigma=0.02, drift=0.01),
        venue=Dealer(Sides(Poisson(8.0), Bernoulli(12.0)), Logistic(middle=0.4, width=0.3), ArrivalImpact(0.1)),
        clock=Ergodic(horizon=0.4, steps=4),
        quote=Skew(half_spread=0.5, max_skew=0.7),
        reward=AsymmetricDamping(damping=0.6),
        fees=Fees(maker=-0.01, taker=0.02),
    ),
    "mean_reverting": world(
        price=OrnsteinUhlenbeck(sigma=1.0, speed=2.0, mean=99.0),
        venue=Dealer(Bernoulli(7.0), Linear(reach=1.5), Sides(FillImpact(0.1), ArrivalImpact(0.2))),
        quote=Grid(max_half_spread=1.0, max_skew=0.8, half_spreads=4, skews=3),
        order_size=2.0,
        max_inventory=6.0,
    ),
    "market_orders": world(
        venue=Dealer(Poisson(9.0), Sides(Exponential(1.0), Exponential(2.0)), NoImpact()),
        clock=Ergodic(horizon=0.4, steps=4),
        quote=MarketOrders(SpreadAndSkew(max_half_spread=1.0, max_skew=0.5), half_spread=0.05),
        fees=ProportionalFees(maker=0.0001, taker=0.0003),
    ),
    "two_sided": world(
        price=OrnsteinUhlenbeck(sigma=0.5, speed=1.0, mean=100.0),
        venue=Dealer(Poisson(12.0), Sides(Logistic(0.3, 0.2), Linear(1.0)), ArrivalImpact(0.1)),
        quote=MarketOrders(Skew(half_spread=0.3, max_skew=0.3), half_spread=0.1),
        reward=CARA(gamma=0.05),
        fees=Fees(maker=0.01, taker=0.03),
        initial_inventory=2.0,
    ),
    "unbounded": world(
        price=Geometric(sigma=0.01),
        venue=Dealer(
            Bernoulli(11.0),
            Hyperexponential(6.0, 1.0, 0.4),
            Sides(DepthImpact(0.1, 0.2, 0.3, 0.8), DepthImpact(0.3, -0.4)),
        ),
        quote=Unbounded(),
        reward=AsymmetricDamping(damping=1.0),
    ),
    "discrete": world(
        price=Binomial(sigma=1.0),
        venue=Dealer(Poisson(10.0), Exponential(1.5), ArrivalImpact(0.3)),
        clock=Ergodic(horizon=0.4, steps=4),
        quote=Grid(max_half_spread=1.0, max_skew=0.5),
    ),
    "short_term_alpha": world(
        price=ShortTermAlpha(sigma=1.0, decay=3.0, vol=10.0),
        venue=Dealer(Poisson(9.0), Exponential(1.0), FillImpact(0.1)),
        reward=InventoryPenalty(phi=0.3, alpha=0.1, noise=0.5),
        fees=Fees(maker=0.01),
    ),
    "jumping_variance": world(
        price=WithJumps(
            Heston(kappa=4.0, theta=1.0, vol=1.5, rho=-0.6, v0=0.5, drift=0.2),
            DoubleExponentialJumps(rate=0.4, up=0.3, up_mean=0.5, down_mean=1.0),
        ),
        venue=Dealer(Bernoulli(8.0), Exponential(1.2), ArrivalImpact(0.2)),
        quote=Depths(max_depth=2.0, min_depth=-0.2),
        reward=VariancePenalty(gamma=0.5, alpha=0.1),
        fees=ProportionalFees(maker=0.0001),
    ),
}
BOOKS: dict[str, Market] = {
    "zero_intelligence": world(
        price=FromBook(),
        venue=Book(
            ZeroIntelligence(arrival=3.0, cancellation=1.0, taking=6.0), levels=3, warm_up=0.5, lot=0.5, latency=0.03
        ),
        quote=MarketOrders(SpreadAndSkew(max_half_spread=4.0, max_skew=2.0), half_spread=0.0),
        fees=ProportionalFees(maker=-0.0001, taker=0.0002),
    ),
    "cont_stoikov_talreja": world(
        price=FromBook(),
        venue=Book(
            ContStoikovTalreja(arrival=[4.0, 3.0], cancellation=[1.0, 2.0], taking=5.0, scale=2.0, exponent=0.5),
            size=GeometricSize(average=2.0),
            levels=4,
            tick=0.01,
            warm_up=0.5,
            observed=2,
        ),
        clock=EveryEvent(horizon=2.0, steps=5),
        quote=Touch(behind=2, hedging=True),
        fees=Fees(maker=-0.002, taker=0.003),
    ),
    "queue_reactive": world(
        price=FromBook(),
        venue=Book(
            QueueReactive(
                arrival=[[6.0, 5.0, 2.0], [4.0, 4.0, 1.0]],
                cancellation=[[0.0, 1.0, 2.0], [0.0, 2.0, 3.0]],
                taking=[[0.0, 4.0, 3.0], [0.0, 2.0, 2.0]],
                following=0.7,
                renewal=0.4,
            ),
            levels=3,
            tick=0.5,
            warm_up=0.5,
        ),
        clock=EveryQuoteChange(horizon=2.0, steps=5),
        quote=Depths(max_depth=2.0),
        reward=CARA(gamma=0.05),
    ),
    "hawkes": world(
        price=FromBook(),
        venue=UnnoticedBook(
            Hawkes(base=[5.0, 4.0, 2.0, 2.0, 3.0, 3.0], branching=BRANCHING, decay=5.0, place=[3.0, 2.0, 1.0]),
            levels=4,
            warm_up=0.5,
        ),
        clock=Ergodic(horizon=0.4, steps=4),
        quote=Touch(),
        initial_inventory=1.0,
    ),
}


COVERING = DEALERS | BOOKS


def thinned(names: Iterable[str], slow: set[str]) -> list[Any]:
    """Cases for `parametrize`, of which `slow` are slow tests: each has machine code of its own to make."""
    every = list(names)
    assert slow <= set(every), f"no cases: {slow - set(every)}"
    return [pytest.param(name, marks=pytest.mark.slow) if name in slow else name for name in every]


def random_actions(market: Market, lanes: int, seed: int = 0) -> NDArray[np.float64]:
    """Actions (lanes, width), some of them beyond the ends of [-1, 1]."""
    random = np.random.default_rng(seed)
    if isinstance(market.quote, Grid | Touch):
        return random.integers(0, market.quote.space.n, (lanes, 1)).astype(np.float64)
    return random.uniform(-1.2, 1.2, (lanes, market.quote.width))


def numbers(simulation: Simulation) -> NDArray[np.float64]:
    """All that the lanes carry, (lanes, numbers)."""
    return np.array(list(flat(simulation.state))).T


def same_bits(one: Any, other: Any) -> bool:
    """Whether two arrays hold the very same bits (0.0 is not -0.0, and NaN is NaN)."""
    one, other = np.ascontiguousarray(one), np.ascontiguousarray(other)
    return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()


def story(simulation: Simulation, seed: int, actions: NDArray[np.float64], steps: int) -> list[NDArray[Any]]:
    """All that is seen in `steps` steps of the same actions (lanes, width), with the next episode after each end.

    Every array has the lanes in front.
    """
    seen = [simulation.start(seed), numbers(simulation)]
    for _ in range(steps):
        observations, rewards, ended, _ = simulation.step(np.ascontiguousarray(actions).reshape(-1))
        seen += [observations.copy(), rewards, ended, numbers(simulation)]
        simulation.restart(ended, observations)
        seen += [observations, numbers(simulation)]
    return seen


def stepped(market: Market, actions, lanes: int = 1, seed: int = 0):
    """The simulation and the rewards after one step."""
    simulation = Simulation(market, lanes, interpreted=True)
    simulation.start(seed)
    return simulation, simulation.step(np.asarray(actions, np.float64).reshape(-1))[1]


def wealth(state: Any) -> NDArray[np.float64]:
    return state.account.cash + state.account.inventory * state.mid


def within(sample: NDArray[np.float64], expected: float, errors: float = 4.0) -> bool:
    """Whether the mean of a sample lies within 4 of its standard errors of `expected`."""
    return bool(abs(np.mean(sample) - expected) <= errors * np.std(sample) / np.sqrt(len(sample)))
