"""The mid with a short-term alpha: exact over any step, and the law it tells of itself."""

import math

import numpy as np
import pytest

from mm_env import Noise, ShortTermAlpha
from mm_env.core.component import record
from mm_env.price.short_term_alpha import Drift, bridge
from mm_env.simulation import Simulation
from tests.worlds import within, world

N, DT = 40_000, 0.25
MODEL = ShortTermAlpha(sigma=0.5, decay=1.5, vol=3.0)


def moved(model, alpha, dt, steps=1, seed=0):
    """The moves of the mid and the alphas after `steps` steps that last `dt` together, (N,) each."""
    rules, random = record(model), np.random.default_rng(seed)
    mids, alphas = [], []
    for uniforms in random.uniform(0, 1, (N // steps, steps, 4)).tolist():
        mid, latent = 0.0, Drift(alpha)
        for u in uniforms:
            noise = Noise(0.5, 0.5, (u[0], u[1]), 0.5, 0.5, (u[2], u[3]))
            mid, latent = rules.move(mid, latent, noise, dt / steps), rules.evolve(latent, noise, dt / steps)
        mids.append(mid)
        alphas.append(latent.alpha)
    return np.array(mids), np.array(alphas)


def exact(model, alpha, dt):
    """Means and covariance of the move and of alpha after dt, by the integrals of an Ornstein-Uhlenbeck process."""
    k, e = model.decay, math.exp(-model.decay * dt)
    v = model.vol**2
    integral = v / k**2 * (dt - 2 * (1 - e) / k + (1 - e * e) / (2 * k))
    shared = v / (2 * k * k) * (1 - e) ** 2
    return alpha * (1 - e) / k, alpha * e, model.sigma**2 * dt + integral, shared, v * (1 - e * e) / (2 * k)


@pytest.mark.parametrize("steps", [1, 4])
@pytest.mark.parametrize("dt", [0.25, 3.0])
def test_mid_and_alpha_move_exactly_together_whatever_the_step(dt, steps):
    (moves, alphas), (move, mean, variance, shared, spread) = moved(MODEL, 2.0, dt, steps), exact(MODEL, 2.0, dt)
    assert within(moves, move)
    assert within(alphas, mean)
    assert within((moves - move) ** 2, variance)
    assert within((alphas - mean) ** 2, spread)
    assert within((moves - move) * (alphas - mean), shared)


def test_the_model_expects_what_it_does():
    assert within(moved(MODEL, -1.0, DT)[0], record(MODEL).expected(0.0, Drift(-1.0), DT))


@pytest.mark.parametrize("node", [2, 5, 7])
def test_the_law_is_that_of_the_moves(node):
    law, deviation = MODEL.law(DT, 11), 3.0 / math.sqrt(3.0)
    moves, alphas = moved(MODEL, law.nodes[node] * deviation, DT)
    p, mean, variance, following = (x[node] for x in (law.probability, law.mean, law.variance, law.following))
    assert within(moves, p @ mean)
    assert within(moves**2, p @ (mean**2 + variance))
    assert within(alphas / deviation, p @ following)
    assert within(moves * alphas / deviation, p @ (mean * following))
    assert within(np.exp(0.3 * moves), p @ np.exp(0.3 * mean + 0.045 * variance))


def test_alpha_starts_at_none_and_comes_to_its_stationary_law_which_is_what_is_seen():
    simulation = Simulation(world(price=MODEL), N)
    assert (simulation.start(0)[:, 2] == 0.0).all()
    for _ in range(60):
        observations = simulation.step(np.zeros(2 * N))[0]
    assert within(observations[:, 2].astype(np.float64), 0.0)
    assert within(observations[:, 2].astype(np.float64) ** 2, 1.0)
    assert observations[0, 2] == np.float32(simulation.state.world.price.alpha[0] / math.sqrt(3.0))


@pytest.mark.parametrize("x", [1e-3, 0.01, 0.0999, 0.1001, 1.0, 40.0])
def test_what_the_ends_leave_open_is_exact(x):
    """x - 2 tanh(x / 2) = the integral of tanh(s / 2)^2 from 0 to x, which has no cancellation."""
    s, weights = np.polynomial.legendre.leggauss(60)
    integral = 0.5 * x * weights @ np.tanh(0.25 * x * (s + 1.0)) ** 2
    assert bridge(x) == pytest.approx(integral, rel=1e-11)
