"""Objectives: each formula, and what each leaves unchanged."""

import math
from dataclasses import replace

import numpy as np
import pytest

from mm_env import (
    CARA,
    ArrivalImpact,
    AsymmetricDamping,
    Binomial,
    Brownian,
    Dealer,
    Exponential,
    Fees,
    Geometric,
    InventoryPenalty,
    OrnsteinUhlenbeck,
    Outcome,
    Poisson,
    Reward,
    ScheduledGap,
    VariancePenalty,
    rule,
)
from mm_env.core.component import record
from mm_env.simulation import Simulation
from tests.worlds import AT_START, random_actions, within, world

OUTCOME = Outcome(
    wealth_change=5.0, profit=-2.0, inventory=-3.0, mid_change=0.5, surprise=4.0, dt=0.25, final=0.0, square=9.0
)


class Shortfall(Reward):
    """A reward of one's own: only losses count."""

    @rule
    def reward(self, outcome):
        return min(outcome.wealth_change, 0.0)


def worth(reward, **changes):
    return record(reward).reward(OUTCOME._replace(**changes))


def episodes(market, lanes=4_000, seed=8, interpreted=False):
    """Rewards, inventories and mids (steps, lanes) under random actions, and the state at the end."""
    simulation = Simulation(market, lanes, interpreted=interpreted)
    simulation.start(seed)
    rewards, inventories, mids = [], [], [simulation.state.mid]
    for step in range(market.clock.steps):
        rewards.append(simulation.step(random_actions(market, lanes, step).reshape(-1))[1])
        inventories.append(simulation.state.account.inventory)
        mids.append(simulation.state.mid)
    return np.array(rewards), np.array(inventories), np.array(mids), simulation.state


def test_the_inventory_penalty_runs_and_ends():
    assert worth(InventoryPenalty(phi=2.0)) == 5.0 - 2.0 * 9 * 0.25
    assert worth(InventoryPenalty(alpha=0.5)) == 5.0
    assert worth(InventoryPenalty(alpha=0.5), final=1.0) == 5.0 - 0.5 * 9
    assert worth(InventoryPenalty(phi=2.0, alpha=0.5, noise=0.25), final=1.0) == 5.0 - 0.75 * 4.0 - 4.5 - 4.5


def test_the_variance_penalty_has_its_noise_taken_out_alike():
    assert worth(VariancePenalty(2.0, 0.5), final=1.0, variance=3.0) == 5.0 - 9 * 3.0 - 4.5
    assert worth(VariancePenalty(2.0, 0.5, noise=0.25), final=1.0, variance=3.0) == 5.0 - 0.75 * 4.0 - 9 * 3.0 - 4.5


@pytest.mark.parametrize(
    "reward", [InventoryPenalty(phi=2.0, alpha=0.5), VariancePenalty(gamma=4.0, alpha=0.5)], ids=str
)
def test_with_hedges_penalties_are_of_the_whole_position(reward):
    one, other = (worth(reward, square=square, variance=0.25, final=1.0) for square in (9.0, 1.0))
    assert one - other == -(2.0 * 0.25 + 0.5) * 8.0


def test_a_penalty_of_an_outcome_that_does_not_say_the_square_is_no_number():
    assert math.isnan(
        record(InventoryPenalty(phi=2.0)).reward(OUTCOME._replace(square=Outcome._field_defaults["square"]))
    )


def test_cara_is_the_utility_of_the_profit_at_the_end_and_nothing_before():
    assert worth(CARA(gamma=0.1)) == 0.0
    assert worth(CARA(gamma=0.1), final=1.0) == pytest.approx((1 - math.exp(0.2)) / 0.1, rel=1e-14)
    assert worth(CARA(gamma=0.1), final=1.0, profit=0.0) == 0.0


@pytest.mark.parametrize("gamma", [1.0, 0.05, 1e-6])
@pytest.mark.parametrize("profit", [-1e12, 1e12])
def test_cara_is_finite_however_large_the_loss(gamma, profit):
    assert math.isfinite(worth(CARA(gamma), final=1.0, profit=profit))


def test_asymmetric_damping_takes_from_gains_of_the_position_alone():
    assert worth(AsymmetricDamping(0.6), inventory=3.0) == 5.0 - 0.6 * 3.0 * 0.5
    assert worth(AsymmetricDamping(0.6), inventory=-3.0) == 5.0
    assert worth(AsymmetricDamping(0.6), inventory=-3.0, mid_change=-0.5) == 5.0 - 0.6 * 1.5
    assert worth(AsymmetricDamping(0.0), inventory=3.0) == 5.0


