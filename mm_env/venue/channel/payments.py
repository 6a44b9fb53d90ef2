"""How large payments are."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from mm_env.core.component import Component, rule
from mm_env.core.maths import scalar
from mm_env.core.parameters import Listed, ListedNonNegative
from mm_env.core.tuples import both, chosen, pick, total, weighted

_SUMMED = 1e-9  # how far shares may be from summing to 1


class PaymentSizes(Component):
    """The law of the size of a payment: sizes[i] order sizes with probability shares[i]; one order size by default."""

    sizes: Listed = (1.0,)  # order sizes: whole, increasing
    shares: ListedNonNegative = (1.0,)

    def __post_init__(self) -> None:
        super().__post_init__()
        sizes, shares = list(self.sizes), list(self.shares)
        if sizes[0] < 1.0 or any(size % 1.0 for size in sizes) or any(b <= a for a, b in pairwise(sizes)):
            raise ValueError(
                f"PaymentSizes.sizes must be whole numbers of order sizes, >= 1 and increasing, got {sizes}"
            )
        if len(shares) != len(sizes) or abs(sum(shares) - 1.0) > _SUMMED:
            raise ValueError(f"PaymentSizes.shares must be one for each of sizes {sizes} and sum to 1, got {shares}")

    @rule
    def draw(self, uniform: float) -> float:
        """A size, order sizes, from a uniform in (0, 1)."""
        return pick(self.sizes, chosen(self.shares, uniform))

    @rule
    def mean_within(self, room: float) -> float:
        """E[size 1{size <= room}], order sizes: of what passes where there is `room` for so much."""
        return weighted(0.0, both(_share_within, self.sizes, self.shares, room), self.sizes)

    @rule
    def passing(self, chance: float, room: float) -> tuple[tuple[float, float], ...]:
        """(probability, order sizes) of what passes of a payment that comes with probability `chance`: nothing, or a size."""
        within = both(_share_within, self.sizes, self.shares, room)
        passed: Any = both(_with_size, within, self.sizes, chance)
        return ((1.0 - chance * total(within), 0.0), *passed)


@scalar
def fits(size: float, room: float) -> float:
    """1.0 if a size is no larger than the room for it, both in order sizes, but for rounding; else 0.0."""
    return 1.0 if size - 0.5 < room else 0.0


@scalar
def _share_within(size: float, share: float, room: float) -> float:
    return share * fits(size, room)


@scalar
def _with_size(share: float, size: float, chance: float) -> tuple[float, float]:
    return chance * share, size
