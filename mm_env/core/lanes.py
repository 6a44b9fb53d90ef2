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


def of_lane(shared: Any, parameters: Any, stride: int | None, tile: int, j: int) -> Any:
    """The market's record in lane j of a tile: `shared` if all lanes have the same (`stride` None), else in `parameters`."""
    return shared if stride is None else load(shared, parameters, tile * stride + j, TILE)
