"""A desk of options: marks, trades, hedges, expiries, and what is refused."""

import copy
import math
import pickle
from dataclasses import replace

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from hypothesis import given, settings
from hypothesis import strategies as st

from mm_env import (
    Brownian,
    CommonVariance,
    CovariancePrices,
    Desk,
    DeskSimulation,
    FiniteHorizon,
    MarketMakingEnv,
    OptionContract,
    OptionPrices,
    OutsideDelta,
    OutsideTarget,
    VariancePenalty,
    option_grid,
)
from mm_env.clock import Ergodic
from mm_env.core import engine
from mm_env.options import CALL, PUT, black_scholes, heston
from mm_env.rollout import run_policy
from tests.mm_env import desks
from tests.mm_env.desks import actions, numbers
from tests.mm_env.options_desks import (
    CALM,
    CALM_MARKS,
    EUROPEAN,
    HESTON,
    HESTON_MARKS,
    LOOKBACKS,
    OUTSIDE,
    WATCHED,
    options_desk,
    quoted,
    underlying,
)

STEPS = 50


def played(desk, steps=STEPS, lanes=3, interpreted=True, seed=1):
    """A simulation some steps into its first episode, and what was seen and earned."""
    simulation = DeskSimulation(desk, lanes, threads=1, interpreted=interpreted)
    seen = [simulation.start(seed)]
    earned = np.zeros(lanes)
    for each in actions(desk, lanes, steps):
        shown, rewards, _, _ = simulation.step(each)
        seen.append(shown)
        earned += rewards
    return simulation, np.array(seen), earned


def wealth(simulation):
    return sum(h.cash + h.inventory * h.mid for h in simulation.holdings)


def everywhere(value):
    """The same action in all its numbers."""
    return lambda seen, desk: np.full((len(seen), desk.width), value)


# marks


@settings(max_examples=25, deadline=None)
@given(st.floats(7.0, 14.0), st.floats(0.02, 3.0), st.floats(0.0005, 0.3), st.booleans())
def test_a_call_less_a_put_is_the_forward_in_the_marks(strike, expiry, variance, with_heston):
    """Of the marks at the start; those within an episode are held to the same below."""
    price, marks = (replace(HESTON, v0=variance), HESTON_MARKS) if with_heston else (CALM, CALM_MARKS)
    call, put = OptionPrices(price, 10.0, option_grid([strike], [expiry], [CALL, PUT]), marks).opening
    assert call.price - put.price == pytest.approx(10.0 - strike, abs=1e-12 * strike)
    assert call.delta - put.delta == pytest.approx(1.0, abs=1e-9)
    assert (call.gamma, call.vega) == pytest.approx((put.gamma, put.vega), abs=1e-9)


@pytest.mark.parametrize("heston_", [True, False])
def test_a_call_less_a_put_is_the_forward_until_both_are_paid(heston_):
    desk = options_desk(option_grid([9.9], [0.5, 0.01], [CALL, PUT]), heston_)
    simulation = DeskSimulation(desk, 4, threads=1)
    simulation.start(0)
    for step, each in enumerate(actions(desk, 4, 30)):
        simulation.step(each)
        spot, long, short, put, paid = (h.mid for h in simulation.holdings)
        assert long - put == pytest.approx(spot - 9.9, abs=1e-11)
        if step < 25:
            assert short - paid == pytest.approx(spot - 9.9, abs=1e-11)


def test_marks_are_exact_prices_at_the_state_of_each_lane():
    simulation, _, _ = played(options_desk(EUROPEAN[:2]), 20, interpreted=False)
    left, variances = 20 * 0.02 / STEPS, simulation.state.variance
    spots, greeks = simulation.holdings[0].mid, simulation.greeks
    for i, one in enumerate(EUROPEAN[:2], 1):
        for lane, (spot, v) in enumerate(zip(spots, variances, strict=True)):
            known = heston(HESTON_MARKS.law, one.side, spot, one.strike, one.expiry - left, v)
            assert simulation.holdings[i].mid[lane] == pytest.approx(known.price, abs=1e-6)
            assert greeks[i, :, lane] == pytest.approx([known.delta, known.gamma, known.vega], abs=2e-4)
    calm, _, _ = played(options_desk(EUROPEAN[:1], heston=False), 20, interpreted=False)
    for lane, spot in enumerate(calm.holdings[0].mid):
        known = black_scholes(1.0, spot, 9.0, 1.0 - left, 0.15, 0.0, 0.0)
        assert calm.holdings[1].mid[lane] == pytest.approx(known.price, abs=1e-12)


