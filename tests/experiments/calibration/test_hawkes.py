"""Hawkes processes: the likelihood by its definition, parameters back within their errors, and a test that can tell."""

import math

import numpy as np
import pytest

from experiments.calibration import hawkes as module
from experiments.calibration.hawkes import hawkes, sided
from experiments.calibration.hawkes_likelihood import likelihood
from mm_env.core import engine
from mm_env.data.recording import market_orders
from tests.recordings import hawkes_events

BASE = np.array([0.5, 0.3])
BRANCHING = np.array([[[0.2, 0.1], [0.1, 0.05]], [[0.05, 0.1], [0.2, 0.3]]])
DECAY = np.array([0.5, 3.0])


def sample(seed=0, n=60, end=50.0):
    """Times, some of one stamp, and kinds."""
    random = np.random.default_rng(seed)
    time = np.sort(random.uniform(0.0, end, n))
    time[11], time[31] = time[10], time[30]
    return time, random.integers(0, 2, n), end


def by_definition(time, mark, end, base, branching, decay):
    """(ln L, integral of lambda_mark from 0 to each event), by sums over all pairs."""
    total, passed = 0.0, []
    for i, t in enumerate(time):
        rate, integral = base[mark[i]], base[mark[i]] * t
        for j, s in enumerate(time):
            if s < t:
                for p, b in enumerate(decay):
                    rate += branching[mark[i], mark[j], p] * b * math.exp(-b * (t - s))
                    integral += branching[mark[i], mark[j], p] * (1.0 - math.exp(-b * (t - s)))
        total += math.log(rate)
        passed.append(integral)
    for m in range(len(base)):
        total -= base[m] * end
        for j, s in enumerate(time):
            total -= sum(branching[m, mark[j], p] * (1.0 - math.exp(-b * (end - s))) for p, b in enumerate(decay))
    return total, passed


def run(time, mark, end, base, branching, decay, how=engine.run):
    gradient, passed = np.empty(len(base) + branching.size + len(decay)), np.empty(len(time))
    return how(likelihood, time, mark, float(end), base, branching, decay, gradient, passed), gradient, passed


@pytest.mark.parametrize("seed", range(3))
def test_the_likelihood_and_the_compensator_are_those_of_the_definition(seed):
    data = sample(seed)
    value, _, passed = run(*data, BASE, BRANCHING, DECAY)
    expected, integrals = by_definition(*data, BASE, BRANCHING, DECAY)
    assert value == pytest.approx(expected, rel=1e-12)
    np.testing.assert_allclose(passed, integrals, rtol=1e-10)


def test_the_gradient_is_that_of_the_likelihood():
    data, flat = sample(), np.r_[BASE, BRANCHING.ravel(), DECAY]

    def at(parameters):
        return run(*data, parameters[:2], parameters[2:10].reshape(2, 2, 2), parameters[10:])[0]

    differences = [(at(flat + step) - at(flat - step)) / 2e-6 for step in 1e-6 * np.eye(len(flat))]
    np.testing.assert_allclose(run(*data, BASE, BRANCHING, DECAY)[1], differences, rtol=1e-6)


def test_the_compiled_likelihood_is_the_one_that_is_written():
    for one, other in zip(
        run(*sample(), BASE, BRANCHING, DECAY),
        run(*sample(), BASE, BRANCHING, DECAY, lambda function, *arguments: function(*arguments)),
        strict=True,
    ):
        np.testing.assert_allclose(one, other, rtol=1e-13)


@pytest.mark.parametrize("seed", range(4))
def test_a_bivariate_process_gives_its_parameters_back(seed):
    base, branching, decay = [0.3, 0.2], [[0.5, 0.1], [0.2, 0.3]], 2.0
    time, mark = hawkes_events(seed, 5000.0, base, branching, decay)
    found = hawkes(time, mark, 5000.0)
    for m in range(2):
        assert abs(found.base[m].value - base[m]) < 4.0 * found.base[m].error
        for n in range(2):
            ratio = found.branching[m][n][0]
            assert abs(ratio.value - branching[m][n]) < 4.0 * ratio.error
    assert abs(found.decay[0].value - decay) < 4.0 * found.decay[0].error
    assert abs(found.spectral_radius - (0.4 + math.sqrt(0.03))) < 0.1  # of the true matrix, exactly
    assert found.p_value > 1e-4
    assert abs(found.autocorrelation.value) < 4.0 * found.autocorrelation.error