def test_a_reward_of_ones_own_is_what_the_episode_sums():
    rewards, _, _, end = episodes(world(reward=Shortfall()), 70, interpreted=True)
    assert rewards.max() <= 0
    assert np.array_equal(end.tally.objective, sum(rewards))


def test_cara_sums_to_the_utility_of_the_profit():
    rewards, _, _, end = episodes(world(reward=CARA(gamma=0.05)), 70, interpreted=True)
    assert not rewards[:-1].any()
    assert end.tally.objective == pytest.approx((1 - np.exp(-0.05 * end.tally.profit)) / 0.05, rel=1e-12)


DRIFTING = Brownian(sigma=5.0, drift=0.5)
NOISY = {
    "calm": world(price=DRIFTING),
    "informed": world(price=DRIFTING, venue=Dealer(Poisson(10.0), Exponential(1.0), ArrivalImpact(0.5))),
    "gapping": world(price=ScheduledGap(DRIFTING, [0.2, 0.35], [5.0, 3.0]), reward=VariancePenalty(0.02, 0.1)),
}
EXPECTING = [DRIFTING, Binomial(3.0), Geometric(0.05, 0.1), OrnsteinUhlenbeck(1.0, 2.0, 99.0)]


def surprise(market, before, after, actions):
    """(fill - P[fill]) (depth - fee) of each order, and q (dS - E[dS]): what nobody could know when the quotes were set."""
    rules, dt, size, limit = record(market), market.clock.step_length, market.order_size, market.max_inventory
    held, now = before.account.inventory, after.account.inventory
    net, fills = (now - held) / size, after.tally.fills - before.tally.fills
    unforeseen = []
    for lane, action in enumerate(actions.tolist()):
        quote = rules.quote.decode(tuple(action), AT_START)
        chances = rules.venue.chances(quote, dt, AT_START)
        bid_chance = chances.bid if held[lane] + size <= limit else 0.0
        ask_chance = chances.ask if held[lane] - size >= -limit else 0.0
        bought, sold = (fills[lane] + net[lane]) / 2, (fills[lane] - net[lane]) / 2
        luck = (bought - bid_chance) * (quote.bid_depth - market.fees.maker)
        luck += (sold - ask_chance) * (quote.ask_depth - market.fees.maker)
        move = after.mid[lane] - rules.price.expected(before.mid[lane], (), dt, AT_START)
        unforeseen.append(size * luck + now[lane] * move)
    return np.array(unforeseen)


@pytest.mark.parametrize("price", EXPECTING, ids=str)
def test_what_the_noise_takes_away_is_the_surprise(price):
    sizes = {"order_size": 2.0, "max_inventory": 4.0, "fees": Fees(maker=0.05)}
    full, bare = (world(price=price, reward=InventoryPenalty(0.5, 0.1, noise), **sizes) for noise in (1.0, 0.0))
    one, other = (Simulation(market, 9, interpreted=True) for market in (full, bare))
    one.start(2), other.start(2)
    for step in range(5):
        before, actions = one.state, random_actions(full, 9, step)
        taken = one.step(actions.reshape(-1))[1] - other.step(actions.reshape(-1))[1]
        assert np.abs(taken - surprise(full, before, one.state, actions)).max() < 1e-11


@pytest.mark.parametrize("name", NOISY)
def test_what_the_noise_takes_away_has_mean_zero_and_most_of_the_variance(name):
    market = NOISY[name]
    full, inventory, _, end = episodes(market)
    bare, _, _, bare_end = episodes(replace(market, reward=replace(market.reward, noise=0.0)))
    for step in range(1, market.clock.steps):
        for held in (inventory[step - 1] > 0, inventory[step - 1] < 0):  # given what is known when the quotes are set
            assert within((full - bare)[step][held], 0.0)
    assert within(end.tally.objective - bare_end.tally.objective, 0.0)
    assert bare_end.tally.objective.var() < 0.5 * end.tally.objective.var()
    assert np.array_equal(end.tally.profit, bare_end.tally.profit)


def test_a_share_of_the_noise_lies_between():
    full, part, bare = (
        episodes(world(price=DRIFTING, reward=InventoryPenalty(noise=share)), 9)[0] for share in (1.0, 0.25, 0.0)
    )
    assert part == pytest.approx(0.25 * full + 0.75 * bare, abs=1e-12)
