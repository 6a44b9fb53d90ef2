"""Hawkes 1971: moments of counts and intensities, in closed form, by this package's law, and of the simulated order book."""

from __future__ import annotations

import math
from collections.abc import Iterator

from experiments.verification.suite import Asked, Row, suite
from mm_env.venue.order_book.birth_death import stationary_queue
from mm_env.venue.order_book.hawkes_law import HawkesLaw

BASE, BRANCHING, DECAY = 1.2, 0.4, 3.0


@suite("hawkes_1971", "Hawkes 1971: one kind of event, exponential kernel", 0.1)
def one_kind(_: Asked) -> Iterator[Row]:
    """rate = base / (1 - n); Var[lambda] = rate decay n^2 / (2 (1 - n)); the variance of counts in a window."""
    law, rate = HawkesLaw(BASE, BRANCHING, DECAY), BASE / (1.0 - BRANCHING)  # pyright: ignore[reportArgumentType]
    yield Row("rate", rate, float(law.rate[0]), 1e-12)
    variance = rate * DECAY * BRANCHING**2 / (2.0 * (1.0 - BRANCHING))
    yield Row("variance of the intensity", variance, float(law.intensity_covariance[0, 0]), 1e-12)
    for window in (0.01, 1.0, 50.0):
        found = float(law.count_covariance(window)[0, 0])
        yield Row(f"variance of counts in {window:g}", variance_of_counts(window), found, 1e-8 * found)


def variance_of_counts(window: float) -> float:
    """rate T / (1 - n)^2 + rate n (2 - n) (exp(-c T) - 1) / (c (1 - n)^2), c = decay (1 - n)."""
    n, fades = BRANCHING, DECAY * (1.0 - BRANCHING)
    rate, gap = BASE / (1.0 - n), (1.0 - n) ** 2
    return rate * (window + n * (2.0 - n) * math.expm1(-fades * window) / fades) / gap


@suite("mutually_exciting_jumps", "exact: dl = 20 (0.5 - l) dt + B dN, B = [[8, 6], [6, 8]]", 0.1)
def two_kinds(_: Asked) -> Iterator[Row]:
    """Stationary moments of two intensities that excite each other, long-run covariance of counts, and what a jump brings."""
    law = HawkesLaw([0.5, 0.5], [[0.4, 0.3], [0.3, 0.4]], 20.0)  # pyright: ignore[reportArgumentType]
    yield Row("mean intensity", 1.66666667, float(law.rate[0]), 1e-8)
    yield Row("variance of the intensity", 13.7037037, float(law.intensity_covariance[0, 0]), 1e-7)
    yield Row("covariance of the intensities", 13.5185185, float(law.intensity_covariance[0, 1]), 1e-7)
    step = law.count_covariance(501.0) - law.count_covariance(500.0)
    yield Row("long-run variance of counts", 10.2880658, float(step[0, 0]), 1e-6)
    yield Row("long-run covariance of counts", 8.2304527, float(step[0, 1]), 1e-6)
    brought = float(law.brought_within(0.1)[1, 0])
    yield Row("excess jumps of 2 within 0.1 after one of 1", 0.48001414, brought, 1e-8)


@suite("queues_huang_2015", "Huang, Lehalle & Rosenbaum 2015, sec. 2.3.1: a birth-death queue's law", 0.1)
def queues(_: Asked) -> Iterator[Row]:
    """One server (geometric) and many servers (Poisson), the ends of what a queue's rates may be."""
    one = stationary_queue([1.0] * 40, [0.0] + [2.0] * 39)
    many = stationary_queue([3.0] * 60, [0.0, *(1.5 * k for k in range(1, 60))])
    for k in (0, 1, 4):
        yield Row(f"P[{k} orders], one server at load 1/2", 0.5 ** (k + 1), float(one.probability[k]), 1e-12)
        poisson = math.exp(-2.0) * 2.0**k / math.factorial(k)
        yield Row(f"P[{k} orders], each cancelled by itself, mean 2", poisson, float(many.probability[k]), 1e-12)
