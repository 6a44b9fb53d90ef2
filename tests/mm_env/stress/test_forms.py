"""What stress does to pools, loans, hedges, channels and order books: closed forms, and the very bits where it is nothing."""

import pickle
from dataclasses import replace

import numpy as np
import pytest

import mm_env
from mm_env import Stress
from mm_env.competitions import COMPETITIONS
from mm_env.core.component import record, rule
from mm_env.markets import MARKETS
from mm_env.quote import Unbounded
from mm_env.simulation import Simulation
from mm_env.stress.forms import Alone, Blow, bears, left_alone, towards, under
from mm_env.stress.parts import StressedFlow
from mm_env.stress.pools import StressedTraders
from mm_env.stress.stress import CALM
from tests.mm_env.stress.test_stress import seen, short, states
from tests.worlds import same_bits

LANES = 70
ELSEWHERE = ["pool", "collateral", "channel", "queue_reactive"]
COMPILED = {
    "pool": Stress(0.0, 1.0, 3.0, exploit=0.3, sells=0.5, buys=0.5),
    "collateral": Stress(0.0, 1.0, 3.0, collateral=0.2, correlation=0.5),
    "hedged": Stress(0.0, 1.0, 3.0, correlation=-0.5, hedging=0.5),
    "queue_reactive": Stress(0.002, 0.004, 3.0, sells=2.0, liquidity=0.5, latency=0.5),
}


@pytest.mark.parametrize("name", [*ELSEWHERE, pytest.param("small_book", marks=pytest.mark.slow)])
def test_no_stress_is_the_calm_market_to_the_bit(name):
    market = MARKETS[name]()
    pairs = zip(seen(market, steps=4), seen(CALM.applied(market), steps=4), strict=True)
    assert all(same_bits(*pair) for pair in pairs)


@pytest.mark.slow
@pytest.mark.parametrize("name", COMPILED)
def test_machine_code_gives_the_bits_of_python(name):
    stressed = COMPILED[name].applied(MARKETS[name]())
    assert all(same_bits(*pair) for pair in zip(seen(stressed, False, 4), seen(stressed, True, 4), strict=True))


@pytest.mark.parametrize("name", ["pool", "collateral", "queue_reactive"])
def test_nothing_is_different_before_it_begins_and_it_can_be_pickled(name):
    market = short(MARKETS[name](), 6)
    stressed = replace(COMPILED[name], begins=0.5, lasts=0.34).applied(market)
    assert pickle.loads(pickle.dumps(stressed)) == stressed
    alike = [same_bits(*pair) for pair in zip(states(market, 6), states(stressed, 6), strict=True)]
    assert alike == [True] * 4 + [False] * 3


def played(market, steps, action):
    """The states of interpreted lanes before each step and at the end, all acting alike."""
    simulation = Simulation(market, LANES, interpreted=True)
    simulation.start(7)
    found = [simulation.state]
    for _ in range(steps):
        simulation.step(np.tile(np.asarray(action, np.float64), LANES))
        found.append(simulation.state)
    return found


def test_an_exploit_takes_its_share_of_all_liquidity():
    """With no move of the mid, no traders and no arbitrage, the whole loss is the share of what the range is worth."""
    market = short(MARKETS["pool"](), 6)
    still = replace(market, price=mm_env.Geometric(sigma=0.0), venue=replace(market.venue, traders=mm_env.NoTraders()))
    calm, hit = (played(m, 6, [0.0, 0.0]) for m in (still, Stress(0.5, 0.2, exploit=0.25).applied(still)))
    left = np.array([state.world.venue.core.position.liquidity for state in hit])
    whole = np.array([state.world.venue.core.position.liquidity for state in calm])
    assert whole[3].all()  # the range holds liquidity before the exploit
    assert (left[:4] == whole[:4]).all()
    assert hit[4].world.venue.others == pytest.approx(0.75 * calm[4].world.venue.others)
    lost = calm[4].tally.profit - hit[4].tally.profit
    deposit = (
        whole[3] * 0.0
        + calm[3].world.venue.core.position.deposit.x * 100.0
        + calm[3].world.venue.core.position.deposit.y
    )
    assert lost == pytest.approx(0.25 * deposit, rel=1e-9)


def test_uninformed_traders_come_so_many_times_as_often():
    pool = MARKETS["pool"]()
    traders = under(pool.venue, _blow(Stress(0.0, 1.0, sells=0.1, buys=0.1), pool)).traders
    assert isinstance(traders, StressedTraders)
    assert traders.buying.turnover == pytest.approx(0.16)
    uneven = replace(pool, venue=replace(pool.venue, traders=mm_env.RandomTraders(rate=3.0, impact=0.01)))
    traders = Stress(sells=2.0, buys=0.0).applied(uneven).venue.traders
    assert (traders.buying.rate, traders.selling.rate) == (0.0, 6.0)


def _blow(stress, market):
    return Blow(stress, market, 0.0, 1.0)


