"""The dealer's parts: formulas of the fill curves and flows, and fills, arrivals and jumps at their frequencies."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from mm_env import (
    ArrivalImpact,
    Bernoulli,
    Brownian,
    Dealer,
    DepthImpact,
    Depths,
    Exponential,
    FillImpact,
    FiniteHorizon,
    Hyperexponential,
    Impact,
    JohnsonSU,
    Linear,
    Logistic,
    NoImpact,
    Poisson,
    PowerLaw,
    Quote,
    Sides,
    rule,
)
from mm_env.core.component import record
from mm_env.simulation import Simulation
from tests.worlds import AT_START, DEALERS, random_actions, within, world

DEPTHS = np.linspace(-3.0, 5.0, 161)
CURVES = {
    Exponential(k=1.5): lambda d: np.exp(-1.5 * d),
    PowerLaw(scale=0.5, exponent=1.7): lambda d: (1 + np.maximum(d, 0) / 0.5) ** -1.7,
    Logistic(middle=0.4, width=0.3): lambda d: 1 / (1 + np.exp((d - 0.4) / 0.3)),
    Linear(reach=2.0): lambda d: np.clip(1 - d / 2.0, 0, 1),
    JohnsonSU(a=0.4, b=0.6, middle=0.096, width=0.086): lambda d: norm.sf(0.4 + 0.6 * np.arcsinh((d - 0.096) / 0.086)),
    Hyperexponential(k=8.0, deep_k=1.2, share=0.3): lambda d: (
        0.3 * np.exp(-8.0 * np.maximum(d, 0)) + 0.7 * np.exp(-1.2 * np.maximum(d, 0))
    ),
}
N = 20_000


@pytest.mark.parametrize("fill", CURVES, ids=str)
def test_a_fill_curve_is_its_formula(fill):
    taken = np.array([record(fill).take(depth) for depth in DEPTHS.tolist()])
    assert np.allclose(taken, CURVES[fill](DEPTHS), rtol=1e-14, atol=0)
    assert (np.diff(taken) <= 0).all()
    assert taken.min() >= 0


@pytest.mark.parametrize("fill", list(CURVES)[1:], ids=str)
def test_only_the_exponential_exceeds_one_beyond_the_mid(fill):
    assert max(record(fill).take(depth) for depth in DEPTHS.tolist()) <= 1.0
    assert record(Exponential(2.0)).take(-0.5) == pytest.approx(math.e)


@pytest.mark.parametrize("fill", CURVES, ids=str)
def test_no_quote_is_too_deep(fill):
    assert 0.0 <= record(fill).take(1e6) < 1e-6
    assert math.isfinite(record(fill).take(-1e6))


def test_poisson_counts_one_or_more_orders():
    for take in (0.0, 0.3, 1.0, 4.0):
        assert record(Poisson(2.0)).probability(take, 0.25) == pytest.approx(1 - math.exp(-2 * take * 0.25), abs=1e-16)


def test_bernoulli_is_the_rate_times_dt_held_below_one():
    flow = record(Bernoulli(2.0))
    assert [flow.probability(take, 0.25) for take in (0.0, 0.3, 1.0, 4.0)] == [0.0, 0.15, 0.5, 1.0]


def test_the_conventions_agree_to_first_order():
    for dt in (1e-2, 1e-3, 1e-4):
        gap = record(Bernoulli(3.0)).probability(0.5, dt) - record(Poisson(3.0)).probability(0.5, dt)
        assert gap == pytest.approx(0.5 * (1.5 * dt) ** 2, rel=dt)


def test_each_side_has_its_own_rate_and_decay():
    venue = record(Dealer(Sides(Poisson(2.0), Poisson(3.0)), Sides(Exponential(1.0), Exponential(4.0))))
    chances = venue.chances(Quote(0.5, 0.25, 0.0, 0.0), 0.1, AT_START)
    assert chances.bid == pytest.approx(1 - math.exp(-0.2 * math.exp(-0.5)), rel=1e-13)
    assert chances.ask == pytest.approx(1 - math.exp(-0.3 * math.exp(-1.0)), rel=1e-13)
    assert chances.bid_arrival == pytest.approx(1 - math.exp(-0.2), rel=1e-13)
    assert chances.ask_arrival == pytest.approx(1 - math.exp(-0.3), rel=1e-13)


def test_orders_arrive_whatever_we_quote():
    venue = record(Dealer(Poisson(2.0), Exponential(1.0)))
    near, far = (venue.chances(Quote(depth, depth, 0.0, 0.0), 0.1, AT_START) for depth in (-2.0, 3.0))
    assert (
        near.bid_arrival == far.bid_arrival == near.ask_arrival == venue.chances(Quote(0, 0, 0, 0), 0.1, AT_START).bid
    )
    assert near.bid > near.bid_arrival > far.bid


def after_a_step(market, actions):
    """The state of N lanes that start empty and far from their limits, after a step of the same action in each."""
    market = replace(market, initial_inventory=0.0, max_inventory=100.0 * market.order_size)
    simulation = Simulation(market, N)
    simulation.start(31)
    simulation.step(np.tile(actions, N))
    return market, simulation.state


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("name", DEALERS)
def test_fills_and_arrivals_come_at_their_probabilities(name, seed):
    action = random_actions(DEALERS[name], 1, seed)[0]
    market, state = after_a_step(DEALERS[name], action)
    rules = record(market)
    chances = rules.venue.chances(
        rules.quote.decode(tuple(action.tolist()), AT_START), market.clock.step_length, AT_START
    )
    net = state.account.inventory / market.order_size
    bought, sold = (state.tally.fills + net) / 2, (state.tally.fills - net) / 2
    assert within(bought, chances.bid)
    assert within(sold, chances.ask)
    assert within(bought * sold, chances.bid * chances.ask)  # the sides are independent
    arrivals = max(chances.bid_arrival, chances.bid) + max(chances.ask_arrival, chances.ask)
    assert within(state.tally.arrivals, arrivals)  # orders that come because we quote beyond the mid count too
    assert (state.tally.arrivals >= state.tally.fills).all()


@pytest.mark.parametrize("impact", [NoImpact(), FillImpact(0.3), ArrivalImpact(0.3)], ids=str)
@pytest.mark.parametrize(("filled", "arrived"), [(0.0, 0.0), (0.0, 1.0), (1.0, 1.0)])
def test_the_jump_is_exponential_with_its_mean_if_the_order_is_of_its_kind(impact, filled, arrived):
    uniforms = np.random.default_rng(4).uniform(0, 1, N).tolist()
    jumps = np.array([record(impact).jump(filled, arrived, u) for u in uniforms])
    counts = {NoImpact: 0.0, FillImpact: filled, ArrivalImpact: arrived}[type(impact)]
    assert within(jumps, 0.3 * counts)
    assert within(jumps**2, 2 * 0.09 * counts)
    assert jumps.min() >= 0


@pytest.mark.parametrize(
    ("impact", "depth", "mean"),
    [
        (DepthImpact(0.2, 0.5), 0.6, 0.5),
        (DepthImpact(0.2, 0.5, 0.25), 2.0, 2.2),
        (DepthImpact(0.2, 0.5, 0.25, reach=1.0), 2.0, 1.95),  # 0.95 at the reach, and 1 a price from there
        (DepthImpact(0.2, 0.5), -1.0, 0.2),  # beyond the mid as at it
        (DepthImpact(0.2, -0.5), 0.1, 0.15),
        (DepthImpact(0.2, -0.5), 3.0, 0.0),
        (DepthImpact(-0.2, 0.5), 0.1, 0.0),
    ],
    ids=str,
)
def test_the_jump_by_depth_is_exponential_with_the_mean_of_its_depth(impact, depth, mean):
    rules = record(impact)
    uniforms = np.random.default_rng(4).uniform(0, 1, N).tolist()
    jumps = np.array([rules.jump_at(depth, 0.3, 1.0, 1.0, u) for u in uniforms])
    assert rules.mean_at(depth, 0.3) == pytest.approx(mean, abs=1e-15)
    assert rules.mean_at(depth, 0.97) == pytest.approx(0.3 * mean, abs=1e-15)
    assert rules.mean_at(depth, 1.0) == 0.0
    assert within(jumps, mean)
    assert within(jumps**2, 2 * mean**2)
    assert jumps.min() >= 0
    for chance in (0.0, 0.3, 0.9, 0.999, 1.0):  # whatever is quoted, the mid moves by 0 on average
        missed = rules.jump_at(depth, chance, 0.0, 1.0, 0.5)
        assert chance * rules.mean_at(depth, chance) + (1.0 - chance) * missed == pytest.approx(0.0, abs=1e-15)


class OnBigDays(Impact):
    """As users have written it: told nothing of the depth."""

    @rule
    def jump(self, filled, arrived, uniform):
        return filled * uniform


def test_an_impact_that_is_not_told_the_depth_goes_on_as_before():
    for impact in (OnBigDays(), FillImpact(0.3), ArrivalImpact(0.3), NoImpact()):
        rules = record(impact)
        for uniform in (0.1, 0.7):
            assert rules.jump_at(2.0, 0.5, 1.0, 1.0, uniform, AT_START) == rules.jump(1.0, 1.0, uniform, AT_START)


@pytest.mark.parametrize("interpreted", [True, False])
def test_in_the_market_the_mid_jumps_by_the_mean_of_the_depth_that_was_filled(interpreted):
    impact = Sides(DepthImpact(0.1, 0.2, 0.5, 0.5), DepthImpact(0.4, -0.2))
    market = world(
        price=Brownian(0.0),
        venue=Dealer(Bernoulli(6.0), Hyperexponential(6.0, 0.5, 0.3), impact),
        quote=Depths(1.0),
        clock=FiniteHorizon(0.1, 1),
    )
    simulation = Simulation(market, 4_000, interpreted=interpreted)
    simulation.start(3)
    simulation.step(np.tile([0.4, -0.4], 4_000))  # a bid at 0.7 and an ask at 0.3
    state = simulation.state
    moved, alone = state.mid - market.initial_mid, state.tally.fills == 1
    down, up = 0.1 + 0.2 * 0.7 + 0.5 * (0.5**2 + 2 * 0.5 * 0.2), 0.4 - 0.2 * 0.3
    chances = record(market).venue.chances(Quote(0.7, 0.3, 0.0, 0.0), 0.1, AT_START)
    no_bid, no_ask = (chance / (1 - chance) for chance in (chances.bid, chances.ask))
    assert within(moved[alone & (state.account.inventory == 1)], -down - no_ask * up)
    assert within(moved[alone & (state.account.inventory == -1)], up + no_bid * down)
    assert moved[state.tally.fills == 0] == pytest.approx(no_bid * down - no_ask * up)
    assert within(moved, 0.0)  # nobody pushes the mid by quoting
    assert within(moved[state.account.inventory + (state.tally.fills == 2) > 0], -down)  # all that filled the bid


@pytest.mark.parametrize("name", ["binomial", "mean_reverting"])
def test_the_mid_jumps_against_the_fill_by_the_mean(name):
    market, state = after_a_step(DEALERS[name], np.zeros(DEALERS[name].quote.width))
    net, expected = state.account.inventory / market.order_size, record(market).price.expected(100.0, (), 0.1, AT_START)
    one_side = state.tally.arrivals == 1
    for side, direction, impact in ((1, -1, market.venue.impact.bid), (-1, 1, market.venue.impact.ask)):
        hit = (net == side) & one_side  # filled there, and no order at all on the other side
        assert hit.sum() > 100
        assert within(state.mid[hit] - expected, direction * impact.mean)


def test_orders_that_come_because_we_quote_beyond_the_mid_move_nothing():
    market, state = after_a_step(DEALERS["discrete"], np.zeros(1))  # the ask half a price unit below the mid
    rules = record(market)
    chances = rules.venue.chances(rules.quote.decode((0.0,), AT_START), 0.1, AT_START)
    sold = (state.account.inventory == -1) & (state.tally.arrivals == 1)
    assert chances.ask_arrival < 0.8 * chances.ask
    assert within(state.mid[sold] - 100.0, 0.3 * chances.ask_arrival / chances.ask)


def test_a_fill_at_depth_d_with_impact_earns_d_less_the_mean():
    market = world(
        price=Brownian(0.0),
        venue=Dealer(Poisson(9.0), PowerLaw(0.5, 1.5), FillImpact(0.2)),
        clock=FiniteHorizon(0.1, 1),
    )
    simulation = Simulation(replace(market, quote=Depths(1.0)), 4_000, interpreted=True)
    simulation.start(0)
    simulation.step(np.tile([-0.2, 1.0], 4_000))  # a bid at 0.4 and an ask at 1.0
    state = simulation.state
    only_bid = (state.account.inventory == 1) & (state.tally.fills == 1)
    assert within(state.tally.profit[only_bid], 0.4 - 0.2)
