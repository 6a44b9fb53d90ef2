"""What episodes say of ruin and of scheduled gaps: when accounts were closed, and what gaps brought."""

import math
from dataclasses import replace

import numpy as np
import pytest

from mm_env import (
    Bernoulli,
    Brownian,
    Dealer,
    Depths,
    Ergodic,
    Exponential,
    FiniteHorizon,
    InventoryPenalty,
    LossLimit,
    Poisson,
)
from mm_env.gap_record import gap_steps
from mm_env.metrics import covariance_share, figures
from mm_env.price.gaps import ScheduledGap
from mm_env.rollout import Episodes, run_actions, run_policy, steps
from mm_env.simulation import Simulation
from tests.worlds import same_bits, world

RISKY = world(
    price=Brownian(4.0), quote=Depths(2.0), clock=FiniteHorizon(2.0, 20), reward=InventoryPenalty(),
    venue=Dealer(Poisson(20.0), Exponential(1.0)), margin=LossLimit(4.0),
)  # fmt: skip
GAPPY = replace(
    RISKY, margin=replace(RISKY.margin, loss=1e6), price=ScheduledGap(Brownian(0.5), at=(0.5, 1.23), std=(2.0, 0.5))
)
QUOTES = np.zeros((1, 7, 2))


def quoting(observations):
    return np.zeros((len(observations), 2), np.float32)


# ruin


@pytest.mark.parametrize("clock", [FiniteHorizon(2.0, 20), Ergodic(2.0, 20)])
def test_an_account_is_open_for_the_steps_that_it_lived(clock):
    market = replace(RISKY, clock=clock)
    lived = sum(step.alive for step in steps(Simulation(market, 300), quoting, 4))
    for episodes in (run_actions(market, QUOTES, 300, 4), run_policy(market, quoting, 300, 4)):
        assert episodes.time_open == pytest.approx(0.1 * lived, abs=1e-12)
        assert 0.0 < episodes.closed.mean() < 1.0


def test_ruin_is_how_often_and_when_and_those_who_are_spared_count_until_the_end():
    episodes = run_actions(RISKY, QUOTES, 4000, 1)
    found, ruined = figures(episodes), episodes.closed == 1.0
    assert found["closed"].value == ruined.mean()
    assert found["time_to_ruin"].value == pytest.approx(episodes.time_open[ruined].mean(), rel=1e-12)
    own = episodes.time_open[ruined].std() / math.sqrt(ruined.sum())
    assert found["time_to_ruin"].half_width == pytest.approx(1.96 * own, rel=1e-3)
    mixed = found["closed"].value * found["time_to_ruin"].value + (1.0 - found["closed"].value) * 2.0
    assert found["time_open"].value == pytest.approx(mixed, rel=1e-12)


def test_where_nobody_is_ruined_there_is_no_time_to_it():
    found = figures(run_actions(replace(RISKY, margin=LossLimit(1e6)), QUOTES, 50, 1))
    assert (found["closed"].value, found["time_open"].value) == (0.0, 2.0)
    assert math.isnan(found["time_to_ruin"].value)


def test_markets_without_margin_and_gaps_have_no_figures_of_them():
    episodes = run_actions(world(), QUOTES, 10, 1)
    assert episodes.time_open is episodes.gap_profit is episodes.gap_inventory is None
    assert not {"closed", "time_to_ruin", "time_open", "worst_gap"} & set(figures(episodes))


# gaps


def test_a_gap_is_of_the_step_that_ends_with_it_or_holds_it():
    assert gap_steps(GAPPY) == [4, 12]
    assert gap_steps(RISKY) == []


def test_gaps_bring_what_the_same_market_without_them_does_not():
    """Quotes that do not look at the mid meet the same fills in both: nothing else differs."""
    calm = replace(GAPPY, price=replace(GAPPY.price, std=(0.0, 0.0)))
    episodes, without = run_actions(GAPPY, QUOTES, 500, 3), run_actions(calm, QUOTES, 500, 3)
    assert episodes.gap_profit.sum(axis=1) == pytest.approx(episodes.profit - without.profit, abs=1e-9)
    assert (without.gap_profit == 0.0).all()
    assert same_bits(episodes.gap_inventory, without.gap_inventory)
    simulation = Simulation(GAPPY, 500)
    for i, _ in enumerate(steps(simulation, quoting, 3)):
        if i in (4, 12):
            assert same_bits(simulation.state.account.inventory, episodes.gap_inventory[:, (4, 12).index(i)])


