"""Laws of several makers in one simulated order book: one of them is that market, price and time decide, nobody sees itself."""

import pickle
from dataclasses import fields, replace

import numpy as np
import pytest

import mm_env
from agents.exact.nodes import Unsolvable
from agents.exact.optimum import optimum
from agents.exact.small_book import check_small
from agents.makers.seats import play_seats
from agents.strategies.touch import AtTouch
from mm_env import (
    Competition,
    FiniteHorizon,
    LinearFireSale,
    LogitRouting,
    LossLimit,
    MarketOrders,
    UnnoticedBook,
    ZeroIntelligence,
)
from mm_env.competitions import book_duopoly
from mm_env.envs.recorder import Recorder
from mm_env.envs.sb3 import VecAdapter
from mm_env.markets import MARKETS
from mm_env.quote import NOWHERE, Unbounded
from mm_env.rollout import run_policy
from mm_env.simulation import Simulation
from mm_env.venue.order_book.size import GeometricSize

BID, ASK = 0, 1


def market_of(name, **other):
    """A named market with quotes in price units, and books that are warm soon."""
    found = MARKETS[name]()
    venue = replace(found.venue, warm_up=min(found.venue.warm_up, 2.0))  # pyright: ignore[reportAttributeAccessIssue]
    return replace(found, **({"quote": Unbounded(), "venue": venue} | other))


def shared(market, makers, **other):
    """The competition of so many makers in a market."""
    return Competition(**{field.name: getattr(market, field.name) for field in fields(market)} | other, makers=makers)


def unnoticed(market):
    return UnnoticedBook(**{field.name: getattr(market.venue, field.name) for field in fields(market.venue)})


CUTTING = MarketOrders(Unbounded(), 0.5)
WORLDS = {
    "zero_intelligence": market_of("zero_intelligence"),
    "cont_stoikov_talreja": market_of("cont_stoikov_talreja"),
    "queue_reactive": market_of("queue_reactive", clock=FiniteHorizon(300.0, 20)),
    "hawkes": market_of("hawkes"),
    "small_book": market_of("small_book"),  # a decision at every event
    "unnoticed": market_of("zero_intelligence", venue=unnoticed(market_of("zero_intelligence"))),
    "lots": market_of("zero_intelligence", order_size=3.0, max_inventory=6.0,
                      venue=replace(market_of("zero_intelligence").venue, size=GeometricSize(2.5), latency=0.1)),
    "cutting": market_of("zero_intelligence", quote=CUTTING, order_size=2.0, max_inventory=6.0),
}  # fmt: skip


def acted(market, lanes, seed):
    """Depths around the best prices, some of them across the mid, and cuts where there are some."""
    random = np.random.default_rng(seed)
    actions = random.uniform(-1.0, 3.0, (lanes, market.width))
    if market.width == 3:
        actions[:, 2] = random.choice([0.0, 0.0, 1.0], lanes)
    return actions.reshape(-1)


def alike(one, other, steps, begun=7):
    """Step two simulations of the same lanes alike, and compare all that they show, to the bit."""
    assert np.array_equal(one.start(begun), other.start(begun))
    for step in range(steps):
        told = acted(one.market, one.num_lanes, step)
        seen = zip(one.step(told), other.step(told), strict=True)
        assert all(np.array_equal(mine, theirs, equal_nan=True) for mine, theirs in seen)
    assert np.array_equal(one.numbers, other.numbers, equal_nan=True)


@pytest.mark.parametrize("name", ["zero_intelligence", "queue_reactive"])
def test_one_maker_is_the_market_to_the_bit(name):
    market = WORLDS[name]
    alike(*(Simulation(one, 2, interpreted=True) for one in (market, shared(market, 1))), 6)


@pytest.mark.parametrize("name", WORLDS)
def test_beside_a_maker_who_never_quotes_one_has_the_market_to_itself_to_the_bit(name):
    """The ladder of several makers, and all that is done with it, is that of one where others do nothing."""
    worlds, market = 3, WORLDS[name]
    alone, both = (
        Simulation(market, worlds, interpreted=True),
        Simulation(shared(market, 2), 2 * worlds, interpreted=True),
    )
    first, width = alone.start(5), market.width
    assert np.array_equal(first, both.start(5)[::2])
    for step in range(40 if market.clock.needs_book else 8):
        told = acted(market, worlds, step).reshape(worlds, width)
        still = np.tile([NOWHERE, NOWHERE, 0.0][:width], (worlds, 1))
        seen = alone.step(told.reshape(-1))
        of_both = both.step(np.stack([told, still], axis=1).reshape(-1))
        for mine, theirs in zip(seen[:3], of_both[:3], strict=True):
            assert np.array_equal(mine, theirs[::2])
        assert np.array_equal(alone.numbers, both.numbers[:, ::2])
    assert (alone.state.tally.fills > 0.0).any()


