"""Saved models load where stable-baselines3 and `mm_env` are and our learners are not; a foreign `agents` is told of."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import experiments
from agents.learning.dueling import DuelingTD3Policy
from agents.learning.learner import Learner
from tests.worlds import same_bits, world

ROOT = Path(experiments.__file__).parents[1]
NETS = {"policy_kwargs": {"net_arch": [8]}}
ROLLOUTS = {"n_steps": 16, "batch_size": 32, **NETS}
LEARNERS = {
    "PPO": Learner("PPO", 64, 2, lateness=True, expected_fills=True, settings=ROLLOUTS),
    "A2C": Learner("A2C", 64, 2, branches=2, settings=NETS),
    "TD3": Learner(
        "TD3",
        64,
        2,
        expected_fills=True,
        settings={"learning_starts": 20, "policy": DuelingTD3Policy, "buffer_size": 99},
    ),
}
ALONE = """
import sys
class NotInstalled:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("agents", "experiments"):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, NotInstalled())
import numpy as np, stable_baselines3
for algorithm, path in zip(sys.argv[1::2], sys.argv[2::2]):
    model = getattr(stable_baselines3, algorithm).load(path, device="cpu")
    np.save(path + ".npy", model.predict(np.load(sys.argv[2] + ".seen.npy"), deterministic=True)[0])
"""


def test_saved_models_load_and_act_without_our_learners(tmp_path):
    seen, policies = np.random.default_rng(0).uniform(0.0, 1.0, (5, 2)).astype(np.float32), {}
    for name, learner in LEARNERS.items():
        policies[name] = learner.train(world(), seed=0)
        policies[name].model.save(tmp_path / f"{name}.zip")
    np.save(tmp_path / "PPO.zip.seen.npy", seen)
    given = [word for name in LEARNERS for word in (name, str(tmp_path / f"{name}.zip"))]
    done = subprocess.run(
        [sys.executable, "-c", ALONE, *given], capture_output=True, text=True, encoding="utf-8", cwd=ROOT
    )
    assert (done.returncode, done.stderr) == (0, "")
    for name, policy in policies.items():
        assert same_bits(np.load(tmp_path / f"{name}.zip.npy"), policy.act(seen))


@pytest.mark.parametrize("theirs", ["agents.py", "agents/__init__.py"])
def test_a_main_says_in_one_line_that_another_agents_is_in_the_way(tmp_path, theirs):
    (tmp_path / theirs).parent.mkdir(exist_ok=True)
    (tmp_path / theirs).write_text("raise RuntimeError('not ours')\n", encoding="utf-8")
    script = f"import sys; sys.path[:0] = [{str(tmp_path)!r}, {str(ROOT)!r}]; "
    start = script + "sys.argv = ['-m']; import runpy; runpy.run_module('experiments.train', run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", start], capture_output=True, text=True, encoding="utf-8", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"error: experiments needs its own package `agents`, in {ROOT / 'agents'}, but Python finds {tmp_path / theirs}: "
        f"start it in {ROOT}, with no other `agents` installed over it"
    ]


def test_an_agents_that_was_written_over_is_found_too(tmp_path):
    for name in ("agents", "experiments"):
        (tmp_path / name).mkdir()
    (tmp_path / "agents" / "__init__.py").write_text("Agent = object\n", encoding="utf-8")
    source = (ROOT / "experiments" / "__init__.py").read_text(encoding="utf-8")
    (tmp_path / "experiments" / "__init__.py").write_text(source, encoding="utf-8")
    run = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import experiments"]
    done = subprocess.run(run, capture_output=True, text=True, encoding="utf-8", cwd=tmp_path)
    assert "ImportError: error: experiments needs its own package `agents`" in done.stderr


def test_our_own_agents_is_no_mistake():
    experiments.check_agents()
