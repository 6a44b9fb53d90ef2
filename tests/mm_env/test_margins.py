"""Margins of the package: when an account is closed, what it costs, and that it could not have been closed at the start."""

import math
from dataclasses import replace

import numpy as np
import pytest

from mm_env import (
    Bernoulli,
    Binomial,
    Brownian,
    Dealer,
    Depths,
    DrawdownStop,
    Exponential,
    FiniteHorizon,
    Geometric,
    Integers,
    InventoryPenalty,
    LeverageLimit,
    LossLimit,
    MaintenanceMargin,
    Margin,
    Margins,
    Poisson,
    Uniform,
)
from mm_env.first_passage import liquidation_probability, watched_liquidation_probability
from mm_env.rollout import run_actions
from mm_env.simulation import Simulation
from tests.mm_env.test_hedges_and_margin import HEDGED, bits, played
from tests.worlds import same_bits, world

RISKY = world(
    price=Brownian(6.0), quote=Depths(2.0), clock=FiniteHorizon(2.0, 20), reward=InventoryPenalty(),
    venue=Dealer(Poisson(20.0), Exponential(1.0)),
)  # fmt: skip
COSTS = {"liquidation_cost": 0.25, "franchise_loss": 1.5}
RULES = {  # margin -> whether an account of this profit, peak, units held and exposure holds
    MaintenanceMargin(8.0, 2.0, **COSTS): lambda profit, peak, held, exposure: 8.0 + profit >= 2.0 * held,
    MaintenanceMargin(30.0, share=0.1, **COSTS): lambda profit, peak, held, exposure: 30.0 + profit >= 0.1 * exposure,
    LeverageLimit(50.0, 6.0, **COSTS): lambda profit, peak, held, exposure: exposure <= 6.0 * (50.0 + profit),
    LossLimit(4.0, **COSTS): lambda profit, peak, held, exposure: profit >= -4.0,
    DrawdownStop(6.0, **COSTS): lambda profit, peak, held, exposure: peak - profit <= 6.0,
}
SEVERAL = Margins((MaintenanceMargin(8.0, 2.0, **COSTS), DrawdownStop(6.0, franchise_loss=4.0)))


@pytest.mark.parametrize(("margin", "holds"), RULES.items(), ids=lambda value: type(value).__name__)
def test_an_account_is_closed_exactly_where_its_rule_says(margin, holds):
    """Beside the market without margin, in which nothing else differs: what the account would have been after the step."""
    free, seen = replace(RISKY, margin=LossLimit(1e6)), 0
    for bound, unbound in zip(played(replace(RISKY, margin=margin), 400), played(free, 400), strict=True):
        was_open, account, tally = bound[0].alive > 0.0, unbound[1].account, unbound[1].tally
        held = np.abs(account.inventory)
        kept = holds(tally.profit, tally.peak, held, held * unbound[1].mid)
        assert (bound[1].alive[was_open] == kept[was_open]).all()
        closed = was_open & ~kept
        lost = (unbound[1].tally.profit - bound[1].tally.profit)[closed]
        assert lost == pytest.approx(0.25 * held[closed] + 1.5, abs=1e-9)
        seen += closed.sum()
    assert 20 < seen < 380


def test_of_several_the_first_that_does_not_hold_closes_the_account_at_the_most_it_costs():
    single = [list(played(replace(RISKY, margin=margin), 400)) for margin in SEVERAL.margins]
    free = list(played(replace(RISKY, margin=LossLimit(1e6)), 400))
    asked = set()
    for step, bound in enumerate(played(replace(RISKY, margin=SEVERAL), 400)):
        was_open = bound[0].alive > 0.0
        kept = np.array([states[step][1].alive for states in single])
        assert (bound[1].alive[was_open] == kept.min(axis=0)[was_open]).all()
        closed = was_open & (bound[1].alive == 0.0)
        lost = free[step][1].tally.profit - bound[1].tally.profit
        costs = np.stack([0.25 * np.abs(free[step][1].account.inventory) + 1.5, np.full(400, 4.0)])
        assert lost[closed] == pytest.approx((costs * (1.0 - kept)).max(axis=0)[closed], abs=1e-9)
        asked |= set(map(tuple, kept[:, closed].T))
    assert asked == {(0.0, 1.0), (1.0, 0.0), (0.0, 0.0)}


@pytest.mark.parametrize("margin", [*list(RULES), SEVERAL], ids=lambda margin: type(margin).__name__)
def test_compiled_code_is_plain_python_to_the_bit(margin):
    market = replace(RISKY, margin=margin)
    for fast, slow in zip(played(market, 9), played(market, 9, interpreted=True), strict=True):
        assert same_bits(bits(fast[1]), bits(slow[1]))
        assert fast[3].tolist() == slow[3].tolist()


