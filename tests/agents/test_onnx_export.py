"""An exported policy is the policy: the same actions alone, after VecNormalize, on a grid, and with a memory."""

import numpy as np
import pytest
from stable_baselines3.common.vec_env import VecNormalize

from agents.learning.learner import Learner
from agents.learning.sb3 import TrainedPolicy
from agents.policy import StrategyPolicy
from agents.strategies.fixed import FixedSymmetric
from mm_env import Grid
from mm_env.envs.sb3 import VecAdapter
from tests.worlds import world

pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")
from agents.learning.onnx_export import NoNet, OnnxPolicy, export, furthest_apart

SMALL = {"policy_kwargs": {"net_arch": [8, 8]}}
GRID = world(quote=Grid(max_half_spread=1.0, max_skew=1.0, half_spreads=3, skews=3))
OFF = {"learning_starts": 9, "buffer_size": 99, **SMALL}
RECURRENT = {"policy": "MlpLstmPolicy", "policy_kwargs": {"net_arch": [8], "lstm_hidden_size": 8}}
CASES = {
    "PPO": (world(), Learner("PPO", 1, 2, lateness=True, settings=SMALL)),
    "A2C": (world(), Learner("A2C", 1, 2, settings={"policy_kwargs": {"net_arch": [8], "log_std_init": 1.0}})),
    "PPO on a grid": (GRID, Learner("PPO", 1, 2, settings=SMALL)),
    "PPO of gSDE, squashed": (
        world(),
        Learner("PPO", 1, 2, settings={"use_sde": True, "policy_kwargs": {"net_arch": [8], "squash_output": True}}),
    ),
    "TD3": (world(), Learner("TD3", 1, 2, settings=OFF)),
    "SAC": (world(), Learner("SAC", 1, 2, settings=OFF)),
    "TQC": (world(), Learner("TQC", 1, 2, settings=OFF)),
    "DQN": (GRID, Learner("DQN", 1, 2, settings=OFF)),
    "QRDQN": (GRID, Learner("QRDQN", 1, 2, settings=OFF)),
    "RecurrentPPO": (world(), Learner("RecurrentPPO", 1, 2, settings=RECURRENT)),
}


def untrained(market, learner, spread=0.7):
    """A policy whose last layers are far from zero, so that actions differ, and some are clipped."""
    policy = TrainedPolicy(learner.model(market, seed=0))
    rows = np.random.default_rng(0)
    for one in policy.model.policy.parameters():
        one.data += one.new_tensor(rows.normal(0.0, spread, tuple(one.shape)))
    return policy


@pytest.mark.parametrize("name", CASES)
def test_the_file_acts_as_the_policy_does(name, tmp_path):
    market, learner = CASES[name]
    policy = untrained(market, learner)
    export(policy, market, tmp_path / "policy.onnx", {"market": "a small one"})
    read = OnnxPolicy(tmp_path / "policy.onnx")
    assert furthest_apart(policy, read, market, observations=1000) <= (1e-5 if market.action_space.shape else 0)
    assert read.told == {
        "observations": list(market.observation_names),
        "recurrent": policy.recurrent,
        "market": "a small one",
    }


def test_the_statistics_of_vec_normalize_are_in_the_file(tmp_path):
    market, learner = CASES["A2C"]
    lanes = VecNormalize(VecAdapter(market, 8), clip_obs=1.5)
    lanes.reset()
    for _ in range(20):
        lanes.step(np.zeros((8, 2), np.float32))
    model = learner.model(market, 0, lanes=lanes)
    policy, plain = TrainedPolicy(model), TrainedPolicy(model)
    plain.normalize = None
    export(policy, market, tmp_path / "policy.onnx")
    assert furthest_apart(policy, OnnxPolicy(tmp_path / "policy.onnx"), market) < 1e-5
    assert furthest_apart(plain, OnnxPolicy(tmp_path / "policy.onnx"), market) > 1e-4


def test_a_memory_is_forgotten(tmp_path):
    market, learner = CASES["RecurrentPPO"]
    policy = untrained(market, learner, spread=0.2)
    export(policy, market, tmp_path / "policy.onnx")
    read, seen = OnnxPolicy(tmp_path / "policy.onnx"), np.ones((3, 2), np.float32)
    first, second = read.act(seen), read.act(seen)
    read.forget()
    assert (read.act(seen) == first).all()
    assert np.abs(second - first).max() > 1e-4


def test_what_is_no_net_is_refused_in_words(tmp_path):
    market, learner = CASES["PPO"]
    with pytest.raises(NoNet, match="holds a net, and StrategyPolicy is none"):
        export(StrategyPolicy(FixedSymmetric(0.5), market), market, tmp_path / "policy.onnx")
    quoted = untrained(market, learner)
    quoted.quoting = object()
    with pytest.raises(NoNet, match="solves for the quotes and is no net"):
        export(quoted, market, tmp_path / "policy.onnx")
    with pytest.raises(ValueError, match="must have learnt to act in Discrete"):
        export(untrained(market, learner), GRID, tmp_path / "policy.onnx")
    assert not list(tmp_path.iterdir())
