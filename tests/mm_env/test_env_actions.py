"""Actions: every bad one is an error that changes nothing, every good one is its numbers."""

import math

import numpy as np
import pytest

from mm_env import MarketMakingEnv
from tests.mm_env.envs import (
    DISCRETE,
    SHORT,
    made,
    snapshot,
    unchanged,
)
from tests.worlds import same_bits


@pytest.mark.parametrize(
    ("actions", "message"),
    [
        (np.zeros((2, 3)), r"actions must be numbers of shape \(2, 2\), got float64 of shape \(2, 3\)"),
        (np.zeros(4), r"actions must be numbers of shape \(2, 2\), got float64 of shape \(4,\)"),
        (np.zeros((3, 2)), r"actions must be numbers of shape \(2, 2\), got float64 of shape \(3, 2\)"),
        (np.zeros((2, 2), np.bool_), r"actions must be numbers of shape \(2, 2\), got bool"),
        (np.zeros((2, 2), complex), r"actions must be numbers of shape \(2, 2\), got complex"),
        (np.array([["a", "b"]] * 2), r"actions must be numbers of shape \(2, 2\), got <U1"),
        (None, r"actions must be numbers of shape \(2, 2\), got object of shape \(\)"),
        (np.array([[0.0, 0.0], [0.0, math.nan]]), r"actions must be finite, got nan in lane 1"),
        (np.array([[math.inf, 0.0], [0.0, 0.0]]), r"actions must be finite, got inf in lane 0"),
        (np.array([[0.0, 0.0], [-math.inf, 0.0]]), r"actions must be finite, got -inf in lane 1"),
    ],
)
def test_a_bad_action_is_an_error_and_changes_nothing(actions, message):
    env = made()
    before = snapshot(env)
    with pytest.raises(ValueError, match=message):
        env.step(actions)
    assert unchanged(env, before)


@pytest.mark.parametrize(
    ("actions", "message"),
    [
        ([0, 12], r"actions must lie in \[0, 11\], got 12 in lane 1"),
        ([-1, 0], r"actions must lie in \[0, 11\], got -1 in lane 0"),
        ([0.0, 1.0], r"actions must be whole numbers of shape \(2,\), got float64"),
        ([[0], [1]], r"actions must be whole numbers of shape \(2,\), got int64 of shape \(2, 1\)"),
        ([True, False], r"actions must be whole numbers of shape \(2,\), got bool"),
        (3, r"actions must be whole numbers of shape \(2,\), got int64 of shape \(\)"),
    ],
)
def test_a_bad_index_is_an_error_and_changes_nothing(actions, message):
    env = made(DISCRETE)
    before = snapshot(env)
    with pytest.raises(ValueError, match=message):
        env.step(np.array(actions))
    assert unchanged(env, before)


@pytest.mark.parametrize(
    ("market", "action", "message"),
    [
        (SHORT, [0.0], r"actions must be numbers of shape \(2,\), got float64 of shape \(1,\)"),
        (SHORT, [math.nan, 0.0], r"actions must be finite, got nan"),
        (DISCRETE, 12, r"actions must lie in \[0, 11\], got 12"),
        (DISCRETE, 1.0, r"actions must be whole numbers of shape \(\), got float64"),
    ],
)
def test_a_bad_action_of_a_single_env_is_an_error_and_changes_nothing(market, action, message):
    env = MarketMakingEnv(market)
    env.reset(seed=4)
    before = snapshot(env)
    with pytest.raises(ValueError, match=message):
        env.step(action)
    assert unchanged(env, before)


@pytest.mark.parametrize(
    "written",
    [
        lambda a: a.tolist(),
        lambda a: np.asfortranarray(a),
        lambda a: np.repeat(a, 2, axis=0)[::2],
        lambda a: a.astype(np.float32),
    ],
)
def test_an_action_is_its_numbers_however_they_are_laid_out(written):
    actions = np.array([[0.5, -0.25], [0.125, 1.0]])
    one, other = made(), made()
    assert same_bits(one.step(actions)[0], other.step(written(actions))[0])
    assert unchanged(other, snapshot(one))


@pytest.mark.parametrize("kind", [np.int8, np.int64, np.uint16])
def test_an_index_is_its_number_whatever_its_type(kind):
    one, other = made(DISCRETE), made(DISCRETE)
    one.step(np.array([3, 11]))
    other.step(np.array([3, 11], kind))
    assert unchanged(other, snapshot(one))


def test_an_action_is_not_written_to():
    env, actions = made(), np.array([[5.0, -7.0], [0.1, 0.2]])
    kept = actions.copy()
    env.step(actions)
    assert same_bits(actions, kept)
