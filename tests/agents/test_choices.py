"""Quotings of the user's own: market orders that `decode` sends are searched and priced, and what cannot be is refused."""

import math
from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest

from agents.exact.evaluation import Unsolvable, evaluate
from agents.exact.optimum import optimum
from agents.policy import play
from agents.robust.adversary import Powers
from agents.robust.best_response import best_response, check_game
from mm_env import (
    CARA,
    Dealer,
    Depths,
    Exponential,
    Fees,
    FiniteHorizon,
    Flow,
    InventoryPenalty,
    MarketOrders,
    NonNegative,
    Positive,
    Quote,
    Quoting,
    rule,
)
from mm_env.core.maths import clip
from mm_env.quote import Unbounded
from mm_env.rollout import inventory_levels, run_actions
from tests.agents.optimal_worlds import TINY
from tests.worlds import within

LONG = replace(TINY, max_inventory=6.0, clock=FiniteHorizon(2.0, 20), fees=Fees(maker=0.01, taker=0.02))


class Closing(Quoting):
    """(bid depth, ask depth, share of the inventory to close)."""

    max_depth: Positive
    cost: NonNegative

    @property
    def width(self):
        return 3

    @rule
    def decode(self, action):
        bid = 0.5 * self.max_depth * (clip(action[0], -1.0, 1.0) + 1.0)
        ask = 0.5 * self.max_depth * (clip(action[1], -1.0, 1.0) + 1.0)
        return Quote(bid, ask, clip(action[2], 0.0, 1.0), self.cost)


class Panic(Quoting):
    """(half-spread, panic): above 0 a market order closes all, and the half-spread is twice as wide."""

    max_half_spread: Positive
    cost: NonNegative

    @rule
    def decode(self, action):
        panic = action[1] > 0.0
        half_spread = 0.5 * self.max_half_spread * (clip(action[0], -1.0, 1.0) + 1.0) * (2.0 if panic else 1.0)
        return Quote(half_spread, half_spread, 1.0 if panic else 0.0, self.cost)


class Menu(Quoting):
    """A choice among nine pairs of depths, with all closed first or not."""

    cost: NonNegative

    @property
    def width(self):
        return 1

    @property
    def space(self):
        return gym.spaces.Discrete(18)

    @rule
    def decode(self, action):
        cut = math.floor((action[0] + 0.5) / 9.0)
        rest = action[0] - 9.0 * cut
        bid = math.floor((rest + 0.5) / 3.0)
        return Quote(0.5 + 0.5 * bid, 0.5 + 0.5 * (rest - 3.0 * bid), float(cut), self.cost)


@pytest.mark.parametrize(
    "reward",
    [pytest.param(InventoryPenalty(phi=0.5, alpha=0.1), marks=pytest.mark.slow), CARA(0.3)],
    ids=["penalty", "utility"],
)
def test_market_orders_of_ones_own_are_worth_what_those_of_the_package_are(reward):
    market = replace(LONG, reward=reward)
    own = optimum(replace(market, quote=Closing(3.0, 0.1)))
    ours = optimum(replace(market, quote=MarketOrders(Depths(3.0), half_spread=0.1)))
    without = optimum(replace(market, quote=Depths(3.0)))
    np.testing.assert_allclose(own.value, ours.value, rtol=1e-10, atol=1e-12)
    assert (own.value[0] >= without.value[0] - 1e-12).all()
    assert (own.value[0, 0, [0, -1]] > without.value[0, 0, [0, -1]] + 0.1).all()


@pytest.mark.parametrize(
    "quote", [pytest.param(Menu(0.05), id="menu", marks=pytest.mark.slow), pytest.param(Panic(1.5, 0.05), id="panic")]
)
def test_no_policy_with_market_orders_is_worth_more_than_the_optimum_and_the_simulator_agrees(quote):
    market, random = replace(LONG, quote=quote), np.random.default_rng(0)
    found = optimum(market)
    table = found.table().actions
    assert evaluate(market, table).objective == pytest.approx(found.objective, rel=1e-12)
    if quote.width == 1:
        assert within(play(market, found, 50_000, 0).objective, found.objective)
    levels = len(inventory_levels(market))
    for _ in range(200):
        other = (
            random.uniform(-1.0, 1.0, (1, levels, 2)) if quote.width == 2 else random.integers(0, 18, (1, levels, 1))
        )
        assert evaluate(market, other.astype(float)).objective <= found.objective
    for _ in range(50):  # one choice of one moment at one inventory
        other, place = table.copy(), tuple(random.integers(table.shape))
        other[place] = random.uniform(-1.0, 1.0) if quote.width == 2 else random.integers(0, 18)
        assert evaluate(market, other).objective <= found.objective + 1e-12


