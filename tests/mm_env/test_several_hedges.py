"""Several hedges at once: each as by itself, exact accounts over all, the risk of the whole position, and what is refused."""

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from mm_env import (
    Bachelier,
    Brownian,
    CorrelatedAsset,
    CorrelatedHedges,
    Depths,
    EuropeanOption,
    FiniteHorizon,
    FloatingLookback,
    FromBook,
    HedgePortfolio,
    InTurn,
    InventoryPenalty,
    LeverageLimit,
    NoHedges,
    Now,
    Perpetual,
    Replay,
    Stress,
)
from mm_env.core.component import record
from mm_env.core.noise import FACTORS, FINANCING, FLOW, HEDGES, VENUE, apart, draw, more, uniforms
from mm_env.core.tuples import upper_root
from mm_env.metrics import figures
from mm_env.rollout import run_actions, run_policy
from mm_env.simulation import Simulation
from tests.agents.test_policy import Future
from tests.mm_env.recorded_days import random_day
from tests.mm_env.test_hedges_and_margin import Correlated, bits, played
from tests.mm_env.test_hedging import ASSET, PERPETUAL, TOLD, VENUES
from tests.mm_env.test_pool import busy
from tests.worlds import same_bits, within, world

CALL = EuropeanOption(Bachelier(2.0), strike=101.0, expiry=1.5, half_spread=0.02, max_position=4.0)
LOOKBACK = FloatingLookback(0.02, expiry=1.0, half_spread=0.02, max_position=4.0)
OTHER = CorrelatedAsset(correlation=-0.3, relative_volatility=0.7, half_spread=0.01, max_position=2.0)
DEALER = VENUES["dealer"]
MATRIX = ((1.0, 0.5, 0.2), (0.5, 1.0, -0.3), (0.2, -0.3, 1.0))


class Still(Future):
    """A contract that stands still, and has no state."""

    def deltas(self, now):
        return (0.0,)


MIXED = HedgePortfolio((ASSET, PERPETUAL, CALL, Still()))
TOGETHER = CorrelatedHedges((ASSET, replace(PERPETUAL, mid_volatility=0.0), OTHER), MATRIX)


# machine code and noise


@pytest.mark.parametrize("hedges", [MIXED, TOGETHER], ids=["independent", "correlated"])
def test_compiled_hedges_are_plain_python_to_the_bit(hedges):
    market = replace(DEALER, hedges=hedges)
    for fast, slow in zip(played(market, 5), played(market, 5, interpreted=True), strict=True):
        assert same_bits(bits(fast[1]), bits(slow[1]))
        assert fast[3].tolist() == slow[3].tolist()


@pytest.mark.slow
def test_compiled_hedges_in_a_book_are_plain_python_to_the_bit():
    market = replace(VENUES["book"], hedges=HedgePortfolio((TOLD, PERPETUAL)))
    for fast, slow in zip(played(market, 5), played(market, 5, interpreted=True), strict=True):
        assert same_bits(bits(fast[1]), bits(slow[1]))
        assert fast[3].tolist() == slow[3].tolist()


def alike(one, other, **options):
    """Whether two markets' accounts, figures of hedges and rewards are the same bits."""
    for a, b in zip(played(one, 5, **options), played(other, 5, **options), strict=True):
        assert a[3].tolist() == b[3].tolist()
        assert same_bits(bits((a[1].account, a[1].mid, a[1].tally)), bits((b[1].account, b[1].mid, b[1].tally)))
        if hasattr(a[1].world.hedges, "paid"):
            told = [(s.world.hedges.paid, s.world.hedges.turnover) for s in (a[1], b[1])]
            assert same_bits(bits(told[0]), bits(told[1]))
            (state,) = b[1].world.hedges.states
            assert same_bits(bits(a[1].world.hedges), bits(state))


@pytest.mark.parametrize("hedge", [ASSET, PERPETUAL, CALL, LOOKBACK, Still()], ids=lambda hedge: type(hedge).__name__)
def test_one_in_a_portfolio_is_that_hedge_by_itself_to_the_bit(hedge):
    alone = replace(DEALER, hedges=hedge)
    market = replace(DEALER, hedges=HedgePortfolio((hedge,)))
    alike(alone, market, interpreted=True)
    assert market.observation_names == alone.observation_names
    assert (market.hedges.names, market.action_space) == (hedge.names, alone.action_space)


