"""The lattice market that is exact by hand, as `experiments.verify` has it, with other parts."""

from dataclasses import replace

from experiments.verification.suites.lattice import TAIL
from experiments.verification.suites.lattice import lattice as plain
from mm_env import Market

__all__ = ["TAIL", "lattice"]


def lattice(reward=None, **parts) -> Market:
    """The market, from nothing, of 20 steps and at most 4 units."""
    return replace(plain(), **({"reward": reward} if reward else {}), **parts)
