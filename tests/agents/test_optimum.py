"""The exact optimum: worth what its own table is worth, better than all else, and at small steps what the papers say."""

from dataclasses import replace

import numpy as np
import pytest

from agents.avellaneda_stoikov import AvellanedaStoikov, AvellanedaStoikovStationary, AvellanedaStoikovSymmetric
from agents.cartea_jaimungal import CarteaJaimungal, CarteaJaimungalStationary
from agents.exact import average_reward, check_solvable, evaluate, poisson_equation
from agents.fixed import FixedSymmetric, LinearSkew
from agents.glft import GLFT, GLFTAsymptotic
from agents.latent import Unsolvable, axis_of
from agents.optimum import optimum
from agents.policy import play
from mm_env import (
    CARA,
    ArrivalImpact,
    AsymmetricDamping,
    Bernoulli,
    Brownian,
    Dealer,
    Depths,
    Ergodic,
    Exponential,
    Fees,
    FillImpact,
    FiniteHorizon,
    Geometric,
    Grid,
    InventoryPenalty,
    Linear,
    Logistic,
    MarketOrders,
    OrnsteinUhlenbeck,
    Poisson,
    PowerLaw,
    ProportionalFees,
    Reward,
    Sides,
    Skew,
    SpreadAndSkew,
    Uniform,
    rule,
)
from mm_env.markets import MARKETS, amzn_ergodic, cartea_jaimungal, glft
from mm_env.rollout import inventory_levels
from tests.worlds import within, world


def is_solvable(market):
    try:
        check_solvable(market)
        axis_of(market)
    except Unsolvable:
        return False
    return True


def shrunk(name, steps=20, orders=5):
    """A named market with fewer steps of the same length and fewer orders held."""
    market = MARKETS[name]()
    clock = replace(market.clock, horizon=market.clock.step_length * steps, steps=steps)
    return replace(market, clock=clock, max_inventory=orders * market.order_size)


def worth(market, actions):
    return average_reward(market, actions) if isinstance(market.clock, Ergodic) else evaluate(market, actions).objective


def best_worth(found):
    return found.objective if found.rate is None else found.rate


SOLVABLE = [name for name in MARKETS if is_solvable(MARKETS[name]())]
every_solvable_market = pytest.mark.parametrize("name", SOLVABLE)
TAKE = {  # the share of orders that a depth lets pass, written anew
    Exponential: lambda fill, depth: np.exp(-fill.k * depth),
    PowerLaw: lambda fill, depth: (1.0 + np.maximum(depth, 0.0) / fill.scale) ** -fill.exponent,
    Logistic: lambda fill, depth: 1.0 / (1.0 + np.exp((depth - fill.middle) / fill.width)),
    Linear: lambda fill, depth: np.clip(1.0 - depth / fill.reach, 0.0, 1.0),
}
COME = {
    Poisson: lambda flow, take, dt: 1.0 - np.exp(-flow.rate * take * dt),
    Bernoulli: lambda flow, take, dt: np.minimum(flow.rate * take * dt, 1.0),
}


def happenings(venue, side, depth, is_open, dt):
    """Nobody comes; someone comes and passes by; someone takes the quote: [(probability, filled, mean jump)]."""
    flow, fill, impact = (getattr(getattr(venue, part), side) for part in ("flow", "fill", "impact"))
    taken = COME[type(flow)](flow, TAKE[type(fill)](fill, depth), dt)
    came = np.maximum(taken, COME[type(flow)](flow, 1.0, dt))
    filled = taken if is_open else 0.0 * taken
    passed = impact.mean if isinstance(impact, ArrivalImpact) else 0.0
    return [(1.0 - came, 0, 0.0), (came - filled, 0, passed), (filled, 1, getattr(impact, "mean", 0.0))]


