"""Elo ratings: odds they are made of, found again."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.makers.elo import elo_ratings


@given(st.lists(st.floats(1200.0, 1800.0), min_size=2, max_size=6))
def test_ratings_that_wins_are_made_of_are_found_again(true):
    ratings = np.array(true)
    wins = 1e9 / (1.0 + 10.0 ** ((ratings[None, :] - ratings[:, None]) / 400.0))
    assert np.allclose(elo_ratings(wins, ratings.mean()), ratings, atol=1e-3)


def test_who_never_lost_has_a_rating_too_and_who_never_played_stays_in_the_middle():
    found = elo_ratings(np.array([[0.0, 10.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]))
    assert np.isfinite(found).all()
    assert found[0] > found[2] > found[1]


@pytest.mark.parametrize("wins", [np.ones((2, 3)), np.array([[0.0, -1.0], [1.0, 0.0]])])
def test_what_are_no_wins_is_refused(wins):
    with pytest.raises(ValueError, match="wins must be"):
        elo_ratings(wins)
