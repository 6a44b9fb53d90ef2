"""The law of one step of a price: what the exact optimum needs to know of a model, and nothing else."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
REACH = 5.0  # standard deviations of the stationary law that the grid of a mean-reverting state spans to each side


@dataclass(frozen=True)
class Law:
    """A Markov chain on a grid of a price's latent state, with the mid's moves that go with it.

    From node i, branch b is taken with `probability[i, b]`: the state goes to `following[i, b]`, which may lie between
    nodes, and the mid moves by a normal of `mean[i, b]` and `variance[i, b]`, price units. All are (nodes, branches), or
    broadcast to it. A model whose moves depend on nothing needs the one node that is the default.

    The nodes, (n,), are in the units of `signal`, the one of the price's `signals` that shows the state to the agent: this
    is how a policy finds its place on the grid. `follows_mid` says that the state is where the mid is, so that orders which
    move the mid move it too. On a "grid" values are interpolated between the nodes; "labels" are all the values that there
    are, such as regimes.

    `states` (nodes, 1 + numbers) are the mid and the numbers of the latent state at each node, NaN where another axis or the
    start of the episode says: flows, fills, fees and rewards that depend on the price's state are solved by them.

    A product of laws, `law * other`, is that of independent states, whose moves of the mid add; its `axes` are those of both.
    Where the mid's move depends on several states together, as that of a volatility within a regime, `joint` makes one law of
    the product's: its nodes are all combinations, the last grid's running fastest, `grids` are the laws whose nodes they
    combine, and `targets` where each branch leads on each of them, in place of `following`.

    Jumps may be so large that E[e^(power |move|)] is finite for powers below `largest_power` alone.

    Raises: ValueError that names the rule and the value.
    """

    probability: Any = 1.0
    mean: Any = 0.0
    variance: Any = 0.0
    nodes: Floats = field(default_factory=lambda: np.zeros(1))
    following: Any = 0.0
    signal: str = ""
    follows_mid: bool = False
    kind: str = "grid"
    states: Any = None
    others: tuple[Law, ...] = ()
    grids: tuple[Law, ...] = ()
    targets: tuple[Any, ...] = ()
    largest_power: float = math.inf

    def __post_init__(self) -> None:
        nodes = np.asarray(self.nodes, np.float64)
        object.__setattr__(self, "nodes", nodes)
        names = ("probability", "mean", "variance", "following")
        parts = [np.atleast_2d(np.asarray(getattr(self, name), np.float64)) for name in names]
        shape = np.broadcast_shapes(*(part.shape for part in parts), (len(nodes), 1))
        for name, part in zip(names, parts, strict=True):
            object.__setattr__(self, name, np.broadcast_to(part, shape))
        _require(len(shape) == 2 and shape[0] == len(nodes), "fields must be (nodes, branches)", shape)
        _require(bool((np.diff(nodes) > 0).all()), "nodes must increase", nodes)
        _require(all(np.isfinite(part).all() for part in parts), "fields must be finite numbers", parts)
        _require(bool((self.probability >= 0).all()), "probability must be >= 0", self.probability.min())
        total = self.probability.sum(axis=1)
        _require(np.allclose(total, 1.0, rtol=0, atol=1e-12), "probability must sum to 1 over the branches", total)
        _require(bool((self.variance >= 0).all()), "variance must be >= 0", self.variance.min())
        inside = (self.following >= nodes[0]) & (self.following <= nodes[-1])
        _require(bool(inside.all()), "following must lie on the grid", self.following[~inside])
        _require(
            bool(self.signal or self.grids) or len(nodes) == 1, "signal must name what shows the nodes", self.signal
        )
        _require(self.kind in ("grid", "labels"), 'kind must be "grid" or "labels"', self.kind)
        if self.kind == "labels":
            _require(bool(np.isin(self.following, nodes).all()), "following must be among the labels", self.following)
        if self.states is not None:
            states = np.atleast_2d(np.asarray(self.states, np.float64))
            _require(len(states) == len(nodes), "states must have a row for each node", states.shape)
            object.__setattr__(self, "states", states)

    def __mul__(self, other: Law) -> Law:
        return replace(self, others=(*self.others, *other.axes))

    @property
    def dimensions(self) -> tuple[tuple[Law, Floats], ...]:
        """Each grid that its nodes combine, and where each branch leads on it, (nodes, branches), or itself."""
        return tuple(zip(self.grids, self.targets, strict=True)) if self.grids else ((self, self.following),)

    @property
    def axes(self) -> tuple[Law, ...]:
        """The laws of which it is the product, each of one state."""
        return (replace(self, others=()), *self.others) if self.others else (self,)

    @property
    def drift(self) -> Floats:
        """E[S_{t+dt} - S_t] at each node, (nodes,), price units."""
        return (self.probability * self.mean).sum(axis=1)


def joint(law: Law) -> Law:
    """The product of independent laws as one law on the grid of all combinations of their nodes: so that what the mid does may
    be made to depend on them together, by `dataclasses.replace` of its probability, mean or variance, (nodes, branches)."""
    found, *others = law.axes
    for other in others:
        found = _joined(found, other)
    return found


def _joined(left: Law, right: Law) -> Law:
    """Two laws as one; nodes and branches of the right run faster."""

    def both(of_left: Any, of_right: Any, combine: Any) -> Floats:
        found = combine(of_left[:, None, :, None], of_right[None, :, None, :])
        return found.reshape(len(of_left) * len(of_right), -1)

    def wide(part: Floats, first: bool) -> Floats:
        shape = np.ones((len(right.nodes), right.probability.shape[1]) if first else left.probability.shape)
        return both(part, shape, np.multiply) if first else both(shape, part, np.multiply)

    sides = [(left, True), (right, False)]
    dimensions = [(grid, wide(target, first)) for law, first in sides for grid, target in law.dimensions]
    dimensions = [(grid, target) for grid, target in dimensions if len(grid.nodes) > 1]
    return Law(
        both(left.probability, right.probability, np.multiply),
        both(left.mean, right.mean, np.add),
        both(left.variance, right.variance, np.add),
        np.arange(float(len(left.nodes) * len(right.nodes))),
        states=_states_of(left, right),
        grids=tuple(grid for grid, _ in dimensions),
        targets=tuple(target for _, target in dimensions),
        follows_mid=left.follows_mid or right.follows_mid,
        largest_power=min(left.largest_power, right.largest_power),
    )


def _states_of(left: Law, right: Law) -> Any:
    """What the states of each combination are: what either says, side by side."""
    if left.states is None and right.states is None:
        return None
    numbers = max(np.shape(law.states)[1] for law in (left, right) if law.states is not None)
    rows = [
        np.full((len(law.nodes), numbers), np.nan) if law.states is None
        else np.pad(law.states, ((0, 0), (0, numbers - law.states.shape[1])), constant_values=np.nan)
        for law in (left, right)
    ]  # fmt: skip
    first, second = np.repeat(rows[0], len(right.nodes), axis=0), np.tile(rows[1], (len(left.nodes), 1))
    return np.where(np.isnan(first), second, first)


@dataclass(frozen=True)
class Reverting:
    """x' = decay x + sqrt(1 - decay^2) z on a grid: a mean-reverting state in deviations of its stationary law, exactly."""

    nodes: Floats  # (nodes,)
    probability: Floats  # (branches,)
    z: Floats  # the standard normal of each branch, (branches,)
    exact: Floats  # x', (nodes, branches)

    @classmethod
    def of(cls, speed: float, dt: float, nodes: int) -> Reverting:
        """dx = -speed x dt + sqrt(2 speed) dZ over dt, its normal by Gauss and Hermite's 11 points."""
        grid = np.linspace(-REACH, REACH, max(nodes, 3))
        z, weights = np.polynomial.hermite_e.hermegauss(11)
        kick = math.sqrt(-math.expm1(-2.0 * speed * dt))
        return cls(grid, weights / weights.sum(), z, grid[:, None] * math.exp(-speed * dt) + kick * z)

    @property
    def following(self) -> Floats:
        """x' held on the grid, (nodes, branches)."""
        return np.clip(self.exact, self.nodes[0], self.nodes[-1])


def _require(kept: bool, rule: str, value: Any) -> None:
    if not kept:
        raise ValueError(f"Law.{rule}, got {value}")
