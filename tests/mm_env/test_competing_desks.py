"""Laws of several makers of one desk: one of them is that desk, a request goes to one maker, all share the mids."""

import copy
import pickle
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mm_env import (
    Bernoulli,
    BestQuote,
    Brownian,
    CompetingDesks,
    CompetingSimulation,
    Competition,
    CovariancePrices,
    CrossImpact,
    Dealer,
    Depths,
    Desk,
    DeskSimulation,
    Exponential,
    FactorPrices,
    FiniteHorizon,
    InventoryPenalty,
    LogitRouting,
    OutsideTarget,
    Simulation,
    Uniform,
    VariancePenalty,
)
from mm_env.desks import options_desk
from tests.mm_env.desks import OUTSIDE, actions, instrument, numbers, plain, rich
from tests.mm_env.test_desk_prices import moving

STEPS, LOGIT = 40, LogitRouting(0.4)


def competing(desk, makers=2, **more):
    """The desk, with so many makers."""
    parts = {field.name: getattr(desk, field.name) for field in fields(Desk)}
    return CompetingDesks(**parts | more, makers=makers)


def lanes_of(market, worlds, **more):
    return CompetingSimulation(market, worlds * market.lanes_a_world, threads=1, **more)


def alike(one, other, acted, begun=7):
    """Step two simulations of the same lanes alike, and compare all that they show, to the bit."""
    assert (one.start(begun) == other.start(begun)).all()
    for each in acted:
        seen = zip(one.step(each), other.step(each), strict=True)
        assert all(np.array_equal(mine, theirs, equal_nan=True) for mine, theirs in seen)
    assert np.array_equal(numbers(one), numbers(other))
    assert np.array_equal(one.numbers, other.numbers)
    assert np.array_equal(one.jump_rates, other.jump_rates)
    assert np.array_equal(one.observations, other.observations)


ALONE = {
    "rich": lambda: rich(3),
    "by size": lambda: rich(2, quotes="size"),
    "by tier, to targets": lambda: _to_targets(rich(2, quotes="tier")),
    "all that moves": lambda: rich(3, prices=moving(3, v0=1.5)),
    "factors": lambda: rich(3, prices=FactorPrices([[1.0, 0.2], [0.5, -0.7], [0.0, 0.3]], (0.1,), (0.5,))),
    "without outside": lambda: plain(2, reward=InventoryPenalty(0.1, noise=0.25)),
}


def _to_targets(desk):
    target = OutsideTarget(half_spread=0.1, quadratic=0.01, impact=0.02)
    return replace(desk, instruments=tuple(replace(one, outside=target) for one in desk.instruments))


@pytest.mark.parametrize("routing", [BestQuote(), LOGIT], ids=["best", "logit"])
@pytest.mark.parametrize("make", ALONE.values(), ids=ALONE)
def test_one_maker_is_the_desk_to_the_bit(make, routing):
    desk = make()
    one = lanes_of(competing(desk, 1, routing=routing), 3, interpreted=True)
    alike(one, DeskSimulation(desk, 3, interpreted=True, threads=1), actions(desk, 3, 12))


@pytest.mark.slow  # both are Python to the bit, and there the one is the other
def test_machine_code_of_one_maker_is_that_of_the_desk_to_the_bit():
    desk = rich(3)
    one, other = lanes_of(competing(desk, 1, routing=LOGIT), 130), DeskSimulation(desk, 130, threads=1)
    alike(one, other, actions(desk, 130, 50))


@pytest.mark.parametrize(("market", "worlds"), [
    (lambda: competing(rich(3), 3, routing=LOGIT), 3),
    (lambda: competing(rich(2, quotes="size", prices=moving(2)), 5, routing=LOGIT, limit_shares=(1, 0.5, 1, 0.7, 1)), 1),
    (lambda: competing(plain(2), 2), 66),
], ids=["rich", "all that moves", "two tiles"])  # fmt: skip
def test_machine_code_of_makers_is_python_to_the_bit(market, worlds):
    made = market()
    compiled, python = lanes_of(made, worlds), lanes_of(made, worlds, interpreted=True)
    alike(compiled, python, actions(made, compiled.num_lanes, 4))