def enumerated(market, bid_depth, ask_depth, end=0.0):
    """V_0 (levels,) of the best of the given pairs of depths (n,), by listing all that can happen in each step.

    `end` (levels,) is what it is worth to hold each level at the end.
    """
    dt, levels, size = market.clock.step_length, inventory_levels(market), market.order_size
    gamma = market.reward.gamma if isinstance(market.reward, CARA) else 0.0
    phi, alpha = getattr(market.reward, "phi", 0.0), getattr(market.reward, "alpha", 0.0)
    value = np.zeros(len(levels)) + end
    for left in range(1, market.clock.steps + 1):
        after, value = value, np.empty(len(levels))
        for i, q in enumerate(levels):
            outcomes = []
            for p_bid, bought, down in happenings(market.venue, "bid", bid_depth, i + 1 < len(levels), dt):
                for p_ask, sold, up in happenings(market.venue, "ask", ask_depth, i > 0, dt):
                    held = q + size * (bought - sold)
                    cash = size * (bought * (bid_depth - market.fees.maker) + sold * (ask_depth - market.fees.maker))
                    penalty = (phi * dt + (alpha if left == 1 else 0.0)) * held**2
                    moved = held * (up - down + market.price.drift * dt)
                    risk = 0.5 * gamma * (market.price.sigma * held) ** 2 * dt
                    follows = after[np.clip(i + bought - sold, 0, len(levels) - 1)]
                    outcomes.append((p_bid * p_ask, cash + moved - penalty - risk + follows))
            if gamma:
                value[i] = -np.log(np.min(sum(p * np.exp(-gamma * gain) for p, gain in outcomes))) / gamma
            else:
                value[i] = np.max(sum(p * gain for p, gain in outcomes))
    return value


def pairs(low, high, number):
    """Every pair of `number` depths each from low to high, and how far they lie apart."""
    depths = np.linspace(low, high, number)
    bid, ask = np.meshgrid(depths, depths)
    return bid.ravel(), ask.ravel(), depths[1] - depths[0]


def grid_error(market, spacing):
    """What a grid of depths may lose: |V''| <= rate k dt near the best depth, on two sides, in each step."""
    rate, k = market.venue.flow.bid.rate, market.venue.fill.bid.k
    return market.clock.horizon * rate * k * market.order_size * spacing**2 / 4.0


# its own table, and all others


def test_the_markets_of_the_literature_are_solvable():
    literature = {"avellaneda_stoikov", "cartea_jaimungal", "adverse_selection", "glft", "amzn", "aapl", "amzn_ergodic"}
    assert literature <= set(SOLVABLE)


@every_solvable_market
def test_the_optimum_is_worth_what_the_evaluation_of_its_table_says(name):
    market = shrunk(name)
    found = optimum(market)
    assert worth(market, found.table().actions) == pytest.approx(best_worth(found), rel=1e-12)


@every_solvable_market
def test_no_perturbed_table_is_worth_more(name):
    market, random = shrunk(name), np.random.default_rng(0)
    found = optimum(market)
    actions, best = found.table().actions, best_worth(found)
    for scale in (1e-3, 1e-2, 0.1, 1.0):
        other = np.clip(actions + scale * random.uniform(-1.0, 1.0, actions.shape), -1.0, 1.0)
        assert worth(market, other) < best
    for _ in range(20):  # one quote of one moment at one inventory
        other, place = actions.copy(), tuple(random.integers(actions.shape))
        other[place] = random.uniform(-1.0, 1.0)
        assert worth(market, other) <= best + 1e-12 * abs(best)


@every_solvable_market
def test_no_closed_form_is_worth_more_than_the_optimum(name):
    market = shrunk(name)
    best, q = best_worth(optimum(market)), inventory_levels(market) / market.order_size
    times = market.clock.step_length * np.arange(market.clock.steps, 0, -1)[:, None]
    for strategy in closed_forms(market):
        depths = strategy.depths(q, times if not isinstance(market.clock, Ergodic) else times[:1])
        assert worth(market, market.quote.encode(depths)) <= best + 1e-12 * abs(best), strategy


