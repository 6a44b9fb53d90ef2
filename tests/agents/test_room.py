"""What does not fit into memory is refused before work starts; what takes long is seen to go on."""

import re
import time
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_array

from agents.exact import room
from agents.exact.evaluation import (
    average_reward,
    best_fixed,
    best_linear_skew,
    evaluate,
    inventory_law,
    moments,
    worth_fixed,
)
from agents.exact.optimum import optimum
from agents.exact.price_grid import Unsolvable
from agents.exact.room import levels_of, progress, ticking
from agents.exact.small_book import SmallBook
from agents.robust.adversary import Powers
from agents.robust.best_response import best_response
from agents.robust.robust_optimum import robust_optimum
from agents.strategies.cartea_jaimungal import CarteaJaimungal, CarteaJaimungalStationary
from agents.strategies.glft import GLFT
from mm_env import Ergodic, FiniteHorizon, SpreadAndSkew
from mm_env.core import memory
from mm_env.core.memory import free_memory
from mm_env.markets import small_book
from mm_env.quote import Unbounded
from mm_env.rollout import inventory_levels
from tests.worlds import world

LONG = world(clock=FiniteHorizon(1e8, 10**9), quote=SpreadAndSkew(2.0, 2.0))
WIDE = world(max_inventory=1e12)
POWERS = Powers({"venue.flow.rate": (4.0, 9.5)})
ONE = np.zeros((1, 7, 2))


@pytest.mark.parametrize("solve", [
    optimum, best_fixed, best_linear_skew, lambda m: worth_fixed(m, 0.5), lambda m: evaluate(m, ONE),
    lambda m: inventory_law(m, ONE), lambda m: moments(m, ONE), lambda m: best_response(m, ONE, POWERS),
    lambda m: robust_optimum(m, POWERS),
])  # fmt: skip
def test_a_billion_steps_are_refused_with_what_they_need_and_the_cure(solve):
    with pytest.raises(Unsolvable) as raised:
        solve(LONG)
    said = r"needs [\d,.]+ GB of memory for clock.steps = 1,000,000,000 x 7 inventories, more than the [\d,.]+ GB that are free"
    cure = r": take fewer steps, a smaller max_inventory \(now 3\) or a larger order_size \(now 1\)$"
    assert re.search(said + cure, str(raised.value))


@pytest.mark.parametrize("solve", [optimum, best_fixed, best_linear_skew, lambda m: worth_fixed(m, 0.5)])
def test_a_trillion_inventories_are_refused_before_any_array_is_made(solve):
    with pytest.raises(
        Unsolvable, match=r"GB of memory for 2,000,000,000,001 inventories.*: take a smaller max_inventory"
    ):
        solve(WIDE)


def test_the_equations_of_many_inventories_are_refused():
    market = world(clock=Ergodic(1.0, 10), max_inventory=1e6)
    with pytest.raises(Unsolvable, match=r"the optimum needs .* GB of memory for 2,000,001 inventories"):
        optimum(market)
    with pytest.raises(Unsolvable, match="an average reward needs"):
        average_reward(replace(market, quote=Unbounded()), np.zeros((1, 2_000_001, 2)))


def test_a_small_book_with_too_many_decisions_is_refused(monkeypatch):
    market = replace(small_book(), clock=replace(small_book().clock, steps=10**9))
    one = np.zeros((1, 1))
    states = SmallBook(market, np.zeros(1, int), np.zeros(1), one.astype(int), one, csr_array(one), np.zeros(1))
    monkeypatch.setattr(room, "free_memory", lambda: 1e8)
    with pytest.raises(Unsolvable, match=r"the optimum needs 1\.0 GB of memory for clock.steps = 1,000,000,000"):
        states.best()


@pytest.mark.parametrize("steps", [100, 5000])
def test_no_evaluation_takes_more_memory_than_it_says(steps, monkeypatch):
    market = world(clock=FiniteHorizon(1.0, steps), quote=Unbounded(), max_inventory=50.0)
    table = np.zeros((steps, levels_of(market), 2))
    evaluate(replace(market, clock=FiniteHorizon(1.0, 2)), table[:2])
    asked: list[float] = []
    monkeypatch.setattr(
        "agents.exact.outcomes.require_room", lambda market, what, numbers, **_: asked.append(8.0 * numbers)
    )
    tracemalloc.start()
    evaluate(market, table)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert 0.4 * asked[-1] < peak < 1.05 * asked[-1] + 2e6


