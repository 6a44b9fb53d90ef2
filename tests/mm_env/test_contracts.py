"""What a rule is told, what it may leave out, and what is said where it takes neither."""

from typing import NamedTuple

import numpy as np
import pytest

import mm_env
from mm_env import Dealer, Exponential, Fill, Flow, Market, Poisson, Positive, Price, Reward, Sides, Venue, rule
from mm_env.core.component import record
from mm_env.core.maths import exp
from mm_env.core.noise import FACTORS, FLOW, HEDGES, VENUE, draw, more, uniforms
from mm_env.simulation import Simulation
from tests.worlds import AT_START, same_bits, story, world

# arguments


class Told(Fill):
    """Half as many orders in the second half of the episode."""

    k: Positive

    def take(self, depth, now):
        return exp(-self.k * depth) * (1.0 if now.time < now.time_left else 0.5)


class Untold(Fill):
    k: Positive

    def take(self, depth):
        return exp(-self.k * depth)


def test_a_rule_may_leave_out_what_it_does_not_need():
    assert record(Untold(1.5)).take(0.4, AT_START) == record(Exponential(1.5)).take(0.4, AT_START)
    assert record(Told(1.5)).take(0.4, AT_START) == record(Exponential(1.5)).take(0.4, AT_START)


def test_a_fill_that_sees_the_time_fills_half_as_often_after_half_of_it():
    market = world(venue=Dealer(Poisson(10.0), Told(1.0)), price=mm_env.Brownian(0.0), max_inventory=1e6)
    simulation = Simulation(market, 50_000)
    simulation.start(0)
    fills = [0.0]
    for _ in range(5):
        simulation.step(np.zeros(100_000))
        fills.append(simulation.state.tally.fills.mean())
    each = np.diff(fills)  # steps begin at times 0, 0.1, 0.2, 0.3 and 0.4 of 0.5
    rates = [-2.0 * np.log(1.0 - share / 2.0) for share in each]
    assert rates[3:] == pytest.approx([0.5 * np.mean(rates[:3])] * 2, rel=0.02)


@pytest.mark.parametrize(("base", "name", "arguments", "wanted"), [
    (Fill, "take", ("self",), r"take \(self, depth\) or \(self, depth, now\), got \(self\)"),
    (Fill, "take", ("self", "depth", "now", "then"), r"take .* or \(self, depth, now\), got \(self, depth, now, then\)"),
    (Flow, "probability", ("self", "take"), r"take \(self, take, dt\) or \(self, take, dt, now, state\), got"),
    (Price, "move", ("self", "mid", "noise"), r"take \(self, mid, latent, noise, dt\) or .*, now\), got"),
    (Fill, "take", ("self", "depth", "present"), r"take .* or \(self, depth, now\), got \(self, depth, present\)"),
    (Flow, "probability", ("self", "take", "dt", "state"), r"take .* got \(self, take, dt, state\)"),
    (Reward, "penalty", ("self", "inventory", "dt", "now"), r"take .*, got \(self, inventory, dt, now\)"),
    (Reward, "penalty", ("self", "dt", "inventory", "final"), r"take .*, got \(self, dt, inventory, final\)"),
    (Market, "settle", ("self", "state", "dealt", "mid", "latent"), r"take .* or \(self, state, dealt, after, now\), got"),
    (Market, "step", ("self", "state", "action"), r"take .* or \(self, state, action, noise, memory\), got"),
])  # fmt: skip
def test_a_rule_that_cannot_be_called_is_refused_where_its_class_is_made(base, name, arguments, wanted):
    written: dict = {}
    exec(f"def {name}({', '.join(arguments)}):\n    return 0.0", written)
    with pytest.raises(TypeError, match=rf"Own.{name} must {wanted}"):
        type("Own", (base,), {name: rule(written[name])})


def made_here(share):
    """A class that has the name and the fields of another and other rules, as a cell of a notebook that is run anew makes."""

    class Same(Fill):
        k: Positive

        def take(self, depth):
            return share * exp(-self.k * depth)

    return Same


def test_two_classes_of_one_name_have_each_their_own_machine_code():
    fills = {}
    for share in (1.0, 0.25):
        market = world(venue=Dealer(Poisson(3.0), made_here(share)(1.0)))
        for plain in (False, True):
            simulation = Simulation(market, 200, interpreted=plain)
            simulation.start(0)
            simulation.step(np.zeros(400))
            fills[share, plain] = simulation.state.tally.fills.sum()
    assert fills[1.0, False] == fills[1.0, True] > fills[0.25, True] == fills[0.25, False]


# states