def closed_forms(market):
    sigma, k, rate = market.price.sigma, market.venue.fill.bid.k, market.venue.flow.bid.rate
    gamma = market.reward.gamma if isinstance(market.reward, CARA) else 2.0 * market.reward.phi / sigma**2
    phi, alpha = 0.5 * gamma * sigma**2, getattr(market.reward, "alpha", 0.0)
    horizon, orders = market.clock.horizon, round(market.max_inventory / market.order_size)
    jump = getattr(market.venue.impact.bid, "mean", 0.0)
    return [
        FixedSymmetric(1.0 / k),
        LinearSkew(1.0 / k, 0.25 / k),
        AvellanedaStoikov(gamma, sigma, k, horizon),
        AvellanedaStoikovStationary(gamma, sigma, k, orders),
        AvellanedaStoikovSymmetric(gamma, sigma, k, horizon),
        GLFT(gamma, sigma, k, rate, horizon, orders),
        GLFTAsymptotic(gamma, sigma, k, rate),
        CarteaJaimungal(rate, k, phi, alpha, horizon, orders, jump),
        CarteaJaimungalStationary(rate, k, phi, orders, jump),
    ]


@every_solvable_market
def test_bids_deepen_and_asks_come_closer_the_more_is_held(name):
    market = shrunk(name)
    depths = optimum(market).table().depths()
    assert (np.diff(depths[:, :-1, 0], axis=1) >= -1e-6).all()  # at the limits the closed side quotes nothing
    assert (np.diff(depths[:, 1:, 1], axis=1) <= 1e-6).all()


# by enumeration

TINY = world(
    clock=FiniteHorizon(horizon=0.3, steps=3),
    quote=Depths(max_depth=3.0, min_depth=0.0),
    max_inventory=2.0,
    reward=InventoryPenalty(phi=0.5, alpha=0.1),
)
TINIES = {
    "plain": TINY,
    "one order": replace(TINY, max_inventory=1.0, clock=FiniteHorizon(horizon=0.2, steps=2)),
    "utility": replace(TINY, reward=CARA(gamma=0.3)),
    "drift": replace(TINY, price=Brownian(sigma=1.0, drift=0.7)),
    "fees and sizes": replace(TINY, fees=Fees(maker=0.1), order_size=0.5, max_inventory=1.0),
    "sides": replace(
        TINY, venue=Dealer(Sides(Poisson(10.0), Bernoulli(4.0)), Sides(Exponential(1.0), Exponential(0.8)))
    ),
    "informed fills": replace(TINY, venue=Dealer(Poisson(10.0), Exponential(1.0), FillImpact(0.3))),
    "informed orders": replace(TINY, venue=Dealer(Poisson(10.0), Exponential(1.0), ArrivalImpact(0.3))),
}


@pytest.mark.parametrize("name", TINIES)
def test_the_optimum_is_the_best_of_a_fine_grid_of_quotes_but_for_its_spacing(name):
    market = TINIES[name]
    bid, ask, spacing = pairs(0.0, 3.0, 151)
    lost = optimum(market).value[0, 0] - enumerated(market, bid, ask)
    assert (lost >= -1e-12).all()
    assert (lost <= grid_error(market, spacing)).all()


KINK = 3e-5  # what a line search to 1e-7 of the range may lose in three steps on a slope of 13 beside a kink


@pytest.mark.parametrize("reach", [1.0, 8.0])
@pytest.mark.parametrize(
    "fill",
    [Exponential(20.0), PowerLaw(scale=0.1, exponent=3.0), Logistic(middle=0.3, width=0.05), Linear(reach=0.4)],
    ids=lambda fill: type(fill).__name__,
)
def test_the_best_quotes_are_found_among_many_that_never_fill(fill, reach):
    market = replace(TINY, venue=Dealer(Poisson(10.0), fill), quote=Depths(max_depth=reach, min_depth=-1.0))
    bid, ask, _ = pairs(0.0, 1.0, 201)
    assert (optimum(market).value[0, 0] - enumerated(market, bid, ask) >= -KINK).all()


