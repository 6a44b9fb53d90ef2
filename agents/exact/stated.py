"""What the exact solvers take on trust, held to what runs: a price's `law` to its simulated steps, and the rules that a
solver follows by itself to the classes that state them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations, product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.exact.law_states import check_states
from agents.exact.nodes import Unsolvable, interpolation
from agents.exact.optimum_cache import fingerprint
from mm_env.clock import Clock, Ergodic, FiniteHorizon
from mm_env.core import engine
from mm_env.core.component import flat, nest, overridden, parts, record, rules
from mm_env.market import Market
from mm_env.price.law import Law
from mm_env.price.models import Price
from mm_env.price.trial import MIRRORS, States, tried, walked
from mm_env.reward import CARA
from mm_env.world import alone

Floats = NDArray[np.float64]
_NODES, _GROUPS = 41, 2**14  # of the law that is tried, and of steps from each state
_ERRORS = 6.0  # standard errors: one law in a hundred million that is right is refused
_WALK, _PATHS = 512, 3  # steps at most, and paths, by which states are reached
_FAR = 4.0  # standard deviations of the mid at the end
_ROUNDING = 1e-9
_FEW = 12.0  # of what is rare may come as often by chance: one law in a hundred million that is right is refused
_MOST_STEPS = 100_000  # of a clock that are looked at, half of them at each end
_held: set[Any] = set()  # what was tried and held


def check_rules(market: Market) -> None:
    """Refuse a market that steps otherwise than the solvers do: a `Market` or a clock with rules of its own.

    Raises: Unsolvable, naming the rule.
    """
    check_market(market)
    _check_clock(market.clock)


def check_market(market: Market) -> None:
    """Refuse a `Market` with rules of its own, naming the rule."""
    kind = type(market)
    for name in rules(Market):
        if (mine := getattr(kind, name)) is not getattr(Market, name):
            owner = mine.__qualname__.rpartition(".")[0]
            raise Unsolvable(f"market: {owner} has a {name} of its own, and the exact solvers follow that of Market")


def _check_clock(clock: Clock) -> None:
    ours = Ergodic if isinstance(clock, Ergodic) else FiniteHorizon
    kind, known = type(clock), {base.final for base in (FiniteHorizon, Ergodic)}
    timed = record(clock)
    if not math.isclose(timed.dt(), clock.horizon / clock.steps, rel_tol=1e-12) or (
        clock.step_length != clock.horizon / clock.steps
    ):
        said = f"dt is {timed.dt():g} and step_length {clock.step_length:g}, not horizon / steps"
        raise Unsolvable(f"clock: {kind.__name__}'s {said} = {clock.horizon / clock.steps:g}")
    if kind.final in known and kind.observe is ours.observe:
        return
    same = record(ours(clock.horizon, clock.steps))
    steps = np.unique(np.concatenate([np.arange(1, min(clock.steps, _MOST_STEPS // 2) + 1),
                                      np.arange(max(1, clock.steps - _MOST_STEPS // 2), clock.steps + 1)]))  # fmt: skip
    for name in ("final", "observe"):
        for step in steps.astype(np.float64).tolist():
            said, wanted = getattr(timed, name)(step), getattr(same, name)(step)
            if not np.array_equal(said, wanted):
                raise Unsolvable(
                    f"clock: {kind.__name__}.{name} at step {step:g} of {clock.steps} is {said}, not {wanted} as of "
                    f"{ours.__name__}, by which the exact solvers go"
                )


def check_law(market: Market, law: Law) -> None:
    """Refuse a price whose `law` is not that of its steps: overridden below it, with `states` that do not show its nodes, or
    with other moments of a step.

    A price all of whose rules are this package's is not tried: its law is held to its steps by the tests.

    Raises: Unsolvable, naming the rule, or the moment and what law and steps say of it.
    """
    price, kind = market.price, type(market.price)
    later = overridden(
        kind, "law", "start", "move", "evolve", *(("observe",) if max(len(axis.nodes) for axis in law.axes) > 1 else ())
    )
    if later:
        owner, giver = later.split(".")[0], _giver(kind, "law")
        raise Unsolvable(f"price: {later} is not what {giver}.law is the law of (give {owner} its own `law`)")
    for grid, _ in (dimension for axis in law.axes for dimension in axis.dimensions):
        if grid.signal not in ("", *price.signals) or (len(grid.nodes) > 1 and not grid.signal):
            raise Unsolvable(
                f"price: its law is by {grid.signal!r}, which is none of its signals {list(price.signals)}"
            )
    check_states(market, law.axes)
    kinds = [type(part) for _, part in parts(price) if isinstance(part, Price)]
    functions = [f for each in kinds for f in (*rules(each).values(), each.law)]
    if all(f.__module__.split(".")[0] == "mm_env" for f in functions):
        return
    known = fingerprint(price, market.clock.step_length, float(record(market).initial_mid), _is_cara(market))
    if known in _held:
        return
    _try_law(market)
    _held.add(known)


def _giver(kind: type, name: str) -> str:
    return next(base for base in kind.__mro__ if name in vars(base)).__name__


def _try_law(market: Market) -> None:
    price, dt = market.price, market.clock.step_length
    laws, states = price.law(dt, _NODES).axes, _states(market)
    with engine.settled():
        steps = tried(price, dt, states, _GROUPS)
    rules_ = record(price)
    for place, (mid, latent) in enumerate(states.places(price)):
        shows = dict(zip(price.signals, rules_.observe(mid, latent, alone(latent, mid)), strict=True))
        grids = [grid for law in laws for grid, _ in law.dimensions if grid.signal]
        if not all(_holds(grid, float(shows[grid.signal])) for grid in grids):
            continue  # the law says nothing of it
        told = "".join(f", {grid.signal} {shows[grid.signal]:.4g}" for grid in grids)
        where, shape = f"from mid {mid:.6g}" + (f"{told}," if told else ""), _is_cara(market) and len(laws) == 1
        for i, law in enumerate(laws):
            shown = [steps.shown[place, ..., price.signals.index(grid.signal)] if grid.signal else None
                     for grid, _ in law.dimensions]  # fmt: skip
            for moment in _moments(_with_others(laws, shows, i), shows, mid, steps.move[place], shown, shape):
                moment.check(f"{type(price).__name__}.law", where)
        for moment in _between(laws, price.signals, steps.shown[place]):
            moment.check(f"{type(price).__name__}.law", where)


def _between(laws: tuple[Law, ...], signals: tuple[str, ...], shown: Floats) -> Iterator[_Moment]:
    """Covariances of what two axes of a product of laws show after a step, `shown` (groups, 4, signals): 0 by the law.

    Twelve groups with the largest product that came are left open: what is too rare comes by Poisson's law, not the normal.
    """
    shows = [[grid for grid, _ in law.dimensions if grid.signal] for law in laws]
    for one, other in (pair for left, right in combinations(shows, 2) for pair in product(left, right)):
        x, y = (np.clip(shown[..., signals.index(law.signal)], *law.nodes[[0, -1]]) for law in (one, other))
        x, y = x - x.mean(), y - y.mean()
        together, widths = x * y, (float(x.std()), float(y.std()))
        rounding = _ROUNDING * (widths[0] * np.ptp(other.nodes) + widths[1] * np.ptp(one.nodes))
        error = max(_error(together.mean(axis=1)), widths[0] * widths[1] / math.sqrt(len(x)))
        slack = _FEW * float(np.abs(together).max()) / len(x) + float(rounding)
        name = f"covariance of {one.signal} with {other.signal} after it"
        yield _Moment(name, 0.0, float(together.mean()), error, slack)


def _holds(law: Law, x: float) -> bool:
    slack = 1e-6 * (law.nodes[-1] - law.nodes[0])
    return bool(law.nodes[0] - slack <= x <= law.nodes[-1] + slack)


def _near(law: Law, shows: dict[str, float], points: int) -> Floats:
    """The weights (nodes,) of the nodes where the signals show what they show, held on their grids."""
    found = np.ones(1)
    for grid, _ in law.dimensions:
        x = np.clip(shows[grid.signal] if grid.signal else grid.nodes[0], grid.nodes[0], grid.nodes[-1])
        found = np.multiply.outer(found, interpolation(grid.nodes, np.array([float(x)]), points)[0]).reshape(-1)
    return found


def _with_others(laws: tuple[Law, ...], shows: dict[str, float], i: int) -> Law:
    """One of some independent laws, with the mean and the variance that the others give the mid's move where they are."""
    law, mean, variance = laws[i], laws[i].mean, laws[i].variance
    for j, other in enumerate(laws):
        if j != i:
            near = _near(other, shows, 4)
            spread = (other.probability * ((other.mean - other.drift[:, None]) ** 2 + other.variance)).sum(axis=1)
            mean, variance = mean + near @ other.drift, variance + near @ spread
    return law if len(laws) == 1 else replace(law, mean=mean, variance=variance, others=())


