"""Markets of a user's own, solved exactly: a channel that has a state, seasons and regimes, and a price of two factors."""

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest

from agents.exact.evaluation import Unsolvable, evaluate
from agents.exact.optimum import optimum
from agents.exact.solvable import check_solvable
from mm_env import (
    CARA,
    Dealer,
    Depths,
    Ergodic,
    Exponential,
    FiniteHorizon,
    Flow,
    Impact,
    InventoryPenalty,
    Law,
    NonNegative,
    OrnsteinUhlenbeck,
    Positive,
    Price,
    ProportionalFees,
    rule,
)
from mm_env.core.maths import exp, normal, one_minus_exp
from mm_env.price.law import Reverting
from mm_env.rollout import run_policy
from mm_env.simulation import Simulation
from mm_env.venue.venue import Trades, Transition, Venue
from tests.worlds import same_bits, within, world

EPISODES = 40_000


class Balance(NamedTuple):
    ours: float


class Channel(Venue):
    """A payment channel of capacity 4. In a step at most one payment comes: through us, either way, for the fee that is quoted
    (depth), if the balance allows; or, either way too, one of others."""

    rate: Positive  # payments / time and way, were they free
    others: NonNegative

    @property
    def signals(self):
        return ("balance",)

    def states(self):
        return tuple(Balance(float(b)) for b in range(5))

    @rule
    def place(self, state):
        return state.ours

    @rule
    def begin(self, mid):
        return Balance(2.0)

    @rule
    def observe(self, now):
        return (0.25 * now.world.venue.ours,)

    @rule
    def odds(self, quote, bid_open, ask_open, dt, balance):
        """Probabilities: in through us, out through us, in and out of others'."""
        room, funds = 1.0 if balance < 3.5 else 0.0, 1.0 if balance > 0.5 else 0.0
        into = room * self.rate * exp(-quote.bid_depth) * dt if bid_open else 0.0
        out = funds * self.rate * exp(-quote.ask_depth) * dt if ask_open else 0.0
        return into, out, room * self.others * dt, funds * self.others * dt

    @rule
    def trade(self, quote, bid_open, ask_open, noise, dt, now):
        into, out, _, _ = self.odds(quote, bid_open, ask_open, dt, now.world.venue.ours)
        bid, ask = 1.0 if noise.bid < into else 0.0, 1.0 if into <= noise.bid < into + out else 0.0
        return Trades(bid, ask, into, out, bid + ask, 0.0)

    @rule
    def evolve(self, trades, noise, dt, now):
        balance, used = now.world.venue.ours, trades.bid_chance + trades.ask_chance
        more = 1.0 if used <= noise.bid < used + (self.others * dt if balance < 3.5 else 0.0) else 0.0
        last = used + (self.others * dt if balance < 3.5 else 0.0)
        less = 1.0 if last <= noise.bid < last + (self.others * dt if balance > 0.5 else 0.0) else 0.0
        return Balance(balance + trades.bid_filled - trades.ask_filled + more - less)

    @rule
    def transitions(self, market, state, quote):
        held, size, b = state.account.inventory, market.order_size, state.world.venue.ours
        bid_open, ask_open = market.open_sides(held)
        into, out, more, less = self.odds(quote, bid_open, ask_open, market.clock.dt(), b)
        return (
            Transition(1.0 - into - out - more - less, held, 0.0, 0.0, 0.0, Balance(b)),
            Transition(into, held + size, size * quote.bid_depth, 0.0, 0.0, Balance(b + 1.0)),
            Transition(out, held - size, size * quote.ask_depth, 0.0, 0.0, Balance(b - 1.0)),
            Transition(more, held, 0.0, 0.0, 0.0, Balance(b + 1.0)),
            Transition(less, held, 0.0, 0.0, 0.0, Balance(b - 1.0)),
        )


class Weather(NamedTuple):
    rough: float


