"""A recorded day as a venue: the messages of the file in the place of simulated flows, our orders in its queues."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mm_env.core.component import rule
from mm_env.core.maths import routine, scalar
from mm_env.core.parameters import AtLeastOne, Count, NonNegative, Positive
from mm_env.data.recording import SECOND, Recording
from mm_env.venue.order_book import ladder
from mm_env.venue.order_book.book import OrderBook
from mm_env.venue.order_book.events import clear_counters, pressure
from mm_env.venue.order_book.ladder import ASK, BID, lots, mid_twice, touch
from mm_env.venue.order_book.order_flow import CANCEL, LIMIT, MARKET
from mm_env.venue.replay import feed
from mm_env.venue.replay.position import EARLIER, LATER, UNKNOWN, Exact, QueuePosition
from mm_env.venue.replay.tape import EXECUTED, NEW
from mm_env.venue.replay.window import Window

NOWHERE = -1  # no price
NANOSECOND = 1.0 / SECOND

FIELDS: list[Any] = [
    ("time", np.float64),  # since the start of the episode
    ("next", np.int64),
    ("counts", np.int64, (6,)),  # messages of each kind since the start of the episode
    ("arrived", np.int64),  # what of others' orders was executed, or met ours, since the counters were cleared, lots
    ("pressure", np.float64),  # lots bought less lots sold by others' market orders, fading with their age
    ("pressed", np.float64),  # the time at which `pressure` was up to date
    ("start", np.int64),  # of the episode, ns
    ("cursor", np.int64),  # the row of the next message
    ("far", np.int64, (2,)),  # up to this price all is in view
    ("taken", np.int64, (2,)),  # the price of our order when messages last came; NOWHERE without one
    ("joined", np.int64, (2,)),  # the row of the first message after our order
    ("blind", np.int64, (2,)),  # 1 while our order has stood out of view only
]


class Replay(OrderBook):
    """A recorded day, message by message, with our orders in its queues. Each episode plays one `window` of it.

    **The recorded flow does not react to us.** Others' book is the recorded one at all times: what we trade is missing to
    nobody, and nobody quotes anew because of us. What is measured here holds for orders that are small beside those recorded,
    and flatters any that are not.

    Our order is filled when a recorded one would have met it first, and by no more than the size of that:
    - an execution at our price, as far as it goes beyond the lots ahead of us by `position`;
    - an execution at a price that is worse for the taker than ours, as where we quote inside the recorded spread;
    - a limit order of the other side that comes at our price or better for us.
    Executions of hidden orders touch no queue and fill nobody. A message bears the time of its stamp; those of one stamp are
    one event.

    Only the file's prices are in view, and within `levels` ticks of the other side's best. An order of ours further out waits
    blindly: what is there when its price comes into view is all ahead of it. An order that goes out of view keeps its place.
    Halts are cut out, and no window spans one.

    Lots are `unit` of the file's units (shares); a market order of ours walks the recorded prices in view.
    """

    happened_once: ClassVar[bool] = True

    path: str | tuple[str, ...]  # recorded days of one instrument with single messages: files, folders, globs, a store
    window: Window
    span: Positive  # of a window, time: no less than the clock's horizon
    position: QueuePosition = Exact()
    levels: Count = 150  # ticks: no fewer than the widest spread in the windows
    tick: Positive = 0.01  # price: that of the recording, or coarser where its prices are
    lot: Positive = 1.0  # units of the asset
    latency: NonNegative = 0.0  # time
    mean_size: AtLeastOne = 100.0  # lots of others' mean order
    observed: Count = 3  # prices a side whose queues are shown
    queue_scale: Positive = 5.0  # the queue, in orders of the mean size, that is shown as 1
    flow_memory: Positive = 1.0  # time over which a market order fades from the order flow that is shown
    unit: Positive = (
        1.0  # of the files' sizes, in a lot: 1 for shares, 1e-5 for a coin that trades in hundred-thousandths
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.path, str):
            object.__setattr__(self, "path", tuple(str(one) for one in self.path))
        feed.check_there(self.path)

    def check(self, market: Any) -> None:
        super().check(market)
        if market.clock.horizon > self.span:
            raise ValueError(
                f"Replay.span must be >= the clock's horizon of {market.clock.horizon:g}, got {self.span:g}"
            )

    @property
    def recording(self) -> Recording:
        """What the files hold, read once; of a store only the windows' single messages.

        Raises: ValueError as `mm_env.data.read`, and for another tick."""
        return feed.recording(self.path, self.tick, self.window)

    @property
    def starts(self) -> NDArray[np.int64]:
        """When the windows begin, (n,) ns of trading since the first line."""
        return self.window.starts(self.recording, self.span)

    def shares(self, other: Any) -> bool:
        """Whether the windows of another Replay are of some of the same recorded time."""
        return feed.shares(self.path, self.window, other.path, other.window)

    def memory(self, num_lanes: int) -> tuple[NDArray[Any], ...]:
        """The books of all lanes, a record array (num_lanes,), and the messages, which all share."""
        kind = np.dtype([*ladder.fields(self.levels), *FIELDS], align=True)
        table = feed.tape(
            self.path, self.tick, self.window, self.levels, self.starts.tobytes(), self.span, float(self.unit)
        )
        return np.zeros(num_lanes, kind).view(np.recarray), table

    def stretches(self, books: Any) -> NDArray[np.int64]:
        """The day cut into stretches as long as a window: the number of that in which each lane's episode began."""
        return (books.start - round(self.window.begins * SECOND)) // round(self.span * SECOND)

    @rule
    def mean_order(self) -> float:
        return self.mean_size

    @rule
    def open(self, table: Any, book: Any, weights: Any, key: Any, middle: int) -> None:
        """Set up the recorded book of the window's start."""
        open_tape(self, table, book, table[self.window.pick(key, table[0].windows)].start)

    @rule
    def run(self, table: Any, book: Any, weights: Any, key: Any, until: float, pace: int) -> None:
        play(self, table, book, until, pace)

    @rule
    def cross(self, book: Any, side: int, size: int) -> tuple[int, int]:
        return take(book, side, size)


