"""Estimates of volatility, spread, orders and impact: by hand, by slow loops, and with honest errors."""

from dataclasses import replace

import numpy as np
import pytest

from experiments.calibration.blocks import BLOCKS, block_of, ratio, spread_over_blocks, sums
from experiments.calibration.calibration import _mean_mid
from experiments.calibration.trades import impact, orders, spread
from experiments.calibration.volatility import moves, signature, volatility
from mm_env.data.recording import SECOND
from tests.experiments.calibration.recordings import mid_at, random_recording
from tests.worlds import within

# blocks


def test_a_ratio_of_sums_and_its_error_by_hand():
    above, below = np.array([1.0, 3.0, 2.0]), np.array([1.0, 1.0, 2.0])
    value, error = ratio(above, below)
    assert value == 1.5
    assert error == pytest.approx(np.sqrt(3 / 2 * (0.5**2 + 1.5**2 + 1.0**2)) / 4)


def test_the_error_of_a_mean_is_the_textbooks_where_entries_are_independent():
    random = np.random.default_rng(0)
    scores = []
    for _ in range(400):
        sample, block = random.exponential(2.0, 1200), np.repeat(np.arange(BLOCKS), 20)
        value, error = ratio(sums(block, sample), sums(block))
        scores.append(((value - 2.0) / error) ** 2)
    assert within(np.array(scores), (BLOCKS - 1) / (BLOCKS - 3))  # the mean of Student's t squared


def test_a_ratio_over_nothing_is_unknown():
    assert np.isnan(ratio(np.zeros(BLOCKS), np.zeros(BLOCKS))).all()


@pytest.mark.parametrize("seed", range(3))
def test_a_path_is_integrated_exactly_over_each_block(seed):
    recording = random_recording(seed)
    quotes = recording.quotes
    end = np.r_[quotes.time[1:], recording.length]
    found = spread_over_blocks(recording, quotes.time, end, quotes.ask)
    fine = np.arange(BLOCKS * 4000) * (recording.length / BLOCKS / 4000)
    level = quotes.ask[quotes.at(fine.astype(np.int64))].reshape(BLOCKS, 4000).mean(axis=1)
    np.testing.assert_allclose(found, level * recording.length / 1e9 / BLOCKS, rtol=1e-5)
    assert found.sum() == pytest.approx(((end - quotes.time) * quotes.ask).sum() / 1e9)


# volatility


@pytest.mark.parametrize("horizon", [1.0, 2.5])
def test_sigma_is_the_root_mean_square_of_the_mids_moves(horizon):
    recording = random_recording(1)
    times = np.arange(0.0, 60.0 - horizon + 1e-9, horizon)
    squares = [(mid_at(recording, (t + horizon) * SECOND) - mid_at(recording, t * SECOND)) ** 2 for t in times]
    found = volatility(recording, horizon)
    assert found.moves == len(times)
    assert found.sigma.value == pytest.approx(np.sqrt(np.mean(squares) / horizon), rel=1e-12)


def test_no_move_spans_a_halt():
    whole, cut = random_recording(1), random_recording(1, cuts=(10 * SECOND + 7,))
    assert len(moves(whole, SECOND)[0]) == 60
    assert np.array_equal(moves(cut, SECOND)[0], np.delete(moves(whole, SECOND)[0], 10))


def test_a_horizon_of_which_the_recording_holds_too_few_is_left_out():
    assert [one.horizon for one in signature(random_recording(0), [1.0, 3.0, 3.5])] == [1.0, 3.0]


def test_of_a_mid_that_stands_still_the_volatility_is_not_known():
    recording = random_recording(0)
    recording.quotes.bid[:], recording.quotes.ask[:] = 1, 2
    found = volatility(recording, 1.0)
    assert np.isnan(found.sigma).all()
    assert found.missing == "the mid moved in 0 of 60 stretches of 1 s, and 5 are needed"
    assert volatility(random_recording(0), 1.0).missing == ""


# spread, orders, impact


def test_the_spread_is_weighted_by_how_long_it_held():
    recording = random_recording(2)
    quotes = recording.quotes
    held = np.diff(np.r_[quotes.time, recording.length])
    found = spread(recording)
    assert found.mean.value == pytest.approx(0.01 * np.average(quotes.ask - quotes.bid, weights=held))
    assert found.one_tick.value == pytest.approx(np.average(quotes.ask - quotes.bid == 1, weights=held))
    assert found.bid_size.value == pytest.approx(np.average(quotes.bid_size, weights=held))
    assert found.ask_size.value == pytest.approx(np.average(quotes.ask_size, weights=held))


def test_orders_are_counted_by_side():
    recording = random_recording(3)
    found, made = orders(recording), recording.orders
    assert found.count == len(made.time)
    assert found.rate.value == pytest.approx(found.count / 60.0)
    assert found.buys.value == pytest.approx((made.side == 1).sum() / 60.0)
    assert found.buys.value + found.sells.value == pytest.approx(found.rate.value)
    assert found.size.value == pytest.approx(made.size.mean())
    assert found.walking.value == pytest.approx((made.prices > 1).mean())
    counts = np.bincount(block_of(recording, made.time), minlength=BLOCKS)
    assert found.dispersion == pytest.approx(counts.var(ddof=1) / counts.mean())


@pytest.mark.parametrize("horizon", [0.0, 1.5])
@pytest.mark.parametrize("cuts", [(), (30 * SECOND,)])
def test_impact_is_the_mean_move_in_the_orders_direction(horizon, cuts):
    recording = random_recording(4, cuts=cuts)
    length = round(horizon * SECOND)
    moved = [
        side * (mid_at(recording, time + length) - mid_at(recording, max(time - 1, 0)))
        for time, side in zip(recording.orders.time, recording.orders.side, strict=True)
        if time + length <= recording.length and not any(time < cut <= time + length for cut in cuts)
    ]
    found = impact(recording, horizon)
    assert found.orders == len(moved)
    assert found.mean.value == pytest.approx(np.mean(moved), rel=1e-9)


@pytest.mark.parametrize("hours", [0.2, 6.5, 24.0])
def test_the_mean_mid_of_a_long_day_of_high_prices_is_no_overflow(hours):
    """Nanoseconds times ticks exceed 64 bits: 60,000 dollars in cents after an hour."""
    recording = random_recording(0)
    stretch, q = round(hours * 3600 * SECOND / recording.length), recording.quotes
    high = replace(q, time=q.time * stretch, bid=q.bid + 6_000_000, ask=q.ask + 6_000_000)
    long = replace(recording, length=recording.length * stretch, quotes=high)
    moved = 6_000_000 * recording.tick
    assert _mean_mid(long) == pytest.approx(_mean_mid(recording) + moved, rel=1e-12)
