"""What the engine leaves out when numba compiles rules changes nothing, for rules of any kind and for functions of others."""

import math
import sys
import threading
from collections import namedtuple

import numba
import numpy as np
import pytest
from numba.core.registry import cpu_target

import mm_env
from mm_env import Brownian, Price
from mm_env.core import engine, noise
from mm_env.core.engine_compiler import Given
from mm_env.core.engine_linking import compiling
from mm_env.core.maths import normal, scalar
from mm_env.core.parameters import Positive
from mm_env.core.tuples import each, total
from mm_env.simulation import Simulation
from tests.worlds import random_actions, same_bits, story, world

_LADDER = 0.5, 0.25


def _constant(self, mid):
    """Words do not count."""
    return 0.25


def _argument(self, mid):
    return mid


def _none(self):
    return ()


def _nothing(self):
    pass


def _member(self):
    return self.sigma


def _tuple(self, mid):
    return (mid,)


def _words(self):
    return "no number"


@pytest.mark.parametrize(
    ("function", "given"),
    [(_constant, Given(0.25)), (_none, Given(())), (_argument, Given(None, 1))]
    + [(function, None) for function in (_nothing, _member, _tuple, _words, normal)],
)
def test_a_rule_that_does_nothing_is_told_by_its_code(function, given):
    assert Given.by(function) == given


class Stepped(Price):
    """Moves by a comprehension, a closure and a whole array: what the compiler's short way has no passes for."""

    sigma: Positive = 1.0

    def move(self, mid, latent, noise, dt):
        steps = [self.sigma * math.sqrt(dt) * weight for weight in _LADDER]
        root = np.sqrt(np.array([steps[0], steps[1]]) + 1.0) * 2.0
        return mid + (root[0] - root[1]) * normal(noise.price)


class Drifting(Price):
    """Gives its argument where it moves: the price stands still."""

    def move(self, mid, latent, noise, dt):
        return mid


@scalar
def _whole(pair):
    return pair


@scalar
def _swapped(pair):
    return Both(pair.right, pair.left)


class Pair(Price):
    """Hands records of its own from function to function, of unequal kinds and of one."""

    def move(self, mid, latent, noise, dt):
        pair = _whole(_swapped(Both(mid, dt)))
        mixed = _whole(Mixed(pair.right, 2, True))
        return mixed.left + pair.left * (1.0 if mixed.sure else 0.0)


Both = namedtuple("Both", "left right")
Mixed = namedtuple("Mixed", "left count sure")


@pytest.mark.parametrize("price", [Stepped(), Drifting(), Pair()], ids=lambda price: type(price).__name__)
def test_rules_of_every_form_give_the_bits_of_python(price):
    market = world(price=price)
    compiled, plain = (
        story(Simulation(market, 3, interpreted=interpreted), 5, random_actions(market, 3), 4)
        for interpreted in (False, True)
    )
    assert all(map(same_bits, compiled, plain))


def middle(values):
    """A kernel that calls a function of numba's which calls others."""
    return np.nanmedian(values)


def test_a_function_of_numbas_that_a_kernel_calls_first_is_whole_for_others_too():
    values = np.array([3.0, np.nan, 1.0, 2.0])
    assert engine.run(middle, values) == 2.0
    assert numba.njit(lambda values: np.nanmedian(values) + 1.0)(values) == 3.0


def test_records_of_others_are_handed_over_as_numba_does():
    """One compiled before and one after the engine's own work call each other."""
    before = numba.njit(lambda pair: pair.left - pair.right)
    assert before(Both(3.0, 1.0)) == 2.0
    Simulation(world(price=Brownian(1.5)), 1).start(0)
    after = numba.njit(lambda pair: before(pair) + before(Both(pair.right, pair.left)) + pair.left)
    assert after(Both(3.0, 1.0)) == 3.0


def test_who_compiles_something_else_meanwhile_waits():
    done = []
    other = threading.Thread(target=lambda: done.append(numba.njit(lambda x: x + 1.0)(2.0)))
    with compiling(middle):
        other.start()
        other.join(0.5)
        assert not done
    other.join(60.0)
    assert done == [3.0]


FACTOR = 2.0


@scalar
def _scaled(value, told):
    return FACTOR * value


class Scaled(Price):
    """Moves by a function that is handed on to one that is unrolled."""

    def move(self, mid, latent, noise, dt):
        return mid + total(each(_scaled, (1.0, 2.0), 0.0))


def test_what_was_compiled_before_an_edit_is_used_no_more_by_whatever_called_it(monkeypatch):
    """Also by what numba keeps between, for functions that are handed another one; and after the edit is taken back."""
    for factor in (2.0, 3.0, 2.0):
        monkeypatch.setattr(sys.modules[__name__], "FACTOR", factor)
        monkeypatch.setattr(engine, "_made", {})
        simulation = Simulation(world(price=Scaled()), 1)
        simulation.start(0)
        before = simulation.state.mid.copy()
        simulation.step(np.zeros(simulation.market.quote.width))
        assert simulation.state.mid - before == factor * 3.0


def test_kernels_of_a_market_share_what_they_call(monkeypatch, tmp_path):
    """Though one of a market without rules comes between, as that which takes actions does."""
    monkeypatch.setenv("MM_ENV_CACHE", str(tmp_path))
    monkeypatch.setattr(engine, "_made", {})
    philox = cpu_target.typing_context.resolve_value_type(noise.philox).templates[0]
    market = mm_env.markets.zero_intelligence()
    simulation = Simulation(market, 1)
    simulation.start(0)
    first = dict(philox._impl_cache)
    engine.run(middle, np.ones(2))
    assert not philox._impl_cache
    simulation.step(random_actions(market, 1).reshape(-1))
    assert first
    assert first.items() <= philox._impl_cache.items()
