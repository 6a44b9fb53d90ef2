"""A desk that is simulated is the desk that is solved: objectives, profits, and what is refused by name."""

import re
from dataclasses import replace

import numpy as np
import pytest

from agents import AllOutside, ConstantDepths, InternaliseExternalise, NoneOutside, QuadraticDesk, best_constant_depths
from agents.desks import DeskStrategyPolicy, decoded, encoded, shown_at
from agents.exact.desk import average_reward, desk_optimum, profit_of, worth_of
from agents.exact.desk.constant import exact_value
from agents.exact.nodes import Unsolvable
from agents.exact.optimum import optimum
from agents.policy import play, policy_of
from agents.strategies.desk_problem import NoProblem, lot_of, problem_of
from agents.strategies.glft import GLFT
from mm_env import (
    Bernoulli,
    CovariancePrices,
    CrossImpact,
    Desk,
    Ergodic,
    Exponential,
    FiniteHorizon,
    Instrument,
    InventoryPenalty,
    Logistic,
    OutsideRate,
    OutsideTarget,
    Poisson,
    Tier,
    VariancePenalty,
)
from mm_env.markets import MARKETS
from tests.mm_env.desks import plain, rich
from tests.worlds import within

LANES, SEED = 4_000, 11
OUTSIDE = OutsideRate(max_rate=12.0, half_spread=0.05, quadratic=0.004, impact=0.02, lot=1.0)


def instrument(name, fills, outside=None, **more):
    """Of a tier for each fill, and lots of 1 and 2."""
    shape = {
        "max_depth": 2.0,
        "min_depth": -0.5,
        "max_inventory": 4.0,
        "sizes": (1.0, 2.0),
        "probabilities": (0.7, 0.3),
    }
    beside = {"outside": outside} if outside else {}
    return Instrument(name, tuple(Tier(Bernoulli(6.0), fill) for fill in fills), **{**shape, **beside, **more})


TIERED = Desk(
    (instrument("A", (Logistic(0.3, 0.2), Logistic(0.1, 0.1)), OUTSIDE, initial_inventory=2.0),),
    CovariancePrices([[0.5]], (0.1,)), FiniteHorizon(1.0, 15), VariancePenalty(0.6, 0.03), quotes="size",
)  # fmt: skip
PAIR = Desk(
    (instrument("A", (Logistic(0.3, 0.2),)), instrument("B", (Logistic(0.2, 0.3),), max_inventory=3.0)),
    CovariancePrices([[0.6, 0.35], [0.35, 0.4]], (0.1, -0.1)), FiniteHorizon(1.0, 15), VariancePenalty(0.6, 0.03),
    quotes="size",
)  # fmt: skip


def agrees(episodes, exact):
    """Means within four standard errors, and the variance of the profit within four of its own."""
    assert within(episodes.objective, exact.objective)
    assert within(episodes.profit, exact.mean)
    assert within((episodes.profit - exact.mean) ** 2, exact.std**2)


@pytest.mark.parametrize("desk", [TIERED, PAIR], ids=["tiers, sizes, outside", "two, correlated"])
def test_simulated_quotes_of_the_optimum_bring_what_it_is_worth(desk):
    best = optimum(desk)
    episodes, exact = play(desk, best, LANES, SEED), profit_of(desk, best)
    assert exact.objective == pytest.approx(best.worth, rel=1e-9)
    agrees(episodes, exact)
    named = policy_of(best_constant_depths(desk), desk)
    agrees(play(desk, named, LANES, SEED), profit_of(desk, named))
    assert best.worth > worth_of(desk, named)


def test_trades_outside_stay_in_lots_and_cost_what_is_solved():
    full = policy_of(lambda desk: AllOutside.of(desk, QuadraticDesk.of), TIERED)
    episodes = play(TIERED, full, LANES, SEED)
    agrees(episodes, profit_of(TIERED, full))
    units = episodes.instruments.outside_volume
    assert (units == np.rint(units)).all()
    assert units.mean() > 0.0


