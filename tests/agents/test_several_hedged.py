"""Several hedges in lots: the optimum and the worth of tables by hand, as they are played, and rules that hedge."""

from dataclasses import replace
from functools import cache
from itertools import product

import numpy as np
import pytest

from agents.exact.evaluation import evaluate
from agents.exact.hedge_lots import lots_of
from agents.exact.hedged_optimum import HedgedOptimum, best_quotes
from agents.exact.hedged_worth import hedged_table
from agents.exact.nodes import Unsolvable
from agents.exact.optimum import optimum
from agents.policy import CustomPolicy, play
from agents.strategies.fixed import LinearSkew
from agents.strategies.hedging import FixedBand, FullHedge, Hedging, NoHedge, least_risky, left_over
from mm_env import CorrelatedAsset, CorrelatedHedges, HedgePortfolio, NoHedges, Perpetual
from mm_env.core.component import record
from mm_env.rollout import inventory_levels, run_policy
from mm_env.state import held_at
from tests.agents.test_hedged import ASSET, LEVELS, MARKET, STEPS, Dear, Drifting
from tests.worlds import same_bits, within

CHEAP = CorrelatedAsset(correlation=-0.6, relative_volatility=1.2, half_spread=0.01, max_position=0.5, lot=0.5)
ONE = replace(ASSET, max_position=1.0)
PAIR = CorrelatedHedges((ONE, CHEAP), ((1.0, 0.3), (0.3, 1.0)))
BOTH = replace(MARKET, hedges=PAIR)
POSITIONS = 9


@cache
def best():
    return optimum(BOTH, kept_from=1e9)


def table(seed=0):
    """Random actions by time, inventory and positions."""
    return np.random.default_rng(seed).uniform(-1.0, 1.0, (STEPS, 1, LEVELS, POSITIONS, 4))


def square_of(q, h):
    """By the covariance matrix of mid, first and second hedge, by the variance of the mid."""
    beta, own = np.array([1.0, 0.9 * 0.8, -0.6 * 1.2]), np.array([0.0, 0.8 * np.sqrt(0.19), 1.2 * 0.8])
    between = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.3], [0.0, 0.3, 1.0]])
    position = np.array([q, *h])
    return (position @ beta) ** 2 + (own * position) @ between @ (own * position)


def plainly(actions):
    """V_0 (levels, positions) by the rules of the market and its parts as plain Python."""
    rules, dt, q = record(BOTH), BOTH.clock.step_length, inventory_levels(BOTH)
    hedges, now = rules.hedges, rules.opening()
    positions = list(product((-1.0, 0.0, 1.0), (-0.5, 0.0, 0.5)))
    value, drift = np.zeros((LEVELS, POSITIONS)), BOTH.price.drift * dt
    for step in reversed(range(STEPS)):
        following, value = value, np.zeros((LEVELS, POSITIONS))
        for (i, held), (j, hedge) in ((a, b) for a in enumerate(q) for b in enumerate(positions)):
            action = tuple(actions[step, 0, i, j].tolist())
            wanted = hedges.targets(action[2:], held, hedge, now)
            k, trades = positions.index(wanted), np.subtract(wanted, hedge)
            total = -hedges.cost(tuple(trades), now, dt) + wanted[0] * 0.01 * trades[0]
            here = held_at(rules.begin(0.0, rules.initial_mid), float(step), held)
            for t in rules.venue.transitions(rules, here, rules.quote.decode(action[:2], now)):
                if t.probability == 0.0:
                    continue
                exposed = t.inventory + 0.9 * 0.8 * wanted[0] - 0.6 * 1.2 * wanted[1]
                charge = BOTH.reward.phi * dt + BOTH.reward.alpha * (step == STEPS - 1)
                penalty, after = charge * square_of(t.inventory, wanted), round(t.inventory + 2.0)
                total += t.probability * (t.gain + exposed * (t.jump + drift) - penalty + following[after, k])
            value[i, j] = total
    return value