@routine
def open_tape(venue: Any, table: Any, book: Any, start: int) -> None:
    """The recorded book just before `start`; the first message of all counts as past."""
    for slot in range(book.volume.shape[0]):
        book.volume[slot] = 0
    book.time, book.pressure, book.pressed, book.start, book.cursor = 0.0, 0.0, 0.0, start, _first_from(table, start)
    for kind in range(6):
        book.counts[kind] = 0
    for side in range(2):
        book.left[side], book.ahead[side], book.taken[side] = 0, 0, NOWHERE
    _write(venue, table, book, book.cursor - 1)
    for side in range(2):
        book.price[side] = book.best[side]
    clear_counters(book)


@scalar
def _first_from(table: Any, time: int) -> int:
    """The row of the first message that is not before `time`, the first message of all left out."""
    low, high = 1, table.shape[0]
    while low < high:
        middle = (low + high) // 2
        if table[middle].time < time:
            low = middle + 1
        else:
            high = middle
    return low


@routine
def play(venue: Any, table: Any, book: Any, until: float, pace: int) -> None:
    """Let messages come until the time is `until`; if `pace` is 1 only until one has, if 2 until a best price has changed.
    Those of one stamp come together."""
    _take_in(book)
    bid, ask, row, last, waiting = touch(book, BID), touch(book, ASK), book.cursor, table.shape[0], True
    while waiting and row < last:
        time = (table[row].time - book.start) * NANOSECOND
        if time >= until:
            break
        book.time = time
        if table[row].kind >= NEW and table[row].kind <= EXECUTED:
            _meet(venue, table, book, row)
        _erase(table, book, row - 1)
        _write(venue, table, book, row)
        row += 1
        if pace > 0 and (row == last or table[row].time != table[row - 1].time):
            waiting = pace == 2 and bid == touch(book, BID) and ask == touch(book, ASK)
    book.cursor = row
    if waiting:
        book.time = until
    for side in range(2):
        book.taken[side] = book.price[side] if book.left[side] > 0 else NOWHERE


