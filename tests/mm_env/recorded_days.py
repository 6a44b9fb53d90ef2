"""Recorded days for tests: random ones, and an order-by-order replay to hold the fast one to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.recordings import EMPTY, OPEN, zipped

NEW, PARTIAL, DELETE, EXECUTE, HIDDEN = 1, 2, 3, 4, 5
BID, ASK = 0, 1
TICK = 100  # of the file's 1e-4 dollars
US = "us"


class Exchange:
    """A book of orders, each with its number, that writes LOBSTER's files with `levels` prices a side."""

    def __init__(self, levels: int) -> None:
        self.levels, self.number = levels, 0
        self.orders: list[list[tuple[int, int, int]]] = [[], []]  # of a side: (price, number, size), as they came
        self.messages: list[str] = []
        self.rows: list[list[int]] = []

    def prices(self, side: int) -> list[int]:
        """Best first."""
        return sorted({price for price, _, _ in self.orders[side]}, reverse=side == BID)

    def write(self, stamp: int, kind: int, number: int, size: int, price: int, side: int) -> None:
        """`stamp` is in milliseconds after the opening. What changes no row is not written, but for executions."""
        row = self._row()
        if not self.rows or row != self.rows[-1] or kind == HIDDEN:
            line = f"{OPEN + stamp / 1000:.9f},{kind},{number},{size},{price * TICK},{1 if side == BID else -1}"
            self.messages.append(line)
            self.rows.append(row)

    def place(self, side: int, price: int, size: int) -> int:
        """An order that rests, written or not: its number."""
        self.number += 1
        self.orders[side].append((price, self.number, size))
        return self.number

    def new(self, stamp: int, side: int, price: int, size: int) -> None:
        """It is executed as far as it crosses, and rests with what is left."""
        opposite = self.prices(1 - side)
        while size and opposite and (opposite[0] - price) * (1 - 2 * side) <= 0:
            size = self.hit(stamp, 1 - side, size, worst=price)
            opposite = self.prices(1 - side)
        if size:
            self.write(stamp, NEW, self.place(side, price, size), size, price, side)

    def hit(self, stamp: int, side: int, size: int, worst: int | None = None) -> int:
        """A market order against a side, no further than `worst`: what is left of it."""
        while size and self.orders[side]:
            best = self.prices(side)[0]
            if worst is not None and (best - worst) * (2 * side - 1) > 0:
                break
            place = next(i for i, (price, _, _) in enumerate(self.orders[side]) if price == best)
            size -= self._reduce(stamp, side, place, size, EXECUTE)
        return size

    def cancel(self, stamp: int, side: int, place: int, size: int) -> None:
        self._reduce(stamp, side, place, size, PARTIAL if size < self.orders[side][place][2] else DELETE)

    def save(self, path: Path, seconds: int) -> Path:
        stem = f"TEST_2012-06-21_{OPEN * 1000}_{(OPEN + seconds) * 1000}"
        book = "\n".join(",".join(map(str, row)) for row in self.rows) + "\n"
        names = (f"{stem}_message_{self.levels}.csv", f"{stem}_orderbook_{self.levels}.csv")
        return zipped(path, dict(zip(names, ("\n".join(self.messages) + "\n", book), strict=True)))

    def _reduce(self, stamp: int, side: int, place: int, size: int, kind: int) -> int:
        price, number, held = self.orders[side][place]
        taken = min(size, held)
        if taken == held:
            del self.orders[side][place]
        else:
            self.orders[side][place] = (price, number, held - taken)
        self.write(stamp, kind, number, taken, price, side)
        return taken

    def _row(self) -> list[int]:
        sides = []
        for side, none in ((ASK, EMPTY), (BID, -EMPTY)):
            seen = [(p * TICK, sum(s for q, _, s in self.orders[side] if q == p)) for p in self.prices(side)]
            sides.append((seen + [(none, 0)] * self.levels)[: self.levels])
        return [number for ask, bid in zip(*sides, strict=True) for number in (*ask, *bid)]


