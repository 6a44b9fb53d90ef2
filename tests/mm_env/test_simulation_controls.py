"""The door for an outside player: bit-equal to a market that has those parameters, checked once, kept by save and restore."""

import re

import numpy as np
import pytest

import mm_env.simulation
from mm_env import Brownian, Controls, Dealer, Exponential, FillImpact, Poisson, Sides, Uniform, with_parameters
from mm_env.controls import parameter_rows, randomised
from mm_env.core.parameters import Integers
from mm_env.simulation import Simulation
from tests.worlds import COVERING, numbers, random_actions, same_bits, stepped, story, world

LANES = 70  # more than one tile
RANGES = {"price.drift": (-5.0, 5.0), "venue.flow.rate": (5.0, 20.0), "venue.fill.k": (0.5, 2.0)}
ACTIONS = random_actions(world(), LANES).reshape(-1)


def values(seed=0, lanes=LANES):
    low, high = np.array(list(RANGES.values())).T
    return np.random.default_rng(seed).uniform(low, high, (lanes, 3))


def set_market(value):
    return with_parameters(world(), dict(zip(RANGES, value)))


def opened(market=None, lanes=LANES, seed=9, **options):
    simulation = Simulation(market or world(), lanes, **options)
    controls = Controls(simulation, RANGES)
    simulation.start(seed)
    return simulation, controls


@pytest.mark.parametrize("interpreted", [False, True])
def test_a_lane_that_is_set_is_the_market_with_those_numbers(interpreted):
    simulation, controls = opened(interpreted=interpreted)
    wanted = values()
    controls.set(wanted)
    together = [*simulation.step(ACTIONS)[:3], numbers(simulation)]
    arrays = dict(zip(RANGES, wanted.T))
    alike = Simulation(with_parameters(world(), arrays), LANES)
    alike.start(9)
    for one, other in zip(together, [*alike.step(ACTIONS)[:3], numbers(alike)], strict=True):
        assert same_bits(one, other)
    for lane in (0, 63, 64, 69):
        alone = Simulation(set_market(wanted[lane].tolist()), LANES)
        alone.start(9)
        alone.step(ACTIONS)
        assert same_bits(numbers(alone)[lane], together[-1][lane])


def test_parameters_may_change_at_each_step():
    simulation, controls = opened()
    for step in range(5):
        controls.set(np.tile(values(step, 1), (LANES, 1)))
        before = simulation.save()
        simulation.step(ACTIONS)
        other = Simulation(set_market(values(step, 1)[0].tolist()), LANES)
        other.restore({**before, "parameters": other.save()["parameters"]})
        other.step(ACTIONS)
        assert same_bits(numbers(simulation), numbers(other))


def test_only_the_lanes_named_are_set():
    simulation, controls = opened()
    lanes = np.array([3, 66])
    controls.set(values(lanes=2), lanes)
    simulation.step(ACTIONS)
    plain = Simulation(world(), LANES)
    plain.start(9)
    plain.step(ACTIONS)
    differ = (numbers(simulation) != numbers(plain)).any(axis=1)
    assert np.flatnonzero(differ).tolist() == [3, 66]


@pytest.mark.parametrize("name", COVERING)
def test_an_open_door_that_nobody_uses_changes_nothing(name):
    market = COVERING[name]
    actions = random_actions(market, LANES)
    simulation = Simulation(market, LANES, interpreted=True)
    Controls(simulation, {"reward.phi": (0.0, 1.0)} if hasattr(market.reward, "phi") else {"initial_mid": (90, 110)})
    plain = story(Simulation(market, LANES, interpreted=True), 3, actions, 6)
    assert all(same_bits(a, b) for a, b in zip(story(simulation, 3, actions, 6), plain, strict=True))


def test_the_noise_is_untouched_the_mid_moves_by_the_drift_alone():
    still, moved = opened(), opened()
    moved[1].set(np.tile([4.0, 10.0, 1.0], (LANES, 1)))
    still[0].step(ACTIONS), moved[0].step(ACTIONS)
    shift = moved[0].state.mid - still[0].state.mid
    assert shift == pytest.approx(np.full(LANES, 4.0 * 0.1), abs=1e-12)


def test_any_number_of_threads_sets_alike(monkeypatch):
    monkeypatch.setattr(mm_env.simulation, "LANES_PER_THREAD", 1)
    ends = []
    for threads in (1, 2, 4):
        simulation, controls = opened(lanes=200, threads=threads)
        for step in range(3):
            controls.set(values(step, 200))
            simulation.step(random_actions(world(), 200, step).reshape(-1))
        ends.append(numbers(simulation))
    assert same_bits(ends[0], ends[1])
    assert same_bits(ends[0], ends[2])


def test_a_restored_simulation_goes_on_with_what_was_set():
    simulation, controls = opened()
    controls.set(values())
    simulation.step(ACTIONS)
    saved = simulation.save()
    simulation.step(ACTIONS)
    expected = numbers(simulation)
    fresh = Simulation(world(), LANES)  # no door of its own
    for other in (simulation, fresh):
        controls.set(values(1))
        other.restore(saved)
        other.step(ACTIONS)
        assert same_bits(numbers(other), expected)


def test_a_parted_simulation_takes_up_what_a_shared_one_saved():
    shared = Simulation(world(), LANES)
    shared.start(4)
    saved = shared.save()
    shared.step(ACTIONS)
    simulation, controls = opened()
    controls.set(values())
    simulation.restore(saved)
    simulation.step(ACTIONS)
    assert same_bits(numbers(simulation), numbers(shared))