@scalar
def _take_in(book: Any) -> None:
    """Note when and where our new orders joined."""
    for side in range(2):
        if book.left[side] > 0 and book.taken[side] != book.price[side]:
            book.joined[side] = book.cursor
            book.blind[side] = 1 if (book.price[side] - book.far[side]) * (2 * side - 1) > 0 else 0


@routine
def _meet(venue: Any, table: Any, book: Any, row: int) -> None:
    """What a message does to our orders, and to what is counted."""
    kind, side, price, size = table[row].kind, table[row].side, table[row].price, table[row].lots
    out = 2 * side - 1
    if kind == NEW:
        book.counts[LIMIT + side] += 1
        if book.left[1 - side] > 0 and (price - book.price[1 - side]) * out <= 0:
            book.arrived += min(
                size, book.left[1 - side]
            )  # had we been there, it would have been a market order that far
            _fill(book, 1 - side, size)
    elif kind == EXECUTED:
        book.counts[MARKET + side] += 1
        book.arrived += size
        book.pressure = pressure(venue, book) + size * out
        book.pressed = book.time
        if book.left[side] > 0 and (price - book.price[side]) * out > 0:
            _fill(book, side, size)
        elif book.left[side] > 0 and price == book.price[side]:
            ahead, reaching = venue.position.executed(book.ahead[side], size, _came(table, book, row, side))
            book.ahead[side] = ahead
            _fill(book, side, reaching)
    else:
        book.counts[CANCEL + side] += 1
        if book.left[side] > 0 and price == book.price[side]:
            came = _came(table, book, row, side)
            book.ahead[side] -= venue.position.cancelled(book.ahead[side], lots(book, price), size, came)


@scalar
def _came(table: Any, book: Any, row: int, side: int) -> int:
    """Whether the order of a message came to its queue before ours."""
    if table[row].there < book.joined[side]:
        return EARLIER
    return LATER if table[row].absent >= book.joined[side] else UNKNOWN


@routine
def _fill(book: Any, side: int, size: int) -> None:
    """Up to `size` lots of our order trade."""
    traded, price = min(size, book.left[side]), book.price[side]
    book.left[side] -= traded
    book.filled[side] += traded
    book.value[side] += traded * price
    book.gained[side] += traded * (2 * price - mid_twice(book)) * (2 * side - 1)


@scalar
def _erase(table: Any, book: Any, row: int) -> None:
    """Take the book after the message of `row` off the ladder."""
    mask = book.volume.shape[0] - 1
    for side in range(2):
        for level in range(table[row].known[side]):
            book.volume[table[row].prices[side, level] & mask] = 0


@routine
def _write(venue: Any, table: Any, book: Any, row: int) -> None:
    """Put the book after the message of `row` on the ladder, and see where our orders stand in it."""
    mask = book.volume.shape[0] - 1
    for side in range(2):
        for level in range(table[row].known[side]):
            book.volume[table[row].prices[side, level] & mask] = table[row].sizes[side, level]
        book.best[side] = table[row].prices[side, 0]
        book.far[side] = table[row].far[side]
        book.edge[side] = table[row].prices[1 - side, 0] + (2 * side - 1) * int(venue.levels)
    for side in range(2):
        out, price = 2 * side - 1, book.price[side]
        if (price - book.edge[side]) * out > 0:
            book.left[side] = 0
        elif book.left[side] > 0 and (price - book.far[side]) * out <= 0:
            theirs = lots(book, price)
            book.ahead[side] = theirs if book.blind[side] == 1 else min(book.ahead[side], theirs)
            book.blind[side] = 0


@routine
def take(book: Any, side: int, size: int) -> tuple[int, int]:
    """Our market order against the recorded prices in view, which stay as they are: lots traded, and the sum of price x lots.
    Where it comes to our own order, that one is withdrawn."""
    out, price, left, value = 2 * side - 1, book.best[side], size, 0
    while left > 0 and (book.far[side] - price) * out >= 0:
        traded = min(left, lots(book, price))
        left -= traded
        value += traded * price
        price += out
    if book.left[side] > 0 and (price - out - book.price[side]) * out >= 0:
        book.left[side], book.taken[side] = 0, NOWHERE
    return size - left, value
