"""The state of a market at each node of its price's law, as the `states` of the law's axes say, and what it must show there."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np

from agents.exact.nodes import Unsolvable
from mm_env.core.component import flat, nest, record
from mm_env.market import Market
from mm_env.price.law import Law
from mm_env.state import State
from mm_env.world import alone

_SAME, _LAST_DIGITS = 1e-9, 1e-14  # shares of what is shown that may differ, and of a state that rounding may change


def node_states(start: State, laws: tuple[Law, ...]) -> list[State]:
    """The state of the market at each node of a product of laws, its price's as they say, and else that of `start`."""
    return [_node_state(start, laws, node) for node in product(*(range(len(law.nodes)) for law in laws))]


def _node_state(start: State, laws: tuple[Law, ...], node: tuple[int, ...]) -> State:
    here = np.array([start.mid, *flat(start.world.price)], np.float64)
    for law, i in zip(laws, node, strict=True):
        if law.states is not None:
            said = law.states[i]
            here[: len(said)] = np.where(np.isnan(said), here[: len(said)], said)
    return _with_price(start, here.tolist())


def check_states(market: Market, laws: tuple[Law, ...]) -> None:
    """Refuse `states` of a law that do not show the nodes at which they stand: each node of each axis is tried.

    Raises: Unsolvable with the node and what the price observes there.
    """
    if all(law.states is None or len(law.nodes) == 1 for law in laws):
        return
    model, signals = record(market), market.price.signals
    start = model.begin(0.0, float(model.initial_mid))
    for k in range(max(len(law.nodes) for law in laws)):
        node = tuple(k % len(law.nodes) for law in laws)
        state = _node_state(start, laws, node)
        nearby = _with_price(state, [number * (1.0 + _LAST_DIGITS) for number in (state.mid, *flat(state.world.price))])
        shown, rounded = _observed(model, state), _observed(model, nearby)
        for law, i in zip(laws, node, strict=True):
            if law.states is None or len(law.nodes) == 1:
                continue
            grids = [grid for grid, _ in law.dimensions]
            for grid, n in zip(grids, np.unravel_index(i, [len(grid.nodes) for grid in grids]), strict=True):
                place = signals.index(grid.signal)
                _check_state(
                    market, state, grid, float(grid.nodes[n]), shown[place], abs(rounded[place] - shown[place])
                )


def _check_state(market: Market, state: State, law: Law, wanted: float, shown: float, rounding: float) -> None:
    slack = _SAME * max(abs(wanted), float(law.nodes[-1] - law.nodes[0])) + rounding
    if not abs(shown - wanted) <= slack:
        raise Unsolvable(
            f"price: the states of {type(market.price).__name__}.law contradict its `observe`: the state at {law.signal} "
            f"{wanted:.6g}, {state.world.price} with mid {state.mid:.6g}, shows a {law.signal} of {shown:.6g}"
        )


def _observed(model: Any, state: State) -> Any:
    latent = state.world.price
    return model.price.observe(state.mid, latent, alone(latent, state.mid))


def _with_price(state: State, numbers: list[float]) -> State:
    mid, *latent = numbers
    price = nest(state.world.price, iter(latent))
    return state._replace(mid=mid, world=state.world._replace(price=price))
