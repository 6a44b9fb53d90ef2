"""Orders that tell more the deeper they come: jumps of the mid whose mean given a fill at depth d is a parabola of d."""

import numpy as np


class Informed:
    """E[jump | an order comes to d or deeper] = base + slope d + bend d^2, and 0 on average, where orders of one side come as a
    Poisson number of mean `orders` a lifetime and pay exponentials of mean 1 / k beyond the mid."""

    def __init__(self, base, slope, bend, orders, k):
        self.base, self.slope, self.bend, self.orders, self.k = base, slope, bend, orders, k

    def mean(self, depth):
        return self.base + self.slope * depth + self.bend * depth**2

    def jump(self, furthest):
        """Given how far the furthest order came; negative if none did.

        From d/dr [mean(r) S(r)] = -jump(r) f(r) with S(r) = P(furthest >= r) = 1 - exp(-u), u = orders exp(-k r).
        """
        u = self.orders * np.exp(-self.k * np.maximum(furthest, 0.0))
        come = self.mean(furthest) - (self.slope + 2.0 * self.bend * furthest) * np.expm1(u) / (self.k * u)
        return np.where(np.asarray(furthest) < 0.0, -np.expm1(self.orders) * self.base, come)