def test_a_long_table_is_worth_the_same_in_pieces(monkeypatch):
    market = world(clock=FiniteHorizon(1.0, 50), quote=Unbounded())
    table = np.random.default_rng(0).uniform(0.0, 1.0, (50, 7, 2))
    whole = [evaluate(market, t).value for t in (table, table[:1])]
    monkeypatch.setattr("agents.exact.sweep.CELLS", 7 * 8)
    for value, t in zip(whole, (table, table[:1]), strict=True):
        np.testing.assert_array_equal(evaluate(market, t).value, value)


def test_levels_are_counted_without_being_made():
    for market in (world(), world(order_size=0.1, max_inventory=0.3), world(order_size=2.0, max_inventory=6.0)):
        assert levels_of(market) == len(inventory_levels(market))


@pytest.mark.parametrize("make", [
    lambda q: GLFT(0.01, 0.3, 0.3, 0.9, 600.0, q), lambda q: CarteaJaimungal(30.0, 1.5, 0.1, 0.0, 1.0, q),
    lambda q: CarteaJaimungalStationary(30.0, 1.5, 0.1, q),
])  # fmt: skip
def test_a_closed_form_whose_matrices_do_not_fit_names_its_own_limit(make):
    with pytest.raises(ValueError, match=r"^(GLFT|CarteaJaimungal(Stationary)?).max_inventory must be <= \d+, for"):
        make(10**7)


# what is free


def test_a_container_allows_what_its_limit_leaves_with_files_counted_as_free(tmp_path):
    (tmp_path / "memory.max").write_text("1000\n", encoding="utf-8")
    (tmp_path / "memory.current").write_text("700\n", encoding="utf-8")
    (tmp_path / "memory.stat").write_text("anon 500\ninactive_file 200\n", encoding="utf-8")
    assert memory._of_group(tmp_path) == 500.0
    (tmp_path / "memory.max").write_text("max\n", encoding="utf-8")
    assert memory._of_group(tmp_path) == float("inf")
    assert memory._of_group(tmp_path / "nowhere") == float("inf")


def test_the_older_kind_of_container_is_known_too(tmp_path):
    (tmp_path / "memory.limit_in_bytes").write_text("1000\n", encoding="utf-8")
    (tmp_path / "memory.usage_in_bytes").write_text("900\n", encoding="utf-8")
    (tmp_path / "memory.stat").write_text("total_inactive_file 50\n", encoding="utf-8")
    assert memory._of_group(tmp_path) == 150.0


def test_what_is_free_is_some_and_no_more_than_the_tightest_limit(monkeypatch):
    assert free_memory() > 1e8
    monkeypatch.setattr(memory, "_of_machine", lambda: 123.0)
    assert free_memory() <= 123.0


# what is seen


def test_nothing_is_said_of_what_is_soon_done(capsys):
    assert list(progress(range(3), "solving", "step")) == [0, 1, 2]
    with ticking("best", "tables") as tick:
        tick()
    room.announce("solving", 1e6)
    assert capsys.readouterr().err == ""


def test_what_takes_long_shows_how_far_it_is_where_nobody_watches_too(capsys, monkeypatch):
    monkeypatch.setattr(room, "PATIENCE", 0.01)
    monkeypatch.setattr(room, "_LOGGED", 0.02)
    for _ in progress(range(5), "solving", "step"):
        time.sleep(0.03)
    said = capsys.readouterr().err
    assert "solving:  80%" in said
    assert "4/5" in said
    with ticking("best constant quotes", "tables") as tick:
        for _ in range(3):
            time.sleep(0.03)
            tick()
    assert "best constant quotes: 2tables" in capsys.readouterr().err
    room.announce("solving the equations of 20,001 inventories", 1.6e14)
    assert capsys.readouterr().err == "solving the equations of 20,001 inventories: about 9 hours\n"