def per_world(simulation):
    """What is held of each instrument, (instruments, numbers, worlds, makers)."""
    held = numbers(simulation)
    return held.reshape(*held.shape[:2], -1, simulation.market.lanes_a_world)


@pytest.mark.usefixtures("interpreted")
@settings(max_examples=15, deadline=None)
@given(makers=st.integers(2, 5), scale=st.sampled_from([None, 0.1, 1.0]), seed=st.integers(0, 99))
def test_clients_pay_what_makers_get_and_hold_what_makers_sold(makers, scale, seed):
    desk = replace(rich(2), instruments=tuple(_busy(i) for i in range(2)))
    market = competing(desk, makers, routing=BestQuote() if scale is None else LogitRouting(scale))
    simulation, worlds = lanes_of(market, 2), 2
    simulation.start(seed)
    clients_cash, clients_hold = np.zeros((2, worlds)), np.zeros((2, worlds))
    for acted in actions(market, simulation.num_lanes, 8, seed):
        before = per_world(simulation)
        simulation.step(acted)
        held = per_world(simulation)
        volume, net = held[:, 5] - before[:, 5], held[:, 0] - before[:, 0]
        bought, sold = (volume + net) / 2.0, (volume - net) / 2.0  # by each maker, of clients
        for side in (bought, sold):
            assert set(np.unique(side.round(9))) <= {0.0, 1.0, 2.0, 3.0}
            assert ((side > 0.5).sum(axis=-1) <= 1).all()  # one request, to one maker
        depths = market.depths(acted.reshape(worlds, makers, -1)).transpose(2, 0, 1, 3)
        mids = before[:, 1]
        assert (np.ptp(held[:, 1], axis=-1) == 0.0).all()
        clients_cash += (bought * (mids - depths[..., 0]) - sold * (mids + depths[..., 1])).sum(axis=-1)
        clients_hold += (sold - bought).sum(axis=-1)
    held = per_world(simulation)
    assert np.abs(clients_hold).sum() > 0.0
    assert held[:, 0].sum(axis=-1) == pytest.approx(-clients_hold, abs=1e-9)
    assert held[:, 2].sum(axis=-1) == pytest.approx(-clients_cash, abs=1e-9)
    assert np.abs(held[:, 0]).max() <= 5.0 + 1e-9


def _busy(i):
    """An instrument whose clients ask so often that makers meet their limits."""
    return instrument(f"A{i}", 40.0, 0.2, sizes=(1.0, 2.0, 3.0), probabilities=(0.5, 0.3, 0.2), max_inventory=5.0)


@pytest.mark.usefixtures("interpreted")
def test_wealth_is_what_profit_says_for_every_maker_and_outside_trades_are_of_all():
    market = competing(rich(2, prices=moving(2)), 3, routing=LOGIT)
    simulation = lanes_of(market, 2)
    simulation.start(1)
    for acted in actions(market, simulation.num_lanes, 20):
        simulation.step(acted)
    held, tally = simulation.holdings, simulation.state.tally
    assert tally.profit == pytest.approx(sum(h.cash + h.inventory * h.mid for h in held), abs=1e-9)
    assert tally.hedging_cost == pytest.approx(sum(h.hedging_cost for h in held))
    assert tally.spread_captured == pytest.approx(sum(h.spread for h in held))
    assert (tally.hedging_cost > 0.0).all()


@pytest.mark.usefixtures("interpreted")
def test_the_mids_are_pushed_by_what_all_makers_trade_outside():
    target = OutsideTarget(half_spread=0.1, impact=0.02)
    prices = CrossImpact(CovariancePrices(np.zeros((2, 2)).tolist()), ((0.0, 0.3), (0.1, 0.0)))
    desk = plain(2)
    both = replace(desk.instruments[0], outside=target), desk.instruments[1]
    market = competing(desk, 3, instruments=both, prices=prices)
    simulation = lanes_of(market, 70)
    simulation.start(0)
    acts = np.full((70, 3, market.width), 1.0)  # depths that hardly anybody takes
    acts[..., -1] = 0.5, -0.25, 1.0  # shares of 6 units
    simulation.step(acts.reshape(-1))
    units = np.array([3.0, -1.5, 6.0])
    moves = per_world(simulation)[:, 1] - 100.0
    assert moves[0] == pytest.approx(np.full((70, 3), 0.02 * units.sum()))
    assert moves[1] == pytest.approx(np.full((70, 3), 0.1 * units.sum()))
    assert simulation.holdings[0].outside_volume.reshape(70, 3) == pytest.approx(np.tile(np.abs(units), (70, 1)))


