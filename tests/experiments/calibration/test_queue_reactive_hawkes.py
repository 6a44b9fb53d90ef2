"""The fit of queue-reactive Hawkes flows: its memories by a slow sum, its likelihood, and what is shipped."""

import numpy as np
import pytest

from experiments.calibration.queue_reactive_hawkes import memories, queue_reactive_hawkes, sizes
from mm_env.data import lobster
from mm_env.data.recording import SECOND
from mm_env.venue.order_book import amazon_reactive
from tests.recordings import real

AMZN = "lobster/LOBSTER_SampleFile_AMZN_2012-06-21_5.zip"


def test_memories_and_their_integrals_are_sums_over_all_past_events():
    random = np.random.default_rng(1)
    gap, cause, decay = random.exponential(0.3, 25), random.integers(0, 7, 25), np.array([3.0, 0.4])
    found, time = memories(gap, cause, decay), np.cumsum(gap)
    for i in range(25):
        for kind in range(6):
            past = time[:i][cause[:i] == kind]
            for p, rate in enumerate(decay):
                assert found[i, 0, kind, p] == pytest.approx(rate * np.exp(-rate * (time[i] - past)).sum())
                since = time[i] - gap[i]
                integral = (np.exp(-rate * (since - past)) - np.exp(-rate * (time[i] - past))).sum()
                assert found[i, 1, kind, p] == pytest.approx(integral)


@pytest.mark.slow
def test_what_is_shipped_is_fitted_to_the_first_part_of_the_day():
    recording = lobster.read(real(AMZN)).until(16_200 * SECOND)
    found, shipped = queue_reactive_hawkes(recording), amazon_reactive.flow()
    assert found.log_likelihood > found.without_memory + 3e5
    assert found.radius < 1.0
    for name in ("inside", "joining", "cancellation", "taking", "branching"):
        np.testing.assert_allclose(
            getattr(found.flow, name), getattr(shipped, name), rtol=6e-3, atol=1e-6, err_msg=name
        )
    assert sizes(recording).table().tolist() == amazon_reactive.sizes().table().tolist()
