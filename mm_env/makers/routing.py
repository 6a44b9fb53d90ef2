"""Whom of several makers an order goes to."""

from __future__ import annotations

from mm_env.core.component import Component, rule
from mm_env.core.maths import exp
from mm_env.core.parameters import Positive


class Routing(Component):
    """How an order chooses among the makers who are open on its side: one by lot, with chances in the ratio of `weight`.

    The one who is chosen fills it with the venue's own chance at its depth; of the others nobody is asked.
    """

    @rule
    def weight(self, behind: float) -> float:
        """How likely a maker is to be chosen who quotes so far `behind` the best of those who are open, price units >= 0."""
        raise NotImplementedError


class BestQuote(Routing):
    """The order goes to the best quote; ties are broken by a fair lot."""

    @rule
    def weight(self, behind: float) -> float:
        return 1.0 if behind <= 0.0 else 0.0


class LogitRouting(Routing):
    """P(maker i is chosen) is in the ratio of exp(-depth_i / scale): clients who compare, but not by price alone."""

    scale: Positive  # price: who quotes so much deeper is chosen e times more rarely

    @rule
    def weight(self, behind: float) -> float:
        return exp(-behind / self.scale)
