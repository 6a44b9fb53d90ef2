"""Quoting a channel's fees together with the wish to rebalance it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, product
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from mm_env.action_parts import ActionPart
from mm_env.core.component import record, rule
from mm_env.quote import Quote, Quoting, View
from mm_env.world import Now

_MOST = 1_000  # actions that are tried


class RebalancingQuotes(Quoting):
    """`quoting`, the fees, and one number more: above 0 it asks for the channel to be rebalanced, as `Quote.cut` = 1."""

    quoting: Quoting

    rebalances: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.quoting.space, gym.spaces.Box) or self.quoting.rebalances:
            raise TypeError(f"RebalancingQuotes.quoting must have a Box of actions, fees alone, got {self.quoting!r}")

    @property
    def width(self) -> int:
        return self.quoting.width + 1

    @property
    def action_parts(self) -> tuple[ActionPart, ...]:
        return *self.quoting.action_parts, ActionPart.switch("rebalance")

    def encode(self, depths: NDArray[np.float64], view: View | None = None) -> NDArray[np.float64]:
        """The actions (..., width) that quote `depths` (..., 2) and do not ask for rebalancing."""
        quoted = self.quoting.encode(depths, view)
        return np.concatenate([quoted, np.full_like(quoted[..., :1], -1.0)], axis=-1)

    @rule
    def decode(self, action: tuple[float, ...], now: Now) -> Quote:
        quote = self.quoting.decode(action[:-1], now)
        return Quote(quote.bid_depth, quote.ask_depth, 1.0 if action[-1] > 0.0 else 0.0, 0.0)


def sends_market_orders(quoting: Quoting, now: Now) -> bool:
    """Whether a quoting sets `cut` for some action at the ends or in the middle of its space; of no ends, nothing is tried."""
    rules = record(quoting)
    return any(rules.decode(action, now).cut != 0.0 for action in _tried(quoting.space))


def _tried(space: Any) -> Iterator[tuple[float, ...]]:
    if isinstance(space, gym.spaces.Discrete):
        yield from ((float(choice),) for choice in range(min(int(space.n), _MOST)))
    elif np.isfinite(space.low).all() and np.isfinite(space.high).all():
        middle = 0.5 * (space.low + space.high)
        yield from islice(product(*zip(space.low.tolist(), middle.tolist(), space.high.tolist(), strict=True)), _MOST)