def test_keeping_what_gaps_bring_changes_no_episode():
    simulation = Simulation(GAPPY, 130)
    simulation.start(5)
    simulation.run(QUOTES)
    for episodes in (run_actions(GAPPY, QUOTES, 130, 5), run_policy(GAPPY, quoting, 130, 5)):
        assert same_bits(episodes.profit, simulation.state.tally.profit)
        assert same_bits(episodes.objective, simulation.state.tally.objective)


def test_the_figures_of_gaps_of_a_position_that_nobody_trades_are_known():
    """2 units through a gap of standard deviation 2 and one of 0.5, beside a volatility of 0.5 for 2."""
    market = replace(GAPPY, initial_inventory=2.0, venue=Dealer(Bernoulli(0.0), Exponential(1.0)))
    episodes = run_actions(market, QUOTES, 20_000, 2)
    found, share = figures(episodes), (4.0 + 0.25) / (4.0 + 0.25 + 0.25 * 2.0)
    assert found["gap_inventory"] == (2.0, 0.0)
    assert found["gap_variance_share"].value == pytest.approx(share, abs=2.1 * found["gap_variance_share"].half_width)
    spread = [2.0 * 2.0, 2.0 * 0.5]
    assert episodes.gap_profit.std(axis=0) == pytest.approx(spread, rel=4.0 / math.sqrt(2.0 * 20_000))
    assert found["worst_gap"].value == episodes.gap_profit.min()
    assert -6.0 * 4.0 < found["worst_gap"].value < -3.0 * 4.0


def test_a_gap_that_breaches_the_margin_brings_what_closing_costs_too():
    margin = LossLimit(3.0, liquidation_cost=0.5, franchise_loss=1.0)
    market = replace(
        GAPPY, price=ScheduledGap(Brownian(0.0), at=(0.5, 1.5), std=(2.0, 2.0)), initial_inventory=2.0, margin=margin,
        venue=Dealer(Bernoulli(0.0), Exponential(1.0)),
    )  # fmt: skip
    episodes = run_actions(market, QUOTES, 500, 2)
    at_once = episodes.time_open < 1.0
    assert 0 < at_once.sum() < 500
    assert (episodes.gap_profit[at_once, 0] < -3.0 - 2.0).all()
    assert episodes.gap_profit.sum(axis=1) == pytest.approx(episodes.profit, abs=1e-9)
    assert (np.isnan(episodes.gap_inventory[:, 1]) == at_once).all()
    assert (episodes.gap_profit[at_once, 1] == 0.0).all()


def test_shares_of_variance_sum_to_one_and_their_interval_is_the_bootstraps():
    random = np.random.default_rng(0)
    part, rest = random.gamma(2.0, 1.0, 4000), random.normal(size=4000)
    share, other = covariance_share(part, part + rest), covariance_share(rest, part + rest)
    assert share.value + other.value == pytest.approx(1.0, abs=1e-12)
    samples = random.integers(0, 4000, (800, 4000))
    values = [covariance_share(part[rows], (part + rest)[rows]).value for rows in samples]
    assert share.half_width == pytest.approx(1.96 * np.std(values), rel=0.1)


def test_a_single_episode_has_figures_of_ruin_and_gaps_and_no_intervals():
    alone = Episodes(
        *np.ones((8, 1)),
        closed=np.ones(1),
        time_open=np.ones(1),
        gap_profit=np.ones((1, 2)),
        gap_inventory=np.ones((1, 2)),
    )
    found = figures(alone)
    assert {found[name].value for name in ("closed", "time_to_ruin", "time_open", "gap_inventory")} == {1.0}
    assert all(math.isnan(estimate.half_width) for estimate in found.values())
