"""Which stretches of a recorded day episodes play."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mm_env.core.component import Component, rule
from mm_env.core.noise import uniforms
from mm_env.core.parameters import NonNegative, Positive, Probability
from mm_env.data.recording import SECOND, Recording

WINDOW_BLOCK = 2  # of the noise of the step before an episode


class Window(Component):
    """The part of each day from `begins` to `ends`, seconds of trading since its first line, of some of the days.

    Of n days in order they are those from number round(n `days_from`) on and before round(n `days_to`), counted from 0.
    All that an episode sees lies within it, and no halt: windows of two parts that do not overlap share no message.
    """

    begins: NonNegative  # time
    ends: Positive  # time
    days_from: Probability = 0.0
    days_to: Probability = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.begins < self.ends:
            raise ValueError(f"{type(self).__name__}.begins must be < ends = {self.ends:g}, got {self.begins:g}")
        if not self.days_from < self.days_to:
            raise ValueError(
                f"{type(self).__name__}.days_from must be < days_to = {self.days_to:g}, got {self.days_from:g}"
            )

    @property
    def spacing(self) -> float:
        """Time between the starts of neighbouring windows; 0: as long as a window."""
        return 0.0

    @property
    def in_turn(self) -> Window:
        """What figures are taken over: these windows where each is played once, else all of this part of the day end to end."""
        return self

    def starts(self, recording: Recording, span: float) -> NDArray[np.int64]:
        """When the windows of `span` begin, (n,) ns.

        Raises: ValueError where the part of the day holds none.
        """
        length, apart = round(span * SECOND), round(self.spacing * SECOND) or round(span * SECOND)
        day_starts, chosen = recording.day_starts, self.days(len(recording.day_starts))
        ends = np.r_[day_starts[1:] - 1, recording.length]
        parts = [self._within(int(day_starts[i]), int(ends[i]), length, apart) for i in chosen]
        starts = np.concatenate(parts) if parts else np.zeros(0, np.int64)
        whole = starts[recording.whole(starts, starts + length)]
        if not len(whole):
            days = f" of days {chosen.start} to {chosen.stop - 1} of {len(day_starts)}" if len(day_starts) > 1 else ""
            raise ValueError(
                f"{type(self).__name__} must hold a stretch of {span:g} s without a halt, got {self.begins:g} to "
                f"{self.ends:g} of {recording.length / SECOND:g} s{days}"
            )
        return whole

    def days(self, number: int) -> range:
        """Which of so many days are played, counted from 0."""
        return range(round(number * self.days_from), round(number * self.days_to))

    def meets(self, other: Window, number: int) -> bool:
        """Whether two parts of the same `number` of days hold some of the same time."""
        mine, theirs = self.days(number), other.days(number)
        same_days = max(mine.start, theirs.start) < min(mine.stop, theirs.stop)
        return same_days and self.begins < other.ends and other.begins < self.ends

    def before(self, span: float) -> Window | None:
        """What came before the first of the windows, drawn at random: earlier days, or else an earlier part of the same; None
        where that holds no window."""
        if self.days_from > 0.0:
            return Drawn(0.0, self.ends, 0.0, self.days_from)
        return Drawn(0.0, self.begins, self.days_from, self.days_to) if self.begins >= span else None

    def _within(self, starts: int, ends: int, length: int, apart: int) -> NDArray[np.int64]:
        last = min(starts + round(min(self.ends, 1e9) * SECOND), ends)
        return np.arange(starts + round(self.begins * SECOND), last - length + 1, apart, dtype=np.int64)

    @rule
    def pick(self, key: Any, windows: int) -> int:
        """The number of the window that an episode plays, a function of (seed, lane, episode)."""
        raise NotImplementedError


class Drawn(Window):
    """Windows drawn at random, each as likely as any other; their starts lie `apart`, so that they may overlap in time."""

    apart: Positive = 1.0  # time

    @property
    def spacing(self) -> float:
        return float(self.apart)

    @property
    def in_turn(self) -> Window:
        return InTurn(self.begins, self.ends, self.days_from, self.days_to)

    @rule
    def pick(self, key: Any, windows: int) -> int:
        uniform, _, _, _ = uniforms(key[0], key[1], key[2], key[3], WINDOW_BLOCK)
        return int(uniform * windows)


class InTurn(Window):
    """Windows end to end: lane i plays number i, and number 0 after the last. As many lanes as windows see each second once."""

    @rule
    def pick(self, key: Any, windows: int) -> int:
        return key[1] % windows