@pytest.mark.parametrize(("quote", "near"), [
    (Depths(max_depth=8.0, min_depth=0.0), pairs(0.0, 1.0, 201)),
    (Depths(max_depth=0.05, min_depth=-3.0), pairs(-0.95, 0.05, 201)),
])  # fmt: skip
def test_the_best_quotes_are_found_at_the_ends_of_their_range(quote, near):
    market = replace(TINY, venue=Dealer(Poisson(10.0), Exponential(20.0)), quote=quote)
    assert (optimum(market).value[0, 0] - enumerated(market, *near[:2]) >= -1e-12).all()


@pytest.mark.parametrize(("venue", "quote", "phi"), [
    (Dealer(Poisson(10.0), PowerLaw(scale=0.1, exponent=3.0)), SpreadAndSkew(max_half_spread=2.0, max_skew=2.0), 0.5),
    (Dealer(Bernoulli(20.0), Exponential(1.0)), SpreadAndSkew(3.0, 3.0, min_half_spread=-1.0), 4.0),
])  # fmt: skip
def test_the_best_quotes_are_found_where_one_side_sits_on_a_kink(venue, quote, phi):
    """Where orders are sure to fill one quote, only the other may still move: both actions at once."""
    market = replace(TINY, venue=venue, quote=quote, reward=InventoryPenalty(phi=phi))
    bid, ask, _ = pairs(quote.min_half_spread, 2.0, 301)
    assert (optimum(market).value[0, 0] - enumerated(market, bid, ask) >= -KINK).all()


@pytest.mark.parametrize("reward", [InventoryPenalty(phi=0.5, alpha=0.1), CARA(gamma=0.3)])
def test_the_optimum_on_a_grid_is_the_best_of_all_its_choices(reward):
    grid = Grid(max_half_spread=1.5, max_skew=1.0, half_spreads=5, skews=7, min_half_spread=0.1)
    market = replace(TINY, quote=grid, reward=reward)
    half_spread, skew = np.meshgrid(np.linspace(0.1, 1.5, 5), np.linspace(-1.0, 1.0, 7), indexing="ij")
    best = enumerated(market, (half_spread - skew).ravel(), (half_spread + skew).ravel())
    found = optimum(market)
    np.testing.assert_allclose(found.value[0, 0], best, rtol=1e-12)
    assert np.isin(found.actions, np.arange(35)).all()


def test_a_half_spread_that_is_given_leaves_the_best_skew():
    market = replace(TINY, quote=Skew(half_spread=0.8, max_skew=0.6))
    skew, half_spread = np.linspace(-0.6, 0.6, 1201), 0.8
    lost = optimum(market).value[0, 0] - enumerated(market, half_spread - skew, half_spread + skew)
    assert (lost >= -1e-12).all()
    assert (lost <= 1e-5).all()


@pytest.mark.parametrize("quote", [
    Depths(max_depth=0.9, min_depth=0.7),
    SpreadAndSkew(max_half_spread=0.9, max_skew=0.1, min_half_spread=0.7),
    Skew(half_spread=0.8, max_skew=0.1),
    Grid(max_half_spread=0.9, max_skew=0.1, min_half_spread=0.7),
    MarketOrders(SpreadAndSkew(max_half_spread=0.9, max_skew=0.1, min_half_spread=0.7), half_spread=0.2),
])  # fmt: skip
def test_quotes_stay_inside_their_action_space(quote):
    market = replace(TINY, quote=quote)
    depths, wide = optimum(market).table().depths(), optimum(TINY).objective
    assert depths.min() >= 0.6 - 1e-12
    assert depths.max() <= 1.0 + 1e-12
    assert optimum(replace(market, quote=getattr(quote, "quoting", quote))).objective < wide


