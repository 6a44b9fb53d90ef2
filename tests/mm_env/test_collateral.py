"""A loan against collateral: wealth, liquidations, interest and moves by hand, and machine code against plain Python."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mm_env import (
    BlockOracle,
    Collateral,
    CorrelatedAsset,
    Ergodic,
    FiniteHorizon,
    Grid,
    InstantOracle,
    InventoryPenalty,
    LiquidationStop,
    Loan,
    LoanTally,
    LossLimit,
    Merton,
    NoFinancing,
    Token,
    Uniform,
)
from mm_env.core.component import record
from mm_env.core.noise import draw
from mm_env.first_passage import liquidation_probability, watched_liquidation_probability
from mm_env.lending.collateral import IDLE, REPAID
from mm_env.metrics import figures
from mm_env.portfolio import Portfolio
from mm_env.rollout import episodes_of, run_depths
from mm_env.simulation import Simulation
from tests.worlds import same_bits, story, within, world

TOKEN = Token(sigma=0.6, correlation=0.5, jump_rate=0.4, jump_mean=-0.2, jump_std=0.1)
LOAN = Collateral(
    token=TOKEN, collateral=0.3, debt=20.0, bonus=0.1, haircut=0.05, interest=0.3, earning=0.2, opportunity=0.1, gas=0.03,
    cost=0.002, inclusion=0.6, reserve=8.0, least_debt=4.0,
)  # fmt: skip
CLOCK = FiniteHorizon(1.0, 10)
MARKET = world(clock=CLOCK, financing=LOAN)
NOTHING = LoanTally(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
FAR = np.full((1, 7, 2), 1e6)


def rules(**terms):
    return record(replace(LOAN, **terms))


def actions(market, lanes, seed=0):
    return np.random.default_rng(seed).uniform(-1.2, 1.2, (lanes, market.width))


def wealth(state):
    loan = state.world.financing
    hedged = sum(h * 0.0 for h in state.account.hedges)
    return state.account.cash + state.account.inventory * state.mid + loan.collateral * loan.price - loan.debt + hedged


# machine code


@pytest.mark.parametrize("market", [
    MARKET,
    replace(MARKET, financing=replace(LOAN, oracle=BlockOracle(5.0)), price=Merton(1.0, 0.3, -0.5, 0.5),
            margin=LossLimit(loss=3.0)),
    replace(MARKET, margin=LiquidationStop(liquidation_cost=0.1, franchise_loss=2.0), reward=InventoryPenalty(0.5, 0.1, 0.3)),
    replace(MARKET, financing=replace(LOAN, token=replace(TOKEN, sigma=Uniform(0.3, 0.9)), inclusion=1.0),
            hedges=CorrelatedAsset(0.5, half_spread=0.05)),
], ids=["loan", "lag, jumps and loss limit", "ends with a liquidation", "by lane, with a hedge"])  # fmt: skip
def test_machine_code_gives_the_bits_of_plain_python(market):
    lanes, acted = 66, actions(market, 66)
    plain, made = (Simulation(market, lanes, interpreted=interpreted) for interpreted in (True, False))
    for one, other in zip(story(plain, 3, acted, 11), story(made, 3, acted, 11), strict=True):
        assert same_bits(one, other)


def test_without_a_loan_the_market_is_the_same_to_the_bit():
    """A loan that is let alone changes neither quotes nor fills nor the mid; and none at all is the default."""
    plain = replace(MARKET, financing=NoFinancing())
    assert plain == world(clock=CLOCK)
    one, other = Simulation(plain, 64), Simulation(MARKET, 64)
    one.start(1)
    other.start(1)
    for _ in range(10):
        acted = actions(plain, 64)
        seen, rewards, _, _ = one.step(acted.reshape(-1))
        beside, _, _, _ = other.step(np.column_stack([acted, np.zeros(64)]).reshape(-1))
        assert same_bits(seen, np.ascontiguousarray(beside[:, : seen.shape[1]]))
        assert same_bits(one.inventory, other.inventory)
        assert np.isfinite(rewards).all()


# wealth


@given(
    st.integers(0, 2**31),
    st.sampled_from([InstantOracle(), BlockOracle(4.0)]),
    st.floats(0.05, 1.0),
    st.floats(5.0, 1e9),
)
@settings(max_examples=60, deadline=None)
def test_wealth_is_cash_and_inventory_and_collateral_less_debt(seed, oracle, close_factor, reserve):
    """And changes by fills, the moves of the two prices, and what the tally says; nothing else comes or goes."""
    market = replace(MARKET, financing=replace(LOAN, oracle=oracle, close_factor=close_factor, reserve=reserve))
    model, random = record(market), np.random.default_rng(seed)
    state = model.begin(0.0, 100.0)
    started, captured, moved = wealth(state), 0.0, 0.0
    for step in range(10):
        before, number = state, tuple(random.uniform(-1.2, 1.2, 3).tolist())
        noise = draw(seed, 0, 0, step)
        managed, posted = model.financing.manage(before.account, number[2:], noise, 0.1, model.now(before, ()))
        state, _ = model.step(before, number, noise)
        loan, after = before.world.financing, state.world.financing
        moved += state.account.inventory * (state.mid - before.mid) + posted.collateral * (after.price - loan.price)
        moved += LOAN.earning * 0.1 * posted.debt
        captured = state.tally.spread_captured
        assert after.reserve == pytest.approx(
            loan.reserve - (posted.collateral - loan.collateral) * loan.price - (loan.debt - posted.debt), abs=1e-6
        )
        assert managed.inventory == before.account.inventory
    tally = state.world.financing.tally
    paid = tally.interest + tally.managed + tally.forgone + tally.lost
    assert wealth(state) - started == pytest.approx(state.tally.profit, abs=1e-8)
    assert state.tally.profit == pytest.approx(captured + moved - paid, abs=1e-8)


# liquidations

HEALTHS, SHARES = st.floats(0.05, 0.999), st.floats(0.02, 1.0)


@given(HEALTHS, SHARES, st.floats(0.0, 0.3), st.floats(0.5, 1.5))
@settings(max_examples=300, deadline=None)
def test_nothing_is_created_in_a_liquidation(health, close_factor, bonus, lag):
    """What leaves the collateral is what the liquidator has paid for, and its bonus; the maker's wealth falls by no more."""
    model = rules(close_factor=close_factor, bonus=min(bonus, 0.24), least_debt=0.0)
    price, debt = 100.0, 20.0
    tokens = health * debt / (model.counted() * price * lag)
    loan = Loan(price, price * lag, tokens, debt, 0.0, NOTHING)
    account, after = model.liquidate(Portfolio(5.0, 0.0, ()), loan, 0.3)
    seized, cash = tokens - after.collateral, 5.0 - account.cash
    repaid = debt - after.debt - cash
    assert 0.0 <= seized <= tokens
    assert repaid == pytest.approx(seized * loan.oracle / (1.0 + model.bonus), rel=1e-9)
    assert after.tally.lost == pytest.approx(seized * price - repaid, abs=1e-9)
    assert repaid <= close_factor * debt + 1e-9
    assert cash == pytest.approx(0.0, abs=1e-9) or after.collateral == 0.0
    assert (after.tally.liquidations, after.tally.first) == (1.0, 0.3)


