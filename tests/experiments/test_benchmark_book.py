"""The benchmark of order books times what it says it times."""

import pytest

from experiments import benchmark
from experiments.speed.benchmark_book import cases, deciding, recorded, replays, speed
from mm_env import Ergodic, EveryEvent
from mm_env.markets import market_named
from tests.mm_env.recorded_days import random_day


@pytest.mark.slow
def test_with_a_decision_at_every_event_there_are_hardly_more_decisions_than_events():
    """A decision also comes where no event does for as long as 100 of them take."""
    market = deciding(market_named("queue_reactive"), EveryEvent, 100)
    timed = speed(market, 3, 1, 0.01)
    assert 0.99 * timed.decisions < timed.events <= timed.decisions


def test_there_are_as_many_events_a_decision_as_asked_for():
    """Both are measured over thousands of events, of which a hundred a decision."""
    timed = speed(deciding(market_named("queue_reactive"), Ergodic, 100), 64, 1, 0.05)
    assert timed.events / timed.decisions == pytest.approx(100, rel=0.1)


def test_a_recorded_day_is_timed_by_the_messages_of_its_episodes(tmp_path):
    """A decision after twenty on average; or after all of one stamp, of which there are a few."""
    day = recorded(str(random_day(tmp_path / "day.zip", seed=3, events=20_000)), window=2.0)
    spaced, every = replays(day, 20).values()
    timed = speed(spaced, 64, 1, 0.05)
    assert timed.events / timed.decisions == pytest.approx(20, rel=0.1)
    timed = speed(every, 3, 1, 0.01)
    assert timed.decisions < timed.events < 4 * timed.decisions


def test_every_flow_is_there_at_every_number_of_lanes(composed):
    cfg = composed(
        "benchmark", "books=[queue_reactive,hawkes]", "book_lanes=[1,2]", "book_levels=[4]", "book_makers=[3]"
    )
    found = [(case.name, case.lanes) for case in cases(cfg)]
    assert found == [
        ("queue_reactive", 1), ("queue_reactive", 2), ("hawkes", 1), ("hawkes", 2),
        ("queue_reactive 4 levels", 1024), ("queue_reactive every event", 1), ("queue_reactive every event", 2),
        ("queue_reactive 3 makers a book", 1023),
    ]  # fmt: skip


@pytest.mark.parametrize(("mistake", "message"), [
    ("books=[amzn]", "error: books must be markets with an order book, got one with a Dealer"),
    ("replay=nowhere.zip", "error: Replay.path must name recorded days: path must name recorded days, got nowhere.zip"),
    ("markets=[glft,gltf]", "got 'gltf'. Did you mean 'glft'?"),
])  # fmt: skip
def test_a_mistake_is_found_before_anything_is_timed(refused, monkeypatch, mistake, message):
    def timed(*_, **__):
        raise AssertionError("the mistake was found too late")

    monkeypatch.setattr(benchmark, "stepping", timed)
    assert message in refused(benchmark.main, *([] if "markets" in mistake else ["markets=[glft]"]), mistake)