def test_collateral_loses_its_share_at_once():
    market = short(MARKETS["collateral"](), 6)
    crash = Stress(0.5, 0.2, collateral=0.3)
    calm, hit = (played(m, 6, [0.0] * market.width) for m in (market, crash.applied(market)))
    ratio = np.array([b.world.financing.price / a.world.financing.price for a, b in zip(calm, hit, strict=True)])
    assert (ratio[:4] == 1.0).all()
    assert ratio[4:] == pytest.approx(np.full((3, LANES), 0.7), rel=1e-12)


def test_correlations_go_to_one_and_to_nothing():
    hedges = MARKETS["hedged"]().hedges  # 0.9
    wanted = {1.0: 1.0, 0.5: 0.95, 0.0: 0.9, -0.5: 0.45, -1.0: 0.0}
    assert {share: towards(hedges, share).correlation for share in wanted} == pytest.approx(wanted)
    assert towards(replace(hedges, correlation=-0.5), 1.0).correlation == -1.0


@pytest.mark.parametrize(("share", "moves_as_mid"), [(1.0, True), (-1.0, False)])
def test_a_hedge_moves_as_the_mid_or_apart_from_it(share, moves_as_mid):
    market = short(MARKETS["hedged"](), 6)
    states_ = played(Stress(0.5, 0.5, correlation=share).applied(market), 6, [0.0] * market.width)
    mids, marks = np.array([s.mid for s in states_]), np.array([s.world.hedges.mark for s in states_])
    moved, hedged = np.diff(mids[3:], axis=0), np.diff(marks[3:], axis=0)
    if moves_as_mid:
        assert hedged == pytest.approx(moved, abs=1e-10)
    else:
        assert abs(np.corrcoef(moved.ravel(), hedged.ravel())[0, 1]) < 4.0 / np.sqrt(moved.size)


def away(market, steps, lanes, interpreted):
    """The mids (steps + 1, lanes) where we send no orders."""
    simulation = Simulation(replace(market, quote=Unbounded()), lanes, interpreted=interpreted)
    simulation.start(5)
    found = [simulation.state.mid.copy()]
    for _ in range(steps):
        simulation.step(np.full(2 * lanes, 1e9))
        found.append(simulation.state.mid.copy())
    return np.array(found)


def test_an_order_book_gaps_by_so_many_of_its_own_deviations(monkeypatch):
    """All orders go on so many ticks away; what happens then is what would have happened there."""
    monkeypatch.setattr("mm_env.stress.forms.left_alone", lambda market: Alone(2.6, 6.0))
    market = short(MARKETS["queue_reactive"](), 6)
    calm, gapped = (away(m, 6, 20, True) for m in (market, Stress(0.5, 0.0, gap=-2.0).applied(market)))
    assert (gapped[:4] == calm[:4]).all()
    assert (gapped[4:] - calm[4:] == -5.0).all()
    down = Stress(0.5, 0.2, volatility=0.0, gap=-2.0).applied(market)
    assert (np.diff(away(down, 6, 20, True), axis=0)[3] == -5.0).all()  # nothing else happens in that step


def test_what_is_held_in_a_book_loses_the_gap():
    """gap x q, as nobody trades on the way: the book stands still but for it."""
    market = replace(short(MARKETS["queue_reactive"](), 6), initial_inventory=3.0, quote=Unbounded())
    stressed = Stress(0.0, 1.0, volatility=0.0).applied(market)
    gap = replace(stressed.venue, acts=1.0, gap=-7.0)
    simulation = Simulation(replace(stressed, venue=gap), 10, interpreted=True)
    simulation.start(3)
    simulation.step(np.full(20, 1e9))
    assert (simulation.state.tally.profit == -7.0 * 3.0).all()


@pytest.mark.slow
def test_an_order_book_under_three_times_the_volatility_is_itself_in_a_time_nine_times_as_fast():
    market, lanes = MARKETS["zero_intelligence"](), 20_000
    stressed = Stress(0.5, 0.05, volatility=3.0).applied(market)  # one of twenty minutes, four steps
    calm, fast = away(market, 76, lanes, False), away(stressed, 44, lanes, False)
    moved, wanted = fast[44] - fast[40], calm[76] - calm[40]  # nine minutes
    assert abs(moved.var() / wanted.var() - 1.0) < 4.0 * 2.0 / np.sqrt(lanes)
    assert left_alone(market).deviation == pytest.approx(calm[76].std() * np.sqrt(80 / 76), rel=0.15)


def test_where_a_clock_counts_events_shares_are_of_the_time_that_they_take(monkeypatch):
    """Two hundred events take much less than the horizon, by which a decision is due at the latest."""
    monkeypatch.setattr("mm_env.stress.forms.left_alone", lambda market: Alone(2.6, 40.0))
    venue = Stress(0.5, 0.25, volatility=2.0).applied(MARKETS["small_book"]()).venue
    assert (venue.begins, venue.finishes) == (20.0, 30.0)