def test_papers_policies_lie_between_constant_depths_and_the_optimum():
    desk, best = TIERED, desk_optimum(TIERED).worth
    constant = exact_value(desk)(best_constant_depths(desk))
    level = replace(desk, prices=CovariancePrices([[0.5]]))
    assert constant < worth_of(desk, policy_of(QuadraticDesk.of, desk)) < best
    both = [InternaliseExternalise.of, lambda of: NoneOutside.of(of, InternaliseExternalise.of)]
    paper, inside = (worth_of(level, policy_of(make, level)) for make in both)
    assert inside < paper < desk_optimum(level).worth


def test_the_best_constant_depths_are_better_than_those_beside():
    value, best = exact_value(PAIR), best_constant_depths(PAIR)
    for more in ([0.05, 0.0], [0.0, 0.05], [-0.05, 0.0], [0.0, -0.05]):
        assert value(ConstantDepths(best.depths + np.repeat(more, 2)[:, None])) < value(best)
    assert value(best) == pytest.approx(worth_of(PAIR, policy_of(best, PAIR)), rel=1e-5)  # actions of 32 bits


def test_in_the_long_run_the_optimum_brings_its_rate():
    desk = replace(TIERED, clock=Ergodic(1.0, 15), reward=VariancePenalty(0.6), prices=CovariancePrices([[0.5]]))
    best = optimum(desk)
    assert worth_of(desk, best) == pytest.approx(best.worth, rel=1e-9)
    again = average_reward(best.solution.desk.problem, 1.0 / 15.0, best.solution.depths, best.solution.trades)
    assert best.objective == pytest.approx(again.rate, rel=1e-9)


@pytest.mark.parametrize("quotes", ["instrument", "tier", "size"])
def test_actions_say_the_depths_they_are_made_of(quotes):
    desk, random = replace(rich(2), quotes=quotes), np.random.default_rng(0)
    actions = random.uniform(-1.0, 1.0, (7, desk.width))
    depths, trades = decoded(desk, actions)
    assert encoded(desk, depths, trades, np.zeros((7, 2))) == pytest.approx(actions)


def test_coarser_quotes_are_means_by_the_share_of_requests():
    desk = replace(TIERED, quotes="instrument")
    depths = np.arange(8.0).reshape(1, 2, 4) / 10.0
    asked = decoded(desk, encoded(desk, depths, np.zeros((1, 1)), np.zeros((1, 1))))[0]
    assert asked[0, :, 0] == pytest.approx(depths[0] @ [0.35, 0.15, 0.35, 0.15])


def test_what_is_seen_of_a_state_is_what_the_simulation_shows():
    seen = []
    keep = policy_of(lambda desk: Watching(QuadraticDesk.of(desk), seen), PAIR)
    play(PAIR, keep, 8, SEED)
    for step, observations in enumerate(seen):
        positions = np.rint(observations[:, :2] * [4.0, 3.0])
        assert shown_at(PAIR, positions, 15 - step) == pytest.approx(observations, abs=1e-6)


class Watching:
    """A strategy whose policy keeps what it was shown."""

    def __new__(cls, strategy, seen):
        class Kept(DeskStrategyPolicy):
            def act(self, observations):
                seen.append(observations.copy())
                return super().act(observations)

        return Kept(PAIR, strategy)


def test_a_problem_has_the_numbers_of_the_desk():
    problem = problem_of(rich(3))
    assert [len(leg) for leg in problem.legs] == [6] * 6
    assert problem.terminal == pytest.approx(0.01 * np.diag([1.0, 2.0, 3.0]))
    assert sum(stream.rate for stream in problem.legs[2]) == pytest.approx(11.0 * 1.5)
    assert [one.limit for one in problem.instruments] == [5.0, 6.0, 7.0]
    assert lot_of(instrument("A", (Logistic(0.3, 0.2),), sizes=(0.3, 0.45))) == pytest.approx(0.15)
    own = replace(plain(1), reward=InventoryPenalty(0.1))
    assert problem_of(own).gamma == pytest.approx(0.2 / own.prices.covariance_matrix[0, 0])


