"""A command as a program: it ends on Ctrl-C and SIGTERM with one line, and any terminal can show what it prints.

The first signal ends it where it is or, where that would lose work (`held`), at the next safe point; half a second later a
second one ends it at once. Either way the exit code is 130.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

CODE = 130
APART = 0.5  # seconds; signals closer than that are one: a terminal, `timeout` and a parent may all send it
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(KeyboardInterrupt):
    """The run was asked to end; the text says how to go on."""


class _Asked:
    since: float | None = None  # when a signal came
    held = 0  # how many wait for a safe point


@contextmanager
def held() -> Iterator[None]:
    """Until it is left a signal is noted and no more: whoever works here looks at `asked` wherever it can end."""
    hold()
    try:
        yield
    finally:
        release()


def hold() -> None:
    """What `held` does first."""
    _Asked.held += 1


def release() -> None:
    """What `held` does last."""
    _Asked.held -= 1


def asked() -> bool:
    """Whether a signal came that asks this process to end."""
    return _Asked.since is not None


def check() -> None:
    """End here if a signal asked for it. Raises: Interrupted."""
    if asked():
        raise Interrupted


def run(main: Callable[[], Any]) -> Any:
    """What `main` returns. Raises: SystemExit with the code 130, after one line, if a signal ends it."""
    _print_anywhere()
    with _listening():
        try:
            return main()
        except KeyboardInterrupt as stop:
            with held():  # nothing ends the last line
                sys.stderr.write(f"interrupted: {stop}\n" if str(stop) else "interrupted\n")
            raise SystemExit(CODE) from None


@contextmanager
def unheard() -> Iterator[None]:
    """Keep Ctrl-C from this thread until it is left, and for good from the processes that start meanwhile."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def listen_early() -> None:
    """End at once, with a line, while a command still imports what it needs."""
    for number in _SIGNALS:
        if _may_listen(number):
            signal.signal(number, _end_early)


def listen_as_worker() -> None:
    """Leave Ctrl-C, which a terminal sends to all, to the parent, and end when it says so (SIGTERM)."""
    if multiprocessing.parent_process() is not None and _may_listen(signal.SIGTERM):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, _on_signal)


@contextmanager
def _listening() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in _SIGNALS if _may_listen(number)}
    for number in before:
        signal.signal(number, _on_signal)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _Asked.since = None


def _may_listen(number: int) -> bool:
    """Whether nobody else listens: a launcher, say, that has its jobs queued again."""
    alone = signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler, _end_early)
    return alone and threading.current_thread() is threading.main_thread()


def _end_early(*_: Any) -> None:
    os.write(2, b"interrupted\n")
    os._exit(CODE)


def _on_signal(number: int, _: Any) -> None:
    now, first = time.monotonic(), _Asked.since
    if first is not None and now - first < APART:
        return
    for worker in multiprocessing.active_children():
        with suppress(ProcessLookupError, TypeError):
            os.kill(worker.pid, signal.SIGTERM if first is None else signal.SIGKILL)  # pyright: ignore
    if first is not None:
        os.write(2, b"interrupted at once\n")
        os._exit(CODE)
    _Asked.since = now
    if not _Asked.held:
        raise Interrupted


def _print_anywhere() -> None:
    """Show a question mark for what the terminal's encoding does not have."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, ValueError):
            stream.reconfigure(errors="replace")  # pyright: ignore[reportAttributeAccessIssue]
