"""Laws of several states together, and laws that change with the time, are solved as the product is, and as they are played."""

import math
from dataclasses import replace

import numpy as np
import pytest

from agents.exact.evaluation import evaluate
from agents.exact.optimum import optimum
from mm_env import CARA, Brownian, FiniteHorizon, Law, rule
from mm_env.core.maths import normal
from mm_env.price.law import joint
from mm_env.rollout import run_policy
from tests.agents.open_markets import OPEN, TwoFactors
from tests.worlds import within, world


class Together(TwoFactors):
    """The same two factors, their law as one on the grid of both."""

    def law(self, dt, nodes):
        return joint(super().law(dt, nodes))


@pytest.mark.parametrize("name", ["two factors", pytest.param("two factors, utility", marks=pytest.mark.slow)])
def test_a_joint_law_is_solved_as_the_product_that_it_is_made_of(name):
    apart = OPEN[name]
    both = replace(
        apart, price=Together(*(getattr(apart.price, f) for f in ("speed", "vol", "calm", "rough", "switch")))
    )
    one, other = optimum(apart, 11, kept_from=np.inf), optimum(both, 11, kept_from=np.inf)
    assert other.worth == pytest.approx(one.worth, rel=1e-11)
    np.testing.assert_allclose(other.value, one.value, rtol=0, atol=1e-11 * np.abs(one.value).max())
    assert other.error == pytest.approx(one.error, rel=1e-3, abs=1e-10)
    spread = [evaluate(market, one.actions, 11).variance for market in (apart, both)]
    assert spread[1] == pytest.approx(spread[0], rel=1e-9)
    rng = np.random.default_rng(0)
    seen = np.column_stack(
        [rng.integers(-3, 4, 50) / 2.0, rng.uniform(0, 1, 50), rng.normal(size=50), rng.integers(0, 2, 50)]
    )
    found = replace(other, actions=one.actions).act(seen.astype(np.float32))
    np.testing.assert_allclose(found, one.act(seen.astype(np.float32)), atol=1e-12)


class Storm(Brownian):
    """A volatility that is three times as high in the second half of the day, and a drift in its last quarter."""

    @rule
    def move(self, mid, latent, noise, dt, now):
        late = 3.0 if now.time > 0.99 else 1.0
        return mid + (0.4 if now.time > 1.49 else 0.0) * dt + late * self.sigma * math.sqrt(dt) * normal(noise.price)

    def law_at(self, time, dt, nodes):
        return _storm(self.sigma * (3.0 if time > 0.99 else 1.0), 0.4 if time > 1.49 else 0.0, dt)

    def law(self, dt, nodes):
        return self.law_at(0.0, dt, nodes)


def _storm(sigma, drift, dt, known={}):  # noqa: B006
    return known.setdefault((sigma, drift, dt), Law(mean=drift * dt, variance=sigma**2 * dt))


STORM = world(price=Storm(0.6), clock=FiniteHorizon(2.0, 40))


@pytest.mark.parametrize(
    "reward", [STORM.reward, pytest.param(CARA(0.5), marks=pytest.mark.slow)], ids=["penalty", "utility"]
)
def test_a_law_that_changes_with_the_time_is_solved_as_it_is_played(reward):
    market = replace(STORM, reward=reward)
    best = optimum(market, kept_from=np.inf)
    assert best.axis.timed
    assert within(run_policy(market, best.act, 40_000, seed=1).objective, best.objective)
    found = evaluate(market, best.actions[:, 0])
    assert found.objective == pytest.approx(best.objective, rel=1e-9)


def test_what_is_known_of_the_time_is_worth_something():
    market = replace(STORM, reward=CARA(0.5))
    steady = replace(market, price=Brownian(0.6))
    blind = optimum(steady, kept_from=np.inf)
    assert evaluate(market, blind.actions[:, 0]).worth < optimum(market, kept_from=np.inf).worth


def test_a_price_that_reads_the_time_without_saying_its_laws_is_refused():
    class Silent(Brownian):
        @rule
        def move(self, mid, latent, noise, dt, now):
            return mid + now.time * dt

        def law(self, dt, nodes):
            return Law()

    with pytest.raises(ValueError, match=r"price: Silent.move reads now.time"):
        optimum(replace(STORM, price=Silent(1.0)))
