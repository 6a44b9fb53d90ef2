"""Depths are price units from the mid for whoever acts at the touch of an order book: strategies, tables, clones."""

from dataclasses import replace

import numpy as np
import pytest

from agents.policy import StrategyPolicy, Table, quoted_depths, translated, view
from agents.strategies.fixed import FixedSymmetric, LinearSkew
from agents.strategies.touch import AtTouch, ImbalanceSkew
from experiments.evaluation.plots import depth_table
from mm_env import Depths, MarketOrders, Quote, Quoting, SpreadAndSkew, Touch, Uniform, View
from mm_env.core.component import record
from mm_env.markets import amzn_book
from mm_env.quote import NOWHERE, Unbounded
from mm_env.rollout import inventory_levels
from mm_env.simulation import Simulation
from mm_env.venue.order_book.book import target
from tests.worlds import BOOKS

LANES = 24


class Near(Quoting):
    """Ticks behind the best prices from -1 to 3, by who has not heard of views."""

    def encode(self, depths):
        return np.clip(0.5 * (depths - 1.0), -1.0, 1.0)

    def decode(self, action):
        return Quote(1.0 + 2.0 * action[0], 1.0 + 2.0 * action[1], 0.0, 0.0)

    def at_touch(self):
        return True


class Far(Near):
    def encode(self, depths, view=None):
        return super().encode(view.ticks_behind(depths))


def market(name="cont_stoikov_talreja", quote=None):
    return replace(BOOKS[name], quote=quote or Touch(behind=2))


@pytest.fixture(scope="module", params=["cont_stoikov_talreja", "queue_reactive", "zero_intelligence"])
def seen(request):
    """A market of quotes at the touch, what its lanes show after a few steps, and their books."""
    made = market(request.param)
    simulation = Simulation(made, LANES, interpreted=True)
    simulation.start(3)
    for _ in range(2):
        simulation.step(np.zeros(LANES))
    return made, simulation.observations, simulation.books