def test_a_drawn_parameter_is_drawn_again_at_reset_and_a_set_one_stays():
    market = world(price=Brownian(sigma=0.0), initial_mid=Uniform(90.0, 110.0))
    simulation, controls = opened(market)
    first = simulation.state.mid
    controls.set(np.tile([5.0, 10.0, 1.0], (LANES, 1)))
    simulation.restart(np.ones(LANES, np.bool_))
    again = simulation.state.mid
    assert not np.isin(again, first).any()
    simulation.step(ACTIONS)
    assert simulation.state.mid - again == pytest.approx(np.full(LANES, 0.5), abs=1e-12)


def test_randomised_draws_each_parameter_in_its_range_alike_on_both_sides():
    market = randomised(world(), RANGES)
    assert market.price.drift == Uniform(-5.0, 5.0)
    assert market.venue.flow.bid is market.venue.flow.ask
    assert market.venue.fill.ask.k == Uniform(0.5, 2.0)


def test_a_path_without_a_side_is_both_and_with_one_is_one():
    market = world()
    both = set(parameter_rows(market, "venue.flow.rate"))
    one, other = (parameter_rows(market, f"venue.flow.{side}.rate") for side in ("bid", "ask"))
    assert both == {*one, *other}
    assert len(one) == len(other) == 1


def test_a_market_with_one_side_changed_keeps_the_other():
    market = with_parameters(world(), {"venue.flow.bid.rate": 3.0})
    assert (market.venue.flow.bid.rate, market.venue.flow.ask.rate) == (3.0, 10.0)
    sides = world(venue=Dealer(Sides(Poisson(1.0), Poisson(2.0)), Exponential(1.0), FillImpact(0.1)))
    both = with_parameters(sides, {"venue.flow.rate": Integers(3, 4), "venue.impact.bid.mean": 0.3})
    assert both.venue.flow.bid is not both.venue.flow.ask
    assert both.venue.flow.bid == both.venue.flow.ask == Poisson(Integers(3, 4))
    assert (both.venue.impact.bid.mean, both.venue.impact.ask.mean) == (0.3, 0.1)


@pytest.mark.parametrize(("ranges", "message"), [
    ({"venue.flow.rate": (-1.0, 5.0)}, "Poisson.rate must be >= 0, got -1.0"),
    ({"venue.fill.k": (0.0, 5.0)}, "Exponential.k must be > 0, got 0.0"),
    ({"price.drift": (5.0, -5.0)}, "Uniform.low must be <= high, got 5.0 > -5.0"),
    ({"price.drift": (0.0, np.inf)}, "Uniform.high must be a finite number, got inf"),
    ({"price.drift": 5.0}, "the range of price.drift must be (low, high), got 5.0"),
    ({"price.drifts": (0, 1)}, "a path must name a parameter of the market, got 'price.drifts'. Did you mean 'price.drift'?"),
    ({"clock.steps": (1, 2)}, "clock.steps must be the same in all lanes"),
    ({"max_inventory": (1, 2)}, "max_inventory must be the same in all lanes"),
    ({"venue.impact.mean": (0, 1)}, "a path must name a parameter of the market, got 'venue.impact.mean'."),
    ({}, "ranges must name at least one parameter, got none"),
])  # fmt: skip
def test_ranges_are_checked_once_by_the_parameters_own_rules(ranges, message):
    with pytest.raises(ValueError, match="^" + re.escape(message)):
        Controls(Simulation(world(), 2, interpreted=True), ranges)


@pytest.mark.parametrize("wrong", [5.1, -5.1, np.nan, np.inf])
def test_a_value_outside_its_range_is_refused_and_nothing_is_set(wrong):
    simulation, controls = opened(lanes=2, interpreted=True)
    given = values(lanes=2)
    given[1, 0] = wrong
    before = simulation.save()["parameters"]
    with pytest.raises(ValueError, match=re.escape(f"price.drift must be in [-5, 5], got {wrong}")):
        controls.set(given)
    assert same_bits(before, simulation.save()["parameters"])


def test_values_of_another_shape_are_refused():
    _, controls = opened(lanes=2, interpreted=True)
    for shape in ((2,), (1, 3), (2, 2)):
        with pytest.raises(ValueError, match=re.escape(f"values must have shape (2, 3), one row a lane, got {shape}")):
            controls.set(np.ones(shape))


def test_rewards_without_noise_take_the_drift_that_is_set_as_foreseen():
    market = world(
        reward=with_parameters(world(), {"reward.noise": 0.0, "reward.phi": 0.0, "reward.alpha": 0.0}).reward
    )
    market = with_parameters(market, {"initial_inventory": 2.0, "venue.flow.rate": 5.0})
    simulation, controls = opened(market, lanes=4)
    controls.set(np.tile([3.0, 5.0, 0.5], (4, 1)))
    never = np.tile([1.0, 0.0], 4)  # a half-spread of 1, fills or none: what luck earns is not in the reward
    _, rewards, _, _ = simulation.step(never)
    chance = 1.0 - np.exp(-5.0 * np.exp(-0.5) * 0.1)
    expected = 2 * chance * 1.0 + simulation.state.account.inventory * 3.0 * 0.1
    assert rewards == pytest.approx(expected, rel=1e-9)


def test_stepped_alone_stays_shared():
    simulation, _ = stepped(world(), [0.0, 0.0])
    assert simulation._storage.stride is None  # a market whose lanes do not differ pays nothing for the door