class Regimes(Price):
    """A mid whose volatility switches between two values, as a Markov chain."""

    calm: NonNegative
    rough: NonNegative
    up: Positive  # 1 / time, from calm to rough
    down: Positive

    signals = ("rough",)

    @rule
    def start(self):
        return Weather(0.0)

    @rule
    def move(self, mid, latent, noise, dt):
        return mid + (self.rough if latent.rough > 0.5 else self.calm) * math.sqrt(dt) * normal(noise.price)

    @rule
    def evolve(self, latent, noise, dt):
        leaves = noise.latent[0] < (
            one_minus_exp(self.down * dt) if latent.rough > 0.5 else one_minus_exp(self.up * dt)
        )
        return Weather(1.0 - latent.rough if leaves else latent.rough)

    @rule
    def observe(self, mid, latent):
        return (latent.rough,)

    def law(self, dt, nodes):
        leave = np.array([-math.expm1(-self.up * dt), -math.expm1(-self.down * dt)])
        return Law(np.stack([1.0 - leave, leave], -1), 0.0, np.array([[self.calm**2], [self.rough**2]]) * dt,
                   np.array([0.0, 1.0]), [[0.0, 1.0], [1.0, 0.0]], "rough", kind="labels",
                   states=[[np.nan, 0.0], [np.nan, 1.0]])  # fmt: skip


class Seasons(Flow):
    """More orders come at the open and the close, and twice as many while the mid is rough."""

    rate: Positive

    @rule
    def probability(self, take, dt, now, state):
        busy = 2.0 if min(now.time, now.time_left) < 0.5 else 1.0
        return 1.0 - exp(-self.rate * busy * (1.0 + now.world.price.rough) * take * dt)


class Factors(NamedTuple):
    drift: float
    rough: float


class TwoFactors(Price):
    """dS = x dt + sigma dW: x reverts to 0, and sigma switches between two values."""

    speed: Positive
    vol: Positive  # of x, its stationary deviation
    calm: NonNegative
    rough: NonNegative
    switch: Positive

    signals = ("drift", "rough")

    @rule
    def start(self):
        return Factors(0.0, 0.0)

    @rule
    def move(self, mid, latent, noise, dt):
        sigma = self.rough if latent.rough > 0.5 else self.calm
        return mid + self.vol * latent.drift * dt + sigma * math.sqrt(dt) * normal(noise.price)

    @rule
    def evolve(self, latent, noise, dt):
        kick = math.sqrt(one_minus_exp(2.0 * self.speed * dt)) * normal(noise.latent)
        leaves = noise.bid_jump < one_minus_exp(self.switch * dt)
        return Factors(latent.drift * exp(-self.speed * dt) + kick, 1.0 - latent.rough if leaves else latent.rough)

    @rule
    def observe(self, mid, latent):
        return latent.drift, latent.rough

    def law(self, dt, nodes):
        grid, leave = Reverting.of(self.speed, dt, nodes), -math.expm1(-self.switch * dt)
        drift = Law(grid.probability, self.vol * grid.nodes[:, None] * dt, 0.0, grid.nodes, grid.following, "drift")
        return drift * Law([1.0 - leave, leave], 0.0, np.array([[self.calm**2], [self.rough**2]]) * dt, np.array([0.0, 1.0]),
                           [[0.0, 1.0], [1.0, 0.0]], "rough", kind="labels")  # fmt: skip


DAY, PENALTY = FiniteHorizon(2.0, 20), InventoryPenalty(phi=0.3, alpha=0.1)
OPEN = {
    "channel": world(venue=Channel(rate=3.0, others=0.5), clock=DAY, reward=InventoryPenalty(), quote=Depths(3.0)),
    "seasons and regimes": world(
        price=Regimes(0.5, 2.0, 2.0, 4.0), venue=Dealer(Seasons(4.0), Exponential(1.0)), clock=DAY, reward=PENALTY,
        quote=Depths(3.0, -0.5),
    ),
    "two factors": world(price=TwoFactors(1.0, 1.0, 0.5, 2.0, 2.0), clock=DAY, reward=PENALTY, quote=Depths(3.0, -1.0)),
}  # fmt: skip
OPEN["fees by a price that reverts"] = world(
    price=OrnsteinUhlenbeck(4.0, 2.0, 10.0), initial_mid=11.0, fees=ProportionalFees(0.02), clock=DAY, reward=PENALTY,
    quote=Depths(3.0, -0.5),
)  # fmt: skip
OPEN["two factors, utility"] = replace(OPEN["two factors"], reward=CARA(0.3))
every_market = pytest.mark.parametrize("name", OPEN)


