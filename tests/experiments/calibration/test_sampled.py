"""Order books and replays written from a recorded day: that stock's numbers, and windows that share no time."""

from __future__ import annotations

import numpy as np
import pytest
import yaml

from experiments.calibrate import check_part, part_of
from experiments.calibration.calibration import calibrate
from experiments.calibration.sampled import TRAIN, book_yaml, rates, replay_yaml, sizes_of, train_part, widest
from experiments.calibration.settings import Settings
from mm_env.data import export, lobster, read, store
from mm_env.venue.replay import feed
from mm_env.venue.replay.window import InTurn
from tests.mm_env.recorded_days import random_day
from tests.recordings import zero_intelligence_tape

ARRIVAL, CANCELLATION, TAKING = (1.2, 0.9, 0.6), (0.6, 0.5, 0.4), 0.7


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    tape = zero_intelligence_tape(3, 900.0, np.array(ARRIVAL), np.array(CANCELLATION), TAKING)
    return calibrate(lobster.read(tape.save(tmp_path_factory.mktemp("zi"))), Settings(distances=3))


@pytest.fixture(scope="module")
def day(tmp_path_factory):
    return lobster.read(random_day(tmp_path_factory.mktemp("day") / "day.zip", seed=4, events=600, levels=3))


def test_a_book_has_the_rates_and_the_tick_that_the_day_was_made_with(found):
    market = yaml.safe_load(book_yaml(found, "cont_stoikov_talreja", "the command"))
    flow, one = market["venue"]["flow"], found.zero_intelligence
    for name, true, told in (("arrival", ARRIVAL, one.arrival), ("cancellation", CANCELLATION, one.cancellation)):
        errors = np.array([rate.rate.error for rate in told])
        assert (np.abs(np.array(flow[name]) - true) < 4.0 * errors + 0.005).all(), name
    assert abs(flow["taking"] - TAKING) < 4.0 * one.market.error + 0.005
    assert (market["venue"]["tick"], market["venue"]["levels"]) == (0.01, 3)
    assert market["quote"]["max_half_spread"] >= 0.05


def test_one_rate_for_all_prices_is_the_mean_of_the_rates(found):
    flow = yaml.safe_load(book_yaml(found, "zero_intelligence", "the command"))["venue"]["flow"]
    arrival, _ = rates(found.zero_intelligence)
    assert flow["arrival"] == pytest.approx(np.mean(arrival), rel=1e-3)


def test_a_flow_that_is_not_there_is_refused(found):
    with pytest.raises(ValueError, match="book must be one of cont_stoikov_talreja, zero_intelligence, got 'hawkes'"):
        book_yaml(found, "hawkes", "")


def test_a_replay_s_train_and_test_parts_share_no_time(found):
    market, train, window = (
        yaml.safe_load(text) for text in replay_yaml(found, found.recording, "/day.zip", "mine", "the command")
    )
    seconds = found.recording.length / 1e9
    assert train["ends"] == pytest.approx(TRAIN * seconds)
    assert window["begins"] > train["ends"]
    assert window["ends"] - window["begins"] >= 3 * market["clock"]["horizon"] * 0.99
    assert market["venue"]["levels"] == widest(found.recording)
    assert (market["venue"]["lot"], market["venue"]["unit"]) == (1.0, 1.0)  # all orders are of one unit


def test_fractions_of_a_coin_are_counted_in_whole_lots(day):
    from dataclasses import replace

    coins = replace(day.messages, **{n: getattr(day.messages, n) * 0.003 for n in ("size", "bid_sizes", "ask_sizes")})
    sizes = sizes_of(replace(day, messages=coins))
    assert sizes.smallest == pytest.approx(1e-3)
    assert sizes.unit >= sizes.smallest


def test_several_days_are_played_one_after_the_other(day, tmp_path):
    from dataclasses import replace

    for date in ("2012-06-21", "2012-06-22"):
        export.to_generic(replace(day, day=date), tmp_path / f"{date}.parquet")
    for date in ("2012-06-21", "2012-06-22"):
        (tmp_path / f"{date}.yaml").write_text("instrument: TEST\n", encoding="utf-8")
    whole = read(tmp_path, tick=day.tick, levels=3)
    assert len(whole.messages.time) == 2 * len(day.messages.time)
    early, late = InTurn(0.0, 1e9, 0.0, 0.5), InTurn(0.0, 1e9, 0.5, 1.0)
    starts = [window.starts(whole, 0.05) for window in (early, late)]
    assert starts[0].max() + 50_000_000 <= whole.day_starts[1] <= starts[1].min()
    np.testing.assert_array_equal(starts[1] - whole.day_starts[1], starts[0])
    assert feed.shares(str(tmp_path), early, str(tmp_path), InTurn(0.0, 1e9))
    assert not feed.shares(str(tmp_path), early, str(tmp_path), late)


def test_of_a_store_the_windows_part_alone_is_on_the_tape_and_says_the_same(day, tmp_path):
    store(export.to_generic(day, tmp_path / "TEST.csv"), tmp_path / "days", tick=day.tick)
    window, span = InTurn(0.1, 0.2), 0.05
    starts = window.starts(feed.recording(str(tmp_path / "days"), day.tick, window), span)
    part = feed.tape(str(tmp_path / "days"), day.tick, window, 150, starts.tobytes(), span, 1.0)
    whole = feed.tape(str(tmp_path / "TEST.csv"), day.tick, window, 150, starts.tobytes(), span, 1.0)
    first = int(np.searchsorted(whole.time, 100_000_000)) - 1  # the last message before the part
    assert len(part) < len(whole)
    for name in ("time", "kind", "side", "price", "lots", "prices", "sizes", "known"):
        np.testing.assert_array_equal(part[name], whole[name][first : first + len(part)], name)
    assert part.time[0] < starts[0]


def test_what_a_replay_s_numbers_are_measured_in_ends_with_the_first_day_s_train_part(day):
    from dataclasses import replace

    assert train_part(day).length == round(TRAIN * day.length)
    assert train_part(day).messages.time[-1] < round(TRAIN * day.length)
    two = replace(day, day_starts=np.array([0, day.length // 4]))
    assert train_part(two).length == round(TRAIN * (day.length // 4))


def test_a_part_of_a_recording_is_its_first_share(day):
    assert part_of(day, 1.0) is day
    assert part_of(day, 0.25).length == round(0.25 * day.length)
    assert part_of(day, 0.25).orders.time.max() < round(0.25 * day.length)
    with pytest.raises(ValueError, match=r"part must be in \(0, 1\], got 1.5"):
        check_part(1.5, "book")
    with pytest.raises(ValueError, match="part must be 1 for kind=replay"):
        check_part(0.5, "replay")
