"""One hedge in lots: the optimum and the worth of tables by hand, as they are played, and rules that hedge."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from agents.exact.evaluation import best_fixed, evaluate, worth_fixed
from agents.exact.hedged_optimum import HedgedOptimum, best_quotes
from agents.exact.hedged_worth import hedged_table
from agents.exact.nodes import Unsolvable
from agents.exact.optimum import optimum
from agents.policy import CustomPolicy, StrategyPolicy, play
from agents.strategies.fixed import LinearSkew
from agents.strategies.hedging import FixedBand, FullHedge, Hedging, NoHedge, left_over
from mm_env import (
    CARA,
    ArrivalImpact,
    Brownian,
    CorrelatedAsset,
    Dealer,
    Depths,
    Ergodic,
    Exponential,
    FillImpact,
    LossLimit,
    NoHedges,
    Perpetual,
    Poisson,
    RegimeSwitching,
    Sides,
    VariancePenalty,
)
from mm_env.core.component import record
from mm_env.rollout import inventory_levels, run_policy
from mm_env.state import held_at
from tests.mm_env.test_hedges_and_margin import Correlated
from tests.worlds import same_bits, within, world

ASSET = CorrelatedAsset(
    correlation=0.9, relative_volatility=0.8, half_spread=0.03, quadratic=0.001, impact=0.01, max_position=2.0, lot=1.0
)
MARKET = world(
    price=Brownian(1.0, drift=0.4), quote=Depths(1.0, -0.1), hedges=ASSET, max_inventory=2.0,
    venue=Dealer(Poisson(9.0), Exponential(1.0), Sides(ArrivalImpact(0.1), FillImpact(0.2))),
)  # fmt: skip
STEPS, LEVELS, POSITIONS = 5, 5, 5


@cache
def best():
    return optimum(MARKET, kept_from=1e9)


def table(seed=0):
    """Random actions by time, inventory and position."""
    return np.random.default_rng(seed).uniform(-1.0, 1.0, (STEPS, 1, LEVELS, POSITIONS, 3))


def plainly(market, actions):
    """V_0 (levels, positions) by the rules of the market and its parts as plain Python."""
    rules, dt, q = record(market), market.clock.step_length, inventory_levels(market)
    hedges, now, positions = rules.hedges, rules.opening(), market.hedges.levels()[0]
    value, drift = np.zeros((LEVELS, POSITIONS)), market.price.drift * dt
    for step in reversed(range(STEPS)):
        following, value = value, np.zeros((LEVELS, POSITIONS))
        for (i, held), (j, hedge) in ((a, b) for a in enumerate(q) for b in enumerate(positions)):
            action = tuple(actions[step, 0, i, j].tolist())
            (wanted,) = hedges.targets(action[2:], held, (hedge,), now)
            k, trade = int(np.argmin(np.abs(positions - wanted))), wanted - hedge
            total = -hedges.cost((trade,), now, dt) + wanted * 0.01 * trade
            here = held_at(rules.begin(0.0, rules.initial_mid), float(step), held)
            for t in rules.venue.transitions(rules, here, rules.quote.decode(action[:2], now)):
                if t.probability == 0.0:
                    continue
                exposed, after = t.inventory + 0.9 * 0.8 * wanted, round(t.inventory + 2.0)
                square = t.inventory**2 + 2 * 0.72 * t.inventory * wanted + 0.64 * wanted**2
                penalty = (market.reward.phi * dt + market.reward.alpha * (step == STEPS - 1)) * square
                total += t.probability * (t.gain + exposed * (t.jump + drift) - penalty + following[after, k])
            value[i, j] = total
    return value


def test_a_table_by_the_position_in_the_hedge_is_worth_what_it_is_by_hand():
    found = evaluate(MARKET, table())
    np.testing.assert_allclose(found.value[0, 0], plainly(MARKET, table()), atol=1e-12)
    assert found.worth == pytest.approx(float(found.value[0, 0, 2, 2]), rel=1e-15)


def test_targets_that_are_in_lots_lead_to_the_same_position_from_everywhere():
    blind = np.zeros((1, LEVELS, 3))
    blind[..., 2] = [1.0, 0.5, 0.0, -0.5, -1.0]
    found = evaluate(MARKET, blind)
    told = np.repeat(blind[:, None, :, None], POSITIONS, axis=3)
    assert found.worth == pytest.approx(evaluate(MARKET, told).worth, abs=1e-13)
    blind[..., 2] = [1.0, 0.5, 0.0, 0.0, 0.0]
    assert evaluate(MARKET, blind).lots.positions.tolist() == [[0.0], [1.0], [2.0]]


def test_a_table_that_does_not_look_at_the_hedge_is_worth_the_same_as_one_that_says_it_for_each_position():
    blind = table()[:, 0, :, 0]
    told = np.repeat(blind[:, None, :, None], POSITIONS, axis=3)
    assert evaluate(MARKET, blind).worth == pytest.approx(evaluate(MARKET, told).worth, abs=1e-13)


@pytest.mark.parametrize(("shape", "said"), [
    ((5, 3), r"must have shape \(5 or 1, 5, 3\), got \(5, 3\)"), ((5, 2, 5, 3), "must have 1 nodes, got 2"),
    ((5, 1, 5, 4, 3), "must have 5 positions, got 4"), ((5, 1, 4, 5, 3), r"must have shape \(5 or 1, 5, 3\)"),
])  # fmt: skip
def test_what_is_no_table_is_refused(shape, said):
    with pytest.raises(ValueError, match=said):
        evaluate(MARKET, np.zeros(shape))


def test_the_optimum_is_worth_what_its_actions_are_and_no_table_more():
    found = best()
    assert evaluate(MARKET, found.actions).worth == pytest.approx(found.worth, abs=1e-12)
    assert np.abs(evaluate(MARKET, found.actions).value - found.value).max() < 1e-12
    assert all((plainly(MARKET, table(seed)) <= found.value[0, 0] + 1e-12).all() for seed in range(3))
    moved = found.actions + np.random.default_rng(0).normal(size=found.actions.shape) * [0.1, 0.1, 0.0]
    assert evaluate(MARKET, np.clip(moved, -1.0, 1.0)).worth < found.worth


def test_the_optimum_brings_what_it_is_worth():
    assert within(play(MARKET, best(), 20_000, 3).objective, best().worth)


def test_a_hedge_that_costs_too_much_or_is_of_no_use_is_not_traded():
    alone = optimum(replace(MARKET, hedges=NoHedges()))
    for hedges in (replace(ASSET, half_spread=3.0), replace(ASSET, correlation=0.0, impact=0.0)):
        found = optimum(replace(MARKET, hedges=hedges), kept_from=1e9)
        assert found.worth == pytest.approx(alone.worth, abs=1e-9)
        assert (found.actions[0, 0, :, 2, 2] == 0.0).all()
    assert best().worth > alone.worth + 1e-3


def test_the_best_quotes_of_who_hedges_by_a_rule_are_below_the_optimum_and_those_of_who_does_not_are_of_the_market_alone():
    market = replace(MARKET, hedges=replace(ASSET, impact=0.0, quadratic=0.0))
    whole = optimum(market, kept_from=1e9)
    full, band = best_quotes(market, FullHedge()), best_quotes(market, FixedBand(1.0))
    assert max(full.worth, band.worth) <= whole.worth + 1e-12
    none, alone = best_quotes(market, NoHedge()), optimum(replace(market, hedges=NoHedges()))
    assert none.worth == pytest.approx(alone.worth, abs=1e-9)
    free = replace(market, hedges=replace(ASSET, half_spread=0.0, impact=0.0, quadratic=0.0))
    assert best_quotes(free, FullHedge()).worth <= optimum(free, kept_from=1e9).worth + 1e-12


def test_constant_quotes_are_those_of_the_market_without_the_hedge():
    alone = replace(MARKET, hedges=NoHedges())
    constant = best_fixed(MARKET)
    assert constant.half_spread == pytest.approx(best_fixed(alone).half_spread, abs=1e-6)
    assert worth_fixed(MARKET, constant.half_spread) == pytest.approx(
        worth_fixed(alone, constant.half_spread), abs=1e-12
    )


def test_an_optimum_with_a_hedge_is_kept_whole(tmp_path):
    assert best().save(tmp_path / "one.npz")
    found = HedgedOptimum.load(tmp_path / "one.npz", MARKET)
    assert same_bits(found.actions, best().actions)
    assert (found.worth, found.error) == (best().worth, 0.0)
    with pytest.raises(ValueError, match="must hold the optimum of this market"):
        HedgedOptimum.load(tmp_path / "one.npz", replace(MARKET, hedges=replace(ASSET, fee=0.01)))


@pytest.mark.slow
def test_where_the_volatility_moves_the_optimum_brings_what_it_is_worth_too():
    price = RegimeSwitching(Brownian(1.0), rates=((0.0, 3.0), (3.0, 0.0)), volatility=(0.5, 2.0))
    market = replace(MARKET, price=price, reward=VariancePenalty(gamma=1.0, alpha=0.1))
    found = optimum(market, kept_from=1e9)
    assert evaluate(market, found.actions, 41).worth == pytest.approx(found.worth, abs=1e-12)
    assert within(play(market, found, 20_000, 3).objective, found.worth)


class Drifting(CorrelatedAsset):
    """It falls by itself, and does not say so."""

    def evolve(self, state, before, mid, noise, dt, variance, trades):
        return state._replace(mark=state.mark - 0.5 * dt)


class Dear(CorrelatedAsset):
    """It costs a share of the mid."""

    def cost(self, trades, now, dt):
        return 0.001 * now.mid * abs(trades[0])


@pytest.mark.parametrize(("parts", "said"), [
    ({"hedges": replace(ASSET, lot=0.0)}, "any size"),
    ({"hedges": Correlated(0.5, 1.0, 0.0)}, "any size"),
    ({"hedges": Perpetual(1.0, lot=1.0, max_position=2.0)}, r"Perpetual.carry reads now.world"),
    ({"hedges": Dear(correlation=0.5, lot=1.0, max_position=2.0)}, r"Dear.cost reads now.mid"),
    ({"hedges": Drifting(correlation=0.0, lot=1.0, max_position=2.0)}, "Drifting.deltas and impacts"),
    ({"reward": CARA(0.1)}, "not of a utility"),
    ({"clock": Ergodic(0.5, 5)}, "ergodic"),
    ({"margin": LossLimit(3.0)}, "wealth decides"),
])  # fmt: skip
def test_what_has_no_recursion_is_refused_by_name(parts, said):
    with pytest.raises(Unsolvable, match=said):
        optimum(replace(MARKET, **parts))


# rules

RULED = replace(
    MARKET, hedges=replace(ASSET, correlation=0.9, relative_volatility=1.0, max_position=4.0), max_inventory=4.0
)


def test_the_least_risky_position_to_the_nearest_lot_and_of_two_the_nearer_to_what_is_held():
    q = np.array([-4.0, -1.0, 0.0, 1.0, 2.0, 3.0])
    assert FullHedge().wanted(RULED, q, np.zeros((6, 1)))[:, 0].tolist() == [4.0, 1.0, 0.0, -1.0, -2.0, -3.0]
    half = replace(RULED, hedges=replace(RULED.hedges, correlation=0.5))
    assert FullHedge().wanted(half, np.ones(2), np.array([[-3.0], [3.0]]))[:, 0].tolist() == [-1.0, 0.0]
    steep = replace(RULED, hedges=replace(RULED.hedges, correlation=-0.9, relative_volatility=2.0, lot=0.0))
    assert FullHedge().wanted(steep, np.ones(1), np.zeros((1, 1)))[0, 0] == pytest.approx(0.45)


def test_a_band_keeps_what_is_inside_and_goes_no_further_than_its_end():
    band, held = FixedBand(1.0), np.array([-4.0, -3.0, -2.0, -1.0, 0.0, 4.0])[:, None]
    assert band.wanted(RULED, np.full(6, 2.0), held)[:, 0].tolist() == [-2.0, -2.0, -2.0, -1.0, -1.0, -1.0]
    free = replace(RULED, hedges=replace(RULED.hedges, lot=0.0))
    assert band.wanted(free, np.full(6, 2.0), held)[:, 0] == pytest.approx([-2.8, -2.8, -2.0, -1.0, -0.8, -0.8])
    with pytest.raises(ValueError, match=r"FixedBand.width must be >= 0, got -1"):
        FixedBand(-1.0)


def test_a_policy_that_hedges_quotes_as_its_strategy_and_brings_what_its_table_is_worth():
    skew = LinearSkew(0.5, 0.1)
    policy = Hedging.of(MARKET, skew, FixedBand(1.0))
    quotes = StrategyPolicy(skew, MARKET)
    seen = np.array([[0.5, 0.6, -0.5], [-1.0, 0.2, 1.0]], np.float32)
    np.testing.assert_array_equal(policy.act(seen)[:, :2], quotes.act(seen)[:, :2])
    q, h = inventory_levels(MARKET), ASSET.levels()[0]
    wanted = FixedBand(1.0).wanted(MARKET, q[:, None], h[:, None])[..., 0]
    depths = np.clip(MARKET.quote.encode(skew.depths(q, 0.0)), -1.0, 1.0)
    actions = np.concatenate([np.repeat(depths[:, None], POSITIONS, axis=1), (wanted / 2.0)[..., None]], axis=-1)
    exact = evaluate(MARKET, actions[None, None]).worth
    assert within(run_policy(MARKET, policy.act, 20_000, 5).objective, exact)
    assert policy.tabulated(MARKET) is None


def test_who_looks_at_the_hedge_has_an_exact_worth_too():
    best = optimum(MARKET)
    seeing, blind = CustomPolicy(best), CustomPolicy(best)
    object.__setattr__(seeing, "tabulable", True)
    table = hedged_table(MARKET, seeing)
    assert table is not None
    assert evaluate(MARKET, table).worth == pytest.approx(best.worth, rel=1e-12)
    assert hedged_table(MARKET, blind) is None


def test_a_strategy_is_made_for_the_variance_that_is_left():
    left = left_over(RULED)
    assert left.hedges == NoHedges()
    assert left.reward.phi == pytest.approx(0.19 * 0.5, rel=1e-12)
    assert left.reward.alpha == pytest.approx(0.19 * 0.1, rel=1e-12)
    seen = {}

    def made(market):
        seen["phi"] = market.reward.phi
        return LinearSkew(0.5, 0.0)

    Hedging.of(RULED, made, FullHedge())
    assert seen["phi"] == left.reward.phi
    Hedging.of(RULED, made, NoHedge(), residual=False)
    assert seen["phi"] == 0.5


def test_who_does_not_look_at_the_hedge_is_a_table():
    table = Hedging.of(MARKET, LinearSkew(0.5, 0.1), NoHedge()).tabulated(MARKET)
    assert table is not None
    assert (table.actions[..., 2] == 0.0).all()


def test_a_rule_that_hedges_is_refused_where_there_is_no_hedge():
    with pytest.raises(ValueError, match="needs a market with a hedge"):
        Hedging.of(world(), LinearSkew(0.5, 0.1), FullHedge())
