"""Where our order stands in a recorded queue, as far as the recording tells: who leaves it, before ours or behind?"""

from __future__ import annotations

from mm_env.core.component import Component, rule

EARLIER, UNKNOWN, LATER = 1, 0, -1  # when the order that a message names came to the queue, compared with ours


class QueuePosition(Component):
    """A model of our place in the queue. `ahead` are others' lots that trade before ours, of `theirs` at our price."""

    @rule
    def cancelled(self, ahead: int, theirs: int, size: int, came: int) -> int:
        """How many of `size` lots that leave stood ahead of ours."""
        raise NotImplementedError

    @rule
    def executed(self, ahead: int, size: int, came: int) -> tuple[int, int]:
        """The lots ahead of ours once `size` lots of the queue have traded, and how many of these would have met ours."""
        first = min(ahead, size)
        return ahead - first, size - first


class Pessimistic(QueuePosition):
    """Those behind us leave first."""

    @rule
    def cancelled(self, ahead: int, theirs: int, size: int, came: int) -> int:
        return max(0, size - (theirs - ahead))


class Proportional(QueuePosition):
    """Those ahead of us leave in proportion to their number, rounded down to whole lots."""

    @rule
    def cancelled(self, ahead: int, theirs: int, size: int, came: int) -> int:
        return size * ahead // max(theirs, 1)


class Exact(QueuePosition):
    """Queue position by order ids: orders that came before ours are ahead, later ones behind.

    Who cannot be told (it came while its price was out of view, and ours stood there already) counts as in `Pessimistic`. Of
    orders behind us that trade, all would have met ours, whatever was thought to stand ahead.
    """

    @rule
    def cancelled(self, ahead: int, theirs: int, size: int, came: int) -> int:
        if came == UNKNOWN:
            return max(0, size - (theirs - ahead))
        return min(size, ahead) if came == EARLIER else 0

    @rule
    def executed(self, ahead: int, size: int, came: int) -> tuple[int, int]:
        first = min(ahead, size)
        if came == UNKNOWN:
            return ahead - first, size - first
        return (ahead - first, 0) if came == EARLIER else (0, size)
