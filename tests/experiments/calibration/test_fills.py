"""lambda(depth): what quotes would have got, by a slow loop; the likelihood by hand; parameters back, with honest errors."""

import numpy as np
import pytest
from scipy.optimize import minimize

from experiments.calibration.blocks import BLOCKS
from experiments.calibration.fills import exponential, log_line, power_law
from experiments.calibration.reach import Reach, default_max_depth, pooled, reaches
from mm_env.data.recording import SECOND
from tests.experiments.calibration.recordings import mid_at, random_recording
from tests.worlds import within

DEPTHS = np.arange(1, 81) * 0.005


def drawn(random, n, rate, k, lifetime=1.0, law=None):
    """Lifetimes of quotes under lambda(depth) = rate exp(-k depth), or `law`(random, how many) beyond the mid."""
    law = law or (lambda random, count: random.exponential(1.0 / k, count))
    furthest = np.full(n, -1.0)
    place = np.repeat(np.arange(n), random.poisson(rate * lifetime, n))
    np.maximum.at(furthest, place, law(random, len(place)))
    reached = np.searchsorted(DEPTHS, furthest, side="right")
    return Reach(lifetime, DEPTHS, reached, np.zeros(n), np.arange(n) * BLOCKS // n)


# reaches


@pytest.mark.parametrize("lifetime", [1.0, 2.5])
@pytest.mark.parametrize("cuts", [(), (12 * SECOND + 5,)])
def test_a_quote_is_filled_if_an_order_within_its_lifetime_pays_its_price(lifetime, cuts):
    recording = random_recording(5, cuts=cuts)
    made, length = recording.orders, round(lifetime * SECOND)
    bid, ask = reaches(recording, lifetime, 0.5)
    assert bid.depths == pytest.approx(np.arange(1, 101) * 0.005)
    starts = [s for s in range(0, 60 * SECOND - length + 1, length) if not any(s < cut <= s + length for cut in cuts)]
    assert len(bid.reached) == len(ask.reached) == len(starts)
    for side, reach in ((-1, bid), (1, ask)):
        for depth in (0.005, 0.01, 0.1, 0.25, 0.5):
            filled, against = [], []
            for start in starts:
                mid = mid_at(recording, start)
                inside = (made.time > start) & (made.time <= start + length) & (made.side == side)
                filled.append(bool((side * (made.worst[inside] * 0.01 - mid) >= depth - 1e-9).any()))
                against.append(side * (mid_at(recording, start + length) - mid))
            place = np.searchsorted(reach.depths, depth - 1e-9)
            assert reach.fills[place] == sum(filled)
            if any(filled):
                assert reach.adverse(depth).value == pytest.approx(np.mean(np.array(against)[filled]))


def test_depths_are_half_ticks_and_no_more_than_four_thousand():
    recording = random_recording(0)
    assert reaches(recording, 1.0, 0.1)[0].depths == pytest.approx(np.arange(1, 21) * 0.005)
    many = reaches(recording, 1.0, 1000.0)[0].depths
    assert len(many) <= 4000
    assert many[0] == pytest.approx(0.25)  # 50 half ticks, as 1000 is 200,000 of them
    assert np.diff(many) == pytest.approx(0.25)
    assert many[-1] == pytest.approx(1000.0)


def test_the_deepest_quote_is_four_spreads_or_ten_deviations_off():
    recording = random_recording(0)
    assert default_max_depth(recording, 0.1285, 0.0199, 1.0) == pytest.approx(0.52)
    assert default_max_depth(recording, 0.01, 0.5, 4.0) == pytest.approx(10.0)


# likelihood


def test_the_exponential_maximises_the_product_of_the_depths_likelihoods():
    reach = drawn(np.random.default_rng(0), 3000, 0.3, 20.0, lifetime=2.0)
    fills, n = reach.fills, len(reach.reached)

    def loss(parameters):
        chance = 1.0 - np.exp(-2.0 * parameters[0] * np.exp(-parameters[1] * DEPTHS))
        return -np.sum(fills * np.log(chance) + (n - fills) * np.log(1.0 - chance))

    found = exponential(reach)
    best = minimize(loss, (0.2, 15.0), method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-10, "maxiter": 5000})
    assert (found.rate.value, found.k.value) == pytest.approx(tuple(best.x), rel=1e-5)
    share = fills / n
    inside = share > 0
    whole = np.sum(fills[inside] * np.log(share[inside])) + np.sum((n - fills) * np.log(1.0 - share))
    assert found.deviance == pytest.approx(2.0 * (whole + best.fun), rel=1e-5)
    chance = 1.0 - np.exp(-2.0 * found.rates(DEPTHS))
    assert found.largest_gap == pytest.approx(np.abs(share - chance).max())


