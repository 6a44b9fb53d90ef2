"""Price models: the law of a step, of many steps, and what each says of its own moves."""

import math

import numpy as np
import pytest

from mm_env import Binomial, Brownian, Geometric, Noise, OrnsteinUhlenbeck
from mm_env.core.component import record
from tests.worlds import within

N, DT, MID = 40_000, 0.25, 104.0
UNIFORMS = np.random.default_rng(20).uniform(0, 1, (N, 2)).tolist()
MODELS = [
    Brownian(sigma=2.0, drift=0.5),
    Binomial(sigma=3.0),
    Geometric(sigma=0.3, drift=-0.2),
    OrnsteinUhlenbeck(sigma=2.0, speed=1.5, mean=100.0),
]


def moved(model, mid=MID, dt=DT):
    """The mids after one step of N independent lanes from `mid` (one number, or one a lane)."""
    rules, latent = record(model), record(model).start()
    starts = np.broadcast_to(mid, N).tolist()
    return np.array([rules.move(s, latent, noise(u), dt) for s, u in zip(starts, UNIFORMS, strict=True)])


def noise(price) -> Noise:
    return Noise(0.5, 0.5, tuple(price), 0.5, 0.5, (0.5, 0.5))


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_a_model_expects_what_it_does(model):
    assert within(moved(model), record(model).expected(MID, None, DT))


def law_moments(law, node=0):
    """E[move], E[move^2] and E[exp(theta move)] by a law at one of its nodes."""
    p, mean, variance = law.probability[node], law.mean[node], law.variance[node]
    return p @ mean, p @ (mean**2 + variance), lambda theta: p @ np.exp(theta * mean + 0.5 * theta**2 * variance)


@pytest.mark.parametrize("model", MODELS[:2], ids=str)
def test_the_law_is_that_of_the_moves(model):
    moves, law = moved(model) - MID, model.law(DT, 5)
    mean, square, exponential = law_moments(law)
    assert within(moves, mean)
    assert within(moves**2, square)
    for theta in (-0.7, 0.2, 1.0):
        assert within(np.exp(theta * moves), exponential(theta))


def test_the_law_of_mean_reversion_is_that_of_the_moves_at_each_node():
    model = OrnsteinUhlenbeck(sigma=2.0, speed=1.5, mean=100.0)
    law, deviation = model.law(DT, 11), 2.0 / math.sqrt(3.0)
    for node in (2, 5, 7):
        start = 100.0 + law.nodes[node] * deviation
        moves = moved(model, start) - start
        mean, square, exponential = law_moments(law, node)
        assert within(moves, mean)
        assert within(moves**2, square)
        assert within(np.exp(0.5 * moves), exponential(0.5))
        assert law.drift[node] == pytest.approx(record(model).expected(start, None, DT) - start, rel=1e-12)
        shown = [record(model).observe(mid, None)[0] for mid in (start + moves).tolist()]
        assert within(np.array(shown), law.probability[node] @ law.following[node])


@pytest.mark.parametrize("model", [MODELS[2]], ids=str)
def test_a_model_whose_moves_depend_on_the_mid_says_it_has_no_such_law(model):
    with pytest.raises(NotImplementedError, match=f"{type(model).__name__} has no law of its moves"):
        model.law(DT, 5)


def test_brownian_moves_are_normal():
    z = (moved(Brownian(sigma=2.0, drift=0.5)) - MID - 0.5 * DT) / (2.0 * math.sqrt(DT))
    for power, moment in ((1, 0.0), (2, 1.0), (3, 0.0), (4, 3.0)):
        assert within(z**power, moment)


def test_binomial_moves_are_up_or_down_with_probability_one_half():
    moves = moved(Binomial(sigma=3.0)) - MID
    assert set(moves.tolist()) == {1.5, -1.5}
    assert within(moves, 0.0)


def test_geometric_moves_are_log_normal_and_never_reach_zero():
    mids = moved(Geometric(sigma=0.3, drift=-0.2))
    z = (np.log(mids / MID) - (-0.2 - 0.045) * DT) / (0.3 * math.sqrt(DT))
    for power, moment in ((1, 0.0), (2, 1.0), (4, 3.0)):
        assert within(z**power, moment)
    assert moved(Geometric(sigma=5.0)).min() > 0


def test_a_geometric_mid_without_drift_is_a_martingale():
    assert within(moved(Geometric(sigma=0.4)), MID)
    assert record(Geometric(sigma=0.4)).expected(MID, None, DT) == MID


def test_ornstein_uhlenbeck_moves_exactly():
    decay = math.exp(-1.5 * DT)
    mids = moved(OrnsteinUhlenbeck(sigma=2.0, speed=1.5, mean=100.0))
    assert within(mids, 100 + 4 * decay)
    assert within((mids - 100 - 4 * decay) ** 2, 4.0 * (1 - decay**2) / 3.0)


@pytest.mark.parametrize("dt", [0.01, 1.0, 30.0])
def test_ornstein_uhlenbeck_stays_in_its_stationary_law_at_any_step(dt):
    model, sd = OrnsteinUhlenbeck(sigma=2.0, speed=1.5, mean=100.0), 2.0 / math.sqrt(3.0)
    later = moved(model, 100 + sd * np.random.default_rng(3).normal(size=N), dt)
    assert within(later, 100.0)
    assert within((later - 100.0) ** 2, sd**2)


def test_the_signal_is_the_distance_in_stationary_deviations():
    model = OrnsteinUhlenbeck(sigma=2.0, speed=0.5, mean=100.0)
    assert record(model).observe(103.0, None) == (1.5,)
    assert model.signals == ("mid_deviation",)


@pytest.mark.parametrize("speed", [1e-6, 1e-9, 1e-12, 1e-17])
def test_a_slow_ornstein_uhlenbeck_moves_as_brownian_motion_does(speed):
    up = noise((math.exp(-0.5), 1.0))  # a normal of 1
    model = record(OrnsteinUhlenbeck(sigma=2.0, speed=speed, mean=0.0))
    assert model.move(0.0, None, up, DT) == pytest.approx(2.0 * math.sqrt(DT), rel=1e-6)


def test_without_volatility_a_reverting_mid_runs_to_its_mean_and_shows_the_way_left_in_price_units():
    model = OrnsteinUhlenbeck(sigma=0.0, speed=1.5, mean=100.0)
    assert (moved(model, 103.0) == 100.0 + 3.0 * math.exp(-1.5 * DT)).all()
    assert record(model).observe(103.0, None) == (3.0,)
    law = model.law(DT, 11)
    np.testing.assert_allclose(law.following[:, 0], law.nodes * math.exp(-1.5 * DT), rtol=1e-15)
    np.testing.assert_allclose(law.drift, law.nodes * math.expm1(-1.5 * DT), atol=1e-15)
    assert not law.variance.any()


@pytest.mark.parametrize(
    "model", [Brownian(0.0), Binomial(0.0), Geometric(0.0), OrnsteinUhlenbeck(0.0, 1.5, MID)], ids=str
)
def test_a_mid_without_volatility_stands_still(model):
    assert (moved(model) == MID).all()


def test_time_scales_by_its_square_root():
    assert np.allclose(moved(Brownian(2.0), dt=1.0) - MID, 2 * (moved(Brownian(2.0), dt=0.25) - MID), rtol=1e-9)
