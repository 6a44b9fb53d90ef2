"""A strategy's own parameters chosen by what it earns in simulated episodes, as a learner's are."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any

from agents.policy import moved, play, policy_of
from agents.strategies.estimated import rehearsal
from mm_env.core.parameters import Interval, check
from mm_env.market import Market

SEED = 3_000_017  # of the noise it is tuned on: no table is made of it
FIRST, LAST = 2.0, 1.1  # the factors by which a parameter is first and last tried larger and smaller


def tuned(market: Market, strategy: Any, parameters: Sequence[str], episodes: int = 1000, seed: int = SEED) -> Any:
    """`strategy` (or what it makes of the market) with those of its `parameters` changed that earn the most there.

    The mean objective over `episodes` episodes of `seed` is what counts, of the market's `rehearsal`: all that is tried meets
    the same noise, and no table is made of it. Each parameter is tried at a factor of 2 above and below and the best step is
    taken; where none is better, the factor's root comes next, down to 1.1.

    Raises: ValueError for a parameter that the strategy does not have, or that is no number > 0.
    """
    check("episodes", episodes, Interval(1, 2**31, whole=True))
    made = strategy(market) if callable(strategy) else strategy
    start = [_positive(made, name) for name in parameters]
    stage = rehearsal(market)

    def worth(logs: tuple[float, ...]) -> float:
        try:
            changed = _changed(made, parameters, start, logs)
            return float(play(stage, moved(policy_of(changed, stage), stage), episodes, seed).objective.mean())
        except (ValueError, OverflowError):  # its theory does not reach so far
            return -math.inf

    return _changed(made, parameters, start, climb(worth, len(start), math.log(FIRST), math.log(LAST)))


def climb(worth: Callable[[tuple[float, ...]], float], dimensions: int, step: float, least: float) -> tuple[float, ...]:
    """Where `worth` is highest on a grid around the origin: a compass search, whose steps are halved down to `least`."""
    place, seen = (0.0,) * dimensions, dict[tuple[float, ...], float]()

    def value(where: tuple[float, ...]) -> float:
        if where not in seen:
            seen[where] = worth(where)
        return seen[where]

    while step >= least:
        around = [_moved(place, i, sign * step) for i in range(dimensions) for sign in (1.0, -1.0)]
        best = max(around, key=value)
        place, step = (best, step) if value(best) > value(place) else (place, 0.5 * step)
    return place


def _moved(place: tuple[float, ...], dimension: int, by: float) -> tuple[float, ...]:
    return tuple(x + by if i == dimension else x for i, x in enumerate(place))


def _changed(made: Any, parameters: Sequence[str], start: Sequence[float], logs: Sequence[float]) -> Any:
    values = {name: value * math.exp(log) for name, value, log in zip(parameters, start, logs, strict=True)}
    return replace(made, **values)


def _positive(made: Any, name: str) -> float:
    known = [field.name for field in fields(made)] if is_dataclass(made) else []
    if name not in known:
        raise ValueError(f"tuned must name parameters of {type(made).__name__} ({', '.join(known)}), got {name!r}")
    value = getattr(made, name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise ValueError(f"tuned parameters must be numbers > 0, got {name} = {value!r}")
    return float(value)
