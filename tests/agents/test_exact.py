"""The exact evaluation: against every path of a tiny market, against the simulator, and where it must refuse."""

import math
from dataclasses import replace

import numpy as np
import pytest

from agents.exact.evaluation import (
    Unsolvable,
    average_reward,
    best_fixed,
    best_linear_skew,
    evaluate,
    evaluate_depths,
    inventory_law,
    poisson_equation,
    worth_fixed,
)
from agents.policy import StrategyPolicy
from mm_env import (
    CARA,
    ArrivalImpact,
    AsymmetricDamping,
    Bernoulli,
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
    Geometric,
    Impact,
    InventoryPenalty,
    Linear,
    MarketOrders,
    NoImpact,
    OrnsteinUhlenbeck,
    Poisson,
    Price,
    ProportionalFees,
    Sides,
    Uniform,
    rule,
)
from mm_env.quote import Unbounded
from mm_env.rollout import inventory_levels, run_actions, run_depths
from tests.worlds import within, world

SIDED = Dealer(Sides(Poisson(6.0), Poisson(9.0)), Sides(Exponential(1.0), Exponential(2.0)))
INFORMED = replace(SIDED, impact=Sides(FillImpact(0.1), ArrivalImpact(0.2)))
BY_DEPTH = replace(SIDED, impact=Sides(DepthImpact(0.1, 0.2, 0.5, 0.6), DepthImpact(0.3, -0.4)))
MARKETS = {
    "fees and a drift": world(
        price=Brownian(1.0, drift=0.7), venue=SIDED, quote=Unbounded(), fees=Fees(maker=0.05, taker=0.1)
    ),
    "adverse selection": world(price=Brownian(1.0, drift=-0.3), venue=INFORMED, quote=Unbounded()),
    "impact by depth": world(venue=BY_DEPTH, quote=Unbounded(), fees=Fees(maker=0.05)),
    "market orders": world(
        price=Brownian(1.0, drift=0.3),
        venue=SIDED,
        quote=MarketOrders(Depths(max_depth=1.0), half_spread=0.2),
        fees=Fees(maker=-0.02, taker=0.03),
        initial_inventory=1.0,
    ),
    "utility": world(
        price=Binomial(1.5),
        venue=Dealer(Sides(Bernoulli(5.0), Bernoulli(8.0)), Exponential(1.5)),
        quote=Unbounded(),
        reward=CARA(0.3),
        fees=Fees(maker=0.05),
        initial_inventory=-1.0,
    ),
}
ERGODIC = world(clock=Ergodic(20.0, 200), reward=InventoryPenalty(phi=0.2), max_inventory=4.0)
EPISODES = 20_000


def table_of(market, rows=None, seed=0):
    """A table (rows, levels, width) of varied actions, some quotes beyond the mid."""
    shape = (rows or market.clock.steps, len(inventory_levels(market)), market.quote.width)
    return np.random.default_rng(seed).uniform(-0.2, 1.0, shape)


def tiny(market, steps=3):
    """Three levels and a few steps: small enough to follow every path."""
    return replace(market, clock=replace(market.clock, horizon=0.1 * steps, steps=steps), max_inventory=1.0)


# --- every path, written out without the package's rules --------------------------------------------------------------


def chance(flow, fill, depth, dt):
    intensity = flow.rate * math.exp(-fill.k * depth) * dt
    return 1 - math.exp(-intensity) if isinstance(flow, Poisson) else min(intensity, 1.0)


def mean_by_depth(impact, depth):
    """base + slope d + bend d^2, from `reach` on straight ahead."""
    depth, reach = max(depth, 0.0), impact.reach
    curve = impact.base + impact.slope * min(depth, reach) + impact.bend * min(depth, reach) ** 2
    return max(curve + max(depth - reach, 0.0) * (impact.slope + 2 * impact.bend * reach), 0.0)


