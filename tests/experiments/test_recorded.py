"""The mains that put simulated markets beside a recorded day."""

import csv

import numpy as np
import pytest

from experiments import backtest, compare, realism, train
from experiments.calibration.zero_intelligence import zero_intelligence
from experiments.config.markets import build, recorded_market
from experiments.realism import Stream, gaps, sign_autocorrelation, signature, simulated_streams, spread_and_depth
from mm_env.data import lobster
from mm_env.data.recording import SECOND, Quotes
from mm_env.markets import amzn_book
from mm_env.markets import zero_intelligence as zero_intelligence_book
from mm_env.venue.order_book.published import amazon
from tests.mm_env.recorded_days import random_day
from tests.recordings import real
from tests.worlds import within

AMZN = "lobster/LOBSTER_SampleFile_AMZN_2012-06-21_5.zip"
FIRST_PART = 16_200.0  # seconds


@pytest.fixture(scope="module")
def day(tmp_path_factory):
    """A random day of a few seconds."""
    return random_day(tmp_path_factory.mktemp("day") / "day.zip", seed=3, levels=25, events=4_000)


def short(day, *window):
    """Overrides that make a market of the recorded day of windows of a tenth of a second."""
    begins, ends = window or (0.2, 0.9)
    return (
        f"path={day}", "recorded.clock={_target_:mm_env.FiniteHorizon,horizon:0.1,steps:10}", "recorded.venue.lot=1",
        f"recorded.venue.window.begins={begins}", f"recorded.venue.window.ends={ends}",
    )  # fmt: skip


def test_the_two_parts_of_the_day_share_no_second(composed, day):
    choices = [[f"market.venue.path={day}", f"window@market.venue.window={part}"] for part in ("train", "test")]
    made = [composed("compare", "market=amzn_replay", *choice).market.venue.window for choice in choices]
    train, test = (build(window) for window in made)
    assert train.begins < train.ends < test.begins < test.ends


@pytest.mark.parametrize(("main", "overrides", "place"), [
    (backtest.main, (), "path"),
    (realism.main, (), "path"),
    (train.main, ("market=amzn_replay",), "market.venue.path"),
])  # fmt: skip
def test_a_recorded_market_without_its_file_is_refused_in_one_line(refused, main, overrides, place):
    assert refused(main, *overrides).splitlines()[0] == f"error: {place} must be given: {place}=..."


def test_what_agents_get_of_a_recorded_day_is_in_the_table(launch, day):
    agents = "agents=[join,inside,fixed_symmetric]"
    small = ("market.clock.steps=10", "market.clock.horizon=10.0", "episodes=50", "resamples=500", agents)
    folder, (best,) = launch(backtest.main, *small, *short(day))
    with (folder / "backtest.csv").open(newline="", encoding="utf-8") as file:
        rows = {row.pop("agent"): {name: float(x) for name, x in row.items()} for row in csv.DictReader(file)}
    assert set(rows) == {"join", "inside", "fixed_symmetric"}
    assert best == max(row["objective"] for row in rows.values())
    assert all(row["objective_low"] <= row["objective"] <= row["objective_high"] for row in rows.values())
    assert next(iter(rows.values()))["lead"] == 0.0
    assert (folder / "backtest.md").read_text(encoding="utf-8").count("\n") == 7


SIMULATED = ("market.clock.steps=10", "market.clock.horizon=10.0", "episodes=50")
TINY = (
    "agent=ppo",
    "agent.total_steps=64",
    "agent.num_envs=8",
    "agent.settings.n_steps=4",
    "agent.settings.batch_size=32",
)
MINE = "{name: mine, base: fixed_symmetric, half_spread: 0.005, tuned: [half_spread]}"


def at_home(day):
    """Overrides that make learners and strategies come from the day's first part."""
    return (
        "market=amzn_replay", f"market.venue.path={day}", "market.venue.lot=1", "market.venue.window.ends=0.15",
        "market.venue.window.apart=0.001", "market.clock={_target_:mm_env.FiniteHorizon,horizon:0.1,steps:10}",
    )  # fmt: skip


def table(folder):
    with (folder / "backtest.csv").open(newline="", encoding="utf-8") as file:
        return {row.pop("agent"): {name: float(x) for name, x in row.items()} for row in csv.DictReader(file)}