def test_one_in_a_portfolio_is_that_hedge_by_itself_as_machine_code_and_with_a_correlation_too():
    alone = replace(DEALER, hedges=ASSET)
    alike(alone, replace(DEALER, hedges=HedgePortfolio((ASSET,))))
    alike(alone, replace(DEALER, hedges=CorrelatedHedges((ASSET,), ((1.0,),))), interpreted=True)


def test_what_is_held_beside_a_hedge_does_not_change_its_moves():
    first = replace(ASSET, impact=0.0)  # what is traded, drawn at random for each, does not move it
    markets = [replace(DEALER, hedges=hedges) for hedges in (HedgePortfolio((first, OTHER)), first)]
    both = [played(market, 5, interpreted=True) for market in markets]
    for (_, one, *_), (_, two, *_) in zip(*both, strict=True):
        assert same_bits(one.world.hedges.states[0].mark, two.world.hedges.mark)


def test_each_of_several_draws_blocks_of_its_own():
    noise = draw(5, 6, 7, 8)
    assert apart(noise, 0) == noise
    assert more(apart(noise, 3), HEDGES) == uniforms(5, 6, 7, 8, HEDGES + 3 * 2**20)
    blocks = {apart(noise, n).shift + role + i for n in range(1000) for role in (VENUE, FACTORS, HEDGES, FLOW, FINANCING)
              for i in range(16)}  # fmt: skip
    assert len(blocks) == 1000 * 5 * 16
    assert max(blocks) < 2**31


# laws of the moves


def moves(hedges, lanes, price=None):
    """What the mid and each mark moved in a first step without trades, (1 + hedges, lanes)."""
    market = world(price=price or Brownian(2.0), hedges=hedges, quote=Depths(2.0), clock=FiniteHorizon(0.1, 1))
    simulation = Simulation(market, lanes, interpreted=True)
    simulation.start(7)
    before = present(simulation.state)
    simulation.step(np.zeros(market.width * lanes))
    after, rules = present(simulation.state), record(market)
    marks = [
        np.broadcast_to(rules.hedges.marks(now)[i], lanes) for i in range(len(hedges.names)) for now in (before, after)
    ]
    return np.stack([after.mid - before.mid, *(b - a for a, b in zip(marks[::2], marks[1::2], strict=True))])


def present(state):
    return Now(0.0, 0.0, state.mid, state.world, ())


PLAIN = (replace(ASSET, impact=0.0), replace(PERPETUAL, mid_volatility=0.0, kappa=0.0), OTHER)


@pytest.mark.parametrize(
    "hedges", [HedgePortfolio(PLAIN), CorrelatedHedges(PLAIN, MATRIX)], ids=["independent", "correlated"]
)
def test_the_square_is_the_variance_of_the_whole_position_by_that_of_the_mid(hedges):
    n = 4_000
    moved = moves(hedges, n)
    rules = record(world(hedges=hedges, quote=Depths(2.0)))
    for positions in np.random.default_rng(0).uniform(-2.0, 2.0, (6, 4)):
        square = rules.hedges.square(positions[0], tuple(positions[1:].tolist()), 0.4, rules.opening())
        assert (positions @ moved).var() / 0.4 == pytest.approx(square, rel=4 * math.sqrt(2 / n))


def test_own_parts_have_the_correlation_that_is_asked_for():
    n = 6_000
    moved = moves(CorrelatedHedges(PLAIN, MATRIX), n)
    own = moved[1:] - np.array([0.8 * 1.5, 1.0, -0.3 * 0.7])[:, None] * moved[0]
    assert np.abs(np.corrcoef(own) - MATRIX).max() < 4.0 / math.sqrt(n)
    between = 0.8 * -0.3 + 0.2 * math.sqrt((1.0 - 0.64) * (1.0 - 0.09))
    assert np.corrcoef(moved[1], moved[3])[0, 1] == pytest.approx(between, abs=4.0 / math.sqrt(n))
    alone = moves(HedgePortfolio(PLAIN), n)[1:] - (moved[1:] - own)
    assert np.abs(np.corrcoef(alone) - np.eye(3)).max() < 4.0 / math.sqrt(n)
    assert same_bits(alone[0], own[0])  # the first is driven by its own normal alone


