"""evaluate: a picture of an episode, if it is wanted."""

import pytest

from experiments import evaluate

BOOK = ("market=cont_stoikov_talreja", "market.clock.steps=5", "episodes=20", "agent=join")


@pytest.mark.parametrize(
    "market", [BOOK, ("market.max_inventory=3", "market.clock.steps=5", "episodes=20", "agent=glft")]
)
def test_the_picture_is_there_if_it_is_wanted(launch, market):
    plain, numbers = launch(evaluate.main, *market)
    drawn, same = launch(evaluate.main, *market, "render=true")
    assert not (plain / "episode.png").exists()
    assert (drawn / "episode.png").stat().st_size > 0
    assert same == numbers