def test_the_best_quote_gets_every_request_it_is_open_for():
    desk = replace(plain(1), instruments=(instrument("A", 45.0, 0.01, max_inventory=1.0),))
    simulation = lanes_of(competing(desk, 2), 1)
    simulation.start(0)
    held = []
    for _ in range(60):  # both bid, the first at the better price, and nobody reaches their asks
        simulation.step(np.array([-1.0, 1.0, -0.99, 1.0]))
        held.append(tuple(simulation.inventory))
        if simulation.state.step[0] == 50:
            break
    orders = list(dict.fromkeys(held))
    assert (0.0, 1.0) not in orders[: orders.index((1.0, 0.0))]


@pytest.mark.parametrize("share", [0.5])
def test_who_has_a_smaller_limit_holds_less_and_observes_it_as_all_do(share):
    market = competing(replace(plain(2), instruments=tuple(_busy(i) for i in range(2))), 2, limit_shares=(1.0, share))
    simulation = lanes_of(market, 20)
    simulation.start(0)
    most = np.zeros(2)
    for acted in actions(market, simulation.num_lanes, 50, 3):
        seen = simulation.step(acted)[0]
        held = per_world(simulation)[:, 0]
        most = np.maximum(most, np.abs(held).max(axis=(0, 1)))
        assert seen[:, :2].reshape(20, 2, 2).transpose(2, 0, 1) == pytest.approx(held / 5.0, abs=1e-6)
    assert most[0] == 5.0
    assert most[1] == 2.0  # the limit is 2.5, and sizes are whole


def roomy(routing):
    """A desk whose makers meet no limits, of parts whose machine code is another test's too."""
    outside = OUTSIDE if routing is LOGIT else None
    each = tuple(instrument(f"A{i}", 20.0, 1.0, max_inventory=1e3, outside=outside) for i in range(2))
    return replace(plain(2), instruments=each)


@pytest.mark.parametrize("routing", [BestQuote(), LOGIT], ids=["best", "logit"])
def test_makers_who_quote_alike_share_requests_evenly(routing):
    makers, worlds, desk = 4, 2000, roomy(routing)
    simulation = lanes_of(competing(desk, makers, routing=routing), worlds)
    alone = DeskSimulation(desk, worlds, threads=1)
    simulation.start(3), alone.start(3)
    quoted = np.resize([-0.8, -0.5, -0.6, -0.9], desk.width)
    quoted[4:] = 0.0  # nothing outside
    for _ in range(STEPS):
        simulation.step(np.tile(quoted, makers * worlds)), alone.step(np.tile(quoted, worlds))
    fills = simulation.state.tally.fills.reshape(-1, makers)
    error = fills.std(axis=0) / np.sqrt(worlds)
    assert (np.abs(fills.mean(axis=0) - fills.mean()) < 4.0 * error).all()
    assert np.array_equal(fills.sum(axis=1), alone.state.tally.fills)  # together they trade what one would
    assert np.array_equal(per_world(simulation)[:, 1, :, 0], numbers(alone)[:, 1])


