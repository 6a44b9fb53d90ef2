"""Makes machine code of the kernel for a market's types, keeps it on disk, and never lets it go stale.

Rules are dispatched on the type of the record they are called on (`engine_numba`) and inlined, so that a market's whole
step becomes one loop without a call. The machine code lies in a file named by a fingerprint of everything that it was made
from: the code, constants and helpers of the kernel and of each rule, the types, the compiler and the processor. An edit of
anything else recompiles nothing.
"""

from __future__ import annotations

import gc
import hashlib
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from mm_env.core import cache as files
from mm_env.core import component, maths
from mm_env.core.code_identity import code_of

ROOM = 2**29  # bytes of machine code; what was used least recently makes place
HELD = 256  # kernels in memory, of which a market needs a handful; what was used least recently goes
_CHECKSUM = 32  # bytes at the start of a file: what is damaged is made anew
_PATIENCE = 300.0  # seconds for another process that compiles the same
_making = threading.RLock()  # numba compiles one thing at a time, and so do the versions of rules
_registered: set[Any] = set()
_made: dict[str, Callable[..., Any]] = {}
_settled: list[dict[Any, Callable[..., Any]]] = []
_announced: list[bool] = []

if hasattr(os, "register_at_fork"):  # a child shall not inherit a lock whose holder it has not
    os.register_at_fork(before=_making.acquire, after_in_parent=_making.release, after_in_child=_making.release)


def compiled(kernel: Callable[..., Any], *arguments: Any) -> Callable[..., Any]:
    """`kernel` as machine code for arguments of just these types; from the disk if it was compiled before."""
    import numba

    with _making:
        if not _settled:
            return _compiled(kernel, *arguments)
        known, key = _settled[-1], (kernel, tuple(numba.typeof(argument) for argument in arguments))
        if key not in known:
            known[key] = _compiled(kernel, *arguments)
        return known[key]


def run(kernel: Callable[..., Any], *arguments: Any) -> Any:
    """What `kernel` returns, run as machine code."""
    return compiled(kernel, *arguments)(*arguments)


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

    glue, rules = _registered_glue(), _rules_version(arguments)
    types = tuple(numba.typeof(argument) for argument in arguments)
    name = hashlib.sha256(f"{_fingerprint(kernel, rules)} {types} {glue.processor()}".encode()).hexdigest()[:32]
    found = _made.pop(name, None)
    if found is None:
        lives_on = not any(c.__module__ == "__main__" for c in _components(arguments))
        place = files.folder() if lives_on else None
        new = partial(_new, name, kernel, types, rules)
        found = _kept(place, name, new) if place else new()[0]
    _made[name] = found  # behind all others
    while len(_made) > HELD:
        _made.pop(next(iter(_made)))
    return found


def _kept(place: Path, name: str, new: Callable[[], tuple[Callable[..., Any], bytes | None]]) -> Callable[..., Any]:
    """The machine code that a file holds; else made, and kept there. Others who want the same meanwhile wait for it."""
    path = place / f"{name}.code"
    found = _loaded(path)
    if found:
        return found
    with _alone(path.with_suffix(".lock")):
        found = _loaded(path)
        if found:
            return found
        made, content = new()
        if content and files.write(path, hashlib.sha256(content).digest() + content):
            files.make_room(place, ROOM)
            _tidy(place)
        return made


def _loaded(path: Path) -> Callable[..., Any] | None:
    whole = files.read(path) or b""
    checksum, content = whole[:_CHECKSUM], whole[_CHECKSUM:]
    return _registered_glue().revived(content) if checksum == hashlib.sha256(content).digest() else None


def _new(name: str, kernel: Callable[..., Any], types: Any, rules: str) -> tuple[Callable[..., Any], bytes | None]:
    with _notice(), _uncollected():
        glue = _registered_glue()
        glue.use_version(f"{rules} {_scalars_version()}", maths.SCALARS)
        return glue.made(name, kernel, types)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without garbage collection: looking through the millions of objects that numba makes takes a tenth of the time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Have a lock to oneself, if it is to be had: where it is not, work is done twice and nothing else."""
    from filelock import FileLock, Timeout  # only where something has to be made

    lock = FileLock(path)
    try:
        lock.acquire(timeout=_PATIENCE)
    except (OSError, Timeout, NotImplementedError):  # a full or a read-only disk, or one without locks
        yield
        return
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        lock.release()


@contextmanager
def _notice() -> Iterator[None]:
    """Say once what is happening when it takes more than a second, on the console's error stream."""

    def say() -> None:
        _announced.append(True)
        if sys.stderr:
            sys.stderr.write("mm_env: making machine code of a market's rules, as once for each new market ...\n")

    timer = threading.Timer(1.0, say)
    timer.daemon = True
    if not _announced:
        timer.start()
    try:
        yield
    finally:
        timer.cancel()


@cache
def _tidy(place: Path) -> None:
    files.remove_old_layout(place)


def fingerprint(kernel: Callable[..., Any], *arguments: Any) -> str:
    """A name for all that the machine code of `kernel` depends on but for types and processor."""
    return _fingerprint(kernel, _rules_version(arguments))


def _fingerprint(kernel: Callable[..., Any], rules: str) -> str:
    parts = [own_source(), *_versions(), *code_of(kernel, set()), rules]
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


def _scalars_version() -> str:
    """A digest of every scalar function, with the helpers and constants they use."""
    seen: set[int] = set()
    return hashlib.sha256(" ".join(part for each in maths.SCALARS for part in code_of(each, seen)).encode()).hexdigest()


@cache
def _versions() -> tuple[str, str]:
    return version("numba"), version("llvmlite")


@cache
def own_source() -> str:
    """A digest of this file and of those that speak to numba: of all else only what is reached counts."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("engine*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _components(arguments: Any) -> Iterator[type[component.Component]]:
    """The component classes of the records among (nested) arguments."""
    for argument in arguments:
        if isinstance(argument, tuple):
            if hasattr(type(argument), "component"):
                yield type(argument).component  # pyright: ignore[reportAttributeAccessIssue]
            yield from _components(argument)


@cache
def _glue() -> Any:
    import mm_env.core.engine_numba as glue

    return glue


def _registered_glue() -> Any:
    """The module that speaks to numba, told of every scalar function that is new since the last call."""
    for function in maths.SCALARS:
        if function not in _registered:
            _registered.add(function)
            _glue().register_scalar(function)
    return _glue()
