"""Birth-death queues: the null space of their generator, and laws in closed form."""

import numpy as np
import pytest
from scipy.linalg import null_space
from scipy.stats import geom, poisson

from mm_env.venue.order_book.birth_death import reaching, stationary_queue

UP = [1.3, 0.9, 1.4, 0.7, 0.8, 0.6]  # of a queue that likes to hold two or three
DOWN = [0.0, 0.4, 0.9, 1.5, 1.2, 1.1]


def test_against_the_null_space_of_the_generator():
    longest = 80  # the rates stay as they are beyond the last
    up, down = (np.append(rates, np.full(longest + 1 - len(rates), rates[-1])) for rates in (UP, DOWN))
    generator = np.diag(up[:-1], 1) + np.diag(down[1:], -1)
    generator -= np.diag(generator.sum(axis=1))
    law = null_space(generator.T, rcond=1e-13)[:, 0]
    law /= law.sum()
    found = stationary_queue(UP, DOWN)
    np.testing.assert_allclose(found.probability, law[: len(UP)], rtol=1e-9)
    assert found.beyond == pytest.approx(law[len(UP) :].sum(), rel=1e-9)


def test_one_server_and_many():
    served = stationary_queue([0.6, 0.6], [0.0, 1.0])
    np.testing.assert_allclose(served.probability, geom(0.4).pmf([1, 2]), rtol=1e-14)
    assert served.beyond == pytest.approx(0.36, rel=1e-14)
    lengths = np.arange(60)
    cancelled = stationary_queue(np.full(60, 3.0), 0.5 * lengths)
    np.testing.assert_allclose(cancelled.probability, poisson(6.0).pmf(lengths), rtol=1e-11)
    assert cancelled.beyond >= poisson(6.0).sf(59)  # a bound, as cancellations go on to rise


def test_weights_beyond_the_range_of_floats():
    lengths = np.arange(3000)
    law = stationary_queue(np.full(3000, 2000.0), 1.0 * lengths)
    np.testing.assert_allclose(law.probability, poisson(2000.0).pmf(lengths), rtol=1e-9, atol=1e-300)
    assert law.probability.sum() + law.beyond == pytest.approx(1.0, abs=1e-12)


def test_a_queue_that_cannot_grow():
    law = stationary_queue([1.0, 2.0, 0.0], [0.0, 1.0, 4.0])
    np.testing.assert_allclose(law.probability, np.array([1.0, 1.0, 0.5]) / 2.5)
    assert law.beyond == 0.0


def test_what_a_queue_reaches():
    """Gambler's ruin, fair and not; and the linear equations of a chain that is not homogeneous."""
    np.testing.assert_allclose(reaching(np.ones(9), np.append(0.0, np.ones(8)), 2), 2.0 / np.arange(2, 10))
    odds = 0.5 ** -np.arange(6.0)
    np.testing.assert_allclose(
        reaching(np.ones(5), np.append(0.0, np.full(4, 2.0)), 1), (odds[1] - 1.0) / (odds[1:] - 1.0)
    )
    up, down = np.array(UP)[1:], np.array(DOWN)[1:]
    inner = np.diag(up + down) - np.diag(up[:-1], 1) - np.diag(down[1:], -1)
    chance = np.linalg.solve(inner, np.append(np.zeros(len(up) - 1), up[-1]))  # of 6 orders, from 1, ..., 5
    np.testing.assert_allclose([reaching(UP, DOWN, start)[-1] for start in range(1, 6)], chance)


@pytest.mark.parametrize(
    ("up", "down", "message"),
    [
        ([1.0, -0.5], [0.0, 1.0], r"up must be finite rates >= 0, one a length, got \[1.0, -0.5\]"),
        ([1.0, 0.5], [0.0, 1.0, 1.0], "up and down must be of one length, got 2 and 3"),
        ([1.0, 0.5], [0.1, 1.0], "down must be 0 at an empty queue and > 0 at any other"),
        ([1.0, 1.0], [0.0, 1.0], "up must be below down at the longest queue given, got 1.0 and 1.0"),
    ],
)
def test_mistakes(up, down, message):
    with pytest.raises(ValueError, match=message):
        stationary_queue(up, down)