@every_market
def test_the_simulator_earns_the_optimum(name):
    best = optimum(OPEN[name])
    episodes = run_policy(OPEN[name], best.act, EPISODES, seed=1)
    assert within(episodes.objective, best.objective)
    found = evaluate(OPEN[name], best.actions, len(best.axis.nodes))
    assert within((episodes.objective - best.objective) ** 2, found.variance)


@every_market
def test_the_table_of_the_optimum_is_worth_its_value(name):
    market = replace(OPEN[name], clock=FiniteHorizon(0.5, 5))
    best = optimum(market, nodes=11)
    found = evaluate(market, best.actions, nodes=11)
    np.testing.assert_allclose(found.value, best.value, rtol=1e-10, atol=1e-12)
    other = evaluate(market, np.clip(best.actions + 0.1, -1.0, 1.0), nodes=11)
    assert (other.value <= best.value + 1e-9).all()


@every_market
def test_the_loop_is_the_rules_to_the_bit(name):
    found = []
    for interpreted in (True, False):
        lanes, random = Simulation(OPEN[name], 5, interpreted=interpreted), np.random.default_rng(0)
        steps = [lanes.start(7)]
        for _ in range(8):
            observations, rewards, _, _ = lanes.step(random.uniform(-1.0, 1.0, 10))
            steps += [observations, rewards]
        found.append(np.concatenate([part.ravel() for part in steps]))
    assert same_bits(*found)


def test_equal_regimes_are_one():
    two = replace(OPEN["two factors"], price=TwoFactors(1.0, 1.0, 0.7, 0.7, 2.0))
    best = optimum(two)
    levels = best.value.reshape(21, -1, 2, 7)
    np.testing.assert_allclose(levels[..., 0, :], levels[..., 1, :], rtol=1e-9, atol=1e-9)
    assert 0.0 < best.error < 1e-2


def test_a_constant_fee_in_a_channel_earns_less_than_fees_by_balance():
    best = optimum(OPEN["channel"])
    flat = max(evaluate(OPEN["channel"], np.full((1, 7, 2), a)).objective for a in np.linspace(-1.0, 1.0, 41))
    assert best.objective > flat + 0.01


def test_a_channel_earns_what_is_known_of_it_in_continuous_time():
    """2 l / (e k) cos(pi / (C + 2)) a unit of time, from what ten more bring, in the limit of many steps."""
    market, found = replace(OPEN["channel"], venue=Channel(rate=1.0, others=0.0), max_inventory=4.0), []
    for dt in (0.05, 0.025):
        long, short = (optimum(replace(market, clock=FiniteHorizon(t, round(t / dt)))).objective for t in (30.0, 20.0))
        found.append((long - short) / 10.0)
    known = 2.0 / math.e * math.cos(math.pi / 6.0)
    assert known == pytest.approx(0.63718588, abs=1e-8)
    assert 2.0 * found[1] - found[0] == pytest.approx(known, rel=2e-4)


# --- what is refused ---------------------------------------------------------------------------------------------------


class Louder(TwoFactors):
    """Rougher than its law says."""

    @rule
    def move(self, mid, latent, noise, dt):
        sigma = 1.2 * self.rough if latent.rough > 0.5 else self.calm
        return mid + self.vol * latent.drift * dt + sigma * math.sqrt(dt) * normal(noise.price)

    def law(self, dt, nodes):
        return TwoFactors.law(self, dt, nodes)