def test_the_book_is_the_sum_of_what_is_held_by_its_greeks_and_risk_is_that_of_the_book():
    desk = options_desk()
    simulation, seen, _ = played(desk, 20)
    held = np.array([h.inventory for h in simulation.holdings])
    delta, gamma, vega = np.einsum("il,igl->gl", held, simulation.greeks)
    book, spot = simulation.book, simulation.holdings[0].mid
    assert np.array(book[:3]) == pytest.approx(np.array([delta, gamma, vega]), rel=1e-9, abs=1e-6)
    root = np.sqrt(simulation.state.variance)
    by_spot, by_root = spot * root * delta, 0.1 * vega
    risk = np.sqrt(by_spot**2 - by_spot * by_root + by_root**2)
    names = desk.observation_names
    assert seen[-1][:, names.index("risk")] * desk.risk_scale == pytest.approx(risk, rel=1e-5)
    shown = seen[-1][:, names.index("delta") :]
    assert shown[:, :3] * desk.scales == pytest.approx(np.array([delta, gamma, vega]).T, rel=1e-5)
    assert shown[:, 3] == pytest.approx(np.log(spot / 10.0) / math.sqrt(0.0225 * 0.02), rel=1e-5)
    assert shown[:, 4] == pytest.approx(root / 0.15, rel=1e-6)


def test_marks_are_fair_where_the_market_moves_as_they_say():
    """No option gains on average, once its underlying moves by the law that prices it: not even one that pays midway."""
    for options, calm in ((EUROPEAN, False), (EUROPEAN, True), (LOOKBACKS, True), (WATCHED, True)):
        fair = replace(HESTON, kappa=HESTON_MARKS.kappa, theta=HESTON_MARKS.theta)
        held = tuple(quoted(f"o{i}", 0.0, initial_inventory=1.0) for i in range(len(options)))
        prices = OptionPrices(CALM if calm else fair, 10.0, options, CALM_MARKS if calm else HESTON_MARKS)
        desk = options_desk(options, instruments=(underlying(), *held), prices=prices)
        found = run_policy(desk, lambda seen, desk=desk: everywhere(1.0)(seen, desk), 8192, 5).instruments
        error = found.profit.std(axis=0) / math.sqrt(8192)
        assert (np.abs(found.profit.mean(axis=0)[1:]) < 4.0 * error[1:]).all()


# what a step brings


@pytest.mark.parametrize(("options", "heston_"), [(EUROPEAN, True), ((*EUROPEAN, *LOOKBACKS, *WATCHED), False)])
def test_machine_code_is_python_to_the_bit(options, heston_):
    desk = options_desk(options, heston_)
    (python, seen, earned), (machine, same, paid) = (played(desk, 30, interpreted=i) for i in (True, False))
    assert (seen == same).all()
    assert (earned == paid).all()
    assert (python._holdings.numbers == machine._holdings.numbers).all()
    assert (python.numbers == machine.numbers).all()
    assert (machine.observations == same[-1]).all()


def test_machine_code_serves_any_number_of_options():
    before = None
    for n in (1, 4, 2):
        simulation = DeskSimulation(options_desk(option_grid(np.linspace(9.0, 11.0, n).tolist(), [1.0])), 2, threads=1)
        simulation.start(0)
        simulation.step(np.zeros(2 * simulation.market.width))
        made = set(engine._made)
        assert before is None or made == before
        before = made


def test_wealth_is_cash_and_marks_and_is_made_of_spread_cost_and_what_inventories_gain():
    for options, heston_ in ((EUROPEAN, True), ((*EUROPEAN, *LOOKBACKS), False)):
        simulation, _, earned = played(options_desk(options, heston_))
        tally, held = simulation.state.tally, simulation.holdings
        assert tally.profit == pytest.approx(wealth(simulation), abs=1e-8)
        assert tally.objective == pytest.approx(earned)
        assert tally.spread_captured == pytest.approx(sum(h.spread for h in held))
        assert tally.hedging_cost == pytest.approx(sum(h.hedging_cost for h in held))
        assert (held[0].outside_volume > 0.0).all()
        assert (held[1].client_volume > 0.0).all()


