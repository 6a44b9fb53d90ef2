"""What an env returned belongs to the caller: it is never written to again, nor read."""

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from mm_env import MarketMakingEnv, MarketMakingVectorEnv
from tests.mm_env.envs import ACTION, MODES, SHORT, acting
from tests.worlds import same_bits


def every_array(returned):
    """All arrays in what reset or step returned."""
    if isinstance(returned, np.ndarray):
        yield returned
    elif isinstance(returned, dict):
        for value in returned.values():
            yield from every_array(value)
    elif isinstance(returned, tuple):
        for value in returned:
            yield from every_array(value)


def whole_life(env):
    """What an env returns over two episodes and resets of every kind."""
    mask = {"reset_mask": np.array([True, False])}
    yield env.reset(seed=4)
    for _ in range(2):
        for _ in range(3):
            yield acting(env)
        if env.autoreset_mode == AutoresetMode.DISABLED:
            yield env.reset()
    yield env.reset(options=mask)
    yield acting(env)
    yield env.reset()
    yield env.reset(seed=5)


@pytest.mark.parametrize("mode", MODES)
def test_what_was_returned_is_never_written_to_again(mode):
    kept = [
        (array, array.copy())
        for returned in whole_life(MarketMakingVectorEnv(SHORT, 2, mode))
        for array in every_array(returned)
    ]
    assert all(same_bits(array, copy) for array, copy in kept)


@pytest.mark.parametrize("mode", MODES)
def test_writing_to_what_was_returned_changes_nothing_to_come(mode):
    control = [list(map(np.copy, every_array(r))) for r in whole_life(MarketMakingVectorEnv(SHORT, 2, mode))]
    for expected, returned in zip(control, whole_life(MarketMakingVectorEnv(SHORT, 2, mode)), strict=True):
        for one, other in zip(expected, every_array(returned), strict=True):
            assert same_bits(one, other)
        for array in every_array(returned):
            array[...] = True


def test_what_a_single_env_returned_stays_as_it_was():
    env, kept = MarketMakingEnv(SHORT), []
    for _ in range(2):
        kept.append(env.reset(seed=4)[0])
        kept += [env.step(ACTION)[0] for _ in range(3)]
    copies = [observation.copy() for observation in kept]
    env.reset()
    env.step(ACTION)
    assert all(same_bits(one, other) for one, other in zip(kept, copies, strict=True))
    assert kept[3][1] == 0.0  # the end of the first episode, whose time was up
