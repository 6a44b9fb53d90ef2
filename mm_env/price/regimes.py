"""A Markov chain of regimes around any price: volatility and drift of the mid switch with it."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Annotated, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mm_env.core.component import nominal, record, rule
from mm_env.core.maths import scalar
from mm_env.core.noise import FACTORS, Noise, more
from mm_env.core.parameters import Distribution, Interval, Listed, ListedNonNegative, ListedRows
from mm_env.core.tuples import Rows, chosen, one_plus, pick, squared
from mm_env.price.around import Around
from mm_env.price.law import Law, joint
from mm_env.world import Now

CHAIN = FACTORS + 8  # the block of noise that the chain draws by
_OFTEN = 2.0  # leavings a step beyond which regimes are none
_ROUNDING = 1e-9  # of a row's largest rate, that it may miss 0 by


class Regime(NamedTuple):
    """The latent state: the number of the regime, and the latent state of the price within."""

    regime: float  # 0.0, 1.0, ...
    inner: Any


class RegimeSwitching(Around):
    """S moves by volatility[r] times what `price` moves by, plus drift[r] dt; the regime r is a Markov chain with `rates`.

    The chain is exact at any step: P(r -> s within dt) = exp(rates dt)[r, s]; over a step the mid moves by the regime in which
    the step begins. One number of `volatility` or `drift` is that of all regimes. The agent sees the number of the regime, and
    what `price` shows. By `RegimeFlow`, `RegimeFill` and `RegimeImpact` other parts of a market depend on it too.

    Raises: ValueError unless `rates` are square, non-negative off the diagonal, and in rows that sum to 0 (a 0 on the diagonal
    is filled in), with a number of everything for each regime.
    """

    rates: ListedRows  # 1 / time, from the regime of the row to that of the column
    volatility: ListedNonNegative  # by which the moves of `price` are multiplied
    drift: Listed = (0.0,)  # price / time
    initial_regime: Annotated[float, Interval(0.0, whole=True)] = 0.0  # 0, 1, ...

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "rates", _generator(f"{type(self).__name__}.rates", self.rates))
        for name in ("volatility", "drift"):
            object.__setattr__(self, name, self.each(name, getattr(self, name)))
        first = self.initial_regime
        last = first.support[1] if isinstance(first, Distribution) else np.max(first)
        if last > self.regimes - 1:
            raise ValueError(f"{type(self).__name__}.initial_regime must be one of {self.regimes} from 0, got {last:g}")

    @property
    def regimes(self) -> int:
        """How many there are."""
        return len(self.rates)

    @property
    def signals(self) -> tuple[str, ...]:
        return ("regime", *self.price.signals)

    @property
    def relative(self) -> bool:
        return self.price.relative

    @property
    def sigma(self) -> float:
        """Root of the mean variance / time in the long run: what closed forms of one volatility take."""
        squares: Any = self.stationary @ np.square(self.volatility)
        return nominal(self.price.sigma) * math.sqrt(squares)  # pyright: ignore[reportAttributeAccessIssue]

    @property
    def stationary(self) -> NDArray[np.float64]:
        """The share of time spent in each regime in the long run from the start, (regimes,)."""
        rates = np.array(self.rates)
        step = np.eye(self.regimes) + rates / max(2.0 * np.abs(rates).max(), 1e-300)
        for _ in range(60):
            step = step @ step
            step /= step.sum(axis=1, keepdims=True)
        return step[round(nominal(self.initial_regime))]

    def each(self, name: str, values: tuple[float, ...]) -> tuple[float, ...]:
        """One number for each regime, or the same for all. Raises: ValueError for any other number of them."""
        if len(values) not in (1, self.regimes):
            kind, n = type(self).__name__, self.regimes
            raise ValueError(f"{kind}.{name} must have one number, or one for each of {n} regimes, got {len(values)}")
        return values if len(values) == self.regimes else values * self.regimes

    def check(self, market: Any) -> None:
        super().check(market)
        often = -min(row[i] for i, row in enumerate(self.rates)) * market.clock.step_length
        if often > _OFTEN:
            raise ValueError(
                f"{type(self).__name__}.rates must leave a regime at most {_OFTEN:g} times a step on average, got {often:g} "
                f"in {market.clock.step_length:g}: make steps shorter"
            )

    @rule
    def start(self) -> Any:
        return Regime(self.initial_regime, self.price.start())

    @rule
    def chain(self, dt: float) -> Rows:
        """P(regime of the row -> regime of the column) within dt: exp(rates dt)."""
        return exponential_of(self.rates, dt)

    @rule
    def following(self, regime: float, noise: Noise, dt: float) -> float:
        """The regime at t + dt."""
        return chosen(pick(self.chain(dt), regime), more(noise, CHAIN)[0])

    @rule
    def switched(self, mid: float, moved: float, regime: float, dt: float) -> float:
        """Where the mid moves to, from where it would by `price` alone."""
        return mid + pick(self.volatility, regime) * (moved - mid) + pick(self.drift, regime) * dt

    @rule
    def unread(self, noise: Noise) -> Noise:
        return self.price.unread(noise)

    @rule
    def move(self, mid: float, latent: Any, noise: Noise, dt: float, now: Now) -> float:
        return self.switched(mid, self.price.move(mid, latent.inner, noise, dt, now), latent.regime, dt)

    @rule
    def evolve(self, latent: Any, noise: Noise, dt: float, now: Now) -> Any:
        inner = self.price.evolve(latent.inner, noise, dt, now)
        return Regime(self.following(latent.regime, noise, dt), inner)

    @rule
    def expected(self, mid: float, latent: Any, dt: float, now: Now) -> float:
        return self.switched(mid, self.price.expected(mid, latent.inner, dt, now), latent.regime, dt)

    @rule
    def variance(self, latent: Any, dt: float, now: Now) -> float:
        factor = pick(self.volatility, latent.regime)
        return factor * factor * self.price.variance(latent.inner, dt, now)

    @rule
    def observe(self, mid: float, latent: Any, now: Now) -> tuple[float, ...]:
        return (latent.regime,) + self.price.observe(mid, latent.inner, now)

    def law(self, dt: float, nodes: int) -> Law:
        inner = self.price.law(dt, nodes)
        if any(law.follows_mid for law in inner.axes):
            raise NotImplementedError(
                f"regimes of {type(self.price).__name__}, whose moves depend on the mid, have no law"
            )
        labels, chain = np.arange(float(self.regimes)), np.array(record(self).chain(dt))
        states = np.stack([np.full_like(labels, np.nan), labels], -1)
        switching = Law(
            chain, 0.0, 0.0, labels, labels[None].repeat(len(labels), 0), "regime", kind="labels", states=states
        )
        found = switching
        for law in inner.axes:
            found = found * replace(law, states=_behind_regime(law.states))
        return self.by_regime(joint(found), dt)

    def by_regime(self, law: Law, dt: float) -> Law:
        """The law of regimes, and then of the states of `price`, with the mid's moves as they are in each regime."""
        each = len(law.nodes) // self.regimes
        volatility, drift = (np.repeat(numbers, each)[:, None] for numbers in (self.volatility, self.drift))
        return replace(law, mean=volatility * law.mean + drift * dt, variance=volatility**2 * law.variance)


