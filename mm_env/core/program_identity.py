"""What a Python program is made of, in words: the functions and classes that it starts from, and all that they name.

`code_identity` tells what machine code is made of. Here strings count too, and a class counts with all of its members: a method
is reached by an attribute of an object whose class the code alone does not tell.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from functools import cached_property, partial
from importlib import import_module
from pathlib import Path
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

LIBRARIES = frozenset({
    "filelock", "gymnasium", "llvmlite", "matplotlib", "numba", "numpy", "pandas", "polars", "scipy", "torch", "tqdm",
})  # fmt: skip
_PLAIN = (int, float, complex, str, bytes, np.dtype, type(None))
_INNER = {
    property: "fget", cached_property: "func", partial: "func", staticmethod: "__func__", classmethod: "__func__",
    MethodType: "__func__",
}  # fmt: skip
_UNSAID = (
    "__annotations__", "__dict__", "__doc__", "__firstlineno__", "__module__", "__static_attributes__", "__weakref__",
    "Record",
)  # fmt: skip


class Program:
    """Collects in `words` what things are made of, each once; of modules in `known` and of libraries, names and versions.

    A list, dict or set counts with what it holds where its name is written as a constant's; else it holds what has happened.
    """

    def __init__(self, known: Iterable[str] = ()) -> None:
        self.known, self.words = {*known}, list[str]()
        self._seen: dict[int, Any] = {}  # kept, so that no other thing gets the same id

    def add(self, thing: Any, name: str = "") -> None:
        """Tell the code, constants and strings of `thing` and of all that it names. Docstrings and comments do not count."""
        if isinstance(thing, _PLAIN):
            self.words.append(repr(thing))
        elif isinstance(thing := _unwrapped(thing), FunctionType | type):
            self._add_code(thing)
        elif isinstance(thing, tuple) or (isinstance(thing, list | dict | set | frozenset) and name.isupper()):
            self._add_items(thing)
        elif isinstance(thing, np.ndarray | np.generic):
            self.words.append(f"{thing.dtype} {thing.shape} {thing.tobytes().hex()}")
        elif not isinstance(thing, ModuleType | list | dict | set):
            self.add(type(thing))
            self._add_items(vars(thing) if hasattr(thing, "__dataclass_fields__") else ())

    def add_file(self, path: Path) -> None:
        """Tell the code of a whole file."""
        source = path.read_text(encoding="utf-8")
        self._add_code_object(compile(source, "", "exec", dont_inherit=True, optimize=2), ({},))

    def _add_code(self, thing: FunctionType | type) -> None:
        self.words.append(f"{thing.__module__}.{thing.__qualname__} {_version(thing.__module__)}")
        if id(thing) not in self._seen and not self._is_known(thing.__module__):
            self._seen[id(thing)] = thing
            self._add_function(thing) if isinstance(thing, FunctionType) else self._add_class(thing)

    def _is_known(self, module: str) -> bool:
        first = module.partition(".")[0]
        return module in self.known or first in LIBRARIES or first in sys.stdlib_module_names

    def _add_items(self, items: Any) -> None:
        if isinstance(items, dict):
            items = items.items()
        for item in sorted(items, key=repr) if isinstance(items, set | frozenset) else items:
            self.add(item, "ITEM")

    def _add_class(self, cls: type) -> None:
        for base in cls.__bases__:
            self.add(base)
        for name, member in list(vars(cls).items()):
            if name not in _UNSAID:
                self.words.append(name)
                self.add(member, "MEMBER")

    def _add_function(self, function: FunctionType) -> None:
        closure = zip(function.__code__.co_freevars, function.__closure__ or ())
        self._add_code_object(function.__code__, ({n: cell.cell_contents for n, cell in closure}, function.__globals__))
        self.add((function.__defaults__, *(function.__kwdefaults__ or {}).items()))

    def _add_code_object(self, code: CodeType, scopes: tuple[dict[str, Any], ...]) -> None:
        self.words.append(code.co_code.hex())
        documented = bool(code.co_consts) and isinstance(code.co_consts[0], str) and not code.co_name.startswith("<")
        for constant in code.co_consts[1:] if documented else code.co_consts:
            if isinstance(constant, CodeType):
                self._add_code_object(constant, scopes)
            else:
                self.add(constant, "CONSTANT")
        for name in (*code.co_names, *code.co_freevars):
            self.words.append(name)
            found = next((scope[name] for scope in scopes if name in scope), None)
            self.add(found, name)
            if name.partition(".")[0] in ("mm_env", "agents"):
                found = import_module(name)  # what is imported within a function
            if isinstance(found, ModuleType):
                self._add_module(found, code.co_names, {id(found)})

    def _add_module(self, module: ModuleType, names: tuple[str, ...], visited: set[int]) -> None:
        """What of a module's members, and of the modules' among them, may be meant by `names`."""
        if self._is_known(module.__name__):
            self.words.append(_version(module.__name__))
            return
        for name in names:
            member = vars(module).get(name)
            self.add(member, name)
            if isinstance(member, ModuleType) and id(member) not in visited:
                visited.add(id(member))
                self._add_module(member, names, visited)


def _version(module: str) -> str:
    first = module.partition(".")[0]
    return str(getattr(sys.modules[first], "__version__", "")) if first in LIBRARIES and first in sys.modules else ""


def _unwrapped(thing: Any) -> Any:
    """The function within a property, a method, a cache, or what numba compiled."""
    while not isinstance(thing, FunctionType | type):
        inner = next((name for kind, name in _INNER.items() if isinstance(thing, kind)), None)
        inner = inner or next((name for name in ("py_func", "__wrapped__") if hasattr(thing, name)), None)
        if inner is None:
            break
        thing = getattr(thing, inner)
    return thing
