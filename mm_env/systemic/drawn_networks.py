"""Networks of claims that are generated: a ring, links drawn at random, a core and its periphery; amounts by balance sheets."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from mm_env.core.noise import uniforms
from mm_env.core.parameters import Interval, Probability, Rates
from mm_env.systemic.arrays import Floats
from mm_env.systemic.networks import Network

LINKS = 2**30 + 2**20  # the block of noise that links are drawn by, far from those of the roles in a market
Dealers = Annotated[int, Interval(2, 2**15, whole=True)]
Bools = NDArray[np.bool_]


class GeneratedNetwork(Network):
    """Links by a rule, and amounts by balance sheets.

    Dealer i of size s_i owes `share` s_i to those that it is linked to, each in proportion to its size: L_ij =
    share s_i s_j / sum of s_k over the k that i is linked to. Who is linked to nobody owes nothing. One number of `sizes` is
    that of all.
    """

    dealers: Dealers
    sizes: Rates  # of balance sheets, currency
    share: Probability  # of its balance sheet that a dealer owes to dealers

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.sizes) not in (1, self.dealers):
            name = type(self).__name__
            raise ValueError(
                f"{name}.sizes must have one number, or one for each of {self.dealers} dealers, got {len(self.sizes)}"
            )

    @property
    def size(self) -> int:
        return self.dealers

    def links(self, scenarios: int, seed: int) -> Bools:
        """Who owes whom, (scenarios, dealers, dealers) or (dealers, dealers)."""
        raise NotImplementedError

    def liabilities(self, scenarios: int = 1, seed: int = 0) -> Floats:
        size = np.broadcast_to(np.array(self.sizes), (self.dealers,))
        weights = self.links(scenarios, seed) * ~np.eye(self.dealers, dtype=bool) * size
        whole = weights.sum(axis=-1, keepdims=True)
        owed = self.share * size[:, None] * weights / np.where(whole > 0.0, whole, 1.0)
        return np.broadcast_to(owed, (scenarios, self.dealers, self.dealers))


class RingNetwork(GeneratedNetwork):
    """Each dealer owes the next `neighbours` on a ring; with dealers - 1 of them all owe all (Allen & Gale 2000)."""

    neighbours: Annotated[int, Interval(1, 2**15, whole=True)] = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.neighbours >= self.dealers:
            raise ValueError(f"RingNetwork.neighbours must be < dealers, {self.dealers}, got {self.neighbours}")

    def links(self, scenarios: int, seed: int) -> Bools:
        ahead = (np.arange(self.dealers) - np.arange(self.dealers)[:, None]) % self.dealers
        return (ahead >= 1) & (ahead <= self.neighbours)


class RandomNetwork(GeneratedNetwork):
    """Each dealer owes each other with a `probability`, independently (Erdos & Renyi 1959; Gai & Kapadia 2010)."""

    probability: Probability

    def links(self, scenarios: int, seed: int) -> Bools:
        return drawn(self.dealers, scenarios, seed) < self.probability


class CorePeripheryNetwork(GeneratedNetwork):
    """A `core`, the first dealers, and a periphery that deals with it (Craig & von Peter 2014).

    Links have probability `within` between dealers of the core, `between` from either to the other, and `outside` among the
    periphery.
    """

    core: Annotated[int, Interval(1, 2**15, whole=True)]
    within: Probability = 1.0
    between: Probability = 0.5
    outside: Probability = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.core > self.dealers:
            raise ValueError(f"CorePeripheryNetwork.core must be at most {self.dealers}, all dealers, got {self.core}")

    def links(self, scenarios: int, seed: int) -> Bools:
        central = np.arange(self.dealers) < self.core
        chances = np.array([self.outside, self.between, self.within])[central[:, None] * 1 + central]
        return drawn(self.dealers, scenarios, seed) < chances


def drawn(dealers: int, scenarios: int, seed: int) -> Floats:
    """A uniform in (0, 1) for each pair of dealers, (scenarios, dealers, dealers): a function of seed, scenario and pair.

    Two networks of as many dealers and one seed have it in common: links of a lower probability are among those of a higher.
    """
    pairs = np.arange(dealers * dealers, dtype=np.int64)
    lanes = np.arange(scenarios, dtype=np.int64)[:, None]
    return uniforms(int(seed), lanes, np.zeros_like(lanes), pairs, LINKS)[0].reshape(scenarios, dealers, dealers)
