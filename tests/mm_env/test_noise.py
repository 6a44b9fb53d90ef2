"""Noise: the published vectors of Philox4x32-10, and uniformity and independence in every direction it is indexed by."""

import numpy as np
import pytest

from mm_env.core import engine
from mm_env.core.noise import MASK, MAX_SEED, draw, parameter_uniforms, philox, uniforms

ONES = 0xFFFFFFFF
KNOWN_ANSWERS = [  # kat_vectors of Random123: counter, key, output
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((ONES, ONES, ONES, ONES), (ONES, ONES), (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]
N = 40_000


def fill_words(counters, words):
    """Compiled below: the words of each counter and key in a row of six."""
    for i in range(counters.shape[0]):
        c = counters[i]
        w0, w1, w2, w3 = philox(c[0], c[1], c[2], c[3], c[4], c[5])
        words[i, 0], words[i, 1], words[i, 2], words[i, 3] = w0, w1, w2, w3


def lanes(seed: int = 0, episode: int = 0, step: int = 0) -> np.ndarray:
    """The eight uniforms of N lanes at one step, (8, N)."""
    return np.array([u for block in (0, 1) for u in uniforms(seed, np.arange(N), episode, step, block)])


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    """In standard errors."""
    return float(np.corrcoef(one, other)[0, 1] * np.sqrt(len(one)))


@pytest.mark.parametrize(("counter", "key", "output"), KNOWN_ANSWERS)
def test_philox_gives_the_known_answers_of_random123(counter, key, output):
    assert philox(*counter, *key) == output


@pytest.mark.parametrize(("counter", "key", "output"), KNOWN_ANSWERS)
def test_numpy_arrays_give_the_known_answers_too(counter, key, output):
    arrays = [np.full(3, word, np.int64) for word in (*counter, *key)]
    assert [set(words.tolist()) for words in philox(*arrays)] == [{word} for word in output]


def test_python_numpy_and_machine_code_give_the_same_words():
    counters = np.random.default_rng(0).integers(0, 2**32, (500, 6))
    words = np.zeros((500, 4), np.int64)
    engine.compiled(fill_words, counters, words)(counters, words)
    assert words.tolist() == [list(philox(*counter)) for counter in counters.tolist()]
    assert np.array_equal(np.array(philox(*counters.T)).T, words)


def test_uniforms_lie_strictly_between_0_and_1():
    assert 0.0 < (0 + 0.5) * 2.0**-32
    assert (MASK + 0.5) * 2.0**-32 < 1.0
    everything = lanes()
    assert everything.min() > 0.0
    assert everything.max() < 1.0


def test_each_uniform_is_uniform():
    for slot in lanes(seed=11):
        counts = np.histogram(slot, bins=100, range=(0.0, 1.0))[0]
        chi_square = ((counts - N / 100) ** 2 / (N / 100)).sum()
        assert abs(chi_square - 99) < 4 * np.sqrt(2 * 99)


def test_slots_of_a_step_are_independent():
    slots = lanes(seed=12)
    off_diagonal = np.corrcoef(slots)[np.triu_indices(8, 1)] * np.sqrt(N)
    assert np.abs(off_diagonal).max() < 4


@pytest.mark.parametrize("slot", range(8))
def test_lanes_steps_episodes_and_seeds_are_independent(slot):
    here = lanes()[slot]
    assert abs(correlation(here[:-1], here[1:])) < 4
    for other in (lanes(step=1), lanes(episode=1), lanes(seed=1), lanes(seed=2**32), lanes(seed=MAX_SEED)):
        assert abs(correlation(here, other[slot])) < 4


def test_steps_of_one_lane_are_uniform_and_independent():
    path = uniforms(5, 3, 0, np.arange(N), 0)[0]
    assert abs(path.mean() - 0.5) < 4 * np.sqrt(1 / 12 / N)
    assert abs(correlation(path[:-1], path[1:])) < 4


def test_the_draw_of_a_step_is_its_two_blocks_of_uniforms():
    noise = draw(7, 5, 3, 2)
    first, second = uniforms(7, 5, 3, 2, 0), uniforms(7, 5, 3, 2, 1)
    assert (noise.bid, noise.ask, *noise.price) == first
    assert (noise.bid_jump, noise.ask_jump, *noise.latent) == second


def test_noise_is_a_function_of_seed_lane_episode_and_step_alone():
    assert draw(1, 2, 3, 4) == draw(1, 2, 3, 4)
    others = [draw(0, 2, 3, 4), draw(1 + 2**32, 2, 3, 4), draw(1, 0, 3, 4), draw(1, 2, 0, 4), draw(1, 2, 3, 0)]
    assert len({draw(1, 2, 3, 4), *others}) == 6


def test_seed_0_is_a_seed():
    assert draw(0, 0, 0, 0) == draw(0, 0, 0, 0) != draw(1, 0, 0, 0)


def test_parameters_are_drawn_apart_from_steps_and_from_each_other():
    ids = np.arange(N)
    first = parameter_uniforms(3, ids, np.zeros(N, np.int64), 0)
    second = parameter_uniforms(3, ids, np.zeros(N, np.int64), 1)
    later = parameter_uniforms(3, ids, np.ones(N, np.int64), 0)
    for other in (second, later, *lanes(seed=3)):
        assert abs(correlation(first, other)) < 4
