"""Loops over lanes: as machine code they do what they do as plain Python."""

import numpy as np
import pytest

from mm_env.core import engine
from mm_env.core.lanes import over_lanes
from mm_env.core.maths import scalar


@scalar
def _doubled(j, numbers, doubled):
    if numbers[j] < 0.0:
        raise ValueError("a number below 0")
    doubled[j] = 2.0 * numbers[j]
    return 1 if numbers[j] > 1.0 else 0


def _double(numbers, doubled, lanes):
    return over_lanes(_doubled, lanes, (numbers, doubled))


@pytest.mark.parametrize("lanes", [0, 1, 7, 64])  # none, fewer than go side by side, some left over
def test_each_lane_is_visited_once_and_what_is_returned_is_summed(lanes):
    numbers, plain, made = np.linspace(0.0, 2.0, 64), np.zeros(64), np.zeros(64)
    counted = _double(numbers, plain, lanes)
    assert engine.run(_double, numbers, made, lanes) == counted == (numbers[:lanes] > 1.0).sum()
    np.testing.assert_array_equal(made, plain)
    np.testing.assert_array_equal(made[:lanes], 2.0 * numbers[:lanes])


def test_what_a_lane_raises_is_raised():
    numbers = np.zeros(8)
    numbers[5] = -1.0
    for run in (_double, lambda *arguments: engine.run(_double, *arguments)):
        with pytest.raises(ValueError, match="a number below 0"):
            run(numbers, np.zeros(8), 8)