class _Moment(NamedTuple):
    name: str
    said: float
    seen: float
    error: float  # standard
    slack: float

    def check(self, owner: str, where: str) -> None:
        if abs(self.said - self.seen) > _ERRORS * self.error + self.slack:
            raise Unsolvable(
                f"price: {owner} contradicts its simulated steps: {where} the {self.name} is {self.said:.6g} by the law and "
                f"{self.seen:.6g} ±{self.error:.1g} in {_GROUPS * MIRRORS:,} steps"
            )


def _is_cara(market: Market) -> bool:
    return isinstance(market.reward, CARA)


def _moments(
    law: Law, shows: dict[str, float], mid: float, move: Floats, shown: list[Floats | None], shape: bool
) -> Iterator[_Moment]:
    """Means, variances and the covariance of the mid's move and of what is shown after it, by the law and as they came; with
    `shape` the third and fourth moments of the move too, which count for a utility that is no parabola.

    Means have the error of the groups of mirrored steps, in which most of the noise is gone, and leave room for branches
    that are too rare to have come; the others the larger of theirs and of what the law itself says it must be.
    """
    p, mean, variance = law.probability, law.mean, law.variance
    drift = (p * mean).sum(axis=1)
    away, rare = mean - drift[:, None], p * move.size < 50.0
    near, coarse = _near(law, shows, 4), _near(law, shows, 2)

    def at(values: Floats) -> tuple[float, float]:
        return float(near @ values), abs(float((near - coarse) @ values))  # with what interpolation may be off by

    def first(name: str, sample: Floats, what: Floats, deviations: Floats, rounding: float) -> _Moment:
        said, off = at(what)
        groups = sample.mean(axis=1)
        missed = abs(at((np.where(rare, p, 0.0) * deviations).sum(axis=1))[0])
        return _Moment(name, said, float(groups.mean()), _error(groups), off + missed + rounding)

    def second(name: str, sample: Floats, what: Floats, fourth: Floats, rounding: float) -> _Moment:
        said, off = at(what)
        groups = sample.mean(axis=1)
        must = math.sqrt(max(at(fourth - what**2)[0], 0.0) / len(groups))
        return _Moment(name, said, float(groups.mean()), max(_error(groups), must), off + rounding)

    squares = (p * (away**2 + variance)).sum(axis=1)
    fourth = (p * (away**4 + 6.0 * away**2 * variance + 3.0 * variance**2)).sum(axis=1)
    scale, fine = math.sqrt(max(at(squares)[0], 0.0)), 1e-12 * (abs(mid) + 1.0)
    yield first("mean of the mid's move", move, drift, away, 1e-7 * scale + fine)
    residual = move - at(drift)[0]
    yield second(
        "variance of the mid's move", residual**2, squares, fourth, _ROUNDING * scale**2 + 0.01 * fine * scale + fine**2
    )
    if shape:
        cubes = (p * (away**3 + 3.0 * away * variance)).sum(axis=1)
        sixth = (p * (away**6 + 15.0 * away**4 * variance + 45.0 * away**2 * variance**2 + 15.0 * variance**3)).sum(
            axis=1
        )
        eighth = (p * (away**8 + 28.0 * away**6 * variance + 210.0 * away**4 * variance**2
                       + 420.0 * away**2 * variance**3 + 105.0 * variance**4)).sum(axis=1)  # fmt: skip
        tiny = (_ROUNDING * scale + fine) * scale
        yield second("third moment of the mid's move", residual**3, cubes, sixth, tiny * (scale + fine))
        yield second("fourth moment of the mid's move", residual**4, fourth, eighth, tiny * (scale + fine) ** 2)
    for (grid, following), seen in zip(law.dimensions, shown, strict=True):
        if seen is None:
            continue
        led = (p * following).sum(axis=1)
        further, reach = following - led[:, None], grid.nodes[-1] - grid.nodes[0]
        after, spread = np.clip(seen, grid.nodes[0], grid.nodes[-1]), (p * further**2).sum(axis=1)
        width, tiny = math.sqrt(max(at(spread)[0], 0.0)), _ROUNDING * reach
        yield first(f"mean of {grid.signal} after it", after, led, further, tiny + 1e-7 * width)
        beyond, quartic = after - at(led)[0], (p * further**4).sum(axis=1)
        yield second(f"variance of {grid.signal} after it", beyond**2, spread, quartic, tiny * (width + tiny))
        together, mixed = (p * away * further).sum(axis=1), (p * (away**2 + variance) * further**2).sum(axis=1)
        rounding, name = (fine + _ROUNDING * scale) * (width + tiny) + tiny * scale, f"covariance of {grid.signal}"
        yield second(f"{name} after it with the mid's move", residual * beyond, together, mixed, rounding)


