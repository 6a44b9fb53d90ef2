"""What the exact solvers take on trust: a law that its price does not keep, and rules that they do not read, are refused."""

import math
from dataclasses import fields, replace
from typing import NamedTuple

import numpy as np
import pytest

from agents.exact.evaluation import best_fixed, evaluate, moments
from agents.exact.optimum import optimum
from agents.exact.price_grid import Unsolvable, axis_of
from agents.exact.small_book import check_small
from agents.exact.solvable import check_solvable
from agents.exact.stated import _try_law
from agents.learning.rollout_buffers import check_separable
from mm_env import (
    CARA,
    Binomial,
    Brownian,
    ContStoikovTalreja,
    Dealer,
    Ergodic,
    Exponential,
    FiniteHorizon,
    Law,
    Market,
    NoImpact,
    NonNegative,
    OrnsteinUhlenbeck,
    Poisson,
    Positive,
    Price,
    Real,
    ShortTermAlpha,
    rule,
)
from mm_env.core.maths import exp, normal, one_minus_exp
from mm_env.markets import small_book
from mm_env.price.law import Reverting
from mm_env.rollout import run_actions
from tests.worlds import within, world

ZERO = np.zeros((1, 7, 2))


class Tilt(NamedTuple):
    x: float


class Claimed(Price):
    """A mid that drifts with a mean-reverting state, and a law that says so times each of the factors, which are 1 if right."""

    sigma: NonNegative
    drift: Real
    rho: Real = 0.6
    bend: Real = 0.0  # of the volatility, by how far the mid is from 100
    said_drift: Real = 1.0
    said_variance: NonNegative = 1.0
    said_rho: Real = 1.0
    said_following: Real = 1.0

    signals = ("tilt",)

    @rule
    def start(self):
        return Tilt(0.0)

    @rule
    def move(self, mid, latent, noise, dt):
        z = self.rho * normal(noise.latent) + math.sqrt(1.0 - self.rho * self.rho) * normal(noise.price)
        return mid + self.drift * latent.x * dt + self.sigma * math.sqrt(dt) * (1.0 + self.bend * (mid - 100.0)) * z

    @rule
    def evolve(self, latent, noise, dt):
        return Tilt(latent.x * exp(-dt) + math.sqrt(one_minus_exp(2.0 * dt)) * normal(noise.latent))

    @rule
    def observe(self, mid, latent):
        return (latent.x,)

    def law(self, dt, nodes):
        grid, rho = Reverting.of(1.0, dt, nodes), self.rho * self.said_rho
        mean = self.said_drift * self.drift * grid.nodes[:, None] * dt + self.sigma * math.sqrt(dt) * rho * grid.z
        variance = self.said_variance * self.sigma**2 * dt * (1.0 - rho**2)
        following = np.clip(self.said_following * grid.following, -5.0, 5.0)
        return Law(grid.probability, mean, variance, grid.nodes, following, "tilt")


CLAIMED = world(price=Claimed(sigma=1.0, drift=0.5), clock=FiniteHorizon(2.0, 20))


def test_a_law_that_its_price_keeps_is_solved_and_earned():
    found = evaluate(CLAIMED, np.full((20, 7, 2), -0.4), 41)
    assert within(run_actions(CLAIMED, found.actions, 20_000, 5).objective, found.objective)


@pytest.mark.parametrize(("wrong", "moment"), [
    ({"said_drift": 1.1}, "mean of the mid's move"),
    ({"said_drift": -1.0}, "mean of the mid's move"),
    ({"said_variance": 1.3}, "variance of the mid's move"),
    ({"said_variance": 0.0}, "variance of the mid's move"),
    ({"said_following": 0.9}, "variance of tilt after it"),
    ({"said_rho": -1.0}, "covariance of tilt after it with the mid's move"),
    ({"said_rho": 0.0, "said_variance": 1.0}, "covariance of tilt after it with the mid's move"),
    ({"bend": 0.2}, "variance of the mid's move"),
])  # fmt: skip
def test_a_law_that_contradicts_its_steps_is_refused_with_both_figures(wrong, moment):
    market = replace(CLAIMED, price=replace(CLAIMED.price, **wrong))
    with pytest.raises(Unsolvable) as raised:
        check_solvable(market)
    assert str(raised.value).startswith("price: Claimed.law contradicts its simulated steps: from mid ")
    assert f"the {moment} is " in str(raised.value)
    assert " by the law and " in str(raised.value)


