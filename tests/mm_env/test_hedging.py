"""A correlated asset and a perpetual: their moves, marks, costs and risk, at a dealer, in an order book, on a replayed day."""

import math
from dataclasses import replace

import numpy as np
import pytest

from mm_env import (
    ArrivalImpact,
    Bates,
    Brownian,
    CorrelatedAsset,
    Dealer,
    Depths,
    Exponential,
    FiniteHorizon,
    FromBook,
    Heston,
    InTurn,
    InventoryPenalty,
    Now,
    Perpetual,
    Poisson,
    Real,
    Replay,
    ScheduledGap,
    VariancePenalty,
)
from mm_env.core.component import record
from mm_env.metrics import figures
from mm_env.rollout import run_actions, run_policy
from mm_env.simulation import Simulation
from tests.mm_env.recorded_days import random_day
from tests.mm_env.test_hedges_and_margin import bits, played
from tests.worlds import BOOKS, same_bits, world

ASSET = CorrelatedAsset(
    correlation=0.8,
    relative_volatility=1.5,
    half_spread=0.02,
    fee=0.01,
    quadratic=0.004,
    impact=0.003,
    max_position=4.0,
    lot=0.5,
)
PERPETUAL = Perpetual(
    kappa=3.0, relative_volatility=0.2, mean=0.1, initial_basis=0.5, funding_period=0.25, interest=0.01, half_spread=0.02,
    max_position=4.0, mid_volatility=0.5,
)  # fmt: skip
TOLD = replace(ASSET, mid_volatility=0.7)
BOX = {"quote": Depths(2.0), "clock": FiniteHorizon(1.0, 8)}
BOOK = replace(BOOKS["queue_reactive"], reward=InventoryPenalty(phi=0.5, alpha=0.1), **BOX)


def idle(price, hedges, lanes, steps=1, **parts):
    """States before and after some steps in which nothing is traded."""
    market = world(price=price, hedges=hedges, quote=Depths(2.0), clock=FiniteHorizon(0.1 * steps, steps), **parts)
    simulation = Simulation(market, lanes, interpreted=True)
    simulation.start(7)
    for _ in range(steps):
        before = simulation.state
        simulation.step(np.zeros(3 * lanes))
        yield before, simulation.state


@pytest.mark.parametrize(
    "price",
    [Brownian(2.0), Bates(kappa=4.0, theta=1.0, vol=1.0, rho=-0.5, v0=1.0, rate=0.5, jump_mean=-0.2, jump_std=0.5)],
    ids=["brownian", "bates"],
)
def test_the_assets_moves_have_the_correlation_and_the_volatility_that_are_asked_for(price):
    n = 4_000
    ((before, after),) = idle(price, ASSET, n)
    mid, mark = after.mid - before.mid, after.world.hedges.mark - before.world.hedges.mark
    mine, error = mark - 1.2 * mid, 4.0 * math.sqrt(kurtosis(mid) / n)
    assert mine.std() / mid.std() == pytest.approx(0.6 * 1.5, rel=error)
    assert abs(np.corrcoef(mid, mine)[0, 1]) < error
    assert np.corrcoef(mid, mark)[0, 1] == pytest.approx(0.8, abs=0.36 * error)


def kurtosis(x):
    return float(np.mean((x - x.mean()) ** 4) / x.var() ** 2)


def test_the_assets_own_noise_follows_the_variance_of_each_state():
    ((before, after),) = (pair for pair in list(idle(Heston(4.0, 1.0, 2.0, -0.5, 1.0), ASSET, 4_000, 4))[-1:])
    residual = (after.world.hedges.mark - before.world.hedges.mark) - 1.2 * (after.mid - before.mid)
    scaled = residual / np.sqrt(0.36 * 2.25 * np.maximum(before.world.price.v, 1e-12) * 0.1)
    for calm in (before.world.price.v < 0.5, before.world.price.v > 1.5):
        assert scaled[calm].var() == pytest.approx(1.0, abs=4 * math.sqrt(2 / calm.sum()))


