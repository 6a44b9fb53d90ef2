"""Pictures of what decides beside time and inventory: what is drawn is what is quoted, held and lost."""

import numpy as np
import pytest

from agents.policy import StrategyPolicy
from agents.strategies.fixed import FixedSymmetric, LinearSkew
from experiments.evaluation import state_plots
from experiments.evaluation.state_plots import lived
from mm_env import Brownian, Collateral, CVaR, FiniteHorizon, Heston, LossLimit, RegimeSwitching, ScheduledGap, Token
from mm_env.rollout import run_policy
from tests.worlds import BOOKS, world

CLOCK = FiniteHorizon(1.0, 10)
REGIMES = world(
    clock=CLOCK, price=RegimeSwitching(Brownian(1.0), rates=((0.0, 9.0), (9.0, 0.0)), volatility=(1.0, 2.0))
)
GAP = world(clock=CLOCK, price=ScheduledGap(Brownian(1.0), at=(0.4,), std=(2.0,)))
RUIN = world(clock=CLOCK, price=Brownian(2.0), margin=LossLimit(loss=1.5))
OWING = world(clock=CLOCK, financing=Collateral(token=Token(sigma=0.4), collateral=0.32, debt=20.0))
HESTON = world(clock=CLOCK, price=Heston(kappa=5.0, theta=1.0, vol=1.5, rho=-0.5, v0=1.0))
TAIL = world(clock=CLOCK, reward=CVaR(0.9, 0.5), profit_scale=2.0)


def both(market):
    return StrategyPolicy(LinearSkew(0.8, 0.1), market), StrategyPolicy(FixedSymmetric(0.7), market)


def drawn(market):
    ours, theirs = both(market)
    return {name for name, figure in state_plots.figures(market, "a", ours, "b", theirs).items() if figure}


@pytest.mark.parametrize(("market", "names"), [
    (world(), set()),
    (REGIMES, {"quotes_by_state"}),
    pytest.param(HESTON, {"quotes_by_state"}, marks=pytest.mark.slow),
    pytest.param(TAIL, {"quotes_by_state"}, marks=pytest.mark.slow),
    (GAP, {"inventory_to_gap"}),
    (RUIN, {"quotes_by_state", "margin_calls"}),
    (OWING, {"health"}),
    (next(iter(BOOKS.values())), set()),
], ids=["plain", "regimes", "volatility", "profit", "gap", "margin", "loan", "book"])  # fmt: skip
def test_a_market_has_the_figures_of_its_features(market, names):
    assert drawn(market) == names


def test_quotes_are_drawn_for_each_regime():
    ours, theirs = both(REGIMES)
    figure = state_plots.quotes_by_state(REGIMES, {"leaning": ours, "still": theirs}, lived(REGIMES, theirs, 200))
    assert [axis.get_title() for axis in figure.axes] == ["regime 0", "regime 1"]
    for axis in figure.axes:
        bid, ask, still, _ = axis.get_lines()
        inventory = bid.get_xdata()
        np.testing.assert_allclose(bid.get_ydata(), 0.8 + 0.1 * inventory, atol=1e-9)
        np.testing.assert_allclose(ask.get_ydata(), 0.8 - 0.1 * inventory, atol=1e-9)
        np.testing.assert_allclose(still.get_ydata(), 0.7, atol=1e-9)


def test_states_without_labels_are_drawn_at_quantiles_of_what_is_seen_in_price_units():
    _, policy = both(TAIL)
    lives = lived(TAIL, policy, 200)
    values = state_plots.typical(TAIL, "profit", lives)
    place = TAIL.observation_names.index("profit")
    np.testing.assert_allclose(values, np.quantile(lives.seen[5, :, place], (0.1, 0.5, 0.9)), rtol=1e-6)
    assert state_plots.named(TAIL, "profit", 0.7) == "profit 1.4"


def test_the_inventory_is_drawn_to_the_gap_and_past_it():
    policy, _ = both(GAP)
    lives = lived(GAP, policy, 300)
    line, gap = state_plots.inventory_to_gap(GAP, {"leaning": lives}).axes[0].get_lines()
    assert gap.get_xdata()[0] == pytest.approx(0.4)
    held = run_policy(GAP, policy.act, 300, seed=state_plots.NOISE)
    assert np.abs(held.terminal_inventory).mean() == pytest.approx(line.get_ydata()[-1])
    assert np.nanmean(np.abs(held.gap_inventory)) == pytest.approx(line.get_ydata()[3])


def test_margin_calls_are_where_accounts_are_closed():
    _, policy = both(RUIN)
    lives, played = lived(RUIN, policy, 300), run_policy(RUIN, policy.act, 300, seed=state_plots.NOISE)
    assert np.array_equal(lives.called >= 0, played.closed == 1.0)
    assert 0 < played.closed.sum() < 300
    closed = lives.called >= 0
    np.testing.assert_allclose((lives.called[closed] + 1) * 0.1, played.time_open[closed])
    (axis,) = state_plots.margin_calls(RUIN, {"still": lives}).axes
    crosses = [line for line in axis.get_lines() if line.get_marker() == "x"]
    assert len(crosses) == (lives.called[: state_plots.PATHS] >= 0).sum()
    assert axis.get_title() == f"still: {played.closed.mean():.1%} closed"


def test_health_factors_are_drawn_beside_the_share_that_was_liquidated():
    ours, _ = both(OWING)
    lives = lived(OWING, ours, 300)
    figure = state_plots.health_over_time(OWING, {"a": lives})
    (axis,) = figure.axes
    assert axis.get_title() == f"a: {lives.liquidated.mean():.1%} liquidated"
    middle = next(line for line in axis.get_lines() if line.get_label() == "median")
    np.testing.assert_allclose(middle.get_ydata()[0], 0.8 * 32.0 / 20.0, rtol=1e-6)
    assert 0.0 < lives.liquidated.mean() < 1.0
