"""The optimum of who ignores a feature of a market: the best quotes of the market without it, played in the market with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.base import MarketPolicy, Table
from agents.exact.evaluation import NODES
from agents.exact.optimum import Optimum, optimum
from mm_env.core.component import Component, Sides, parts
from mm_env.market import Market
from mm_env.rollout import with_hedges

Floats = NDArray[np.float64]
_SAME = ("max_inventory", "order_size")  # what the two markets must have in common
_SCALES = {
    "inventory": "inventory_scale",
    "profit": "profit_scale",
    "drawdown": "profit_scale",
}  # of what is observed as 1


@dataclass(frozen=True)
class BlindOptimum(MarketPolicy):
    """`best`, the optimum of another market, as a policy of `market`: it acts by those observations that its own market has.

    Raises: ValueError where the two differ in what its actions are, or its own market shows what `market` does not.
    """

    market: Market
    best: Optimum

    def __post_init__(self) -> None:
        own, shown = self.best.market, self.market.observation_names
        for name in _SAME:
            _require_same(name, getattr(own, name), getattr(self.market, name))
        _require_same("quote", own.quote, self.market.quote)
        if unseen := [name for name in own.observation_names if name not in shown]:
            raise ValueError(
                f"a blind optimum must see what its own market shows, got {', '.join(unseen)} beside {shown}"
            )
        if "time_left" in own.observation_names:
            _require_same("clock.horizon", own.clock.horizon, self.market.clock.horizon)
            _require_same("clock.steps", own.clock.steps, self.market.clock.steps)

    def act(self, observations: NDArray[np.float32]) -> NDArray[Any]:
        """The best actions of its own market (n, width), or (n,) if discrete, at observations (n, k) of `market`."""
        own, shown = self.best.market, self.market.observation_names
        units = [
            getattr(self.market, s) / getattr(own, s) if (s := _SCALES.get(name)) else 1.0
            for name in own.observation_names
        ]
        seen = observations[:, [shown.index(name) for name in own.observation_names]] * np.array(units, np.float32)
        actions = self.best.act(seen)
        return with_hedges(self.market, actions) if actions.ndim > 1 else actions

    def _unit(self, name: str) -> float:
        """What an observation of `market` is multiplied by to be one of its own market."""
        scale = _SCALES.get(name)
        return getattr(self.market, scale) / getattr(self.best.market, scale) if scale else 1.0

    def tabulated(self, market: Market) -> Table | None:
        """Its actions by time and inventory, where these are all that it looks at."""
        if not self.best.tabulable:
            return None
        return Table(self.market, with_hedges(self.market, self.best.actions[:, 0]))


def blind_optimum(market: Market, instead: Mapping[str, Any], nodes: int = NODES) -> BlindOptimum:
    """The optimum of `market` with some of its parts replaced, as a policy of `market` itself.

    `instead` has parts or numbers by their paths, {"price": Brownian(1.0)} or {"venue.flow": Poisson(9.0)}: what one takes the
    market for who ignores its regimes, jumps, gaps or margin calls.

    Raises: ValueError for a path that leads to no part of the market; Unsolvable (which is one) as `optimum` does.
    """
    believed = with_parts(market, instead)
    return BlindOptimum(replace(market, quote=believed.quote), optimum(believed, nodes))


def with_parts(market: Market, instead: Mapping[str, Any]) -> Market:
    """The market with other parts or numbers, by path, all at once; "venue.flow" is that of both sides.

    Raises: ValueError for a path that leads to no part of the market; what the market raises if its parts do not go together.
    """
    return _with_parts(market, dict(instead), "")


def _with_parts(component: Any, instead: Mapping[str, Any], place: str) -> Any:
    if isinstance(component, Sides) and not {path.split(".")[0] for path in instead} <= {"bid", "ask"}:
        return Sides(*(_with_parts(side, instead, place) for side in (component.bid, component.ask)))
    within: dict[str, dict[str, Any]] = {}
    for path, part in instead.items():
        name, _, rest = path.partition(".")
        _check_named(component, name, f"{place}{path}")
        within.setdefault(name, {})[rest] = part
    changed = {name: _changed(getattr(component, name), inner, f"{place}{name}.") for name, inner in within.items()}
    return replace(component, **changed) if changed else component


def _changed(part: Any, instead: dict[str, Any], place: str) -> Any:
    here = instead.pop("", part)
    return _with_parts(here, instead, place) if instead else here


def _check_named(component: Any, name: str, path: str) -> None:
    if isinstance(component, Component) and hasattr(component, name):
        return
    known = [place for place, _ in parts(component)] if isinstance(component, Component) else []
    close = get_close_matches(name, known, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise ValueError(f"instead must name parts of the market by their paths, got {path!r}.{hint}")


def _require_same(name: str, mine: Any, others: Any) -> None:
    if mine != others:
        raise ValueError(f"a blind optimum must have the {name} of the market it plays in, {others}, got {mine}")