def test_a_small_error_of_the_drift_is_found_in_the_midst_of_noise():
    """A thousandth of a deviation of one step: mirrored noise averages out, and the sign of an inventory does not."""
    market = replace(CLAIMED, price=replace(CLAIMED.price, drift=0.1, said_drift=1.02))
    with pytest.raises(Unsolvable, match="mean of the mid's move"):
        check_solvable(market)


OURS = {
    "brownian": [Brownian(s, drift=d) for s in (0.0, 1e-9, 0.02, 1e6) for d in (0.0, -3.0)],
    "binomial": [Binomial(s) for s in (0.0, 7e-6, 0.02, 1e3)],
    "mean reversion": [OrnsteinUhlenbeck(s, v, 100.0) for s in (0.0, 0.02, 2.0) for v in (1e-9, 1.0, 500.0)],
    "alpha": [ShortTermAlpha(s, d, v) for s in (0.0, 1.0) for d in (1e-3, 5.0, 500.0) for v in (1e-3, 20.0)],
}


@pytest.mark.parametrize("name", OURS)
def test_no_law_of_the_package_contradicts_its_steps(name):
    for price in OURS[name]:
        for clock in (FiniteHorizon(1.0, 20), FiniteHorizon(600.0, 600), FiniteHorizon(50.0, 1)):
            _try_law(world(price=price, clock=clock))


class Rare(Price):
    """A jump that comes in one step of a hundred thousand, of a size that makes half of the variance, and most of the drift."""

    size: Positive

    @rule
    def move(self, mid, latent, noise, dt):
        return mid + normal(noise.price) + (self.size if noise.latent[0] < 1e-5 else 0.0)

    def law(self, dt, nodes):
        return Law([1.0 - 1e-5, 1e-5], [0.0, self.size], 1.0)


@pytest.mark.parametrize("size", [10.0, 300.0, 1e4])
def test_what_is_too_rare_to_come_does_not_speak_against_a_law(size):
    check_solvable(world(price=Rare(size)))


# rules that are overridden below what states them


class Restless(Brownian):
    @rule
    def move(self, mid, latent, noise, dt):
        return mid + 1.0 * dt + 2.0 * self.sigma * dt**0.5 * normal(noise.price)


class Waking(ShortTermAlpha):
    @rule
    def start(self):
        return Tilt(3.0)


class Rescaled(ShortTermAlpha):
    @rule
    def observe(self, mid, latent):
        return (latent.alpha,)


class Misnamed(Claimed):
    signals = ("slant",)


class Restated(Restless):
    def law(self, dt, nodes):
        return Law(mean=dt, variance=4.0 * self.sigma**2 * dt)


class Renamed(Brownian):
    """Nothing but another name."""


@pytest.mark.parametrize(("price", "said"), [
    (Restless(1.0), r"price: Restless.move is not what Brownian.law is the law of \(give Restless its own `law`\)"),
    (Waking(1.0, 5.0, 20.0), r"price: Waking.start is not what ShortTermAlpha.law is the law of"),
    (Rescaled(1.0, 5.0, 20.0), r"price: Rescaled.observe is not what ShortTermAlpha.law is the law of"),
    (Misnamed(1.0, 0.5), r"price: its law is by 'tilt', which is none of its signals \['slant'\]"),
])  # fmt: skip
def test_what_a_law_is_not_the_law_of_is_refused(price, said):
    market = world(price=price)
    for solve in (optimum, best_fixed, axis_of, lambda m: moments(m, ZERO)):
        with pytest.raises(Unsolvable, match=said):
            solve(market)


def test_a_law_given_anew_is_believed_once_it_is_tried():
    for own, ours in ((Restated(1.0), Brownian(2.0, drift=1.0)), (Renamed(1.0), Brownian(1.0))):
        found, wanted = (axis_of(world(price=price)).law for price in (own, ours))
        assert (found.drift, found.variance) == (wanted.drift, wanted.variance)


class Slow(FiniteHorizon):
    @rule
    def dt(self):
        return 0.5 * self.horizon / self.steps


class Sessions(FiniteHorizon):
    @rule
    def final(self, step):
        return 1.0 if step % 2.0 == 0.0 else 0.0


class Passed(FiniteHorizon):
    @rule
    def observe(self, step):
        return (step / self.steps,)


class Closing(Ergodic):
    @rule
    def final(self, step):
        return 1.0 if step >= self.steps else 0.0


class Same(FiniteHorizon):
    @rule
    def dt(self):
        return self.horizon / self.steps

    @rule
    def final(self, step):
        return 1.0 if step > self.steps - 1.0 else 0.0