@given(HEALTHS, st.floats(0.05, 0.9))
@settings(max_examples=300, deadline=None)
def test_a_liquidation_raises_the_health_factor_above_threshold_times_one_and_bonus_and_lowers_it_below(health, factor):
    """H' = (H - threshold c (1 + bonus)) / (1 - c): the toxic spiral below (Warmuz, Chaudhary & Pinna 2022)."""
    model = rules(close_factor=factor, least_debt=0.0)
    turn = model.counted() * (1.0 + model.bonus)
    loan = Loan(100.0, 100.0, health * 20.0 / (model.counted() * 100.0), 20.0, 0.0, NOTHING)
    _, after = model.liquidate(Portfolio(0.0, 0.0, ()), loan, 0.0)
    if health <= factor * turn:  # all collateral is gone
        assert after.collateral == pytest.approx(0.0, abs=1e-12)
        return
    found = model.health_of(after)
    assert found == pytest.approx((health - factor * turn) / (1.0 - factor), rel=1e-9)
    assert (found > health) == (health > turn) or abs(health - turn) < 1e-9


def test_a_health_factor_of_one_is_not_liquidated():
    model = rules(haircut=0.0, threshold=0.8)
    for tokens, called in ((0.25, 0.0), (0.2499, 1.0)):
        _, after = model.liquidate(Portfolio(0.0, 0.0, ()), Loan(100.0, 100.0, tokens, 20.0, 0.0, NOTHING), 0.0)
        assert after.tally.liquidations == called