@pytest.mark.parametrize(("name", "makers"), [("lots", 3), pytest.param("cutting", 4, marks=pytest.mark.slow)])
def test_machine_code_of_makers_in_a_book_is_python_to_the_bit(name, makers):
    market = shared(WORLDS[name], makers, margin=LossLimit(loss=2.0))
    alike(Simulation(market, 2 * makers), Simulation(market, 2 * makers, interpreted=True), 12)


@pytest.fixture(scope="module")
def three():
    return shared(WORLDS["cutting"], 3)


def test_wealth_is_what_profit_says_limits_hold_and_no_makers_orders_cross(three):
    lanes = Simulation(three, 3 * 60)
    lanes.start(0)
    for step in range(60):
        lanes.step(acted(three, lanes.num_lanes, step))
        state, books = lanes.state, lanes.books
        assert np.allclose(state.account.cash + state.account.inventory * state.mid, state.tally.profit, atol=1e-9)
        assert (np.abs(state.account.inventory) <= three.max_inventory).all()
        assert (np.ptp(state.mid.reshape(-1, 3), axis=1) == 0.0).all()
        stands = books.left > 0
        bids = np.where(stands[:, BID], books.price[:, BID], -(10**9)).max(axis=1)
        asks = np.where(stands[:, ASK], books.price[:, ASK], 10**9).min(axis=1)
        assert (bids < asks).all()
        assert np.array_equal(books.standing, books.left.sum(axis=2))
        assert np.array_equal(books.crowd.sum(axis=2), books.standing)
    assert (lanes.state.tally.fills > 0.0).all()


def test_makers_among_themselves_neither_make_nor_lose_lots_or_cash():
    """In a book that the flow has left they trade with one another alone."""
    gone = replace(WORLDS["cutting"].venue, flow=ZeroIntelligence(0.0, 50.0, 0.0))
    held = np.array([4.0, -6.0, 2.0])
    market = shared(replace(WORLDS["cutting"], venue=gone), 3, initial_inventory=held)
    lanes = Simulation(market, 3 * 50)
    lanes.start(0)
    assert (lanes.books.volume == 0).all()
    for step in range(20):
        lanes.step(acted(market, lanes.num_lanes, step))
        account = lanes.state.account
        assert (account.inventory.reshape(-1, 3).sum(axis=1) == 0.0).all()
        assert np.allclose(account.cash.reshape(-1, 3).sum(axis=1), 0.0, rtol=0.0, atol=1e-9)
    assert (account.inventory.reshape(-1, 3) != held).any(axis=1).mean() > 0.9


def fills_of(market, told, worlds, seed, steps=40):
    """Fills of each seat, (worlds, makers), of makers who always do the same."""
    lanes = Simulation(market, len(told) * worlds)
    lanes.start(seed)
    for _ in range(steps):
        lanes.step(np.tile(np.asarray(told, np.float64), (worlds, 1)).reshape(-1))
    return lanes.state.tally.fills.reshape(worlds, -1)


def test_makers_who_quote_alike_share_fills_evenly_and_seats_are_alike(three):
    free, worlds = replace(three, max_inventory=1e6), 1500
    same = fills_of(free, [[1.0, 1.0, 0.0]] * 3, worlds, 3)
    error = same.std(axis=0) / np.sqrt(worlds)
    assert (np.abs(same.mean(axis=0) - same.mean()) < 4.0 * error).all()
    quoted = [[0.5, 1.5, 0.0], [1.5, 0.5, 0.0], [1.0, 1.0, 1.0]]
    here = fills_of(free, quoted, worlds, 4)
    there = fills_of(free, quoted[::-1], worlds, 5)[:, ::-1]
    spread = np.sqrt((here.var(axis=0) + there.var(axis=0)) / worlds)
    assert (np.abs(here.mean(axis=0) - there.mean(axis=0)) < 4.0 * spread).all()
    assert here.mean(axis=0)[:2].min() > here.mean(axis=0)[2] > 0.1  # who quotes best on a side trades more