def test_strategies_with_names_of_their_own_and_trained_runs_are_tried_too(launch, day):
    run, _ = launch(train.main, "market=amzn_book", *SIMULATED, *TINY, "rivals=[join]", "watch.episodes=10")
    agents = f'agents=[join,{{name: "join, one at most", base: join, most: 1.0}},{MINE},{run}]'
    folder, _ = launch(backtest.main, *SIMULATED, *short(day), "resamples=500", agents)
    rows = table(folder)
    assert set(rows) == {"join", "join, one at most", "mine", run.name}
    assert rows["join, one at most"]["mean_absolute_position"] <= rows["join"]["mean_absolute_position"]
    assert rows["join, one at most"]["objective"] != rows["join"]["objective"]


def test_what_was_tuned_where_it_comes_from_is_not_tuned_again_on_the_recorded_windows(composed, day):
    """Nor is anything measured there: it quotes by the same parameters in both."""
    cfg = composed("backtest", *SIMULATED, *short(day), "title=book", f"agents=[join,glft,{MINE}]")
    market, recorded = build(cfg.market), recorded_market(cfg)
    found, refused = backtest.contenders(cfg, market, recorded)
    assert (set(found), refused) == ({"join", "glft", "mine"}, {})
    for name in ("glft", "mine"):
        assert found[name].here.strategy == found[name].there.strategy
        assert (found[name].here.market, found[name].there.market) == (market, recorded)
    assert found["mine"].here.strategy.half_spread > 0.005
    assert found["join"].there.market.venue == recorded.venue


def test_a_recorded_day_leaves_out_learners_with_branches_and_tells_why(launch, day, capsys):
    agents = "agents=[{name: branched, base: ppo, branches: 4},join]"
    folder, _ = launch(backtest.main, *at_home(day), *short(day), "episodes=50", "resamples=500", agents)
    assert set(table(folder)) == {"join"}
    said = " ".join(capsys.readouterr().out.split())
    assert "branched is left out: branches need a market that is drawn" in said
    assert "happened once: branches=0 learns from what came" in said


@pytest.mark.parametrize("main", [train.main, compare.main])
def test_branches_on_a_recorded_day_are_refused_before_any_work(refused, day, main):
    agent = ["agent=ppo_book", "rivals=[join]"] if main is train.main else ["agents=[ppo_book]"]
    said = refused(main, *at_home(day), *agent, "evaluation_window=null")
    assert "branches need a market that is drawn" in said
    assert "branches=0 learns from what came" in said


def test_a_backtest_of_nobody_is_refused_before_any_work(refused, day):
    said = refused(backtest.main, *at_home(day), *short(day), "agents=[{name: branched, base: ppo, branches: 4}]")
    assert "agents must name at least one that the market allows" in said


def test_learners_who_would_be_shown_something_else_on_the_day_are_refused_before_they_train(refused, day):
    said = refused(backtest.main, "agents=[ppo]", "market.venue.observed=2", *short(day))
    assert "agents are trained with observation_names ('inventory', 'time_left'" in said
    said = refused(backtest.main, "agents=[ppo]", "quote@market.quote=touch", *short(day))
    assert "agents are trained with quote Touch" in said
    said = refused(backtest.main, "agents=[ppo]", "market.quote.max_skew=0.2", *short(day))
    assert (
        "agents are trained with quote SpreadAndSkew(max_half_spread=0.15, max_skew=0.2, min_half_spread=0.0), got"
        in said
    )


def test_two_agents_of_one_name_are_refused(refused, day):
    agents = "agents=[{name: mine, base: join},{name: mine, base: inside}]"
    assert "agents must have names of their own, got 'mine' twice" in refused(compare.main, agents)
    assert "got 'mine' twice" in refused(backtest.main, *short(day), agents)
    learners = "agents=[{name: mine, base: ppo},{name: mine, base: td3}]"
    assert "got 'mine' twice" in refused(compare.main, learners)
    assert "got 'mine' twice" in refused(backtest.main, *short(day), learners)


def test_the_figures_of_the_table_are_those_of_the_windows(composed, day):
    cfg = composed("backtest", *short(day), "title=book")
    market = recorded_market(cfg)
    assert len(market.venue.starts) == 7
    found = backtest.figures(
        [
            backtest.BacktestRow(name, False, episodes(value), backtest.mean(np.zeros(2)))
            for name, value in (("a", 1.0), ("b", 3.0))
        ],
        backtest.Bootstrap(1, 1_000, 0),
    )
    assert list(found) == ["b", "a"]
    assert found["a"]["lead"] == (-2.0, -2.0, -2.0)
    assert found["b"]["objective"][0] == 4.0