def test_all_is_repaid_where_less_than_the_least_debt_would_be_left():
    model = rules(least_debt=10.5, haircut=0.0)
    _, after = model.liquidate(Portfolio(0.0, 0.0, ()), Loan(100.0, 100.0, 0.24, 20.0, 0.0, NOTHING), 0.0)
    assert (after.debt, after.collateral) == (0.0, pytest.approx(0.24 - 0.2 * 1.1))


# interest, moves, oracle


def test_debt_grows_by_compound_interest():
    still = replace(LOAN, token=replace(TOKEN, sigma=0.0, jump_rate=0.0), interest=0.4, threshold=0.79, bonus=0.01)
    simulation = Simulation(replace(MARKET, financing=replace(still, collateral=0.9)), 3)
    simulation.start(0)
    for step in range(1, 11):
        simulation.step(np.zeros(9))
        loan = simulation.state.world.financing
        np.testing.assert_allclose(loan.debt, 20.0 * math.exp(0.04 * step), rtol=1e-14)
        np.testing.assert_allclose(loan.tally.interest, loan.debt - 20.0, rtol=1e-12)


@pytest.mark.parametrize(("number", "collateral", "debt", "paid"), [
    (0.0, 0.4, 20.0, 0.0),
    (IDLE, 0.4, 20.0, 0.0),
    (2.0 / 3.0, 3.0 * 20.0 / 80.0, 20.0, 0.05 + 0.01 * 35.0),  # topped up, to health 3
    (IDLE + IDLE * math.log(1.4) / math.log(3.0), 0.4, 20.0, 0.0),  # health 1.6 needs no top-up to 1.4
    (-IDLE - 2.0 * IDLE * math.log(1.4) / math.log(3.0), 0.35, 20.0, 0.05 + 0.01 * 5.0),  # withdrawn, to health 1.4
    (-IDLE - 1e-9, 20.0 / 75.0, 20.0, 0.05 + 0.01 * (40.0 - 2000.0 / 75.0)),  # as far as the loan-to-value allows
    (-1.0, 0.4, 20.0, 0.0),  # health 1.6 is below 3
    (2.0 * IDLE + IDLE * math.log(2.0) / math.log(3.0), 0.4, 16.0, 0.05),  # repaid, to health 2
    (1.0, 0.4, 12.0, 0.05),  # no further than to the least debt
])  # fmt: skip
def test_a_move_leads_to_its_target_and_costs_gas_and_a_share(number, collateral, debt, paid):
    model = record(replace(MARKET, financing=replace(
        LOAN, haircut=0.0, gas=0.05, cost=0.01, collateral=0.4, reserve=1e9, least_debt=12.0, opportunity=0.0, earning=0.0,
    )))  # fmt: skip
    account, after = model.financing.manage(Portfolio(50.0, 1.0, ()), (number,), draw(0, 0, 0, 0), 0.1, model.opening())
    assert (after.collateral, after.debt, after.tally.managed) == pytest.approx((collateral, debt, paid))
    assert account.cash == pytest.approx(50.0 - paid - (collateral - 0.4) * 100.0 - (20.0 - debt))


def test_no_more_is_moved_than_the_reserve_holds():
    model = record(replace(MARKET, financing=replace(LOAN, gas=0.0, cost=0.0, reserve=2.5)))
    for number, tokens, debt in ((0.66, 0.325, 20.0), (1.0, 0.3, 17.5)):
        _, after = model.financing.manage(Portfolio(0.0, 0.0, ()), (number,), draw(0, 0, 0, 0), 0.1, model.opening())
        assert (after.collateral, after.debt, after.reserve) == pytest.approx((tokens, debt, 0.0))


