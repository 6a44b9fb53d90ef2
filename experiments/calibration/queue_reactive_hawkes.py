"""Queue-reactive Hawkes flows from single messages: rates by the state of the book and excitation together, by likelihood.

lambda_m(t) = f_m(book) (base_m + sum_j theta_mj z_j(t)), z_j the exponential memories of past events. With the decays given,
the likelihood is raised by turns: theta at f held, by expectation and maximisation (which kind of past brought each event);
f at theta held, as events over the time that its state held, weighted by what the past makes of it. Only what lies within
the visible levels is counted, in events and in time alike. Both sides are pooled.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from experiments.calibration.levels import DELETE, NEW, NONE, PARTIAL, Side, first_executions, sides
from mm_env.core import engine
from mm_env.data.recording import Ints, Recording
from mm_env.venue.order_book.listed_size import ListedSize
from mm_env.venue.order_book.queue_reactive_hawkes import QueueReactiveHawkes

Floats = NDArray[np.float64]
SPREADS = (1, 4, 8, 12, 16, 20, 30)  # ticks: where ranges begin
DECAYS = (3e4, 3e3, 200.0, 10.0, 0.5, 0.02)  # 1 / s
INSIDE = (1, 2, 3, 5, 8, 13, 21)  # ticks better than the best where classes begin, the last up to 39
BEHIND = (0, 1, 2, 3, 6, 11, 21)  # ticks worse, up to 39
FURTHEST = 40
QUEUES = 8  # orders: the last for all longer
TURNS, STEPS = 3, 200
QUANTILES = 64


@dataclass(frozen=True)
class Half:
    """One side of the book before each message: where its state lies among the classes, and what comes then."""

    seconds: Floats  # (n,)
    spread: Ints  # (n,) number of its range
    best: Ints  # (n,) ticks from the other side's best
    orders: Floats  # (n, behind classes) of the visible levels
    held: NDArray[
        np.bool_
    ]  # (n, inside + behind classes) whether a limit order of the class would be seen, and may come
    queue: Ints  # (n,) orders at the best price, at most QUEUES
    limit: Ints  # (n,) class of a limit order that comes, -1 for none
    cancel: Ints  # (n,) class of a cancellation
    market: NDArray[np.bool_]  # (n,)


@dataclass(frozen=True)
class Fit:
    """The flow, and what it was found by."""

    flow: QueueReactiveHawkes
    log_likelihood: float  # of the events by the states that held when they came
    without_memory: float  # the same of the states alone
    events: int
    radius: float  # of what events of each kind bring on average: the share of events that others brought


def queue_reactive_hawkes(recording: Recording, decays: tuple[float, ...] = DECAYS) -> Fit:
    """The flow of a recording. Raises: ValueError where single messages are not recorded."""
    both, messages = sides(recording), recording.messages
    if both is None or messages is None:
        raise ValueError(f"queue-reactive Hawkes flows need single messages, which {recording.source} does not record")
    unit = float(messages.size[messages.kind == NEW].mean())
    halves = [_half(side, messages.time[1:], unit) for side in both]
    causes = _causes(halves)
    memory = engine.run(memories, np.diff(messages.time) / 1e9, causes, np.array(decays))
    fits = _Fitting(halves, memory, decays)
    plain = fits.log_likelihood()
    for _ in range(TURNS):
        fits.excite()
        fits.rate()
    fits.excite()
    return Fit(
        fits.flow(), fits.log_likelihood(), plain, int(sum(np.sum(causes == k) for k in range(6))), fits.radius()
    )


def sizes(recording: Recording) -> ListedSize:
    """Quantiles of the sizes of limit orders, cancellations and market orders, in units of the instrument."""
    messages, orders = recording.messages, recording.orders
    if messages is None:
        raise ValueError(f"sizes need single messages, which {recording.source} does not record")
    new, gone = messages.kind == NEW, np.isin(messages.kind, (PARTIAL, DELETE))
    lists = [_quantiles(x) for x in (messages.size[new], messages.size[gone], orders.size)]
    return ListedSize(*lists, average=float(messages.size[new].mean()), whole=float(np.median(messages.size[new])))


def _quantiles(values: Floats) -> tuple[float, ...]:
    shares = (np.arange(QUANTILES) + 0.5) / QUANTILES
    return tuple(np.maximum(np.rint(np.quantile(values, shares)), 1.0).tolist())


def _classes(ticks: Ints, begins: tuple[int, ...]) -> Ints:
    """The class of each number of ticks, -1 outside all."""
    found = np.searchsorted(begins, ticks, side="right") - 1
    return np.where((ticks >= begins[0]) & (ticks < FURTHEST), found, -1)


def _half(side: Side, time: Ints, unit: float) -> Half:
    best = side.opposite - side.price[:, 0]
    behind = _classes(np.where(side.size > 0, side.price[:, :1] - side.price, -1), BEHIND)
    orders = np.zeros((len(best), len(BEHIND)))
    for level in range(behind.shape[1]):
        there = behind[:, level] >= 0
        orders[there, behind[there, level]] += side.size[there, level] / unit
    last = np.where(side.price[:, -1] > NONE // 2, side.price[:, 0] - side.price[:, -1], FURTHEST)
    held = np.hstack([best[:, None] > np.array(INSIDE), last[:, None] >= np.array(BEHIND)])
    away = side.price[:, 0] - side.order_price
    seen = (side.price[:, 0] - side.order_price) <= last
    joins, improves = _classes(away, BEHIND), _classes(-away, INSIDE)
    limit = np.where(improves >= 0, improves, np.where((joins >= 0) & seen, len(INSIDE) + joins, -1))
    return Half(
        side.seconds,
        np.searchsorted(SPREADS, best, side="right") - 1,
        best,
        orders,
        held,
        np.minimum((side.size[:, 0] / unit + 0.5).astype(np.int64), QUEUES),
        np.where(side.kind == NEW, limit, -1),
        np.where(np.isin(side.kind, (PARTIAL, DELETE)), joins, -1),
        first_executions(side, time),
    )


def _causes(halves: list[Half]) -> Ints:
    """(n,) the kind of event of each message, as in `KINDS`; 6 where it is none."""
    found = np.full(len(halves[0].best), 6)
    for number, half in enumerate(halves):
        found[half.limit >= 0] = number
        found[half.cancel >= 0] = 2 + number
        found[half.market] = 4 + number
    return found


def memories(gap: Floats, cause: Ints, decay: Floats) -> Floats:
    """z_(cause, term) just before each message and its integral over the time to it, (n, 2, 6, p), cause by cause.

    z jumps by the decay at each event and fades; `gap` (n,) seconds to each message from the one before. Plain Python as it
    stands; `mm_env.core.engine.run` makes machine code of it.
    """
    n, terms = len(gap), len(decay)
    found, now = np.zeros((n, 2, 6, terms)), np.zeros((6, terms))
    for i in range(n):
        for p in range(terms):
            left = np.exp(-decay[p] * gap[i])
            for k in range(6):
                found[i, 1, k, p] = now[k, p] * (1.0 - left) / decay[p]
                now[k, p] *= left
                found[i, 0, k, p] = now[k, p]
        if cause[i] < 6:
            for p in range(terms):
                now[cause[i], p] += decay[p]
    return found


class _Fitting:
    """theta and f, each found with the other held."""

    def __init__(self, halves: list[Half], memory: Floats, decays: tuple[float, ...]) -> None:
        self.halves, self.decays, self.terms = halves, decays, len(decays)
        rows, n = len(SPREADS), len(memory)
        self.rates = [
            np.ones((rows, len(INSIDE) + len(BEHIND))),
            np.ones((rows, len(BEHIND))),
            np.ones((rows, QUEUES + 1)),
        ]
        self.base, self.theta = np.ones(3), np.zeros((3, 6 * self.terms))
        own_first = [memory, memory[:, :, [1, 0, 3, 2, 5, 4]]]  # causes of the half's own side come first in each pair
        self.before = [m[:, 0].transpose(0, 2, 1).reshape(n, -1) for m in own_first]  # (n, terms x 6)
        self.within = [m[:, 1].transpose(0, 2, 1).reshape(n, -1) for m in own_first]
        self.rate()

    def hits(self, kind: int, half: Half) -> NDArray[np.bool_]:
        return half.market if kind == 2 else (half.limit if kind == 0 else half.cancel) >= 0

    def states(self, kind: int, half: Half) -> tuple[Ints, Floats]:
        """The classes that are open at each row, (n, c), and how much of each there is, (n, c)."""
        if kind == 2:
            return half.queue[:, None], np.ones((len(half.queue), 1))
        number = self.rates[kind].shape[1]
        classes = np.broadcast_to(np.arange(number), (len(half.best), number))
        return classes, half.held.astype(np.float64) if kind == 0 else half.orders

    def total(self, kind: int, half: Half) -> Floats:
        """f of a kind at each row, (n,)."""
        classes, amount = self.states(kind, half)
        return (self.rates[kind][half.spread[:, None], classes] * amount).sum(axis=1)

    def chosen(self, kind: int, half: Half) -> tuple[NDArray[np.int64], Ints]:
        """The rows at which an event of the kind comes, and its class."""
        rows = np.flatnonzero(self.hits(kind, half))
        return rows, (half.queue if kind == 2 else half.limit if kind == 0 else half.cancel)[rows]

    def excite(self) -> None:
        """Expectation and maximisation of base and theta."""
        for kind in range(3):
            features, exposure = [], np.zeros(1 + 6 * self.terms)
            for half, before, within in zip(self.halves, self.before, self.within):
                total, usable = self.total(kind, half), half.seconds > 0.0
                exposure[0] += total @ half.seconds
                exposure[1:] += (total * usable) @ within
                rows = self.chosen(kind, half)[0]
                features.append(np.hstack([np.ones((len(rows), 1)), before[rows]]))
            z, theta = np.concatenate(features), np.r_[self.base[kind], self.theta[kind]]
            theta = np.where(theta > 0.0, theta, 0.05 / (1.0 + exposure))
            for _ in range(STEPS):
                theta *= (z / (z @ theta)[:, None]).sum(axis=0) / np.maximum(exposure, 1e-12)
            self.base[kind], self.theta[kind] = theta[0], theta[1:]

    def rate(self) -> None:
        """f of each state: events over time."""
        for kind in range(3):
            events, exposure = np.zeros_like(self.rates[kind]), np.zeros_like(self.rates[kind])
            for half, within in zip(self.halves, self.within):
                weight = self.base[kind] * half.seconds + (half.seconds > 0.0) * (within @ self.theta[kind])
                classes, amount = self.states(kind, half)
                np.add.at(exposure, (half.spread[:, None], classes), weight[:, None] * amount)
                rows, which = self.chosen(kind, half)
                np.add.at(events, (half.spread[rows], which), 1.0)
            self.rates[kind] = np.divide(events, exposure, out=np.zeros_like(events), where=exposure > 0.0)

    def log_likelihood(self) -> float:
        """ln L of all events by their states."""
        found = 0.0
        for kind in range(3):
            for half, before, within in zip(self.halves, self.before, self.within):
                rows, which = self.chosen(kind, half)
                rate = self.rates[kind][half.spread[rows], which]
                found += np.log(rate * (self.base[kind] + before[rows] @ self.theta[kind])).sum()
                weight = self.base[kind] * half.seconds + (half.seconds > 0.0) * (within @ self.theta[kind])
                found -= float(self.total(kind, half) @ weight)
        return float(found)

    def radius(self) -> float:
        """Of the matrix of what an event of each kind brings at the mean f."""
        seconds = self.halves[0].seconds.sum()
        mean = [np.mean([self.total(k, half) @ half.seconds / seconds for half in self.halves]) for k in range(3)]
        each = self.theta.reshape(3, self.terms, 3, 2).sum(axis=(1, 3))
        return float(np.abs(np.linalg.eigvals(each * np.array(mean)[:, None])).max())

    def seen(self) -> Floats:
        """The share of time in which limit orders of each class behind the best would have been seen, by spread; 1 inside."""
        found, time = np.zeros_like(self.rates[0]), np.zeros((len(SPREADS), 1))
        for half in self.halves:
            np.add.at(found, half.spread, half.held * half.seconds[:, None])
            np.add.at(time, half.spread, half.seconds[:, None])
        share = found / np.maximum(time, 1e-12)
        share[:, : len(INSIDE)] = 1.0
        return share

    def flow(self) -> QueueReactiveHawkes:
        """The flow; a class's rate is shared by its ticks, and is that of limit orders which are seen: what comes further out
        than the visible levels was fitted to nothing, and would be excited by all that comes out there."""
        inside, behind = (np.diff([*begins, FURTHEST]) for begins in (INSIDE, BEHIND))
        limits = self.rates[0] * self.seen() / np.r_[inside, behind]
        better, worse = (tuple(map(float, (*begins, FURTHEST))) for begins in (INSIDE, BEHIND))
        return QueueReactiveHawkes(
            tuple(map(float, SPREADS)), better, worse, _rows(limits[:, : len(INSIDE)]), _rows(limits[:, len(INSIDE) :]),
            _rows(self.rates[1]), _rows(self.rates[2]), tuple(float(f"{x:.3g}") for x in self.base), _rows(self.theta),
            self.decays,
        )  # fmt: skip


def _rows(table: Floats) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(float(f"{x:.3g}") for x in row) for row in table.tolist())
