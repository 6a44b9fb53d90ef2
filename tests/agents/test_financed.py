"""A loan beside quoting: the two separate, their exact worth is what is played, and the optimum is the best of both."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from agents.exact import financed_optimum
from agents.exact.evaluation import best_fixed, evaluate, worth, worth_fixed
from agents.exact.financed_optimum import SavedMoves, best_static, best_threshold, rule_worth, static_gain
from agents.exact.loan_grid import LoanGrid, move_law
from agents.exact.loan_recursion import best_moves, follow
from agents.exact.nodes import Unsolvable
from agents.exact.optimum import optimum
from agents.policy import StrategyPolicy, play
from agents.strategies.financing import Financed, LetAlone, StaticCollateral, ThresholdTopUp, without_financing
from agents.strategies.fixed import FixedSymmetric
from agents.strategies.hedging import FullHedge, Hedging
from experiments.evaluation.skill_references import SkillReferences
from mm_env import (
    CARA,
    BlockOracle,
    Collateral,
    CorrelatedAsset,
    FiniteHorizon,
    InventoryPenalty,
    LiquidationStop,
    Merton,
    Simulation,
    Token,
    Uniform,
)
from mm_env.first_passage import watched_liquidation_probability
from mm_env.rollout import run_actions, with_hedges
from tests.worlds import within, world

LOAN = Collateral(
    token=Token(sigma=0.4, correlation=0.5, jump_rate=0.4, jump_mean=-0.15, jump_std=0.1),
    collateral=0.32, debt=20.0, bonus=0.1, haircut=0.02, interest=0.2, earning=0.4, opportunity=0.1, gas=0.03, cost=0.002,
    inclusion=0.6, least_debt=6.0,
    least_health=1.05, most_health=2.5,
)  # fmt: skip
MARKET = world(clock=FiniteHorizon(1.0, 10), financing=LOAN, reward=InventoryPenalty(0.5, 0.1, noise=0.0))
RULES = (LetAlone(), StaticCollateral(1.6), ThresholdTopUp(1.15, 1.4))


@cache
def best():
    return optimum(MARKET, kept_from=1e9)


def profits(market, actions):
    simulation = Simulation(market, 500)
    simulation.start(3)
    for step in range(10):
        simulation.step(np.ascontiguousarray(actions[step]).reshape(-1))
    return simulation


# the two separate


def test_profits_of_quoting_and_of_the_loan_add_up_on_every_path_whatever_is_done_in_either():
    """Fills and the token's moves do not know of each other, and wealth does not bind: the best of both is the best of each."""
    random = np.random.default_rng(0)
    actions = random.uniform(-1.0, 1.0, (10, 500, 3))
    both, quoting = profits(MARKET, actions), profits(without_financing(MARKET), actions[..., :2])
    other = actions.copy()
    other[..., :2] = random.uniform(-1.0, 1.0, (10, 500, 2))  # the same moves of the loan beside other quotes
    beside, alone = profits(MARKET, other), profits(without_financing(MARKET), other[..., :2])
    assert (both.inventory == quoting.inventory).all()
    np.testing.assert_allclose(both.profits - quoting.profits, beside.profits - alone.profits, atol=1e-9)
    one, two = both.state.world.financing, beside.state.world.financing
    assert (one.debt == two.debt).all() and (one.price == two.price).all()  # noqa: PT018
    np.testing.assert_allclose(
        both.state.tally.objective - quoting.state.tally.objective,
        beside.state.tally.objective - alone.state.tally.objective, atol=1e-9,
    )  # fmt: skip


def test_the_optimum_is_that_of_the_market_without_the_loan_and_that_of_the_loan():
    found = best()
    assert found.worth == optimum(without_financing(MARKET), kept_from=1e9).worth + found.loan
    assert 0.0 < found.error < 1e-2


# exact and simulated


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: type(rule).__name__)
def test_a_rule_is_worth_what_it_brings(rule):
    quotes = FixedSymmetric(0.9)
    policy = Financed.of(MARKET, StrategyPolicy(quotes, without_financing(MARKET)), rule)
    expected = worth_fixed(without_financing(MARKET), 0.9) + rule_worth(MARKET, rule)
    assert within(play(MARKET, policy, 60_000, 5).objective, expected)


def test_the_optimum_brings_what_it_is_worth_and_no_rule_is_worth_more():
    assert within(play(MARKET, best(), 60_000, 5).objective, best().worth)
    assert best().loan > max(rule_worth(MARKET, rule) for rule in (*RULES, best_static(MARKET), best_threshold(MARKET)))


