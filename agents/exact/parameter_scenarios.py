"""Parameters that differ by lane, as finitely many markets with a weight each.

An axis that never moves: Gauss-Legendre points in the uniform that a distribution's `ppf` maps, every whole number of
`Integers`, every distinct lane of arrays. Independent parameters make a product grid.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.exact.nodes import Unsolvable
from agents.exact.objectives import is_utility
from mm_env.core.component import Component, Leaf, differs, leaves, nominal
from mm_env.core.parameters import Integers
from mm_env.market import Market

Floats = NDArray[np.float64]
Key = tuple[int, str]  # of a parameter: its owner's id and its name; a draw is shared where the owner is
MOST = 200  # markets that are solved for one
POINTS, FEWEST = 9, 3  # of a quadrature


class Scenario(NamedTuple):
    """One market of numbers, and the share of lanes that trade in it."""

    weight: float
    market: Market
    cell: tuple[int, ...]  # its place on each axis


@dataclass(frozen=True)
class LaneAxis:
    """The values that some parameters take together, (points, parameters), and their probabilities (points,)."""

    keys: tuple[Key, ...]
    names: tuple[str, ...]
    values: Floats
    weights: Floats
    smooth: bool = False  # a quadrature's points, of which there could be more
    lanes: NDArray[np.int64] | None = None  # the point of each lane, where it is known


def differing(market: Market) -> dict[Key, Leaf]:
    """The parameters that differ by lane and change what is best, each once; where an episode starts seldom does."""
    found: dict[Key, Leaf] = {}
    for leaf in leaves(market):
        if differs(leaf.value):
            found.setdefault((id(leaf.owner), leaf.field), leaf)  # both sides may share one model, and its draw
    joint = any(np.ndim(leaf.value) for leaf in found.values() if leaf.path != "initial_inventory")
    idle = {
        "initial_inventory": not (joint and np.ndim(market.initial_inventory)),
        "initial_mid": not _follows_mid(market, found),
    }
    return {key: leaf for key, leaf in found.items() if not idle.get(leaf.path)}


def nominal_market(market: Market) -> Market:
    """The market of the first lane, or of the medians of what is drawn."""
    found = {(id(leaf.owner), leaf.field): leaf for leaf in leaves(market) if differs(leaf.value)}
    return _with(market, {key: nominal(leaf.value) for key, leaf in found.items()})


def _follows_mid(market: Market, found: Mapping[Key, Leaf]) -> bool:
    plain = _with(market, {key: nominal(leaf.value) for key, leaf in found.items()})
    try:
        return plain.price.law(plain.clock.step_length, FEWEST).follows_mid
    except NotImplementedError:
        return False


def lane_axes(market: Market) -> list[LaneAxis]:
    """The axes of what differs by lane; none where nothing does.

    Raises: Unsolvable if too many markets would have to be solved, or the arrays are not of one length.
    """
    found = differing(market)
    if is_utility(market) and differs(market.reward.gamma):  # pyright: ignore[reportAttributeAccessIssue]
        raise Unsolvable(
            f"reward.gamma differs by lane: utilities have no certainty equivalent in common: {market.reward}"
        )
    arrays = {key: leaf for key, leaf in found.items() if np.ndim(leaf.value)}
    drawn = {key: leaf for key, leaf in found.items() if key not in arrays}
    axes = [_together(arrays)] if arrays else []
    axes += [_whole(key, leaf) for key, leaf in drawn.items() if isinstance(leaf.value, Integers)]
    fixed = int(np.prod([len(axis.weights) for axis in axes]))
    smooth = {key: leaf for key, leaf in drawn.items() if not isinstance(leaf.value, Integers)}
    points = min(POINTS, int((MOST / fixed) ** (1.0 / len(smooth)) + 1e-9)) if smooth else FEWEST
    if points < FEWEST or fixed > MOST:
        names, least = [leaf.path for leaf in found.values()], fixed * FEWEST ** len(smooth)
        raise Unsolvable(f"{', '.join(names)} differ by lane: {least} markets to solve at the least, more than {MOST}")
    return axes + [_quadrature(key, leaf, points) for key, leaf in smooth.items()]


def scenarios(market: Market) -> list[Scenario]:
    """The markets that stand for all lanes: the market itself where nothing but the start differs.

    Raises: Unsolvable as `lane_axes` does.
    """
    axes, found = lane_axes(market), []
    here = (id(market), "initial_mid")
    moot = {} if here in differing(market) else {here: nominal(market.initial_mid)}
    for cell in product(*(range(len(axis.weights)) for axis in axes)):
        values = {key: float(axis.values[i, j]) for axis, i in zip(axes, cell) for j, key in enumerate(axis.keys)}
        weight = float(np.prod([axis.weights[i] for axis, i in zip(axes, cell)]))
        found.append(Scenario(weight, _with(market, moot | values), cell))
    return found


def quadrature_error(axes: list[LaneAxis], cases: list[Scenario], worths: Floats) -> float:
    """How far the mean of `worths` (cases,) may be off: the last Legendre coefficient that the points of each axis resolve.

    Those the quadrature misses start at twice that degree, and fall off as fast as the ones before did.
    """
    weights, error = np.array([case.weight for case in cases]), 0.0
    for place, axis in enumerate(axes):
        if axis.smooth:
            cells = np.array([case.cell[place] for case in cases])
            mean = np.bincount(cells, weights * worths) / np.bincount(cells, weights)
            points, last = np.polynomial.legendre.leggauss(len(mean))[0], len(mean) - 1
            shape = np.polynomial.legendre.legval(points, np.eye(last + 1)[last])
            error += abs((2 * last + 1) * float(axis.weights @ (mean * shape)))
    return error


def _together(arrays: Mapping[Key, Leaf]) -> LaneAxis:
    lengths = {leaf.path: len(leaf.value) for leaf in arrays.values()}
    if len(set(lengths.values())) > 1:
        raise Unsolvable(f"arrays of parameters must have one value for each lane, got {lengths}")
    rows = np.stack([np.asarray(leaf.value, np.float64) for leaf in arrays.values()], axis=-1)
    values, lanes, counts = np.unique(rows, axis=0, return_inverse=True, return_counts=True)
    names = tuple(leaf.path for leaf in arrays.values())
    return LaneAxis(tuple(arrays), names, values, counts / len(rows), lanes=lanes.reshape(-1))


def _whole(key: Key, leaf: Leaf) -> LaneAxis:
    values = np.arange(leaf.value.low, leaf.value.high + 1, dtype=np.float64)
    return LaneAxis((key,), (leaf.path,), values[:, None], np.full(len(values), 1.0 / len(values)))


def _quadrature(key: Key, leaf: Leaf, points: int) -> LaneAxis:
    nodes, weights = np.polynomial.legendre.leggauss(points)
    values = np.asarray(leaf.value.ppf(0.5 * (nodes + 1.0)), np.float64)
    return LaneAxis((key,), (leaf.path,), values[:, None], 0.5 * weights, smooth=True)


def _with(component: Any, values: Mapping[Key, float]) -> Any:
    """The component with other numbers in the place of some parameters."""
    if not values:
        return component
    changed: dict[str, Any] = {}
    for name in (field.name for field in fields(component)):
        part = getattr(component, name)
        if isinstance(part, Component):
            changed[name] = _with(part, values)
        elif (id(component), name) in values:
            changed[name] = values[id(component), name]
    return replace(component, **changed)
