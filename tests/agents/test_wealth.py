"""Where the account's wealth decides: margin, drawdown, CVaR and any utility, exactly, and as they are played."""

import math
from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
import pytest

from agents.exact.cvar import best_threshold, nested_cvar, threshold_of, worst_mean
from agents.exact.evaluation import NODES, best_fixed, evaluate, moments, worth, worth_fixed
from agents.exact.optimum import optimum
from agents.exact.wealth import WealthProblem, solved
from agents.exact.wealth_optimum import WealthOptimum
from agents.exact.wealth_worth import evaluate_wealth
from agents.policy import policy_of
from agents.strategies.fixed import FixedSymmetric, LinearSkew
from mm_env import (
    CARA,
    Brownian,
    CVaR,
    DepthGrid,
    DrawdownStop,
    FiniteHorizon,
    InventoryPenalty,
    Limits,
    MaintenanceMargin,
    Positive,
    Reward,
    rule,
)
from mm_env.markets import MARKETS, market_named
from mm_env.quote import NOWHERE, Unbounded
from mm_env.rollout import run_actions, run_policy
from tests.agents.lattice import TAIL, lattice
from tests.agents.open_markets import Regimes
from tests.worlds import within, world

MARGIN = MaintenanceMargin(capital=8.0, per_unit=4.0, liquidation_cost=3.0, franchise_loss=10.0)


@cache
def neutral():
    return optimum(lattice()).actions[:, 0]


def test_the_margin_of_the_lattice_is_that_by_hand():
    found = optimum(lattice(margin=MARGIN))
    assert found.wealths.lattice
    assert found.error == 0.0
    assert found.objective == pytest.approx(19.49148897, abs=5e-9)
    assert evaluate(lattice(margin=MARGIN), found.actions).objective == pytest.approx(found.objective, rel=1e-12)
    assert evaluate(lattice(margin=MARGIN), neutral()).objective == pytest.approx(16.66627054, abs=5e-9)
    assert optimum(lattice()).objective == pytest.approx(20.30627916, abs=5e-9)


def test_ruin_on_the_lattice_is_as_likely_as_by_hand():
    for policy, wanted in ((optimum(lattice(margin=MARGIN)), 0.01578), (optimum(lattice()), 0.12556)):
        market = lattice(margin=MARGIN)
        blind = lattice()
        act = policy.act if policy.market == market else _without_profit(policy, market, blind)
        closed = run_policy(market, act, 40_000, seed=3).closed
        assert within(closed, wanted)


def _without_profit(policy, market, blind):
    columns = [market.observation_names.index(name) for name in blind.observation_names]
    return lambda seen: policy.act(seen[:, columns])


def test_the_best_static_cvar_of_the_lattice_is_that_by_hand():
    market = lattice(TAIL)
    assert best_threshold(market) == 9.0
    found = optimum(replace(market, reward=replace(TAIL, threshold=9.0)))
    assert found.objective == pytest.approx(6.54570792, abs=5e-9)
    assert threshold_of(market, found.actions) == (9.0, pytest.approx(6.54570792, abs=5e-9))
    assert threshold_of(market, neutral())[1] == pytest.approx(1.66093, abs=5e-6)
    episodes = run_policy(found.market, found.act, 40_000, seed=3)
    assert within(episodes.objective, found.objective)


def test_the_mean_of_the_lattice_has_the_deviation_by_hand():
    class Square(Reward):
        """The squared final profit."""

        watches = ("profit",)

        @rule
        def reward(self, outcome):
            left = outcome.profit - abs(outcome.inventory)
            return outcome.final * left * left

    square = evaluate(lattice(Square()), neutral()).objective
    assert math.sqrt(square - 20.30627916**2) == pytest.approx(8.80757, abs=5e-6)


def test_a_nested_cvar_of_a_half_or_more_is_never_above_that_of_not_quoting():
    never = np.full_like(neutral(), 15.0)
    for level in (0.5, 0.75, 0.95):
        assert nested_cvar(lattice(), never, level) == 0.0
        assert nested_cvar(lattice(), neutral(), level) < 0.0
    assert nested_cvar(lattice(), neutral(), 0.0) == pytest.approx(20.30627916, abs=5e-9)


def test_the_mean_of_the_worst_counts_the_share_that_is_left_of_an_outcome():
    gains, chances = np.array([[3.0, -1.0, 0.0]]), np.array([[0.5, 0.2, 0.3]])
    assert worst_mean(gains, chances, 0.6)[0] == pytest.approx((0.2 * -1.0 + 0.2 * 0.0) / 0.4)
    assert worst_mean(gains, chances, 0.0)[0] == pytest.approx(1.3)