def side_outcomes(flow, fill, impact, depth, is_open, dt):
    """(probability, filled, expected jump) of one side: filled by an order that comes anyway, filled by one that comes only
    because the quote lies beyond the mid, an order that passes us by, nothing."""
    fills, comes = chance(flow, fill, depth, dt) * is_open, chance(flow, fill, 0.0, dt)
    both, mean = min(fills, comes), getattr(impact, "mean", 0.0)
    on_arrival, on_fill = mean * isinstance(impact, ArrivalImpact), mean * isinstance(impact, FillImpact)
    if isinstance(impact, DepthImpact):
        news = mean_by_depth(impact, depth)
        return [(fills, 1, news), (1 - fills, 0, -fills * news / (1 - fills))]
    return [
        (both, 1, on_arrival + on_fill),
        (fills - both, 1, on_fill),
        (comes - both, 0, on_arrival),
        (1 - max(fills, comes), 0, 0.0),
    ]


def decoded(market, action):
    """Bid depth, ask depth and the share cut of an action."""
    if isinstance(market.quote, MarketOrders):
        bid, ask = (market.quote.quoting.max_depth * (min(max(a, -1), 1) + 1) / 2 for a in action[:2])
        return bid, ask, min(max(action[2], 0), 1)
    return action[0], action[1], 0.0


def price_moves(price, dt):
    """(probability, move): every one of a binomial mid, the mean where the reward is linear in it."""
    if isinstance(price, Binomial):
        step = price.sigma * math.sqrt(dt)
        return [(0.5, step), (0.5, -step)]
    return [(1.0, price.drift * dt)]


def utility(gamma, wealth):
    return (1 - math.exp(-gamma * wealth)) / gamma


def follow(market, table, step=0, q=None, cash=0.0, mid=0.0, earned=0.0):
    """The expected objective over all paths from here; the wealth is `cash + q mid`, the mid counts from 0."""
    q = market.initial_inventory if q is None else q
    size, dt, reward, venue = market.order_size, market.clock.step_length, market.reward, market.venue
    if step == market.clock.steps:
        return utility(reward.gamma, cash + q * mid) if isinstance(reward, CARA) else earned
    row = table[step if len(table) > 1 else 0]
    bid, ask, cut = decoded(market, row[round((q + market.max_inventory) / size)])
    closed = math.floor(cut * abs(q) / size + 0.5) * size
    cost = closed * (getattr(market.quote, "half_spread", 0.0) + market.fees.taker)
    held = q - math.copysign(closed, q)
    crossed = cash + math.copysign(closed, q) * mid - cost
    total = 0.0
    flow, fill, impact, limit = venue.flow, venue.fill, venue.impact, market.max_inventory
    for p_bid, bought, down in side_outcomes(flow.bid, fill.bid, impact.bid, bid, held + size <= limit, dt):
        for p_ask, sold, up in side_outcomes(flow.ask, fill.ask, impact.ask, ask, held - size >= -limit, dt):
            for p_move, move in price_moves(market.price, dt):
                probability = p_bid * p_ask * p_move
                if probability == 0.0:
                    continue
                after = held + size * (bought - sold)
                paid = bought * (mid - bid + market.fees.maker) - sold * (mid + ask - market.fees.maker)
                now, new_cash = mid + move + up - down, crossed - size * paid
                ends = step + 1 == market.clock.steps and isinstance(market.clock, FiniteHorizon)
                penalty = (getattr(reward, "phi", 0.0) * dt + getattr(reward, "alpha", 0.0) * ends) * after**2
                gain = new_cash + after * now - cash - q * mid
                total += probability * follow(market, table, step + 1, after, new_cash, now, earned + gain - penalty)
    return total


@pytest.mark.parametrize("steps", [1, 2, 3])
@pytest.mark.parametrize("name", MARKETS)
def test_the_value_is_the_mean_over_every_path(name, steps):
    market = tiny(MARKETS[name], steps)
    table = table_of(market)
    assert evaluate(market, table).objective == pytest.approx(follow(market, table), rel=1e-11, abs=1e-13)


def test_a_stationary_table_serves_every_step():
    market = tiny(MARKETS["adverse selection"])
    table = table_of(market, rows=1)
    assert evaluate(market, table).objective == pytest.approx(follow(market, table), rel=1e-11)
    assert evaluate(market, np.repeat(table, 3, axis=0)).objective == evaluate(market, table).objective


def test_the_order_size_scales_the_stakes():
    market = replace(tiny(MARKETS["fees and a drift"]), order_size=2.0, max_inventory=2.0, initial_inventory=2.0)
    table = table_of(market)
    assert evaluate(market, table).objective == pytest.approx(follow(market, table), rel=1e-11)


