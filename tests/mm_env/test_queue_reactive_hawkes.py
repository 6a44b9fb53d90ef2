"""Queue-reactive Hawkes flows: zero intelligence where nothing is looked at nor kept, and the excitement of all past events."""

import math
from dataclasses import replace

import numpy as np
import pytest

from mm_env.core.component import record as rules_of
from mm_env.markets import market_named
from mm_env.messages import record
from mm_env.venue.order_book.listed_size import ListedSize
from mm_env.venue.order_book.poisson import ZeroIntelligence
from mm_env.venue.order_book.queue_reactive_hawkes import QueueReactiveHawkes
from tests.mm_env.reactive_flow import reactive_flow

BLIND = QueueReactiveHawkes(
    spreads=(1,), better=(1, 50), worse=(0, 50), inside=((1.0,),), joining=((1.0,),), cancellation=((0.5,),),
    taking=((0.0, 1.0),), base=(1.0, 1.0, 1.0), branching=((0.0,) * 6,) * 3, decay=(1.0,),
)  # fmt: skip


def test_it_is_zero_intelligence_to_the_bit_where_it_neither_looks_nor_remembers():
    book = market_named("zero_intelligence")
    one, other = (
        record(replace(book, venue=replace(book.venue, flow=flow, warm_up=1.0)), 1, 3.0, 3, interpreted=True)[0]
        for flow in (BLIND, ZeroIntelligence(arrival=1.0, cancellation=0.5, taking=1.0))
    )
    assert len(one.time) > 60
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


def test_excitement_is_the_sum_over_all_past_events():
    flow = reactive_flow()
    rules, table, memory = rules_of(flow), flow.table(12), np.zeros(flow.memories)
    random, past, now = np.random.default_rng(0), [], 0.0
    for _ in range(30):
        gap, cause = random.exponential(0.2), int(random.integers(6))
        rules.forget(table, memory, gap)
        now += gap
        for kind in range(6):
            slow = flow.base[kind // 2]
            for then, what in past:
                pair = 2 * (what // 2) + (what % 2 != kind % 2)
                for term, decay in enumerate(flow.decay):
                    slow += flow.branching[kind // 2][6 * term + pair] * decay * math.exp(-decay * (now - then))
            assert rules.excited(table, memory, kind) == pytest.approx(slow)
        rules.excite(table, memory, cause)
        past.append((now, cause))


@pytest.mark.parametrize(("best", "row"), [(1, 0), (3, 0), (4, 1), (12, 1)])
def test_rates_are_those_of_the_spread_and_of_the_class_of_the_price(best, row):
    flow = reactive_flow(activity=2.0)
    rules, table = rules_of(flow), flow.table(12)
    better, worse = {1: 0, 2: 1, 3: 1}, {0: 0, 1: 1, 2: 2, 3: 2, 4: 2}
    for distance in range(1, 13):
        away = distance - best
        wanted = flow.inside[row][better[-away]] if -away in better else 0.0
        wanted = flow.joining[row][worse[away]] if away in worse else wanted
        assert rules.limit_by(table, distance, 1.0, best) == 2.0 * wanted
        leaving = flow.cancellation[row][worse[min(max(away, 0), 4)]]
        assert rules.cancel_by(table, distance, 3.0, best) == pytest.approx(6.0 * leaving)
    assert rules.market(table, best, 2.2) == 2.0 * flow.taking[row][2]
    assert rules.market(table, best, 9.0) == 2.0 * flow.taking[row][3]
    assert rules.market(table, best, 0.0) == 0.0


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"spreads": (2, 4)}, "spreads must rise from 1"),
        ({"better": (1, 2)}, "inside must have a rate for each of the 1 classes of better, got 2"),
        ({"worse": (1, 2, 3, 5)}, "worse must be whole ticks that rise from 0"),
        ({"base": (1.0,)}, r"base must have the shape \(3,\), got \(1,\)"),
        ({"taking": ((0.0, 1.0),)}, "taking must have a row for each of the 2 ranges of spreads, got 1"),
        ({"decay": (0.0, 1.0)}, "decay must be > 0"),
    ],
)
def test_what_does_not_fit_together_is_refused_by_name(changed, said):
    with pytest.raises(ValueError, match=rf"QueueReactiveHawkes\.{said}"):
        reactive_flow(**changed)


def test_a_listed_size_draws_each_of_its_sizes_alike_and_takes_short_queues_whole():
    size = ListedSize(limits=(1, 5), cancellations=(2, 6), markets=(3, 7), average=3.0, whole=4.0)
    rules, table = rules_of(size), size.table()
    for kind, pair in ((0, (1, 5)), (3, (2, 6)), (4, (3, 7))):
        assert [rules.draw_of(table, kind, u) for u in (0.01, 0.49, 0.51, 0.99)] == [pair[0]] * 2 + [pair[1]] * 2
    assert [rules.leaving(queue, 2) for queue in (1, 4, 5)] == [1, 4, 2]
    assert [rules.place(9, 2, u) for u in (0.2, 0.7)] == [0, 7]
    with pytest.raises(ValueError, match="must be as long as limits, 2, got 1"):
        replace(size, markets=(3,))
