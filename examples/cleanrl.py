# long: runs a file of CleanRL that you have; --total-timesteps says for how long
"""A file of CleanRL, unmodified, on an environment of ours: give its path and its own options.

python -m examples.cleanrl ppo_continuous_action.py --env-id mm_env:mm_env/AMZN-v0 --num-envs 64 --total-timesteps 200_000

CleanRL's files are written for a gymnasium whose TransformObservation takes two arguments; since gymnasium 1.0 it takes the
observation space too, and they stop there on any environment, CartPole too. This gives it the space of what it wraps.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from typing import Any

import gymnasium


class TransformObservation(gymnasium.wrappers.TransformObservation):
    """gymnasium's, with an observation space that may be left out where it stays what it was."""

    def __init__(self, env: gymnasium.Env, func: Any, observation_space: gymnasium.Space | None = None) -> None:
        super().__init__(env, func, observation_space or env.observation_space)


def run(path: Path, *options: str) -> dict[str, Any]:
    """The names that the file left, run as a command with these options."""
    before, theirs = sys.argv, gymnasium.wrappers.TransformObservation
    sys.argv, gymnasium.wrappers.TransformObservation = [str(path), *options], TransformObservation
    try:
        return runpy.run_path(str(path), run_name="__main__")
    finally:
        sys.argv, gymnasium.wrappers.TransformObservation = before, theirs


def main() -> None:
    if len(sys.argv) < 2 or not Path(sys.argv[1]).is_file():
        raise SystemExit("error: the first argument must be a file of CleanRL, as in ppo_continuous_action.py")
    run(Path(sys.argv[1]), *sys.argv[2:])


if __name__ == "__main__":
    main()