def test_who_acts_first_is_drawn_fairly(three):
    """In a fresh queue behind the flow's, the first to come stands before the others."""
    lanes, firsts = Simulation(three, 3 * 600), np.zeros(3)
    lanes.start(1)
    for depth in (3.5, 4.5, 5.5):
        lanes.step(np.tile([depth, NOWHERE, 0.0], lanes.num_lanes))
        firsts += np.bincount(lanes.books.turn_of[:, 0], minlength=3)
    assert firsts.sum() == 1800
    assert (np.abs(firsts - 600) < 4.0 * np.sqrt(1800 * 2 / 9)).all()


def test_each_sees_everyone_but_itself(three):
    lanes, names = Simulation(three, 3 * 200), three.observation_names
    lanes.start(2)
    for _ in range(3):
        lanes.step(np.tile([[1.0, 1.0, 0.0]], (lanes.num_lanes, 1)).reshape(-1))
    seen, books = lanes.observations.reshape(200, 3, -1), lanes.books
    column = {name: seen[:, :, names.index(name)] for name in names}
    unit = 1.0 / (three.venue.queue_scale * three.venue.size.mean())  # pyright: ignore[reportAttributeAccessIssue]
    for side, name in ((BID, "bid"), (ASK, "ask")):
        out = 2 * side - 1
        for d in range(3):
            rivals = [r for r in range(3) if r != d]
            left, price = books.left[:, side][:, rivals], books.price[:, side][:, rivals]
            there = books.volume[np.arange(200), books.best[:, side] & (books.volume.shape[1] - 1)] > 0
            prices = np.where(left > 0, price * out, 10**9)
            best = out * np.minimum(prices.min(axis=1), np.where(there, books.best[:, side] * out, 10**9))
            stands = books.left[:, side, d] > 0
            known = stands & (np.abs(best) < 10**9)
            assert np.array_equal(column[f"our_{name}_stands"][:, d], stands)
            assert np.array_equal(column[f"our_{name}_distance"][known, d],
                                  ((books.price[:, side, d] - best) * out)[known])  # fmt: skip
            earlier = [(price[:, i] == books.price[:, side, d]) & (books.turn[:, side, r] < books.turn[:, side, d])
                       for i, r in enumerate(rivals)]  # fmt: skip
            ahead = books.ahead[:, side, d] + sum(left[:, i] * before for i, before in enumerate(earlier))
            assert np.allclose(column[f"our_{name}_ahead"][stands, d], unit * ahead[stands], rtol=1e-6)
            here = books.volume[np.arange(200), best & (books.volume.shape[1] - 1)] * (best == books.best[:, side])
            queue = here + (left * (price == best[:, None])).sum(axis=1)
            filled = np.abs(best) < 10**9
            assert np.allclose(column[f"{name}_queue_1"][filled, d], unit * queue[filled], rtol=1e-6)
    assert np.ptp(column["our_bid_ahead"], axis=1).max() > 0.0


def test_a_closed_account_leaves_the_book():
    market = shared(WORLDS["cutting"], 4, margin=LossLimit(loss=1.0))  # the machine code of the test above
    lanes = Simulation(market, 4 * 40)
    lanes.start(0)
    for step in range(40):
        lanes.step(acted(market, lanes.num_lanes, step))
        closed = lanes.closed.reshape(-1, 4)
        assert (lanes.books.left.transpose(0, 2, 1)[closed] == 0).all()
    assert 0.0 < closed.mean() < 1.0
    waited = lanes.closed & (lanes.state.step < 40)
    assert (lanes.time_open[waited] < lanes.books.time.repeat(4)[waited] - 1e-9).all()
    assert np.allclose(lanes.time_open[~waited], lanes.books.time.repeat(4)[~waited])


def test_lanes_threads_copies_and_seeds_change_nothing(three):
    few, many = Simulation(three, 6), Simulation(three, 3 * 256, threads=2)
    few.start(9), many.start(9)
    for step in range(4):
        told = acted(three, many.num_lanes, step)
        few.step(told[: 6 * three.width]), many.step(told)
    assert np.array_equal(few.numbers, many.numbers[:, :6])
    again = pickle.loads(pickle.dumps(few))
    copied = Simulation(three, 12)
    copied.start(9)
    copied.copy_state_from(few)
    assert np.array_equal(copied.numbers, np.tile(few.numbers, 2))
    assert np.array_equal(copied.observations, np.tile(few.observations, (2, 1)))
    saved, told = few.save(), acted(three, 6, 99)
    after = few.step(told)[0]
    few.restore(saved)
    assert np.array_equal(few.step(told)[0], after)
    assert np.array_equal(again.step(told)[0], after)
    each, alone = Simulation(three, 6), Simulation(three, 3)
    each.start_each([11, 11, 11, 22, 22, 22]), alone.start(22)
    told = acted(three, 6, 1)
    assert np.array_equal(each.step(told)[0][3:], alone.step(told[3 * three.width :])[0])


