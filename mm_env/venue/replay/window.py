"""Which stretches of a recorded day episodes play."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mm_env.core.component import Component, rule
from mm_env.core.noise import uniforms
from mm_env.core.parameters import NonNegative, Positive
from mm_env.data.recording import SECOND, Recording

WINDOW_BLOCK = 2  # of the noise of the step before an episode


class Window(Component):
    """The part of the day from `begins` to `ends`, seconds of trading since the recording's first line.

    All that an episode sees lies within it, and no halt: windows of two parts that do not overlap share no message.
    """

    begins: NonNegative  # time
    ends: Positive  # time

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.begins < self.ends:
            raise ValueError(f"{type(self).__name__}.begins must be < ends = {self.ends:g}, got {self.begins:g}")

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
        length, last = round(span * SECOND), min(round(self.ends * SECOND), recording.length)
        apart = round(self.spacing * SECOND) or length
        starts = np.arange(round(self.begins * SECOND), last - length + 1, apart, dtype=np.int64)
        whole = starts[recording.whole(starts, starts + length)]
        if not len(whole):
            raise ValueError(
                f"{type(self).__name__} must hold a stretch of {span:g} s without a halt, got {self.begins:g} to "
                f"{self.ends:g} of {recording.length / SECOND:g} s"
            )
        return whole

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
        return InTurn(self.begins, self.ends)

    @rule
    def pick(self, key: Any, windows: int) -> int:
        uniform, _, _, _ = uniforms(key[0], key[1], key[2], key[3], WINDOW_BLOCK)
        return int(uniform * windows)


class InTurn(Window):
    """Windows end to end: lane i plays number i, and number 0 after the last. As many lanes as windows see each second once."""

    @rule
    def pick(self, key: Any, windows: int) -> int:
        return key[1] % windows