def random_day(path: Path, seed: int, events: int = 1500, levels: int = 8, width: int = 7, middle: int = 1000) -> Path:
    """A random day, a few events each millisecond, of prices within `width` ticks of a middle that wanders slowly.

    With `levels` > `width` the whole book is in the file.
    """
    random, made, stamp = np.random.default_rng(seed), Exchange(levels), 0
    for away, size in ((1, 3), (2, 3), (3, 3), (60, 10_000)):  # the last keep either side from running out
        for side in (BID, ASK):
            made.place(side, middle + (2 * side - 1) * away, size)
    while len(made.messages) < events:
        stamp += int(random.integers(0, 2))
        side = int(random.integers(0, 2))
        opposite = made.prices(1 - side)
        kind = random.choice(["new", "cancel", "hit", "hidden"], p=[0.48, 0.2, 0.3, 0.02])
        if kind == "new" and opposite:
            away = int(random.integers(0 if random.random() < 0.1 else 1, width + 1))
            made.new(stamp, side, opposite[0] + (2 * side - 1) * away, int(random.integers(1, 6)))
        elif kind == "cancel" and len(made.orders[side]) > 3:
            place = int(random.integers(len(made.orders[side])))
            made.cancel(stamp, side, place, int(random.integers(1, 7)))
        elif kind == "hit" and len(made.prices(side)) > 1:
            made.hit(stamp, side, int(random.integers(1, 5)))
        elif kind == "hidden":
            made.write(stamp, HIDDEN, 0, 1, made.prices(side)[0], side)
    return made.save(path, 1 + stamp // 1000)


@dataclass(eq=False)
class Order:
    """`number` is US, that of the file, or None for lots whose orders have none known."""

    number: object
    size: int


class OrderByOrder:
    """A recorded day with our orders as objects among the others': plain and slow.

    `queues[side][price]` are the orders in priority. `leaving` says whose lots leave when one is cancelled: those of the
    order that the message names, those at the back, or those ahead of ours in proportion. Of our trades `filled` sums the
    lots, `value` price x lots, and `gained` the distance from the mid before, half ticks x lots.
    """

    def __init__(self, messages, row: int, leaving: str) -> None:
        self.messages, self.leaving = messages, leaving
        self.queues: list[dict[int, list[Order]]] = [{}, {}]
        self.ours: list[tuple[int, Order] | None] = [None, None]
        self.filled, self.value, self.gained = [0, 0], [0, 0], [0, 0]
        for side, prices, sizes in self.sides(row):
            self.queues[side] = {p: [Order(None, s)] for p, s in zip(prices, sizes, strict=True) if p > 0}

    def sides(self, row: int):
        m = self.messages
        yield BID, m.bids[row].tolist(), m.bid_sizes[row].astype(int).tolist()
        yield ASK, m.asks[row].tolist(), m.ask_sizes[row].astype(int).tolist()

    def others(self, side: int) -> dict[int, int]:
        """Lots by price."""
        found = {p: sum(o.size for o in queue if o.number is not US) for p, queue in self.queues[side].items()}
        return {price: lots for price, lots in found.items() if lots}

    def best(self, side: int) -> int:
        return (max if side == BID else min)(self.others(side))

    def ahead(self, side: int) -> int:
        if self.ours[side] is None:
            return 0
        price, ours = self.ours[side]
        queue = self.queues[side][price]
        return sum(order.size for order in queue[: queue.index(ours)])

    def falling_back(self) -> list[int]:
        """The sides on which our order stands behind others' second price."""
        found = []
        for side, ours in enumerate(self.ours):
            prices = sorted(self.others(side), reverse=side == BID)
            if ours and len(prices) > 1 and (ours[0] - prices[1]) * (2 * side - 1) > 0:
                found.append(side)
        return found

    def quote(self, side: int, price: int, size: int) -> None:
        """Post only, and kept where it stands already."""
        out = 2 * side - 1
        if (price - self.best(1 - side)) * out <= 0:
            price = self.best(1 - side) + out
        if self.ours[1 - side] and (price - self.ours[1 - side][0]) * out <= 0:
            price = self.ours[1 - side][0] + out
        standing = self.ours[side]
        if standing and standing[0] == price and size:
            standing[1].size = min(standing[1].size, size)
            return
        if standing:
            self.withdraw(side)
        if size:
            self.ours[side] = (price, Order(US, size))
            self.queues[side].setdefault(price, []).append(self.ours[side][1])

    def withdraw(self, side: int) -> None:
        price, ours = self.ours[side]
        self.queues[side][price].remove(ours)
        self.ours[side] = None

    def happen(self, row: int) -> None:
        """The message of a row, and what has come into view by it."""
        m = self.messages
        kind, side, price, size = int(m.kind[row]), int(m.side[row] < 0), int(m.price[row]), int(m.size[row])
        queue, number = self.queues[side].setdefault(price, []), int(m.order[row])
        if kind == NEW:
            theirs = self.ours[1 - side]
            if theirs and (price - theirs[0]) * (2 * side - 1) <= 0:
                self.trade(1 - side, size)
            queue.append(Order(number, size))
        elif kind in (PARTIAL, DELETE):
            self.leave(side, price, queue, number, size)
        elif kind == EXECUTE:
            self.execute(side, price, queue, number, size)
        self.tidy(side)
        self.reveal(row)

    def execute(self, side: int, price: int, queue: list[Order], number: int, size: int) -> None:
        ours, named = self.ours[side], self.named(queue, number)
        if ours and (price - ours[0]) * (2 * side - 1) > 0:
            self.trade(side, size)
        elif ours and price == ours[0] and self.leaving == "number":
            self.trade(side, size if queue.index(named) > queue.index(ours[1]) else 0)
        elif ours and price == ours[0]:
            self.trade(side, max(0, size - self.ahead(side)))
        if self.leaving == "number":
            named.size -= size
        else:
            self.take(queue, size)

    def leave(self, side: int, price: int, queue: list[Order], number: int, size: int) -> None:
        if self.leaving == "number":
            self.named(queue, number).size -= size
            return
        ours = self.ours[side] if self.ours[side] and self.ours[side][0] == price else None
        first = 0
        if ours and self.leaving == "proportion":
            first = size * self.ahead(side) // sum(o.size for o in queue if o.number is not US)
        self.take(queue, first)
        self.take(queue[::-1], size - first)

    def named(self, queue: list[Order], number: int) -> Order:
        """The order of that number; those that were there before the first row have none."""
        return next((o for o in queue if o.number == number), queue[0])

    def take(self, queue: list[Order], size: int) -> None:
        """Others' lots leave, the first of the list first."""
        for order in queue:
            if order.number is not US:
                gone = min(size, order.size)
                order.size -= gone
                size -= gone

    def trade(self, side: int, size: int) -> None:
        if self.ours[side] is None:
            return
        price, ours = self.ours[side]
        lots, middle = min(size, ours.size), self.best(BID) + self.best(ASK)
        self.filled[side] += lots
        self.value[side] += lots * price
        self.gained[side] += lots * (2 * price - middle) * (2 * side - 1)
        ours.size -= lots
        if ours.size == 0:
            self.withdraw(side)

    def tidy(self, side: int) -> None:
        """Orders of which nothing is left go."""
        for price in list(self.queues[side]):
            self.queues[side][price] = [order for order in self.queues[side][price] if order.size]
            if not self.queues[side][price]:
                del self.queues[side][price]

    def reveal(self, row: int) -> None:
        """Prices beyond the row's last one go out of view (we must not stand there), and the row's last one may come in."""
        for side, prices, sizes in self.sides(row):
            out = 2 * side - 1
            if 0 in prices:
                continue
            for price in [p for p in self.queues[side] if (p - prices[-1]) * out > 0]:
                assert self.ours[side] is None or self.ours[side][0] != price
                del self.queues[side][price]
            if prices[-1] not in self.others(side):
                self.queues[side].setdefault(prices[-1], []).insert(0, Order(None, sizes[-1]))