def test_actions_of_the_same_quotes_are_worth_the_same():
    """|bid depth|, |ask depth| <= 2 is a square; (half-spread, skew) cover a rhombus around it."""
    square = optimum(replace(TINY, quote=Depths(max_depth=2.0, min_depth=-2.0)))
    rhombus = optimum(replace(TINY, quote=SpreadAndSkew(max_half_spread=2.0, max_skew=2.0, min_half_spread=-2.0)))
    np.testing.assert_allclose(square.value[0, 0], rhombus.value[0, 0], rtol=1e-9)
    np.testing.assert_allclose(square.table().depths()[:, 1:-1], rhombus.table().depths()[:, 1:-1], atol=1e-4)


# market orders

FREE = SpreadAndSkew(max_half_spread=2.0, max_skew=2.0)


@pytest.mark.parametrize("reward", [InventoryPenalty(phi=0.5, alpha=0.1), CARA(gamma=0.3)])
def test_market_orders_help_the_more_the_less_they_cost_and_never_hurt(reward):
    without = optimum(replace(TINY, quote=FREE, reward=reward)).value[0, 0]
    values = [
        optimum(replace(TINY, quote=MarketOrders(FREE, half_spread=cost), reward=reward)).value[0, 0]
        for cost in (0.0, 0.05, 0.5, 1e6)
    ]
    for cheaper, dearer in zip(values, [*values[1:], without], strict=True):
        assert (cheaper >= dearer - 1e-12).all()
    assert (values[0][[0, -1]] > without[[0, -1]] + 0.1).all()
    np.testing.assert_allclose(values[-1], without, rtol=1e-12)


def test_free_market_orders_make_every_inventory_worth_the_same():
    value = optimum(replace(TINY, quote=MarketOrders(FREE, half_spread=0.0))).value[0, 0]
    np.testing.assert_allclose(value, value[2], rtol=1e-12)


def test_a_market_order_is_sent_where_it_saves_more_than_it_costs():
    """With no flow at all only the terminal penalty alpha q^2 is left: the n-th order is worth closing if it saves more."""
    market = replace(
        TINY, venue=Dealer(Poisson(0.0), Exponential(1.0)), reward=InventoryPenalty(alpha=0.1),
        quote=MarketOrders(FREE, half_spread=0.2), fees=Fees(taker=0.05),
    )  # fmt: skip
    value = optimum(market).value[0, 0]  # from 2 to 1 saves 0.3 > 0.25; from 1 to 0 saves 0.1
    np.testing.assert_allclose(value, [-0.35, -0.1, 0.0, -0.1, -0.35], atol=1e-12)


# the limits of continuous time

STEPS = (100, 200, 400)


def orders_of_convergence(errors):
    return np.log2(np.abs(errors[:-1]) / np.abs(errors[1:]))


@pytest.mark.parametrize("flow", [Poisson(10.0), Bernoulli(10.0)])
def test_cartea_and_jaimungals_value_and_quotes_are_reached_at_first_order_in_dt(flow):
    market = replace(
        cartea_jaimungal(), venue=Dealer(flow, Exponential(1.0)), quote=Depths(max_depth=9.0, min_depth=-7.0),
        max_inventory=8.0,
    )  # fmt: skip
    theory = CarteaJaimungal(rate=10.0, kappa=1.0, phi=0.5, alpha=0.001, horizon=1.0, max_inventory=8)
    found = [optimum(replace(market, clock=FiniteHorizon(1.0, steps))) for steps in STEPS]
    assert_first_order(found, theory.value(0, 1.0), theory.depths(np.arange(-3.0, 4.0), 1.0))


def test_gueant_lehalle_and_fernandez_tapias_value_and_quotes_are_reached_at_first_order_in_dt():
    market = replace(glft(), quote=Depths(max_depth=30.0, min_depth=-20.0), max_inventory=8.0)
    theory = GLFT(gamma=0.01, sigma=0.3, k=0.3, A=0.9, horizon=60.0, max_inventory=8)
    found = [optimum(replace(market, clock=FiniteHorizon(60.0, steps))) for steps in STEPS]
    twin, _ = theory.as_cartea_jaimungal()
    assert_first_order(found, twin.value(0, 60.0), theory.depths(np.arange(-3.0, 4.0), 60.0))


