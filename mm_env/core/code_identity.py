"""What a function is made of, in words: two functions with the same words do the same, whatever file they stand in."""

from __future__ import annotations

import types as python_types
from collections.abc import Iterator
from typing import Any

import numpy as np

_PLAIN = (int, float, complex, str, bytes, tuple, list, dict, frozenset, np.dtype, type(None))


def code_of(thing: Any, seen: set[int]) -> Iterator[str]:
    """The code and constants of a function, and of all that it names, followed through functions and modules.

    Docstrings, comments and places in files do not count. `seen` holds the ids of what was told before.
    """
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
    if isinstance(thing, _PLAIN):
        return repr(thing)
    fields = getattr(thing, "_fields", "")  # of a named tuple's class: compiled code tells fields apart by their places
    return f"{getattr(thing, '__name__', type(thing))} {fields}"


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
            yield from _of_module(found, code.co_names, seen)


def _of_module(module: python_types.ModuleType, names: tuple[str, ...], seen: set[int]) -> Iterator[str]:
    """What of a module's members, and of the modules' among them, may be meant by `names`."""
    for member in (vars(module).get(name) for name in names):
        yield from code_of(member, seen)
        if isinstance(member, python_types.ModuleType) and id(member) not in seen:
            seen.add(id(member))
            yield from _of_module(member, names, seen)
