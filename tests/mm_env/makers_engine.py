"""The order-by-order book with several makers: `MatchingEngine` with numbers 0, 1, ... as owners beside the others."""

from __future__ import annotations

from typing import Any

from tests.mm_env.matching_engine import BID, OTHERS, MatchingEngine, Order


class MakersEngine(MatchingEngine):
    """As `MatchingEngine`; `filled`, `value` and `gained` hold [bid, ask] of each maker."""

    def __init__(self, makers: int, best: tuple[int, int], edge: tuple[int, int]) -> None:
        self.makers = makers
        super().__init__(best, edge)

    def clear(self) -> None:
        self.filled, self.value, self.gained = ({d: [0, 0] for d in range(self.makers)} for _ in range(3))  # pyright: ignore

    def own(self, side: int, maker: Any) -> Order | None:
        """A maker's order of a side."""
        return next(iter(self.queue(side, maker)), None)

    def touch(self, side: int) -> int:
        """The best price of a side, makers' included, and others' last one where none of them stands."""
        prices = [self.best[side], *(order.price for order in self.queue(side))]
        return max(prices) if side == BID else min(prices)

    def lots_before(self, side: int, maker: Any, others_only: bool) -> int:
        """The lots that trade before a maker's order at its price; 0 without one."""
        own = self.own(side, maker)
        if own is None:
            return 0
        queue = [order for order in self.queue(side) if order.price == own.price]
        earlier = queue[: queue.index(own)]
        return sum(order.size for order in earlier if order.owner == OTHERS or not others_only)

    def best_beside(self, side: int, maker: Any) -> int:
        """The best price of all but this maker."""
        prices = [order.price for order in self.queue(side) if order.owner != maker]
        return prices[0] if prices else self.best[side]

    def quote_of(self, side: int, maker: Any, price: int, size: int) -> None:
        facing = self.queue(1 - side)
        if facing:
            price = min(price, facing[0].price - 1) if side == BID else max(price, facing[0].price + 1)
        standing, size = self.own(side, maker), size if self.edge[BID] <= price <= self.edge[1] else 0
        if standing is not None and size and standing.price == price:
            standing.size = min(standing.size, size)
            return
        if standing is not None:
            self._remove(standing)
        if size:
            self._join(Order(maker, side, price, size))

    def hedge_of(self, side: int, maker: Any, size: int) -> tuple[int, int]:
        """(lots traded, sum of price x lots)."""
        before = self.shares[maker], self.cash[maker]
        self._trade(maker, side, size)
        return abs(self.shares[maker] - before[0]), abs(self.cash[maker] - before[1])

    def _trade(self, taker: Any, side: int, size: int, limit: int | None = None) -> int:
        middle = sum(self.best)
        for order in self.queue(side):
            if not size or (limit is not None and (order.price < limit if side == BID else order.price > limit)):
                return size
            if order.owner == taker and taker != OTHERS:
                self._remove(order)  # no trade with oneself: the resting order makes way
                continue
            lots = min(size, order.size)
            size -= lots
            self._settle(taker, order, lots, middle)
            self._reduce(order, lots)
        return size

    def _settle(self, taker: Any, order: Order, lots: int, middle: int) -> None:
        super()._settle(taker, order, lots, middle)
        if order.owner != OTHERS:
            maker: Any = order.owner
            self.filled[maker][order.side] += lots
            self.value[maker][order.side] += order.price * lots
            away = middle - 2 * order.price if order.side == BID else 2 * order.price - middle
            self.gained[maker][order.side] += away * lots
