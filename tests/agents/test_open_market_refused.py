"""What a recursion over states does not hold, or what a user's own part contradicts, is refused by name."""

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest

from agents.exact.evaluation import Unsolvable
from agents.exact.optimum import optimum
from agents.exact.solvable import check_solvable
from mm_env import (
    FiniteHorizon,
    Impact,
    Law,
    NonNegative,
    Positive,
    Price,
    rule,
)
from mm_env.core.maths import normal, one_minus_exp
from mm_env.venue.venue import Transition
from tests.agents.open_markets import OPEN, Balance, Channel, Regimes, TwoFactors


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
        into, out, _, less = self.odds(quote, market.open_sides(held), market.clock.dt(), b)
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
        into, out, more, less = self.odds(quote, market.open_sides(held), market.clock.dt(), b)
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