def test_an_ergodic_market_charges_no_end():
    market = replace(tiny(MARKETS["fees and a drift"]), clock=Ergodic(0.3, 3))
    table = table_of(market)
    assert evaluate(market, table).objective == pytest.approx(follow(market, table), rel=1e-11)


def test_the_share_of_noise_changes_no_value():
    market = MARKETS["fees and a drift"]
    bare = replace(market, reward=replace(market.reward, noise=0.0))
    assert evaluate(bare, table_of(market)).objective == evaluate(market, table_of(market)).objective


def test_depths_are_quoted_whatever_the_action_space():
    market = MARKETS["market orders"]
    depths = np.random.default_rng(1).uniform(0, 1, (5, 7, 2))
    free = replace(market, quote=Unbounded())
    assert evaluate_depths(market, depths).objective == evaluate(free, depths).objective


# --- the simulator ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MARKETS)
def test_the_simulator_earns_the_exact_value(name):
    market = replace(MARKETS[name], clock=FiniteHorizon(2.0, 20))
    table = table_of(market)
    assert within(run_actions(market, table, EPISODES, seed=5).objective, evaluate(market, table).objective)


REVERTING = world(
    price=OrnsteinUhlenbeck(sigma=1.0, speed=1.0, mean=99.5), clock=FiniteHorizon(2.0, 20), quote=Unbounded()
)


def test_the_simulator_earns_the_exact_value_of_a_mean_reverting_mid():
    table = table_of(REVERTING)
    exact = evaluate(REVERTING, table, nodes=41).objective
    assert within(run_actions(REVERTING, table, EPISODES, seed=5).objective, exact)


def test_impact_on_a_mean_reverting_mid_is_valued_or_refused():
    market = replace(REVERTING, venue=replace(REVERTING.venue, impact=ArrivalImpact(0.5)))
    table = np.tile([0.0, 2.0], (1, 7, 1))  # long, while every order moves the mid away from its mean
    try:
        exact = evaluate(market, table, nodes=41).objective
    except Unsolvable:
        return
    assert within(run_actions(market, table, EPISODES, seed=5).objective, exact)


@pytest.mark.parametrize("name", MARKETS)
def test_the_inventory_has_its_exact_law(name):
    market = replace(MARKETS[name], clock=FiniteHorizon(2.0, 20))
    table = table_of(market)
    law, levels = inventory_law(market, table), inventory_levels(market)
    assert law.sum(axis=1) == pytest.approx(np.ones(21), rel=1e-12)
    assert law.min() >= 0
    assert law[0].tolist() == [float(level == market.initial_inventory) for level in levels]
    ends = run_actions(market, table, EPISODES, seed=6).terminal_inventory
    for level, probability in zip(levels, law[-1], strict=True):
        assert abs((ends == level).mean() - probability) <= 4 * math.sqrt(probability * (1 - probability) / EPISODES)


def test_the_average_reward_is_what_longer_episodes_add():
    table = table_of(ERGODIC, rows=1)
    short, long = (replace(ERGODIC, clock=Ergodic(h, round(10 * h))) for h in (20.0, 60.0))
    added = evaluate(long, table).objective - evaluate(short, table).objective
    assert average_reward(ERGODIC, table) == pytest.approx(added / 40.0, rel=1e-10)
    gained = [run_actions(market, table, 4_000, seed=2).objective for market in (short, long)]
    assert within((gained[1] - gained[0]) / 40.0, average_reward(ERGODIC, table))


def test_relative_values_say_what_a_start_is_worth():
    table = table_of(ERGODIC, rows=1)
    rate, relative = poisson_equation(ERGODIC, table)
    value = evaluate(replace(ERGODIC, clock=Ergodic(60.0, 600)), table).value[0, 0]
    assert relative[4] == 0.0
    assert value - value[4] == pytest.approx(relative, abs=1e-9)
    assert rate == average_reward(ERGODIC, table)


# --- the best of a class ----------------------------------------------------------------------------------------------

BEST = {
    "finite": MARKETS["adverse selection"],
    "ergodic": ERGODIC,
    "utility": MARKETS["utility"],
    "linear": world(venue=Dealer(Poisson(5.0), Linear(reach=3.0))),
}


