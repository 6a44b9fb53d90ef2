"""What each number of an action is, in words and units."""

from __future__ import annotations

import inspect
from typing import Any, NamedTuple

import gymnasium as gym

from mm_env.action_parts import LOG, PLAIN, SWITCH, ActionPart
from mm_env.desk.actions import depth_ends
from mm_env.desk.desk import Desk


class Number(NamedTuple):
    """One number of an action, with what it means at -1 and at +1."""

    name: str
    low: str
    high: str
    unit: str


_FROM_MID = "price units from the mid"


def acted(market: Any) -> list[Number]:
    """What the agent sets, number by number, in order; [] where it chooses an index."""
    if isinstance(market, Desk):
        return _of_desk(market)
    if isinstance(market.action_space, gym.spaces.Discrete):
        return []
    return [_number(part) for part in market.action_parts]


def chosen(market: Any) -> str:
    """What an index means, where the agent chooses one."""
    return inspect.cleandoc(type(market.quote).__doc__ or "")


def _number(part: ActionPart) -> Number:
    """What a part of an action is, of which each number means a value."""
    if part.scale == SWITCH:
        return Number(part.name, f"{part.labels[0]}, up to 0", part.labels[1], "")
    if part.scale == PLAIN:
        return Number(part.name, "as it is", "as it is", part.unit)
    return Number(part.name, *_ends(part.low, part.high), part.unit + ", even in the logarithm" * (part.scale == LOG))


def _of_desk(desk: Any) -> list[Number]:
    """Bids and asks of a desk, then what it trades outside."""
    low, high = depth_ends(desk.instruments, desk.quotes)
    quotes = [Number(n, *_ends(a, b), _FROM_MID) for n, a, b in zip(desk.action_names, low, high, strict=False)]
    outside = {f"outside_{one.name}": one.outside for one in desk.instruments}
    rest = desk.action_names[len(quotes) :]
    return [*quotes, *(Number(name, "-1", "1", f"see help({type(outside[name]).__name__})") for name in rest)]


def _ends(low: float, high: float) -> tuple[str, str]:
    return f"{low:g}", f"{high:g}"