def test_a_gap_of_the_mid_is_a_gap_of_the_asset_in_the_same_step():
    price = ScheduledGap(Brownian(0.01), at=(0.25,), std=(5.0,))
    spread = [float(np.std(a.world.hedges.mark - b.world.hedges.mark)) for b, a in idle(price, ASSET, 500, 4)]
    assert spread[2] == pytest.approx(7.5, rel=4 * math.sqrt(0.5 / 500))
    assert max(spread[0], spread[1], spread[3]) < 0.1


@pytest.mark.parametrize("rho", [-1.0, 1.0])
def test_a_perfectly_correlated_asset_moves_as_the_mid(rho):
    asset = CorrelatedAsset(correlation=rho, relative_volatility=0.5)
    for before, after in idle(Brownian(2.0), asset, 50, 3):
        moved = after.world.hedges.mark - before.world.hedges.mark
        assert moved == pytest.approx(0.5 * rho * (after.mid - before.mid), abs=1e-12)


def test_the_basis_of_a_perpetual_reverts_and_its_mark_follows_the_mid():
    means = [float(np.mean(after.world.hedges.basis)) for _, after in idle(Brownian(2.0), PERPETUAL, 1_000, 5)]
    wanted = [0.1 + 0.4 * math.exp(-3.0 * 0.1 * (step + 1)) for step in range(5)]
    assert means == pytest.approx(wanted, abs=4 * 0.2 * 0.5 * math.sqrt(0.5 / 1_000))
    still = replace(PERPETUAL, relative_volatility=0.0, mean=0.0, initial_basis=0.0)
    for before, after in idle(Brownian(2.0), still, 9, 3):
        assert (after.world.hedges.basis == 0.0).all()
        assert same_bits(before.mid, before.mid + before.world.hedges.basis)


def test_targets_are_whole_lots_within_the_limits():
    targets = record(ASSET).targets
    found = [targets((action,), 0.0, (0.0,))[0] for action in (-2.0, -1.0, -0.3, 0.0, 0.12, 0.13, 1.0, math.inf)]
    assert found == [-4.0, -4.0, -1.0, 0.0, 0.0, 0.5, 4.0, 4.0]
    kept = [targets((action,), 0.0, (1.0,))[0] for action in (0.01, 0.13, 0.25, 0.37, 0.38)]
    assert kept == [0.5, 1.0, 1.0, 1.0, 1.5]  # less than a lot away is let alone
    exact = [targets((float(np.float32(share / 4.0)),), 0.0, (-3.5,))[0] for share in (-4.0, -1.5, 0.5, 3.5)]
    assert exact == [-4.0, -1.5, 0.5, 3.5]
    assert record(PERPETUAL).targets((0.07,), 0.0, (0.0,)) == pytest.approx((0.28,))
    positions = ASSET.levels()[0]
    asked = ASSET.encode(positions[:, None])
    assert [targets(tuple(row), 0.0, (0.0,))[0] for row in asked.tolist()] == positions.tolist()
    shown = np.array([record(ASSET).observe((p,), None) for p in positions.tolist()], np.float32)
    assert ASSET.positions_shown(shown)[:, 0].tolist() == positions.tolist()
    with pytest.raises(ValueError, match=r"CorrelatedAsset.max_position must be whole lots of 0.3, got 1"):
        CorrelatedAsset(correlation=0.5, lot=0.3, max_position=1.0)


@pytest.mark.parametrize("hedges", [ASSET, PERPETUAL], ids=["asset", "perpetual"])
def test_the_square_is_the_variance_of_the_whole_position_by_that_of_the_mid(hedges):
    q, h, n = 2.0, -1.5, 4_000
    hedges = replace(hedges, mid_volatility=0.0)
    ((before, after),) = idle(Brownian(2.0), hedges, n)
    marks = [record(hedges).marks(state)[0] for state in (present(before), present(after))]
    moved = q * (after.mid - before.mid) + h * (marks[1] - marks[0])
    square = record(hedges).square(q, (h,), 0.4, None)
    assert moved.var() / 0.4 == pytest.approx(square, rel=4 * math.sqrt(2 / n))


def present(state):
    return Now(0.0, 0.0, state.mid, state.world, ())


