"""Machine code of order books from the disk, beside that of books of another size."""

from tests.mm_env.processes import run_script

SCRIPT = """
import sys
import numpy as np
from dataclasses import replace
from mm_env.markets import cont_stoikov_talreja
from mm_env.simulation import Simulation

for levels in {}:
    market = cont_stoikov_talreja()
    simulation = Simulation(replace(market, venue=replace(market.venue, levels=levels, observed=1)), 4)
    simulation.start(0)
    simulation.step(np.full(4, 5.0))
    print(simulation.books.counts.sum())
"""


def test_code_from_the_disk_is_not_linked_to_namesakes_of_books_of_another_size(tmp_path):
    script = tmp_path / "books.py"
    script.write_text(SCRIPT.format([20]), encoding="utf-8")
    (events,) = run_script(script, tmp_path / "cache")
    script.write_text(SCRIPT.format([5, 20]), encoding="utf-8")
    assert run_script(script, tmp_path / "cache")[-1] == events > 0
