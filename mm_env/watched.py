"""What of the account a reward, a margin or limits go by, which the agent is then shown."""

from __future__ import annotations

from typing import Any, ClassVar

from mm_env.core.component import Component, rule
from mm_env.core.maths import scalar
from mm_env.core.tuples import at_most_one, each, joined

NAMES = ("profit", "drawdown")  # that there are, in the order in which they are shown


def _shown(self: Any, number: float) -> tuple[float, ...]:
    return (number,)


def _not_shown(self: Any, number: float) -> tuple[float, ...]:
    return ()


class Watching(Component):
    """A part that says by `watches` what of the account it goes by: "profit", the running profit, or "drawdown", how far that
    is below its highest in the episode. The agent sees it, and exact solutions are over it."""

    watches: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls) -> None:
        if isinstance(told := vars(cls).get("watches"), tuple):
            if unknown := [name for name in told if name not in NAMES]:
                raise TypeError(f"{cls.__name__}.watches must be among {list(NAMES)}, got {unknown[0]!r}")
            for name in NAMES:
                setattr(cls, f"{name}_seen", _shown if name in told else _not_shown)
        super().__init_subclass__()

    @rule
    def profit_seen(self, number: float) -> tuple[float, ...]:
        """(number,) where "profit" is watched, else ()."""
        return ()

    @rule
    def drawdown_seen(self, number: float) -> tuple[float, ...]:
        """(number,) where "drawdown" is watched, else ()."""
        return ()


class WatchingSeveral(Watching):
    """A part made of several that watch: it goes by all that they do."""

    @property
    def watches(self) -> tuple[str, ...]:  # pyright: ignore[reportIncompatibleVariableOverride]
        told = {name for part in self.members() for name in part.watches}
        return tuple(name for name in NAMES if name in told)

    @rule
    def members(self) -> tuple[Any, ...]:
        """The parts."""
        raise NotImplementedError

    @rule
    def profit_seen(self, number: float) -> tuple[float, ...]:
        return at_most_one(joined(each(profit_of, self.members(), number)))

    @rule
    def drawdown_seen(self, number: float) -> tuple[float, ...]:
        return at_most_one(joined(each(drawdown_of, self.members(), number)))


@scalar
def profit_of(part, number):
    """What a part shows of the profit."""
    return part.profit_seen(number)


@scalar
def drawdown_of(part, number):
    """What a part shows of the drawdown."""
    return part.drawdown_seen(number)
