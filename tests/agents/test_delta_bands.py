"""Bands within which an option's hedge is not traded: the best one by brute force and by its laws, and the papers' values."""

import math
from dataclasses import replace

import numpy as np
import pytest

from agents import DeltaHedge, FixedDeltaBand, Unhedged, WhalleyWilmott
from agents.exact.hedging_band import HedgedOption, best_band, hedge_by
from mm_env.options import CALL, PUT, black_scholes

PAPER = HedgedOption(strike=100.0, sigma=0.2, horizon=0.25, cost=0.01, gamma=0.2)  # short one call, 200 dates
SMALL = HedgedOption(strike=98.0, sigma=0.4, horizon=0.5, cost=0.01, gamma=0.1, dates=12, nodes=241)
WHALLEY_WILMOTT = WhalleyWilmott(strike=100.0, sigma=0.2, cost=0.01, gamma=0.2)


def tree_value(option):
    """What replicates the option without costs."""
    rise = math.exp(option.sigma * math.sqrt(option.horizon / option.dates))
    up, value = 1.0 / (1.0 + rise), option.payoff(option.prices[-1])
    for _ in range(option.dates):
        value = up * value[1:] + (1.0 - up) * value[:-1]
    return value[0]


def by_brute_force(option):
    """The least cost at the start, by the holding then: every trade to any node of the grid is tried."""
    grid, prices = best_band(option).grid, option.prices
    rise = math.exp(option.sigma * math.sqrt(option.horizon / option.dates))
    up = 1.0 / (1.0 + rise)
    costs = [option.closing_cost * s * np.abs(grid) - option.units * option.payoff(s) for s in prices[-1]]
    for date in range(option.dates - 1, -1, -1):
        now = []
        for node, s in enumerate(prices[date, : date + 1]):
            ways = [(up, node + 1), (1.0 - up, node)]
            risks = [math.log(p) + option.gamma * (costs[n] - grid * (prices[date + 1, n] - s)) for p, n in ways]
            held = np.logaddexp(*risks) / option.gamma
            now.append((held[None, :] + option.cost * s * np.abs(grid[None, :] - grid[:, None])).min(axis=1))
        costs = now
    return costs[0]


@pytest.mark.parametrize("change", [
    {}, {"side": PUT}, {"units": 1.0}, {"units": -3.0, "closing_cost": 0.02}, {"cost": 0.0}, {"gamma": 20.0},
], ids=str)  # fmt: skip
def test_the_best_band_is_the_best_of_all_trades(change):
    option = replace(SMALL, dates=4, nodes=61, **change)
    assert best_band(option).costs == pytest.approx(by_brute_force(option), rel=1e-12, abs=1e-12)


def test_the_values_of_davis_panas_and_zariphopoulou():
    best = best_band(PAPER)
    assert best.price == pytest.approx(4.99010, abs=5e-6)
    assert (best.low[0, 0], best.high[0, 0]) == pytest.approx((0.3365, 0.7125), abs=2.5e-4)  # printed on a grid of 5e-4
    low, high = WHALLEY_WILMOTT.band(100.0, 0.25)
    assert (low, high) == pytest.approx((0.2916, 0.7483), abs=5e-5)
    rules = {WHALLEY_WILMOTT: 5.16735, DeltaHedge(100.0, 0.2): 10.54074, Unhedged(): 12.91179}
    for rule, price in rules.items():
        assert hedge_by(PAPER, rule.band).price == pytest.approx(price, abs=5e-6)


def test_the_band_found_is_worth_what_it_was_found_to_be():
    best = best_band(PAPER)
    assert hedge_by(PAPER, lambda spot, time_left: (best.low, best.high)).price == pytest.approx(best.price, abs=2e-6)


@pytest.mark.parametrize("side", [CALL, PUT])
@pytest.mark.parametrize("units", [-1.0, 2.0])
def test_no_rule_is_better_than_the_best_band(side, units):
    option = replace(SMALL, side=side, units=units)
    shape = {"strike": 98.0, "sigma": 0.4, "units": units, "side": side}
    rules = [
        Unhedged(),
        DeltaHedge(**shape),
        FixedDeltaBand(**shape, width=0.2),
        WhalleyWilmott(**shape, cost=0.01, gamma=0.1),
    ]
    best = best_band(option).price
    assert best > -units * tree_value(option)  # costs and risk are paid for
    assert min(hedge_by(option, rule.band).price for rule in rules) >= best - 1e-9


