"""Optima on disk: the same bits, never stale, and whole whatever happens."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from agents.exact import optimum_cache as stored
from agents.exact.optimum import Optimum, optimum
from mm_env import Brownian, Ergodic, InventoryPenalty, OrnsteinUhlenbeck, Sides
from tests.worlds import same_bits, world

ROOT = Path(__file__).parents[2]
MARKET = world()
MODULE = """
import math
from mm_env import Law, Positive, Price, rule, scalar
from mm_env.core.maths import normal
FACTOR = 1.0

@scalar
def twice(x):
    return 2.0 * x

class Mine(Price):
    sigma: Positive

    @rule
    def move(self, mid, latent, noise, dt):
        mean = FACTOR * twice(1.0) * dt
        return mid + mean + self.sigma * math.sqrt(dt) * normal(noise.price)

    def law(self, dt, nodes):
        mean = FACTOR * twice(1.0) * dt
        return Law(mean=mean, variance=self.sigma**2 * dt)
"""
MAIN = """
import agents.exact.quote_optimum as module
from agents.exact.optimum import optimum
from mine import Mine
from tests.worlds import world
solved = []
kept = module._with_error
module._with_error = lambda *a: (solved.append(1), kept(*a))[1]
print(optimum(world(price=Mine(sigma=1.0)), kept_from=0.0).objective, len(solved))
"""
EDITS = {
    "the law": ("mean = FACTOR", "mean = 3.0 * FACTOR"),
    "a helper of the law": ("return 2.0 * x", "return 3.0 * x"),
    "a number of the law": ("FACTOR = 1.0", "FACTOR = 4.0"),
    "a rule": ("mean + self.sigma", "mean - self.sigma"),
}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A cache of its own, that is empty."""
    monkeypatch.setattr(stored.cache, "folder", lambda: tmp_path)
    return tmp_path / "optima"


@pytest.fixture
def solved(monkeypatch):
    """The markets that had to be solved."""
    import agents.exact.quote_optimum as module

    found, kept = [], module._with_error
    monkeypatch.setattr(module, "_with_error", lambda market, *rest: (found.append(market), kept(market, *rest))[1])
    return found


def alike(one, other):
    arrays = all(same_bits(getattr(one, name), getattr(other, name)) for name in ("value", "actions"))
    return arrays and (one.rate, one.error, one.objective) == (other.rate, other.error, other.objective)


@pytest.mark.parametrize("parts", [
    {},
    {"price": OrnsteinUhlenbeck(1.0, 2.0, 100.0)},
    {"clock": Ergodic(1.0, 10), "reward": InventoryPenalty(0.3)},
])  # fmt: skip
def test_what_is_loaded_is_what_was_solved_to_the_bit(parts, tmp_path):
    market = world(**parts)
    found = optimum(market)
    found.save(tmp_path / "a.npz")
    assert alike(Optimum.load(tmp_path / "a.npz", market), found)


def test_what_took_long_is_solved_once(solved, cache):
    first, second = optimum(MARKET, kept_from=0.0), optimum(MARKET)
    assert alike(first, second)
    assert len(solved) == 1
    assert len(list(cache.iterdir())) == 1


def test_what_took_no_time_is_not_kept(solved, cache):
    for _ in range(2):
        optimum(MARKET, kept_from=60.0)
    assert len(solved) == 2
    assert not cache.exists()


@pytest.mark.parametrize("other", [
    replace(MARKET, price=Brownian(sigma=np.nextafter(1.0, 2.0))),
    replace(MARKET, initial_inventory=1.0),
    replace(MARKET, reward=InventoryPenalty(phi=0.5, alpha=0.1000001)),
    replace(MARKET, clock=replace(MARKET.clock, steps=6)),
    replace(MARKET, quote=replace(MARKET.quote, max_skew=1.1)),
    replace(MARKET, venue=replace(MARKET.venue, flow=Sides(MARKET.venue.flow.bid, replace(MARKET.venue.flow.ask, rate=9.0)))),
])  # fmt: skip
def test_another_market_has_another_name(other, tmp_path):
    assert stored.fingerprint(other) != stored.fingerprint(MARKET)
    optimum(MARKET).save(tmp_path / "a.npz")
    with pytest.raises(ValueError, match="must hold the optimum of this market"):
        Optimum.load(tmp_path / "a.npz", other)