def test_a_table_by_the_positions_in_both_hedges_is_worth_what_it_is_by_hand():
    found = evaluate(BOTH, table())
    np.testing.assert_allclose(found.value[0, 0], plainly(table()), atol=1e-12)
    assert found.lots.positions.tolist() == [list(p) for p in product((-1.0, 0.0, 1.0), (-0.5, 0.0, 0.5))]
    assert found.worth == pytest.approx(float(found.value[0, 0, 2, 4]), rel=1e-15)


def test_a_table_that_does_not_look_at_the_hedges_is_worth_the_same_as_one_that_says_it_for_each_position():
    blind = table()[:, 0, :, 0]
    told = np.repeat(blind[:, None, :, None], POSITIONS, axis=3)
    assert evaluate(BOTH, blind).worth == pytest.approx(evaluate(BOTH, told).worth, abs=1e-13)
    blind[..., 2:] = [1.0, 0.0]
    assert evaluate(BOTH, blind).lots.positions.tolist() == [[0.0, 0.0], [1.0, 0.0]]


def test_the_optimum_is_worth_what_its_actions_are_and_no_table_more():
    found = best()
    assert np.abs(evaluate(BOTH, found.actions).value - found.value).max() < 1e-12
    assert all((plainly(table(seed)) <= found.value[0, 0] + 1e-12).all() for seed in range(2))


def test_the_optimum_brings_what_it_is_worth():
    assert within(play(BOTH, best(), 20_000, 3).objective, best().worth)


def test_who_looks_at_the_hedges_has_an_exact_worth_too():
    seeing = CustomPolicy(best())
    object.__setattr__(seeing, "tabulable", True)
    found = hedged_table(BOTH, seeing)
    assert evaluate(BOTH, found).worth == pytest.approx(best().worth, rel=1e-12)


def test_one_in_a_portfolio_has_the_optimum_that_it_has_by_itself():
    alone, one = (optimum(replace(MARKET, hedges=h), kept_from=1e9) for h in (ONE, HedgePortfolio((ONE,))))
    assert same_bits(one.value, alone.value)
    assert same_bits(one.actions, alone.actions)


def test_a_hedge_of_no_use_changes_nothing_and_their_order_neither():
    useless = replace(CHEAP, correlation=0.0)
    alone = optimum(replace(MARKET, hedges=ONE), kept_from=1e9)
    found = optimum(replace(MARKET, hedges=HedgePortfolio((ONE, useless))), kept_from=1e9)
    assert found.worth == pytest.approx(alone.worth, abs=1e-12)
    turned = replace(PAIR, hedges=PAIR.hedges[::-1])
    assert optimum(replace(MARKET, hedges=turned), kept_from=1e9).worth == pytest.approx(best().worth, abs=1e-12)
    assert best().worth > alone.worth + 1e-3


def test_an_optimum_with_hedges_is_kept_whole(tmp_path):
    assert best().save(tmp_path / "one.npz")
    found = HedgedOptimum.load(tmp_path / "one.npz", BOTH)
    assert same_bits(found.actions, best().actions)
    assert found.worth == best().worth


LARGE = replace(CHEAP, max_position=20.0)


@pytest.mark.parametrize(("hedges", "said"), [
    (HedgePortfolio((ONE, replace(CHEAP, lot=0.0))), "any size"),
    (HedgePortfolio((ONE, Perpetual(1.0, lot=1.0, max_position=1.0))), r"Perpetual.carry reads now.world"),
    (HedgePortfolio((ONE, Dear(0.5, lot=1.0, max_position=1.0))), r"Dear.cost reads now.mid"),
    (HedgePortfolio((ONE, Drifting(0.0, lot=1.0, max_position=1.0))), "HedgePortfolio.deltas and impacts"),
    (HedgePortfolio((LARGE, LARGE)), r"over 81 x 81 positions in 2 hedges, more than the 1,500 it holds"),
])  # fmt: skip
def test_what_has_no_recursion_is_refused_by_name(hedges, said):
    with pytest.raises(Unsolvable, match=said):
        optimum(replace(MARKET, hedges=hedges))


# rules