# accounts: what is earned is what positions gained and cost, wherever it is traded

VENUES = {
    "dealer": world(price=Brownian(2.0), reward=VariancePenalty(gamma=0.5, alpha=0.1), **BOX),
    "book": BOOK,
}  # fmt: skip


@pytest.mark.parametrize("hedges", [TOLD, PERPETUAL], ids=["asset", "perpetual"])
@pytest.mark.parametrize("name", VENUES)
def test_profit_is_what_all_positions_gained_less_what_they_cost(name, hedges):
    market = replace(VENUES[name], hedges=hedges)
    paid = 0.0
    for before, after, actions, rewards, ended in played(market, 9, interpreted=True):
        check_accounts(market, before, after, rewards, ended)
        size = np.abs(after.account.hedges[0] - before.account.hedges[0])
        paid = paid + (hedges.half_spread + hedges.fee) * size + hedges.quadratic * size**2 / market.clock.step_length
        assert after.world.hedges.paid == pytest.approx(paid, abs=1e-9)
        assert np.abs(after.account.hedges[0]).max() <= 4.0
        assert (np.abs(after.account.hedges[0] - 4.0 * actions[:, -1]) <= (0.5 if hedges.lot else 0.0) + 1e-4).all()


def check_accounts(market, before, after, rewards, ended):
    """Wealth is cash and all positions at their marks, and the reward its change less the penalty of the whole position."""
    rules, dt = record(market), market.clock.step_length
    marks = [rules.hedges.marks(present(state))[0] for state in (before, after)]
    wealth = [
        s.account.cash + s.account.inventory * s.mid + s.account.hedges[0] * m for s, m in zip((before, after), marks)
    ]
    earned = after.tally.profit - before.tally.profit
    assert earned == pytest.approx(wealth[1] - wealth[0], abs=1e-8)
    for lane in range(len(earned)):
        q, h = float(after.account.inventory[lane]), float(after.account.hedges[0][lane])
        variance = rules.price.variance((), dt, None) if "Brownian" in type(market.price).__name__ else 0.0
        square = rules.hedges.square(q, (h,), variance, None)
        penalty = rules.reward.penalty(q, dt, float(ended[lane]), None, variance, square)
        assert earned[lane] - rewards[lane] == pytest.approx(penalty, abs=1e-8)


def test_the_carry_of_a_perpetual_is_its_funding():
    market = world(price=Brownian(0.0), hedges=replace(PERPETUAL, relative_volatility=0.0, kappa=0.0, mean=0.5), **BOX)
    simulation = Simulation(market, 1, interpreted=True)
    simulation.start(0)
    for _ in range(8):  # never filled: two units are bought at the first decision and kept
        simulation.step(np.array([1.0, 1.0, 0.5]))
    bought, funding = 0.02 * 2.0, 2.0 * (0.5 + 0.01) / 0.25
    traded = simulation.state.tally.spread_captured
    assert simulation.state.tally.profit - traded == pytest.approx(-bought - funding, abs=1e-9)


@pytest.mark.parametrize(
    ("name", "hedges"), [("dealer", ASSET), ("dealer", PERPETUAL), ("book", TOLD)], ids=["asset", "perpetual", "book"]
)
def test_compiled_hedges_are_plain_python_to_the_bit(name, hedges):
    market = replace(VENUES[name], hedges=hedges)
    for fast, slow in zip(played(market, 5), played(market, 5, interpreted=True), strict=True):
        assert same_bits(bits(fast[1]), bits(slow[1]))
        assert fast[3].tolist() == slow[3].tolist()


def test_figures_of_hedges_are_told_where_there_are_any():
    market = replace(VENUES["dealer"], hedges=ASSET)
    table = np.zeros((8, 7, 3))
    table[3:, :, 2] = 0.5
    episodes = run_actions(market, table, 20, 1)
    assert episodes.hedge_turnover is not None
    assert episodes.hedging_cost is not None
    assert (episodes.hedge_turnover == 2.0).all()
    assert episodes.hedging_cost == pytest.approx(0.03 * 2.0 + 0.004 * 4.0 / 0.125)
    told, plain = figures(episodes), figures(run_actions(VENUES["dealer"], table[..., :2], 20, 1))
    assert told["hedge_turnover"].value == 2.0
    assert {"hedging_cost", "hedge_turnover"} == set(told) - set(plain)


