"""The optimum of a desk on disk, beside those of markets: solved once, and read after that."""

from __future__ import annotations

from pathlib import Path

from agents.exact import optimum_cache as stored
from agents.exact.desk.optimum import DeskOptimum, ergodic_optimum, finite_optimum
from agents.exact.desk.recursion import DeskRecursion
from agents.exact.desk.simulated import OptimalQuotes, desk_optimum, solvable
from agents.strategies.desk_problem import problem_of
from mm_env.clock import Ergodic
from mm_env.desk.desk import Desk


def kept_optimum(desk: Desk, kept_from: float) -> OptimalQuotes:
    """`desk_optimum`, which is kept if it takes longer than `kept_from` seconds. Raises: Unsolvable as it does."""
    if isinstance(desk.clock, Ergodic):
        return desk_optimum(desk)
    return stored.kept(desk, named(desk), lambda path: _loaded(path, desk), lambda: desk_optimum(desk), kept_from)


def named(desk: Desk) -> str:
    """A name for the desk's optimum: another one if anything is edited that it depends on."""
    return stored.fingerprint(desk, program=(desk_optimum, finite_optimum, ergodic_optimum, problem_of))


def _loaded(path: Path, desk: Desk) -> OptimalQuotes:
    """What `OptimalQuotes.save` wrote. Raises: ValueError if there is nothing or it is damaged."""
    arrays = stored.read(path)
    if arrays is None or set(arrays) != {"value", "depths", "trades"}:
        raise ValueError(f"{path} must hold the optimum of a desk, whole")
    recursion = DeskRecursion(solvable(desk), desk.clock.step_length)
    return OptimalQuotes(desk, DeskOptimum(recursion, arrays["value"], (arrays["depths"], arrays["trades"])))
