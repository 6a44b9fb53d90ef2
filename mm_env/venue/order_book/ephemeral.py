"""A self-exciting flow whose excitement is a whole number: what an order excites lasts for a random time, and then is gone."""

from __future__ import annotations

from typing import Any

from mm_env.core.component import rule
from mm_env.core.parameters import AtLeastOne, NonNegative, Positive
from mm_env.venue.order_book.order_flow import MARKET
from mm_env.venue.order_book.poisson import ContStoikovTalreja


class EphemerallySelfExciting(ContStoikovTalreja):
    """Limit orders and cancellations as in `ContStoikovTalreja`; market orders bring market orders of their own side.

    Market orders against a side come at taking + excitation Q. Each adds one to its side's Q, at most `most`, and each unit of
    Q ends at the rate `expiry`: the ephemerally self-exciting process of Daw & Pender 2022 (Advances in Applied Probability
    54(2), 340-403), cut at `most`. Without the cut it has the mean, and the branching ratio excitation / expiry, of the Hawkes
    process with the kernel excitation exp(-expiry t); but its state is a whole number, so that it can be solved exactly.
    """

    excitation: NonNegative = 0.0  # market orders / time, of each unit
    expiry_rate: Positive = 1.0  # 1 / time, of each unit
    most: AtLeastOne = 3.0  # units a side

    @property
    def signals(self) -> tuple[str, ...]:
        """The units of excitement of market orders that sell, and that buy."""
        return ("sells_excited", "buys_excited")

    @rule
    def show(self, book: Any, observations: Any, place: int) -> None:
        for side in range(2):
            observations[place + side] = book.excitement[MARKET + side]

    @rule
    def rate(self, table: Any, kind: int, weight: float, excitement: float) -> float:
        return weight + self.activity * self.excitation * excitement

    @rule
    def remembers(self) -> bool:
        return True

    @rule
    def kick(self, table: Any, kind: int, cause: int) -> float:
        return 1.0 if kind == cause and kind >= MARKET else 0.0

    @rule
    def most_excited(self) -> float:
        return self.most

    @rule
    def expires(self) -> bool:
        return True

    @rule
    def expiry(self) -> float:
        return self.activity * self.expiry_rate