def test_the_best_panic_is_the_best_of_a_fine_grid():
    market = replace(TINY, quote=Panic(1.5, 0.05))
    half_spread, panic = np.meshgrid(np.linspace(-1.0, 1.0, 101), [-1.0, 1.0])
    grid = np.stack([half_spread.ravel(), panic.ravel()], -1)
    one = replace(market, clock=FiniteHorizon(0.1, 1))
    values = [evaluate(one, np.broadcast_to(action, (1, 5, 2))).value[0, 0] for action in grid]
    lost = optimum(one).value[0, 0] - np.max(values, axis=0)
    assert (lost >= -1e-12).all()
    assert (lost <= 1e-4).all()


class Elsewhere(Depths):
    @property
    def space(self):
        return gym.spaces.Box(0.0, 5.0, (2,), np.float32)


@pytest.mark.parametrize(("quote", "said"), [
    (Unbounded(), r"quote: the optimum searches actions in \[-1, 1\]\^2.*let Unbounded.decode rescale.*got Box\(-inf, inf"),
    (Elsewhere(3.0), r"let Elsewhere.decode rescale such actions .*got Box\(0.0, 5.0"),
])  # fmt: skip
def test_actions_that_are_not_searched_are_refused(quote, said):
    with pytest.raises(Unsolvable, match=said):
        optimum(replace(TINY, quote=quote))


class Beyond(Quoting):
    cut: NonNegative
    depth: NonNegative = 1.0

    @rule
    def decode(self, action):
        return Quote(self.depth / self.depth, action[1], self.cut, 0.0)


@pytest.mark.parametrize(("quote", "said"), [
    (Beyond(1.5), r"quote: Beyond.decode must give a cut in \[0, 1\], got Quote\(bid_depth=1.0, .*cut=1.5"),
    (Beyond(0.5, 0.0), "quote: Beyond.decode must give finite numbers, got Quote"),
])  # fmt: skip
def test_quotes_that_mean_nothing_are_refused(quote, said):
    market = replace(TINY, quote=quote)
    for solve in (optimum, lambda m: evaluate(m, np.zeros((1, 5, 2)))):
        with pytest.raises(Unsolvable, match=said):
            solve(market)


def test_the_game_is_refused_with_market_orders_of_ones_own():
    market, powers = replace(TINY, quote=Menu(0.05)), Powers({"venue.flow.rate": (4.0, 9.5)})
    for play_it in (check_game, lambda m, p: best_response(m, np.zeros((1, 5, 1)), p)):
        with pytest.raises(Unsolvable, match="quote: the game is solved without market orders"):
            play_it(market, powers)


class Overflowing(Flow):
    """Says more than 1, as a rate times dt without a limit does."""

    rate: Positive

    @rule
    def probability(self, take, dt):
        return self.rate * take * dt


def test_a_flow_that_says_more_than_one_is_sure_to_the_search_too():
    market = replace(TINY, venue=Dealer(Overflowing(40.0), Exponential(1.0)))
    found = optimum(market)
    assert evaluate(market, found.table().actions).objective == pytest.approx(found.objective, rel=1e-12)
    earned = run_actions(market, found.table().actions, 64, 0).objective  # the best is where orders are sure to fill
    assert earned.mean() == pytest.approx(found.objective, rel=1e-7)


class Gap(Quoting):
    """The depths of `Depths`, and a free market order, which MarketOrders passes over, for actions between a grid's points."""

    scale: Positive

    @rule
    def decode(self, action):
        cut = 1.0 if 0.26 < action[0] < 0.37 else 0.0
        return Quote(self.scale * (action[0] + 1.0), self.scale * (action[1] + 1.0), cut, 0.0)


@pytest.mark.slow
def test_market_orders_around_a_quoting_of_ones_own_are_worth_what_their_table_is():
    market = replace(LONG, quote=MarketOrders(Gap(0.7), 0.5), initial_inventory=3.0, reward=InventoryPenalty(2.0, 1.0))
    found = optimum(market)
    assert evaluate(market, found.actions[:, 0]).worth == pytest.approx(found.worth, abs=1e-9)
    plain = optimum(replace(market, quote=MarketOrders(Depths(1.4), 0.5)))
    assert found.worth == pytest.approx(plain.worth, abs=1e-6)
