"""What may come of actions in one step, and how likely: all that `Venue.transitions` states, read by compiled rules."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.exact.nodes import Unsolvable
from agents.exact.outcome_kernel import is_usable, read_outcomes
from agents.exact.price_grid import Axis
from mm_env.core import engine, kernel
from mm_env.core.component import load, record
from mm_env.market import Market
from mm_env.quote import ANY, Quote
from mm_env.state import held_at

Floats = NDArray[np.float64]


class Outcome(NamedTuple):
    """One of the things that may happen in a step, for each cell: a state of the venue and a level of inventory; all (nodes or
    1, cells)."""

    probability: Floats
    level: NDArray[np.int64]  # the index of the cell after it
    cash: Floats  # earned on the fills, relative to the mid at t
    jump: Floats  # the expected jump of the mid
    jump_variance: Floats

    def after(self, ahead: Floats) -> Floats:
        """`ahead` (nodes, cells) at the cell after it."""
        return np.take_along_axis(ahead, np.broadcast_to(self.level, ahead.shape), axis=1)


class Outcomes(NamedTuple):
    """The same of several steps and of all that may happen: (rows, nodes or 1, outcomes, cells)."""

    probability: Floats
    level: NDArray[np.int64]
    cash: Floats
    jump: Floats
    jump_variance: Floats

    def of_row(self, row: int) -> list[Outcome]:
        """Those of one step."""
        parts: Any = self
        return [Outcome(*(part[row, :, k] for part in parts)) for k in range(self.probability.shape[2])]


class Reader:
    """`Venue.transitions` at each (row, node, cell), read by the market's own compiled rules."""

    def __init__(self, market: Market, axis: Axis, places: Floats | None = None) -> None:
        self.market, self.axis = market, axis
        self.places = axis.places if places is None else places
        rules, action = record(market), (0.0,) * market.quote.width
        here = axis.template
        self.shapes = (rules, here, rules.venue.transitions(rules, here, ANY), action)
        self.run: Any = None

    def __call__(self, table: Floats, steps: Floats, nodes: int = 1) -> Outcomes:
        """Of a table (rows, nodes or 1, cells, width), each row at the step of `steps` (rows,), at the first `nodes`.

        Raises: Unsolvable with a quote that means nothing, or with outcomes that cannot be.
        """
        shape = (len(steps), nodes, len(self.shapes[2]), len(self.axis.held))
        found = Outcomes(np.empty(shape), np.empty(shape, np.int64), *(np.empty(shape) for _ in range(3)))
        levels = len(self.axis.held) // self.axis.venues
        arguments = (*self.shapes, self.places, np.ascontiguousarray(table).reshape(-1), steps, levels, *found)
        self.run = self.run or engine.compiled(read_outcomes, *arguments)
        wrong = self.run(*arguments)
        if wrong >= 0:
            self._refuse(wrong, table, steps, nodes)
        return found

    def _refuse(self, wrong: int, table: Floats, steps: Floats, nodes: int) -> None:
        cells, (rules, template, _, _) = len(self.axis.held), self.shapes
        row, node, cell = wrong // cells // nodes, wrong // cells % nodes, wrong % cells
        venue = cell // (cells // self.axis.venues)
        place = (node * self.axis.venues + venue) * (len(self.places) // self.axis.size)
        here = held_at(load(template, self.places, place, 1), float(steps[row]), float(self.axis.held[cell]))
        action = tuple(table[row, node % table.shape[1], cell].tolist())
        read(self.market, np.array([action]))  # refuses a quote that means nothing
        quote = rules.quoted(action, here)
        check_quote(self.market, quote)
        raise Unsolvable(
            f"venue: {type(self.market.venue).__name__}.transitions must be finite, with inventories within the limits in "
            f"whole orders and probabilities that sum to 1: at step {steps[row]:g} and inventory {here.account.inventory:g} "
            f"for {quote} it gives {rules.venue.transitions(rules, here, quote)}"
        )


def read(market: Market, actions: Floats) -> Floats:
    """The quotes (n, 4) of actions (n, width) at the start of an episode."""
    table = np.ascontiguousarray(actions).reshape(-1)
    quotes = np.zeros(4 * len(actions))
    arguments = (record(market), (0.0,) * market.quote.width, table, quotes)
    engine.compiled(kernel.read_quotes, *arguments)(*arguments)
    quotes = quotes.reshape(-1, 4)
    usable = np.isfinite(quotes).all(axis=1) & (quotes[:, 2] >= 0.0) & (quotes[:, 2] <= 1.0)
    if not usable.all():
        check_quote(market, Quote(*quotes[~usable][0].tolist()))
    return quotes


def check_quote(market: Market, quote: Quote) -> None:
    """Refuse a quote that cannot be priced.

    Raises: Unsolvable, naming the rule.
    """
    if is_usable(quote):
        return
    said = "finite numbers" if not np.isfinite(quote).all() else "a cut in [0, 1]"
    raise Unsolvable(f"quote: {type(market.quote).__name__}.decode must give {said}, got {quote}")