def _error(groups: Floats) -> float:
    return float(groups.std()) / math.sqrt(len(groups))


def _states(market: Market) -> States:
    """The start, where the mid may be by the end, states that show nodes of the law, and some that paths reach."""
    price, clock = market.price, market.clock
    rules_, law = record(price), price.law(clock.step_length, _NODES)
    start = (float(record(market).initial_mid), rules_.start())
    places = [start]
    for grid in (grid for axis in law.axes for grid, _ in axis.dimensions):
        if len(grid.nodes) > 1:
            signal, n = price.signals.index(grid.signal), len(grid.nodes)
            picked = grid.nodes if n <= 5 else grid.nodes[np.rint(np.linspace(0, n - 1, 5)).astype(int)[1:-1]]
            found = (_showing(rules_, start, signal, float(node), grid.follows_mid) for node in picked)
            places += [place for place in found if place is not None]
    if not any(axis.follows_mid for axis in law.axes):
        deviation = math.sqrt(sum(float(axis.variance.max() + (axis.mean**2).max()) for axis in law.axes) * clock.steps)
        places += [(start[0] + share * _FAR * deviation, start[1]) for share in (-1.0, 1.0)]
    with engine.settled():
        walks = walked(price, clock.step_length, States.of([start] * _PATHS), min(clock.steps, _WALK))
    return States.of(places + [place for reached in walks for place in reached.places(price)])


def _showing(
    rules_: Any, start: tuple[float, Any], signal: int, wanted: float, by_mid: bool
) -> tuple[float, Any] | None:
    """The start but for one number, changed by the secant method so that the signal shows what is wanted; None if none does."""
    mid, latent = start
    numbers = [mid, *flat(latent)]

    def place(coordinate: int, value: float) -> tuple[float, Any]:
        changed = [value if i == coordinate else number for i, number in enumerate(numbers)]
        return changed[0], nest(latent, iter(changed[1:]))

    def shown(coordinate: int, value: float) -> float:
        at, state = place(coordinate, value)
        return rules_.observe(at, state, alone(state, at))[signal]

    for coordinate in [0] if by_mid else range(1, len(numbers)):
        x, width = numbers[coordinate], 1e-3 * (abs(numbers[coordinate]) + 1.0)
        last, off = x + width, float("nan")
        for _ in range(50):
            try:
                off = shown(coordinate, x) - wanted
                slope = (shown(coordinate, last) - wanted - off) / (last - x)
                if abs(off) <= 1e-9 * (abs(wanted) + 1.0):
                    return place(coordinate, x)
                last, x = x, x - off / slope
            except (ArithmeticError, ValueError):
                break
    return None
