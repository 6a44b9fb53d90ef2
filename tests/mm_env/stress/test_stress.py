"""Stress: none is the calm market to the bit; each kind does what it says, when it says, and nothing before; refusals."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

import mm_env
from mm_env import Stress
from mm_env.core.component import record
from mm_env.desks import DESKS
from mm_env.markets import MARKETS
from mm_env.simulation import Simulation
from mm_env.stress.parts import StressedFlow, StressedHedges, StressedPrice, within
from mm_env.stress.stress import CALM
from mm_env.world import alone
from tests.worlds import numbers, same_bits, story

LANES = 70  # more than the 64 of a tile
DEALERS = sorted(name for name, make in MARKETS.items() if isinstance(make().venue, mm_env.Dealer))
COMPILED = [
    name if name == "avellaneda_stoikov" else pytest.param(name, marks=pytest.mark.slow)
    for name in ("avellaneda_stoikov", "hedged", "stressed", "heston", "adverse_selection")
]
EVERYTHING = Stress(0.3, 0.4, 3.0, -1.0, 2.0, 0.5, 2.0)


def actions_of(market):
    random = np.random.default_rng(3)
    if not market.action_space.shape:
        return random.integers(0, market.quote.space.n, (LANES, 1)).astype(np.float64)
    return random.uniform(-1.0, 1.0, (LANES, market.width))


def short(market, steps=10):
    """The market with fewer steps of the same length, of which none has a gap of its own."""
    clock = replace(market.clock, steps=steps, **(
        {"horizon": market.clock.horizon * steps / market.clock.steps} if hasattr(market.clock, "horizon") else {}
    ))  # fmt: skip
    return replace(market, clock=clock)


def seen(market, interpreted=True, steps=10):
    return story(Simulation(market, LANES, interpreted=interpreted), 2**40 + 3, actions_of(market), steps)


@pytest.mark.parametrize("name", DEALERS)
def test_no_stress_is_the_calm_market_to_the_bit(name):
    market = MARKETS[name]()
    calm = CALM.applied(market)
    assert calm.observation_names == market.observation_names
    assert calm.action_space == market.action_space
    assert all(same_bits(*pair) for pair in zip(seen(market, steps=6), seen(calm, steps=6), strict=True))


@pytest.mark.parametrize("name", COMPILED)
def test_machine_code_gives_the_bits_of_python(name):
    market = MARKETS[name]()
    stressed = replace(EVERYTHING, begins=0.0, lasts=1.0, hedging=0.5 if market.hedges.names else 1.0).applied(market)
    pairs = zip(seen(stressed, False, 6), seen(stressed, True, 6), strict=True)
    assert all(same_bits(*pair) for pair in pairs)


def states(market, steps, interpreted=True):
    """The numbers of all lanes before each step and at the end."""
    simulation = Simulation(market, LANES, interpreted=interpreted)
    simulation.start(7)
    found = [numbers(simulation)]
    for _ in range(steps):
        simulation.step(np.ascontiguousarray(actions_of(market)).reshape(-1))
        found.append(numbers(simulation))
    return found


def test_nothing_is_different_before_it_begins():
    market = short(MARKETS["avellaneda_stoikov"]())
    calm, stressed = states(market, 10), states(EVERYTHING.applied(market), 10)
    alike = [same_bits(one, other) for one, other in zip(calm, stressed, strict=True)]
    assert alike == [True] * 4 + [False] * 7  # steps 0, 1 and 2 begin before 0.3 of the horizon


MID = 4  # where the mid lies among the numbers of a state: step, episode, cash, inventory, mid


def mids(market, steps=10):
    return np.array([found[:, MID] for found in states(market, steps)])


@pytest.fixture
def plain():
    """Brownian, ten steps, no impact."""
    return short(MARKETS["avellaneda_stoikov"]())


def test_the_mid_moves_so_many_times_as_far_while_it_lasts(plain):
    calm, stressed = (np.diff(mids(m), axis=0) for m in (plain, Stress(0.3, 0.4, volatility=3.0).applied(plain)))
    factors = np.array([1.0] * 3 + [3.0] * 4 + [1.0] * 3)
    assert stressed == pytest.approx(factors[:, None] * calm, abs=1e-10)


@pytest.mark.parametrize("relative", [False, True])
def test_a_gap_is_so_many_standard_deviations_of_an_episode(plain, relative):
    price = mm_env.Geometric(sigma=0.02) if relative else plain.price
    market = replace(plain, price=price, reward=mm_env.InventoryPenalty())
    unit = 100.0 * 0.02 if relative else price.sigma
    calm, stressed = (mids(m) for m in (market, Stress(0.5, 0.1, gap=-2.0).applied(market)))
    jump = (stressed - calm)[[5, 6]]
    assert not jump[0].any()
    assert jump[1] == pytest.approx(np.full(LANES, -2.0 * unit * np.sqrt(plain.clock.horizon)), rel=1e-9)
    down, up = Stress(gap=-2.0).against()
    assert (down.gap, up.gap) == (-2.0, 2.0)
    assert Stress(volatility=2.0).against() == (Stress(volatility=2.0),)


def fills(market, lanes=4000):
    """Bids and asks filled in one step at the middle depth, per lane."""
    simulation = Simulation(market, lanes, interpreted=False)
    simulation.start(5)
    before = simulation.state.account.inventory.copy()
    simulation.step(np.zeros(lanes * market.width))
    return simulation.state.account.inventory - before, simulation.state.tally.arrivals.copy()


def test_clients_come_so_many_times_as_often(plain):
    whole = Stress(0.0, 1.0)
    calm = fills(whole.applied(plain))[1]
    for times in (0.0, 0.1, 0.5):
        held, came = fills(replace(whole, sells=times, buys=times).applied(plain))
        assert (came <= calm).all()  # a thinner flow on the same noise
        assert (times > 0.0) == bool(came.any())
        assert abs(held).max() <= 1.0
    sold, _ = fills(replace(whole, sells=3.0, buys=0.0).applied(plain))
    assert (sold >= 0.0).all()  # they sell to us, and we never sell
    assert sold.mean() > 0.0


def test_a_fill_is_worth_less_by_what_the_mid_moves_against_it(plain):
    market = replace(plain, clock=replace(plain.clock, steps=1, horizon=plain.clock.step_length))
    size, profits = 4.0 * market.price.sigma * np.sqrt(market.clock.horizon), []
    for stress in (Stress(0.0, 1.0), Stress(0.0, 1.0, adverse=4.0)):
        simulation = Simulation(stress.applied(market), 20_000)
        simulation.start(5)
        simulation.step(np.zeros(20_000 * market.width))
        profits.append((simulation.state.tally.profit.copy(), simulation.state.tally.fills.copy()))
    (calm, filled), (stressed, same) = profits
    assert (filled == same).all()
    one = filled == 1.0
    lost = (calm - stressed)[one]
    assert abs(lost.mean() - size) < 4.0 * size / np.sqrt(one.sum())  # an exponential's mean and deviation are the same
    assert not (calm - stressed)[filled == 0.0].any()


def test_hedges_that_cannot_be_traded_stay_as_they_are():
    market = short(MARKETS["hedged"]())
    stressed = Stress(0.3, 0.4, hedging=0.0).applied(market)
    simulation, held = Simulation(stressed, LANES, interpreted=True), []
    simulation.start(1)
    random = np.random.default_rng(1)
    for _ in range(10):
        simulation.step(random.uniform(-1.0, 1.0, LANES * market.width))
        held.append(np.array(simulation.state.account.hedges[0]))
    changed = [bool((one != other).any()) for one, other in pairwise(held)]
    assert changed == [True, True, False, False, False, False, True, True, True]


@pytest.mark.parametrize("severity", [0.0, 0.5, 1.0, 2.0])
def test_severity_scales_what_happens(severity):
    whole = replace(EVERYTHING, liquidity=0.5, exploit=0.6, correlation=-0.6)
    scaled = whole.times(severity)
    assert scaled.volatility == 1.0 + severity * 2.0
    assert scaled.gap == -severity
    assert scaled.sells == 1.0 + severity
    assert scaled.buys == max(1.0 - 0.5 * severity, 0.0)
    assert scaled.adverse == 2.0 * severity
    assert scaled.liquidity == max(1.0 - 0.5 * severity, 0.0)
    assert scaled.exploit == min(0.6 * severity, 1.0)
    assert scaled.correlation == max(-0.6 * severity, -1.0)
    assert (scaled.begins, scaled.lasts) == (0.3, 0.4)
    if severity in (0.0, 1.0):
        assert scaled == (whole if severity else replace(CALM, begins=0.3, lasts=0.4))
    assert Stress(hedging=0.0).times(0.5).hedging == 0.0


@pytest.mark.parametrize(("wrapper", "base"), [
    (StressedPrice, mm_env.Price), (StressedFlow, mm_env.Flow), (StressedHedges, mm_env.Hedges),
])  # fmt: skip
def test_a_part_hands_on_all_that_the_part_within_says(wrapper, base):
    """No rule, method or property of the contract is left to the contract's own default, which is not what the part says."""
    inherited = {name for name in vars(base) if not name.startswith("_") and not isinstance(vars(base)[name], str)}
    stated = {name for cls in wrapper.__mro__[: wrapper.__mro__.index(base)] for name in vars(cls)}
    assert inherited - stated - {"Record", "needs_book"} == set()