def episodes(value):
    """Four windows, of which nothing but the objective matters."""
    nothing = np.zeros(4)
    return backtest.Episodes(value + np.arange(4.0) - 0.5, *[nothing] * 7)


@pytest.mark.slow
def test_the_two_markets_beside_each_other(launch, day):
    parts = ("parts.train=[0.2,0.5]", "parts.test=[0.5,0.9]")
    scored = ("score.stretch=0.1", "score.resamples=5", "scored=null")
    folder, (gap,) = launch(
        realism.main, "books=2", "seconds=400", *parts, *scored, *short(day), "market.venue.warm_up=5"
    )
    with (folder / "realism.csv").open(newline="", encoding="utf-8") as file:
        rows = {row[0]: row[1:] for row in csv.reader(file)}
    assert rows["figure"] == ["recorded, train", "recorded, test", "simulated, amzn_book"]
    spreads = [float(x) for x in rows["mean spread (ticks)"]]
    assert gap == pytest.approx(spreads[2] / spreads[1] - 1.0)
    assert (folder / "realism.png").stat().st_size > 10_000
    with (folder / "score.csv").open(newline="", encoding="utf-8") as file:
        books = {row["book"]: float(row["mean L1"]) for row in csv.DictReader(file)}
    assert set(books) == {"amzn_book", "the day's own other half", "the day's first part"}
    assert books["the day's own other half"] < books["amzn_book"]


def test_stretches_longer_than_half_a_part_are_refused(refused, day):
    assert "score.stretch must be > 0, at most half" in refused(realism.main, *short(day), "parts.train=[0.2,0.5]")


def stream(times, bid, ask, orders=(), signs=(), length=10):
    sizes = np.full(len(times), 2.0)
    quotes = Quotes(np.array(times) * SECOND, np.array(bid), np.array(ask), sizes, sizes)
    return Stream(length * SECOND, quotes, np.array(orders, np.int64), np.array(signs, np.int64))


def test_figures_of_a_stream_by_hand():
    made = stream([0, 4, 5], [10, 10, 12], [12, 14, 16], orders=[1, 1, 3], signs=[1, 1, -1])
    spreads, depth, seconds = spread_and_depth([made])
    assert (spreads.tolist(), depth.tolist(), seconds.tolist()) == ([2, 4, 4], [2.0] * 3, [4.0, 1.0, 5.0])
    assert gaps([made.orders * SECOND]).tolist() == [2.0]
    mids = np.array([11, 11, 11, 11, 12, 14, 14, 14, 14, 14.0])
    assert signature([made] * 40, 0.5)[0] == pytest.approx(0.5 * np.sqrt((np.diff(mids) ** 2).mean()))


def test_signs_that_alternate_are_anticorrelated():
    made = stream([0], [10], [12], orders=range(100), signs=[1, -1] * 50, length=100)
    found = sign_autocorrelation([made])
    assert found[:2] == pytest.approx([-1.0, 1.0])


def test_simulated_market_orders_come_at_the_rate_of_the_flow():
    market = zero_intelligence_book()
    streams = simulated_streams(market, 40, 200.0, seed=0)
    counts = np.array([len(s.orders) for s in streams])
    assert within(counts, 2 * market.venue.flow.taking * 200.0)
    assert within(np.array([s.signs.sum() for s in streams]), 0.0)
    assert all((np.diff(s.orders) >= 0).all() and s.quotes.time[-1] < s.length for s in streams)
    assert all((s.quotes.bid < s.quotes.ask).all() for s in streams)


def test_the_shipped_rates_are_those_of_the_first_part_of_the_day():
    recording = lobster.read(real(AMZN)).until(round(FIRST_PART * SECOND))
    found, flow, levels = zero_intelligence(recording, 60), amazon(), amzn_book().venue.levels
    assert found is not None
    assert levels == len(flow.arrival) == 60
    np.testing.assert_allclose(flow.arrival, [rate.rate.value for rate in found.arrival], rtol=6e-3)
    np.testing.assert_allclose(flow.cancellation, [rate.rate.value for rate in found.cancellation], rtol=6e-3)
    assert flow.taking == pytest.approx(found.market.value, rel=5e-3)
    assert round(found.unit) == 81
