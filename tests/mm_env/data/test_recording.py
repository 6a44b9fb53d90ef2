"""What a recording says of any moment."""

import numpy as np
import pytest

from mm_env.data.recording import SECOND, Quotes, Recording, Stretches, common_step, market_orders

NOTHING = np.zeros(0, np.int64)


def ints(*values):
    return np.array(values, np.int64)


QUOTES = Quotes(ints(0, 10, 10, 30), ints(1, 2, 3, 4), ints(5, 6, 7, 8), np.ones(4), np.ones(4))


def recording(length, cuts=()):
    orders = market_orders(NOTHING, NOTHING, np.zeros(0), NOTHING)
    return Recording("X", "2012-06-21", "test", 0.01, length, QUOTES, orders, cuts=ints(*cuts))


def test_the_quote_at_a_time_is_the_last_that_is_not_after_it():
    assert QUOTES.at(ints(0, 9, 10, 29, 30, 99)).tolist() == [0, 0, 2, 2, 3, 3]
    assert QUOTES.before(ints(0, 9, 10, 11, 30)).tolist() == [0, 0, 0, 2, 2]
    assert QUOTES.twice_mid.tolist() == [6, 8, 10, 12]


def test_stretches_lie_end_to_end_and_whole():
    assert recording(35).starts(10).tolist() == [0, 10, 20]
    assert recording(30).starts(10).tolist() == [0, 10, 20]
    assert recording(9).starts(10).tolist() == []
    assert recording(35, cuts=(15,)).starts(10).tolist() == [0, 20]
    assert recording(35, cuts=(10,)).starts(10).tolist() == [10, 20]  # a halt at the very end of a stretch is its end


@pytest.mark.parametrize("seed", range(5))
def test_market_orders_are_what_one_finds_by_walking_through_the_executions(seed):
    random = np.random.default_rng(seed)
    time, side = np.sort(random.integers(0, 40, 60)), random.choice([-1, 1], 60)
    size, price = random.integers(1, 9, 60) * 1.0, random.integers(90, 110, 60)
    found = market_orders(time, side, size, price)
    walked = []
    for t, s, n, p in zip(time, side, size, price, strict=True):
        if not walked or walked[-1][:2] != (t, s):
            walked.append((t, s, [], []))
        walked[-1][2].append(n)
        walked[-1][3].append(p)
    assert found.time.tolist() == [order[0] for order in walked]
    assert found.side.tolist() == [order[1] for order in walked]
    assert found.size.tolist() == [sum(order[2]) for order in walked]
    assert found.worst.tolist() == [(max if s > 0 else min)(p) for _, s, _, p in walked]
    assert found.prices.tolist() == [len(set(p)) for *_, p in walked]


def test_no_executions_make_no_orders():
    assert len(market_orders(NOTHING, NOTHING, np.zeros(0), NOTHING).time) == 0


def test_the_tick_is_the_largest_step_that_holds_all_prices():
    assert common_step(ints(300, 900, 1500)) == 300
    assert common_step(ints(2_238_100, 2_239_600, 2_237_500)) == 100
    assert common_step(ints(300, 900), NOTHING, ints(400)) == 100


@pytest.mark.parametrize(("state", "share", "longest"), [
    ("0000", 0.0, 0), ("1111", 1.0, 100), ("0110", 0.6, 60), ("1010", 0.4, 30), ("0001", 0.3, 30), ("1001", 0.4, 30),
])  # fmt: skip
def test_a_state_lasts_until_a_row_that_does_not_have_it(state, share, longest):
    found = Stretches.of(ints(0, 10, 40, 70) * SECOND, np.array([letter == "1" for letter in state]), 100 * SECOND)
    assert found == pytest.approx((share, longest))
