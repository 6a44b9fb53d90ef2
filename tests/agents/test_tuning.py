"""Strategies tuned by what they earn: the best within reach, on noise that no table is made of, and refused by name."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from agents import AtTouch, AvellanedaStoikov, FixedSymmetric, LinearSkew, StrategyPolicy, best_fixed, tuned
from agents.policy import RandomPolicy, Table, moved, play
from agents.strategies.tuning import SEED, climb
from mm_env.markets import cont_stoikov_talreja
from mm_env.quote import Touch, Unbounded
from tests.worlds import BOOKS, world

MARKET = world()


def test_a_climb_ends_at_the_highest_place_of_its_grid():
    seen = []

    def worth(place):
        seen.append(place)
        return -((place[0] - 1.4) ** 2) - (place[1] + 0.35) ** 2 - 0.3 * (place[0] - 1.4) * (place[1] + 0.35)

    assert climb(worth, 2, 1.0, 0.125) == (1.375, -0.375)
    assert len(seen) == len(set(seen))  # nothing is tried twice


def test_where_all_is_alike_everything_stays():
    assert climb(lambda _: 1.0, 3, 1.0, 0.1) == (0.0, 0.0, 0.0)


def test_a_half_spread_is_tuned_to_the_best_one():
    best = best_fixed(MARKET).half_spread
    found = tuned(MARKET, FixedSymmetric(0.17 * best), ["half_spread"], episodes=4000)
    assert found.half_spread == pytest.approx(best, rel=0.15)


def test_what_is_tuned_earns_no_less_on_the_noise_it_is_tuned_on_and_the_rest_is_kept():
    start = AvellanedaStoikov(gamma=3.0, sigma=0.1, k=0.4, horizon=0.5)
    found = tuned(MARKET, start, ["gamma", "k"], episodes=500)

    def earned(strategy):
        return play(MARKET, StrategyPolicy(strategy, MARKET), 500, SEED).objective.mean()

    assert earned(found) > earned(start)
    assert (found.sigma, found.horizon) == (start.sigma, start.horizon)
    assert found == tuned(MARKET, start, ["gamma", "k"], episodes=500)


def test_what_the_theory_refuses_on_the_way_is_left_out():
    @dataclass(frozen=True)
    class Shy:
        half_spread: float

        def depths(self, inventory, seconds_left):
            if self.half_spread > 0.3:
                raise ValueError("so far the theory does not reach")
            return FixedSymmetric(self.half_spread).depths(inventory, seconds_left)

    assert tuned(MARKET, Shy(0.2), ["half_spread"], episodes=200).half_spread <= 0.3


@pytest.mark.parametrize(("strategy", "names", "message"), [
    (FixedSymmetric(0.5), ["width"], r"parameters of FixedSymmetric \(half_spread\), got 'width'"),
    (LinearSkew(0.5, 0.0), ["skew"], r"tuned parameters must be numbers > 0, got skew = 0\.0"),
    (lambda _: AtTouch(cont_stoikov_talreja()), ["market"], r"must be numbers > 0, got market = Market"),
])  # fmt: skip
def test_a_parameter_that_cannot_be_tuned_is_refused_by_name(strategy, names, message):
    with pytest.raises(ValueError, match=message):
        tuned(MARKET, strategy, names)


def test_a_policy_moves_to_another_market_with_all_it_knows():
    here, there = cont_stoikov_talreja(), BOOKS["cont_stoikov_talreja"]
    join = moved(AtTouch(here, behind=3, most=2.0), there)
    assert join.market == replace(there, quote=Touch(behind=3))
    assert (join.behind, join.most) == (3, 2.0)
    form = moved(StrategyPolicy(FixedSymmetric(1.0), here), there)
    assert (form.strategy, form.market.venue) == (FixedSymmetric(1.0), there.venue)
    table = Table(replace(here, quote=Unbounded()), np.zeros((1, 11, 2)))
    assert moved(table, there).market.quote == Unbounded()
    assert moved(RandomPolicy(here, 3), there).seed == 3


def test_a_policy_that_cannot_be_told_of_another_market_is_refused():
    class Stubborn:
        market = MARKET

        def act(self, observations):
            raise NotImplementedError

    with pytest.raises(TypeError, match="must be a dataclass with a field `market`"):
        moved(Stubborn(), MARKET)
