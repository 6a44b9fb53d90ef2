"""The mid's answer to market orders: what fades and what stays come back from a day that was made with them."""

from dataclasses import replace

import numpy as np
import pytest

from experiments.calibration.sampled import answer_words
from experiments.calibration.transient import CHOSEN, transient
from mm_env.data.recording import SECOND, Orders
from tests.experiments.calibration.recordings import random_recording

TICK = 1e-6  # so fine that the mid is not rounded


def made(fading, lasting, decay, seconds=20_000, seed=0):
    """A day on which each share that is bought moves the mid by both parts, beside a random walk."""
    random = np.random.default_rng(seed)
    signs = np.sign(np.convolve(random.normal(size=seconds + 20), np.ones(20) / 20, "valid")[:seconds])  # persistent
    volume = random.geometric(0.02, seconds) * signs
    x, kept, mid = 0.0, np.exp(-decay), np.empty(seconds + 1)
    mid[0], walk = 0.0, np.cumsum(random.normal(0.0, 0.001, seconds))
    for i in range(seconds):
        x = kept * x + volume[i]
        mid[i + 1] = fading * x + lasting * volume[: i + 1].sum() + walk[i]
    day = random_recording(seed, seconds)
    ticks = np.rint((100.0 + mid) / TICK).astype(np.int64)
    stamps = np.arange(seconds + 1) * SECOND
    quotes = replace(
        day.quotes,
        time=stamps,
        bid=ticks - 50,
        ask=ticks + 50,
        bid_size=np.ones(seconds + 1),
        ask_size=np.ones(seconds + 1),
    )
    sides, sizes = signs.astype(np.int64), np.abs(volume) * 1.0
    orders = Orders(stamps[:-1] + SECOND // 2, sides, sizes, ticks[:-1], np.ones(seconds, np.int64))
    return replace(day, quotes=quotes, orders=orders, tick=TICK, length=seconds * SECOND)


@pytest.mark.parametrize("decay", [0.01, 0.05, 0.4])
def test_what_fades_and_what_stays_come_back(decay):
    found = transient(made(2e-5, 1e-5, decay), 1.0)
    assert found.fades
    assert found.decay == pytest.approx(decay, rel=0.25)
    for one, true in ((found.strength, 2e-5), (found.lasting, 1e-5), (found.push, 3e-5)):
        assert abs(one.value - true) < 4.0 * one.error + 0.02 * true
    assert found.answer(100.0) == pytest.approx((100.0 * found.push.value, found.decay))


def test_where_all_stays_nothing_fades_and_the_decay_is_chosen():
    found = transient(made(0.0, 3e-5, 0.1), 1.0)
    assert not found.fades
    assert found.push.value == pytest.approx(3e-5, rel=0.05)
    assert found.answer(1.0)[1] == CHOSEN


def test_orders_that_push_nothing_or_backwards_make_no_answer():
    for push in (0.0, -3e-5):
        words = answer_words(made(0.0, push, 0.1, 5000), 1.0, 1.0)
        assert words.startswith("# what our own trades would move is not told: others' market orders moved the mid by")


def test_few_orders_are_refused_and_said():
    day = random_recording(1, 20)
    with pytest.raises(ValueError, match="a recording must hold 100 market orders, got"):
        transient(day, 1.0)
    assert answer_words(day, 100.0, 1.0).startswith("# what our own trades would move is not told: a recording must")
    words = answer_words(made(2e-5, 1e-5, 0.05, 5000), 100.0, 1.0)
    assert "answer@market.venue.answer=transient" in words
    assert "fades" in words
    assert all(line.startswith("#") for line in words.splitlines())
