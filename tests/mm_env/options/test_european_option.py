"""An option beside the quoted asset: what wealth says of it, what it pays, how risky it is, and what is shown of it."""

import math
from dataclasses import replace

import numpy as np
import pytest

from mm_env import (
    Bachelier,
    BlackScholes,
    Brownian,
    Depths,
    EuropeanOption,
    FiniteHorizon,
    Geometric,
    InventoryPenalty,
    VariancePenalty,
)
from mm_env.core.component import flat
from mm_env.options import CALL, PUT, bachelier, black_scholes
from mm_env.simulation import Simulation
from tests.worlds import same_bits, within, world

CALLED = EuropeanOption(Bachelier(2.0), strike=101.0, expiry=1.0, half_spread=0.02, max_position=4.0)
MARKET = world(price=Brownian(2.0), hedges=CALLED, quote=Depths(2.0), clock=FiniteHorizon(1.0, 8))
RELATIVE = replace(
    MARKET, price=Geometric(0.3), hedges=EuropeanOption(BlackScholes(0.3), 98.0, expiry=1.5, side=PUT, max_position=4.0)
)


def played(market, lanes, actions, **options):
    """State before and after each step of an episode, and the rewards; `actions` (steps, lanes, 3)."""
    simulation = Simulation(market, lanes, **options)
    simulation.start(1)
    for acted in actions:
        before = simulation.state
        rewards = simulation.step(np.ascontiguousarray(acted).reshape(-1))[1]
        yield before, simulation.state, rewards.copy()


def drawn(lanes, steps=8):
    return np.random.default_rng(3).uniform(-1.0, 1.0, (steps, lanes, 3))


def holding(lanes, steps=8, share=1.0):
    """The farthest quotes, and a share of the largest position in the option from the start to the end."""
    return np.broadcast_to(np.array([1.0, 1.0, share]), (steps, lanes, 3))


def mark(market, state, step):
    """What one option is worth, (lanes,)."""
    option, left = market.hedges, market.hedges.expiry - step / 8
    mids = np.atleast_1d(state.mid).tolist()
    if isinstance(option.model, Bachelier):
        return np.array([bachelier(option.side, mid, option.strike, left, option.model.sigma).price for mid in mids])
    return np.array(
        [black_scholes(option.side, m, option.strike, left, option.model.sigma, 0.0, 0.0).price for m in mids]
    )


@pytest.mark.parametrize("market", [MARKET, RELATIVE], ids=["bachelier", "black_scholes"])
def test_compiled_code_is_plain_python_to_the_bit(market):
    fast, slow = (played(market, 3, drawn(3), interpreted=interpreted) for interpreted in (False, True))
    for one, other in zip(fast, slow, strict=True):
        assert same_bits(np.stack([*flat(one[1])]), np.stack([*flat(other[1])]))
        assert one[2].tolist() == other[2].tolist()


@pytest.mark.parametrize("market", [MARKET, RELATIVE], ids=["bachelier", "black_scholes"])
def test_wealth_is_cash_the_inventory_and_the_option_at_its_mark(market):
    for step, (before, after, _) in enumerate(played(market, 3, drawn(3), interpreted=True)):
        worth = [state.account.cash + state.account.inventory * state.mid + state.account.hedges[0] * mark(market, state, at)
                 for state, at in ((before, step), (after, step + 1))]  # fmt: skip
        assert after.tally.profit - before.tally.profit == pytest.approx(worth[1] - worth[0], abs=1e-9)


def test_at_the_horizon_it_pays_exactly_what_it_says():
    *_, (_, state, _) = played(MARKET, 50, holding(50))
    paid, account = np.maximum(state.mid - 101.0, 0.0), state.account
    assert state.tally.profit == pytest.approx(account.cash + account.inventory * state.mid + 4.0 * paid, abs=1e-11)
    assert 0 < (paid > 0.0).sum() < 50


def test_a_mark_at_the_right_volatility_is_a_martingale_and_at_another_the_price_of_that():
    for sigma in (2.0, 1.2):
        market = replace(MARKET, hedges=replace(CALLED, model=Bachelier(sigma)), clock=FiniteHorizon(1.0, 2))
        *_, (_, state, _) = played(market, 20_000, holding(20_000, steps=2, share=0.25))
        gain = bachelier(CALL, 100.0, 101.0, 1.0, 2.0).price - bachelier(CALL, 100.0, 101.0, 1.0, sigma).price - 0.02
        assert within(state.tally.profit - state.tally.spread_captured, gain)


@pytest.mark.parametrize("reward", [InventoryPenalty(phi=0.3, alpha=0.1), VariancePenalty(gamma=0.2, alpha=0.1)])
def test_penalties_are_charged_on_the_position_less_its_delta(reward):
    market = replace(MARKET, reward=reward, hedges=replace(CALLED, expiry=1.25))
    for step, (before, after, rewards) in enumerate(played(market, 2, drawn(2), interpreted=True)):
        left = 1.25 - (step + 1) / 8
        deltas = np.array([bachelier(CALL, mid, 101.0, left, 2.0).delta for mid in after.mid.tolist()])
        square = (after.account.inventory + after.account.hedges[0] * deltas) ** 2
        running = 0.3 * square / 8 if isinstance(reward, InventoryPenalty) else 0.1 * square * 4.0 / 8
        charged = after.tally.profit - before.tally.profit - rewards
        assert charged == pytest.approx(running + 0.1 * square * (step == 7), abs=1e-12)


def test_its_greeks_and_its_time_are_shown():
    assert MARKET.observation_names[-4:] == ("hedge", "delta", "gamma", "time_to_expiry")
    simulation = Simulation(RELATIVE, 2, interpreted=True)
    simulation.start(0)
    shown = simulation.step(np.full(6, 0.5))[0].reshape(2, -1)
    for row, mid in zip(shown, simulation.state.mid.tolist(), strict=True):
        greeks = black_scholes(PUT, mid, 98.0, 1.375, 0.3, 0.0, 0.0)
        curve = greeks.gamma * mid * 0.3 * math.sqrt(1.375)
        assert row[-4:] == pytest.approx([0.5, greeks.delta, curve, 1.375 / 1.5], rel=1e-6)


def test_what_is_no_option_of_a_market_is_refused():
    with pytest.raises(ValueError, match=r"EuropeanOption.expiry must be the clock's horizon of 1 or later, got 0.5"):
        replace(MARKET, hedges=replace(CALLED, expiry=0.5))
    with pytest.raises(ValueError, match=r"EuropeanOption.side must be 1.0, a call, or -1.0, a put, got 0.5"):
        replace(CALLED, side=0.5)
    with pytest.raises(
        ValueError, match=r"a strike that BlackScholes prices must be > 0, got -5 \(Bachelier prices any\)"
    ):
        EuropeanOption(BlackScholes(0.2), strike=-5.0, expiry=1.0)
    with pytest.raises(ValueError, match=r"Bachelier.sigma must be >= 0, got -1"):
        Bachelier(-1.0)
