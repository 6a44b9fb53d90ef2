"""Faces of the simulation: gymnasium's Env and VectorEnv, stable-baselines3's VecEnv, registration, recordings and frames."""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    """`VecAdapter`, imported only now: it needs torch."""
    if name != "VecAdapter":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from mm_env.envs.sb3 import VecAdapter

    return VecAdapter
