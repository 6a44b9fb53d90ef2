"""A price with a state of its own: its law on a grid, the error of the grid, and who sees the state."""

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest

from agents.exact.evaluation import evaluate
from agents.exact.optimum import optimum
from agents.exact.price_grid import Unsolvable, axis_of
from agents.policy import play
from mm_env import (
    CARA,
    ArrivalImpact,
    Brownian,
    Dealer,
    Exponential,
    FiniteHorizon,
    Law,
    NonNegative,
    OrnsteinUhlenbeck,
    Poisson,
    Price,
    Probability,
    Real,
    ShortTermAlpha,
    rule,
)
from mm_env.core.maths import normal
from mm_env.rollout import run_actions
from tests.agents.optimal_worlds import REVERTING
from tests.worlds import thinned, within, world


class Regime(NamedTuple):
    rising: float  # 1.0 or 0.0


class Regimes(Price):
    """A user's own model: the drift and the volatility are one or the other, and switch with probability `switch` a step."""

    drift: Real
    calm: NonNegative
    wild: NonNegative
    switch: Probability

    signals = ("rising",)

    @rule
    def start(self):
        return Regime(1.0)

    @rule
    def move(self, mid, latent, noise, dt):
        sigma = self.wild if latent.rising > 0.5 else self.calm
        drift = self.drift if latent.rising > 0.5 else -self.drift
        return mid + drift * dt + sigma * math.sqrt(dt) * normal(noise.price)

    @rule
    def evolve(self, latent, noise, dt):
        return Regime(1.0 - latent.rising if noise.latent[0] < self.switch else latent.rising)

    @rule
    def observe(self, mid, latent):
        return (latent.rising,)

    def law(self, dt, nodes):
        drift, variance = np.array([[-self.drift], [self.drift]]) * dt, np.array([[self.calm**2], [self.wild**2]]) * dt
        return Law([1 - self.switch, self.switch], drift, variance, np.arange(2.0), [[0.0, 1.0], [1.0, 0.0]], "rising")


REGIMES = replace(REVERTING, price=Regimes(drift=2.0, calm=0.5, wild=2.0, switch=0.1))
ALPHA = replace(REVERTING, price=ShortTermAlpha(sigma=1.0, decay=5.0, vol=20.0))
STATEFUL = {"mean reversion": REVERTING, "alpha": ALPHA, "regimes": REGIMES}
STATEFUL |= {f"{name}, utility": replace(market, reward=CARA(0.1)) for name, market in STATEFUL.items()}
STATEFUL["alpha, informed orders"] = replace(ALPHA, venue=Dealer(Poisson(10.0), Exponential(1.0), ArrivalImpact(0.3)))
every_state = pytest.mark.parametrize(
    "name", thinned(STATEFUL, set(STATEFUL) - {"mean reversion", "regimes", "alpha, utility"})
)


@every_state
def test_the_optimum_is_worth_what_the_evaluation_of_its_table_by_state_says(name):
    found = optimum(STATEFUL[name])
    again = evaluate(STATEFUL[name], found.actions, len(found.axis.nodes))
    np.testing.assert_allclose(again.value, found.value, rtol=1e-9, atol=1e-12)


@every_state
def test_the_optimum_earns_its_value_with_its_variance(name):
    market = STATEFUL[name]
    found = optimum(market)
    objective = play(market, found, 20_000, 0).objective
    assert not found.tabulable
    assert within(objective, found.objective)
    spread = evaluate(market, found.actions, len(found.axis.nodes)).variance
    assert within((objective - found.objective) ** 2, spread)


@every_state
def test_a_table_that_does_not_look_earns_its_value_with_its_variance(name):
    market = STATEFUL[name]
    table = np.random.default_rng(1).uniform(-1.0, 1.0, (20, 5, 2))
    exact, objective = evaluate(market, table, 41), run_actions(market, table, 20_000, 5).objective
    assert within(objective, exact.objective)
    assert within((objective - exact.objective) ** 2, exact.variance)