def test_moves_take_effect_with_their_probability_and_in_the_first_step_for_sure():
    market = replace(MARKET, financing=replace(LOAN, reserve=1e9, inclusion=0.3))
    simulation = Simulation(market, 20_000)
    simulation.start(0)
    asked = np.tile([0.0, 0.0, LOAN.encode(1.6)], (20_000, 1))
    for chance in (1.0, 0.3):
        before = simulation.state.world.financing
        simulation.step(asked.reshape(-1))
        moved = (simulation.state.world.financing.tally.managed > before.tally.managed).astype(float)
        assert within(moved[before.debt > 0.0], chance) or moved.mean() == chance
        asked[:, 2] = LOAN.encode(2.5)


def test_an_oracle_shows_the_price_of_the_latest_block():
    market = replace(MARKET, financing=replace(LOAN, oracle=BlockOracle(3.0)))
    simulation = Simulation(market, 20_000)
    simulation.start(0)
    assert market.observation_names[-3:] == ("health", "debt", "oracle_lag")
    simulation.step(np.zeros(60_000))
    loan = simulation.state.world.financing
    assert within((loan.oracle == loan.price).astype(float), 1.0 - math.exp(-0.3))
    assert set(np.unique(loan.oracle[loan.oracle != loan.price])) == {100.0}
    np.testing.assert_allclose(simulation.observations[:, -1], np.log(loan.price / loan.oracle), rtol=1e-5, atol=1e-7)


def test_the_token_is_a_martingale_that_moves_with_the_mid():
    loan = replace(LOAN, token=replace(TOKEN, jump_rate=0.4, correlation=0.7), interest=0.0)
    market = replace(MARKET, financing=loan, clock=FiniteHorizon(0.1, 1))
    simulation = Simulation(market, 200_000)
    simulation.start(4)
    simulation.step(np.zeros(600_000))
    state = simulation.state
    price, shock = state.world.financing.price, (state.mid - 100.0) / math.sqrt(0.1)
    assert within(price, 100.0)
    diffused = 0.6 * math.sqrt(0.1)
    assert within(np.log(price / 100.0) * shock, 0.7 * diffused)
    jumps = 0.04 * (0.2**2 + 0.1**2)
    assert np.var(np.log(price)) == pytest.approx(diffused**2 + jumps, rel=0.02)


# liquidation by first passage


@pytest.mark.parametrize(("steps", "published"), [(30, 0.31850), (1200, None)])
def test_an_untended_loan_is_liquidated_as_often_as_the_first_passage_says(steps, published):
    year = 30.0 / 365.0
    token, posted = Token(sigma=0.8), 1.25 * 20.0 / (0.8 * 100.0)
    loan = Collateral(token=token, collateral=posted, debt=20.0, close_factor=1.0)
    found = run_depths(replace(MARKET, financing=loan, clock=FiniteHorizon(year, steps)), FAR, 20_000, 7)
    expected = watched_liquidation_probability(1.25, 0.8, year, min(steps, 60)) if steps <= 60 else None
    assert found.loan is not None
    hit = (found.loan.liquidations > 0.0).astype(float)
    if published is not None:
        assert published == pytest.approx(expected, abs=5e-6)
        assert within(hit, published)
    else:  # a barrier that is watched at dates is one that is watched always, 0.5826 sd farther (Broadie & al. 1997)
        farther = math.exp(0.5826 * 0.8 * math.sqrt(year / steps))
        assert within(hit, liquidation_probability(1.25 * farther, 0.8, year))


def test_figures_of_a_loan_are_those_of_its_tally():
    simulation = Simulation(MARKET, 3_000)
    simulation.start(0)
    for _ in range(10):
        simulation.step(np.zeros(9_000))
    tally = simulation.state.world.financing.tally
    found, hit = figures(episodes_of(simulation)), tally.liquidations > 0
    assert 0.1 < found["liquidated"].value < 0.9
    assert found["liquidated"].value == hit.mean()
    assert found["time_to_liquidation"].value == pytest.approx(tally.first[hit].mean())
    assert found["liquidation_loss"].value == tally.lost.mean()
    assert found["loan_interest"].value == tally.interest.mean()
    assert found["mean_health"].value == pytest.approx(tally.health.sum() / tally.steps.sum())


