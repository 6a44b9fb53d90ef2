"""A part of a class that is made for it: what a stress does, put over what the part is."""

from __future__ import annotations

from dataclasses import fields
from functools import cache
from typing import Any, TypeVar

from mm_env.core.component import Component

C = TypeVar("C", bound=Component)


def mixed(over: type[C], part: Any, **own: Any) -> C:
    """The part with the rules of `over` put over its own, and the parameters that those need."""
    kept = {field.name: getattr(part, field.name) for field in fields(part)}
    return _kind(over, type(part))(**kept, **own)


def remade(over: type[Component], part: Any) -> Any:
    """What pickle makes such a part of again: its class is made anew where it is read."""
    return _remake, (over, type(part).__mro__[2], {one.name: getattr(part, one.name) for one in fields(part)})


def _remake(over: type[C], kind: type[Component], values: dict[str, Any]) -> C:
    return _kind(over, kind)(**values)


@cache
def _kind(over: type[Any], kind: type[Any]) -> type[Any]:
    return type(
        f"{over.__name__}Of{kind.__name__}", (over, kind), {"__module__": over.__module__, "__doc__": over.__doc__}
    )