def test_an_option_that_expires_is_paid_for_and_quoted_no_more():
    desk = options_desk()
    simulation, before = DeskSimulation(desk, 4, threads=1, interpreted=True), None
    simulation.start(3)
    for step in range(STEPS):
        simulation.step(np.full(4 * desk.width, -1.0))
        kept = simulation.holdings[3]
        if step >= 24:
            assert (kept.inventory == 0.0).all()
            assert (simulation.greeks[3] == 0.0).all()
        if step == 24:
            assert kept.mid == pytest.approx(np.maximum(simulation.holdings[0].mid - 10.0, 0.0))
            before = kept
    assert (simulation.holdings[3].cash == before.cash).all()
    assert (simulation.holdings[3].client_volume == before.client_volume).all()
    assert (before.client_volume > 0.0).all()
    assert simulation.state.tally.profit == pytest.approx(wealth(simulation), abs=1e-8)


def test_a_lookback_pays_what_its_extreme_says():
    desk = options_desk(LOOKBACKS, heston=False)
    simulation = DeskSimulation(desk, 16, threads=1)
    simulation.start(2)
    highest = lowest = np.full(16, 10.0)
    for _ in range(25):
        simulation.step(np.zeros(16 * desk.width))
        spot = simulation.holdings[0].mid
        highest, lowest = np.maximum(highest, spot), np.minimum(lowest, spot)
    extremes, paid = simulation.extremes, [h.mid for h in simulation.holdings]
    assert (extremes[2] >= highest).all()
    assert (extremes[1] <= lowest).all()
    assert (extremes[2] > highest).any()  # the path went further in between
    assert (extremes[2] == extremes[3]).all()  # one path
    assert paid[2] == pytest.approx(extremes[2] - spot)
    assert paid[3] == pytest.approx(np.maximum(extremes[3] - 10.1, 0.0))


def test_a_lookback_that_is_watched_at_dates_minds_the_spots_of_these_alone():
    desk = options_desk(WATCHED[1:3], heston=False)
    simulation, highest = DeskSimulation(desk, 16, threads=1), {1: np.full(16, 10.0), 2: np.full(16, 10.0)}
    simulation.start(2)
    for step in range(1, 31):
        simulation.step(np.zeros(16 * desk.width))
        spot = simulation.holdings[0].mid
        for i, every in ((1, 10), (2, 5)):
            highest[i] = np.maximum(highest[i], spot) if step % every == 0 else highest[i]
    paid = [h.mid for h in simulation.holdings]
    assert simulation.extremes[1] == pytest.approx(highest[1])
    assert simulation.extremes[2] == pytest.approx(highest[2])
    assert paid[1] == pytest.approx(highest[1] - spot)
    assert paid[2] == pytest.approx(np.maximum(highest[2] - 10.1, 0.0))


def test_a_lookback_put_held_with_the_underlying_covers_every_drawdown_at_the_end():
    """S_T - S_0 and max S - S_T: whatever happens, the two lose no more than the put was dear."""
    put = OptionContract(0.02, style="floating_lookback", side=-1.0)
    held = (underlying(initial_inventory=1.0), quoted("put", 0.0, initial_inventory=1.0))
    desk = options_desk((put,), heston=False, instruments=held)
    found = run_policy(desk, lambda seen: everywhere(1.0)(seen, desk), 512, 1)
    assert (found.profit >= -desk.options.opening[0].price - 1e-9).all()
    alone = found.instruments.profit[:, 0]
    assert alone.min() < -2.0 * desk.options.opening[0].price


# hedges


def hedged(action, outside=OUTSIDE, steps=5):
    """A simulation whose underlying is traded by one action."""
    desk = options_desk(instruments=(underlying(outside), *options_desk().instruments[1:]))
    simulation = DeskSimulation(desk, 64, threads=1)
    simulation.start(0)
    acts = np.full((64, desk.width), -1.0)
    acts[:, -1] = action
    for _ in range(steps):
        before = copy.deepcopy(simulation.book)
        simulation.step(acts.reshape(-1))
    return simulation, before


def test_what_is_beyond_the_band_is_traded_away_once_clients_have_traded():
    free = replace(OUTSIDE, half_spread=0.0, quadratic=0.0, impact=0.0)
    for action, kept in ((-1.0, 0.0), (-0.9, 500.0), (0.0, 5000.0)):
        desk = options_desk(instruments=(underlying(free), *options_desk().instruments[1:]))
        simulation = DeskSimulation(desk, 64, threads=1)
        simulation.start(0)
        acts = np.full((64, desk.width), -1.0)
        acts[:, -1] = action
        greeks = simulation.greeks[:, 0]
        simulation.step(acts.reshape(-1))
        left = sum(h.inventory * g for h, g in zip(simulation.holdings, greeks, strict=True))
        assert (np.abs(left) <= kept + 1e-6).all()
        assert (np.abs(left) > 0.9 * kept).any() or kept == 5000.0