class Crossing(mm_env.Book):
    """A book with a rule of its own that several makers would never ask for."""

    @mm_env.rule
    def cross(self, book, side, size):
        return 0, 0


def crossing(market):
    return Crossing(**{field.name: getattr(market.venue, field.name) for field in fields(market.venue)})


@pytest.mark.parametrize(("other", "said"), [
    ({"venue": mm_env.Replay(path=__file__, window=mm_env.InTurn(0.0, 1e3), span=1e3)},
     "Competition.venue must be a dealer market or a simulated order book, got Replay"),
    ({"initial_mid": np.array([10.0, 20.0])}, "Competition.initial_mid must be the same for all makers"),
    ({"routing": LogitRouting(0.5)}, "Competition.routing must be left out in an order book"),
    ({"fire_sale": LinearFireSale(0.1), "margin": LossLimit(loss=1.0)}, "Competition.fire_sale must be NoFireSale"),
    ({"venue": crossing(WORLDS["cutting"])}, "Crossing.cross must not be overridden"),
    ({"venue": replace(WORLDS["cutting"].venue, tick=np.array([1.0, 1.0]))}, "venue.tick must be the same for all makers"),
])  # fmt: skip
def test_what_a_book_of_several_makers_does_not_hold_is_refused(other, said):
    with pytest.raises((ValueError, TypeError), match=said):
        shared(WORLDS["cutting"], 2, **other)


def test_it_has_no_exact_optimum_and_says_why():
    with pytest.raises(Unsolvable, match="several makers have orders in its queues"):
        optimum(book_duopoly())
    with pytest.raises(Unsolvable, match="several makers have orders in its queues"):
        check_small(shared(MARKETS["small_book"](), 2))
    check_small(shared(MARKETS["small_book"](), 1))
    market = book_duopoly()
    assert replace(market, makers=1).venue == market.venue.of_one(  # pyright: ignore
        **{field.name: getattr(market.venue, field.name) for field in fields(market.venue)}
    )
    assert replace(market, makers=5).venue.memory(10)[0].left.shape == (2, 2, 5)


def test_sb3_sees_every_maker_as_a_lane_and_a_policy_plays_whole_worlds():
    market = book_duopoly()
    lanes, plain = VecAdapter(market, 6), Simulation(market, 6)
    lanes.seed(3)
    assert np.array_equal(lanes.reset(), plain.start(3))
    told = np.random.default_rng(0).integers(0, market.quote.space.n, 6)  # pyright: ignore[reportAttributeAccessIssue]
    lanes.step_async(told)
    seen, rewards, _, _ = lanes.step_wait()
    expected = plain.step(told.astype(np.float64))
    assert np.array_equal(seen, expected[0])
    assert np.allclose(rewards, expected[1], rtol=1e-6)
    joining = AtTouch(market)
    played = run_policy(joining.market, joining.act, 4, 3)
    seated = play_seats(market, [joining, joining], 4, 3)
    assert np.array_equal(played.objective, seated[0].objective)
    assert not np.array_equal(seated[0].objective, seated[1].objective)


def test_a_recorder_draws_the_orders_of_its_own_maker(three):
    lanes = Simulation(three, 6)
    lanes.start(0)
    recorder = Recorder(lanes, 4)
    recorder.start()
    for step in range(12):
        told = acted(three, 6, step)
        lanes.step(told)
        recorder.add(told)
        book, moment = lanes.book_of(4), recorder.moments[-1]
        stands = book.left[:, 1] > 0
        assert np.array_equal(moment.quoted[stands], book.price[stands, 1])
        there = book.volume.sum() + np.delete(book.left, 1, axis=1).sum()
        assert moment.volumes.sum() == there
        net = moment.filled[BID] - moment.filled[ASK] + moment.crossed
        assert moment.inventory - recorder.moments[-2].inventory == net