def test_without_costs_it_is_replicated():
    free = replace(SMALL, cost=0.0)
    assert best_band(free).price == pytest.approx(tree_value(free), abs=1e-4)


def test_a_position_twice_as_large_to_half_the_aversion_costs_twice_as_much():
    one, two = best_band(SMALL), best_band(replace(SMALL, units=-2.0, gamma=0.05))
    assert two.price == pytest.approx(2.0 * one.price, rel=1e-12)
    assert two.low[0, 0] == pytest.approx(2.0 * one.low[0, 0], rel=1e-9)


def test_bands_widen_with_the_cost_and_narrow_with_the_aversion():
    def width(**change):
        best = best_band(replace(SMALL, **change))
        return best.high[3, 1] - best.low[3, 1]

    assert width(cost=0.001) < width() < width(cost=0.02)
    assert width(gamma=0.4) < width() < width(gamma=0.05)


def test_who_hedges_at_every_date_pays_what_a_recursion_without_a_grid_says():
    """The holding is then known from the last node, so that costs are summed over pairs of nodes."""
    rule = DeltaHedge(98.0, 0.4)
    prices, rise = SMALL.prices, math.exp(0.4 * math.sqrt(0.5 / 12))
    up, cost = 1.0 / (1.0 + rise), SMALL.payoff(prices[-1])
    held, _ = rule.band(prices[:-1], SMALL.time_left)
    for date in range(11, -1, -1):
        here, following = held[date, : date + 1], held[min(date + 1, 11)]
        branches = []
        for shift, p in ((1, up), (0, 1.0 - up)):
            after = slice(shift, date + 1 + shift)
            traded = SMALL.cost * prices[date + 1, after] * np.abs(following[after] - here) if date < 11 else 0.0
            gain = here * (prices[date + 1, after] - prices[date, : date + 1])
            branches.append(p * np.exp(SMALL.gamma * (cost[after] + traded - gain)))
        cost = np.log(sum(branches)) / SMALL.gamma
    exact = cost[0] + SMALL.cost * 100.0 * held[0, 0]
    assert hedge_by(replace(SMALL, nodes=4801), rule.band).price == pytest.approx(exact, abs=1e-4)


def test_bands_are_around_black_and_scholess_delta():
    spot, time_left = np.array([80.0, 100.0, 130.0]), np.array([[0.1], [0.4]])
    for side, units in ((CALL, -1.0), (PUT, 2.0)):
        band = WhalleyWilmott(100.0, 0.3, units, side, rate=0.02, cost=0.01, gamma=0.5).band(spot, time_left)
        for (i, j), low in np.ndenumerate(band[0]):
            greeks = black_scholes(side, spot[j], 100.0, time_left[i, 0], 0.3, 0.02, 0.0)
            half = (1.5 * math.exp(-0.02 * time_left[i, 0]) * 0.01 * spot[j] * (units * greeks.gamma) ** 2 / 0.5) ** (
                1 / 3
            )
            assert low == pytest.approx(-units * greeks.delta - half, abs=1e-12)
            assert band[1][i, j] == pytest.approx(-units * greeks.delta + half, abs=1e-12)


def test_what_is_no_option_or_band_is_refused():
    with pytest.raises(ValueError, match=r"HedgedOption.cost must be >= 0, got -1"):
        replace(SMALL, cost=-1.0)
    with pytest.raises(ValueError, match=r"HedgedOption.side must be 1.0, a call, or -1.0, a put, got 0.0"):
        replace(SMALL, side=0.0)
    with pytest.raises(ValueError, match="a band must have low <= high"):
        hedge_by(SMALL, lambda spot, time_left: (1.0 + 0.0 * spot, 0.0 * spot))
    with pytest.raises(ValueError, match=r"DeltaHedge.sigma must be > 0, got 0"):
        DeltaHedge(100.0, 0.0)
