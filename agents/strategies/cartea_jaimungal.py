"""Cartea, Jaimungal & Penalva 2015, Algorithmic and High-Frequency Trading, ch. 10: market making.

Sell orders hit our bid at `rate` a second, buy orders lift our ask at `ask_rate`, and each takes a quote at
depth d with probability exp(-kappa d). The dealer, with |Q| <= max_inventory, maximises

E[X_T + Q_T (S_T - alpha Q_T) - phi int Q^2 dt] = x + q S + h(q, t)

and h = (1/kappa) ln omega makes the HJB equation linear: omega grows as A omega in the time left, A
tridiagonal with positive off-diagonals. At the limits omega spans hundreds of decades, so it is kept as its
logarithm, and exp(A t) is built from non-negative matrices alone: each component keeps its relative accuracy.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agents.strategies.closed_form import ClosedForm
from agents.strategies.fixed import check_optional, finite, paired, time_left
from agents.strategies.precision import BeyondPrecision, beyond_precision, furthest, held, within_precision
from mm_env.core.memory import NUMBER, free_memory
from mm_env.core.parameters import Count, Interval, NonNegative, Positive, check_fields

_TAYLOR_TERMS = 24
_LEAST_DOUBLINGS = 8  # 2^8 factors of bandwidth 24: the weight they leave out 200 levels away is below 1e-16
_TIME_RESOLUTION = 1e-13  # of the horizon: steps of time that differ by less are one
_MOST_TURNOVER = 1e14  # ||A|| T, where rounding leaves ln omega two decimals
_LEAST_HOP = 1e-250  # per second; with fewer trades there is no stationary state to speak of
_ORDINARY = 40.0  # in logarithms: a parameter further from 1 is what is out of the way
_LEAST_LOG_HOP = -700.0  # of trades a second, in logarithms; e^-708 is none
_MOST_PIECES = 2**14  # of a step of time, that it is cut into where omega spans too many decades
_MATRICES = 72  # that are in memory at a time, most of them powers of the generator that are kept
_REMEMBERED_TIMES = 10_000
_SURE = 500.0  # sums of products keep every digit above e^-500 of their peak; underflow is at e^-708


@dataclass(frozen=True)
class CarteaJaimungal(ClosedForm):
    """Optimal depths with limits on inventory (sec. 10.2) and orders that move the mid (sec. 10.4.1).

    d omega_q / d(T-t) = (kappa jump (ask_rate - rate) q - phi kappa q^2) omega_q
                         + e^(-1 - kappa jump) (ask_rate omega_{q-1} + rate omega_{q+1})
    omega_q(T) = e^(-alpha kappa q^2)
    bid depth = 1/kappa + jump - h(q+1) + h(q),  ask depth = 1/kappa + jump - h(q-1) + h(q)

    Each buy order lifts the mid by `jump` (price units) on average, each sell order lowers it, filled or not:
    a buy order adds jump q to the dealer's worth and, where it takes our ask, d - jump + h(q-1) - h(q) on
    top. Hence the drift in q, and the shift of every depth. `ask_rate` None is `rate`.

    `phi` is in price units per lot^2 and second, `alpha` in price units per lot^2, `horizon` T in seconds.
    The theory lets exp(-kappa d) exceed 1 where a depth is negative.

    A time is solved once and remembered. Ask first for a whole evenly spaced grid: it costs one matrix
    exponential, and who then comes by step by step, with the very same times, only looks them up.
    """

    rate: Positive
    kappa: Positive
    phi: NonNegative
    alpha: NonNegative
    horizon: Positive
    max_inventory: Count
    jump: NonNegative = 0.0
    ask_rate: Positive | None = None

    def __post_init__(self) -> None:
        check_fields(self, scalar=True)
        check_levels(self, self.max_inventory)
        check_optional("CarteaJaimungal.ask_rate", self.ask_rate, Interval(0.0, low_open=True))
        with within_precision(self):
            diagonal, log_hop = self._generator
            turnover = max(float(np.ptp(diagonal)) + 2 * math.exp(log_hop), sys.float_info.min)
            longest = _MOST_TURNOVER / turnover
            if math.isnan(turnover) or log_hop < _LEAST_LOG_HOP or not self._ends_finite:
                raise beyond_precision(self)
        if self.horizon > longest:
            raise self._too_long(longest)

    def depths(self, inventory: ArrayLike, seconds_left: ArrayLike) -> NDArray[np.float64]:
        """Bid and ask depth, shape broadcast(inventory, seconds_left) + (2,), price units.

        Inventory is rounded to whole lots and clipped to +-max_inventory. A side that is closed at its limit
        reports the depth of the nearest open level.

        Raises: ValueError if `seconds_left` lies outside [0, horizon] by more than rounding.
        """
        with within_precision(self):
            _, log_omega, time = self._solution(seconds_left)
            rise, level = np.diff(log_omega) / self.kappa, self._level(inventory)
            bid = 1 / self.kappa + self.jump - np.concatenate([rise, rise[:, -1:]], axis=1)
            ask = 1 / self.kappa + self.jump + np.concatenate([rise[:, :1], rise], axis=1)
            return held(self, paired(bid[time, level], ask[time, level], inventory, seconds_left))

    def value(self, inventory: ArrayLike, seconds_left: ArrayLike) -> NDArray[np.float64]:
        """h(q, t), what is expected beyond cash and inventory at the mid, price units.

        Shape broadcast(inventory, seconds_left). Rounds, clips and raises as `depths`.
        """
        with within_precision(self):
            log_scale, log_omega, time = self._solution(seconds_left)
            return held(self, (log_scale[time] + log_omega[time, self._level(inventory)]) / self.kappa)

    @property
    def _ends_finite(self) -> bool:
        """Whether the depths at the end are finite numbers, with `alpha` alone to lean by."""
        lean = self.alpha * (2.0 * self.max_inventory + 1.0) + self.jump + 1.0 / self.kappa
        return math.isfinite(lean) and math.isfinite(self.alpha * self.kappa * self.max_inventory**2)

    def _too_long(self, longest: float) -> BeyondPrecision:
        """The error of a horizon over which ln omega would lose its decimals, or of what is more out of the way than it."""
        error = beyond_precision(self)
        if not str(error).startswith("CarteaJaimungal.horizon"):
            return error
        return BeyondPrecision(f"CarteaJaimungal.horizon must be <= {longest:g} here, got {self.horizon}")

    def _level(self, inventory: ArrayLike) -> NDArray[np.intp]:
        limit = int(self.max_inventory)
        return np.rint(np.clip(finite("inventory", inventory), -limit, limit)).astype(np.intp) + limit

    def _solution(self, seconds_left: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.intp]]:
        """At the distinct times ln scale (times,), ln omega (times, levels); and which of them each is."""
        times, which = _distinct(time_left(seconds_left, self.horizon))
        self._remember(times.tolist())
        rows = np.array([self._solved[time] for time in times.tolist()])
        rows = rows.reshape(len(times), len(self._levels) + 1)
        return rows[:, 0], rows[:, 1:], which

    def _remember(self, times: list[float]) -> None:
        """Solve those of the sorted `times` that are not known."""
        new = [time for time in times if time not in self._solved]
        if len(self._solved) + len(new) > _REMEMBERED_TIMES:
            self._solved.clear()
            new = times
        self._solved.update(zip(new, self._propagated(np.array(new)), strict=True))

    def _propagated(self, times: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        """For each of the sorted times left: ln scale, then ln omega over that scale, (1 + levels,)."""
        q, (diagonal, log_hop), tilt = self._levels, self._generator, self._tilt
        growth = TridiagonalGrowth(diagonal, log_hop)
        log_y, log_scale, rows = -self.alpha * self.kappa * q**2 - tilt, 0.0, []
        for step in _steps(times, _TIME_RESOLUTION * self.horizon):
            if step > 0:
                log_y, factor = growth.over(step, log_y)
                log_scale += factor
            rows.append(np.concatenate([[log_scale], log_y + tilt]))
        return rows

    @cached_property
    def _solved(self) -> dict[float, NDArray[np.float64]]:
        return {}

    @property
    def _levels(self) -> NDArray[np.float64]:
        return np.arange(-self.max_inventory, self.max_inventory + 1.0)

    @property
    def _ask_rate(self) -> float:
        return self.rate if self.ask_rate is None else self.ask_rate

    @property
    def _tilt(self) -> NDArray[np.float64]:
        """omega_q = e^tilt y_q makes A symmetric; (levels,)."""
        ratio = self._ask_rate / self.rate
        within = 0.0 < ratio < math.inf
        return 0.5 * self._levels * (math.log(ratio) if within else math.log(self._ask_rate) - math.log(self.rate))

    @property
    def _generator(self) -> tuple[NDArray[np.float64], float]:
        """A made symmetric: its diagonal (levels,) and the logarithm of its off-diagonal; per second."""
        q, drift = self._levels, self.jump * (self._ask_rate - self.rate)
        log_hop = 0.5 * math.log(self.rate) + 0.5 * math.log(self._ask_rate) - 1 - self.kappa * self.jump
        return self.kappa * (drift * q - self.phi * q**2), log_hop


@dataclass(frozen=True)
class CarteaJaimungalStationary(ClosedForm):
    """CarteaJaimungal as T - t -> infinity: the depths of A's dominant eigenvector, the same at all times.

    They maximise the average per second of wealth change less phi q^2. Sell orders come at `rate`, buy orders at `ask_rate`;
    None is `rate`.
    """

    rate: Positive
    kappa: Positive
    phi: NonNegative
    max_inventory: Count
    jump: NonNegative = 0.0
    ask_rate: Positive | None = None

    def __post_init__(self) -> None:
        check_fields(self, scalar=True)
        check_levels(self, self.max_inventory)
        check_optional("CarteaJaimungalStationary.ask_rate", self.ask_rate, Interval(0.0, low_open=True))
        with within_precision(self):
            if self._hop < _LEAST_HOP and self.jump * self.kappa > 1.0 and furthest(self)[1] < _ORDINARY:
                most = (math.log(self._mean_rate / _LEAST_HOP) - 1) / self.kappa
                raise ValueError(f"CarteaJaimungalStationary.jump must be <= {most:g} here, got {self.jump}")
            if self._hop < _LEAST_HOP:
                raise beyond_precision(self)
            _ = self._limit  # what cannot be solved is refused here, not at the first quote

    def depths(self, inventory: ArrayLike, seconds_left: ArrayLike) -> NDArray[np.float64]:
        """Bid and ask depth, shape broadcast(inventory, seconds_left) + (2,), price units.

        Inventory is rounded and clipped as in CarteaJaimungal.
        """
        with within_precision(self):
            pair = self._limit.depths(inventory, self._limit.horizon)
        return paired(pair[..., 0], pair[..., 1], inventory, seconds_left)

    @property
    def average_reward(self) -> float:
        """A's dominant eigenvalue over kappa, price units per second, as a Rayleigh quotient."""
        with within_precision(self):
            diagonal, log_hop = self._limit._generator
            log_y = self._limit.value(self._limit._levels, self._limit.horizon) * self.kappa - self._limit._tilt
            y = np.exp(log_y - log_y.max())
            hops = 2 * math.exp(log_hop) * (y[1:] @ y[:-1])
            return float(held(self, (diagonal @ y**2 + hops) / (y @ y) / self.kappa))

    @cached_property
    def _limit(self) -> CarteaJaimungal:
        """The horizon by which A's other eigenvectors are down to e^-50 of the first, level by level.

        A's spectral gap is least at phi = 0 (Ashbaugh & Benguria 1990), where its eigenvalues are cosines.
        Where phi is large the others outweigh the first by phi kappa / hop away from the centre.
        """
        angle = math.pi / (2 * self.max_inventory + 2)
        at_zero_phi = 2 * self._hop * (math.cos(angle) - math.cos(2 * angle))
        gap = max(at_zero_phi, self.phi * self.kappa - 4 * self._hop)
        horizon = (50 + math.log1p(self.phi * self.kappa / self._hop)) / gap
        return self._over(horizon) if self._even else self._leaning(horizon)

    def _leaning(self, horizon: float) -> CarteaJaimungal:
        """As `_limit` where the rates differ: the first eigenvector may then be next to nothing at one end, and so may its
        share of omega at the end, which is 1 at every level. It takes the longer to prevail."""
        from scipy.linalg import eigvalsh_tridiagonal

        first = self._over(horizon)
        diagonal, log_hop = first._generator
        values = eigvalsh_tridiagonal(diagonal, np.full(len(diagonal) - 1, math.exp(log_hop)))
        gap = max(float(values[-1] - values[-2]), 50.0 / horizon)
        for _ in range(2):  # the second time from an eigenvector that is known better
            log_y = first.value(first._levels, first.horizon) * self.kappa - first._tilt
            first = self._over((50.0 + 2.0 * float(np.ptp(log_y)) + 2.0 * float(np.abs(first._tilt).max())) / gap)
        return first

    def _over(self, horizon: float) -> CarteaJaimungal:
        if not 0.0 < horizon < math.inf:
            raise beyond_precision(self)
        rates = (self.rate, self.kappa, self.phi, 0.0, horizon, self.max_inventory, self.jump)
        return CarteaJaimungal(*rates, None if self._even else self.ask_rate)

    @property
    def _even(self) -> bool:
        return self.ask_rate is None or self.ask_rate == self.rate

    @property
    def _mean_rate(self) -> float:
        """The geometric mean of both sides' rates, by which A hops."""
        return self.rate if self._even else math.sqrt(self.rate) * math.sqrt(float(self.ask_rate or self.rate))

    @property
    def _hop(self) -> float:
        return self._mean_rate * math.exp(-1 - self.kappa * self.jump)


