"""What `import mm_env` brings in, and what it leaves for later."""

import subprocess
import sys
from pathlib import Path

import mm_env

SCRIPT = "import sys, mm_env, mm_env.rollout, mm_env.metrics; print(*(m.partition('.')[0] for m in sys.modules))"


def test_heavy_packages_and_the_other_rooms_wait_until_they_are_needed():
    root = Path(mm_env.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, cwd=root, check=True, encoding="utf-8"
    )
    heavy = {"numba", "scipy", "torch", "stable_baselines3", "hydra", "matplotlib", "tensorboard", "IPython"}
    assert not set(done.stdout.split()) & (heavy | {"agents", "experiments"})


def test_every_public_name_is_there():
    assert all(hasattr(mm_env, name) for name in mm_env.__all__)
    assert len(set(mm_env.__all__)) == len(mm_env.__all__)
