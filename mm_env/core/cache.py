"""Files that spare work done before: machine code, optima. Any of them may be lost, damaged or refused without harm."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from contextlib import suppress
from pathlib import Path


def folder() -> Path | None:
    """Where files are kept: $MM_ENV_CACHE, or mm_env in the user's own cache, or else in a temporary folder of the user's own.

    None where none of them can be written to. What lies there is trusted as the program itself: machine code is run.
    """
    chosen = _chosen(os.environ.get("MM_ENV_CACHE")) or _users_own()
    return chosen if chosen and _usable(chosen) else _temporary()


def write(path: Path, content: bytes) -> bool:
    """Put a file in place whole or not at all, whoever else writes it or dies; False where it cannot be written."""
    partial = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=path.stem, suffix=".part", delete=False) as file:
            partial = Path(file.name)
            file.write(content)
        os.replace(partial, path)
    except OSError:  # a full disk, say
        if partial:
            with suppress(OSError):
                partial.unlink(missing_ok=True)
        return False
    return True


def read(path: Path) -> bytes | None:
    """What a file holds; None if there is none. It counts as used now."""
    try:
        content = path.read_bytes()
        with suppress(OSError):  # another user's, to be read only
            os.utime(path)
    except OSError:
        return None
    return content


def make_room(place: Path, room: int) -> None:
    """Remove the files that were used least recently until those of a folder fit into `room` bytes."""
    with suppress(OSError):  # another process makes room too
        files = [(found.stat(), found) for found in place.glob("*") if found.is_file()]
        total = sum(facts.st_size for facts, _ in files)
        for facts, found in sorted(files, key=lambda file: file[0].st_mtime):
            if total <= room:
                break
            found.unlink(missing_ok=True)
            total -= facts.st_size


def remove_old_layout(place: Path) -> None:
    """Remove what versions up to 0.4 left: a folder for each fingerprint, with numba's own .nbi and .nbc files in it."""
    with suppress(OSError):
        for old in place.glob("[0-9a-f]" * 24):
            if old.is_dir() and not old.is_symlink():
                shutil.rmtree(old, ignore_errors=True)


def _chosen(name: str | None) -> Path | None:
    with suppress(RuntimeError):  # ~ of a user without a home
        return Path(name).expanduser() if name else None
    return None


def _users_own() -> Path | None:
    named = _chosen(os.environ.get("XDG_CACHE_HOME"))
    with suppress(RuntimeError):  # a user without a home, as in containers
        return (named or Path.home() / ".cache") / "mm_env"
    return None


def _usable(place: Path) -> bool:
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(place, os.W_OK | os.X_OK)


def _temporary() -> Path | None:
    """A folder that no other user can write to, since its files are run; None where another one took its name."""
    user = os.getuid() if hasattr(os, "getuid") else 0
    place = Path(tempfile.gettempdir()) / f"mm_env-{user}"
    try:
        place.mkdir(mode=0o700, exist_ok=True)
        facts = place.lstat()
    except OSError:
        return None
    ours = stat.S_ISDIR(facts.st_mode) and facts.st_uid == user and not facts.st_mode & 0o022
    return place if (ours or os.name == "nt") and os.access(place, os.W_OK | os.X_OK) else None
