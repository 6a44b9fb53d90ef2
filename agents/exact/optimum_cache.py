"""Optima on disk: kept under a fingerprint of all that they depend on, so that none is ever stale.

That is the market's numbers; the code of its components, methods included, and of the solver, with all that either names; the
engine that makes machine code of them; and the versions of the libraries. An edit of anything else leaves an optimum as it is.
"""

from __future__ import annotations

import functools
import hashlib
import sys
import zipfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import fields
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from time import perf_counter
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from mm_env.core import cache, engine
from mm_env.core.component import Component, parts
from mm_env.core.program_identity import Program

T = TypeVar("T")
Arrays = dict[str, NDArray[Any]]
ROOM = 2**30  # bytes in all; the optima that were used least recently make place
_KNOWN = (engine.__name__,)  # told as a whole: by its source
_UNREADABLE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)


def fingerprint(component: Component, *more: object, program: tuple[Callable[..., Any], ...] = ()) -> str:
    """A name for what functions of a `program` compute from a component (a market, say) and `more`: by numbers and code."""
    words = " ".join([_versions(), *map(_code, program), repr(more), *_parts(component)])
    return hashlib.sha256(words.encode()).hexdigest()[:24]


def lives_on(component: Component) -> bool:
    """Whether its code has a file, which a class typed at a prompt has not: its next version may have the same name."""
    return all(type(part).__module__ != "__main__" for _, part in parts(component))


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


def kept(
    component: Component,
    name: str,
    load: Callable[[Path], T],
    solve: Callable[[], T],
    kept_from: float,
    prepare: Callable[[], object] = lambda: None,
) -> T:
    """What was kept under a name, by `load`, which raises ValueError where nothing fits; else what `solve` makes, kept by its
    own `save` if that takes longer than `kept_from` seconds after `prepare`, whose work is kept by itself."""
    place = folder()
    path = place / f"{name}.npz" if place else None
    with suppress(ValueError):
        if path:
            return load(path)
    prepare()
    started = perf_counter()
    found: Any = solve()
    if path and perf_counter() - started > kept_from and lives_on(component) and found.save(path):
        make_room(path.parent)
    return found


def make_room(path: Path) -> None:
    """Remove the files that were used least recently until those of a folder fit into `ROOM`."""
    cache.make_room(path, ROOM)


def _is_ours(cls: type) -> bool:
    return cls.__module__.partition(".")[0] == "mm_env"


@functools.cache
def _code(thing: Callable[..., Any]) -> str:
    """A digest of what a function or class of ours is made of: once, as it is not edited while it runs."""
    told = Program(_KNOWN)
    told.add(thing)
    return hashlib.sha256(" ".join(told.words).encode()).hexdigest()


@functools.cache
def _versions() -> str:
    """Of the libraries, the interpreter, and the engine, whose machine code computes what Python does not."""
    return " ".join(
        [sys.version, engine.own_source(), *map(version, ("gymnasium", "llvmlite", "numba", "numpy", "scipy"))]
    )


def _parts(component: Component) -> list[str]:
    """Names, numbers and code of a component and of those within."""
    told = Program(_KNOWN)
    for _, part in parts(component):
        for field in fields(part):  # pyright: ignore[reportArgumentType]
            value = getattr(part, field.name)
            told.words.append(
                f"{field.name}={type(value).__qualname__ if isinstance(value, Component) else exactly(value)}"
            )
        told.words.append(_code(type(part))) if _is_ours(type(part)) else told.add(type(part))
    bases = (base for _, part in parts(component) for base in type(part).__mro__ if not _is_ours(base))
    for name in sorted({base.__module__ for base in bases}):
        if path := _users_file(name):
            told.add_file(path)
    return told.words


def _users_file(module: str) -> Path | None:
    """The file that a class of the user's own comes from; it counts as a whole, for what its methods call in ways unseen."""
    path = getattr(sys.modules.get(module), "__file__", None)
    return Path(path) if path and Path(path).is_file() else None


def exactly(value: Any) -> str:
    """A value to the last bit."""
    if isinstance(value, np.ndarray | np.generic):
        return f"{value.dtype} {value.shape} {value.tobytes().hex()}"
    return repr(value)