# accounts that are closed


def test_a_liquidation_may_end_the_episode():
    market = replace(MARKET, margin=LiquidationStop(liquidation_cost=0.5, franchise_loss=3.0))
    simulation = Simulation(market, 2_000)
    simulation.start(2)
    for _ in range(10):
        before, profits = simulation.state, simulation.profits
        _, _, ended, _ = simulation.step(np.zeros(6_000))
        state = simulation.state
        fresh = simulation.closed & (before.alive > 0.0)
        assert (fresh == (state.world.financing.tally.liquidations > 0) & (before.alive > 0.0)).all()
        assert ended[fresh].all()
        closed = simulation.closed
        assert not state.world.financing.debt[closed].any()
        assert not state.world.financing.collateral[closed].any()
        np.testing.assert_allclose(wealth(state) - (30.0 - 20.0), simulation.profits, atol=1e-9)
        assert (simulation.profits[closed & ~fresh] == profits[closed & ~fresh]).all()
    assert simulation.closed.any()
    assert not simulation.closed.all()


# bad input


@pytest.mark.parametrize(("terms", "said"), [
    ({"threshold": 1.2}, "Collateral.threshold must be in (0, 1], got 1.2"),
    ({"threshold": 1.0}, "Collateral.threshold must be < 1"),
    ({"loan_to_value": 0.85}, "Collateral.loan_to_value must be <= threshold = 0.8"),
    ({"bonus": 0.4}, "Collateral.bonus must be < 0.3158 = 1 / (threshold (1 - haircut)) - 1"),
    ({"haircut": 1.0}, "Collateral.haircut must be < 1"),
    ({"close_factor": 0.0}, "Collateral.close_factor must be in (0, 1], got 0"),
    ({"inclusion": 0.0}, "Collateral.inclusion must be in (0, 1], got 0"),
    ({"least_debt": 21.0}, "Collateral.least_debt must be <= debt = 20"),
    ({"least_health": 3.0}, "Collateral.least_health must be < most_health = 3"),
    ({"most_health": 1.0}, "Collateral.most_health must be > 1, got 1"),
    ({"debt": -1.0}, "Collateral.debt must be > 0, got -1"),
])  # fmt: skip
def test_terms_that_no_loan_has_are_refused_in_a_line(terms, said):
    with pytest.raises(ValueError, match="Collateral") as error:
        replace(LOAN, **terms)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("parts", "said"), [
    ({"financing": replace(LOAN, collateral=0.28)}, "Collateral.debt must be at most 19.95 = loan_to_value"),
    ({"financing": replace(LOAN, token=replace(TOKEN, initial_price=Uniform(90.0, 110.0)))}, "Collateral.debt must be at most"),
    ({"financing": replace(LOAN, token=replace(TOKEN, jump_rate=1.0))}, "Token.jump_rate must be at most 0.05 jumps a step"),
    ({"clock": Ergodic(1.0, 10)}, "Collateral needs a clock with an end"),
    ({"quote": Grid(1.0, 0.5)}, "Market.financing needs a quoting with a Box of actions"),
    ({"margin": LiquidationStop(), "financing": NoFinancing()}, "LiquidationStop needs a loan against collateral"),
    ({"price": Merton(1.0, 0.3, -0.5, 0.5), "reward": InventoryPenalty(0.5, 0.1, 0.0)}, "reward.noise must be 1 where the"),
])  # fmt: skip
def test_a_market_that_cannot_be_financed_so_is_refused_in_a_line(parts, said):
    with pytest.raises(ValueError, match=r"must|needs") as error:
        replace(MARKET, **parts)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_terms_are_the_same_in_all_lanes():
    with pytest.raises(TypeError, match=r"Collateral\.threshold must be the same in all lanes"):
        replace(LOAN, threshold=np.array([0.8, 0.7]))


def test_a_target_is_the_same_move_in_single_precision():
    for health in (1.0, 1.7, 3.0):
        assert IDLE < np.float32(LOAN.encode(health)) < REPAID
        assert -1.0 <= np.float32(LOAN.encode_withdrawal(health)) < -IDLE
