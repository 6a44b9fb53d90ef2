"""Files that spare work: where they lie, and that nothing that happens to them stops a market or changes a bit."""

import os
import stat
import tempfile
import threading
from pathlib import Path

import filelock
import numpy as np
import pytest

from mm_env.core import cache, engine, kernel
from tests.mm_env.processes import run_script

ARGUMENTS = (np.zeros(1), np.zeros(1), 0.0, 0.0)
SCRIPT = """
import sys
import numpy as np
from dataclasses import replace
from mm_env.markets import market_named
from mm_env.simulation import Simulation
simulation = Simulation(market_named("amzn"), 4)
simulation.start(0)
print(simulation.step(np.full(8, 0.1))[1].sum())
print(float("mm_env.core.engine_numba" in sys.modules and "numba.core.typed_passes" in sys.modules))
"""


@pytest.fixture
def nowhere(monkeypatch, tmp_path):
    """A user without a home, whose temporary files are in a folder of the test."""
    monkeypatch.delenv("MM_ENV_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", lambda: (_ for _ in ()).throw(RuntimeError("no home")))
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path))
    return tmp_path / f"mm_env-{os.getuid()}"


def anew(monkeypatch, folder):
    """`take_actions`, as a process makes it that has made nothing yet and keeps its files in `folder`."""
    monkeypatch.setenv("MM_ENV_CACHE", str(folder))
    monkeypatch.setattr(engine, "_made", {})
    return engine.compiled(kernel.take_actions, *ARGUMENTS)


def works(made):
    return made(np.array([0.5, np.nan, 3.0]), np.zeros(3), 0.0, 1.0) == 2


def test_files_lie_where_the_user_says(monkeypatch, tmp_path):
    monkeypatch.setenv("MM_ENV_CACHE", str(tmp_path / "new" / "folder"))
    assert cache.folder() == tmp_path / "new" / "folder"
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("MM_ENV_CACHE", "~/of a user")
    assert cache.folder() == tmp_path / "of a user"
    monkeypatch.delenv("MM_ENV_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache.folder() == tmp_path / "mm_env"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache.folder() == tmp_path / ".cache" / "mm_env"


def test_what_the_user_says_is_asked_before_the_home(monkeypatch, nowhere, tmp_path):
    monkeypatch.setenv("MM_ENV_CACHE", str(tmp_path / "mine"))
    assert cache.folder() == tmp_path / "mine"


def test_without_a_home_files_lie_in_a_temporary_folder_of_the_users_own(nowhere):
    assert cache.folder() == nowhere
    assert stat.S_IMODE(nowhere.stat().st_mode) == 0o700


def test_a_folder_that_cannot_be_written_falls_back_to_the_temporary_one(monkeypatch, nowhere, tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("MM_ENV_CACHE", str(tmp_path / "file" / "below"))
    assert cache.folder() == nowhere


@pytest.mark.parametrize("taken", ["by another user", "for others to write to", "as a link", "as a file"])
def test_a_temporary_folder_that_others_could_write_to_is_not_used(monkeypatch, nowhere, tmp_path, taken):
    if taken == "as a link":
        nowhere.symlink_to(tmp_path)
    elif taken == "as a file":
        nowhere.write_text("", encoding="utf-8")
    else:
        nowhere.mkdir()
        nowhere.chmod(0o777 if taken == "for others to write to" else 0o700)
    if taken == "by another user":
        user = os.getuid() + 1
        lstat = Path.lstat
        monkeypatch.setattr(Path, "lstat", lambda path: os.stat_result((*lstat(path)[:4], user, *lstat(path)[5:])))
    assert cache.folder() is None
    monkeypatch.setattr(engine, "_made", {})
    assert works(engine.compiled(kernel.take_actions, *ARGUMENTS))


def damaged(whole):
    """The ways in which a file may come to harm."""
    middle = len(whole) // 2
    yield from (b"", b"nonsense", whole[:middle], whole[:-1], whole + b"x", whole[:32])
    yield whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]


def test_damaged_machine_code_is_made_anew(monkeypatch, tmp_path):
    anew(monkeypatch, tmp_path)
    (path,) = tmp_path.glob("*.code")
    for harm in list(damaged(path.read_bytes())):
        path.write_bytes(harm)
        assert works(anew(monkeypatch, tmp_path))
        assert len(path.read_bytes()) > 1000


def test_machine_code_of_a_stranger_form_is_made_anew(monkeypatch, tmp_path):
    """Whole by its checksum, and not what this version writes."""
    import hashlib
    import pickle

    anew(monkeypatch, tmp_path)
    (path,) = tmp_path.glob("*.code")
    content = pickle.dumps(("another", "form"))
    path.write_bytes(hashlib.sha256(content).digest() + content)
    assert works(anew(monkeypatch, tmp_path))


def test_a_full_disk_stops_no_market(monkeypatch, tmp_path):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache.tempfile, "NamedTemporaryFile", full)
    monkeypatch.setattr(filelock.FileLock, "acquire", full)
    assert works(anew(monkeypatch, tmp_path))
    assert not list(tmp_path.glob("*.code"))


def test_what_was_used_least_recently_makes_room(monkeypatch, tmp_path):
    monkeypatch.setattr(engine, "ROOM", 3_000)
    for name, used in (("a", 2e9), ("b", 1e9)):
        (tmp_path / name).write_bytes(bytes(2_000))
        os.utime(tmp_path / name, (used, used))
    cache.make_room(tmp_path, 3_000)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_what_versions_before_left_is_removed(monkeypatch, tmp_path):
    old = tmp_path / ("0123456789abcdef" + 8 * "0")
    old.mkdir(parents=True)
    (old / "kernel.step_lanes-1.py311.1.nbc").write_bytes(bytes(100))
    (tmp_path / "optima").mkdir()
    anew(monkeypatch, tmp_path)
    assert not old.exists()
    assert (tmp_path / "optima").exists()


def test_a_process_takes_up_what_another_made_to_the_same_bits(tmp_path):
    script, kept = tmp_path / "main.py", tmp_path / "cache"
    script.write_text(SCRIPT, encoding="utf-8")
    first = run_script(script, kept)
    made = {path: path.read_bytes() for path in kept.glob("*.code")}
    assert run_script(script, kept)[0] == first[0]
    assert {path: path.read_bytes() for path in kept.glob("*.code")} == made
    assert not list(kept.glob("*.lock"))


def test_threads_that_want_the_same_make_it_once(monkeypatch, tmp_path):
    monkeypatch.setenv("MM_ENV_CACHE", str(tmp_path))
    monkeypatch.setattr(engine, "_made", {})
    times, made = [], engine._new
    monkeypatch.setattr(engine, "_new", lambda *arguments: (times.append(1), made(*arguments))[1])
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(engine.compiled(kernel.take_actions, *ARGUMENTS)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(times) == 1
    assert len(found) == 4
    assert all(works(one) for one in found)
