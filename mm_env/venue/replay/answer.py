"""How a recorded market answers our own trades, which are not in the recording."""

from __future__ import annotations

import math

from mm_env.core.component import Component, rule
from mm_env.core.parameters import NonNegative


class Answer(Component):
    """What our trades do to the prices of a replay: the displacement of the mid by them, and what it costs us."""

    @property
    def signals(self) -> tuple[str, ...]:
        """The names of what it shows: one, if `shown`."""
        return ("displacement",) if self.shown() else ()

    @rule
    def shown(self) -> int:
        """1 if the displacement is shown, else 0."""
        return 1

    @rule
    def left(self, displacement: float, time: float) -> float:
        """What is left of a displacement (price) after a time."""
        raise NotImplementedError

    @rule
    def pushed(self, displacement: float, units: float) -> float:
        """The displacement (price) once we have bought so many units (sold, if negative)."""
        raise NotImplementedError

    @rule
    def cost(self, displacement: float, units: float) -> float:
        """What such a trade costs beyond its recorded price: money, a gain if negative."""
        raise NotImplementedError


class NoAnswer(Answer):
    """Nobody looks at what we trade."""

    @rule
    def shown(self) -> int:
        return 0

    @rule
    def left(self, displacement: float, time: float) -> float:
        return 0.0

    @rule
    def pushed(self, displacement: float, units: float) -> float:
        return 0.0

    @rule
    def cost(self, displacement: float, units: float) -> float:
        return 0.0


class TransientImpact(Answer):
    """Each unit that we buy lifts all prices by `strength`, each that we sell lowers them, and that fades at the rate `decay`:
    the displacement of the mid is x(t) = strength sum_i v_i exp(-decay (t - t_i)) over our trades v_i.

    A trade of v units is made at the recorded price + x + strength v / 2, half its own impact included, whether by a limit or a
    market order. Our quotes move with x, so that who trades with us is who does in the recording. Wealth is marked at the
    recorded mid, to which the displaced one returns: all that the trades of an episode cost beyond their recorded prices is
    sum_ij v_i v_j strength exp(-decay |t_i - t_j|) / 2, which is never negative: no round trip earns by its own impact.

    Of Obizhaeva & Wang 2013 (J. Financial Markets 16) with an exponential kernel, for which Gatheral 2010 (Quant. Finance 10)
    shows that prices are not manipulated. A limit order's fill takes from others what the recording gave them: it counts as
    our demand, like a market order. `experiments.calibrate kind=replay` fits both numbers to the recorded market orders.
    """

    strength: NonNegative  # price per unit
    decay: NonNegative  # per time

    @rule
    def left(self, displacement: float, time: float) -> float:
        return displacement * math.exp(-self.decay * time)

    @rule
    def pushed(self, displacement: float, units: float) -> float:
        return displacement + self.strength * units

    @rule
    def cost(self, displacement: float, units: float) -> float:
        return units * (displacement + 0.5 * self.strength * units)