def test_exposure_counts_hedges():
    """A hedge of 5 units at 50: an exposure of 250 from the first step on."""
    margin = LeverageLimit(capital=100.0, leverage=3.0)
    action = np.array([0.0, 0.0, 1.0])
    for limit, alive in ((margin, 1.0), (replace(margin, leverage=1.5), 0.0)):
        simulation = Simulation(replace(HEDGED, margin=limit, venue=Dealer(Bernoulli(0.0), Exponential(1.0))), 1)
        simulation.start(0)
        simulation.step(action)
        assert simulation.state.alive.tolist() == [alive]


# the probability of ruin


def ruin(steps, capital, per_unit, chance, most):
    """P(ruin) of one who quotes a tick away on both sides, each filled with `chance`, beside a mid that moves by a tick: by
    the law of profit and inventory, (profits, inventories), step by step."""
    reach = steps * (most + 2)
    law, ruined = np.zeros((2 * reach + 1, 2 * most + 1)), 0.0
    law[reach, most] = 1.0
    profit, held = np.arange(-reach, reach + 1)[:, None], np.abs(np.arange(-most, most + 1))
    for _ in range(steps):
        after = np.zeros_like(law)
        for level in range(2 * most + 1):
            bid, ask = chance * (level < 2 * most), chance * (level > 0)
            for bought, sold in ((0, 0), (0, 1), (1, 0), (1, 1)):
                weight = (bid if bought else 1.0 - bid) * (ask if sold else 1.0 - ask)
                to = level + bought - sold
                for move in (-1, 1) if weight else ():
                    gain = bought + sold + move * (to - most)
                    after[:, to] += 0.5 * weight * np.roll(law[:, level], gain)
        broken = capital + profit < per_unit * held
        ruined += after[broken].sum()
        law = np.where(broken, 0.0, after)
    return ruined


def test_the_probability_of_ruin_on_a_lattice_is_that_of_the_law_of_profit_and_inventory():
    """20 steps, |q| <= 4, a mid that moves by one tick: a call where 8 + profit < 4 |q|."""
    chance, lanes = 0.45, 40_000
    market = world(
        price=Binomial(1.0), clock=FiniteHorizon(20.0, 20), quote=Depths(1.0, -1.0), max_inventory=4.0,
        reward=InventoryPenalty(), venue=Dealer(Bernoulli(1.0), Exponential(-math.log(chance))),
        margin=MaintenanceMargin(capital=8.0, per_unit=4.0, liquidation_cost=3.0, franchise_loss=10.0),
    )  # fmt: skip
    episodes = run_actions(market, np.full((1, 9, 2), 1.0), lanes, 1)
    expected = ruin(20, 8, 4, chance, 4)
    assert expected > 0.2
    error = math.sqrt(expected * (1.0 - expected) / lanes)
    assert episodes.closed.mean() == pytest.approx(expected, abs=4.0 * error)


MONTH, YEARLY = 30.0 / 365.0, 0.8
LOAN = {  # one unit at 100, liquidated where it falls to 80: the health factor is 1.25
    "maintenance": MaintenanceMargin(capital=28.0, per_unit=8.0),
    "share": MaintenanceMargin(capital=28.0, share=0.1),
    "leverage": LeverageLimit(capital=36.0, leverage=5.0),
}


def test_the_first_passage_of_a_geometric_brownian_motion_is_the_published_one():
    assert liquidation_probability(1.25, YEARLY, MONTH) == pytest.approx(0.36836, abs=5e-6)
    assert watched_liquidation_probability(1.25, YEARLY, MONTH, 30) == pytest.approx(0.31850, abs=5e-6)


def test_watched_once_it_is_a_normal_probability_and_watched_ever_more_often_the_continuous_one():
    once = watched_liquidation_probability(1.25, YEARLY, MONTH, 1, drift=0.3)
    spread = YEARLY * math.sqrt(MONTH)
    assert once == pytest.approx(
        0.5 * math.erfc((math.log(1.25) + (0.3 - 0.32) * MONTH) / spread / math.sqrt(2.0)), abs=1e-10
    )
    for drift in (-1.0, 0.0, 1.0):
        limit = liquidation_probability(1.25, YEARLY, MONTH, drift)
        short = [limit - watched_liquidation_probability(1.25, YEARLY, MONTH, dates, drift) for dates in (30, 120, 480)]
        orders = np.log2(np.divide(short[:-1], short[1:]))  # of four times as many dates: at order 1/2 in dt this is 1
        assert ((orders > 0.85) & (orders < 1.05)).all()