@scalar
def exponential_of(rates, dt):
    """exp(rates dt), a matrix in rows: its series to the eighth power over dt / 64, squared six times."""
    step = dt / 64.0
    found = one_plus(step / 7.0, rates, one_plus(step / 8.0, rates, one_plus(0.0, rates, rates)))
    found = one_plus(step / 4.0, rates, one_plus(step / 5.0, rates, one_plus(step / 6.0, rates, found)))
    found = one_plus(step, rates, one_plus(step / 2.0, rates, one_plus(step / 3.0, rates, found)))
    return squared(squared(squared(squared(squared(squared(found))))))


def _behind_regime(states: Any) -> Any:
    """States of the mid and the price within, with the regime between them, of which they say nothing."""
    return None if states is None else np.insert(states, 1, np.nan, axis=1)


def _generator(name: str, rows: Rows) -> Rows:
    """The rates with the diagonal that makes each row sum to 0."""
    rates = np.array(rows)
    n, diagonal = len(rates), np.diagonal(rates) if rates.shape[0] == rates.shape[1] else None
    if diagonal is None or n < 2:
        raise ValueError(f"{name} must be a square of two or more regimes, got {rates.shape[0]} x {rates.shape[1]}")
    away = np.where(np.eye(n, dtype=bool), 0.0, rates)
    if (away < 0.0).any():
        raise ValueError(f"{name} must be >= 0 off the diagonal, got {away.min():g}")
    total = away.sum(axis=1)
    wrong = (diagonal != 0.0) & (np.abs(diagonal + total) > _ROUNDING * total)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ValueError(
            f"{name} must sum to 0 in each row (or have 0 on the diagonal), got {rates[row].sum():g} in row {row}"
        )
    return tuple(tuple(row) for row in (away - np.diag(total)).tolist())