def test_a_logit_of_depths_is_how_often_each_is_chosen():
    depths, worlds = np.array([0.5, 0.8, 1.1]), 4000
    desk = roomy(LOGIT)
    simulation, acts = lanes_of(competing(desk, 3, routing=LOGIT), worlds), np.zeros((worlds, 3, desk.width))
    acts[..., :4] = (2.0 * depths / 3.0 - 1.0)[:, None]
    simulation.start(0)
    for _ in range(STEPS):
        simulation.step(acts.reshape(-1))
    chosen = np.exp(-depths / 0.4) / np.exp(-depths / 0.4).sum()
    likely = chosen * 20.0 * np.exp(-depths) * desk.clock.step_length
    found = simulation.state.tally.fills.reshape(-1, 3).mean(axis=0) / (4 * STEPS)
    error = np.sqrt(likely * (1.0 - likely) / (4 * STEPS * worlds))
    assert (np.abs(found - likely) < 4.0 * error).all()


@pytest.mark.usefixtures("interpreted")
@settings(max_examples=10, deadline=None)
@given(order=st.permutations(range(3)), seed=st.integers(0, 20))
def test_makers_who_change_seats_change_what_they_get(order, seed):
    gammas, shares = np.array([0.1, 0.2, 0.4]), np.array([1.0, 0.6, 0.9])
    at_seats = competing(rich(2), 3, reward=VariancePenalty(gammas), limit_shares=tuple(shares))
    moved = competing(rich(2), 3, reward=VariancePenalty(gammas[order]), limit_shares=tuple(shares[order]))
    one, other = lanes_of(at_seats, 2), lanes_of(moved, 2)
    one.start(seed), other.start(seed)
    for acted in actions(at_seats, 6, 6, seed).reshape(6, 2, 3, -1):
        _, was, _, _ = one.step(acted.reshape(-1))
        _, now, _, _ = other.step(np.ascontiguousarray(acted[:, order]).reshape(-1))
        assert was.reshape(2, 3)[:, order] == pytest.approx(now.reshape(2, 3), abs=1e-9)
    assert per_world(one)[..., order] == pytest.approx(per_world(other), abs=1e-9)


def test_a_world_is_the_same_for_any_number_of_makers_worlds_and_threads(monkeypatch):
    monkeypatch.setattr("mm_env.desk_simulation.LANES_PER_THREAD", 1)
    desk = plain(2)

    def mids(makers, worlds, threads):
        simulation = CompetingSimulation(competing(desk, makers), makers * worlds, threads=threads)
        simulation.start(5)
        for acted in actions(desk, simulation.num_lanes, 10):
            simulation.step(acted)
        return per_world(simulation)[:, 1, :, 0], simulation

    few, many = mids(2, 130, 1), mids(2, 130, 2)
    assert many[1]._threads == 2
    assert np.array_equal(numbers(few[1]), numbers(many[1]))
    assert np.array_equal(few[0][:, :30], mids(7, 30, 1)[0])


@pytest.mark.usefixtures("interpreted")
def test_rewards_may_be_of_each_maker():
    market = competing(plain(2), 2, reward=VariancePenalty(np.array([0.0, 5.0])))
    simulation = lanes_of(market, 10)
    simulation.start(0)
    for acted in actions(market, 20, 20):
        simulation.step(acted)
    objective, profit = (of.reshape(-1, 2) for of in (simulation.state.tally.objective, simulation.state.tally.profit))
    assert objective[:, 0] == pytest.approx(profit[:, 0])
    assert (objective[:, 1] < profit[:, 1]).all()
    assert market.alone(1) == replace(plain(2), reward=VariancePenalty(5.0))


def test_one_instrument_is_the_competition_of_that_market():
    clock, reward, dealer = FiniteHorizon(1.0, 50), InventoryPenalty(0.1), Dealer(Bernoulli(20.0), Exponential(1.0))
    desk = plain(1, reward=reward, clock=clock, prices=CovariancePrices([[0.49]], (0.3,)))
    other = Competition(Brownian(0.7, 0.3), dealer, clock, Depths(3.0), reward, max_inventory=6.0, makers=3)
    mine, theirs = (
        lanes_of(competing(desk, 3), 5, interpreted=True), Simulation(other, 15, interpreted=True)
    )  # fmt: skip
    mine.start(1), theirs.start(1)
    for acted in actions(desk, 15, 50):  # depths that are never the same, so that no lots are drawn
        assert mine.step(acted)[1] == pytest.approx(theirs.step(acted)[1], abs=1e-9)
    assert (mine.inventory == theirs.inventory).all()
    for name, values in theirs.state.tally._asdict().items():
        assert getattr(mine.state.tally, name) == pytest.approx(values, abs=1e-9), name