def check_levels(owner: object, max_inventory: int) -> None:
    """Refuse a limit whose matrices, levels x levels, do not fit into memory.

    Raises: ValueError that names the limit of `owner`.
    """
    if (2.0 * max_inventory + 1.0) ** 2 * _MATRICES * NUMBER > (free := free_memory()):
        most = math.floor(0.5 * math.sqrt(free / (_MATRICES * NUMBER)) - 0.5)
        name = f"{type(owner).__name__}.max_inventory"
        raise ValueError(f"{name} must be <= {most}, for matrices that fit into memory, got {max_inventory}")


class TridiagonalGrowth:
    """y' = A y for a symmetric tridiagonal A: its diagonal (levels,), and ln of its positive off-diagonal.

    By scaling and squaring: a Taylor polynomial of A - min(diagonal) I, which is non-negative, over t / 2^n.
    """

    def __init__(self, diagonal: NDArray[np.float64], log_hop: float) -> None:
        self.lowest, self.log_hop = float(diagonal.min()), log_hop
        self.shifted = diagonal - self.lowest
        self.exponential = lru_cache(64)(self._exponential)

    def over(self, seconds: float, log_y: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
        """(ln y(seconds) - c, c), c its largest component, from ln y(0) (levels,)."""
        self.pieces = 0
        turnover = 2 * (float(self.shifted.max()) + 2 * math.exp(self.log_hop)) * seconds
        return self._over(seconds, max(_LEAST_DOUBLINGS, math.ceil(math.log2(max(turnover, 1.0)))), log_y)

    def _over(self, seconds: float, doublings: int, log_y: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
        self.pieces += 1
        if doublings < 0 or self.pieces > _MOST_PIECES:
            raise ArithmeticError("omega spans too many decades")
        log_e, log_scale = self.exponential(seconds, doublings)
        if not _is_safe(log_e, log_y):
            halfway, first = self._over(seconds / 2, doublings - 1, log_y)
            end, second = self._over(seconds / 2, doublings - 1, halfway)
            return end, first + second
        log_y = _log_sum(log_e + log_y)
        return log_y - log_y.max(), log_scale + float(log_y.max())

    def _exponential(self, seconds: float, doublings: int) -> tuple[NDArray[np.float64], float]:
        """(ln E, c) with exp(A seconds) = e^c E and, once doubled, max E = 1."""
        if doublings == 0:
            log_e = _log_taylor(self.shifted * seconds, self.log_hop + math.log(seconds))
            return log_e, self.lowest * seconds
        log_half, log_scale = self.exponential(seconds / 2, doublings - 1)
        log_e, peak = _log_square(log_half)
        return log_e, 2 * log_scale + peak


def _is_safe(log_e: NDArray[np.float64], log_y: NDArray[np.float64]) -> bool:
    """Whether what underflowed in E is negligible in E y.

    E is totally positive, so that nothing did if its diagonal stays within e^-500 of its peak. Otherwise what
    it lost at level j adds nothing next to the peak's column, unless y_j stands as far above that column.
    """
    diagonal = np.diagonal(log_e)
    peak = np.argmax(diagonal)
    above = log_y - log_y[peak] - (log_e[:, peak] - log_e[peak, peak])
    return bool(diagonal.min() - diagonal[peak] > -_SURE or above.max() < _SURE - 50)


def _log_taylor(diagonal: NDArray[np.float64], log_hop: float) -> NDArray[np.float64]:
    """ln exp(B), B small, non-negative, symmetric and tridiagonal.

    Entries are about hop^|i-j| / |i-j|!, so the lower triangle is summed in units of hop^(i-j), where nothing
    underflows; beyond the polynomial's reach stands 1 / |i-j|!, the leading term and a lower bound.
    """
    term, total, rank = np.eye(len(diagonal)), np.eye(len(diagonal)), np.arange(len(diagonal))
    for order in range(1, _TAYLOR_TERMS + 1):
        product = diagonal[:, None] * term
        product[1:] += term[:-1]
        product[:-1] += math.exp(2 * log_hop) * term[1:]
        term = product / order
        total += term
    distance, log_factorial = np.subtract.outer(rank, rank), np.cumsum(np.log(np.maximum(rank, 1)))
    return _mirrored(np.maximum(_log(total), -log_factorial[np.abs(distance)]) + distance * log_hop)


def _log_square(log_e: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """(ln E^2 - c, c), c the largest entry of ln E^2, from ln E of a symmetric positive definite E.

    Entries far from the diagonal would underflow. In units in which the column below E's peak, and the row
    left of it, are level with the peak, only what is negligible underflows in the lower triangle; the upper
    mirrors it.
    """
    peak = np.argmax(np.diagonal(log_e))
    fall = log_e[:, peak] - log_e[peak, peak]
    unit = np.where(np.arange(len(fall)) > peak, fall, -fall)
    units = unit[:, None] - unit  # first: added one by one they would round the diagonal
    relative = np.exp(log_e - units)
    square = _mirrored(_log(relative @ relative) + units)
    return square - square.max(), float(square.max())


def _mirrored(lower: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(np.tri(len(lower), dtype=bool), lower, lower.T)


def _log(values: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(divide="ignore"):
        return np.log(values)


def _log_sum(terms: NDArray[np.float64]) -> NDArray[np.float64]:
    """ln of the sum of exp(terms) over the last axis."""
    largest = terms.max(axis=-1, keepdims=True)
    return largest[..., 0] + np.log(np.exp(terms - largest).sum(axis=-1))


def _distinct(seconds: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """The sorted distinct values and, in the shape of `seconds`, which of them each is."""
    if seconds.size and (seconds == seconds.flat[0]).all():  # lanes in step, the usual case: no sorting
        return seconds.ravel()[:1], np.zeros(seconds.shape, dtype=np.intp)
    times, which = np.unique(seconds, return_inverse=True)
    return times, which.reshape(seconds.shape)


def _steps(times: NDArray[np.float64], resolution: float) -> NDArray[np.float64]:
    """The steps from 0 through the sorted `times`; those that differ by rounding are made equal, (times,)."""
    steps = np.diff(times, prepend=0.0)
    kinds, which = np.unique(np.rint(steps / resolution), return_inverse=True)
    means = np.bincount(which, steps) / np.bincount(which)
    return np.where(kinds > 0, means, 0.0)[which]
