"""What actions mean: exact ends and middles, and encode as the inverse of decode."""

import itertools

import gymnasium as gym
import numpy as np
import pytest

from mm_env import Depths, Grid, Integers, MarketOrders, Quote, Quoting, Skew, SpreadAndSkew, Touch, View
from mm_env.core.component import record
from mm_env.quote import Unbounded
from tests.worlds import AT_START

CONTINUOUS = [
    Depths(max_depth=2.0, min_depth=-0.5),
    SpreadAndSkew(max_half_spread=2.0, max_skew=0.75, min_half_spread=-0.25),
    Skew(half_spread=0.5, max_skew=0.75),
    MarketOrders(SpreadAndSkew(max_half_spread=2.0, max_skew=0.75), half_spread=0.1),
]


def quotes(quoting, *action):
    return record(quoting).decode(tuple(float(a) for a in action), AT_START)


def test_depths_run_from_min_to_max():
    quoting = Depths(max_depth=2.0, min_depth=-0.5)
    assert quotes(quoting, -1, 1)[:2] == (-0.5, 2.0)
    assert quotes(quoting, 0, 0.6)[:2] == pytest.approx((0.75, 1.5))


def test_a_positive_skew_moves_both_quotes_up():
    quoting = SpreadAndSkew(max_half_spread=2.0, max_skew=0.5)
    assert quotes(quoting, 0, 0)[:2] == (1.0, 1.0)
    assert quotes(quoting, 0, 1)[:2] == (0.5, 1.5)
    assert quotes(quoting, -1, -1)[:2] == (0.5, -0.5)


def test_the_skew_alone_goes_around_the_given_half_spread():
    assert quotes(Skew(half_spread=0.5, max_skew=0.25), 1)[:2] == (0.25, 0.75)
    assert Skew(half_spread=0.5, max_skew=0.25).space == gym.spaces.Box(-1, 1, (1,), np.float32)


@pytest.mark.parametrize("quoting", CONTINUOUS, ids=str)
def test_beyond_the_ends_counts_as_the_end(quoting):
    for signs in itertools.product((-1, 1), repeat=quoting.width):
        assert quotes(quoting, *(7.0 * s for s in signs)) == quotes(quoting, *signs)


@pytest.mark.parametrize("quoting", [*CONTINUOUS, Unbounded()], ids=str)
def test_decode_undoes_encode_for_what_can_be_quoted(quoting):
    actions = np.random.default_rng(0).uniform(-1, 1, (50, quoting.width))
    depths = np.array([quotes(quoting, *action)[:2] for action in actions])
    again = np.array([quotes(quoting, *action)[:2] for action in quoting.encode(depths)])
    assert again == pytest.approx(depths, abs=1e-14)
    assert quoting.encode(depths.reshape(5, 10, 2)).shape == (5, 10, quoting.width)


@pytest.mark.parametrize("quoting", CONTINUOUS, ids=str)
def test_encode_holds_what_cannot_be_quoted_inside_the_box(quoting):
    actions = quoting.encode(np.array([[-50.0, 50.0], [50.0, 50.0], [-50.0, -50.0]]))
    assert np.abs(actions).max() <= 1.0


def test_a_grid_enumerates_every_pair_once():
    quoting = Grid(max_half_spread=1.0, max_skew=0.5, half_spreads=3, skews=5, min_half_spread=0.5)
    assert quoting.space == gym.spaces.Discrete(15)
    pairs = [(h - s, h + s) for h in (0.5, 0.75, 1.0) for s in (-0.5, -0.25, 0.0, 0.25, 0.5)]
    assert [quotes(quoting, i)[:2] for i in range(15)] == pairs


def test_the_index_of_a_grids_own_depths_is_itself():
    quoting = Grid(max_half_spread=1.0, max_skew=0.5, half_spreads=4, skews=3)
    depths = np.array([quotes(quoting, i)[:2] for i in range(12)])
    assert quoting.encode(depths)[:, 0].tolist() == list(range(12))
    assert quoting.encode(np.array([18.0, 0.0])).tolist() == [3 * 3 + 0]  # the widest, skewed down


class Near(Quoting):
    """A user's: ticks behind the best prices, from -1 to 3, without steps."""

    def decode(self, action):
        return Quote(1.0 + 2.0 * action[0], 1.0 + 2.0 * action[1], 0.0, 0.0)

    def at_touch(self):
        return True


class NearByView(Near):
    def encode(self, depths, view=None):
        return np.clip(0.5 * (view.ticks_behind(depths) - 1.0), -1.0, 1.0)