def assert_first_order(found, value, quotes):
    middle = found[0].value.shape[-1] // 2
    errors = np.array([f.value[0, 0, middle] - value for f in found])
    orders = orders_of_convergence(errors)
    assert ((orders > 0.8) & (orders < 1.2)).all(), orders
    distance = np.array([np.abs(f.table().depths()[0, middle - 3 : middle + 4] - quotes).max() for f in found])
    orders = orders_of_convergence(distance)
    assert ((orders > 0.8) & (orders < 1.2)).all(), orders


def test_the_stationary_rate_is_reached_at_first_order_in_dt():
    market = replace(amzn_ergodic(), max_inventory=6.0, quote=Depths(max_depth=0.4, min_depth=-0.2))
    theory = CarteaJaimungalStationary(rate=0.081, kappa=23.1, phi=1e-4, max_inventory=6)
    found = [optimum(replace(market, clock=Ergodic(600.0, steps))) for steps in (300, 600, 1200)]
    orders = orders_of_convergence(np.array([f.rate - theory.average_reward for f in found]))
    assert ((orders > 0.8) & (orders < 1.2)).all(), orders
    np.testing.assert_allclose(found[-1].table().depths()[0, 3:-3], theory.depths(np.arange(-3.0, 4.0), 0.0), atol=2e-3)


# without an end


def test_the_ergodic_optimum_solves_its_poisson_equation():
    market = shrunk("amzn_ergodic")
    found = optimum(market)
    rate, relative = poisson_equation(market, found.table().actions)
    assert rate == pytest.approx(found.rate, rel=1e-12)
    np.testing.assert_allclose(found.value[0, 0], relative, atol=1e-12)


def test_no_first_step_betters_the_ergodic_optimum():
    """Bellman: g dt + h is the most that a step and the relative values h after it are worth."""
    market = replace(TINY, clock=Ergodic(horizon=1.0, steps=10), reward=InventoryPenalty(phi=0.5))
    found, (bid, ask, spacing) = optimum(market), pairs(0.0, 3.0, 151)
    once = replace(market, clock=FiniteHorizon(horizon=0.1, steps=1))
    lost = found.rate * 0.1 + found.value[0, 0] - enumerated(once, bid, ask, end=found.value[0, 0])
    assert (lost >= -1e-12).all()
    assert (lost <= grid_error(once, spacing)).all()


def test_a_long_horizon_earns_the_ergodic_rate_in_each_further_step():
    market = shrunk("amzn_ergodic", orders=3)
    rate, dt, steps = optimum(market).rate, market.clock.step_length, 3000
    found = optimum(replace(market, clock=FiniteHorizon(steps * dt, steps)))
    further = found.value[0, 0] - found.value[1, 0]
    np.testing.assert_allclose(further, rate * dt, rtol=1e-9)


# a latent state

REVERTING = replace(
    TINY, price=OrnsteinUhlenbeck(sigma=2.0, speed=5.0, mean=100.0), initial_mid=100.3, quote=FREE,
    clock=FiniteHorizon(horizon=1.0, steps=20), inventory_scale=2.0,
)  # fmt: skip


@pytest.mark.parametrize("initial_mid", [100.0, 100.3])
def test_the_value_of_a_mean_reverting_market_converges_with_its_nodes(initial_mid):
    """Cubic interpolation: half the spacing leaves a sixteenth of the error, wherever the mid starts."""
    market = replace(REVERTING, initial_mid=initial_mid)
    values = np.array([optimum(market, nodes).objective for nodes in (21, 41, 81)])
    coarse, fine = np.abs(np.diff(values))
    assert fine < coarse / 8.0
    assert fine < 1e-6 * values[-1]


def test_the_optimum_of_a_mean_reverting_market_earns_its_value():
    found = optimum(REVERTING)
    assert not found.tabulable
    assert within(play(REVERTING, found, 20_000, 0).objective, found.objective)


