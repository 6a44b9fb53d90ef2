"""A market whose wealth stays on a lattice, so that optima over (time, inventory, wealth) are exact: CVaR and margin calls."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from agents.exact.blind_optimum import blind_optimum
from agents.exact.cvar import best_threshold, nested_cvar, threshold_of
from agents.exact.evaluation import evaluate, worth
from agents.exact.optimum import optimum
from agents.policy import play
from experiments.verification.suite import Asked, Row, suite
from experiments.verification.suites.heston import simulated
from mm_env import (
    Bernoulli,
    Binomial,
    CVaR,
    Dealer,
    DepthGrid,
    Fill,
    FiniteHorizon,
    Market,
    NoMargin,
    NonNegative,
    Probability,
    Reward,
    rule,
)
from mm_env.margins import MaintenanceMargin
from mm_env.quote import NOWHERE

CLOSING, EXACT = 1.0, 1e-7  # ticks a unit that is left at the end; tolerance
TAIL = CVaR(level=0.95, closing_cost=CLOSING)  # the mean of the worst 5 %


class Rungs(Fill):
    """Shares of orders that reach quotes 1, 2 and 3 ticks away; none reaches farther."""

    first: Probability
    second: Probability
    third: Probability

    @rule
    def take(self, depth: float) -> float:
        near = self.first if depth < 1.5 else self.second
        far = self.third if depth < 3.5 else 0.0
        return near if depth < 2.5 else far


class ClosedAtTheEnd(Reward):
    """Wealth change, less `cost` for each unit that is left at the end."""

    cost: NonNegative

    @rule
    def penalty(self, inventory: float, dt: float, final: float) -> float:
        return final * self.cost * abs(inventory)


def lattice() -> Market:
    """20 steps, |q| <= 4, depths of 1 to 3 ticks filled with probability .45, .28, .15, or none; the mid moves by a tick."""
    return Market(
        price=Binomial(sigma=1.0), venue=Dealer(Bernoulli(1.0), Rungs(0.45, 0.28, 0.15)), clock=FiniteHorizon(20.0, 20),
        quote=DepthGrid((1.0, 2.0, 3.0, NOWHERE)), reward=ClosedAtTheEnd(CLOSING), max_inventory=4.0,
    )  # fmt: skip


@suite("lattice_cvar", "exact by hand: 20 steps, |q| <= 4, depths of 1 to 3 ticks, closed at a tick a unit", 15.0)
def cvar(_: Asked) -> Iterator[Row]:
    """The best expected profit with its risk, and the best static CVaR, whose threshold is the best of all ticks around it."""
    market = lattice()
    best = optimum(market)
    actions = best.table().actions
    yield Row("expected profit at best", 20.30627916, best.objective, EXACT)
    yield Row("its standard deviation", 8.80757, math.sqrt(evaluate(market, actions).variance), 5e-6)
    yield Row("its CVaR95", 1.66093, threshold_of(replace(market, reward=TAIL), actions)[1], 5e-6)
    yield Row("its nested CVaR at level 0", 20.30627916, nested_cvar(market, actions, 0.0), EXACT)
    threshold = best_threshold(replace(market, reward=TAIL))
    careful = optimum(replace(market, reward=replace(TAIL, threshold=threshold)))
    yield Row("best static CVaR95", 6.54570792, careful.worth, EXACT)
    yield Row("its threshold", 9.0, threshold, 0.0)


@suite("lattice_margin", "exact by hand: equity 8 + profit below 4 |q| is closed at 3 ticks a unit and 10 more", 15.0)
def margin(asked: Asked) -> Iterator[Row]:
    """The optimum, and that of who knows no margin; ruin is simulated."""
    called = MaintenanceMargin(capital=8.0, per_unit=4.0, liquidation_cost=3.0, franchise_loss=10.0)
    market = replace(lattice(), margin=called)
    best, blind = optimum(market), blind_optimum(market, {"margin": NoMargin()})
    yield Row("expected profit at best", 19.49148897, best.worth, EXACT)
    yield Row("of who ignores the margin", 16.66627054, worth(market, blind.best.table().actions), EXACT)
    for name, policy, ruin in (("at best", best, 0.01578), ("ignoring the margin", blind, 0.12556)):
        closed = play(market, policy, asked.episodes, asked.seed).closed
        assert closed is not None
        yield simulated(f"ruin, {name}, simulated", ruin, closed)
