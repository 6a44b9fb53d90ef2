"""H(p) = max over depths of take(depth) (depth - p): what a request is worth a unit, where p is what a unit costs the maker.

A request of size z that changes the maker's value by -z p is worth z H(p) at best. H is decreasing and convex, H' = -take at
the best depth (Gueant 2017, Optimal market making, sec. 3).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mm_env.core import engine
from mm_env.core.component import Component, flat, load, record, rule, rules
from mm_env.core.maths import clip, exp, log, scalar
from mm_env.core.parameters import Interval, check
from mm_env.venue.dealer.fill import Exponential, Fill, Logistic

Floats = NDArray[np.float64]
GOLDEN = 0.6180339887498949
ANYWHERE = (-1e6, 1e6)  # depths, price units
_CLOSER = 72  # golden sections: a range of 1e6 is down to 1e-9, and its parabola's top further
_WIDTH = 1e-3  # of the range of p by which H is differentiated


class Request(Component):
    """A request for a quote, which is traded with probability fill.take(depth)."""

    fill: Fill

    @rule
    def best(self, cost: float, low: float, high: float) -> float:
        """The depth within [low, high] that maximises take(depth) (depth - cost)."""
        raise NotImplementedError


class ExponentialRequest(Request):
    """cost + 1 / k."""

    @rule
    def best(self, cost: float, low: float, high: float) -> float:
        return clip(cost + 1.0 / self.fill.k, low, high)  # pyright: ignore[reportAttributeAccessIssue]


class LogisticRequest(Request):
    """cost + width (1 + W(exp(-1 - (cost - middle) / width))), W being Lambert's function."""

    @rule
    def best(self, cost: float, low: float, high: float) -> float:
        fill: Any = self.fill
        found = lambert_of_exp(-1.0 - (cost - fill.middle) / fill.width)
        return clip(cost + fill.width * (1.0 + found), low, high)


class SearchedRequest(Request):
    """By golden sections of [max(low, cost), high], in which take(depth) (depth - cost) must have one peak."""

    @rule
    def best(self, cost: float, low: float, high: float) -> float:
        left, right = min(max(low, cost), high), high
        one, two = right - GOLDEN * (right - left), left + GOLDEN * (right - left)
        at_one, at_two = self.fill.take(one, ()) * (one - cost), self.fill.take(two, ()) * (two - cost)
        for _ in range(_CLOSER):
            if at_one >= at_two:  # beyond the last that any request takes all are worth nothing
                right, two, at_two = two, one, at_one
                one = right - GOLDEN * (right - left)
                at_one = self.fill.take(one, ()) * (one - cost)
            else:
                left, one, at_one = one, two, at_two
                two = left + GOLDEN * (right - left)
                at_two = self.fill.take(two, ()) * (two - cost)
        return 0.5 * (left + right)


_KINDS: dict[type[Fill], type[Request]] = {Exponential: ExponentialRequest, Logistic: LogisticRequest}


@scalar
def lambert_of_exp(y):
    """W(e^y), which solves w + ln w = y: Newton's method from above or below, to rounding."""
    w = y - log(y) if y > 1.0 else exp(y) / (1.0 + exp(y))
    for _ in range(6):
        w = w * (1.0 + y - log(w)) / (1.0 + w)
    return w


class Requests(NamedTuple):
    """Requests of one class of fill, as compiled loops take them: a template, and a row of numbers for each."""

    template: Any
    rows: Floats

    @classmethod
    def of(cls, fills: Sequence[Fill]) -> Requests:
        """Requests with these fills. Raises: ValueError if they are of several classes, or told of more than a depth."""
        made = [record(_kind(fill)(fill)) for fill in fills]
        if len(kinds := {type(fill).__name__ for fill in fills}) != 1:
            raise ValueError(f"fills must be of one class, got {', '.join(sorted(kinds)) or 'none'}")
        return cls(made[0], np.array([list(flat(one)) for one in made]))


