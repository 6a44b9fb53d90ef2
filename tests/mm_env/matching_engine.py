"""A limit order book in which every order is an object: plain, slow and obviously right, for tests to hold the fast one to.

Prices are whole ticks, sizes whole lots; side 0 is the bid, 1 the ask. All orders stand in one list in the order in which
they came; sorted by price, as Python's stable sort does it, they are in price-time priority.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

BID, ASK = 0, 1
US, OTHERS = "us", "others"


@dataclass(eq=False)
class Order:
    """`size` lots of `owner` that wait at `price`."""

    owner: str
    side: int
    price: int
    size: int


class MatchingEngine:
    """An empty book; `best`, bid and ask, are the prices that count as others' best while they have no order on a side,
    `edge` the lowest and the highest price at which orders may stand.

    `shares` and `cash` (ticks x lots) are each owner's account since the start. Of our quotes' trades, `filled` sums the lots,
    `value` price x lots, and `gained` (half ticks) the distance from the mid of others' best prices before the trade, x lots.
    """

    def __init__(self, best: tuple[int, int], edge: tuple[int, int] = (-(10**9), 10**9)) -> None:
        self.orders: list[Order] = []
        self.best, self.edge = list(best), list(edge)
        self.shares: dict[str, int] = defaultdict(int)
        self.cash: dict[str, int] = defaultdict(int)
        self.clear()

    def clear(self) -> None:
        """Count what our quotes do from here on."""
        self.filled, self.value, self.gained = [0, 0], [0, 0], [0, 0]

    # what is seen

    def queue(self, side: int, owner: str | None = None) -> list[Order]:
        """The orders of a side (of an owner), first to trade first."""
        found = [order for order in self.orders if order.side == side and owner in (None, order.owner)]
        return sorted(found, key=lambda order: -order.price if side == BID else order.price)

    def volume(self, price: int) -> int:
        """Others' lots at a price."""
        return sum(order.size for order in self.orders if order.price == price and order.owner != US)

    def ours(self, side: int) -> Order | None:
        return next(iter(self.queue(side, US)), None)

    def touch(self, side: int) -> int:
        """The best price of a side, ours included; others' last one where nobody stands."""
        standing = [self.best[side]] if self.queue(side, OTHERS) or not self.ours(side) else []
        prices = standing + [order.price for order in self.queue(side, US)]
        return max(prices) if side == BID else min(prices)

    def ahead(self, side: int) -> int:
        """Others' lots that trade before our order at its price; 0 without one."""
        total = 0
        for order in self.queue(side):
            ours = self.ours(side)
            if ours is None or order is ours:
                return total
            total += order.size if order.price == ours.price else 0
        return 0

    # what others do

    def limit(self, side: int, price: int, size: int) -> None:
        left = self._trade(OTHERS, 1 - side, size, price)
        if left:
            self._join(Order(OTHERS, side, price, left))
            self._give_way(1 - side)

    def market(self, side: int, size: int) -> None:
        self._trade(OTHERS, side, size)

    def cancel(self, side: int, price: int, position: int, size: int) -> None:
        first, leave = 0, range(position, position + size)
        for order in self.queue(side, OTHERS):
            if order.price == price:
                lots = range(first, first + order.size)
                first += order.size
                self._reduce(order, sum(lot in leave for lot in lots))

    # what we do

    def quote(self, side: int, price: int, size: int) -> None:
        facing = self.queue(1 - side)
        if facing:
            price = min(price, facing[0].price - 1) if side == BID else max(price, facing[0].price + 1)
        standing, size = self.ours(side), size if self.edge[BID] <= price <= self.edge[ASK] else 0
        if standing is not None and size and standing.price == price:
            standing.size = min(standing.size, size)
            return
        if standing is not None:
            self._remove(standing)
        if size:
            self._join(Order(US, side, price, size))

    def hedge(self, side: int, size: int) -> tuple[int, int]:
        """(lots traded, sum of price x lots)."""
        before = self.shares[US], self.cash[US]
        self._trade(US, side, size)
        return abs(self.shares[US] - before[0]), abs(self.cash[US] - before[1])

    def keep_within(self, side: int, edge: int) -> None:
        for order in reversed(self.queue(side)):
            if order.price < edge if side == BID else order.price > edge:
                self._remove(order)
        self.edge[side] = edge
        if not self.queue(side, OTHERS):
            self.best[side] = max(self.best[side], edge) if side == BID else min(self.best[side], edge)
            self._give_way(1 - side)

    # how it is done

    def _trade(self, taker: str, side: int, size: int, limit: int | None = None) -> int:
        """An order of `taker` hits `side` up to the price `limit`; what is left of it."""
        middle = sum(self.best)
        for order in self.queue(side):
            if not size or (limit is not None and (order.price < limit if side == BID else order.price > limit)):
                return size
            if order.owner == taker == US:
                self._remove(order)  # no trade with oneself: the resting order makes way
                continue
            lots = min(size, order.size)
            size -= lots
            self._settle(taker, order, lots, middle)
            self._reduce(order, lots)
        return size

    def _settle(self, taker: str, order: Order, lots: int, middle: int) -> None:
        buyer, seller = (order.owner, taker) if order.side == BID else (taker, order.owner)
        self.shares[buyer] += lots
        self.cash[buyer] -= order.price * lots
        self.shares[seller] -= lots
        self.cash[seller] += order.price * lots
        if order.owner == US:
            self.filled[order.side] += lots
            self.value[order.side] += order.price * lots
            away = middle - 2 * order.price if order.side == BID else 2 * order.price - middle
            self.gained[order.side] += away * lots

    def _join(self, order: Order) -> None:
        self.orders.append(order)
        self._look(order.side)

    def _reduce(self, order: Order, lots: int) -> None:
        order.size -= lots
        if order.size == 0:
            self._remove(order)

    def _remove(self, order: Order) -> None:
        self.orders.remove(order)
        self._look(order.side)

    def _look(self, side: int) -> None:
        """Others' best price of a side stays where it was while they have no order there."""
        others = self.queue(side, OTHERS)
        if others:
            self.best[side] = others[0].price

    def _give_way(self, side: int) -> None:
        """The last price of an empty side gives way to a best price of the other side that meets it."""
        bid, ask = self.best
        if not self.queue(side, OTHERS) and bid >= ask:
            self.best[side] = ask - 1 if side == BID else bid + 1
