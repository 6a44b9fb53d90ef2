"""The lattice market that is exact by hand: depths of 1, 2 or 3 ticks, a mid that moves by a tick, a close at a tick a unit."""

from mm_env import (
    Binomial,
    CVaR,
    Dealer,
    DepthGrid,
    Fill,
    FiniteHorizon,
    Flow,
    Margin,
    Market,
    NonNegative,
    Reward,
    rule,
)


class Table(Fill):
    """Filled with probability .45, .28, .15 at depths of 1, 2 and 3 ticks, and never farther out."""

    @rule
    def take(self, depth):
        return 0.45 if depth < 1.5 else 0.28 if depth < 2.5 else 0.15 if depth < 3.5 else 0.0


class EachStep(Flow):
    """One order a step."""

    @rule
    def probability(self, take, dt):
        return take


class Closed(Reward):
    """The wealth change, less a tick for each unit that is left at the end."""

    @rule
    def penalty(self, inventory, dt, final):
        return abs(inventory) * final


class Maintenance(Margin):
    """Closed at 3 ticks a unit and a loss of 10 more where 8 + profit < 4 |q|."""

    capital: NonNegative = 8.0

    @rule
    def holds(self, standing, now):
        return self.capital + standing.profit >= 4.0 * standing.held

    @rule
    def closing_cost(self, standing, inventory, now):
        return 10.0 + 3.0 * abs(inventory)


def lattice(reward: Reward | None = None, **parts) -> Market:
    """The market, from nothing, of 20 steps and at most 4 units."""
    quote = DepthGrid(depths=[1.0, 2.0, 3.0, 1e9])
    venue = Dealer(EachStep(), Table())
    return Market(Binomial(1.0), venue, FiniteHorizon(20.0, 20), quote, reward or Closed(), max_inventory=4.0, **parts)


TAIL = CVaR(level=0.95, closing_cost=1.0)