@pytest.mark.slow
def test_the_named_market_brings_what_its_optimum_is_worth():
    from mm_env.markets import collateral

    market = replace(collateral(), reward=InventoryPenalty(0.5, 0.001, noise=0.0))
    assert within(play(market, optimum(market), 200_000, 5).objective, optimum(market).worth)


def test_a_level_found_is_better_than_its_neighbours():
    level, pair = best_static(MARKET), best_threshold(MARKET)
    near = [StaticCollateral(level.target * x) for x in (0.96, 1.04)]
    assert all(rule_worth(MARKET, rule) < rule_worth(MARKET, level) for rule in near)
    assert rule_worth(MARKET, pair) > rule_worth(MARKET, level) > rule_worth(MARKET, LetAlone())


def test_the_loss_of_an_untended_loan_is_the_bonus_times_the_probability_of_first_passage():
    """By the recursion over the health factor, extrapolated, and by quadrature from date to date."""
    loan = Collateral(token=Token(sigma=0.8), collateral=0.3125, debt=20.0, close_factor=1.0)
    market = replace(MARKET, financing=loan, clock=FiniteHorizon(30.0 / 365.0, 30))
    expected = watched_liquidation_probability(1.25, 0.8, 30.0 / 365.0, 30)
    assert -rule_worth(market, LetAlone(), 8) / (0.05 * 20.0) == pytest.approx(expected, abs=2e-5)


def test_the_worth_converges_with_the_square_of_the_spacing():
    grids = [LoanGrid.of(LOAN, 0.1, 10, points) for points in (2, 4, 8)]
    coarse, middle, fine = (best_moves(grid).worth for grid in grids)
    assert (coarse - middle) / (middle - fine) == pytest.approx(4.0, abs=1.5)
    assert best().loan == pytest.approx(fine + (fine - middle) / 3.0, abs=best().error)


def test_who_pays_nothing_for_moves_that_are_sure_is_hardly_ever_liquidated():
    """The trap: a continuous price, an action at each step, and no lag. What is left is that a step is not an instant."""
    safe = replace(LOAN, token=Token(sigma=0.4), inclusion=1.0, gas=0.0, cost=0.0, opportunity=0.0)
    found = play(market := replace(MARKET, financing=safe), optimum(market, kept_from=1e9), 4_000, 1)
    tended = play(MARKET, best(), 4_000, 1)
    assert found.loan is not None and tended.loan is not None  # noqa: PT018
    assert found.loan.liquidations.mean() < 0.002 < 0.02 < tended.loan.liquidations.mean()


def test_moves_of_health_have_the_mean_and_variance_of_the_token():
    chance, mean, spread = move_law(LoanGrid.of(LOAN, 0.1, 10).loan, 0.1)
    assert chance.sum() == pytest.approx(1.0, abs=1e-15)
    assert chance @ np.exp(mean + 0.5 * spread**2) == pytest.approx(math.exp(-0.02), rel=1e-9)  # interest alone


def test_a_mixed_grid_goes_where_its_rows_say():
    grid = LoanGrid.of(LOAN, 0.1, 10)
    safe, called = grid.ahead
    np.testing.assert_allclose(safe.sum(axis=1) + called.sum(axis=1), 1.0, atol=1e-12)
    assert grid.health[grid.zero] == pytest.approx(0.0, abs=1e-12)
    assert -math.log(grid.shares[1]) / (grid.health[1] - grid.health[0]) == pytest.approx(grid.by_row)


def test_rules_that_repay_are_not_evaluated():
    with pytest.raises(ValueError, match="rules that repay debt are not evaluated"):
        follow(LoanGrid.of(LOAN, 0.1, 10, 2), lambda health, debt, left: np.full(np.shape(health), 1.0))


# tables, references, kept optima


def test_a_table_that_moves_the_loan_by_time_is_worth_what_it_brings_and_one_by_inventory_is_refused():
    random = np.random.default_rng(1)
    table = random.uniform(-0.5, 0.5, (10, 7, 3))
    table[..., 2] = random.uniform(-0.9, 0.66, (10, 1))
    assert within(run_actions(MARKET, table, 60_000, 2).objective, worth(MARKET, table))
    table[3, 2, 2] = 0.6
    with pytest.raises(Unsolvable, match="moves the loan by the inventory"):
        worth(MARKET, table)


