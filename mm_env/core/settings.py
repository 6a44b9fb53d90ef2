"""A component as a flat list of settings: what it is made of, and every number."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np

from mm_env.core.component import Component, parts

Setting = str | float | list[Any]


def settings_of(component: Component, name: str = "market") -> dict[str, Setting]:
    """What a component is and all its fields, by path: `{"market": "Market", "market.price": "Brownian", ...}`.

    A component stands under its own path by the name of its class; numbers are floats, lists are lists, and whatever else
    is told by its `repr`.
    """
    found: dict[str, Setting] = {}
    for path, part in parts(component, name):
        found[path] = type(part).__name__
        for field in fields(part):  # pyright: ignore[reportArgumentType]
            value = getattr(part, field.name)
            if not _holds_components(value):
                found[f"{path}.{field.name}"] = _plain(value)
    return found


def _holds_components(value: Any) -> bool:
    if isinstance(value, tuple):
        return bool(value) and all(isinstance(item, Component) for item in value)
    return isinstance(value, Component)


def _plain(value: Any) -> Setting:
    if isinstance(value, tuple | list | np.ndarray):
        return [_plain(item) for item in value]
    return (
        float(value) if isinstance(value, int | float | np.number) else value if isinstance(value, str) else repr(value)
    )
