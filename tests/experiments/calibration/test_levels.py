"""Intensities by level and by distance: events and times counted again by a slow walk through the book; parameters back."""

from collections import Counter

import numpy as np
import pytest

from experiments.calibration.blocks import Measured
from experiments.calibration.levels import Rate, mean_dispersion
from experiments.calibration.queue_reactive import SIZES, queue_rates
from experiments.calibration.zero_intelligence import _power_law, zero_intelligence
from mm_env.data.lobster import read
from tests.recordings import ASK, BID, OPEN, Tape, zero_intelligence_tape

ARRIVAL, CANCELLATION, MARKET = (1.85, 1.51, 1.09, 0.88, 0.77), (0.71, 0.81, 0.68, 0.56, 0.47), 0.94  # Sky Perfect's
DISTANCES = 5


def busy(levels=4, seed=0):
    """A tape of orders of several sizes, with several executions of one stamp."""
    random, tape = np.random.default_rng(seed), Tape(levels, close=OPEN + 3000)
    for distance in range(1, 600):
        for side in (BID, ASK):
            tape.preload(side, 1_000_000 - side * distance * 100, int(random.integers(1, 9)))
    for second in range(1500):
        time, side = OPEN + second + random.uniform(), (BID, ASK)[random.integers(2)]
        prices = sorted(tape.book[side], reverse=side == BID)
        opposite = (min if side == BID else max)(tape.book[-side])
        event = random.integers(4)
        if event == 0:
            tape.new(time, side, opposite - side * int(random.integers(1, 12)) * 100, int(random.integers(1, 9)))
        elif event == 1:
            price = prices[random.integers(5)]
            tape.delete(time, side, price, tape.book[side][price])
        elif event == 2:
            price = prices[random.integers(5)]
            if tape.book[side][price] > 1:
                tape.cancel(time, side, price, 1)
        else:
            for price in prices[: random.integers(1, 3)]:
                tape.execute(time, side, price, tape.book[side][price])
    return tape


@pytest.fixture(scope="module")
def walked(tmp_path_factory):
    """The recording of a busy tape, its mean limit order, and its (seconds, row before, message) one by one."""
    tape = busy()
    day = read(tape.save(tmp_path_factory.mktemp("busy")))
    assert day.checks["visible messages whose row differs"] == 0
    lines = [line.split(",") for line in tape.messages]
    steps = []
    for row, line, following in zip(tape.rows, lines, lines[1:]):
        seconds = float(following[0]) - float(line[0])
        asks, bids = list(zip(row[0::4], row[1::4])), list(zip(row[2::4], row[3::4]))
        steps.append((seconds, {ASK: asks, BID: bids}, [float(following[0]), *map(int, following[1:])]))
    unit = np.mean([float(line[3]) for line in lines if line[1] == "1"])
    return day, unit, steps


