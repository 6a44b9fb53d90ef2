"""evaluate: a picture of an episode, if it is wanted."""

from types import SimpleNamespace

import pytest

from experiments import evaluate
from experiments.evaluation.show import without_skill
from experiments.evaluation.skill_references import SkillReferences
from tests.experiments.test_table import entry
from tests.worlds import world

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


def test_a_learner_alone_is_not_called_the_best_known_strategy():
    references = SkillReferences(world(), missing="it has no exact recursion")
    policies = {"PPO": SimpleNamespace(learnt=True), "glft": SimpleNamespace(learnt=False)}
    (said,) = without_skill(references, [entry("PPO", 1.0)], policies)
    assert said == "optimum is left out: it has no exact recursion; there is no skill."
    (said,) = without_skill(references, [entry("PPO", 1.0), entry("glft", 0.5)], policies)
    assert said.startswith(
        "optimum is left out: it has no exact recursion; there is no skill, and the best known strategy is glft"
    )
