"""Options quoted by the vega of the book and hedged by rules: what is read of a desk, what is played, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest

from agents import (
    ConstantVega,
    HedgeBand,
    HedgeEvery,
    HedgeWhalleyWilmott,
    NoDeltaHedge,
    OptionsMaker,
    QuadraticDesk,
)
from agents.desks import encoded, positions_seen
from agents.strategies.delta_rules import BookSeen
from agents.strategies.desk_problem import NoProblem
from mm_env import CARA, DeskSimulation, OutsideTarget, Poisson, Sides, Tier
from mm_env.clock import Ergodic
from mm_env.desks import options_desk as published
from tests.mm_env import desks
from tests.mm_env.options_desks import EUROPEAN, options_desk, quoted, underlying

DESK = options_desk(EUROPEAN[:2])


def test_the_published_desk_is_worth_what_is_published():
    quotes = ConstantVega.of(published())
    assert quotes.worth == pytest.approx(164_040.0, rel=2e-4)
    assert quotes.theory.premium == pytest.approx(0.1166667, rel=1e-5)
    assert quotes.theory.variance == pytest.approx(0.01)


def test_quotes_are_those_of_the_theory_at_the_vega_of_the_positions():
    quotes = ConstantVega.of(DESK)
    positions = np.array([[5.0, 1000.0, -2000.0], [0.0, 0.0, 0.0]])
    depths, trades = quotes.quotes(positions, 0.01)
    vegas = [greeks.vega for greeks in DESK.options.opening]
    told = quotes.theory.depths(positions[:, 1:] @ vegas, 0.01)
    assert depths.shape == (2, 6, 2)
    assert (depths[:, :2] == 0.0).all()  # of the underlying, which nobody asks for
    assert depths[:, 2] == pytest.approx(told[:, 0, :2])
    assert depths[:, 5] == pytest.approx(told[:, 1, 2:])
    assert not trades.any()


def test_without_risk_aversion_and_premium_quotes_do_not_mind_what_is_held():
    quotes = ConstantVega.symmetric(DESK)
    at = [quotes.quotes(np.array([[0.0, units, 0.0]]), 0.02)[0] for units in (0.0, 5000.0)]
    assert at[0] == pytest.approx(at[1])
    assert at[0][:, 2] == pytest.approx(at[0][:, 3])


def test_a_maker_sees_the_book_and_asks_for_the_band_of_its_rule():
    simulation = DeskSimulation(DESK, 4, threads=1, interpreted=True)
    seen = simulation.start(0)
    for _ in range(10):
        seen = simulation.step(np.full(4 * DESK.width, -1.0))[0]
    maker = OptionsMaker.of(DESK, ConstantVega.of, HedgeBand(2500.0))
    book, mine = simulation.book, maker.book_seen(seen)
    assert mine.step == pytest.approx([10.0] * 4)
    assert mine.delta == pytest.approx(book.delta, rel=1e-5, abs=1e-2)
    assert mine.gamma == pytest.approx(book.gamma, rel=1e-5, abs=1e-2)
    assert mine.spot == pytest.approx(simulation.holdings[0].mid, rel=1e-6)
    acts = maker.act(seen)
    assert acts[:, -1] == pytest.approx(-0.5)  # a quarter of the widest
    positions = positions_seen(DESK, seen)
    depths = maker.strategy.quotes(positions, 0.02 * 40 / 50)[0]
    assert acts[:, :-1] == pytest.approx(encoded(DESK, depths, np.zeros((4, 3)), positions)[:, :-1])
    assert (replace(maker, rule=NoDeltaHedge()).act(seen)[:, -1] == 1.0).all()
    assert (replace(maker, rule=HedgeEvery(10)).act(seen)[:, -1] == -1.0).all()
    assert (replace(maker, rule=HedgeEvery(3)).act(seen)[:, -1] == 1.0).all()
    assert maker.moved_to(DESK).market == DESK


def test_bands():
    book = BookSeen(np.arange(4.0), np.full(4, 3.0), np.array([0.0, 1.0, 2.0, -2.0]), np.full(4, 10.0))
    assert HedgeEvery(2).band(book).tolist() == [0.0, np.inf, 0.0, np.inf]
    assert HedgeBand(0.5).band(book).tolist() == [0.5] * 4
    wide = HedgeWhalleyWilmott(half_spread=0.1, gamma=0.2).band(book)
    assert wide == pytest.approx([0.0, 0.75 ** (1 / 3), 3.0 ** (1 / 3), 3.0 ** (1 / 3)])
    with pytest.raises(ValueError, match=r"HedgeEvery.steps must be a whole number in \[1, .*got 0"):
        HedgeEvery(0)


@pytest.mark.parametrize(("desk", "message"), [
    (desks.plain(2), "it must be an OptionsDesk, got Desk"),
    (replace(DESK, clock=Ergodic(0.02, 50)), "it must end"),
    (replace(DESK, reward=CARA(0.1)), "its reward must be VariancePenalty with alpha = 0"),
    (options_desk(EUROPEAN[:1], instruments=(underlying(tiers=quoted("x").tiers), quoted("o"))), "must have no clients"),
])  # fmt: skip
def test_desks_of_which_there_is_no_theory_are_refused(desk, message):
    with pytest.raises(NoProblem, match=message):
        ConstantVega.of(desk)


def test_clients_that_theory_does_not_know_are_refused():
    one = quoted("o")
    fill = one.tiers[0].fill.bid
    for flow, message in (
        (Poisson(100.0), "Bernoulli"),
        (Sides(one.tiers[0].flow.bid, replace(one.tiers[0].flow.bid, rate=3.0)), "both sides"),
    ):
        desk = options_desk(EUROPEAN[:1], instruments=(underlying(), replace(one, tiers=(Tier(flow, fill),))))
        with pytest.raises(NoProblem, match=message):
            ConstantVega.of(desk)


def test_a_desk_that_is_hedged_otherwise_and_theories_of_other_desks_are_refused():
    desk = options_desk(EUROPEAN[:1], instruments=(underlying(OutsideTarget()), quoted("o")))
    with pytest.raises(NoProblem, match="underlying alone is traded outside, by OutsideDelta"):
        OptionsMaker.of(desk, ConstantVega.of)
    with pytest.raises(NoProblem, match="are marks of options, whose greeks move"):
        QuadraticDesk.of(DESK)