def test_a_hedge_is_traded_on_a_replayed_day(tmp_path):
    day = random_day(tmp_path / "day.zip", seed=1, levels=25, events=1000)
    venue = Replay(path=str(day), window=InTurn(0.0, 1.0), span=0.05, mean_size=3.0, lot=0.5)
    reward, clock = InventoryPenalty(phi=0.5, alpha=0.1), FiniteHorizon(0.05, 5)
    hedged = world(price=FromBook(), venue=venue, reward=reward, quote=Depths(0.05), hedges=TOLD, clock=clock)
    for before, after, _, rewards, ended in played(hedged, 3, interpreted=True):
        check_accounts(hedged, before, after, rewards, ended)


class Unsaid(Brownian):
    """A price that does not say its variance."""

    extra: Real = 0.0

    def move(self, mid, latent, noise, dt):
        return mid + self.extra


def test_an_asset_needs_a_variance_or_is_told_the_volatility():
    with pytest.raises(
        ValueError, match=r"Market.price must give a rule `variance` of its moves, which CorrelatedAsset"
    ):
        replace(BOOK, hedges=ASSET)
    with pytest.raises(ValueError, match="which CorrelatedAsset"):
        world(price=Unsaid(1.0), hedges=ASSET, **BOX)
    world(price=Unsaid(1.0), hedges=replace(ASSET, mid_volatility=1.0), **BOX)


def test_a_policy_that_hedges_is_played_step_by_step():
    market = replace(VENUES["dealer"], hedges=ASSET)

    def act(observations):
        return np.concatenate([np.zeros((len(observations), 2)), -0.25 * 2.0 * 0.5 * observations[:, :1]], axis=1)

    episodes = run_policy(market, act, 30, 1)
    assert episodes.hedge_turnover is not None
    assert (episodes.hedge_turnover > 0.0).any()


@pytest.mark.parametrize("hedges", [ASSET, PERPETUAL], ids=["asset", "perpetual"])
def test_what_the_noise_takes_away_has_mean_zero_and_most_of_the_variance(hedges):
    """Given what is held of the hedge; the mid drifts, and orders move it."""
    market = world(price=Brownian(2.0, 1.5), venue=Dealer(Poisson(10.0), Exponential(1.0), ArrivalImpact(0.5)), hedges=hedges,
                   quote=Depths(2.0), clock=FiniteHorizon(1.0, 8))  # fmt: skip
    bare, lanes = replace(market, reward=replace(market.reward, noise=0.0)), 8192
    one, other, random = Simulation(market, lanes), Simulation(bare, lanes), np.random.default_rng(0)
    one.start(5), other.start(5)
    full_variance = bare_variance = 0.0
    for _ in range(6):
        actions = random.uniform(-1.0, 1.0, 3 * lanes)
        full, quiet = one.step(actions)[1], other.step(actions)[1]
        held = one.state.account.hedges[0]
        for known in (held > 0.0, held < 0.0):
            taken = (full - quiet)[known]
            assert abs(taken.mean()) < 4.0 * taken.std() / math.sqrt(known.sum())
        full_variance, bare_variance = full_variance + full.var(), bare_variance + quiet.var()
    assert bare_variance < 0.5 * full_variance  # the moves by orders are left
    assert same_bits(one.state.tally.profit, other.state.tally.profit)


def test_hedges_whose_moves_are_others_than_those_they_say_the_noise_of_are_refused():
    class Restless(CorrelatedAsset):
        def evolve(self, state, before, mid, noise, dt, variance, trades):
            return super().evolve(state, before, mid + 1.0, noise, dt, variance, trades)

    with pytest.raises(ValueError, match=r"reward.noise must be 1 where hedges are held .* beside Restless"):
        world(price=Brownian(2.0), hedges=Restless(0.5), quote=Depths(2.0), reward=InventoryPenalty(noise=0.0))