def test_a_stretch_holds_the_steps_that_begin_in_it():
    dt = 1.0 / 30.0
    inside = [within(i * dt, 0.1, 0.4) for i in range(30)]
    assert inside == [0.0] * 3 + [1.0] * 9 + [0.0] * 18


def test_variances_and_means_of_moves_are_those_under_stress():
    rules = record(StressedPrice(mm_env.Brownian(2.0, 1.0), 1.0, 2.0, 3.0, -5.0))
    for step, (factor, gap) in enumerate([(1.0, 0.0)] * 4 + [(3.0, -5.0)] + [(3.0, 0.0)] * 3 + [(1.0, 0.0)] * 4):
        now, ended = (alone((), 100.0)._replace(time=0.25 * t) for t in (step, step + 1))
        assert rules.variance((), 0.25, ended) == factor**2 * 4.0 * 0.25
        assert rules.expected(100.0, (), 0.25, now) == pytest.approx(100.0 + factor * 0.25 + gap)


@pytest.mark.parametrize(("stress", "market", "said"), [
    (Stress(adverse=1.0), lambda: MARKETS["queue_reactive"](), "a market with clients of a Dealer, for adverse=1"),
    (Stress(liquidity=0.5), lambda: MARKETS["amzn"](), "a market with others' limit orders"),
    (Stress(exploit=0.5), lambda: MARKETS["amzn"](), "a market with a Pool, for exploit=0.5"),
    (Stress(collateral=0.5), lambda: MARKETS["hedged"](), "a market with a loan against collateral"),
    (Stress(correlation=1.0), lambda: MARKETS["amzn"](), "a market with hedges or collateral that say a correlation"),
    (Stress(volatility=2.0), lambda: MARKETS["channel"](), "a market with a mid that moves by itself"),
    (Stress(sells=2.0), lambda: MARKETS["pool"](), "sells and buys alike beside SteadyTraders"),
    (CALM, lambda: next(iter(DESKS.values()))(), "a market of one quoted instrument, got a Desk"),
    (Stress(hedging=0.0), lambda: MARKETS["amzn"](), "a market with hedges, for hedging=0"),
    (Stress(gap=1.0), lambda: replace(MARKETS["amzn"](), price=mm_env.FromPath([100.0] * 2000)), "a price that says its sigma"),
])  # fmt: skip
def test_a_market_that_cannot_be_stressed_so_is_refused_in_words(stress, market, said):
    with pytest.raises(ValueError, match=f"Stress needs {said}"):
        stress.applied(market())


def test_parameters_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match=r"Stress.begins must be in \[0, 1\], got 1.5"):
        Stress(begins=1.5)
    with pytest.raises(ValueError, match=r"Stress\.volatility must be >= 0"):
        Stress(volatility=-1.0)
