"""Optima on disk: kept under a fingerprint of all that they depend on, so that none is ever stale."""

from __future__ import annotations

import functools
import hashlib
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import fields
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mm_env.core import cache, engine
from mm_env.core.code_identity import code_of
from mm_env.core.component import Component

Arrays = dict[str, NDArray[Any]]
ROOM = 2**30  # bytes in all; the optima that were used least recently make place
_UNREADABLE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)


def fingerprint(component: Component, *more: object) -> str:
    """A name for all that is computed from a component (a market, say): its numbers, its code, this package's and `more`."""
    digest = hashlib.sha256(" ".join([_source(), version("numpy"), version("numba"), repr(more)]).encode())
    for part in _parts(component, set()):
        digest.update(part.encode())
    return digest.hexdigest()[:24]


def lives_on(component: Component) -> bool:
    """Whether its code has a file, which a class typed at a prompt has not: its next version may have the same name."""
    return all(type(part).__module__ != "__main__" for part in _components(component))


def folder() -> Path | None:
    """Where optima are kept, beside the machine code; None where nothing can be."""
    found = cache.folder()
    return found / "optima" if found else None


def write(path: Path, arrays: Arrays) -> bool:
    """Write a file that is there whole or not at all, whoever else writes it or dies; False where it cannot be written."""
    content = BytesIO()
    np.savez(content, **arrays)  # pyright: ignore[reportArgumentType]
    return cache.write(path, content.getvalue())


def read(path: Path) -> Arrays | None:
    """What `write` wrote, to the bit; None if there is nothing or it is damaged."""
    content = cache.read(path)
    try:
        with np.load(BytesIO(content or b""), allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except _UNREADABLE:
        return None


def make_room(path: Path) -> None:
    """Remove the files that were used least recently until those of a folder fit into `ROOM`."""
    cache.make_room(path, ROOM)


@functools.cache
def _source() -> str:
    """A digest of the source of agents and of mm_env."""
    digest = hashlib.sha256()
    for package in (Path(__file__).parents[1], Path(engine.__file__).parents[1]):
        for path in sorted(package.rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _module(name: str) -> str:
    """The text of the file that a class of the user's own comes from: for what its methods call in ways unseen."""
    path = getattr(sys.modules.get(name), "__file__", None)
    return Path(path).read_text(encoding="utf-8") if path and Path(path).is_file() else ""


def _components(component: Component) -> Iterator[Component]:
    yield component
    for name in (field.name for field in fields(component)):  # pyright: ignore[reportArgumentType]
        if isinstance(part := getattr(component, name), Component):
            yield from _components(part)


def _parts(component: Component, seen: set[int]) -> Iterator[str]:
    """Names, numbers and, where it is not the package's, the code of a component and of those within."""
    for part in _components(component):
        yield f"{type(part).__module__}.{type(part).__qualname__} "
        for field in fields(part):  # pyright: ignore[reportArgumentType]
            value = getattr(part, field.name)
            yield f"{field.name}={type(value).__qualname__ if isinstance(value, Component) else exactly(value)} "
        for base in type(part).__mro__:
            if base.__module__.split(".")[0] not in ("mm_env", "builtins"):
                yield _module(base.__module__)
                yield from _class_code(base, seen)


def _class_code(base: type, seen: set[int]) -> Iterator[str]:
    for name, member in sorted(vars(base).items()):
        if not name.startswith("__") and name != "Record":
            function = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
            yield f"{name} "
            yield from code_of(function, seen)


def exactly(value: Any) -> str:
    """A value to the last bit."""
    if isinstance(value, np.ndarray | np.generic):
        return f"{value.dtype} {value.shape} {value.tobytes().hex()}"
    return repr(value)