def test_queues_are_joined_left_and_hit_as_often_as_a_walk_counts(walked):
    day, unit, steps = walked
    seconds, events, inside, hits = Counter(), Counter(), 0, set()
    for held, book, (time, kind, _, _, price, side) in steps:
        for s in (BID, ASK):
            for level, (_, size) in enumerate(book[s]):
                seconds[level, min(-(-size // unit), SIZES)] += held
        at = {p: (level, min(-(-size // unit), SIZES)) for level, (p, size) in enumerate(book[side])}
        if price in at and kind == 1:
            events["limit", *at[price]] += 1
        if price in at and kind in (2, 3):
            events["cancel", *at[price]] += 1
        if kind == 4 and (time, side) not in hits and at[price][0] == 0:
            events["market", *at[price]] += 1
        if kind == 4:
            hits.add((time, side))
        inside += kind == 1 and side * (price - book[side][0][0]) > 0
    found = queue_rates(day)
    assert found is not None
    assert found.unit == unit
    assert found.inside.events == inside > 20
    for name in ("limit", "cancel", "market"):
        for level in range(1 if name == "market" else 4):
            for size in range(1, SIZES + 1):
                rate = getattr(found, name)[level][size - 1]
                assert rate.events == events[name, level, size]
                assert rate.seconds == pytest.approx(seconds[level, size], abs=1e-5)
                if rate.seconds:
                    assert rate.rate.value == pytest.approx(rate.events / rate.seconds)
    assert sum(events.values()) > 500


def test_distances_are_counted_where_they_are_visible(walked):
    day, unit, steps = walked
    seconds, volume, arrivals, cancelled = Counter(), Counter(), Counter(), Counter()
    for held, book, (_, kind, _, size, price, side) in steps:
        for s in (BID, ASK):
            opposite = book[-s][0][0]
            for distance in range(1, 13):
                seconds[distance] += held * (s * (opposite - book[s][-1][0]) >= 100 * distance)
            for p, n in book[s]:
                volume[s * (opposite - p) // 100] += held * n / unit
        away = side * (book[-side][0][0] - price) // 100
        if side * (price - book[side][-1][0]) >= 0:
            arrivals[away] += kind == 1
            cancelled[away] += (kind in (2, 3)) * size / unit
    found = zero_intelligence(day, 12)
    assert found is not None
    for distance in range(1, 13):
        arrival, cancel = found.arrival[distance - 1], found.cancellation[distance - 1]
        assert arrival.events == arrivals[distance]
        assert arrival.seconds == pytest.approx(seconds[distance], abs=1e-5)
        if volume[distance]:
            assert cancel.rate.value == pytest.approx(cancelled[distance] / volume[distance], rel=1e-5)
            assert found.depth[distance - 1].value == pytest.approx(volume[distance] / seconds[distance], rel=1e-5)


@pytest.mark.parametrize("levels", [2, 10])
@pytest.mark.parametrize("seed", range(2))
def test_a_poisson_book_gives_its_parameters_back_however_little_of_it_is_seen(tmp_path, seed, levels):
    tape = zero_intelligence_tape(seed, 1200.0, ARRIVAL, CANCELLATION, MARKET, levels)
    day = read(tape.save(tmp_path))
    assert day.checks["visible messages whose row differs"] == 0
    found = zero_intelligence(day, DISTANCES)
    assert found is not None
    for rate, truth in zip((*found.arrival, *found.cancellation), (*ARRIVAL, *CANCELLATION), strict=True):
        assert rate.events > 90
        assert abs(rate.rate.value - truth) < 4.0 * rate.rate.error
    assert abs(found.market.value - MARKET) < 4.0 * found.market.error
    assert (found.unit, found.market_size.value) == (1.0, 1.0)
    events = np.array([rate.events for rate in found.arrival])
    independent = 59.0 * events.sum() ** 2 / (events**2).sum()  # squared deviations of blocks, weighted by events
    assert abs(mean_dispersion(found.arrival) - 1.0) < 4.0 * np.sqrt(2.0 / independent)


def test_the_power_law_through_the_arrivals_is_that_of_least_squares():
    assert _power_law(1.92 * np.arange(1.0, 6.0) ** -0.52) == pytest.approx((1.92, 0.52, 0.0), abs=1e-6)
    # Cont, Stoikov & Talreja 2010 give k = 1.92 and alpha = 0.52 for Sky Perfect's five rates
    scale, exponent, _ = _power_law(np.array(ARRIVAL))
    assert (scale, exponent) == pytest.approx((1.92, 0.52), abs=0.01)  # from rates that are printed with two decimals


def test_a_rates_dispersion_is_its_variance_over_that_of_a_poisson_flow():
    assert Rate(Measured(2.0, 0.2), 100, 50.0).dispersion == pytest.approx(1.0)  # 100 events have an error of a tenth
    assert Rate(Measured(2.0, 0.4), 100, 50.0).dispersion == pytest.approx(4.0)
    rates = [Rate(Measured(2.0, 0.2), 100, 50.0), Rate(Measured(6.0, 1.2), 300, 50.0), Rate(Measured(0.0, 0.0), 0, 9.0)]
    assert mean_dispersion(rates) == pytest.approx((100 * 1.0 + 300 * 12.0) / 400)