def test_the_least_risky_positions_leave_one_less_the_squared_multiple_correlation():
    covariance = np.array([[square_of(*(np.eye(3)[i] + np.eye(3)[j])[:1], (np.eye(3)[i] + np.eye(3)[j])[1:])
                            - square_of(*(np.eye(3)[i] - np.eye(3)[j])[:1], (np.eye(3)[i] - np.eye(3)[j])[1:])
                            for j in range(3)] for i in range(3)]) / 4.0  # fmt: skip
    expected = -np.linalg.solve(covariance[1:, 1:], covariance[1:, 0])
    assert least_risky(BOTH) == pytest.approx(expected, rel=1e-12)
    left = 1.0 - covariance[0, 1:] @ np.linalg.solve(covariance[1:, 1:], covariance[1:, 0])
    assert left_over(BOTH).reward.phi == pytest.approx(0.5 * left, rel=1e-12)
    assert left_over(BOTH).hedges == NoHedges()


def test_hedges_that_do_the_same_share_the_risk():
    same = Perpetual(1.0, max_position=4.0)
    assert least_risky(replace(MARKET, hedges=HedgePortfolio((same, same)))) == pytest.approx([-0.5, -0.5])


def test_rules_go_to_the_nearest_lot_of_each_hedge():
    wide = HedgePortfolio((replace(ONE, max_position=2.0), replace(CHEAP, max_position=2.0)))
    market = replace(BOTH, hedges=wide, max_inventory=4.0)
    q, none = np.array([-3.0, 0.0, 2.0]), np.zeros((3, 2))
    lots = np.array([1.0, 0.5])
    free = least_risky(market) * q[:, None]
    assert (np.abs(FullHedge().wanted(market, q, none) - np.clip(free, -2.0, 2.0)) <= 0.5 * lots + 1e-9).all()
    held = np.array([[1.0, -0.5], [0.0, 0.5], [-2.0, 2.0]])
    banded = FixedBand(1.0).wanted(market, q, held)
    inside = np.abs(held - free) <= 1.0
    assert (banded[inside] == held[inside]).all()
    assert (np.abs(banded - np.clip(free, -2.0, 2.0)) <= 1.0 + 1e-9).all()
    assert (NoHedge().wanted(market, q, held) == 0.0).all()
    own = FixedBand([0.0, 9.0]).wanted(market, q, held)
    assert (own[:, 0] == FullHedge().wanted(market, q, held)[:, 0]).all()
    assert (own[:, 1] == held[:, 1]).all()
    with pytest.raises(
        ValueError, match=r"FixedBand.width must be one number, or one for each of \['correlated asset 1', "
    ):
        FixedBand((1.0, 1.0, 1.0)).wanted(market, q, held)
    with pytest.raises(ValueError, match=r"FixedBand.width must be >= 0, got -1"):
        FixedBand((1.0, -1.0))


def test_a_policy_that_hedges_brings_what_its_table_is_worth():
    skew = LinearSkew(0.5, 0.1)
    policy = Hedging.of(BOTH, skew, FixedBand(0.5))
    q, lots = inventory_levels(BOTH), lots_of(BOTH)
    wanted = FixedBand(0.5).wanted(BOTH, q[:, None], lots.positions)
    depths = np.clip(BOTH.quote.encode(skew.depths(q, 0.0)), -1.0, 1.0)
    asked = wanted / np.array([1.0, 0.5])
    actions = np.concatenate([np.repeat(depths[:, None], POSITIONS, axis=1), asked], axis=-1)
    assert within(run_policy(BOTH, policy.act, 20_000, 5).objective, evaluate(BOTH, actions[None, None]).worth)
    assert policy.tabulated(BOTH) is None
    table = Hedging.of(BOTH, skew, NoHedge()).tabulated(BOTH)
    assert table.actions.shape[-1] == 4
    assert (table.actions[..., 2:] == 0.0).all()
    assert best_quotes(BOTH, FixedBand(0.5)).worth <= best().worth + 1e-12


class OneNumber:
    def wanted(self, market, inventory, held):
        return -np.asarray(inventory)


def test_a_rule_that_does_not_say_a_position_for_each_hedge_is_refused():
    with pytest.raises(ValueError, match=r"OneNumber.wanted must give a position for each hedge"):
        Hedging.of(BOTH, LinearSkew(0.5, 0.1), OneNumber()).act(np.zeros((3, 4), np.float32))