@pytest.mark.parametrize("margin", LOAN.values(), ids=LOAN)
def test_a_position_that_nobody_trades_is_liquidated_as_often_as_a_geometric_brownian_motion_falls_to_the_barrier(
    margin,
):
    lanes, chance = 40_000, watched_liquidation_probability(1.25, YEARLY, MONTH, 30)
    market = world(
        price=Geometric(YEARLY), clock=FiniteHorizon(MONTH, 30), initial_inventory=1.0, margin=margin,
        reward=InventoryPenalty(), venue=Dealer(Bernoulli(0.0), Exponential(1.0)),
    )  # fmt: skip
    episodes = run_actions(market, np.zeros((1, 7, 2)), lanes, 2)
    assert episodes.closed.mean() == pytest.approx(chance, abs=4.0 * math.sqrt(chance * (1.0 - chance) / lanes))


@pytest.mark.parametrize("bad", [(0.9, 0.8, 1.0), (1.2, 0.0, 1.0), (1.2, 0.8, 0.0), (math.nan, 0.8, 1.0)])
def test_a_first_passage_of_nothing_is_refused(bad):
    with pytest.raises(ValueError, match="health must be >= 1"):
        liquidation_probability(*bad)
    with pytest.raises(ValueError, match="health must be >= 1"):
        watched_liquidation_probability(*bad, dates=3)
    with pytest.raises(ValueError, match="dates must be >= 1, got 0"):
        watched_liquidation_probability(1.2, 0.8, 1.0, 0)


# what is refused

HOLDING = replace(RISKY, initial_inventory=3.0)


@pytest.mark.parametrize(
    ("market", "margin", "said"),
    [
        (HOLDING, MaintenanceMargin(5.0, 2.0), r"MaintenanceMargin\(.*\) with 3 units held and an exposure of 300"),
        (HOLDING, MaintenanceMargin(20.0, share=0.1), "MaintenanceMargin"),
        (HOLDING, LeverageLimit(10.0, 20.0), "LeverageLimit"),
        (HOLDING, Margins((LossLimit(1.0), LeverageLimit(10.0, 20.0))), "Margins"),
        (HOLDING, MaintenanceMargin(Uniform(5.0, 10.0), 2.0), "MaintenanceMargin"),
        (replace(RISKY, initial_inventory=Integers(-3, 1)), MaintenanceMargin(5.0, 2.0), "MaintenanceMargin"),
        (HOLDING, MaintenanceMargin(np.array([10.0, 5.0]), 2.0), "MaintenanceMargin"),
    ],
)
def test_a_margin_that_is_breached_at_the_start_is_refused(market, margin, said):
    with pytest.raises(ValueError, match=rf"Market.margin must hold at the start .*{said}") as error:
        replace(market, margin=margin)
    assert "\n" not in str(error.value)


def test_a_margin_that_each_lane_covers_with_its_own_capital_is_not():
    held = np.array([1.0, 3.0])
    replace(RISKY, initial_inventory=held, margin=MaintenanceMargin(2.0 * held, 2.0))


class Tired(Margin):
    """A margin with a state of its own."""

    def holds(self, standing):
        return True

    def evolve(self, state, standing, alive):
        return state


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda: MaintenanceMargin(0.0), r"MaintenanceMargin.capital must be > 0, got 0.0"),
        (lambda: MaintenanceMargin(1.0, -1.0), r"MaintenanceMargin.per_unit must be >= 0, got -1.0"),
        (lambda: LeverageLimit(1.0, 0.0), r"LeverageLimit.leverage must be > 0, got 0.0"),
        (lambda: LossLimit(-1.0), r"LossLimit.loss must be > 0, got -1.0"),
        (lambda: DrawdownStop(0.0), r"DrawdownStop.drawdown must be > 0, got 0.0"),
        (lambda: LossLimit(1.0, liquidation_cost=-1.0), r"LossLimit.liquidation_cost must be >= 0, got -1.0"),
    ],
)
def test_parameters_out_of_range_are_refused(made, said):
    with pytest.raises(ValueError, match=said):
        made()


def test_several_margins_must_be_margins_without_a_state():
    with pytest.raises(TypeError, match=r"Margins.margins must be a list of Margin, at least one, got \(\)"):
        Margins(())
    with pytest.raises(TypeError, match=r"Margins.margins must have no rule `evolve` of their own, got Tired\(\)"):
        Margins((Tired(),))