@pytest.mark.parametrize(("desk", "why"), [
    (replace(PAIR, reward=InventoryPenalty(0.1)), "InventoryPenalty must charge what the variance does, or phi = 0"),
    (replace(plain(1), instruments=(replace(plain(1).instruments[0], tiers=(Tier(Poisson(1.0), Exponential(1.0)),)),)),
     "must come with probability rate dt (Bernoulli), got Poisson"),
    (replace(TIERED, instruments=(replace(TIERED.instruments[0], outside=OutsideTarget()),)),
     "at a rate (OutsideRate), got OutsideTarget"),
    (replace(rich(2), prices=CrossImpact(CovariancePrices([[1.0, 0.0], [0.0, 1.0]]), ((0.0, 0.1), (0.1, 0.0)))),
     "CrossImpact are moved by trades in other instruments"),
    (MARKETS["amzn"](), "it must be a Desk, got Market"),
])  # fmt: skip
def test_what_has_no_problem_is_refused_by_name(desk, why):
    with pytest.raises(NoProblem, match=re.escape(why)):
        problem_of(desk)


@pytest.mark.parametrize(("desk", "why"), [
    (plain(3), "of one or two instruments, got 3"),
    (replace(TIERED, quotes="tier"), "quotes for each size, got 'tier' where A has 4 kinds of requests"),
    (replace(TIERED, instruments=(replace(TIERED.instruments[0], outside=replace(OUTSIDE, lot=0.0)),)),
     "OutsideRate.lot of A must be 1, the largest that all sizes are whole multiples of, got 0"),
    (replace(plain(1), instruments=(replace(plain(1).instruments[0], min_depth=-1.0),)), "as many: raise min_depth"),
    (replace(PAIR, instruments=(replace(PAIR.instruments[0], max_depth=3.0), PAIR.instruments[1])),
     "the same min_depth and max_depth"),
    (replace(TIERED, instruments=(replace(TIERED.instruments[0], initial_inventory=0.5),)), "must be whole lots"),
    (replace(PAIR, reward=InventoryPenalty(0.1)), "InventoryPenalty must charge"),
])  # fmt: skip
def test_what_has_no_optimum_is_refused_by_name(desk, why):
    with pytest.raises(Unsolvable, match=re.escape(why)):
        optimum(desk)


def test_strategies_of_desks_and_of_markets_are_not_taken_for_each_other():
    with pytest.raises(ValueError, match="QuadraticDesk quotes a desk, which Market is not"):
        policy_of(QuadraticDesk.of(PAIR), MARKETS["amzn"]())
    with pytest.raises(ValueError, match="GLFT quotes one quoted instrument, which Desk is not"):
        policy_of(GLFT(0.1, 1.0, 1.0, 1.0, 1.0, 3), PAIR)
    with pytest.raises(ValueError, match="AllOutside needs a desk whose instruments are traded outside"):
        AllOutside.of(PAIR, QuadraticDesk.of)


def test_an_optimum_that_is_kept_is_read_to_the_bit(tmp_path, monkeypatch):
    monkeypatch.setattr("agents.exact.optimum_cache.folder", lambda: tmp_path)
    best, read = (optimum(PAIR, kept_from=0.0) for _ in range(2))
    assert len(list(tmp_path.iterdir())) == 1
    assert (read.solution.value == best.solution.value).all()
    assert all((mine == yours).all() for mine, yours in zip(read.at_step(0.2), best.at_step(0.2), strict=True))
    other = replace(PAIR, reward=VariancePenalty(0.7, 0.03))
    assert optimum(other, kept_from=0.0).worth < best.worth
    assert len(list(tmp_path.iterdir())) == 2
