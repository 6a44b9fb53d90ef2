"""Threads: as many as this process may use, and a child of a process that used some goes on."""

import multiprocessing
import os

import numpy as np
import pytest

from mm_env.core import cores
from mm_env.simulation import LANES_PER_THREAD, Simulation
from tests.worlds import world


@pytest.fixture
def groups(tmp_path, monkeypatch):
    """Writes control groups: files by path, and the line of /proc/self/cgroup."""
    monkeypatch.setattr(cores.os, "sched_getaffinity", lambda _: set(range(64)), raising=False)
    quotas = cores._quotas

    def written(line, **files):
        for name, text in files.items():
            path = tmp_path / name.replace("__", "/").replace("_DOT_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        (tmp_path / "own").write_text(line, encoding="utf-8")
        monkeypatch.setattr(cores, "_quotas", lambda: quotas(root=tmp_path, own=tmp_path / "own"))
        return cores.usable_cores()

    return written


def test_affinity_counts(monkeypatch):
    monkeypatch.setattr(cores, "_quotas", lambda: ())
    monkeypatch.setattr(cores.os, "sched_getaffinity", lambda _: {3, 5, 6}, raising=False)
    monkeypatch.setattr(cores.os, "cpu_count", lambda: 64)
    assert cores.usable_cores() == 3


@pytest.mark.parametrize(("limit", "cores_"), [
    ("200000 100000", 2), ("150000 100000", 2), ("10000 100000", 1), ("max 100000", 64), ("", 64), ("9900000 100000", 64),
])  # fmt: skip
def test_a_containers_limit_counts(groups, limit, cores_):
    assert groups("0::/\n", cpu_DOT_max=limit) == cores_


def test_the_limit_of_a_group_around_counts_too(groups):
    line = "0::/pod/container\n"
    assert groups(line, pod__cpu_DOT_max="300000 100000", pod__container__cpu_DOT_max="800000 100000") == 3


def test_a_limit_of_the_first_version_counts(groups):
    files = {"cpu__pod__cpu_DOT_cfs_quota_us": "400000\n", "cpu__pod__cpu_DOT_cfs_period_us": "100000\n"}
    assert groups("5:memory:/pod\n4:cpu,cpuacct:/pod\n", **files) == 4
    files["cpu__pod__cpu_DOT_cfs_quota_us"] = "-1\n"
    assert groups("4:cpu,cpuacct:/pod\n", **files) == 64


@pytest.mark.parametrize("told", ["0", "-1", "two", "1.5"])
def test_a_number_of_threads_that_cannot_be_is_refused_by_name(monkeypatch, told):
    monkeypatch.setenv("NUMBA_NUM_THREADS", told)
    with pytest.raises(ValueError, match=f"NUMBA_NUM_THREADS must be a whole number >= 1, got '{told}'"):
        cores.usable_threads()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_fork_of_a_process_that_used_threads_steps_to_the_same_bits():
    lanes = 2 * LANES_PER_THREAD
    actions = np.full(2 * lanes, 0.1)

    def stepped():
        simulation = Simulation(world(), lanes, threads=2)
        simulation.start(0)
        return simulation.step(actions)[1].sum()

    here, fork = stepped(), multiprocessing.get_context("fork")
    receiver, sender = fork.Pipe(duplex=False)
    child = fork.Process(target=lambda: sender.send(stepped()))
    child.start()
    assert receiver.poll(60), "the child hangs"
    assert receiver.recv() == here
    child.join()