def _kind(fill: Fill) -> type[Request]:
    if not isinstance(fill, Fill):
        raise TypeError(f"fill must be a Fill, got {fill!r}")
    take = rules(type(fill))["take"]
    if "now" in take.__code__.co_varnames[: take.__code__.co_argcount]:
        raise ValueError(f"fill must take by depth alone, got {type(fill).__name__}, which asks for `now`")
    return next((kind for known, kind in _KINDS.items() if take is rules(known)["take"]), SearchedRequest)


class Hamiltonian(NamedTuple):
    """The best depths at costs p, H, and its derivatives H' and H'', all of the shape of p."""

    depth: Floats
    value: Floats
    slope: Floats
    curvature: Floats


def hamiltonian(fill: Fill, cost: ArrayLike, bounds: tuple[float, float] = ANYWHERE) -> Hamiltonian:
    """H(p) and its derivatives at costs p (any shape, price units), for depths within `bounds`.

    H'' is by central differences of H' = -take(best depth). Raises: ValueError for a `cost` that is no finite number.
    """
    p = np.asarray(cost, np.float64)
    if not np.isfinite(p).all():
        raise ValueError(f"cost must be finite numbers, got {p[~np.isfinite(p)].flat[0]}")
    depth, take = best_depths(fill, p, bounds)
    width = _WIDTH * typical_width(fill)
    further, nearer = (best_depths(fill, p + sign * width, bounds)[1] for sign in (1.0, -1.0))
    return Hamiltonian(depth, take * (depth - p), -take, (nearer - further) / (2.0 * width))


def best_depths(fill: Fill, cost: ArrayLike, bounds: tuple[float, float] = ANYWHERE) -> tuple[Floats, Floats]:
    """The best depth at each cost (any shape), and the share of requests that takes it."""
    p = np.asarray(cost, np.float64)
    depth, take = Quoter([fill], bounds).best(p.reshape(-1, 1))
    return depth.reshape(p.shape), take.reshape(p.shape)


class Quoter:
    """Best depths for several fills of one class, within `bounds`: machine code that is looked up once."""

    def __init__(self, fills: Sequence[Fill], bounds: tuple[float, float] = ANYWHERE) -> None:
        self.arguments = (*Requests.of(fills), *_bounds(bounds))
        empty = np.empty((0, len(fills)))
        self.kernel = engine.compiled(depths_at, *self.arguments, empty, empty, empty)

    def best(self, cost: Floats) -> tuple[Floats, Floats]:
        """The best depths (n, fills) at costs (n, fills), and the shares of requests that take them."""
        cost = np.ascontiguousarray(cost, np.float64)
        depth, take = np.empty(cost.shape), np.empty(cost.shape)
        self.kernel(*self.arguments, cost, depth, take)
        return depth, take


def depths_at(template: Any, rows: Any, low: float, high: float, cost: Any, depth: Any, take: Any) -> None:
    """Write the best depth at each cost (n, requests), and the share of requests that takes it."""
    for k in range(cost.shape[1]):
        request = load(template, rows[k], 0, 1)
        for i in range(cost.shape[0]):
            depth[i, k] = request.best(cost[i, k], low, high)
            take[i, k] = request.fill.take(depth[i, k], ())


def typical_width(fill: Fill) -> float:
    """How far it is from the depth that a quarter of the share at the mid (of 1/2 at most) takes to that of an eighth."""
    start = min(float(record(fill).take(0.0, ())), 0.5)
    return abs(_reached(fill, start / 8.0) - _reached(fill, start / 4.0))


def _reached(fill: Fill, share: float) -> float:
    """The depth that this share of requests takes."""
    taken, far = record(fill), 1.0
    while taken.take(far, ()) > share and far < ANYWHERE[1]:
        far *= 2.0
    low = 0.0
    for _ in range(60):
        middle = 0.5 * (low + far)
        low, far = (middle, far) if taken.take(middle, ()) > share else (low, middle)
    return 0.5 * (low + far)


def _bounds(bounds: tuple[float, float]) -> tuple[float, float]:
    low, high = (float(bound) for bound in bounds)
    for bound in (low, high):
        check("bounds", bound, Interval(*ANYWHERE))
    if not low < high:
        raise ValueError(f"bounds must be a low and a high depth, low < high, got {low:g}, {high:g}")
    return low, high
