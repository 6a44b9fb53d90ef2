"""Makes machine code of the kernel for a market's types, keeps it on disk, and never lets it go stale.

Rules are dispatched on the type of the record they are called on (`engine_numba`) and inlined, so that a market's whole
step becomes one loop without a call. The machine code lies in a folder named by a fingerprint of everything
it was made from: the package's source and the code, constants and helpers of each rule.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import types as python_types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from mm_env import component, maths

_registered: set[Any] = set()
_made: dict[tuple[Path, Any], Callable[..., Any]] = {}
_settled: list[dict[Any, Callable[..., Any]]] = []


def compiled(kernel: Callable[..., Any], *arguments: Any) -> Callable[..., Any]:
    """`kernel` as machine code for arguments of just these types; from the disk if it was compiled before."""
    import numba

    if not _settled:
        return _compiled(kernel, *arguments)
    known, key = _settled[-1], (kernel, tuple(numba.typeof(argument) for argument in arguments))
    if key not in known:
        known[key] = _compiled(kernel, *arguments)
    return known[key]


@contextmanager
def settled() -> Iterator[None]:
    """Within it nobody edits a rule: machine code is found by types alone, not by a fingerprint taken anew in each call."""
    _settled.append({})
    try:
        yield
    finally:
        _settled.pop()


def _compiled(kernel: Callable[..., Any], *arguments: Any) -> Callable[..., Any]:
    import numba

    config: Any = numba.core.config  # pyright: ignore[reportAttributeAccessIssue]

    glue = _registered_glue()
    glue.use_version(_rules_version(arguments), maths.SCALARS)
    folder = cache_folder() / fingerprint(kernel, *arguments)
    key = folder, tuple(numba.typeof(argument) for argument in arguments)
    if key in _made:
        return _made[key]
    glue.name_apart(f"{folder.name} {key[1]}")
    saved, config.CACHE_DIR = config.CACHE_DIR, str(folder)
    try:
        lives_on = not any(c.__module__ == "__main__" for c in _components(arguments))
        dispatcher = numba.njit(nogil=True, error_model="numpy", cache=lives_on)(kernel)
    finally:
        config.CACHE_DIR = saved
    dispatcher.compile(key[1])
    _made[key] = dispatcher.get_overload(key[1])
    return _made[key]


def cache_folder() -> Path:
    """Where machine code is kept: $MM_ENV_CACHE, or else a folder in the user's cache (the temporary one if read-only)."""
    chosen = os.environ.get("MM_ENV_CACHE")
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = Path(chosen) if chosen else home / "mm_env"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return folder if os.access(folder, os.W_OK) else Path(tempfile.gettempdir()) / "mm_env"
    except OSError:
        return Path(tempfile.gettempdir()) / "mm_env"


def fingerprint(kernel: Callable[..., Any], *arguments: Any) -> str:
    """A name for all that the machine code of `kernel` depends on."""
    parts = [_package_source(), version("numba"), *code_of(kernel, set()), _rules_version(arguments)]
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:24]


def _rules_version(arguments: Any) -> str:
    """A digest of every rule of the components among the arguments, with the helpers and constants they use."""
    digest, seen = hashlib.sha256(), set()
    for model in _components(arguments):
        digest.update(f"{component.record_class(model)._fields}".encode())  # pyright: ignore[reportAttributeAccessIssue]
        for name, function in component.rules(model).items():
            digest.update(f"{model.__qualname__}.{name} ".encode())
            for part in code_of(function, seen):
                digest.update(part.encode())
    return digest.hexdigest()


@cache
def _package_source() -> str:
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def code_of(thing: Any, seen: set[int]) -> Iterator[str]:
    """What a function is made of: its code, constants, and the globals it names, followed through functions and modules."""
    thing = getattr(thing, "py_func", thing)  # of a numba function
    if not isinstance(thing, python_types.FunctionType):
        yield _constant(thing)
    elif id(thing) not in seen:
        seen.add(id(thing))
        closure = {name: cell.cell_contents for name, cell in zip(thing.__code__.co_freevars, thing.__closure__ or ())}
        yield from _code_object(thing.__code__, {**thing.__globals__, **closure}, seen)
        yield repr(thing.__defaults__)


def _constant(thing: Any) -> str:
    if isinstance(thing, np.ndarray | np.generic):
        return f"{thing.dtype} {thing.shape} {thing.tobytes().hex()}"
    plain = thing is None or isinstance(thing, int | float | complex | str | bytes | tuple | list | dict | frozenset)
    return repr(thing) if plain else str(getattr(thing, "__name__", type(thing)))


def _code_object(code: python_types.CodeType, names: dict[str, Any], seen: set[int]) -> Iterator[str]:
    yield code.co_code.hex()
    for constant in code.co_consts:
        if isinstance(constant, python_types.CodeType):
            yield from _code_object(constant, names, seen)
        elif constant is not None and not isinstance(constant, str):
            yield repr(constant)
    for name in (*code.co_names, *code.co_freevars):
        yield name
        found = names.get(name)
        yield from code_of(found, seen)
        if isinstance(found, python_types.ModuleType):
            for member in code.co_names:
                yield from code_of(vars(found).get(member), seen)


def _components(arguments: Any) -> Iterator[type[component.Component]]:
    """The component classes of the records among (nested) arguments."""
    for argument in arguments:
        if isinstance(argument, tuple):
            if hasattr(type(argument), "component"):
                yield type(argument).component  # pyright: ignore[reportAttributeAccessIssue]
            yield from _components(argument)


def _registered_glue() -> Any:
    """The module that speaks to numba, told of every scalar function that is new since the last call."""
    import mm_env.engine_numba as glue

    for function in maths.SCALARS:
        if function not in _registered:
            _registered.add(function)
            glue.register_scalar(function)
    return glue
