"""Recorded markets: readers of exchanges' files, a store of parsed days, and the order book rebuilt and checked from messages.

`read(path)` is a Recording, whatever the format; `days(path)` are the days at a path; `store(path, folder)` keeps them.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mm_env.data.listing import days, read, register, store

__all__ = ["days", "read", "register", "store"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from mm_env.data import listing as found  # here, as readers need not be loaded with the package

    return getattr(found, name)
