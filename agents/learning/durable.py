"""Files that are there whole or not at all, whoever else writes them, and whenever the process or the machine stops."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import mkstemp


def put(path: Path, write: Callable[[Path], object]) -> None:
    """Have `write` fill a file beside `path`, and put it in its place in one move once the disk has it.

    What was there before stays if `write` fails, and nothing else is left behind.

    Raises: OSError naming `path` if it cannot be written, as on a full disk.
    """
    try:
        number, name = mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".partial")
        os.close(number)
    except OSError as error:
        raise _of(path, error) from error
    partial = Path(name)
    try:
        partial.chmod(0o666 & ~_umask())  # as any other file of the user's
        write(partial)
        _to_disk(partial, os.O_RDWR)
        os.replace(partial, path)
    except OSError as error:
        raise _of(path, error) from error
    finally:
        partial.unlink(missing_ok=True)
    with suppress(OSError):  # not every file system lets a folder be opened
        _to_disk(path.parent, os.O_RDONLY)


def put_text(path: Path, text: str) -> None:
    """Put `text`, as UTF-8 and to the letter, in the place of `path`."""
    put(path, lambda partial: partial.write_bytes(text.encode()))


def _of(path: Path, error: OSError) -> OSError:
    return type(error)(error.errno, f"{path} cannot be written: {error.strerror or error}")


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def _to_disk(path: Path, mode: int) -> None:
    number = os.open(path, mode)
    try:
        os.fsync(number)
    finally:
        os.close(number)
