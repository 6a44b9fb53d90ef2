"""What exact solvers do not follow is refused by name, whatever its arguments are called."""

import math
from dataclasses import replace

import pytest

from agents.exact.nodes import Unsolvable
from agents.exact.optimum import optimum
from agents.exact.small_book import check_small
from agents.learning.rollout_buffers import check_separable
from mm_env import Brownian, Fees, InventoryPenalty, Price, Real, rule
from mm_env.core.maths import normal
from mm_env.markets import market_named
from mm_env.price.law import Law
from mm_env.simulation import Simulation
from tests.mm_env.test_hedges_and_margin import Correlated, LossLimit
from tests.worlds import world


class Late(Price):
    """A drift that begins after a tenth of the time, of which its law and its expected move say nothing."""

    mu: Real

    @rule
    def move(self, mid, latent, noise, dt, now):
        return mid + (self.mu * dt if now.time > 0.1 else 0.0) + math.sqrt(dt) * normal(noise.price)

    @rule
    def expected(self, mid, latent, dt):
        return mid

    def law(self, dt, nodes):
        return Law(1.0, 0.0, dt)


class Steep(Fees):
    """A fee on what the price is above 99."""

    @rule
    def maker_fee(self, p):
        return self.maker * max(p - 99.0, 0.0)


def test_a_price_that_sees_the_time_is_not_solved_by_a_law_that_does_not():
    with pytest.raises(Unsolvable, match=r"price: Late.move reads now.time, and a law is of moves"):
        optimum(world(price=Late(8.0)))


def test_a_price_that_sees_the_time_is_tried_at_other_times_before_its_noise_is_taken_out_of_rewards():
    with pytest.raises(ValueError, match=r"reward.noise must be 1 unless `expected` is the mean of `move`"):
        Simulation(world(price=Late(50.0), reward=InventoryPenalty(noise=0.0)), 2)
    Simulation(world(price=Brownian(1.0), reward=InventoryPenalty(noise=0.0)), 2)


def test_a_fee_by_the_price_is_refused_whatever_it_calls_the_price():
    with pytest.raises(Unsolvable, match="fees"):
        optimum(world(fees=Steep(0.5)))


@pytest.mark.parametrize(("parts", "said"), [
    ({"margin": LossLimit(1.0)}, "wealth decides"), ({"hedges": Correlated(0.5, 1.0, 0.0)}, "Box of actions"),
])  # fmt: skip
def test_a_small_book_whose_account_may_be_closed_has_no_optimum_here(parts, said):
    with pytest.raises(ValueError, match=said):
        check_small(replace(market_named("small_book"), **parts))


def test_fills_are_not_expected_where_a_hedge_may_follow_the_inventory():
    with pytest.raises(ValueError, match="expected_fills must be off where hedges are held"):
        check_separable(world(hedges=Correlated(0.5, 1.0, 0.0)))