class Excited(NamedTuple):
    intensity: float


class SelfExciting(Flow):
    """An intensity that an order on its own side raises, one on the other lowers, and that decays towards `base`."""

    base: Positive
    up: Positive
    down: Positive

    def start(self):
        return Excited(self.base)

    def probability(self, take, dt, now, state):
        return 1.0 - exp(-state.intensity * take * dt)

    def evolve(self, state, arrived, opposite, noise, dt):
        decayed = self.base + 0.5 * (state.intensity - self.base)
        return Excited(max(decayed + self.up * arrived - self.down * opposite, 0.1))


EXCITED = world(venue=Dealer(Sides(SelfExciting(5.0, 4.0, 1.0), SelfExciting(3.0, 2.0, 0.5)), Exponential(0.1)))


def test_a_flow_has_a_state_that_its_orders_move_compiled_as_in_plain_python():
    actions = np.random.default_rng(0).uniform(-1.0, 1.0, (5, 2))
    fast, slow = (story(Simulation(EXCITED, 5, interpreted=plain), 3, actions, 7) for plain in (False, True))
    assert all(same_bits(a, b) for a, b in zip(fast, slow, strict=True))


def test_orders_on_one_side_excite_it_and_calm_the_other():
    simulation = Simulation(EXCITED, 4_000)
    simulation.start(1)
    simulation.step(np.zeros(8_000))
    state, bid = simulation.state, simulation.state.world.flow[0].intensity
    assert set(np.round(bid, 9)) == {5.0, 9.0, 4.0, 8.0}  # none came, one hit the bid, one lifted the ask, both
    assert (state.tally.arrivals[bid == 5.0] == 0.0).all()
    assert (state.tally.arrivals[bid == 8.0] == 2.0).all()


class Filled(NamedTuple):
    count: float


class Counting(Dealer):
    """A dealer that remembers how often we were filled, and fills no more than `most` times."""

    most: Positive = 2.0

    def begin(self, mid):
        return Filled(0.0)

    def evolve(self, trades, noise, dt, now):
        return Filled(now.world.venue.count + trades.bid_filled + trades.ask_filled)

    def chances(self, quote, dt, now):
        share = self.fill.bid.take(quote.bid_depth, now) if now.world.venue.count < self.most else 0.0
        return mm_env.Chances(share, share, share, share)

    @property
    def signals(self):
        return ("filled",)

    def observe(self, now):
        return (now.world.venue.count,)


def test_a_venue_has_a_state_that_it_shows():
    market = world(venue=Counting(Poisson(10.0), Exponential(0.5)))
    simulation = Simulation(market, 500)
    seen = simulation.start(0)
    assert market.observation_names[-1] == "filled"
    for _ in range(5):
        assert seen[:, -1].tolist() == simulation.state.world.venue.count.tolist()
        seen = simulation.step(np.zeros(1_000))[0]
    assert set(simulation.state.tally.fills) <= {2.0, 3.0}
    assert same_bits(simulation.state.tally.fills, simulation.state.world.venue.count)


def test_a_part_without_a_state_has_none():
    assert Simulation(world(), 3).state.world == ((), ((), ()), (), (), (), ())
    assert Venue.begin.is_rule  # and a venue may have one


class Whole(NamedTuple):
    number: float


class Counted(Flow):
    def start(self):
        return Whole(0)


def test_states_that_are_no_floats_are_refused_with_the_cure():
    with pytest.raises(
        TypeError, match=r"states must start with floats \(0.0, not 0\), got .*number=0.* the market's flow"
    ):
        world(venue=Dealer(Counted(), Exponential(1.0)))


# noise


def test_each_role_draws_by_blocks_of_its_own():
    blocks = [role + i for role in (VENUE, FACTORS, HEDGES, FLOW) for i in range(16)]
    assert len(set(blocks)) == 64
    assert min(blocks) >= 2**30  # order books count their events from below, parameters are drawn from above
    assert max(blocks) < 2**31


def test_more_noise_is_that_of_the_step_and_disturbs_nobody():
    noise = draw(5, 6, 7, 8)
    assert more(noise, FACTORS + 2) == uniforms(5, 6, 7, 8, FACTORS + 2)
    drawn = np.array([more(draw(0, lane, 0, 0), HEDGES) for lane in range(2_000)])
    base = np.array([(n.bid, n.ask, *n.price) for n in (draw(0, lane, 0, 0) for lane in range(2_000))])
    correlations = np.corrcoef(drawn.T, base.T)[:4, 4:]
    assert np.abs(correlations).max() < 4.5 / np.sqrt(2_000)