def choices(made, actions):
    return np.stack([actions // made.quote.choices, actions % made.quote.choices], axis=-1)


@pytest.mark.parametrize("ticks", [0.0, 0.5, 1.0, 1.5, 2.5, 3.0, 7.0])
def test_a_strategy_at_the_touch_stands_where_it_stands_without_an_action_space(seen, ticks):
    made, observations, books = seen
    tick = made.venue.tick
    strategy = LinearSkew(ticks * tick, 0.4 * tick)
    asked = choices(made, StrategyPolicy(strategy, made).act(observations))
    depths = StrategyPolicy(strategy, replace(made, quote=Unbounded())).act(observations)
    rules = record(made.venue)
    for lane, book in enumerate(books):
        for side in range(2):
            behind = (target(rules, book, side, depths[lane, side], False) - book.best[side]) * (2 * side - 1)
            assert asked[lane, side] == np.clip(behind + 1, 0, made.quote.choices - 1)


def test_three_depths_at_the_touch_of_amzn_are_three_quotes():
    """A spread of six ticks: the best prices are three cents from the mid. All three were 'join' once."""
    made = replace(amzn_book(), quote=Touch(behind=3))
    observations = np.zeros((1, len(made.observation_names)), np.float32)
    observations[0, made.observation_names.index("spread")] = 6.0
    acts = {
        half: StrategyPolicy(FixedSymmetric(half), made).act(observations) for half in (0.01, 0.02, 0.03, 0.05, 0.1)
    }
    assert [choices(made, a)[0].tolist() for a in acts.values()] == [[0, 0], [0, 0], [1, 1], [3, 3], [5, 5]]


def test_a_table_of_choices_at_the_touch_has_depths_only_in_a_book():
    made = market()
    table = Table(made, np.full((1, len(inventory_levels(made)), 1), 6.0))
    with pytest.raises(ValueError, match=r"the actions of Touch\(behind=2, hedging=False\) count from the best prices"):
        table.depths()
    assert depth_table(made, table) is None
    actions = np.array([[6.0], [8.0], [24.0], [0.0]])  # join; join and one behind; nowhere; inside
    found = quoted_depths(made, actions, View(np.array([0.01, 0.02, 0.03, 0.04]), 0.01))
    expected = [[0.01, 0.01], [0.02, 0.04], [NOWHERE, NOWHERE], [0.03, 0.03]]
    np.testing.assert_allclose(found, expected)


def test_what_is_quoted_at_the_touch_is_a_depth_again(seen):
    made, observations, _ = seen
    actions = np.random.default_rng(0).integers(0, made.quote.space.n, (LANES, 1)).astype(np.float64)
    book = view(made, observations)
    depths = quoted_depths(made, actions, book)
    assert made.quote.encode(depths, book).tolist() == actions.tolist()


def test_a_strategy_of_ticks_in_another_action_space_quotes_the_same_depths(seen):
    made, observations, _ = seen
    book = view(made, observations)
    wide, continuous = replace(made, quote=Touch(behind=5, hedging=True)), replace(made, quote=Unbounded())
    for policy in (AtTouch(made, 0), AtTouch(made, -1), AtTouch(made, 4), ImbalanceSkew(made, threshold=0.2)):
        depths = quoted_depths(policy.market, policy.act(observations)[:, None], book)
        indices = translated(policy, wide).act(observations)
        assert indices.dtype == np.int64
        np.testing.assert_allclose(quoted_depths(wide, indices[:, None], book), depths)
        np.testing.assert_allclose(translated(policy, continuous).act(observations), depths)


def test_who_acts_in_the_markets_own_space_is_left_alone():
    made = market(quote=Touch(behind=1))
    policy = AtTouch(made)
    assert translated(policy, made) is policy


def test_market_orders_are_not_lost_in_translation(seen):
    made, observations, _ = seen
    hedging = replace(made, quote=Touch(hedging=True))

    class Closing:
        market = hedging

        def act(self, observations):
            return np.full(len(observations), hedging.quote.space.n - 1)

    with pytest.raises(ValueError, match=r"the market orders of Touch\(behind=1, hedging=True\) cannot be told in"):
        translated(Closing(), made).act(observations)


def test_a_policy_of_a_market_that_shows_other_things_is_refused():
    made = market()
    other = replace(made, venue=replace(made.venue, observed=1))
    with pytest.raises(ValueError, match="cannot act in one that shows"):
        translated(AtTouch(other), replace(made, quote=Depths(1.0)))


def test_a_users_quoting_at_the_touch_is_given_the_book_or_told_to_take_it(seen):
    made, observations, _ = seen
    tick = made.venue.tick
    near, far = (replace(made, quote=quote) for quote in (Near(), Far()))
    with pytest.raises(TypeError, match=r"Near\.encode must take \(depths, view\), as it counts from the best prices"):
        StrategyPolicy(FixedSymmetric(tick), near).act(observations)
    ticks = view(made, observations).ticks_behind(np.full((LANES, 2), 2.0 * tick))
    acts = StrategyPolicy(FixedSymmetric(2.0 * tick), far).act(observations)
    np.testing.assert_allclose(acts, np.clip(0.5 * (ticks - 1.0), -1.0, 1.0))
    hedged = replace(made, quote=MarketOrders(Far(), 0.0))
    np.testing.assert_allclose(StrategyPolicy(FixedSymmetric(2.0 * tick), hedged).act(observations)[:, :2], acts)


def test_quotings_of_depths_need_no_view(seen):
    made, observations, _ = seen
    plain = replace(made, quote=SpreadAndSkew(4.0, 4.0))
    acts = StrategyPolicy(FixedSymmetric(2.0), plain).act(observations)
    np.testing.assert_allclose(quoted_depths(plain, acts), 2.0)


def test_a_tick_that_differs_by_lane_is_not_guessed():
    made = market()
    drawn = replace(made, venue=replace(made.venue, tick=Uniform(0.01, 0.02)))
    with pytest.raises(ValueError, match=r"only where venue\.tick is the same in all lanes"):
        StrategyPolicy(FixedSymmetric(0.01), drawn).act(np.zeros((2, len(drawn.observation_names)), np.float32))