def test_to_know_how_far_the_mid_is_from_its_mean_is_worth_something():
    found = optimum(REVERTING)
    blind = evaluate(REVERTING, found.actions[:, len(found.axis.nodes) // 2], nodes=41)
    assert found.objective > blind.objective + 0.01


def test_a_price_that_reverts_hardly_at_all_is_worth_a_brownian_one():
    slow = replace(REVERTING, price=OrnsteinUhlenbeck(sigma=2.0, speed=1e-6, mean=100.0), initial_mid=100.0)
    plain = replace(slow, price=Brownian(sigma=2.0))
    assert optimum(slow).objective == pytest.approx(optimum(plain).objective, rel=1e-4)


# acting


@pytest.mark.parametrize("size", [1.0, 0.1])
def test_the_optimum_acts_by_its_table(size):
    market = world(order_size=size, max_inventory=round(3 * size, 9), inventory_scale=2 * size)
    found = optimum(market)
    seen = np.array([[q / 2.0, 1.0 - t / 5.0] for t in range(5) for q in range(-3, 4)], np.float32)
    np.testing.assert_array_equal(found.act(seen).reshape(5, 7, 2), found.table().actions)


def test_on_a_grid_the_optimum_acts_by_whole_numbers():
    market = world(quote=Grid(max_half_spread=2.0, max_skew=2.0))
    found = optimum(market)
    actions = found.act(np.array([[0.0, 1.0], [1.5, 0.2]], np.float32))
    assert actions.dtype == np.int64
    assert actions.tolist() == [found.actions[0, 0, 3, 0], found.actions[4, 0, 6, 0]]


def test_between_the_nodes_of_a_latent_state_a_choice_is_that_of_a_node():
    market = replace(REVERTING, quote=Grid(max_half_spread=2.0, max_skew=2.0, half_spreads=5, skews=5))
    found = optimum(market, 11)
    for left, right in zip(found.axis.nodes[:-1], found.axis.nodes[1:]):
        between = np.array([[0.5, 0.5, 0.7 * left + 0.3 * right]], np.float32)
        either = [found.act(np.array([[0.5, 0.5, x]], np.float32))[0] for x in (left, right)]
        assert found.act(between)[0] in either


@pytest.mark.parametrize("name", ["cartea_jaimungal", "glft"])
def test_simulated_the_optimum_earns_its_value(name):
    market = shrunk(name)
    found = optimum(market)
    assert within(play(market, found, 100_000, 0).objective, found.objective)


# what has no exact optimum


class Flat(Reward):
    """A user's own objective."""

    @rule
    def reward(self, outcome):
        return outcome.wealth_change - abs(outcome.inventory)


@pytest.mark.parametrize(("parts", "reason"), [
    ({"price": Geometric(sigma=0.02)}, "price: Geometric has no law of its moves that is the same at every mid"),
    ({"reward": Flat()}, r"reward has no exact recursion over \(time, inventory\): Flat\(\)"),
    ({"reward": AsymmetricDamping(0.5)}, "reward has no exact recursion"),
    ({"fees": ProportionalFees(maker=1e-4)}, "fees has no exact recursion"),
    ({"price": Brownian(sigma=np.array([1.0, 2.0]))}, r"price.sigma differs by lane: \[1. 2.\]"),
    ({"initial_mid": Uniform(90.0, 110.0)}, r"initial_mid differs by lane: Uniform"),
    ({"venue": Dealer(Poisson(10.0), Exponential(1.0), FillImpact(0.1)), "reward": CARA(0.1)},
     "impact has no exact recursion under this reward: FillImpact"),
    ({"clock": Ergodic(1.0, 10), "reward": CARA(0.1)}, "CARA utility is of the wealth at the end"),
    ({"clock": Ergodic(1.0, 10), "price": OrnsteinUhlenbeck(1.0, 1.0, 100.0)}, "a price without latent state only"),
])  # fmt: skip
def test_what_stands_in_the_way_is_named(parts, reason):
    with pytest.raises(Unsolvable, match=reason):
        optimum(world(**parts))
