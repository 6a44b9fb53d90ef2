"""LOB-Bench's statistics beside their slow definitions, message by message, and the responses of events by hand."""

import math

import numpy as np
import pytest

from experiments.evaluation.realism.figures import FIGURES
from experiments.evaluation.realism.markouts import against, markouts
from experiments.evaluation.realism.responses import KINDS, events, gap, responses
from experiments.evaluation.realism.stretches import cut, halves, levels_of, visible, within
from mm_env.data import lobster
from mm_env.data.recording import SECOND, Messages
from tests.mm_env.recorded_days import random_day


@pytest.fixture(scope="module")
def day(tmp_path_factory):
    read = lobster.read(random_day(tmp_path_factory.mktemp("day") / "day.zip", seed=3, levels=5, events=2_000))
    assert read.messages is not None
    return visible(read.messages)


def slow(m: Messages):
    """Each figure by a loop over the messages."""
    found = {name: [] for name in FIGURES}
    born, before = {}, None
    for i in range(len(m.time)):
        kind, side, price, mid = m.kind[i], m.side[i], m.price[i], (m.bids[i][0] + m.asks[i][0]) / 2
        found["spread"].append(m.asks[i][0] - m.bids[i][0])
        bid, ask = m.bid_sizes[i], m.ask_sizes[i]
        found["orderbook imbalance"].append((bid[0] - ask[0]) / (bid[0] + ask[0]))
        for name, sizes in (("bid", bid), ("ask", ask)):
            found[f"{name} volume at touch"].append(sizes[0])
            found[f"{name} volume"].append(sum(sizes))
        if before is not None:
            milliseconds = (m.time[i] - m.time[before]) / 1e6
            found["log inter-arrival time"].append(math.log(milliseconds or 1e-9))
        where = "ask" if price > mid else "bid"
        if kind == 1:
            found["limit order size"].append(m.size[i])
            born[m.order[i]] = m.time[i]
            if price != mid:
                found[f"{where} limit order depth"].append(abs(price - mid))
            prices = list((m.bids if side > 0 else m.asks)[i])
            if price in prices:
                found[f"{'bid' if side > 0 else 'ask'} limit order level"].append(prices.index(price) + 1)
        if kind in (2, 3):
            if price != mid:
                found[f"{where} cancellation depth"].append(abs(price - mid))
            if m.order[i] in born:
                seconds = (m.time[i] - born.pop(m.order[i])) / SECOND
                found["log time to cancel"].append(math.log(seconds or 1e-9))
            if before is not None and price in (prices := list((m.bids if side > 0 else m.asks)[before])):
                found[f"{'bid' if side > 0 else 'ask'} cancellation level"].append(prices.index(price) + 1)
        if kind == 4:
            found["execution size"].append(m.size[i])
        before = i
    return found


def test_each_figure_is_its_slow_definition(day):
    by_hand = slow(day)
    for name, figure in FIGURES.items():
        if name != "volume per minute" and "return" not in name:
            np.testing.assert_allclose(np.sort(figure.of(day)), np.sort(np.array(by_hand[name], float)), err_msg=name)
            assert len(by_hand[name]) > 5, name


def test_the_volume_of_a_minute_is_that_of_a_second_times_sixty(day):
    executed = [(t // SECOND, s) for t, k, s in zip(day.time, day.kind, day.size) if k == 4]
    by_second = {}
    for second, size in executed:
        by_second[second] = by_second.get(second, 0.0) + 60.0 * size
    assert sorted(FIGURES["volume per minute"].of(day)) == pytest.approx(sorted(by_second.values()))


def made(rows):
    """Messages from (seconds, kind, side, price, bid, ask), sizes of 1."""
    time, kind, side, price, bid, ask = (np.array(column) for column in zip(*rows))
    ones = np.ones((len(rows), 1))
    return Messages(np.rint(time * SECOND).astype(np.int64), kind, side, np.ones(len(rows)), price,
                    np.arange(len(rows)), bid[:, None], ask[:, None], ones, ones)  # fmt: skip


WALK = made([
    (0.0, 0, 1, 0, 10, 14),
    (0.5, 1, 1, 10, 10, 14),  # a limit bid joins: LO0, +
    (1.5, 4, -1, 14, 10, 15),  # a buy takes the ask at 14,
    (1.5, 4, -1, 15, 10, 17),  # and that at 15, one order: MO1, +
    (2.5, 3, 1, 10, 9, 17),  # the best bid is cancelled: CA1, -
    (3.5, 1, -1, 16, 9, 16),  # a limit ask inside: LO1, -
    (3.6, 3, -1, 17, 9, 16),  # a cancellation behind the best is no event at the touch
    (4.5, 4, 1, 9, 9, 16),  # a sell that leaves some: MO0, -
])  # fmt: skip


def test_returns_are_moves_of_the_mid_that_held_at_each_second():
    assert FIGURES["mid return, 1 s"].of(WALK).tolist() == [0.0, 3.0, -1.0, -1.0]


def test_events_at_the_touch_have_the_kind_sign_and_mid_that_they_have_by_hand():
    kind, sign, mid = events(WALK)
    assert [KINDS[k] for k in kind] == ["LO0", "MO1", "CA1", "LO1", "MO0"]
    assert sign.tolist() == [1, 1, -1, -1, -1]
    assert mid.tolist() == [12.0, 12.0, 13.5, 13.0, 12.5, 12.5]


def test_responses_by_hand():
    found = responses([WALK], (1, 2))
    assert found[KINDS.index("MO1")].tolist() == [1.5, 1.0]
    assert found[KINDS.index("LO1")].tolist() == [0.5, 0.5]
    assert found[KINDS.index("CA1")].tolist() == [0.5, 1.0]
    assert np.isnan(found[KINDS.index("CA0")]).all()
    assert gap(found, found)[KINDS.index("MO1")] == 0.0


def test_a_response_at_one_event_is_zero_where_the_mid_stays_and_positive_where_it_moves(day):
    found = responses(cut(day, 0.0, day.time[-1] / SECOND, 0.1), (1,))[:, 0]
    assert (found[[0, 2, 4]] == 0.0).all()
    assert (found[[1, 3, 5]] > 0.0).all()


def test_stretches_hold_every_message_once_and_the_row_before_them(day):
    length = day.time[-1] / SECOND
    parts = cut(day, 0.0, length, length / 7.0)
    assert sum((part.kind > 0).sum() for part in parts) == (day.time < round(length * SECOND)).sum()
    second = within(day, length / 7.0, 2.0 * length / 7.0)
    assert second.kind[0] == 0
    assert (second.bids[0] == parts[0].bids[-1]).all()
    one, other = halves(parts)
    assert [len(one), len(other)] == [4, 3]


def test_fewer_levels_show_fewer_messages(day):
    touch = visible(levels_of(day, 1))
    assert touch.bids.shape[1] == 1
    assert 0 < len(touch.time) < len(day.time)


def test_markouts_by_hand():
    depth, move = against(WALK, 1.0)
    assert depth.tolist() == [2.0, 3.0]  # offers at 14 and 15, the mid at 12 before the buy
    assert move.tolist() == [1.0, 1.0]  # and at 13 a second later


def test_markouts_are_means_over_executions_whose_horizon_lies_within():
    found = markouts([WALK, WALK])
    assert (found["depth"].value, found["1 s"].value) == (2.5, 1.0)
    assert found["1 s"].interval == (1.0, 1.0)
    assert np.isnan(found["10 s"].drawn).all()
