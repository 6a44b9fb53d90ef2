"""The optimum of a desk on disk, beside those of markets: solved once, and read after that."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter

from agents.exact import optimum_cache as stored
from agents.exact.desk.optimum import DeskOptimum, ErgodicDesk, ergodic_optimum, finite_optimum
from agents.exact.desk.simulated import OptimalQuotes, desk_optimum, solvable
from agents.exact.desk.tables import Desk as Solved
from agents.strategies.desk_problem import problem_of
from mm_env.clock import Ergodic
from mm_env.desk.desk import Desk


def kept_optimum(desk: Desk, kept_from: float) -> OptimalQuotes:
    """`desk_optimum`, which is kept if it takes longer than `kept_from` seconds. Raises: Unsolvable as it does."""
    place = None if isinstance(desk.clock, Ergodic) else stored.folder()
    path = place / f"{named(desk)}.npz" if place else None
    if path and (found := _read(path, desk)):
        return found
    started = perf_counter()
    best = desk_optimum(desk)
    if path and perf_counter() - started > kept_from and stored.lives_on(desk) and _write(path, best.solution):
        stored.make_room(path.parent)
    return best


def named(desk: Desk) -> str:
    """A name for the desk's optimum: another one if anything is edited that it depends on."""
    return stored.fingerprint(desk, program=(desk_optimum, finite_optimum, ergodic_optimum, problem_of))


def _write(path: Path, found: DeskOptimum | ErgodicDesk) -> bool:
    if not isinstance(found, DeskOptimum) or found.kept is None:
        return False
    return stored.write(path, {"value": found.value, "depths": found.kept[0], "trades": found.kept[1]})


def _read(path: Path, desk: Desk) -> OptimalQuotes | None:
    """What was written; None if there is nothing or it is damaged."""
    arrays = stored.read(path)
    if arrays is None or set(arrays) != {"value", "depths", "trades"}:
        return None
    solved = Solved(solvable(desk), desk.clock.step_length)
    return OptimalQuotes(desk, DeskOptimum(solved, arrays["value"], (arrays["depths"], arrays["trades"])))
