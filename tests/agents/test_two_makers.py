"""Two makers exactly: the equilibrium of a logit, a rival who is far away, and what their simulation brings."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from agents.base import Table
from agents.exact.nodes import Unsolvable
from agents.exact.optimum import optimum
from agents.exact.two_makers import TwoMakers
from agents.makers.seats import Seats, play_seats
from mm_env import (
    CARA,
    Bernoulli,
    BestQuote,
    Brownian,
    Competition,
    Dealer,
    Depths,
    Exponential,
    FillImpact,
    FiniteHorizon,
    InventoryPenalty,
    LogitRouting,
    LossLimit,
    Poisson,
    ProportionalFees,
    SeasonalFlow,
    SideLimits,
    Sides,
)
from mm_env.quote import NOWHERE, Unbounded

LEVELS = 7


def market(**other):
    own = {"price": Brownian(sigma=0.5), "venue": Dealer(flow=Poisson(20.0), fill=Exponential(1.0)), "quote": Depths(3.0, -0.5),
           "clock": FiniteHorizon(0.5, 20), "reward": InventoryPenalty(phi=0.5, alpha=0.05), "max_inventory": 3.0,
           "makers": 2, "routing": LogitRouting(0.5)}  # fmt: skip
    return Competition(**own | other)


def alone(both):
    """The market with one maker."""
    return replace(both, makers=1)


def skewed(slope, steps=1):
    """Depths (steps, levels, 2) that lean against the inventory."""
    held = np.arange(LEVELS) - LEVELS // 2
    return np.broadcast_to(np.stack([0.7 + slope * held, 0.7 - slope * held], axis=-1), (steps, LEVELS, 2))


@pytest.mark.parametrize("scale", [0.2, 0.5, 2.0])
def test_the_equilibrium_of_makers_without_risk_is_its_closed_form(scale):
    """Each earns depth x exp(-k depth) x 1 / (1 + exp((depth - other) / scale)): 1 / depth = k + (1 - 1 / D) / scale."""
    one_step = market(venue=Dealer(flow=Bernoulli(2.0), fill=Exponential(1.5)), reward=InventoryPenalty(),
                      clock=FiniteHorizon(0.1, 1), routing=LogitRouting(scale))  # fmt: skip
    found = TwoMakers(one_step).equilibrium(np.linspace(0.0, 1.0, 401))
    assert found.gain == 0.0
    assert found.depths[0, 3, 3] == pytest.approx(1.0 / (1.5 + 0.5 / scale), abs=0.0026)


def test_a_rival_who_is_nowhere_leaves_the_optimum_of_one():
    both = market(routing=BestQuote())
    away = np.full((1, LEVELS, 2), NOWHERE)
    grid = np.linspace(-0.5, 3.0, 141)
    found, one = TwoMakers(both).best_response(away, grid), optimum(alone(both))
    assert found.worth <= one.objective + 1e-12
    assert found.worth == pytest.approx(one.objective, rel=1e-4)


@pytest.mark.parametrize("routing", [BestQuote(), LogitRouting(0.3)])
def test_exact_worths_are_what_simulation_brings(routing):
    both, first, second = market(routing=routing, quote=Unbounded()), skewed(0.15), skewed(0.05)
    exact = TwoMakers(both).worth(first, second)
    tables = [Table(replace(both, quote=Unbounded()), depths) for depths in (first, second)]
    for known, episodes in zip(exact, play_seats(both, tables, 20_000, 3), strict=True):
        error = episodes.objective.std() / np.sqrt(len(episodes))
        assert abs(episodes.objective.mean() - known) < 4.0 * error


def test_who_answers_best_earns_no_less_and_the_worths_agree():
    two, rival, grid = TwoMakers(market()), skewed(0.1), np.linspace(-0.5, 2.5, 61)
    answer = two.best_response(rival, grid)
    assert two.worth(answer.depths, rival).first == pytest.approx(answer.worth, rel=1e-12)
    for slope in (0.0, 0.1, 0.3):
        assert two.worth(skewed(slope), rival).first <= answer.worth + 1e-12


def test_no_maker_gains_by_leaving_the_equilibrium():
    two, grid = TwoMakers(market()), np.linspace(-0.5, 2.5, 31)
    found = two.equilibrium(grid)
    assert found.gain < 1e-3
    assert two.best_response(found.depths, grid).worth - found.worth < 20 * 1e-3
    assert two.worth(found.depths, found.depths) == pytest.approx((found.worth,) * 2, rel=1e-12)


def test_who_quote_as_if_alone_share_more_than_who_compete_and_each_gains_by_undercutting():
    riskless = market(reward=InventoryPenalty(), clock=FiniteHorizon(0.05, 1))
    two, grid, monopoly = TwoMakers(riskless), np.linspace(0.0, 2.0, 81), np.ones((1, LEVELS, 2))
    together, competing = two.worth(monopoly, monopoly).first, two.equilibrium(grid).worth
    assert together > 1.05 * competing
    assert two.best_response(monopoly, grid).worth > 1.05 * together


def test_seats_act_in_rows_of_their_own():
    both = market()
    tables = [Table(both, np.full((1, LEVELS, 2), action)) for action in (-0.5, 0.5)]
    acted = Seats(both, tuple(tables)).act(np.zeros((6, 2), np.float32))
    assert np.array_equal(acted, np.repeat([[-0.5], [0.5]], 2, axis=1)[[0, 1, 0, 1, 0, 1]])
    with pytest.raises(ValueError, match="seats must be 2, one a maker, got 1"):
        Seats(both, (tables[0],))


@pytest.mark.parametrize(("other", "said"), [
    ({"makers": 3}, "makers: the recursion over inventories is of two makers, got 3"),
    ({"price": Brownian(sigma=1.0, drift=0.1)}, "price: it must not drift"),
    ({"venue": Dealer(flow=Poisson(1.0), fill=Exponential(1.0), impact=Sides(FillImpact(0.1), FillImpact(0.1)))}, "impact: "),
    ({"margin": LossLimit(loss=5.0)}, "wealth decides here"),
    ({"limits": SideLimits(max_long=3.0, max_short=1.0)}, "margin, limits: "),
    ({"reward": InventoryPenalty(phi=np.array([0.1, 5.0]))}, "reward.phi differs by lane"),
    ({"reward": CARA(0.1)}, "reward: it must be the wealth change less a penalty"),
    ({"fees": ProportionalFees(maker=1e-4)}, "fees has no exact recursion"),
    ({"venue": Dealer(SeasonalFlow(Poisson(1.0), factors=[1.0, 2.0]), Exponential(1.0))},
     "venue.flow.bid: it reads the time"),
])  # fmt: skip
def test_what_the_recursion_does_not_hold_is_refused(other, said):
    with pytest.raises(Unsolvable, match=said):
        TwoMakers(market(**other))


def one_step(routing, **other):
    return market(venue=Dealer(flow=Bernoulli(3.0), fill=Exponential(1.5)), clock=FiniteHorizon(0.1, 1), max_inventory=1.0,
                  routing=routing, **other)  # fmt: skip


@pytest.mark.parametrize("routing", [BestQuote(), LogitRouting(0.3)])
def test_a_cartel_without_risk_quotes_as_one_alone(routing):
    """Whoever fills, depth x exp(-k depth) is largest at 1 / k."""
    both = one_step(routing, reward=InventoryPenalty())
    found = TwoMakers(both).cartel(np.linspace(0.0, 2.0, 601))
    assert found.first[0, 1, 1] == pytest.approx(1.0 / 1.5, abs=0.0017)
    assert found.worth == pytest.approx(optimum(alone(both)).objective, rel=1e-5)


@pytest.mark.parametrize("routing", [BestQuote(), LogitRouting(0.3)])
def test_a_cartel_is_the_best_of_all_pairs_of_quotes(routing):
    """Every depth of either side of both makers, tried one by one; both sides fill within a step, so none stands alone."""
    both, grid = one_step(routing, reward=InventoryPenalty(phi=2.0, alpha=0.05)), np.linspace(0.0, 1.6, 5)
    two, found = TwoMakers(both), -np.inf
    for depths in itertools.product(grid, repeat=4):
        first, second = (np.broadcast_to(np.array(own), (1, 3, 3, 2)) for own in (depths[:2], depths[2:]))
        found = max(found, sum(two.worth(first, second)))
    assert two.cartel(grid).worth == pytest.approx(found, rel=1e-12)


def test_together_makers_earn_no_less_than_in_competition():
    both, grid = market(), np.linspace(0.0, 2.0, 11)
    cartel = TwoMakers(both).cartel(grid)
    assert cartel.worth > 2.0 * TwoMakers(both).equilibrium(grid).worth
    assert cartel.worth == pytest.approx(
        sum(TwoMakers(both).worth(cartel.first, np.swapaxes(cartel.second, 1, 2))), rel=1e-9
    )