def test_depths_from_the_mid_become_ticks_from_the_best_prices():
    """A spread of two ticks of a cent: the best prices are a cent from the mid."""
    view, quoting = View(0.01, 0.01), Touch(behind=3)
    depths = np.array([[0.0, 0.01], [0.02, 0.03], [0.04, 0.05], [0.1, -0.3]])
    assert view.ticks_behind(depths).tolist() == [[-1, 0], [1, 2], [3, 4], [9, -31]]
    choices = [divmod(int(i), quoting.choices) for i in quoting.encode(depths, view)[:, 0]]
    assert choices == [(0, 1), (2, 3), (4, 5), (5, 0)]  # 5 is no quote, 0 as far inside as it goes
    assert view.depths(view.ticks_behind(depths)) == pytest.approx(depths)


def test_each_lane_has_its_own_spread():
    view = View(np.array([0.5, 1.5, 4.0]), 1.0)
    assert view.ticks_behind(np.full((3, 2), 2.0)).tolist() == [[2, 2], [1, 1], [-2, -2]]


def test_ticks_are_their_own_method_and_depths_without_a_book_are_refused():
    assert Touch().index(np.array([[0.0, -1.0], [1.0, np.inf]])).tolist() == [[4.0], [11.0]]
    with pytest.raises(ValueError, match=r"Touch\.encode needs a View\(half_spread, tick\) of the book"):
        Touch().encode(np.zeros(2))


def test_market_orders_count_from_where_their_quotes_count():
    assert not MarketOrders(Skew(1.0, 1.0), 0.1).at_touch()
    quoting = MarketOrders(NearByView(), 0.1)
    assert quoting.at_touch()
    assert record(quoting).at_touch()
    assert quoting.encode(np.array([[0.03, 0.05]]), View(0.01, 0.01)).tolist() == [[0.5, 1.0, -1.0]]


def test_a_quoting_that_strategies_cannot_act_by_says_what_to_add():
    with pytest.raises(TypeError, match=r"Near needs a method encode\(depths, view\)"):
        Near().encode(np.zeros(2))


def test_a_grid_of_one_level_is_its_middle():
    assert quotes(Grid(max_half_spread=1.0, max_skew=0.5, half_spreads=1, skews=1), 0)[:2] == (0.5, 0.5)


def test_a_market_order_is_a_number_more():
    quoting = MarketOrders(Depths(max_depth=2.0), half_spread=0.1)
    assert quoting.width == 3
    assert quoting.space.shape == (3,)
    assert quotes(quoting, 0, 0, 0.25) == (1.0, 1.0, 0.25, 0.1)
    assert quotes(quoting, 0, 0, -0.5).cut == 0.0
    assert quotes(quoting, 0, 0, 5.0).cut == 1.0
    assert quoting.encode(np.ones((4, 2))).tolist() == [[0.0, 0.0, -1.0]] * 4


def test_no_other_quoting_crosses_the_market():
    for quoting in CONTINUOUS[:3]:
        assert quotes(quoting, *np.ones(quoting.width))[2:] == (0.0, 0.0)


def test_unbounded_quotes_are_depths_as_they_are():
    assert quotes(Unbounded(), -3.0, 250.0)[:2] == (-3.0, 250.0)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Depths(max_depth=0.0), ValueError, r"Depths\.min_depth must be < max_depth = 0\.0, got 0\.0"),
        (lambda: Depths(1.0, min_depth=2.0), ValueError, r"Depths\.min_depth must be < max_depth = 1\.0, got 2\.0"),
        (
            lambda: SpreadAndSkew(1.0, 1.0, 1.5),
            ValueError,
            r"SpreadAndSkew\.min_half_spread must be < max_half_spread = 1",
        ),
        (lambda: SpreadAndSkew(1.0, 0.0), ValueError, r"SpreadAndSkew\.max_skew must be > 0, got 0\.0"),
        (lambda: Skew(np.ones(3), 1.0), TypeError, r"Skew\.half_spread must be one number"),
        (lambda: Depths(max_depth=Integers(1, 2)), TypeError, r"Depths\.max_depth must be one number, a finite number"),
        (lambda: Grid(1.0, 1.0, half_spreads=0), ValueError, r"Grid\.half_spreads must be a whole number in \[1, "),
        (
            lambda: Grid(1.0, 1.0, min_half_spread=2.0),
            ValueError,
            r"Grid\.min_half_spread must be <=? max_half_spread = 1",
        ),
        (lambda: MarketOrders(Grid(1.0, 1.0), 0.1), TypeError, r"MarketOrders\.quoting must have a Box of actions"),
        (lambda: MarketOrders(Skew(1.0, 1.0), -0.1), ValueError, r"MarketOrders\.half_spread must be >= 0, got -0\.1"),
        (lambda: MarketOrders(MarketOrders(Skew(1.0, 1.0), 0.1), 0.1), TypeError, r"MarketOrders\.quoting must "),
    ],
)
def test_a_quoting_is_checked_where_it_is_made(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize("counts", [(5.0, 3.0), (np.int64(5), np.float64(3.0))])
def test_a_grid_counts_in_whole_numbers_however_they_are_written(counts):
    assert Grid(1.0, 1.0, *counts).space.n == 15
