"""Days that tell little: what they do not tell is refused by name, what they tell is kept, and no market is made of them."""

import numpy as np
import pytest

from experiments.calibration.calibration import Settings, calibrate
from experiments.calibration.fills import exponential
from experiments.calibration.market import market_yaml
from experiments.calibration.reach import Reach
from experiments.calibration.rows import rows
from experiments.calibration.words import remarks
from mm_env.data.recording import SECOND, Quotes, Recording, market_orders
from tests.experiments.calibration.recordings import random_recording
from tests.experiments.calibration.test_fills import DEPTHS, drawn

FEW = Settings(horizons=[1.0], impact_horizons=[0.0], hawkes_terms=[1])


def day(orders=(), seconds=600, quotes=((0, 9_999, 10_001),)):
    """A recording of (time in s, bid, ask) in ticks, and of market orders (time in s, side, price)."""
    time, bid, ask = np.array(quotes).T
    sizes = np.ones(len(time))
    best = Quotes((time * SECOND).astype(np.int64), bid.astype(np.int64), ask.astype(np.int64), sizes, sizes)
    at, side, price = np.array(orders).reshape(-1, 3).T
    stamps = (at * SECOND).astype(np.int64)
    made = market_orders(stamps, side.astype(np.int64), np.ones(len(at)), price.astype(np.int64))
    return Recording("X", "2012-06-21", "test", 0.01, seconds * SECOND, best, made)


def at_the_touch(n, seconds=600):
    """One order every few seconds, buys and sells in turn, all at the best price."""
    return [(1.5 + i * (seconds - 2) / n, 1 - 2 * (i % 2), 10_001 if i % 2 == 0 else 9_999) for i in range(n)]


WANDERING = [(i, 9_999 + i % 3, 10_001 + i % 3) for i in range(600)]


def left_out(recording):
    """(the calibration, what it left out), where no market is made."""
    found = calibrate(recording, FEW)
    with pytest.raises(ValueError, match=r"no market can be made of X's recording: .*") as caught:
        market_yaml(found, "")
    assert all(reason in str(caught.value) for reason in found.missing)
    return found, found.left_out


def test_fills_at_one_depth_do_not_tell_how_fast_they_become_rare():
    """Once k = 220 with an error, as if it had been measured."""
    found, why = left_out(day(at_the_touch(200)))
    said = (
        "lambda(depth) needs fills at two depths or more, got 200 of which 200 come to 0.01 and no further: "
        "how they decay with depth is not told"
    )
    assert why["A and k, pooled"] == said
    with pytest.raises(ValueError, match=r"got 200 of which 200 come to 0\.01 and no further"):
        _ = found.fits["pooled"]
    assert found.laws == []