@pytest.mark.usefixtures("interpreted")
def test_what_is_saved_copied_or_pickled_goes_on_as_if_nothing_had_happened():
    market = competing(rich(2, prices=moving(2)), 3)
    acts, simulation = actions(market, 6, 6), lanes_of(market, 2)
    simulation.start_each([4, 4, 4, 9, 9, 9])
    for each in acts[:3]:
        simulation.step(each)
    saved, others = simulation.save(), [copy.deepcopy(simulation), pickle.loads(pickle.dumps(simulation))]
    for each in acts[3:]:
        simulation.step(each)
    others.append(lanes_of(market, 2))
    others[-1].restore(saved)
    for other in others:
        for each in acts[3:]:
            other.step(each)
        assert (numbers(other) == numbers(simulation)).all()
        assert (other.observations == simulation.observations).all()
    alone = lanes_of(market, 1)
    alone.start(9)
    for each in acts:
        alone.step(each[3 * market.width :])
    assert (numbers(alone) == numbers(simulation)[..., 3:]).all()  # a world of a seed of its own
    copied = lanes_of(market, 4)
    copied.start(0)
    copied.copy_state_from(simulation)
    assert (numbers(copied) == np.tile(numbers(simulation), 2)).all()
    assert [copied.state_of(lane).tally.profit for lane in range(12)] == copied.profits.tolist()


@pytest.mark.usefixtures("interpreted")
def test_worlds_begin_whole_and_end_together():
    market = competing(plain(2, clock=FiniteHorizon(1.0, 20)), 3)
    with pytest.raises(ValueError, match="num_envs must be whole worlds of 3 makers, got 4"):
        CompetingSimulation(market, 4)
    simulation = lanes_of(market, 2)
    simulation.start(0)
    with pytest.raises(ValueError, match="the 3 makers of a world begin together"):
        simulation.restart(np.arange(6) == 0)
    observations = simulation.stagger()
    assert (observations[:, 2] == np.repeat([1.0, 0.5], 3)).all()
    ended = [simulation.step(acted)[2:] for acted in actions(market, 6, 10)]
    assert ended[-1][0].tolist() == [False] * 3 + [True] * 3
    assert [endings for _, endings in ended] == [0] * 9 + [3]
    simulation.restart(ended[-1][0])
    assert simulation.state.step.tolist() == [10.0] * 3 + [0.0] * 3


@pytest.mark.parametrize(("make", "said"), [
    (lambda: competing(options_desk()), "CompetingDesks.prices must not be marks of options"),
    (lambda: competing(plain(2), 0), "CompetingDesks.makers"),
    (lambda: competing(plain(2), 1.5), "CompetingDesks.makers"),
    (lambda: competing(plain(2), routing=LogitRouting(np.array([0.1, 0.2]))), "CompetingDesks.routing.scale must be the same"),
    (lambda: competing(plain(2), limit_shares=(1.0, 0.5, 0.5)), "limit_shares must be one for all or one for each of 2 makers"),
    (lambda: competing(plain(2), limit_shares=(1.0, 1.5)), r"CompetingDesks.limit_shares must be a list of numbers"),
    (lambda: competing(plain(2), 2, limit_shares=(1.0, 0.0)), "CompetingDesks.limit_shares"),
    (lambda: replace(competing(plain(2)), reward=VariancePenalty(np.ones(3))), "one for each of 2 makers"),
    (lambda: replace(competing(plain(2)), reward=VariancePenalty(Uniform(0.1, 0.2))), "one for each of 2 makers"),
    (lambda: replace(competing(plain(2)), routing=0.5), "CompetingDesks.routing must be a Routing"),
    (lambda: lanes_of(competing(plain(2)), 1).part_parameters(), "must be the same in all lanes"),
], ids=range(11))  # fmt: skip
def test_what_cannot_be_is_refused(make, said):
    with pytest.raises((TypeError, ValueError), match=said):
        make()
