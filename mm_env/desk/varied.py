"""The instruments of a desk from one that is written once, and what differs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from difflib import get_close_matches
from typing import Any

from mm_env.core.component import Component, Sides
from mm_env.desk.instrument import Instrument


def instruments_of(
    template: Instrument, vary: Mapping[str, Sequence[Any]], before: Sequence[Instrument] = ()
) -> tuple[Instrument, ...]:
    """N instruments like `template`, of which the i-th has the i-th of the N values of each path in `vary`, behind those that
    come `before`.

    A path is `name`, `max_inventory`, `tiers.flow.rate` (of all tiers and both sides), `tiers.0.fill.bid.k` (of one).

    Raises: ValueError or TypeError for a path that leads nowhere, for lists of different lengths, and as `Instrument` does.
    """
    lengths = {path: len(values) for path, values in vary.items()}
    if len(set(lengths.values())) != 1:
        raise ValueError(f"vary must have lists of one length, one value an instrument, got {lengths}")
    made = [template] * next(iter(lengths.values()))
    for path, values in vary.items():
        made = [_changed(one, path.split("."), value, path) for one, value in zip(made, values, strict=True)]
    return (*before, *made)


def _changed(part: Any, path: list[str], value: Any, whole: str) -> Any:
    """The part with another value at `path` within it."""
    name, *rest = path
    if isinstance(part, tuple):
        places = [int(name)] if name.isdigit() and int(name) < len(part) else range(len(part))
        inner = rest if name.isdigit() else path
        return tuple(_changed(one, inner, value, whole) if i in places else one for i, one in enumerate(part))
    if isinstance(part, Sides) and name not in ("bid", "ask"):
        return Sides(_changed(part.bid, path, value, whole), _changed(part.ask, path, value, whole))
    known = [field.name for field in fields(part)]  # pyright: ignore[reportArgumentType]
    if name not in known or (rest and not _has_parts(getattr(part, name))):
        close = get_close_matches(name, known, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else f" Known there are: {', '.join(known) or 'none'}."
        raise ValueError(f"vary must name parameters of the instrument, got {whole!r}.{hint}")
    return replace(part, **{name: _changed(getattr(part, name), rest, value, whole) if rest else value})  # pyright: ignore


def _has_parts(value: Any) -> bool:
    """Whether a path may lead on through it."""
    items = value if isinstance(value, tuple) else (value,)
    return all(isinstance(item, Component) for item in items)
