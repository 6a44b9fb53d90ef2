"""Public names by what they were called before: they are found for one version more, with a DeprecationWarning (PEP 562)."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Mapping
from typing import Any


def renamed(module: str, now: Mapping[str, str]) -> Callable[[str], Any]:
    """The `__getattr__` of a module that gives what it calls `now[old]` to who asks for `old`.

    At the end of the module: `__getattr__ = renamed(__name__, {"Game": "BestResponse"})`.
    """

    def find(name: str) -> Any:
        if name not in now:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        warnings.warn(
            f"{module}.{name} is now {now[name]}; the old name goes with version 0.7", DeprecationWarning, stacklevel=2
        )
        return getattr(sys.modules[module], now[name])

    return find