def test_errors_are_honest():
    squares = []
    for seed in range(100):
        time, mark = hawkes_events(seed, 1500.0, [0.5], [[0.5]], 2.0)
        found = hawkes(time, mark, 1500.0)
        pairs = ((found.base[0], 0.5), (found.branching[0][0][0], 0.5), (found.decay[0], 2.0))
        squares.append([((one.value - truth) / one.error) ** 2 for one, truth in pairs])
    for z in np.array(squares).T:  # z^2 has mean 1 and variance 2, and 100 of them a mean of error sqrt(2 / 100)
        assert abs(z.mean() - 1.0) < 4.0 * math.sqrt(2.0 / 100.0)


@pytest.mark.parametrize("seed", range(2))
def test_two_decays_are_told_apart_and_one_is_found_wanting(seed):
    fast, _ = hawkes_events(seed, 8000.0, [0.3], [[0.4]], 50.0)
    slow, _ = hawkes_events(seed + 100, 8000.0, [0.3], [[0.6]], 0.2)
    time = np.sort(np.r_[fast, slow])
    one, two = (hawkes(time, np.zeros(len(time), np.int64), 8000.0, terms) for terms in (1, 2))
    assert two.criterion < one.criterion
    assert two.decay[0].value < 2.0 < 20.0 < two.decay[1].value
    assert two.distance < one.distance
    assert one.p_value < 1e-4


def test_a_poisson_flow_has_no_children():
    random = np.random.default_rng(0)
    time = np.sort(random.uniform(0.0, 2000.0, 2000))
    found = hawkes(time, np.zeros(2000, np.int64), 2000.0)
    assert found.spectral_radius < 0.1
    assert found.log_likelihood - found.poisson_log_likelihood < 10.0
    assert found.poisson_log_likelihood == pytest.approx(-2000.0)  # n ln(n / end) - n
    assert found.p_value > 1e-4


def test_kinds_are_buys_and_sells():
    time, side = np.array([10, 20, 30]) * 10**9, np.array([1, -1, 1])
    orders = market_orders(time, side, np.ones(3), np.ones(3, np.int64))
    assert sided(orders, True)[0].tolist() == [10.0, 20.0, 30.0]
    assert sided(orders, True)[1].tolist() == [0, 1, 0]
    assert sided(orders, False)[1].tolist() == [0, 0, 0]


def test_a_flow_that_grows_for_ever_is_said_to():
    time, _ = hawkes_events(0, 60.0, [0.2], [[1.05]], 2.0)
    found = hawkes(time, np.zeros(len(time), np.int64), 60.0)
    assert found.spectral_radius >= 1.0
    said = f"spectral radius {found.spectral_radius:.3g}: not stationary, its rate would grow for ever"
    assert found.remarks == [said]


def test_a_stationary_flow_needs_no_remark():
    time, mark = hawkes_events(0, 2000.0, [0.3, 0.2], [[0.5, 0.1], [0.2, 0.3]], 2.0)
    assert hawkes(time, mark, 2000.0).remarks == []


def test_events_in_bursts_of_one_stamp_have_no_kernel_in_time():
    time = np.sort(np.repeat(np.random.default_rng(0).uniform(0.0, 1000.0, 300), 2))
    time[1::2] += 1e-9
    assert any("a decay at its bound" in line for line in hawkes(time, np.zeros(600, np.int64), 1000.0).remarks)


def test_a_search_that_ends_on_a_slope_is_no_fit(monkeypatch):
    monkeypatch.setitem(module._STOP, "maxiter", 1)
    time, _ = hawkes_events(0, 1000.0, [0.3], [[0.5]], 2.0)
    with pytest.raises(ValueError, match="no maximum of the likelihood was found: "):
        hawkes(time, np.zeros(len(time), np.int64), 1000.0)


@pytest.mark.parametrize(("n", "got"), [(0, 0), (19, 19), (30, 10)])
def test_too_few_events_are_refused(n, got):
    mark = (np.arange(n) < 10).astype(np.int64) if n == 30 else np.zeros(n, np.int64)
    with pytest.raises(ValueError, match=f"a Hawkes process needs 20 events of each kind or more, got {got}"):
        hawkes(np.arange(n) * 1.0, mark, 100.0)
