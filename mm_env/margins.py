"""Margins: what a maker must have to go on trading, and what it loses where it has less.

Equity is the capital brought into the episode and the profit since, all positions at their marks. It is judged once a step,
after the mid has moved: between two steps nothing is sold.
"""

from __future__ import annotations

from dataclasses import field
from typing import Any, ClassVar

from mm_env.core.component import rule, rules
from mm_env.core.maths import scalar
from mm_env.core.parameters import NonNegative, Positive
from mm_env.core.tuples import each, largest
from mm_env.margin import Margin, Standing
from mm_env.watched import WatchingSeveral
from mm_env.world import Now


class Liquidation(Margin):
    """What a margin call costs: the inventory is sold at `liquidation_cost` a unit away from the mid, hedges at their marks,
    and `franchise_loss` more is lost, the business that a failed maker does no longer do."""

    liquidation_cost: NonNegative = field(default=0.0, kw_only=True)  # price units a unit
    franchise_loss: NonNegative = field(default=0.0, kw_only=True)  # price units

    @rule
    def closing_cost(self, standing: Standing, inventory: float, now: Now) -> float:
        return self.liquidation_cost * abs(inventory) + self.franchise_loss


class MaintenanceMargin(Liquidation):
    """The account holds while capital + profit >= per_unit |q| + share x exposure: an exchange's maintenance margin.

    Exposure is |q| S + the sum of |position x mark| over the hedges.
    """

    capital: Positive  # price units
    per_unit: NonNegative = 0.0  # price units a unit
    share: NonNegative = 0.0  # of the exposure

    @rule
    def holds(self, standing: Standing, now: Now) -> bool:
        return self.capital + standing.profit >= self.per_unit * standing.held + self.share * standing.exposure


class LeverageLimit(Liquidation):
    """The account holds while exposure <= leverage x (capital + profit): a maintenance margin of the share 1 / leverage."""

    capital: Positive  # price units
    leverage: Positive

    @rule
    def holds(self, standing: Standing, now: Now) -> bool:
        return standing.exposure <= self.leverage * (self.capital + standing.profit)


class LossLimit(Liquidation):
    """The account holds while profit >= -loss."""

    loss: Positive  # price units

    @rule
    def holds(self, standing: Standing, now: Now) -> bool:
        return standing.profit >= -self.loss


class DrawdownStop(Liquidation):
    """The account holds while the profit is no more than `drawdown` below its peak in the episode."""

    drawdown: Positive  # price units

    watches: ClassVar[tuple[str, ...]] = ("drawdown",)

    @rule
    def holds(self, standing: Standing, now: Now) -> bool:
        return standing.peak - standing.profit <= self.drawdown


class Margins(WatchingSeveral, Margin):
    """The account holds while it does by each of several margins, none of which may have a state of its own.

    Closing it costs the most that any of those asks for by which it does not hold.
    """

    margins: tuple[Margin, ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        for margin in self.margins:
            own = [name for name in ("start", "evolve", "is_open", "judge")
                   if rules(type(margin))[name] is not rules(Margin)[name]]  # fmt: skip
            if own:
                raise TypeError(f"Margins.margins must have no rule `{own[0]}` of their own, got {margin}")

    @rule
    def members(self) -> tuple[Any, ...]:
        return self.margins

    @rule
    def holds(self, standing: Standing, now: Now) -> bool:
        return largest(each(_broken, self.margins, (standing, now))) == 0.0

    @rule
    def closing_cost(self, standing: Standing, inventory: float, now: Now) -> float:
        return largest(each(_call, self.margins, (standing, inventory, now)))


@scalar
def _broken(margin: Any, told: tuple[Any, ...]) -> float:
    standing, now = told
    return 0.0 if margin.holds(standing, now) else 1.0


@scalar
def _call(margin: Any, told: tuple[Any, ...]) -> float:
    """What closing costs by a margin; 0 where the account holds by it."""
    standing, inventory, now = told
    return 0.0 if margin.holds(standing, now) else margin.closing_cost(standing, inventory, now)