def test_skill_0_is_the_best_constant_quotes_with_the_best_static_collateral():
    references = SkillReferences.of(MARKET)
    fixed = best_fixed(MARKET)
    assert references.fixed == pytest.approx(worth_fixed(without_financing(MARKET), fixed.half_spread)
                                             + rule_worth(MARKET, best_static(MARKET)), rel=1e-12)  # fmt: skip
    assert references.optimal == best().worth
    policy = Financed.of(MARKET, best_fixed, best_static)
    table = policy.tabulated(MARKET)
    assert table is not None
    assert references.exact_skill(table) == pytest.approx(0.0, abs=1e-9)
    assert static_gain(without_financing(MARKET)) == 0.0


def test_best_moves_are_kept_to_the_bit(tmp_path):
    found = financed_optimum._moves(MARKET, "name")
    path = tmp_path / "moves.npz"
    assert found.save(path)
    back = SavedMoves.load(path, found.moves.grid, "name")
    assert (back.loan, back.error) == (found.loan, found.error)
    assert (back.moves.numbers == found.moves.numbers).all()
    with pytest.raises(ValueError, match="must hold the best moves of this loan"):
        SavedMoves.load(path, found.moves.grid, "other")


# rules


def test_rules_ask_for_what_they_say():
    health, debt = np.log([0.9, 1.1, 1.3]), np.array(1.0)
    start, later = np.array(1.0), np.array(0.4)
    static, threshold = StaticCollateral(1.5), ThresholdTopUp(1.2, 1.5)
    asked = LOAN.encode(1.5)
    np.testing.assert_array_equal(static.numbers(MARKET, health, debt, start), asked)
    withdrawn = StaticCollateral(1.2).numbers(MARKET, health, debt, start)
    np.testing.assert_array_equal(withdrawn, [LOAN.encode(1.2), LOAN.encode(1.2), LOAN.encode_withdrawal(1.2)])
    np.testing.assert_array_equal(static.numbers(MARKET, health, debt, later), 0.0)
    np.testing.assert_array_equal(threshold.numbers(MARKET, health, debt, later), [asked, asked, 0.0])
    with pytest.raises(ValueError, match=r"ThresholdTopUp\.target must be > below = 1\.5, got 1\.2"):
        ThresholdTopUp(1.5, 1.2)
    with pytest.raises(ValueError, match=r"StaticCollateral\.target must be >= 1, got 0\.5"):
        StaticCollateral(0.5)


def test_a_strategy_that_knows_of_no_loan_lets_it_alone():
    acted = StrategyPolicy(FixedSymmetric(0.9), MARKET).table()
    assert (acted.actions[..., 2] == 0.0).all()
    found = play(MARKET, acted, 2_000, 0).loan
    assert found is not None
    assert not found.managed.any()


@pytest.mark.parametrize(("parts", "said"), [
    ({"financing": replace(LOAN, reserve=5.0)}, "the reserve may run out"),
    ({"financing": replace(LOAN, oracle=BlockOracle(3.0))}, "the oracle's price is a state"),
    ({"financing": replace(LOAN, gas=Uniform(0.0, 0.1))}, "financing.gas differs by lane"),
    ({"financing": replace(LOAN, token=Token(sigma=0.0))}, "sigma must be > 0"),
    ({"margin": LiquidationStop()}, "loses its quoting with its loan"),
    ({"reward": CARA(0.1)}, "it minds quoting and loan together"),
    ({"price": Merton(1.0, 0.3, -0.5, 0.5), "reward": InventoryPenalty(0.5)}, "whose moves are not normal"),
])  # fmt: skip
def test_a_market_without_such_an_optimum_is_refused_with_the_part_that_stands_in_the_way(parts, said):
    market = replace(MARKET, **parts)
    with pytest.raises(Unsolvable, match=said):
        optimum(market)
    assert said in SkillReferences.of(market).missing


def test_others_say_that_a_loan_is_not_theirs():
    with pytest.raises(ValueError, match="needs a market with one against collateral"):
        Financed.of(without_financing(MARKET), best_fixed, LetAlone())
    hedged = replace(MARKET, hedges=CorrelatedAsset(0.5), reward=InventoryPenalty(0.5))
    with pytest.raises(ValueError, match="a rule that hedges needs a market without a loan"):
        Hedging.of(hedged, best_fixed, FullHedge())
    with pytest.raises(Unsolvable, match="no recursion over a loan"):
        evaluate(MARKET, with_hedges(MARKET, np.zeros((1, 7, 2))))