@pytest.mark.slow
def test_a_small_book_is_stressed_in_the_middle_of_its_events():
    market = MARKETS["small_book"]()
    time = left_alone(market).time
    assert 0.0 < time < 0.5 * market.clock.horizon
    still = away(Stress(0.5, 0.2, gap=5.0).applied(market), 200, 200, False)
    assert abs(still[-1] - away(market, 200, 200, False)[-1]).mean() > 2.0


def test_orders_reach_a_book_later():
    venue = Stress(0.5, 0.2, latency=0.5).applied(MARKETS["queue_reactive"]()).venue
    assert [record(venue).delay(time) for time in (0.0, 149.0, 150.0, 209.0, 210.0)] == [0.0, 0.0, 0.5, 0.5, 0.0]


def test_a_part_of_ones_own_says_what_it_bears():
    class Kiosk(mm_env.Dealer):
        pass

    class Silent(mm_env.Price):
        sigma: float = 1.0

        @rule
        def move(self, mid, latent, noise, dt):
            return mid

    assert bears(Kiosk(mm_env.Poisson(1.0), mm_env.Exponential(1.0))) == {"sells", "buys", "adverse"}
    assert bears(mm_env.NoHedges()) == bears(mm_env.NoFinancing()) == frozenset()
    kiosk = under(Kiosk(mm_env.Poisson(1.0), mm_env.Exponential(1.0)), _blow(CALM, MARKETS["amzn"]()))
    assert isinstance(kiosk, Kiosk)
    assert isinstance(kiosk.flow.bid, StressedFlow)
    assert bears(Silent()) == {"volatility", "gap"}


def test_what_is_drawn_by_the_episode_is_refused_where_it_would_be_drawn_twice():
    market = MARKETS["hedged"]()
    drawn = replace(market, hedges=replace(market.hedges, correlation=mm_env.Uniform(0.5, 0.9)))
    with pytest.raises(ValueError, match=r"Stress needs CorrelatedAsset\.correlation to be a number"):
        Stress(correlation=1.0).applied(drawn)
    book = MARKETS["queue_reactive"]()
    unlike = replace(book, reward=mm_env.InventoryPenalty(phi=np.array([0.1, 0.2])))
    with pytest.raises(ValueError, match=r"Stress needs Market\.reward\.phi to be one number where it is measured"):
        Stress(gap=1.0).applied(unlike)


@pytest.mark.parametrize(("name", "said"), [
    ("bonds_duopoly", "Stress needs a market of one quoted instrument, got a CompetingDesks"),
    ("book_duopoly", "Stress needs a market with a mid that moves by itself, or an order book that is simulated, for gap=2"),
])  # fmt: skip
def test_several_makers_of_desks_and_in_books_are_not_stressed(name, said):
    with pytest.raises(ValueError, match=said):
        Stress(gap=2.0).applied(COMPETITIONS[name]())


def test_several_hedges_are_stressed_each_by_its_own_correlation():
    market = MARKETS["two_hedges"]()
    assert bears(market.hedges) == {"hedging", "correlation"}
    shocked = under(market.hedges, _blow(Stress(correlation=1.0), market)).shocked
    assert [hedge.correlation for hedge in shocked.hedges] == [1.0, 1.0]
    assert under(market.hedges, _blow(Stress(hedging=0.0), market)).shocked == market.hedges
    together = mm_env.HedgePortfolio((mm_env.CorrelatedAsset(correlation=0.5), mm_env.Perpetual(kappa=1.0)))
    first, second = under(together, _blow(Stress(correlation=-1.0), market)).shocked.hedges
    assert (first.correlation, second) == (0.0, together.hedges[1])


@pytest.mark.parametrize("name", ["duopoly", "cascade"])
def test_several_makers_are_stressed_together(name):
    """No stress is their calm market to the bit; a gap moves the one mid that they share."""
    market = replace(COMPETITIONS[name](), clock=mm_env.FiniteHorizon(0.06, 6))
    lanes = 2 * market.lanes_a_world

    def run(of):
        simulation = Simulation(of, lanes, interpreted=True)
        simulation.start(3)
        for _ in range(6):
            simulation.step(np.zeros(lanes * market.width))
        return simulation.state

    calm, none, gap = (run(of) for of in (market, CALM.applied(market), Stress(0.99, 0.0, gap=2.0).applied(market)))
    assert (none.tally.profit == calm.tally.profit).all()
    assert (none.mid == calm.mid).all()
    late = run(Stress(5.0 / 6.0, 0.0, gap=2.0).applied(market))
    assert (gap.mid == calm.mid).all()  # no step begins in it
    moved = late.mid - calm.mid
    assert (moved == moved[:: market.lanes_a_world].repeat(market.lanes_a_world)).all()
    size, held = 2.0 * market.price.sigma * np.sqrt(0.06), calm.account.inventory
    if not market.may_close:  # else some are sold out, and move it further
        assert moved == pytest.approx(np.full(lanes, size))
        assert late.tally.profit - calm.tally.profit == pytest.approx(held * size, abs=1e-9)