def test_errors_are_honest():
    """z^2 has a mean of about 1 over many days: 60 blocks of a day give it that of Student's t with 59 degrees."""
    random, squares = np.random.default_rng(1), []
    for _ in range(300):
        found = exponential(drawn(random, 3000, 0.2, 20.0))
        squares.append([
            ((found.rate.value - 0.2) / found.rate.error) ** 2, ((found.k.value - 20.0) / found.k.error) ** 2
        ])  # fmt: skip
    for z in np.array(squares).T:
        assert within(z, 59.0 / 57.0)


@pytest.mark.parametrize("seed", range(3))
def test_a_power_law_gives_its_parameters_back(seed):
    scale, exponent = 0.05, 4.0
    random = np.random.default_rng(seed)
    law = lambda random, count: scale * (random.uniform(size=count) ** (-1.0 / exponent) - 1.0)  # noqa: E731
    reach = drawn(random, 40_000, 0.3, 0.0, law=law)
    found, thin = power_law(reach), exponential(reach)
    assert abs(found.rate.value - 0.3) < 4.0 * found.rate.error
    assert abs(found.k.value - exponent / scale) < 4.0 * found.k.error
    assert abs(found.curvature.value - 1.0 / exponent) < 4.0 * found.curvature.error
    assert found.scale * found.k.value == pytest.approx(found.exponent)
    assert found.deviance < thin.deviance
    assert found.rates(DEPTHS) == pytest.approx(
        found.rate.value * (1.0 + DEPTHS / found.scale) ** -found.exponent, rel=1e-9
    )


def test_no_power_law_beats_the_exponential_where_tails_are_thinner():
    law = lambda random, count: 0.06 * np.abs(random.normal(size=count))  # noqa: E731
    reach = drawn(np.random.default_rng(0), 20_000, 0.3, 0.0, law=law)
    found, plain = power_law(reach), exponential(reach)
    assert found.curvature.value == 0.0
    assert found.exponent == np.inf
    assert found.rates(DEPTHS) == pytest.approx(plain.rates(DEPTHS), rel=1e-3)


def test_the_log_line_goes_through_a_log_linear_sample():
    depths = np.array([0.1, 0.2, 0.3])
    chances = 1.0 - np.exp(-0.5 * 2.0 * np.exp(-10.0 * depths))  # A = 2, k = 10, half a second
    counts = np.round(1e6 * chances).astype(int)  # fills at each depth
    reached = np.repeat([0, 1, 2, 3], [10**6 - counts[0], counts[0] - counts[1], counts[1] - counts[2], counts[2]])
    line = log_line(Reach(0.5, depths, reached, np.zeros(10**6), np.zeros(10**6, np.int64)))
    assert (line.rate, line.k, line.r_squared, line.depths) == pytest.approx((2.0, 10.0, 1.0, 3), rel=1e-4)


def test_both_sides_are_one_sample():
    random = np.random.default_rng(0)
    one, other = drawn(random, 500, 0.2, 20.0), drawn(random, 500, 0.4, 20.0)
    assert pooled([one, other]).fills == pytest.approx(one.fills + other.fills)
    assert one.fills[0] < 0.8 * other.fills[0]


def test_without_fills_nothing_is_estimated():
    with pytest.raises(
        ValueError,
        match=r"lambda\(depth\) needs fills at two depths or more, 10 at least, got 0 in 50 lifetimes of 1 s",
    ):
        exponential(drawn(np.random.default_rng(0), 50, 0.0, 1.0))
