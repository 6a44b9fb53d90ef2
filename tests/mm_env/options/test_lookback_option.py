"""Lookbacks beside the quoted asset: their extreme is that of the path between mids, and their marks do not drift."""

import math
from dataclasses import replace

import numpy as np
import pytest

from mm_env import Depths, FiniteHorizon, FixedLookback, FloatingLookback, Geometric
from mm_env.core.component import flat
from mm_env.options import CALL, PUT, fixed_lookback, floating_lookback
from mm_env.options.lookback_option import bridge_extreme
from mm_env.simulation import Simulation
from tests.worlds import same_bits, within, world

OPTION = FloatingLookback(0.3, expiry=1.0, side=PUT, half_spread=0.02, max_position=4.0)
MARKET = world(price=Geometric(0.3), hedges=OPTION, quote=Depths(2.0), clock=FiniteHorizon(1.0, 4))
KINDS = [FloatingLookback(0.3, expiry=1.5, side=CALL, max_position=4.0),
         FixedLookback(0.3, 104.0, expiry=1.0, side=CALL, max_position=4.0),
         FixedLookback(0.3, 97.0, expiry=1.0, side=PUT, max_position=4.0)]  # fmt: skip


def played(market, lanes, actions, **options):
    """State before and after each step of an episode."""
    simulation = Simulation(market, lanes, **options)
    simulation.start(1)
    for acted in actions:
        before = simulation.state
        simulation.step(np.ascontiguousarray(acted).reshape(-1))
        yield before, simulation.state


def drawn(lanes):
    return np.random.default_rng(3).uniform(-1.0, 1.0, (4, lanes, 3))


def mark(option, mid, extreme, left):
    """What one option is worth."""
    if isinstance(option, FloatingLookback):
        return floating_lookback(option.side, mid, extreme, left, option.sigma, 0.0, 0.0).price
    return fixed_lookback(option.side, mid, option.strike, extreme, left, option.sigma, 0.0, 0.0).price


@pytest.mark.parametrize("option", [OPTION, KINDS[-1]], ids=["floating", "fixed"])
def test_compiled_code_is_plain_python_to_the_bit(option):
    market = replace(MARKET, hedges=option)
    fast, slow = (played(market, 3, drawn(3), interpreted=interpreted) for interpreted in (False, True))
    for one, other in zip(fast, slow, strict=True):
        assert same_bits(np.stack([*flat(one[1])]), np.stack([*flat(other[1])]))


@pytest.mark.parametrize("option", [OPTION, *KINDS], ids=lambda option: f"{type(option).__name__}{option.side:+g}")
def test_wealth_is_cash_the_inventory_and_the_option_at_its_mark(option):
    """The extreme is beyond both mids; at the horizon the mark is what is paid."""
    market = replace(MARKET, hedges=option)
    highest = (option.side == CALL) == isinstance(option, FixedLookback)
    for step, (before, after) in enumerate(played(market, 2, drawn(2), interpreted=True)):
        for lane in range(2):
            old, new = (state.world.hedges.extreme[lane] for state in (before, after))
            mids = before.mid[lane], after.mid[lane]
            assert new >= max(mids) if highest else new <= min(mids)
            marks = (
                mark(option, mids[0], old or mids[0], option.expiry - step / 4),
                mark(option, mids[1], new, option.expiry - (step + 1) / 4),
            )
            worth = [state.account.cash[lane] + state.account.inventory[lane] * mid + state.account.hedges[0][lane] * value
                     for state, mid, value in zip((before, after), mids, marks, strict=True)]  # fmt: skip
            earned = after.tally.profit[lane] - before.tally.profit[lane]
            assert earned == pytest.approx(worth[1] - worth[0], abs=1e-9)


def test_marks_at_the_mids_own_volatility_have_no_drift_whatever_the_steps():
    *_, (_, state) = played(MARKET, 20_000, np.broadcast_to([1.0, 1.0, 0.25], (4, 20_000, 3)))
    assert within(state.tally.profit - state.tally.spread_captured, -0.02)
    paid = state.world.hedges.extreme - state.mid
    assert within(paid, floating_lookback(PUT, 100.0, 100.0, 1.0, 0.3, 0.0, 0.0).price)


def test_extremes_of_a_bridge_have_their_law():
    """P[max > m] = exp(-2 (m - x) (m - y) / variance) of the logarithms; the lowest is the highest of the mirrored path."""
    uniforms = np.random.default_rng(0).uniform(size=4_000).tolist()
    highest = np.log([bridge_extreme(1.0, 100.0, 104.0, 0.01, u) for u in uniforms])
    for m in (math.log(106.0), math.log(112.0)):
        law = math.exp(-2.0 * (m - math.log(100.0)) * (m - math.log(104.0)) / 0.01)
        assert within((highest > m).astype(float), law)
    lowest = [bridge_extreme(-1.0, 1.0 / 100.0, 1.0 / 104.0, 0.01, u) for u in uniforms]
    assert -np.log(lowest) == pytest.approx(highest, rel=1e-12)


def test_what_is_shown_is_delta_how_far_the_extreme_is_and_the_time():
    market = replace(MARKET, hedges=KINDS[0])
    assert market.observation_names[-4:] == ("hedge", "delta", "off_extreme", "time_to_expiry")
    simulation = Simulation(market, 1, interpreted=True)
    simulation.start(0)
    shown = simulation.step(np.full(3, 0.5))[0].reshape(1, -1)[0]
    mid, extreme = float(simulation.state.mid[0]), float(simulation.state.world.hedges.extreme[0])
    delta = floating_lookback(CALL, mid, extreme, 1.25, 0.3, 0.0, 0.0).delta
    off = math.log(mid / extreme) / (0.3 * math.sqrt(1.5))
    assert shown[-4:] == pytest.approx([0.5, delta, off, 1.25 / 1.5], rel=1e-6)


def test_what_is_no_lookback_is_refused():
    with pytest.raises(ValueError, match=r"FloatingLookback.sigma must be > 0, got 0"):
        FloatingLookback(0.0, expiry=1.0)
    with pytest.raises(ValueError, match=r"FixedLookback.side must be 1.0, a call, or -1.0, a put, got 0.0"):
        FixedLookback(0.2, 100.0, expiry=1.0, side=0.0)