def test_at_one_nothing_is_traded_and_trades_cost_what_they_say():
    alone, _ = hedged(1.0)
    assert (alone.holdings[0].outside_volume == 0.0).all()
    full, _ = hedged(-1.0, steps=1)
    units = full.holdings[0].outside_volume
    assert full.holdings[0].hedging_cost == pytest.approx(1e-3 * units + 1e-9 * units**2)
    free, _ = hedged(-1.0, replace(OUTSIDE, impact=0.0), steps=1)
    pushed = full.holdings[0].mid - free.holdings[0].mid
    assert pushed == pytest.approx(1e-8 * full.holdings[0].inventory, rel=1e-6, abs=1e-12)


def test_options_and_their_underlying_may_be_traded_to_targets():
    target = OutsideTarget(half_spread=1e-3)
    desk = options_desk(instruments=(underlying(target), quoted("o0", outside=target), *options_desk().instruments[2:]))
    assert desk.action_names[-2:] == ("outside_S", "outside_o0")
    simulation = DeskSimulation(desk, 2, threads=1, interpreted=True)
    simulation.start(0)
    acts = np.ones((2, desk.width))
    acts[:, -2:] = (0.25, -0.5)
    simulation.step(acts.reshape(-1))
    assert simulation.holdings[0].inventory == pytest.approx([2.5e6] * 2)
    assert simulation.holdings[1].inventory == pytest.approx([-5e4] * 2)
    assert simulation.state.tally.profit == pytest.approx(wealth(simulation), abs=1e-6)


def test_no_trade_carries_the_vega_of_the_book_off_limits():
    limit = 4000.0
    desk = options_desk(vega_limit=limit)
    wide, _, _ = played(replace(desk, vega_limit=1e300), 24, lanes=32, interpreted=False)
    simulation = DeskSimulation(desk, 32, threads=1)
    simulation.start(1)
    for each in actions(desk, 32, 24):
        greeks = simulation.greeks[:, 2]
        before = np.abs(simulation.book.vega)
        simulation.step(each)
        traded = sum(h.inventory * g for h, g in zip(simulation.holdings, greeks, strict=True))
        assert (np.abs(traded) <= np.maximum(limit, before) * (1.0 + 1e-6) + 1.0).all()
    assert np.abs(wide.book.vega).max() > 2.0 * limit


# faces


@pytest.mark.filterwarnings("ignore:.*infinity")
def test_the_env_keeps_gymnasiums_contract(interpreted):
    env = MarketMakingEnv(options_desk((*EUROPEAN, *LOOKBACKS), heston=False))
    check_env(env, skip_render_check=True)
    assert env.observation_space.shape == (len(env.market.observation_names),)
    assert env.market.observation_names[-4:] == tuple(f"off_extreme_o{i}" for i in range(3, 7))


def test_a_simulation_is_saved_copied_and_pickled(interpreted):
    desk = options_desk()
    simulation, _, _ = played(desk, 10)
    saved, act = simulation.save(), np.zeros(3 * desk.width)
    after = simulation.step(act)[0]
    simulation.restore(saved)
    assert (simulation.step(act)[0] == after).all()
    other = pickle.loads(pickle.dumps(simulation))
    assert (other.step(act)[0] == simulation.step(act)[0]).all()
    many = DeskSimulation(desk, 6, threads=1, interpreted=True)
    many.start(1)
    many.copy_state_from(simulation)
    assert (numbers(many)[..., 3:] == numbers(simulation)).all()
    assert (many.observations[:3] == simulation.observations).all()


def test_a_desk_of_options_may_have_no_end():
    desk = options_desk(clock=Ergodic(0.02, 50))
    assert "time_left" not in desk.observation_names
    simulation, seen, _ = played(desk, 3)
    assert (seen[-1] == simulation.observations).all()


# what is refused


def with_(**more):
    return lambda: options_desk(**more)


