"""Gaps at scheduled times: when they come, how far the mid goes, what the agent sees of them, and what is refused."""

import math

import numpy as np
import pytest

from mm_env import (
    Brownian,
    Dealer,
    Ergodic,
    Exponential,
    FiniteHorizon,
    FromBook,
    Geometric,
    Poisson,
    ScheduledGap,
    ShortTermAlpha,
    VariancePenalty,
)
from mm_env.core.component import record
from mm_env.price.gaps import is_in
from mm_env.simulation import Simulation
from mm_env.world import alone
from tests.worlds import random_actions, same_bits, story, within, world

CLOCK = FiniteHorizon(0.5, 5)
GAPS = ScheduledGap(Brownian(0.5), at=[0.2, 0.35], std=[2.0, 3.0], mean=[0.7, -0.4])


def paths(market, lanes=40_000):
    """The mids after each step, (steps, lanes), and what was filled in each, (steps, lanes)."""
    simulation = Simulation(market, lanes)
    simulation.start(5)
    mids, fills = [], []
    for _ in range(market.clock.steps):
        simulation.step(np.zeros(lanes * market.width))
        mids.append(simulation.state.mid)
        fills.append(simulation.state.tally.fills)
    return np.array(mids), np.diff(np.array(fills), axis=0, prepend=0.0)


def test_the_mid_gaps_in_the_step_that_ends_with_the_gap_or_holds_it():
    mids, _ = paths(world(price=GAPS, clock=CLOCK))
    moves = np.diff(mids, axis=0, prepend=100.0)
    for step, (mean, variance) in enumerate([(0.0, 0.0), (0.7, 4.0), (0.0, 0.0), (-0.4, 9.0), (0.0, 0.0)]):
        assert within(moves[step], mean)
        assert within((moves[step] - mean) ** 2, 0.025 + variance)
        assert within((moves[step] - mean) ** 4, 3.0 * (0.025 + variance) ** 2)
    assert abs(np.corrcoef(moves[1], moves[3])[0, 1]) < 4.0 / math.sqrt(40_000)


def test_no_quote_is_filled_in_a_gap():
    """As many fills in a step with a gap as in one without: it takes no trading time."""
    plain = world(venue=Dealer(Poisson(10.0), Exponential(1.0)), max_inventory=1e6)
    fills = [paths(world(price=price, clock=CLOCK, max_inventory=1e6))[1] for price in (GAPS, plain.price)]
    np.testing.assert_array_equal(*fills)


@pytest.mark.parametrize("steps", [7, 49, 1000, 98_765])
def test_a_gap_on_the_border_of_two_steps_is_in_the_one_that_ends_there_whatever_the_rounding(steps):
    dt = 0.7 / steps
    for border in sorted({1, steps // 3 + 1, steps}):
        for at in (border * dt, 0.7 * border / steps, sum([dt] * border) if border < 1000 else border * dt):
            inside = [step for step in range(max(0, border - 3), border + 3) if is_in(at, (step * dt, dt))]
            assert inside == [border - 1]


def test_its_law_in_each_step_is_that_of_the_price_within_and_of_the_gap():
    laws = [GAPS.law_at(0.1 * step, 0.1, 1) for step in range(5)]
    assert [float(law.mean[0, 0]) for law in laws] == [0.0, 0.7, 0.0, -0.4, 0.0]
    assert [float(law.variance[0, 0]) for law in laws] == pytest.approx([0.025, 4.025, 0.025, 9.025, 0.025], rel=1e-14)
    assert laws[0] is laws[2] is laws[4] is GAPS.law(0.1, 1)
    around = ScheduledGap(ShortTermAlpha(1.0, 2.0, 3.0), [0.2], [2.0])
    plain, gapped = around.price.law(0.1, 5), around.law_at(0.1, 0.1, 5)
    np.testing.assert_array_equal(gapped.variance, plain.variance + 4.0)
    np.testing.assert_array_equal(gapped.nodes, plain.nodes)
    twice = ScheduledGap(ScheduledGap(Brownian(1.0), [0.1], [1.0]), [0.2], [2.0])
    assert [float(twice.law_at(t, 0.1, 1).variance[0, 0]) for t in (0.0, 0.1, 0.2)] == pytest.approx([1.1, 4.1, 0.1])


def test_the_variance_of_the_step_that_ended_now_has_the_gap_in_it():
    rules = record(GAPS)
    for step, gap in enumerate([0.0, 4.0, 0.0, 9.0, 0.0]):
        after = alone((), 100.0)._replace(time=0.1 * step + 0.1, time_left=0.4 - 0.1 * step)
        assert rules.variance((), 0.1, after) == pytest.approx(0.025 + gap, rel=1e-14)
        before = after._replace(time=0.1 * step)
        assert rules.expected(100.0, (), 0.1, before) == 100.0 + {1: 0.7, 3: -0.4}.get(step, 0.0)


def test_the_agent_sees_the_time_to_the_next_gap_as_a_share_of_the_horizon():
    market = world(price=GAPS, clock=CLOCK)
    assert market.observation_names == ("inventory", "time_left", "time_to_gap")
    simulation = Simulation(market, 1)
    seen = [float(simulation.start(0)[0, 2])]
    for _ in range(5):
        seen.append(float(simulation.step(np.zeros(2))[0][0, 2]))
    assert seen == pytest.approx([0.4, 0.2, 0.3, 0.1, 1.0, 1.0], abs=1e-6)


@pytest.mark.parametrize(
    "price", [GAPS, ScheduledGap(Geometric(0.02, 0.1), [0.2], [2.0])], ids=["brownian", "geometric"]
)
def test_the_kernel_does_what_the_rules_say_to_the_bit(price):
    market = world(price=price, reward=VariancePenalty(1.0, 0.1))
    actions = random_actions(market, 6)
    seen = [story(Simulation(market, 6, interpreted=plain), 5, actions, 7) for plain in (True, False)]
    assert all(same_bits(one, other) for one, other in zip(*seen, strict=True))


@pytest.mark.parametrize(("make", "said"), [
    (lambda: world(price=ScheduledGap(Brownian(1.0), [0.6], [1.0])), r"at must lie in \(0, 0.5\], .*, got 0.6"),
    (lambda: world(price=ScheduledGap(Brownian(1.0), [0.0], [1.0])), r"at must lie in \(0, 0.5\], .*, got 0$"),
    (lambda: world(price=ScheduledGap(Brownian(1.0), [-1.0, 0.2], [1.0])), r"at must lie in \(0, 0.5\], .*, got -1"),
    (lambda: ScheduledGap(Brownian(1.0), [0.2, 0.1], [1.0]), r"at must increase, got \[0.2, 0.1\]"),
    (lambda: ScheduledGap(Brownian(1.0), [0.1, 0.2, 0.3], [1.0, 2.0]), r"std must have one number, or .* 3 gaps, got 2"),
    (lambda: ScheduledGap(Brownian(1.0), [0.1], [-1.0]), "std must be .* >= 0, got -1"),
    (lambda: world(price=ScheduledGap(FromBook(), [0.1], [1.0])), "ScheduledGap.price must move by itself"),
    (lambda: world(price=GAPS, clock=Ergodic(0.5, 5)), "needs a clock whose time the agent sees"),
])  # fmt: skip
def test_bad_input_is_one_line(make, said):
    with pytest.raises(ValueError, match=said) as error:
        make()
    assert "\n" not in str(error.value)