def test_another_grid_is_solved_anew(solved):
    market = world(price=OrnsteinUhlenbeck(1.0, 2.0, 100.0))
    for nodes in (11, 21, 11):
        assert len(optimum(market, nodes, kept_from=0.0).axis.nodes) == nodes
    assert len(solved) == 2


def damaged(path):
    """The ways in which a file may come to harm."""
    whole = path.read_bytes()
    middle = len(whole) // 2
    yield from (b"", b"nonsense", whole[:middle], whole[:-1], whole[:200])
    yield whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]


def test_a_damaged_file_is_solved_anew(solved, cache):
    first = optimum(MARKET, kept_from=0.0)
    (path,) = cache.iterdir()
    for times, harm in enumerate(list(damaged(path)), start=2):
        path.write_bytes(harm)
        assert alike(optimum(MARKET, kept_from=0.0), first)
        assert len(solved) == times
    assert alike(optimum(MARKET), first)
    assert len(solved) == times


def in_new_process(folder, cache, edit=("", "")):
    (folder / "mine.py").write_text(MODULE.replace(*edit) if edit[0] else MODULE, encoding="utf-8")
    (folder / "main.py").write_text(MAIN, encoding="utf-8")
    # Python's own bytecode cache takes two edits of one length within one second for the same
    where = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": f"{ROOT}:{folder}", "MM_ENV_CACHE": str(cache), "PATH": ""}
    return subprocess.Popen(
        [sys.executable, folder / "main.py"], env=where, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    )


@pytest.mark.parametrize("edits", [["a number of the law"], pytest.param(list(EDITS), marks=pytest.mark.slow)])
def test_an_edit_of_the_users_model_is_solved_anew(edits, tmp_path):
    """In processes of their own, as between two runs."""
    cache = tmp_path / "cache"
    first = in_new_process(tmp_path, cache).communicate()[0].split()
    assert first[1] == "1"
    assert in_new_process(tmp_path, cache).communicate()[0].split() == [first[0], "0"]
    for name in edits:
        value, times = in_new_process(tmp_path, cache, EDITS[name]).communicate()[0].split()
        assert times == "1", name
        assert (value == first[0]) == (name == "a rule"), name


@pytest.mark.slow
def test_two_processes_that_solve_the_same_do_not_harm_each_other(tmp_path):
    cache = tmp_path / "cache"
    both = [in_new_process(tmp_path, cache) for _ in range(2)]
    said = [process.communicate()[0].split() for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert said[0][0] == said[1][0]
    (path,) = (cache / "optima").iterdir()
    assert stored.read(path) is not None
    assert in_new_process(tmp_path, cache).communicate()[0].split() == [said[0][0], "0"]


def test_the_least_recently_used_make_room(tmp_path, monkeypatch):
    monkeypatch.setattr(stored, "ROOM", 3_000)
    for name in "abc":
        stored.write(tmp_path / f"{name}.npz", {"x": np.zeros(100)})
    os.utime(tmp_path / "a.npz", (2e9, 2e9))
    os.utime(tmp_path / "b.npz", (1e9, 1e9))
    stored.make_room(tmp_path)
    assert {path.name for path in tmp_path.iterdir() if path.suffix == ".npz"} == {"a.npz", "c.npz"}


def test_a_file_is_one_that_numpy_reads(tmp_path):
    optimum(MARKET).save(tmp_path / "a.npz")
    assert np.load(tmp_path / "a.npz")["value"].shape[0] == MARKET.clock.steps + 1


def test_a_full_disk_stops_no_market(solved, cache, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(stored.cache.os, "replace", full)
    first, again = optimum(MARKET, kept_from=0.0), optimum(MARKET, kept_from=0.0)
    assert alike(first, again)
    assert len(solved) == 2
    assert not list(cache.iterdir())  # nor anything in part


def test_a_class_typed_at_a_prompt_is_never_kept():
    class Typed(Brownian):
        pass

    Typed.__module__ = "__main__"
    assert stored.lives_on(MARKET)
    assert not stored.lives_on(replace(MARKET, price=Typed(1.0)))
