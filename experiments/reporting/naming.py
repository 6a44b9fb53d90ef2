"""Configs as flat lists of settings, and names that tell configs apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Settings = dict[str, "bool | int | float | str"]


def flatten(config: Mapping[str, Any]) -> Settings:
    """`{"market.price": "Brownian", "market.price.sigma": 0.02, ...}`: what a component is stands under its own name.

    A list is written `64-64`; what is null is left out.
    """
    return dict(_settings(config, ""))


def _settings(config: Mapping[str, Any], path: str) -> Iterator[tuple[str, Any]]:
    for key, value in config.items():
        place = f"{path}.{key}" if path else str(key)
        if key == "_target_":
            yield path, str(value).rsplit(".", 1)[-1]
        elif isinstance(value, Mapping):
            yield from _settings(value, place)
        elif isinstance(value, list | tuple):
            yield place, "-".join(map(str, value))
        elif value is not None:
            yield place, value if isinstance(value, bool | int | float) else str(value)


def labels(names: Sequence[str], settings: Sequence[Settings]) -> list[str]:
    """Each name, followed by what differs among the settings of that name: `ppo, gamma=0.9`."""
    groups: dict[str, list[Settings]] = {}
    for name, own in zip(names, settings, strict=True):
        groups.setdefault(name, []).append(own)
    keys = {name: _varying(group) for name, group in groups.items()}
    return [
        ", ".join([name, *(f"{short}={own.get(key, 'none')}" for key, short in keys[name].items())])
        for name, own in zip(names, settings, strict=True)
    ]


def _varying(group: Sequence[Settings]) -> dict[str, str]:
    """The keys whose values differ, each with the shortest end of its path that no other of them has."""
    everything = sorted({key for own in group for key in own})
    differing = [key for key in everything if len({repr(own.get(key)) for own in group}) > 1]
    return {key: _shortest(key, [other for other in differing if other != key]) for key in differing}


def _shortest(key: str, others: Sequence[str]) -> str:
    parts = key.split(".")
    ends = [".".join(parts[i:]) for i in reversed(range(len(parts)))]
    return next((end for end in ends if not any(f".{other}".endswith(f".{end}") for other in others)), key)
