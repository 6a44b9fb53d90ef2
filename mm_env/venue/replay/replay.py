"""A recorded day as a venue: the messages of the file in the place of simulated flows, our orders in its queues."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mm_env.core.component import rule
from mm_env.core.noise import Noise
from mm_env.core.parameters import AtLeastOne, Count, NonNegative, Positive
from mm_env.data.recording import SECOND, Recording
from mm_env.venue.order_book import ladder
from mm_env.venue.order_book.book import OrderBook, decide
from mm_env.venue.replay import feed
from mm_env.venue.replay.answer import Answer, NoAnswer
from mm_env.venue.replay.messages import FIELDS, charged, displacement, open_tape, play, push, take
from mm_env.venue.replay.position import Exact, QueuePosition
from mm_env.venue.replay.window import Window
from mm_env.venue.venue import Dealt


class Replay(OrderBook):
    """A recorded day, message by message, with our orders in its queues. Each episode plays one `window` of it.

    **The recorded flow does not react to us.** Others' book is the recorded one at all times: what we trade is missing to
    nobody, and nobody quotes anew because of us. What is measured here holds for orders that are small beside those recorded,
    and flatters any that are not. `answer` (`TransientImpact`) makes our trades move prices against us, by a model.

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
    answer: Answer = NoAnswer()

    def __post_init__(self) -> None:
        path: Any = self.path
        several = [path] if isinstance(path, os.PathLike) else path
        if not isinstance(path, str) and isinstance(several, Sequence):
            object.__setattr__(self, "path", tuple(str(one) for one in several))
        super().__post_init__()
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

    @property
    def signals(self) -> tuple[str, ...]:
        """What every order book shows, and the displacement of the mid by our trades, in ticks, where there is one."""
        return (*super().signals, *self.answer.signals)

    @rule
    def show_flow(self, book: Any, observations: Any, place: int) -> None:
        if self.answer.shown() > 0:
            observations[place] = displacement(self, book) / self.tick

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
        traded, value = take(book, side, size)
        push(self, book, traded * (2 * side - 1))
        return traded, value

    @rule
    def deal(self, market: Any, state: Any, action: Any, noise: Noise, memory: Any) -> Dealt:
        table, book, weights = memory
        book.cost = 0.0
        dealt = decide(market, table, book, weights, state.account, action, market.now(state, memory), noise.key)
        return charged(dealt, book.cost)
