"""The default training reaches the optimum: minutes of learning, run by `make test-slow`."""

import pytest

from agents.learning.sb3 import TrainedPolicy
from experiments.config.markets import build, build_market
from experiments.evaluation.skill_references import SkillReferences

MARKETS = ("avellaneda_stoikov", "cartea_jaimungal", "amzn")


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("market", MARKETS)
def test_ppo_reaches_the_optimum_from_every_seed(composed, market, seed):
    cfg = composed("train", f"market={market}")
    world = build_market(cfg)
    policy = build(cfg.agent).train(world, seed)
    assert isinstance(policy, TrainedPolicy)
    skill = SkillReferences.of(world).exact_skill(policy)
    assert skill is not None
    assert 0.98 <= skill <= 1.0