@pytest.mark.parametrize(("clock", "said"), [
    (Slow(1.0, 10), "clock: Slow's dt is 0.05 and step_length 0.1, not horizon / steps = 0.1"),
    (Sessions(1.0, 10), r"clock: Sessions.final at step 2 of 10 is 1.0, not 0.0 as of FiniteHorizon"),
    (Passed(1.0, 10), r"clock: Passed.observe at step 1 of 10 is \(0.1,\), not \(0.9,\) as of FiniteHorizon"),
    (Closing(1.0, 10), "clock: Closing.final at step 10 of 10 is 1.0, not 0.0 as of Ergodic"),
])  # fmt: skip
def test_a_clock_that_goes_otherwise_is_refused(clock, said):
    with pytest.raises(Unsolvable, match=said):
        evaluate(world(clock=clock), ZERO)


def test_a_clock_that_says_the_same_in_its_own_words_is_solved():
    assert evaluate(world(clock=Same(0.5, 5)), ZERO).objective == evaluate(world(), ZERO).objective


def made(kind, market):
    """The market as one of a class of the user's own."""
    return kind(**{field.name: getattr(market, field.name) for field in fields(Market)})


class Half(Market):
    @rule
    def step(self, state, action, noise):
        account = state.account
        return state, account.cash


class Wide(Market):
    @rule
    def open_sides(self, inventory):
        return True, inventory > 0.0


class Added(Market):
    @rule
    def helper(self):
        return 1.0


@pytest.mark.parametrize("kind", [Half, Wide])
def test_a_market_that_steps_by_rules_of_its_own_is_refused(kind):
    name = "step" if kind is Half else "open_sides"
    for solve in (optimum, best_fixed, lambda m: evaluate(m, ZERO)):
        with pytest.raises(Unsolvable, match=f"market: {kind.__name__} has a {name} of its own"):
            solve(made(kind, world()))


def test_a_rule_more_changes_nothing():
    assert evaluate(made(Added, world()), ZERO).objective == evaluate(world(), ZERO).objective


class Herding(ContStoikovTalreja):
    @rule
    def remembers(self):
        return True


def test_a_small_book_with_rules_that_its_states_do_not_hold_is_refused():
    market = small_book()
    check_small(market)
    flow = {field.name: getattr(market.venue.flow, field.name) for field in fields(ContStoikovTalreja)}
    with pytest.raises(Unsolvable, match=r"its flow is none of ContStoikovTalreja, .*, whose states are known"):
        check_small(replace(market, venue=replace(market.venue, flow=Herding(**flow))))

    class Settled(Market):
        @rule
        def settle(self, state, dealt, after, now):
            return state, 0.0

    with pytest.raises(Unsolvable, match="Settled has a settle of its own"):
        check_small(made(Settled, market))


# fills that are expected


class Lucky(Dealer):
    @rule
    def trade(self, quote, bid_open, ask_open, noise, dt):
        raise NotImplementedError


class Jumpy(NoImpact):
    @rule
    def jump(self, filled, arrived, uniform):
        return filled


@pytest.mark.parametrize(("market", "said"), [
    (made(Half, world()), "expected_fills must be off where fills are not those of Market.step.*got Half.step"),
    (world(venue=Lucky(Poisson(1.0), Exponential(1.0))), "not those of Dealer.trade.*got Lucky.trade"),
    (world(venue=Dealer(Poisson(1.0), Exponential(1.0), Jumpy()), price=OrnsteinUhlenbeck(1.0, 1.0, 100.0)),
     "must be off where orders move what the price shows, got Jumpy"),
])  # fmt: skip
def test_fills_that_the_chances_do_not_tell_are_not_expected(market, said):
    with pytest.raises(ValueError, match=said):
        check_separable(market)


class Skewed(Price):
    """Seldom far up and mostly a little down: mean 0, and a `law` that knows the variance alone."""

    size: Positive

    @rule
    def move(self, mid, latent, noise, dt):
        return mid + (self.size if noise.price[0] < 0.05 else -self.size * 0.05 / 0.95)

    def law(self, dt, nodes):
        return Law(variance=self.size**2 * 0.05 / 0.95)


class SkewedAsItIs(Skewed):
    """The same, with a law that has both of its moves."""

    def law(self, dt, nodes):
        return Law(probability=[0.05, 0.95], mean=[self.size, -self.size * 0.05 / 0.95])


def test_under_a_utility_the_shape_of_a_move_counts_too():
    """A parabola sees mean and variance, exponential utility all of the law."""
    optimum(world(price=Skewed(1.5)))
    with pytest.raises(Unsolvable, match="third moment of the mid's move"):
        optimum(world(price=Skewed(1.5), reward=CARA(0.5)))
    optimum(world(price=SkewedAsItIs(1.5), reward=CARA(0.5)))