def by_hand(market, states, ends):
    """The optimum of a lattice market from nothing, by plain recursion over all that may happen."""
    depths, chance = (1.0, 2.0, 3.0, None), {1.0: 0.45, 2.0: 0.28, 3.0: 0.15, None: 0.0}

    @cache
    def value(left, q, w):
        if left == 0:
            return ends(q, w)
        return max(quoted(left, q, w, bid, ask) for bid in depths for ask in depths)

    def quoted(left, q, w, bid, ask):
        total = 0.0
        bids, asks = (chance[bid] if q < 4 else 0.0), (chance[ask] if q > -4 else 0.0)
        for b, pb in ((1, bids), (0, 1.0 - bids)):
            for a, pa in ((1, asks), (0, 1.0 - asks)):
                if pb * pa > 0.0:
                    gained = (b * bid if b else 0.0) + (a * ask if a else 0.0)
                    for move in (1.0, -1.0):
                        after = q + b - a
                        total += 0.5 * pb * pa * states(value, left - 1, after, w + gained + after * move)
        return total

    return value(market.clock.steps, 0, 0.0)


@pytest.mark.parametrize("name", ["margin", "cvar", "drawdown"])
def test_the_recursion_over_wealth_is_that_over_all_that_may_happen(name):
    clock = FiniteHorizon(4.0, 4)

    def goes_on(value, left, q, w):
        return value(left, q, w)

    if name == "margin":
        margin = MaintenanceMargin(capital=2.0, per_unit=1.5, liquidation_cost=3.0, franchise_loss=1.0)
        market = replace(lattice(margin=margin), clock=clock)

        def judged(value, left, q, w):
            return value(left, q, w) if 2.0 + w >= 1.5 * abs(q) else w - 3.0 * abs(q) - 1.0

        wanted = by_hand(market, judged, lambda q, w: w - abs(q))
    elif name == "cvar":
        market = replace(lattice(CVaR(0.9, 1.0, weight=0.7, closing_cost=1.0)), clock=clock)

        def tail(q, w):
            left = w - abs(q)
            return 0.3 * left + 0.7 * (1.0 - max(1.0 - left, 0.0) / 0.1)

        wanted = by_hand(market, goes_on, tail)
    else:
        market = replace(lattice(margin=DrawdownStop(drawdown=2.5, liquidation_cost=2.0)), clock=clock)

        wanted = _drawdown_by_hand(market)
    assert optimum(market).objective == pytest.approx(wanted, rel=1e-10)


def _drawdown_by_hand(market):
    """The same where d is how far the profit is below its peak: what is gained counts when it is gained."""
    depths, chance = (1.0, 2.0, 3.0, None), {1.0: 0.45, 2.0: 0.28, 3.0: 0.15, None: 0.0}

    @cache
    def value(left, q, d):
        if left == 0:
            return -abs(q)
        return max(quoted(left, q, d, bid, ask) for bid in depths for ask in depths)

    def quoted(left, q, d, bid, ask):
        total = 0.0
        bids, asks = (chance[bid] if q < 4 else 0.0), (chance[ask] if q > -4 else 0.0)
        for b, pb in ((1, bids), (0, 1.0 - bids)):
            for a, pa in ((1, asks), (0, 1.0 - asks)):
                if pb * pa > 0.0:
                    after = q + b - a
                    for move in (1.0, -1.0):
                        change = (bid if b else 0.0) + (ask if a else 0.0) + after * move
                        here = min(d + change, 0.0)
                        follows = value(left - 1, after, here) if here >= -2.5 else -2.0 * abs(after)
                        total += 0.5 * pb * pa * (change + follows)
        return total

    return value(market.clock.steps, 0, 0.0)


@pytest.mark.slow
def test_cara_on_the_wealth_axis_is_the_known_optimum():
    market = world(reward=CARA(0.4), clock=FiniteHorizon(1.0, 10))
    known = optimum(market)
    off = []
    for wealths in (201, 401, 801):
        problem = WealthProblem.of(market, 1, wealths)
        off.append(abs(problem.at_start(solved(problem)[0][0]) - known.objective))
    assert off[2] < 1e-5 * known.objective
    for coarse, fine in pairwise(off):
        assert fine < coarse / 4.0  # the order is two at the least


NARROW = MaintenanceMargin(capital=1.5, per_unit=0.8, liquidation_cost=0.5, franchise_loss=0.5)
PLAYED = {
    "a margin": {"margin": NARROW},
    "a drawdown stop": {"margin": DrawdownStop(drawdown=1.5, liquidation_cost=0.5)},
    "a margin and regimes": {"margin": NARROW, "price": Regimes(0.3, 1.2, 2.0, 4.0)},
    "a tail": {"reward": CVaR(0.9, 0.3, weight=0.5, closing_cost=0.1)},
}


@pytest.mark.parametrize(
    "name", [next(iter(PLAYED)), *(pytest.param(n, marks=pytest.mark.slow) for n in list(PLAYED)[1:])]
)
def test_what_is_played_is_worth_the_optimum(name):
    market = world(clock=FiniteHorizon(1.0, 20), **PLAYED[name])
    best = optimum(market)
    assert 0.0 < best.error < 2e-3
    episodes = run_policy(market, best.act, 40_000, seed=1)
    assert within(episodes.objective, best.objective)
    assert evaluate(market, best.actions, 41).objective == pytest.approx(best.objective, rel=1e-9)
    fixed = best_fixed(market).half_spread
    assert worth_fixed(market, fixed) < best.objective


