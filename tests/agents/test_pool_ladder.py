"""Providers with several ranges: what ladders place and when they move it, one range among several, and what is refused."""

import math
from dataclasses import replace

import numpy as np
import pytest

from agents import Hold, Ladder, Provider
from agents.exact.optimum import optimum
from agents.exact.price_grid import Unsolvable
from agents.policy import play
from experiments.evaluation.pool_plots import figures, provided
from mm_env import FiniteHorizon, Perpetual, Range, Ranges, Simulation
from mm_env.markets import pool, pool_ladder
from mm_env.rollout import steps


def short(**parts):
    return replace(pool_ladder(), clock=FiniteHorizon(0.25, 72), **parts)


def life(policy, market, lanes=40):
    """Before each step what is seen, and after it each lane's positions."""
    simulation, found = Simulation(market, lanes), []
    for _ in steps(simulation, policy.act, 3):
        found.append(simulation.state)
    return found


def test_nested_ranges_are_placed_evenly_and_each_moves_by_itself():
    market = short()
    ladder = Ladder.nested(market)
    states = life(ladder, market)
    first = states[0].world.venue.core.positions
    assert [p.half_width[0] for p in first] == pytest.approx([0.01, 0.04, 0.16], rel=1e-6)
    assert [p.value[0] for p in first] == pytest.approx([100.0 / 3.0] * 3, rel=1e-6)
    last = states[-1].world.venue
    narrow, wide = (
        np.log(p.lower.root * p.upper.root / 100.0) for p in (last.core.positions[0], last.core.positions[2])
    )
    np.testing.assert_allclose(wide, math.log(1.0), atol=0.17)
    assert np.abs(narrow).max() > 0.01
    away = np.abs(2.0 * np.log(last.core.price.root) - narrow - math.log(100.0))
    assert (away < 0.01 + 1e-3).all()  # to the rounding of what is observed
    assert last.told.moves.min() > 3.0


def test_ranges_side_by_side_are_one_range_whose_ends_they_share():
    market = short()
    low, middle, high = sorted(
        life(Ladder.side_by_side(market), market, 1)[0].world.venue.core.positions, key=lambda p: p.lower.root[0]
    )
    assert low.upper.root == pytest.approx(middle.lower.root, rel=1e-6)
    assert middle.upper.root == pytest.approx(high.lower.root, rel=1e-6)
    assert high.upper.root / low.lower.root == pytest.approx(math.exp(0.03), rel=1e-6)


def test_who_places_one_range_places_the_first_of_several_with_all_of_the_capital():
    """And earns what it does where there is but one."""
    several = short()
    alone = replace(several, quote=Range(0.16, 0.01))
    for rule in (Provider.patient, Provider.optimal, Hold):
        one, other = (play(market, rule(market), 500, 5).profit for market in (alone, several))
        np.testing.assert_allclose(other, one, rtol=1e-5, atol=1e-4)  # to what is observed, in 32 bits


def test_a_ladder_goes_with_a_hedge():
    market = short(hedges=Perpetual(kappa=5.0, half_spread=0.001, max_position=2.0))
    acts = Ladder.nested(market).act(np.zeros((2, len(market.observation_names)), np.float32))
    assert acts.shape == (2, market.width) == (2, 13)


def test_the_figure_shows_each_range(tmp_path):
    market = short()
    told = provided(market, Ladder.nested(market))
    assert told.lower.shape == told.upper.shape == (72, 3)
    assert (told.lower < told.upper).all()
    both = {"ladder": Ladder.nested(market), "one": Provider.patient(market)}
    figures(market, both)["range"].savefig(tmp_path / "range.png")
    assert (tmp_path / "range.png").stat().st_size > 10_000


@pytest.mark.parametrize(("make", "why"), [
    (lambda: Ladder.nested(pool()), "a ladder of ranges needs a Pool whose quoting is Ranges, got RangeGrid"),
    (lambda: Ladder(pool_ladder(), (0.1,), (0.0,), (1.0,), (0.1,)), "Ladder.half_widths must have a number for each of 3"),
    (lambda: Ladder(pool_ladder(), (0.1, 0.1, 0.0), (0.0,) * 3, (0.1,) * 3, (0.1,) * 3), "and leaves_at must be > 0"),
    (lambda: Ladder(pool_ladder(), (0.1,) * 3, (0.0,) * 3, (0.5,) * 3, (0.1,) * 3), "must be >= 0 and at most 1 together"),
    (lambda: Ladder.side_by_side(short(quote=Ranges(0.1, 0.02))), "Ranges.max_centres must reach"),
])  # fmt: skip
def test_what_cannot_be_is_refused(make, why):
    with pytest.raises(ValueError, match=why):
        make()


def test_several_ranges_have_no_recursion_and_it_is_said_why():
    with pytest.raises(
        Unsolvable, match="a pool's recursion is of one range at a time; each further one of 3 adds its width"
    ):
        optimum(pool_ladder())
