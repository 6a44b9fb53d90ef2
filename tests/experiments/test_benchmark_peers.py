"""Other environments simulate the market that they are timed in; without them nothing is timed."""

import sys
import time

import numpy as np
import pytest

from experiments import benchmark
from experiments.speed.benchmark_peers import MAX_DEPTH, PEERS, STEPS, market, mbt_gym, race
from mm_env.envs.gym import MarketMakingVectorEnv

NOTHING = ("markets=[]", "books=[]", "lean_lanes=[]", "start_up=false", "training_steps=0")
DEPTH, LANES = 0.5, 4_000


def test_an_unknown_peer_is_refused(refused):
    said = refused(benchmark.main, *NOTHING, "peers=[mbt_gmy]")
    assert "error: peers must be names of other environments, got 'mbt_gmy'. Did you mean 'mbt_gym'?" in said


def test_a_peer_that_is_not_installed_is_refused_before_anything_is_timed(refused, monkeypatch):
    def timed(*_, **__):
        raise AssertionError("the mistake was found too late")

    monkeypatch.setitem(sys.modules, PEERS["mbt_gym"].module, None)
    monkeypatch.setattr(benchmark, "stepping", timed)
    said = refused(benchmark.main, "markets=[glft]", *NOTHING[1:], "peers=[mbt_gym]")
    assert "error: peers must be installed, got mbt_gym (" in said
    assert "git clone https://github.com/JJJerome/mbt_gym" in said


def test_who_takes_twice_the_time_has_half_the_speed(monkeypatch):
    """By a clock that goes on only while episodes last."""
    now = [0.0]

    def lasting(seconds):
        def episode():
            now[0] += seconds

        return episode

    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    pairs = race(lasting(0.25), lasting(0.5), lanes=3, seconds=2.0)
    assert len(pairs) == 5
    for ours, theirs in pairs:
        assert ours == 3 * STEPS / 0.25
        assert ours / theirs == 2.0


def test_mbt_gym_simulates_the_same_market():
    """Fills and returns of one episode with both quotes at DEPTH: their means, and the spread of the returns."""
    pytest.importorskip(PEERS["mbt_gym"].module)
    (our_fills, our_returns), (fills, returns) = _ours(), _theirs()
    _agree(our_fills, fills)
    _agree(our_returns, returns)
    _agree((our_returns - our_returns.mean()) ** 2, (returns - returns.mean()) ** 2)


def _agree(x, y):
    standard_error = np.sqrt(x.var() / len(x) + y.var() / len(y))
    assert abs(x.mean() - y.mean()) < 4 * standard_error


def _quotes():
    return np.full((LANES, 2), 2.0 * DEPTH / MAX_DEPTH - 1.0, np.float32)


def _ours():
    """Fills and return of each lane's first episode."""
    env = MarketMakingVectorEnv(market(), LANES, autoreset_mode="Disabled")
    env.reset(seed=0)
    for _ in range(STEPS):
        *_, infos = env.step(_quotes())
    return infos["figures"]["fills"], infos["figures"]["r"]


def _theirs():
    """A fill brings DEPTH more than the mid at which it is booked, so cash + inventory x old mid counts them."""
    env = mbt_gym(LANES)
    env.reset()
    fills, returns = np.zeros(LANES), np.zeros(LANES)
    for step in range(STEPS):
        before = env.state.copy()
        _, rewards, ended, _ = env.step(_quotes())
        cash, inventory = (env.state - before)[:, :2].T
        fills += (cash + inventory * before[:, 3]) / DEPTH
        returns += rewards
        assert ended.all() == (step == STEPS - 1)
    return fills, returns