@pytest.mark.parametrize(("make", "message"), [
    (lambda: OptionContract(-1.0, 10.0), r"OptionContract.expiry must be > 0, got -1.0"),
    (lambda: OptionContract(1.0, -10.0), r"OptionContract.strike must be >= 0, got -10.0"),
    (lambda: OptionContract(1.0), r"OptionContract.strike must be > 0, got 0"),
    (lambda: OptionContract(1.0, 10.0, 0.5), r"OptionContract.side must be 1.0, a call, or -1.0, a put, got 0.5"),
    (lambda: OptionContract(1.0, 10.0, style="asian"), r"OptionContract.style must be one of european, .* got 'asian'"),
    (lambda: OptionContract(1.0, 10.0, style="floating_lookback"), r"strike of a floating lookback must be left out, got 10"),
    (lambda: option_grid([], [1.0]), r"option_grid's strikes must be a list of numbers, at least one"),
    (lambda: OptionPrices(HESTON, 10.0, (), HESTON_MARKS), r"OptionPrices.options must be a list of OptionContract"),
    (lambda: OptionPrices(HESTON, 10.0, LOOKBACKS, HESTON_MARKS), r"lookbacks are marked by BlackScholesMarks alone"),
    (lambda: OptionPrices(HESTON, 10.0, EUROPEAN, replace(HESTON_MARKS, highest=0.03)),
     r"HestonMarks.highest must be at least 0.1\d+, to where the underlying's variance goes, got 0.03"),
    (lambda: OptionPrices(replace(HESTON, v0=0.7), 10.0, EUROPEAN, HESTON_MARKS), r"must be at least 0.7, .* got 0.5"),
    (lambda: OptionPrices(HESTON, 10.0, EUROPEAN, CALM), r"OptionPrices.marks must be a OptionMarks"),
    (lambda: OptionPrices(Brownian(1.0), 10.0, EUROPEAN, CALM_MARKS), r"underlying must be Geometric or GeometricHeston"),
    (lambda: OptionPrices(replace(CALM, sigma=np.array([0.1, 0.2])), 10.0, EUROPEAN, CALM_MARKS),
     r"OptionPrices.underlying.sigma must be the same in all lanes"),
    (lambda: CommonVariance(OptionPrices(CALM, 10.0, EUROPEAN, CALM_MARKS), 1.0, 1.0), r"must not be marks of options"),
    (lambda: Desk(options_desk().instruments[1:2], OptionPrices(CALM, 10.0, EUROPEAN, CALM_MARKS), FiniteHorizon(1.0, 5),
                  VariancePenalty(0.1)), r"OptionPrices and OptionsDesk need each other, got OptionPrices in a Desk"),
    (with_(prices=CovariancePrices([[1.0]])), r"OptionPrices and OptionsDesk need each other, got CovariancePrices"),
    (with_(instruments=options_desk().instruments[:2]), r"Desk.prices must be of 2 instruments, got 4"),
    (with_(clock=FiniteHorizon(0.02, 49)), r"must do so after a whole number of steps, got call_10_0.01 after 24.5"),
    (lambda: options_desk(LOOKBACKS, prices=OptionPrices(HESTON, 10.0, LOOKBACKS, CALM_MARKS)),
     r"lookbacks need an underlying of a constant volatility"),
    (lambda: OptionContract(1.0, 10.0, watched_every=0.1), r"watched_every must be 0 of a European option, got 0.1"),
    (lambda: OptionContract(1.0, style="floating_lookback", watched_every=0.3), r"go into the expiry 1 a whole number"),
    (lambda: options_desk((OptionContract(0.003, style="floating_lookback", watched_every=0.0005),), False,
                          clock=FiniteHorizon(0.003, 5)), r"watched every whole number of steps, .* every 0.83"),
    (with_(vega_limit=0.0), r"OptionsDesk.vega_limit must be > 0, got 0.0"),
    (with_(instruments=(underlying(), quoted("o0", outside=OUTSIDE), *options_desk().instruments[2:])),
     r"trades in options must move no mid"),
    (with_(instruments=(underlying(), quoted("o0", outside=OutsideDelta(1.0)), *options_desk().instruments[2:])),
     r"OutsideDelta is of the underlying alone, got one of o0"),
    (lambda: replace(desks.plain(1), instruments=(desks.instrument("A", outside=OutsideDelta(1.0)),)),
     r"OutsideDelta needs an OptionsDesk"),
])  # fmt: skip
def test_what_is_no_desk_of_options_is_refused(make, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make()
