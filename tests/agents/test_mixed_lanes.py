"""A policy that learns on several markets at once: each part steps as it would alone, and a resumed training is the same."""

import numpy as np
import pytest
from stable_baselines3.common.callbacks import BaseCallback

from agents.learning.learner import CHECKPOINT, Learner
from agents.learning.mixed_lanes import MixedLanes
from mm_env.envs.sb3 import VecAdapter
from mm_env.markets import market_named
from tests.worlds import same_bits

SETTINGS = {
    "algorithm": "PPO",
    "total_steps": 1280,
    "num_envs": 8,
    "checkpoints": 2,
    "beside": ("avellaneda_stoikov", "amzn"),
    "settings": {"n_steps": 32, "batch_size": 64, "n_epochs": 2},
}


class Stop(Exception):
    pass


class Stopping(BaseCallback):
    def _on_step(self):
        if self.num_timesteps >= 1000:
            raise Stop
        return True


@pytest.fixture
def parts():
    return [VecAdapter("cartea_jaimungal", 3, stagger=True), VecAdapter("amzn", 2, stagger=True)]


def test_each_part_steps_as_it_would_alone(parts):
    mixed, random = MixedLanes(parts), np.random.default_rng(0)
    alone = [VecAdapter("cartea_jaimungal", 3, stagger=True), VecAdapter("amzn", 2, stagger=True)]
    seeds = mixed.seed(5)
    assert len(set(seeds)) == mixed.num_envs == 5
    alone[0].seed(seeds[0])
    alone[1].seed(seeds[3])
    assert same_bits(mixed.reset(), np.concatenate([part.reset() for part in alone]))
    ended = 0
    for _ in range(1100):  # past the ends of both parts' episodes
        actions = random.uniform(-1.0, 1.0, (5, 2)).astype(np.float32)
        *ours, infos = mixed.step(actions)
        one, other = alone[0].step(actions[:3]), alone[1].step(actions[3:])
        assert all(same_bits(a, np.concatenate(b)) for a, *b in zip(ours, one[:3], other[:3], strict=True))
        for lane, info in enumerate([*one[3], *other[3]]):
            assert infos[lane].keys() == info.keys()
            if info:
                ended += 1
                assert same_bits(infos[lane]["terminal_observation"], info["terminal_observation"])
    assert ended >= 5


def test_markets_that_show_other_things_are_refused(parts):
    with pytest.raises(ValueError, match="markets of a mixture must have the same observation_names, got"):
        MixedLanes([parts[0], VecAdapter("heston", 2)])


def test_a_mixture_resumed_ends_where_it_would_have_ended(tmp_path):
    market, learner = market_named("cartea_jaimungal"), Learner(**SETTINGS)
    whole = learner.train(market, 3, tmp_path / "whole").model
    assert [part.num_envs for part in whole.get_env().parts] == [2, 3, 3]

    with pytest.raises(Stop):
        learner.train(market, 3, tmp_path / "broken", [Stopping()])
    assert (tmp_path / "broken" / CHECKPOINT).is_file()
    resumed = learner.train(market, 99, tmp_path / "broken", resume=True).model
    ours, theirs = resumed.policy.state_dict(), whole.policy.state_dict()
    assert all(same_bits(ours[name].numpy(), theirs[name].numpy()) for name in theirs)


def test_a_mixture_is_for_as_many_lanes_as_it_has_markets_and_for_loops_that_step_any():
    with pytest.raises(ValueError, match="num_envs must be > the 2 markets beside, got 2"):
        Learner(**{**SETTINGS, "num_envs": 2})
    with pytest.raises(ValueError, match="branches must be 0 where markets are learnt on beside"):
        Learner(**{**SETTINGS, "branches": 2})
    with pytest.raises(ValueError, match="expected_fills must be false where markets are learnt on beside"):
        Learner(**{**SETTINGS, "expected_fills": True}).lanes(market_named("cartea_jaimungal"))
    with pytest.raises(ValueError, match=r"beside must be \(\) for CompiledPPO"):
        Learner(**{**SETTINGS, "algorithm": "CompiledPPO"})
