"""Libraries that do not come with the package alone but with an extra of it, as mm_env[training]."""

from __future__ import annotations

from importlib.util import find_spec


class MissingExtra(ModuleNotFoundError):
    """A library that an extra brings is not installed."""


def require(user: str, extra: str, *libraries: str) -> None:
    """Refuse to go on where a library of an extra is not installed.

    Raises: MissingExtra in one line: who needs which libraries, and the extra that brings them.
    """
    missing = [library for library in libraries if find_spec(library) is None]
    if missing:
        raise MissingExtra(
            f"{user} needs mm_env[{extra}]: {', '.join(missing)} not found (in the clone: pip install -e '.[{extra}]')",
            name=missing[0],
        )
