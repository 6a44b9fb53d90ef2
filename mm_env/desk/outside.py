"""Trading an instrument of a desk with others than its clients: at a rate, to a target, or not at all."""

from __future__ import annotations

from typing import ClassVar

from mm_env.core.component import Component, rule
from mm_env.core.maths import clip
from mm_env.core.parameters import NonNegative, Positive


class Outside(Component):
    """Trading an instrument with others than clients, when quotes are set and before clients come, at the mid and a cost.
    Override all rules.

    Its number in the action comes after all quotes, in the instruments' order.
    """

    width: ClassVar[int] = 1  # numbers of an action
    needs_options: ClassVar[bool] = False  # it goes by the delta of a book of options

    @rule
    def hedge(self, action: float, inventory: float, delta: float, largest: float, dt: float, uniform: float) -> float:
        """As `trade`, in a desk of options, whose book has this delta, in units of the underlying."""
        return self.trade(action, inventory, largest, dt, uniform)

    @rule
    def trade(self, action: float, inventory: float, largest: float, dt: float, uniform: float) -> float:
        """The units bought (sold, if negative) within a step, by a number in [-1, 1]; `uniform` is noise of its own."""
        raise NotImplementedError

    @rule
    def cost(self, action: float, units: float, dt: float) -> float:
        """What that costs beside the mid, price units, >= 0."""
        raise NotImplementedError

    @rule
    def push(self, units: float) -> float:
        """How far it moves the mid for good, price units."""
        raise NotImplementedError


class NoOutside(Outside):
    """Nothing is traded but with clients."""

    width: ClassVar[int] = 0

    @rule
    def trade(self, action: float, inventory: float, largest: float, dt: float, uniform: float) -> float:
        return 0.0

    @rule
    def cost(self, action: float, units: float, dt: float) -> float:
        return 0.0

    @rule
    def push(self, units: float) -> float:
        return 0.0


class OutsideRate(Outside):
    """A rate v in [-max_rate, max_rate], units / time, at the cost (half_spread |v| + quadratic v^2) dt, moving the mid by
    impact v dt (Barzykin, Bergault & Gueant 2023, sec. 2). Never beyond the limit of the inventory.

    With a `lot`, one lot is traded with probability |v| dt / lot, so that inventories of whole lots stay whole: the mean of
    units, cost and impact is the same.
    """

    max_rate: Positive  # units / time
    half_spread: NonNegative = 0.0  # price
    quadratic: NonNegative = 0.0  # price time / units
    impact: NonNegative = 0.0  # price / unit
    lot: NonNegative = 0.0  # units; 0: any number of units

    @rule
    def trade(self, action: float, inventory: float, largest: float, dt: float, uniform: float) -> float:
        wanted = clip(action, -1.0, 1.0) * self.max_rate * dt
        lots = self.lot if uniform * self.lot < abs(wanted) else 0.0
        units = (lots if wanted > 0.0 else -lots) if self.lot > 0.0 else wanted
        held = clip(inventory + units, min(-largest, inventory), max(largest, inventory)) - inventory
        return held if self.lot == 0.0 else (units if abs(held - units) < 1e-9 * self.lot else 0.0)

    @rule
    def cost(self, action: float, units: float, dt: float) -> float:
        per_unit = self.max_rate * abs(clip(action, -1.0, 1.0)) if self.lot > 0.0 else abs(units) / dt
        return abs(units) * (self.half_spread + self.quadratic * per_unit)

    @rule
    def push(self, units: float) -> float:
        return self.impact * units


class OutsideTarget(Outside):
    """An inventory to trade to at once, from -max_inventory at -1 to max_inventory at +1: n units cost half_spread |n| +
    quadratic n^2 and move the mid by impact n."""

    half_spread: NonNegative = 0.0  # price
    quadratic: NonNegative = 0.0  # price / unit
    impact: NonNegative = 0.0  # price / unit

    @rule
    def trade(self, action: float, inventory: float, largest: float, dt: float, uniform: float) -> float:
        return clip(action, -1.0, 1.0) * largest - inventory

    @rule
    def cost(self, action: float, units: float, dt: float) -> float:
        return self.half_spread * abs(units) + self.quadratic * units * units

    @rule
    def push(self, units: float) -> float:
        return self.impact * units


class OutsideDelta(Outside):
    """The delta of a book of options is traded away in their underlying but for a band: down to `widest` (action + 1) / 2, so
    all of it at -1; at +1 nothing is traded. Within the limit of the inventory n units cost half_spread |n| + quadratic n^2 and
    move the mid by impact n."""

    widest: Positive  # units of the underlying, delta that is left at most
    half_spread: NonNegative = 0.0  # price
    quadratic: NonNegative = 0.0  # price / unit
    impact: NonNegative = 0.0  # price / unit

    needs_options: ClassVar[bool] = True

    @rule
    def hedge(self, action: float, inventory: float, delta: float, largest: float, dt: float, uniform: float) -> float:
        kept = self.widest * 0.5 * (clip(action, -1.0, 1.0) + 1.0)
        beyond = 0.0 if action >= 1.0 else max(abs(delta) - kept, 0.0)
        wanted = inventory - (beyond if delta > 0.0 else -beyond)
        return clip(wanted, min(-largest, inventory), max(largest, inventory)) - inventory

    @rule
    def trade(self, action: float, inventory: float, largest: float, dt: float, uniform: float) -> float:
        return 0.0

    cost, push = OutsideTarget.cost, OutsideTarget.push  # the very same rules: of the same fields
