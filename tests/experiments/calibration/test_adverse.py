"""Adverse selection by depth: least squares by hand, parameters back, honest errors, a constant where depth tells nothing."""

import numpy as np
import pytest

from experiments.calibration.adverse import FEW, adverse
from experiments.calibration.blocks import BLOCKS
from experiments.calibration.reach import Reach
from tests.experiments.calibration.informed import Informed
from tests.worlds import within

DEPTHS = np.arange(1, 81) * 0.005
RATE, K, SIGMA = 0.3, 20.0, 0.03
LAWS = {"constant": (0.04, 0.0, 0.0), "line": (0.05, 0.6, 0.0), "parabola": (0.06, -0.2, 6.0)}


def drawn(seed, n, base, slope, bend):
    """Quotes of a second, each with the mid's move against it: the informed jump, exponential, and a normal of SIGMA."""
    random, informed = np.random.default_rng(seed), Informed(base, slope, bend, RATE, K)
    furthest = np.full(n, -1.0)
    place = np.repeat(np.arange(n), random.poisson(RATE, n))
    np.maximum.at(furthest, place, random.exponential(1.0 / K, len(place)))
    moves = informed.jump(furthest) * random.exponential(1.0, n) + SIGMA * random.normal(size=n)
    return Reach(1.0, DEPTHS, np.searchsorted(DEPTHS, furthest, side="right"), moves, np.arange(n) * BLOCKS // n)


def test_it_is_least_squares_over_all_fills_at_all_depths():
    reach = drawn(0, 4000, *LAWS["parabola"])
    found = adverse(reach, 0.2)
    rows = [(depth, move) for n, move in zip(reach.reached, reach.against) for depth in DEPTHS[: min(n, 40)]]
    depth, move = np.array(rows).T
    bend, slope, base = np.polyfit(depth, move, 2)
    assert (found.base.value, found.slope.value, found.bend.value) == pytest.approx((base, slope, bend), rel=1e-6)
    assert found.mean.value == pytest.approx(move.mean(), rel=1e-9)
    assert (found.fills, found.reach) == ((reach.reached > 0).sum(), pytest.approx(0.2))
    assert found.at(0.1).value == pytest.approx(base + 0.1 * slope + 0.01 * bend)


@pytest.mark.parametrize("name", LAWS)
def test_the_mean_by_depth_comes_back_within_its_errors(name):
    truth, found = LAWS[name], adverse(drawn(1, 60_000, *LAWS[name]), 3.5 / K)
    for one, true in zip((found.base, found.slope, found.bend), truth, strict=True):
        assert abs(one.value - true) <= 4.0 * one.error
    assert found.found
    assert found.by_depth == (name != "constant")
    assert (found.bend.value != 0.0) == (name == "parabola")
    for depth in (0.01, 0.05, 0.1, 0.15):
        one = found.at(depth)
        assert abs(one.value - Informed(*truth, RATE, K).mean(depth)) < 4.0 * one.error


def test_errors_are_honest():
    """z^2 has a mean of about 1 over many days, whatever one lifetime does at many depths."""
    squares = []
    for seed in range(200):
        found = adverse(drawn(seed, 6000, *LAWS["line"]), 3.5 / K)
        if found.by_depth and found.bend.value == 0.0:  # 1 in 100 days has a bend by chance
            line = zip((found.base, found.slope, found.at(0.1)), (0.05, 0.6, 0.11), strict=True)
            squares.append([((one.value - true) / one.error) ** 2 for one, true in line])
    assert len(squares) > 190
    for z in np.array(squares).T:
        assert within(z, 59.0 / 57.0)


def test_depth_is_said_to_count_by_chance_once_in_a_hundred_days():
    by_depth = sum(adverse(drawn(seed, 2000, *LAWS["constant"]), 3.5 / K).by_depth for seed in range(200))
    assert by_depth <= 12  # of two tests in each of 200 days; more than 12 would come once in a thousand times


def test_orders_that_tell_nothing_have_no_impact():
    found = [adverse(drawn(seed, 4000, 0.0, 0.0, 0.0), 3.5 / K) for seed in range(20)]
    assert sum(one.found for one in found) <= 2


def test_it_is_refused_where_fills_or_moves_are_too_few():
    few = drawn(0, 20, *LAWS["line"])
    with pytest.raises(
        ValueError, match=rf"it needs {FEW} fills and a mid that moves in the lifetimes of 5, got \d and \d"
    ):
        adverse(few, 3.5 / K)
    still = drawn(0, 2000, *LAWS["line"])
    still.against[:] = 0.0
    with pytest.raises(ValueError, match=rf"got {(still.reached > 0).sum()} and 0"):
        adverse(still, 3.5 / K)


def test_a_move_with_the_maker_is_told_from_none():
    found = adverse(drawn(4, 20_000, -0.03, 0.0, 0.0), 3.5 / K)
    assert found.with_the_maker
    assert not found.found
    assert abs(found.at(1.0 / K).value + 0.03) < 4.0 * found.base.error
    assert not adverse(drawn(5, 20_000, 0.03, 0.0, 0.0), 3.5 / K).with_the_maker
