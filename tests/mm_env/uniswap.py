"""A pool with concentrated liquidity after Adams et al. 2021, sec. 6, and the oracle of `mm_env.venue.pool`: slow.

Swaps go from one end of a range to the next, fees grow for all, and what has grown outside of each end says what has grown
inside.
"""

from dataclasses import dataclass


@dataclass
class Provision:
    """Liquidity over [lower, upper], roots of prices, and the growth inside when its fees were last collected."""

    lower: float
    upper: float
    liquidity: float
    collected: tuple[float, float] = (0.0, 0.0)


class Uniswap:
    """`root` is that of the price of token x in token y; fees are `fee` of what comes in."""

    def __init__(self, root: float, fee: float) -> None:
        self.root, self.fee = root, fee
        self.grown, self.outside = [0.0, 0.0], {}
        self.provisions: list[Provision] = []

    def provide(self, lower: float, upper: float, liquidity: float) -> Provision:
        for end in (lower, upper):
            self.outside.setdefault(end, list(self.grown) if self.root >= end else [0.0, 0.0])
        made = Provision(lower, upper, liquidity)
        made.collected = self.inside(made)
        self.provisions.append(made)
        return made

    def withdraw(self, provision: Provision) -> None:
        self.provisions.remove(provision)

    def inside(self, of: Provision) -> tuple[float, float]:
        found = []
        for token in (0, 1):
            below, above = self.outside[of.lower][token], self.outside[of.upper][token]
            below = below if self.root >= of.lower else self.grown[token] - below
            above = above if self.root < of.upper else self.grown[token] - above
            found.append(self.grown[token] - below - above)
        return found[0], found[1]

    def collect(self, of: Provision) -> tuple[float, float]:
        now = self.inside(of)
        fees = of.liquidity * (now[0] - of.collected[0]), of.liquidity * (now[1] - of.collected[1])
        of.collected = now
        return fees

    def tokens(self, of: Provision) -> tuple[float, float]:
        r = min(max(self.root, of.lower), of.upper)
        return of.liquidity * (1.0 / r - 1.0 / of.upper), of.liquidity * (r - of.lower)

    @property
    def active(self) -> float:
        return sum(one.liquidity for one in self.provisions if one.lower <= self.root < one.upper)

    def swap_to(self, target: float) -> tuple[float, float]:
        """Trade to another root price: the tokens that the trader pays, negative where they are received."""
        paid_x = paid_y = 0.0
        up = target > self.root
        while self.root != target:
            if not up and self.root in self.outside:  # at an end the price is in the range above; it leaves it only now
                self._flip(self.root)
            between = [end for end in self.outside if (self.root < end <= target if up else target < end < self.root)]
            following = (min(between) if up else max(between)) if between else target
            middle = 0.5 * (self.root + following)
            active = sum(one.liquidity for one in self.provisions if one.lower <= middle < one.upper)
            x, y = active * (1.0 / following - 1.0 / self.root), active * (following - self.root)
            fee = self.fee / (1.0 - self.fee) * (y if up else x)
            if active > 0.0:
                self.grown[1 if up else 0] += fee / active
            paid_x, paid_y = paid_x + x + (0.0 if up else fee), paid_y + y + (fee if up else 0.0)
            if up and following in self.outside:
                self._flip(following)
            self.root = following
        return paid_x, paid_y

    def trade_both_ways(self, turnover: float) -> tuple[float, float]:
        """Buy and sell at one price, a share of what active liquidity is worth over all prices: the fees paid."""
        x, y = turnover * self.active / self.root, turnover * self.active * self.root
        markup = self.fee / (1.0 - self.fee)
        if self.active > 0.0:
            self.grown = [self.grown[0] + markup * x / self.active, self.grown[1] + markup * y / self.active]
        return markup * x, markup * y

    def _flip(self, end: float) -> None:
        self.outside[end] = [self.grown[token] - self.outside[end][token] for token in (0, 1)]