class Stateless(Regimes):
    """Does not say what the state is at a label."""

    def law(self, dt, nodes):
        return replace(Regimes.law(self, dt, nodes), states=None)


class Hidden(Channel):
    """Shows whether there are funds, and no more."""

    @rule
    def observe(self, now):
        return (1.0 if now.world.venue.ours > 0.5 else 0.0,)


class Countless(Channel):
    def states(self):
        return ()


class Miscounted(Channel):
    @rule
    def place(self, state):
        return 4.0 - state.ours


class Generous(Channel):
    """Does not tell that others' payments come in."""

    @rule
    def transitions(self, market, state, quote):
        held, size, b = state.account.inventory, market.order_size, state.world.venue.ours
        bid_open, ask_open = market.open_sides(held)
        into, out, _, less = self.odds(quote, bid_open, ask_open, market.clock.dt(), b)
        return (
            Transition(1.0 - into - out - less, held, 0.0, 0.0, 0.0, Balance(b)),
            Transition(into, held + size, size * quote.bid_depth, 0.0, 0.0, Balance(b + 1.0)),
            Transition(out, held - size, size * quote.ask_depth, 0.0, 0.0, Balance(b - 1.0)),
            Transition(less, held, 0.0, 0.0, 0.0, Balance(b - 1.0)),
        )


class Abroad(Channel):
    """Takes the whole world, of which it may read anything."""

    @rule
    def observe(self, now):
        known = now.world
        return (0.25 * known.venue.ours,)


class Overpaid(Channel):
    """Says that payments pay three times the fee, but at the balance of the start."""

    @rule
    def transitions(self, market, state, quote):
        held, size, b = state.account.inventory, market.order_size, state.world.venue.ours
        bid_open, ask_open = market.open_sides(held)
        into, out, more, less = self.odds(quote, bid_open, ask_open, market.clock.dt(), b)
        times = 1.0 if b == 2.0 else 3.0
        return (
            Transition(1.0 - into - out - more - less, held, 0.0, 0.0, 0.0, Balance(b)),
            Transition(into, held + size, times * size * quote.bid_depth, 0.0, 0.0, Balance(b + 1.0)),
            Transition(out, held - size, times * size * quote.ask_depth, 0.0, 0.0, Balance(b - 1.0)),
            Transition(more, held, 0.0, 0.0, 0.0, Balance(b + 1.0)),
            Transition(less, held, 0.0, 0.0, 0.0, Balance(b - 1.0)),
        )


class Calm(Impact):
    """Fills move the mid three times as far while it is rough, and `moments` that forget it."""

    size: NonNegative

    @rule
    def jump(self, filled, arrived, uniform, now):
        return filled * self.size * (1.0 + 2.0 * now.world.price.rough)

    @rule
    def moments(self, depth, chance, filled, arrival):
        return filled * self.size, 0.0


class Crossed(Regimes):
    """Says that the state at each label is that of the other."""

    def law(self, dt, nodes):
        return replace(Regimes.law(self, dt, nodes), states=[[np.nan, 1.0], [np.nan, 0.0]])


class Switches(NamedTuple):
    rough: float
    busy: float


class OneCoin(Price):
    """Two labels that switch by the same uniform, and a law by which they are independent; with `coins` of 2 they are."""

    switch: Positive
    coins: Positive = 1.0

    signals = ("rough", "busy")

    @rule
    def start(self):
        return Switches(0.0, 0.0)

    @rule
    def move(self, mid, latent, noise, dt):
        return mid + math.sqrt(dt) * normal(noise.price)

    @rule
    def evolve(self, latent, noise, dt):
        p = one_minus_exp(self.switch * dt)
        rough = 1.0 if noise.latent[0] < p else 0.0
        busy = (1.0 if noise.bid_jump < p else 0.0) if self.coins > 1.5 else rough
        return Switches(abs(latent.rough - rough), abs(latent.busy - busy))

    @rule
    def observe(self, mid, latent):
        return latent.rough, latent.busy

    def law(self, dt, nodes):
        leave = -math.expm1(-self.switch * dt)
        rough, busy = (Law([1.0 - leave, leave], 0.0, variance, np.array([0.0, 1.0]), [[0.0, 1.0], [1.0, 0.0]], name,
                           kind="labels") for name, variance in (("rough", dt), ("busy", 0.0)))  # fmt: skip
        return rough * busy