def test_the_root_of_a_matrix_gives_it_back():
    root = np.array(upper_root(MATRIX))
    np.testing.assert_allclose(root.T @ root, MATRIX, atol=1e-15)
    assert (np.tril(root, -1) == 0.0).all()


def test_the_order_of_hedges_does_not_change_what_a_position_is_as_risky_as():
    held = (1.0, -2.0, 0.5)
    order = [2, 0, 1]
    one = record(world(hedges=CorrelatedHedges(PLAIN, MATRIX), quote=Depths(2.0)))
    turned = np.array(MATRIX)[np.ix_(order, order)].tolist()
    other = record(world(hedges=CorrelatedHedges([PLAIN[i] for i in order], turned), quote=Depths(2.0)))
    assert other.hedges.square(1.5, tuple(held[i] for i in order), 0.4, other.opening()) == pytest.approx(
        one.hedges.square(1.5, held, 0.4, one.opening()), rel=1e-13
    )


def test_reordering_hedges_permutes_what_is_paid_and_leaves_results_in_law():
    def act(hedges):
        return lambda seen: np.column_stack(
            [np.zeros((len(seen), 2)), *(-0.2 * seen[:, 0] * (1.0 + ("0.8" in repr(h))) for h in hedges)]
        )

    pair = (replace(ASSET, impact=0.0), OTHER)
    found = [run_policy(replace(DEALER, hedges=HedgePortfolio(own)), act(own), 3_000, 1) for own in (pair, pair[::-1])]
    assert same_bits(found[0].fills, found[1].fills)
    assert same_bits(found[0].hedge_turnover, found[1].hedge_turnover)
    assert found[0].hedging_cost == pytest.approx(found[1].hedging_cost, abs=1e-12)
    assert within(found[0].objective - found[1].objective, 0.0)


# accounts


def wealth_of(market, state):
    marks = record(market).hedges.marks(present(state))
    held = zip(state.account.hedges, marks, strict=True)
    return state.account.cash + state.account.inventory * state.mid + sum(h * mark for h, mark in held)


@pytest.mark.parametrize("hedges", [HedgePortfolio((TOLD, PERPETUAL)), CorrelatedHedges((TOLD, PERPETUAL, OTHER), MATRIX)],
                         ids=["independent", "correlated"])  # fmt: skip
@pytest.mark.parametrize("name", VENUES)
def test_profit_is_what_all_positions_gained_less_what_they_cost(name, hedges):
    if name == "book" and len(hedges.hedges) > 2:
        hedges = replace(hedges, hedges=(TOLD, PERPETUAL, replace(OTHER, mid_volatility=0.4)))
    market = replace(VENUES[name], hedges=hedges)
    check_accounts(market, played(market, 5, interpreted=True))


def check_accounts(market, steps):
    rules, dt, paid, turnover = record(market), market.clock.step_length, 0.0, 0.0
    for before, after, _, rewards, ended in steps:
        earned = after.tally.profit - before.tally.profit
        assert earned == pytest.approx(wealth_of(market, after) - wealth_of(market, before), abs=1e-8)
        trades = np.array(after.account.hedges) - np.array(before.account.hedges)
        for one, trade in zip(market.hedges.hedges, trades, strict=True):
            size = np.abs(trade)
            paid = paid + (one.half_spread + one.fee) * size + one.quadratic * size**2 / dt
            turnover = turnover + size
        assert after.world.hedges.paid == pytest.approx(paid, abs=1e-9)
        assert after.world.hedges.turnover == pytest.approx(turnover, abs=1e-9)
        for lane in range(len(earned)):
            q, held = float(after.account.inventory[lane]), tuple(float(h[lane]) for h in after.account.hedges)
            variance = rules.price.variance((), dt, None) if "Brownian" in type(market.price).__name__ else 0.0
            square = rules.hedges.square(q, held, variance, rules.opening())
            penalty = rules.reward.penalty(q, dt, float(ended[lane]), None, variance, square)
            assert earned[lane] - rewards[lane] == pytest.approx(penalty, abs=1e-8)


