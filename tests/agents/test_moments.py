"""Mean, variance and inventory of a table, exact, against every path and against the simulator, in all solvable markets."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom, norm

from agents.exact.evaluation import _gathered, evaluate, inventory_law, moments
from agents.exact.outcomes import Problem, Rows
from agents.exact.price_grid import Unsolvable, axis_of
from agents.exact.solvable import check_solvable
from agents.exact.sweep import swept
from mm_env import (
    CARA,
    ArrivalImpact,
    Binomial,
    Brownian,
    Dealer,
    DepthImpact,
    Depths,
    Ergodic,
    Exponential,
    Fees,
    FillImpact,
    FiniteHorizon,
    Grid,
    Integers,
    InventoryPenalty,
    MarketOrders,
    Poisson,
    ScheduledGap,
    Sides,
)  # fmt: skip
from mm_env.markets import MARKETS
from mm_env.quote import Unbounded
from mm_env.rollout import inventory_levels, run_actions
from tests.worlds import COVERING, thinned, within, world

EPISODES = 40_000
SIDED = Dealer(Sides(Poisson(6.0), Poisson(9.0)), Sides(Exponential(1.0), Exponential(2.0)))


def solvable(market):
    try:
        check_solvable(market)
    except Unsolvable:
        return False
    return True


def brief(market):
    """Twenty steps of a market, its first inventories."""
    steps = min(20, market.clock.steps)
    clock = replace(market.clock, horizon=market.clock.step_length * steps, steps=steps)
    price = market.price
    if isinstance(price, ScheduledGap):
        price = replace(price, at=tuple(at * clock.horizon / market.clock.horizon for at in price.at))
    return replace(market, price=price, clock=clock, max_inventory=min(5 * market.order_size, market.max_inventory))


WORLDS = {
    "impact on fills": world(venue=replace(SIDED, impact=FillImpact(0.4)), price=Brownian(0.3)),
    "impact on orders": world(venue=replace(SIDED, impact=ArrivalImpact(0.4)), price=Brownian(0.3)),
    "impact of two kinds": world(venue=replace(SIDED, impact=Sides(FillImpact(0.4), ArrivalImpact(0.3)))),
    "impact by depth": world(venue=replace(SIDED, impact=Sides(DepthImpact(0.2, 0.1, 0.3, 0.6), DepthImpact(0.4, -0.3)))),
    "drift and fees": world(price=Brownian(1.0, drift=0.9), venue=SIDED, fees=Fees(maker=0.05)),
    "sizes": world(venue=SIDED, order_size=0.5, max_inventory=1.5, initial_inventory=1.0),
    "market orders": world(
        venue=replace(SIDED, impact=ArrivalImpact(0.2)),
        quote=MarketOrders(Depths(max_depth=1.0), half_spread=0.2),
        fees=Fees(maker=-0.02, taker=0.03),
    ),
    "little noise": world(
        venue=replace(SIDED, impact=FillImpact(0.4)), reward=InventoryPenalty(phi=0.3, alpha=0.2, noise=0.3)
    ),
    "no noise": world(price=Brownian(1.0, drift=0.9), venue=SIDED, reward=InventoryPenalty(phi=0.3, noise=0.0)),
    "random start": world(initial_inventory=Integers(-2, 2)),
    "utility": world(price=Binomial(1.5), venue=SIDED, reward=CARA(0.3), fees=Fees(maker=0.05)),
    "utility and a random start": world(venue=SIDED, reward=CARA(0.3), initial_inventory=Integers(-2, 2)),
    "beyond the mid": world(venue=replace(SIDED, impact=ArrivalImpact(0.4)), quote=Depths(max_depth=1.0, min_depth=-1.0)),
}  # fmt: skip
WORLDS |= {f"covering {name}": market for name, market in COVERING.items() if solvable(market)}
WORLDS |= {name: brief(made()) for name, made in MARKETS.items() if solvable(made())}
LIKE_OTHERS = {"covering discrete", "impact on orders", "utility and a random start", *(set(WORLDS) & set(MARKETS))}
every_world = pytest.mark.parametrize("name", thinned(WORLDS, LIKE_OTHERS - {"heston"}))


def table_of(market, rows=None):
    shape = (rows or market.clock.steps, len(inventory_levels(market)), market.quote.width)
    random = np.random.default_rng(3)
    if isinstance(market.quote, Grid):
        return random.integers(0, market.quote.space.n, shape).astype(np.float64)
    return random.uniform(-0.5, 0.5, shape)


def test_worlds_of_every_kind_are_among_them():
    assert {"covering brownian", "covering market_orders" if solvable(COVERING["market_orders"]) else "glft"} <= set(
        WORLDS
    )
    made = {name: make() for name, make in MARKETS.items()}
    plain = {n: m for n, m in made.items() if not (m.watched or m.hedges.names or m.financing.names)}
    dealers = {name for name, market in plain.items() if isinstance(market.venue, Dealer)}
    assert dealers <= set(WORLDS)


@every_world
def test_the_simulator_has_the_mean_and_the_variance_that_are_exact(name):
    market = WORLDS[name]
    table = table_of(market)
    mean, variance = moments(market, table)
    objective = run_actions(market, table, EPISODES, seed=5).objective
    assert within(objective, mean)
    assert within((objective - mean) ** 2, variance)


@every_world
def test_the_simulator_has_the_inventories_that_are_exact(name):
    market = WORLDS[name]
    table = table_of(market)
    law, levels = inventory_law(market, table)[-1], inventory_levels(market)
    ends = run_actions(market, table, EPISODES, seed=6).terminal_inventory
    assert law.sum() == pytest.approx(1.0, rel=1e-12)
    for level, p in zip(levels, law, strict=True):
        found = int(np.isclose(ends, level).sum())  # binomial: at a tail no longer than that of four standard errors
        assert min(binom.cdf(found, EPISODES, min(p, 1.0)), binom.sf(found - 1, EPISODES, min(p, 1.0))) > norm.sf(4.0)


def paths(market, table, step=0, q=None):
    """(probability, the sum of rewards) of every path of a binomial mid and of fills, by listing them."""
    q = market.initial_inventory if q is None else q
    if step == market.clock.steps:
        return [(1.0, 0.0)]
    dt, reward, found = market.clock.step_length, market.reward, []
    bid, ask = table[step, round(q + market.max_inventory)]
    p_bid, p_ask = (1.0 - math.exp(-10.0 * math.exp(-depth) * dt) for depth in (bid, ask))
    p_bid, p_ask = p_bid * (q < market.max_inventory), p_ask * (q > -market.max_inventory)
    for bought in (0, 1):
        for sold in (0, 1):
            for move in (1.5 * math.sqrt(dt), -1.5 * math.sqrt(dt)):
                chance = 0.5 * (p_bid if bought else 1 - p_bid) * (p_ask if sold else 1 - p_ask)
                if chance == 0.0:
                    continue
                held, ended = q + bought - sold, step + 1 == market.clock.steps
                fills = [(bought, p_bid, bid), (sold, p_ask, ask)]
                cash = sum(d * (p + reward.noise * (filled - p)) for filled, p, d in fills)
                now = cash + reward.noise * held * move - (reward.phi * dt + reward.alpha * ended) * held**2
                found += [(chance * p, now + later) for p, later in paths(market, table, step + 1, held)]
    return found


@pytest.mark.parametrize("noise", [0.0, 0.4, 1.0])
def test_mean_and_variance_are_those_of_every_path(noise):
    market = world(
        price=Binomial(1.5), quote=Unbounded(), clock=FiniteHorizon(0.3, 3), max_inventory=1.0,
        reward=InventoryPenalty(phi=0.5, alpha=0.1, noise=noise),
    )  # fmt: skip
    table = np.random.default_rng(0).uniform(0.0, 1.0, (3, 3, 2))
    chance, total = np.array(paths(market, table)).T
    found = moments(market, table)
    assert found.mean == pytest.approx(chance @ total, rel=1e-12)
    assert found.variance == pytest.approx(chance @ (total - chance @ total) ** 2, rel=1e-11)


def test_the_variance_of_utility_is_that_of_the_lottery_it_is():
    """Nobody trades: the wealth is that of a position in a Brownian mid, so that utility is log-normal."""
    market = world(venue=Dealer(Poisson(0.0), Exponential(1.0)), reward=CARA(0.3), initial_inventory=2.0)
    found, v = evaluate(market, np.zeros((1, 7, 2))), (0.3 * 2.0) ** 2 * 0.5
    assert found.objective == pytest.approx(-math.expm1(0.5 * v) / 0.3, rel=1e-12)
    assert found.variance == pytest.approx(math.exp(v) * math.expm1(v) / 0.3**2, rel=1e-12)
    assert found.worth == pytest.approx(-0.5 * v / 0.3, rel=1e-12)


def test_an_episode_without_noise_has_no_variance():
    market = world(venue=Dealer(Poisson(0.0), Exponential(1.0)), initial_inventory=2.0, price=Brownian(0.0, drift=1.0))
    assert moments(market, np.zeros((1, 7, 2))) == (pytest.approx(2 * 0.5 - 0.5 * 4 * 0.5 - 0.1 * 4), 0.0)


@every_world
def test_the_compiled_loop_is_the_recursion_step_by_step(name):
    market = WORLDS[name]
    problem = Problem(market, axis_of(market))
    if problem.axis.size == 1:
        rows = Rows.of(problem, table_of(market))
        np.testing.assert_allclose(swept(rows)[:, None], _gathered(rows), rtol=1e-11, atol=1e-13)


def test_an_ergodic_market_is_cut_without_a_terminal_penalty():
    market = world(clock=Ergodic(0.5, 5))
    finite = world(reward=replace(world().reward, alpha=0.0))
    table = table_of(market, 1)
    assert moments(market, table) == moments(finite, table)