def test_a_product_of_laws_whose_states_are_independent_is_believed():
    check_solvable(replace(OPEN["two factors"], price=OneCoin(2.0, 2.0)))


REGIMES = OPEN["seasons and regimes"]


def test_a_venue_that_reads_its_own_state_alone_is_solved_beside_a_price_that_does_not_tell_its_own():
    """Rough or calm, a channel earns the same without a penalty of inventory."""
    market = replace(OPEN["channel"], clock=FiniteHorizon(0.5, 5))
    beside = replace(market, price=Stateless(0.5, 2.0, 2.0, 4.0))
    assert optimum(beside).objective == pytest.approx(optimum(market).objective, rel=1e-9)
    with pytest.raises(Unsolvable, match="venue: it depends on the states of other parts"):
        optimum(replace(beside, venue=Abroad(3.0, 0.5)))


@pytest.mark.parametrize(("market", "said"), [
    (replace(OPEN["two factors"], price=Louder(1.0, 1.0, 0.5, 2.0, 2.0)), "price: Louder.law contradicts .* variance of the"),
    (replace(REGIMES, price=Stateless(0.5, 2.0, 2.0, 4.0)), "venue.flow.bid: it depends on the states of other parts"),
    (replace(OPEN["channel"], venue=Hidden(3.0, 0.5)), "venue: the signals of Hidden do not tell its states apart"),
    (replace(OPEN["channel"], venue=Countless(3.0, 0.5)), "venue: Countless has a state, .* without its `states`"),
    (replace(OPEN["channel"], venue=Miscounted(3.0, 0.5)), "venue: Miscounted.place must number its states"),
    (replace(OPEN["channel"], venue=Generous(3.0, 0.5)), "venue: Generous.transitions contradict its simulated steps"),
    (replace(OPEN["channel"], venue=Overpaid(3.0, 0.5)), "venue: Overpaid.transitions contradict .* venue at .*mean money"),
    (replace(REGIMES, venue=replace(REGIMES.venue, impact=Calm(0.1))), r"rough=1.0.* mean jump of the mid -0.1 as stated"),
    (replace(REGIMES, price=Crossed(0.5, 2.0, 2.0, 4.0)), "states of Crossed.law contradict its `observe`: .* at rough 0,"),
    (replace(OPEN["two factors"], price=OneCoin(2.0)), "OneCoin.law contradicts .* covariance of rough with busy after it is"),
    (replace(OPEN["channel"], clock=Ergodic(2.0, 20)), "an ergodic market is solved for"),
])  # fmt: skip
def test_what_a_recursion_does_not_hold_is_refused_by_name(market, said):
    with pytest.raises(Unsolvable, match=said):
        optimum(market)


@pytest.mark.parametrize(("parts", "said"), [
    ({"kind": "regimes"}, 'kind must be "grid" or "labels"'),
    ({"kind": "labels", "following": 0.5}, "following must be among the labels"),
    ({"states": [[0.0]]}, "states must have a row for each node"),
])  # fmt: skip
def test_a_law_that_cannot_be_is_refused(parts, said):
    with pytest.raises(ValueError, match=said):
        Law(**{"nodes": np.array([0.0, 1.0]), "signal": "rough", **parts})


def test_a_product_of_laws_has_the_axes_of_both():
    law = TwoFactors(1.0, 1.0, 0.5, 2.0, 2.0).law(0.1, 11)
    assert [axis.signal for axis in law.axes] == ["drift", "rough"]
    assert [len(axis.nodes) for axis in (law * Law()).axes] == [11, 2, 1]