@every_state
def test_to_see_the_state_is_worth_something(name):
    found = optimum(STATEFUL[name])
    blind = evaluate(STATEFUL[name], found.actions[:, len(found.axis.nodes) // 2], len(found.axis.nodes))
    assert found.worth > blind.worth + 0.01


@pytest.mark.parametrize("nodes", [11, 21, 41])
@pytest.mark.parametrize("name", [name for name in STATEFUL if "regimes" not in name])
def test_the_error_that_is_reported_bounds_the_true_one(name, nodes):
    found, fine = optimum(STATEFUL[name], nodes), optimum(STATEFUL[name], 161)
    assert 0.0 < abs(found.objective - fine.objective) <= found.error


@pytest.mark.parametrize("initial_mid", [100.0, 100.3])
def test_the_value_of_a_mean_reverting_market_converges_with_its_nodes(initial_mid):
    """Cubic interpolation: half the spacing leaves a sixteenth of the error, wherever the mid starts."""
    market = replace(REVERTING, initial_mid=initial_mid)
    values = np.array([optimum(market, nodes).objective for nodes in (21, 41, 81)])
    coarse, fine = np.abs(np.diff(values))
    assert fine < coarse / 8.0
    assert fine < 1e-6 * values[-1]


def test_a_state_of_two_values_has_no_grid_and_no_error():
    assert optimum(REGIMES).error == 0.0
    assert optimum(REGIMES).axis.nodes.tolist() == [0.0, 1.0]


def test_a_grid_too_small_to_be_halved_is_refused():
    with pytest.raises(ValueError, match=r"nodes must be a whole number >= 5, got 4"):
        optimum(REVERTING, 4)


def test_a_market_without_a_state_has_no_error():
    assert optimum(world()).error == 0.0


def test_regimes_that_never_switch_are_worth_what_the_one_at_the_start_is():
    market = replace(REGIMES, price=replace(REGIMES.price, switch=0.0))
    plain = replace(REGIMES, price=Brownian(sigma=2.0, drift=2.0))
    assert optimum(market).objective == pytest.approx(optimum(plain).objective, rel=1e-12)


@pytest.mark.parametrize("reward", [REVERTING.reward, CARA(0.3)])
@pytest.mark.parametrize(
    "slow",
    [OrnsteinUhlenbeck(sigma=2.0, speed=1e-6, mean=100.0), ShortTermAlpha(sigma=2.0, decay=5.0, vol=1e-4)],
    ids=lambda price: type(price).__name__,
)
def test_a_state_that_hardly_matters_leaves_the_worth_of_a_brownian_mid(slow, reward):
    market = replace(REVERTING, price=slow, initial_mid=100.0, reward=reward)
    plain = replace(market, price=Brownian(sigma=2.0))
    assert optimum(market).objective == pytest.approx(optimum(plain).objective, rel=1e-4)


def test_a_mid_that_runs_to_its_mean_without_noise_is_solved_in_price_units():
    market = replace(REVERTING, price=OrnsteinUhlenbeck(sigma=0.0, speed=5.0, mean=100.0), initial_mid=100.3)
    found = optimum(market)
    table = np.repeat(found.actions[:, found.axis.nodes.searchsorted(0.25)][:, None], len(found.axis.nodes), axis=1)
    exact = evaluate(market, table, len(found.axis.nodes))
    assert within(run_actions(market, table[:, 0], 20_000, 5).objective, exact.objective)
    assert found.objective > exact.objective
    still, plain = replace(market, initial_mid=100.0), replace(market, price=Brownian(0.0), initial_mid=100.0)
    assert optimum(still).objective == pytest.approx(optimum(plain).objective, rel=1e-12)
    with pytest.raises(Unsolvable, match=r"its mid_deviation starts at 6, off the grid \[-5, 5\]"):
        axis_of(replace(market, initial_mid=106.0))


def test_a_signal_of_a_rising_mid_draws_both_quotes_up():
    found = optimum(ALPHA)
    falling, rising = (found.act(np.array([[0.0, 0.5, alpha]], np.float32))[0] for alpha in (-1.5, 1.5))
    assert rising[1] > falling[1] + 0.1  # the skew


def test_orders_that_move_a_mid_which_is_the_state_are_refused():
    market = replace(REVERTING, venue=Dealer(Poisson(10.0), Exponential(1.0), ArrivalImpact(0.3)))
    with pytest.raises(Unsolvable, match="impact: orders that move the mid move the state of the price"):
        optimum(market)


def test_a_start_off_the_grid_is_refused():
    with pytest.raises(Unsolvable, match=r"its mid_deviation starts at 15.81, off the grid \[-5, 5\]"):
        axis_of(replace(REVERTING, initial_mid=110.0))


@pytest.mark.parametrize(("parts", "rule"), [
    ({"probability": [0.5, 0.4]}, r"probability must sum to 1 over the branches, got \[0.9\]"),
    ({"probability": [1.5, -0.5]}, "probability must be >= 0, got -0.5"),
    ({"variance": -1.0}, "variance must be >= 0, got -1.0"),
    ({"mean": np.nan}, "fields must be finite numbers"),
    ({"nodes": [1.0, 0.0], "signal": "x"}, "nodes must increase"),
    ({"nodes": [0.0, 1.0], "following": 2.0, "signal": "x"}, "following must lie on the grid"),
    ({"nodes": [0.0, 1.0]}, "signal must name what shows the nodes"),
])  # fmt: skip
def test_a_law_that_is_none_is_refused(parts, rule):
    with pytest.raises(ValueError, match=f"Law.{rule}"):
        Law(**parts)


def test_a_state_starts_where_the_price_starts_it():
    assert axis_of(REGIMES).start == 1.0
    assert axis_of(replace(REVERTING, clock=FiniteHorizon(1.0, 20)), 41).start == pytest.approx(0.3 * math.sqrt(10) / 2)