def test_hedges_are_traded_on_a_replayed_day(tmp_path):
    day = random_day(tmp_path / "day.zip", seed=1, levels=25, events=1000)
    venue = Replay(path=str(day), window=InTurn(0.0, 1.0), span=0.05, mean_size=3.0, lot=0.5)
    market = world(price=FromBook(), venue=venue, reward=InventoryPenalty(phi=0.5, alpha=0.1), quote=Depths(0.05),
                   hedges=HedgePortfolio((TOLD, PERPETUAL)), clock=FiniteHorizon(0.05, 5))  # fmt: skip
    check_accounts(market, played(market, 3, interpreted=True))


def test_a_pools_provider_may_hold_several():
    pair = HedgePortfolio((Perpetual(kappa=5.0, half_spread=0.01, max_position=5.0), OTHER))
    one, none = busy(hedges=pair), busy()
    for (_, held, *_), (_, plain, *_) in zip(
        with_hedges(one, (0.5, 0.0)),
        with_hedges(none, ()),
        strict=True,
    ):
        gained = held.tally.profit - plain.tally.profit
        mark = held.mid + held.world.hedges.states[0].basis
        cash = held.account.cash - plain.account.cash
        assert gained == pytest.approx(cash + held.account.hedges[0] * mark, abs=1e-8)
        assert (held.account.hedges[0] == 2.5).all()
        assert (held.account.hedges[1] == 0.0).all()


def with_hedges(market, asked):
    simulation = Simulation(market, 3, interpreted=True)
    simulation.start(2)
    for _ in range(6):
        before = simulation.state
        simulation.step(np.tile([0.2] * market.quote.width + list(asked), 3))
        yield before, simulation.state


def test_figures_are_of_all_hedges_together():
    market = replace(DEALER, hedges=HedgePortfolio((ASSET, replace(ASSET, half_spread=0.05, quadratic=0.0))))
    table = np.zeros((8, 7, 4))
    table[3:, :, 2:] = [0.5, -0.25]
    episodes = run_actions(market, table, 20, 1)
    assert (episodes.hedge_turnover == 3.0).all()
    assert episodes.hedging_cost == pytest.approx(0.03 * 2.0 + 0.004 * 4.0 / 0.125 + 0.06)
    assert figures(episodes)["hedge_turnover"].value == 3.0


def test_what_the_noise_takes_away_has_mean_zero_and_the_sum_of_all():
    market = replace(DEALER, hedges=HedgePortfolio((ASSET, PERPETUAL)), reward=InventoryPenalty(noise=1.0))
    bare = replace(market, reward=InventoryPenalty(noise=0.0))
    pairs = zip(played(market, 300, interpreted=True), played(bare, 300, interpreted=True), strict=True)
    for (_, state, _, full, _), (_, _, _, quiet, _) in pairs:
        taken, held = full - quiet, state.account.hedges
        for known in (held[0] > 0.0, held[1] > 0.0):
            assert abs(taken[known].mean()) < 4.5 * taken[known].std() / math.sqrt(known.sum())
        assert quiet.var() < 0.1 * full.var()


def test_exposure_is_gross_over_all_hedges_and_stress_stops_all():
    pair = HedgePortfolio((ASSET, replace(ASSET, initial_mark=50.0)))
    market = replace(DEALER, hedges=pair)
    stressed = Stress(0.3, 0.4, hedging=0.0).applied(market)
    simulation = Simulation(stressed, 2, interpreted=True)
    simulation.start(1)
    held, random = [], np.random.default_rng(0)
    for _ in range(8):
        simulation.step(random.uniform(-1.0, 1.0, 2 * market.width))
        held.append(np.array(simulation.state.account.hedges))
    changed = [bool((b != a).any(axis=1).all()) for a, b in pairwise(held)]
    assert changed == [True, True, False, False, False, True, True]
    assert (held[2] == held[3]).all()
    rules = record(replace(market, margin=LeverageLimit(capital=1000.0, leverage=1.0)))
    begun = rules.begin(0.0, 100.0)
    account = begun.account._replace(inventory=2.0, hedges=(-3.0, 4.0))
    standing = rules.standing(begun.tally, account, 0.0, rules.hedges.marks(rules.opening()), 100.0)
    assert standing.exposure == 2.0 * 100.0 + 3.0 * 100.0 + 4.0 * 50.0