def test_fills_beyond_all_depths_do_not_tell_it_either():
    reach = Reach(1.0, DEPTHS, np.repeat([0, len(DEPTHS)], 50), np.zeros(100), np.arange(100) * 60 // 100)
    with pytest.raises(ValueError, match=r"got 50 of which 50 come to 0\.4 or more and no further"):
        exponential(reach)


@pytest.mark.parametrize(("other", "told"), [(4, False), (5, True)])
def test_five_fills_at_another_depth_tell_it_with_an_error(other, told):
    reached = np.r_[np.zeros(400, int), np.full(60, 2), np.full(other, 8)]
    reach = Reach(1.0, DEPTHS, reached, np.zeros(len(reached)), np.arange(len(reached)) % 60)
    if not told:
        with pytest.raises(ValueError, match="how they decay with depth is not told"):
            exponential(reach)
    else:
        found = exponential(reach)
        assert 0.0 < found.k.error < np.inf
        assert 0.0 < found.rate.error < np.inf


def test_a_mid_that_stands_still_has_no_sigma_rather_than_0():
    found, why = left_out(day(at_the_touch(200)))
    assert np.isnan(found.sigma.sigma).all()
    assert why["sigma over 1 s"] == "the mid moved in 0 of 600 stretches of 1 s, and 5 are needed"
    assert "sigma: the mid moved in 0 of 600 stretches of 1 s, and 5 are needed" in found.missing
    assert why["adverse selection"] == "it needs 10 fills and a mid that moves in the lifetimes of 5, got 200 and 0"


def test_a_day_without_trades_keeps_what_quotes_tell():
    found, why = left_out(day(quotes=WANDERING))
    assert found.sigma.sigma.value > 0.0 < found.sigma.sigma.error
    assert found.spread.mean.value == pytest.approx(0.02)
    assert found.orders.rate.value == 0.0
    assert found.orders.rate.error == pytest.approx(1 / 600)  # as if one had come: none in 600 s is no proof of none
    assert why["A and k, bid"] == (
        "lambda(depth) needs fills at two depths or more, 10 at least, got 0 in 600 lifetimes of 1 s"
    )
    assert set(why) == {
        "A and k, bid", "A and k, ask", "A and k, pooled", "adverse selection", "Hawkes, all orders, 1 exponential",
        "Hawkes, buys and sells, 1 exponential", "queue-reactive and zero-intelligence intensities", "jumps", "regimes",
    }  # fmt: skip


def test_trades_of_one_side_make_no_market_of_two():
    random = np.random.default_rng(0)
    buys = [(i + 0.5, 1, 10_001 + int(random.integers(0, 9))) for i in range(2, 590, 3)]
    found, why = left_out(day(buys, quotes=WANDERING))
    assert found.fits["ask"].exponential.k.error > 0.0
    assert "A and k, bid" in why
    assert "A and k, ask" not in why
    assert found.orders.sells.error == pytest.approx(1 / 600)


def test_three_messages_are_read_and_nothing_is_made_of_them():
    found, why = left_out(day([(2, 1, 10_001)], seconds=3, quotes=[(0, 9_999, 10_001), (1, 9_998, 10_001)]))
    assert why["A and k, pooled"] == "a recording must hold 100 lifetimes of 1 s or more, got 3"
    assert found.spread.mean.value == pytest.approx((0.02 + 2 * 0.03) / 3)
    assert len(rows(found)) > 10


@pytest.mark.parametrize("recording", [
    day(), day(at_the_touch(200)), day(at_the_touch(20)), day(quotes=WANDERING), day(at_the_touch(1)),
    day([(1, 1, 10_001)], seconds=3),
], ids=["nothing", "touch", "few", "no trades", "one trade", "short"])  # fmt: skip
def test_every_number_of_a_thin_day_has_an_error_or_needs_none(recording):
    """An estimate that is 0 with an error of 0 would say that it is known to be 0."""
    found = calibrate(recording, FEW)
    flat = "; the likelihood is flat in some direction: parameters without an error are not told apart"
    unsure = {what for what, said in remarks(found).items() if f"; {said}".endswith(flat)}
    for row in rows(found):
        if row.unit in ("1 / s", "price / sqrt(s)") and not np.isnan(row.value):
            assert row.error > 0.0 or (np.isnan(row.error) and row.section in unsure), row


def test_parameters_that_are_not_told_from_0_make_no_market():
    found = calibrate(random_recording(1, seconds=400), FEW)
    fit = found.fits["pooled"].exponential
    object.__setattr__(found.fits["pooled"], "exponential", type(fit)(
        fit.rate, fit.k._replace(error=1.1 * fit.k.value), fit.curvature, fit.deviance, fit.largest_gap
    ))  # fmt: skip
    assert any(reason.startswith("lambda(depth): k = ") for reason in found.missing)


def test_sides_that_differ_are_said_to_be_pooled():
    found, random = calibrate(random_recording(1, seconds=400), FEW), np.random.default_rng(0)
    for rates, apart in (((0.2, 0.2), False), ((0.1, 0.4), True)):
        for side, rate in zip(("bid", "ask"), rates, strict=True):
            object.__setattr__(found.fits[side], "exponential", exponential(drawn(random, 4000, rate, 20.0)))
        assert ("bids and asks" in remarks(found)) == apart
    assert remarks(found)["bids and asks"].startswith("A = 0.1")
    assert remarks(found)["bids and asks"].endswith(" of asks: the market has both as one")
