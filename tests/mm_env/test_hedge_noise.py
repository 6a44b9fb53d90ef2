"""The noise that hedges draw by is nobody else's, whatever moves the mid, and costs as little as it may."""

import math

import numpy as np
import pytest

from mm_env import (
    Binomial,
    Brownian,
    Geometric,
    GeometricMerton,
    Kou,
    Merton,
    NormalJumps,
    Now,
    OrnsteinUhlenbeck,
    Price,
    RegimeSwitching,
    ShortTermAlpha,
    WithJumps,
)  # fmt: skip
from mm_env.core.component import record, rule
from mm_env.core.maths import normal, second_normal
from mm_env.core.noise import apart, draw
from mm_env.world import World

pytestmark = pytest.mark.quick

N = 2_500
REGIMES = {"volatility": (1.0, 3.0), "rates": ((-1.0, 1.0), (1.0, -1.0))}


class BothNormals(Brownian):
    """A diffusion that reads both normals of its pair."""

    @rule
    def move(self, mid, latent, noise, dt):
        return mid + self.sigma * math.sqrt(0.5 * dt) * (normal(noise.price) + second_normal(noise.price))


class Slower(Brownian):
    """A diffusion that draws as the one it is a kind of does."""

    @rule
    def variance(self, latent, dt):
        return self.sigma * self.sigma * dt


PRICES = {
    "brownian": Brownian(2.0),
    "binomial": Binomial(2.0),
    "geometric": Geometric(0.02),
    "reverting": OrnsteinUhlenbeck(1.0, 2.0, 100.0),
    "alpha": ShortTermAlpha(1.0, 5.0, 2.0),
    "merton": Merton(1.0, 5.0, 0.1, 0.5),
    "kou": Kou(1.0, 5.0, 0.4, 0.5, 0.5),
    "geometric merton": GeometricMerton(0.02, 5.0, 0.0, 0.02),
    "with jumps": WithJumps(Brownian(1.0), NormalJumps(5.0, 0.1, 0.5)),
    "regimes": RegimeSwitching(Brownian(1.0), **REGIMES),
    "jumps in regimes": WithJumps(RegimeSwitching(Brownian(1.0), **REGIMES), NormalJumps(5.0, 0.1, 0.5)),
    "both normals": BothNormals(2.0),
    "slower": Slower(2.0),
}


def drawn(price: Price, dt: float = 0.1) -> np.ndarray:
    """The mid's moves and the hedges' own normals of N lanes in a first step, (2, N)."""
    rules, made = record(price), []
    now = Now(0.0, 1.0, 100.0, World(rules.start(), (), (), (), (), ()), ())
    for lane in range(N):
        noise = draw(3, lane, 0, 0)
        made.append(
            (rules.move(100.0, rules.start(), noise, dt, now) - 100.0, second_normal(rules.unread(noise).price))
        )
    return np.array(made).T


@pytest.mark.parametrize("name", PRICES)
def test_the_own_part_of_a_hedge_is_normal_and_independent_of_what_moves_the_mid(name):
    moves, own = drawn(PRICES[name])
    assert abs(own.mean()) * math.sqrt(N) < 4.0
    assert abs((own**2).mean() - 1.0) * math.sqrt(N / 2.0) < 4.0
    assert abs((own**4).mean() - 3.0) * math.sqrt(N / 96.0) < 4.0
    for f in (np.asarray, np.abs, np.square, np.sign):
        for g in (np.asarray, np.abs, np.square, np.sign):
            x, y = f(moves), g(own)
            if x.std() > 0.0:
                assert abs(np.corrcoef(x, y)[0, 1]) * math.sqrt(N) < 4.5, (f, g)


def test_hedges_take_the_second_normal_of_the_pair_where_the_price_reads_the_first_alone():
    noise = draw(3, 5, 0, 0)
    for name in ("brownian", "geometric", "reverting", "alpha", "merton", "kou", "regimes", "slower"):
        assert record(PRICES[name]).unread(noise) is noise, name


def test_what_draws_otherwise_than_the_model_it_is_a_kind_of_leaves_hedges_a_block_of_their_own():
    noise = draw(3, 5, 0, 0)
    for name in ("binomial", "with jumps", "both normals"):
        assert record(PRICES[name]).unread(noise).price != noise.price, name
    assert record(BothNormals(1.0)).unread(noise).price == record(Binomial(1.0)).unread(noise).price


def test_second_normals_are_exact_and_of_one_circle_with_the_first():
    for lane in range(500):
        u, v = draw(1, lane, 0, 0).price
        assert second_normal((u, v)) == pytest.approx(
            math.sqrt(-2.0 * math.log(u)) * math.sin(2.0 * math.pi * v), abs=4e-15
        )
        assert normal((u, v)) ** 2 + second_normal((u, v)) ** 2 == pytest.approx(-2.0 * math.log(u), rel=1e-14)


def test_each_of_several_hedges_draws_a_pair_of_its_own():
    noise = draw(3, 5, 0, 0)
    pairs = {apart(noise, number).price for number in range(20)}
    assert len(pairs) == 20
    assert apart(noise, 0).price == noise.price