def test_a_margin_that_nobody_breaches_changes_nothing():
    market = world(clock=FiniteHorizon(1.0, 10))
    rich = replace(market, margin=MaintenanceMargin(capital=1e6))
    assert optimum(rich).objective == pytest.approx(optimum(market).objective, rel=1e-9)


class Trailing(DrawdownStop):
    """A drawdown stop that does not say what it goes by."""

    drawdown: Positive = 1.0
    watches = ("profit",)


class Sliding(Limits):
    """One unit less may be held for each half of a price unit lost."""

    watches = ("profit",)

    @rule
    def largest(self, most, standing, now):
        return max(most + 2.0 * min(standing.profit, 0.0), 0.0)


@pytest.mark.slow
def test_limits_by_profit_are_solved_as_they_are_played():
    market = world(clock=FiniteHorizon(1.0, 20), price=Brownian(1.0), limits=Sliding())
    best = optimum(market)
    assert within(run_policy(market, best.act, 40_000, seed=1).objective, best.objective)
    assert best.objective < optimum(replace(market, limits=world().limits)).objective


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"margin": MaintenanceMargin(capital=200.0, share=0.5)}, "margin: the exposure, and so the mid, decides too"),
        ({"margin": Trailing()}, "margin: the peak decides too, and the recursion over wealth holds the profit"),
        ({"margin": DrawdownStop(drawdown=1.0), "reward": CARA(0.1)}, "profit and the drawdown both decide"),
        ({"margin": DrawdownStop(drawdown=1.0), "reward": TAIL}, "profit and the drawdown both decide"),
    ],
    ids=["a share of the exposure", "a peak unsaid", "a drawdown and a utility", "two wealths"],
)
def test_what_the_recursion_over_wealth_does_not_hold_is_said(parts, said):
    with pytest.raises(ValueError, match=said):
        optimum(world(clock=FiniteHorizon(1.0, 10), **parts))


def test_what_is_saved_is_loaded_to_the_bit(tmp_path):
    market, path = replace(lattice(margin=MARGIN), clock=FiniteHorizon(3.0, 3)), tmp_path / "found.npz"
    found = optimum(market, kept_from=np.inf)
    assert found.save(path)
    again = WealthOptimum.load(path, market)
    assert again.worth == found.worth
    np.testing.assert_array_equal(again.actions, found.actions)
    with pytest.raises(ValueError, match="must hold the optimum of this market"):
        WealthOptimum.load(path, replace(market, max_inventory=3.0))
    with pytest.raises(ValueError, match="must be a file that `save` wrote"):
        WealthOptimum.load(tmp_path / "none.npz", market)


def test_a_variance_that_is_not_known_is_said():
    with pytest.raises(ValueError, match="the variance of the objective has no recursion here"):
        moments(replace(lattice(margin=MARGIN), clock=FiniteHorizon(3.0, 3)), neutral()[:1])


def test_a_level_of_one_is_refused():
    with pytest.raises(ValueError, match=r"CVaR.level must be < 1, got 1"):
        CVaR(level=1.0)
    with pytest.raises(ValueError, match=r"DepthGrid.depths must increase"):
        DepthGrid(depths=[1.0, 1.0])


@pytest.mark.slow
def test_the_threshold_of_the_named_market_is_the_best_one_and_its_quotes_are_not_those_of_the_mean():
    market = MARKETS["cvar"]()
    assert best_threshold(market) == pytest.approx(market.reward.threshold, abs=0.005)
    careful, neutral = optimum(market), optimum(replace(market, reward=InventoryPenalty()))
    profits = np.array([run_policy(each.market, each.act, 20_000, seed=3).profit for each in (careful, neutral)])
    worst = worst_mean(profits, np.full(profits.shape, 1.0 / 20_000), 0.95)
    assert worst[0] > worst[1] + 0.4


@pytest.mark.slow
def test_the_named_market_of_solvency_has_the_optimum_that_it_had():
    assert optimum(market_named("solvency")).objective == pytest.approx(6.796185139, rel=1e-9)


@pytest.mark.parametrize("name", ["cvar", "solvency"])
@pytest.mark.parametrize("strategy", [LinearSkew(half_spread=0.85, skew=0.25), FixedSymmetric(half_spread=0.95)])
def test_strategies_are_worth_what_they_bring_however_far_their_space_reaches(name, strategy):
    """Theirs has no end: a grid as wide as that would be too coarse for the kink at the threshold, or at the margin."""
    market = MARKETS[name]()
    table = policy_of(strategy, market).tabulated(market)
    found = worth(table.market, table.actions)
    assert found == pytest.approx(evaluate_wealth(table.market, table.actions, NODES, 1601).worth, abs=5e-3)
    assert within(run_actions(table.market, table.actions, 40_000, seed=4).objective, found)


def test_quotes_that_nobody_takes_where_nothing_moves_are_worth_nothing():
    still = replace(MARKETS["solvency"](), price=Brownian(sigma=0.0))
    assert worth(replace(still, quote=Unbounded()), np.full((1, 13, 2), NOWHERE)) == 0.0