@pytest.mark.parametrize("name", BEST)
def test_no_other_constant_quotes_are_worth_more(name):
    market, best = BEST[name], best_fixed(BEST[name]).half_spread
    worth = worth_fixed(market, best)
    for other in [*np.linspace(0.0, 4.0, 41), best + 1e-3, best - 1e-3]:
        assert worth_fixed(market, max(other, 0.0)) <= worth + 1e-12 * abs(worth)


def test_without_risk_the_best_depth_is_one_over_k():
    market = world(
        price=Binomial(1.0),
        venue=Dealer(Bernoulli(8.0), Exponential(1.5)),
        reward=InventoryPenalty(),
        max_inventory=50.0,
    )
    assert best_fixed(market).half_spread == pytest.approx(1 / 1.5, abs=1e-6)


@pytest.mark.parametrize("name", ["finite", "ergodic"])
def test_leaning_on_the_inventory_is_worth_more_than_not(name):
    market = BEST[name]
    best = best_linear_skew(market)
    table = StrategyPolicy(best, market).table()
    worth = average_reward if isinstance(market.clock, Ergodic) else lambda *a: evaluate(*a).objective
    assert best.skew > 0
    assert worth(table.market, table.actions) > worth_fixed(market, best_fixed(market).half_spread)


# --- refusals ---------------------------------------------------------------------------------------------------------


class OwnImpact(Impact):
    @rule
    def jump(self, filled, arrived, uniform):
        return 0.1 * filled


class OwnPrice(Price):
    @rule
    def move(self, mid, latent, noise, dt):
        return mid


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"price": Geometric(0.1)}, "price: Geometric has no law of its moves that is the same at every mid"),
        ({"price": OwnPrice()}, "price: OwnPrice has no law of its moves"),
        (
            {"price": OrnsteinUhlenbeck(1.0, 1.0, 94.0)},
            "price: its mid_deviation starts at 8.485, off the grid [-5, 5]",
        ),
        ({"price": Brownian(Uniform(1.0, 2.0))}, "price.sigma differs by lane: Uniform(low=1.0, high=2.0)"),
        ({"reward": InventoryPenalty(phi=np.ones(3))}, "reward.phi differs by lane"),
        ({"reward": AsymmetricDamping(0.5)}, "reward has no exact recursion over (time, inventory): AsymmetricDamping"),
        ({"fees": ProportionalFees(0.1)}, "fees has no exact recursion over (time, inventory): ProportionalFees"),
        ({"venue": replace(SIDED, impact=OwnImpact())}, "impact has no exact recursion under this reward: OwnImpact"),
        (
            {"venue": replace(SIDED, impact=FillImpact(0.1)), "reward": CARA(1.0)},
            "impact has no exact recursion under this reward: FillImpact(mean=0.1)",
        ),
        ({"clock": Ergodic(1.0, 5), "reward": CARA(1.0)}, ""),
    ],
)
def test_a_market_that_has_no_recursion_is_refused_by_the_part_in_the_way(parts, message):
    market = world(**parts)
    with pytest.raises(Unsolvable) as raised:
        evaluate(market, np.zeros((1, 7, 2)))
    assert str(raised.value).startswith(message)


@pytest.mark.parametrize("parts", [{"reward": CARA(1.0)}, {"price": OrnsteinUhlenbeck(1.0, 1.0, 100.0)}])
def test_an_average_reward_that_cannot_be_had_is_refused(parts):
    with pytest.raises(Unsolvable):
        average_reward(world(clock=Ergodic(1.0, 5), **parts), np.zeros((1, 7, 2)))


@pytest.mark.parametrize("shape", [(2, 7, 2), (5, 6, 2), (5, 7, 1), (4, 7, 2), (6, 7, 2)])
def test_a_table_of_the_wrong_shape_is_an_error(shape):
    with pytest.raises(ValueError, match="must have shape"):
        evaluate(world(quote=Unbounded()), np.zeros(shape))


def test_a_depth_at_which_nothing_ever_fills_is_worth_nothing():
    assert worth_fixed(world(venue=replace(SIDED, impact=NoImpact())), 1e9) == pytest.approx(0.0, abs=1e-12)
    episodes = run_depths(world(), np.full((1, 7, 2), 1e9), 100, seed=0)
    assert not episodes.fills.any()
