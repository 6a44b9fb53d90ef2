"""What exact solvers tell before and while they work: that the memory does not suffice, or how far they are."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from tqdm import tqdm

from agents.exact.nodes import Unsolvable
from mm_env.core.memory import NUMBER, free_memory
from mm_env.market import Market

T = TypeVar("T")
PATIENCE = 1.0  # seconds of work without a word
_LOGGED = 10.0  # seconds between two lines where nobody watches
_FLOPS = 5e9  # a second, of one core


def levels_of(market: Market) -> int:
    """How many inventories a table has columns for, without making them."""
    return 2 * round(market.max_inventory / market.order_size) + 1


def require_room(market: Market, solver: str, numbers: float, *, steps: bool = True, nodes: int = 1) -> None:
    """Refuse what needs more numbers (of 8 bytes) in memory than there is memory free.

    Raises: Unsolvable, with what makes it large and what would make it smaller.
    """
    needed, free = NUMBER * numbers, free_memory()
    if needed <= free:
        return
    clock = market.clock
    of_steps, fewer = (f"clock.steps = {clock.steps:,} x ", "fewer steps, ") if steps else ("", "")
    of_steps, fewer = (f"{of_steps}{nodes:,} nodes x ", f"{fewer}fewer nodes, ") if nodes > 1 else (of_steps, fewer)
    raise Unsolvable(
        f"{solver} needs {needed / 1e9:,.1f} GB of memory for {of_steps}{levels_of(market):,} inventories, more than the "
        f"{free / 1e9:,.1f} GB that are free: take {fewer}a smaller max_inventory (now {market.max_inventory:g}) or a larger "
        f"order_size (now {market.order_size:g})"
    )


def progress(items: Iterable[T], what: str, unit: str, total: int | None = None) -> Iterable[T]:
    """The items, with a bar on stderr once they take longer than `PATIENCE`; a line now and then where that is no terminal."""
    return tqdm(items, total=total, **_settings(what, unit))


@contextmanager
def ticking(what: str, unit: str) -> Iterator[Callable[[], Any]]:
    """A function to call after each piece of work whose end is not known: a bar as `progress` shows it."""
    with tqdm(**_settings(what, unit)) as bar:
        yield bar.update


def _settings(what: str, unit: str) -> dict[str, Any]:
    watched = sys.stderr is not None and sys.stderr.isatty()
    shown = {"leave": False, "delay": PATIENCE, "mininterval": 0.1 if watched else _LOGGED, "file": sys.stderr}
    return {"desc": what, "unit": unit, "disable": sys.stderr is None, **shown}


def announce(what: str, operations: float) -> None:
    """Say on stderr that one long operation has begun, if it takes longer than `PATIENCE`."""
    seconds = operations / _FLOPS
    if seconds > PATIENCE and sys.stderr is not None:
        sys.stderr.write(f"{what}: about {_spoken(seconds)}\n")


def _spoken(seconds: float) -> str:
    for unit, length in (("days", 86_400.0), ("hours", 3_600.0), ("minutes", 60.0)):
        if seconds >= 2.0 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