# what is named, shown and asked for


def test_names_and_signals_are_told_apart_and_positions_shown_are_those_held():
    pair = HedgePortfolio((ASSET, PERPETUAL, ASSET))
    assert pair.names == ("correlated asset 1", "perpetual", "correlated asset 2")
    assert pair.signals == ("hedge_1", "hedge_2", "basis", "hedge_3")
    market = replace(DEALER, hedges=pair)
    assert (market.width, len(set(market.observation_names))) == (5, len(market.observation_names))
    positions = np.array([[0.5, -1.25, 4.0], [-2.0, 3.0, 0.0]])
    asked = pair.encode(positions)
    rules = record(market)
    targets = [rules.hedges.targets(tuple(a), 0.0, (0.0,) * 3, rules.opening()) for a in asked.tolist()]
    assert np.array(targets) == pytest.approx(positions)
    seen = np.array([rules.hedges.observe(tuple(p), rules.opening()) for p in positions.tolist()])
    assert pair.positions_shown(seen) == pytest.approx(positions)
    assert [len(levels) for levels in pair.levels()] == [17, 0, 17]


class Restless(CorrelatedAsset):
    """It moves otherwise than its `driven` says."""

    def evolve(self, state, before, mid, noise, dt, variance, trades):
        return state


class Wilder(CorrelatedAsset):
    """It is riskier than its `own_volatility` says."""

    def square(self, inventory, held, variance):
        return inventory * inventory + 9.0 * held[0] * held[0]


@pytest.mark.parametrize(("made", "said"), [
    (lambda: HedgePortfolio(()), "HedgePortfolio.hedges must be a list of Hedges, at least one"),
    (lambda: HedgePortfolio((ASSET, NoHedges())), "must be one instrument each .* got NoHedges"),
    (lambda: HedgePortfolio((ASSET, MIXED)), "must be one instrument each"),
    (lambda: HedgePortfolio((ASSET, Correlated(0.5, 1.0, 0.0))), "must give a rule `deltas`.* got Correlated"),
    (lambda: CorrelatedHedges((ASSET, CALL), ((1.0, 0.0), (0.0, 1.0))), "must move by a rule `driven`.* got EuropeanOption"),
    (lambda: CorrelatedHedges((ASSET, Restless(0.5)), ((1.0, 0.0), (0.0, 1.0))), "a rule `driven`.* got Restless"),
    (lambda: CorrelatedHedges((ASSET, Wilder(0.5)), ((1.0, 0.0), (0.0, 1.0))), r"Wilder.square is not what the inherited"),
    (lambda: CorrelatedHedges((ASSET, OTHER), ((1.0,),)), "own_correlation must be 2 rows of 2 numbers"),
    (lambda: CorrelatedHedges((ASSET, OTHER), ((1.0, 0.2), (0.1, 1.0))), "must be symmetric with ones"),
    (lambda: CorrelatedHedges((ASSET, OTHER), ((2.0, 0.2), (0.2, 1.0))), "must be symmetric with ones"),
    (lambda: CorrelatedHedges((ASSET, OTHER), ((1.0, 1.0), (1.0, 1.0))), "must be positive definite"),
])  # fmt: skip
def test_what_cannot_be_held_together_is_refused(made, said):
    with pytest.raises((TypeError, ValueError), match=said):
        made()


def test_a_market_refuses_what_one_of_them_would_be_refused_for():
    with pytest.raises(ValueError, match=r"which HedgePortfolio.* reads"):
        replace(VENUES["book"], hedges=HedgePortfolio((TOLD, ASSET)))
    with pytest.raises(ValueError, match="expiry must be the clock's horizon"):
        replace(DEALER, hedges=HedgePortfolio((ASSET, replace(CALL, expiry=0.5))))
    with pytest.raises(ValueError, match=r"reward.noise must be 1 where hedges are held .* beside HedgePortfolio"):
        replace(DEALER, hedges=HedgePortfolio((ASSET, CALL)), reward=InventoryPenalty(noise=0.0))
