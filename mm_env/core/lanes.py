"""What the loops over lanes are made of: plain Python as it stands; `engine_lanes` says what machine code is made of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mm_env.core.component import load

TILE = 64  # lanes that lie side by side


def over_lanes(body: Callable[..., int], lanes: int, arguments: tuple[Any, ...]) -> int:
    """The sum of body(0, *arguments), ..., body(lanes - 1, *arguments), which must not depend on one another.

    Where it is compiled `body` is inlined into a loop that says so: SIMD code without a check of addresses, several groups of
    lanes at a time.
    """
    return sum(body(j, *arguments) for j in range(lanes))


def stepped(rules: Any, before: Any, action: Any, noise: Any, memory: Any) -> Any:
    """`rules.step`; where the account is closed, the state as it is and no reward, and nothing happens in `memory`.

    Where it is compiled, a state without one of its margin is that of an account that is never closed: there it only steps.
    """
    return rules.step(before, action, noise, memory) if rules.is_open(before) else (before, 0.0)


def borrowed(array: Any) -> Any:
    """The array itself, of which compiled code counts no references: its owner outlives all who are handed it."""
    return array


def of_lane(shared: Any, parameters: Any, stride: int | None, tile: int, j: int) -> Any:
    """The market's record in lane j of a tile: `shared` if all lanes have the same (`stride` None), else in `parameters`."""
    return shared if stride is None else load(shared, parameters, tile * stride + j, TILE)
