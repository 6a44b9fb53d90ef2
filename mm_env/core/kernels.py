"""The loops over a market's lanes, as machine code that is made or found when a loop is first run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mm_env.core import engine, kernel
from mm_env.core.component import Layout

_FLOATS, _SINGLES, _FLAGS, _WHOLE = np.zeros(1), np.zeros(1, np.float32), np.zeros(1, np.bool_), np.zeros(1, np.int64)
_SEED, _KEYS = 0, np.zeros((1, 2), np.int64)


class Kernels:
    """The loops of the module `loops` for records shaped like the templates `market`, `state`, `action`, `observation`.

    Each method gives the function to call with what it names, after the layouts of `market` and of whatever of the other
    three it reads. `where` is parameters, their stride, states, and what the venue keeps; `keyed` whether lanes draw by keys
    of their own. With `interpreted` the functions are plain Python.
    """

    def __init__(self, loops: Any, templates: tuple[Any, Any, Any, Any], interpreted: bool) -> None:
        self._loops, self._interpreted = loops, interpreted
        self.layouts = tuple(self.layout(template) for template in templates)
        self._found: dict[Any, Callable[..., Any]] = {}

    def step(self, where: tuple[Any, ...], keyed: bool) -> Callable[..., int]:
        """(four layouts, *where, actions, observations, rewards, ended, seed or keys, first lane, last lane)"""
        arrays = (_FLOATS, _SINGLES, _FLOATS, _FLAGS)
        return self._of(
            self._loops.step_lanes, where, keyed, lambda: (*self.layouts, *where, *arrays, _by(keyed), 0, 0)
        )

    def begin(self, where: tuple[Any, ...], keyed: bool) -> Callable[..., None]:
        """(market, state, observation, *where, observations, mask, episodes, seed or keys)"""
        market, state, _, observation = self.layouts
        shown = (market, state, observation, *where)
        return self._of(self._loops.begin_lanes, where, keyed, lambda: (*shown, _SINGLES, _FLAGS, _WHOLE, _by(keyed)))

    def observe(self, where: tuple[Any, ...]) -> Callable[..., None]:
        """(market, state, observation, *where, observations)"""
        market, state, _, observation = self.layouts
        return self._of(self._loops.observe_lanes, where, False, lambda: (market, state, observation, *where, _SINGLES))

    def layout(self, template: Any) -> Any:
        """How records shaped like `template` are told of to a loop."""
        return template if self._interpreted else Layout(template)

    def foresee(self, where: tuple[Any, ...], outcomes: Any) -> Callable[..., None]:
        """(market, state, the layout `outcomes`, action, parameters, their stride, actions, inventories, what is seen)"""
        market, state, action, _ = self.layouts
        told = (market, state, outcomes, action, *where[:2], _FLOATS, _FLOATS, np.zeros((1, 1, 2)))
        return self._of(kernel.foresee_lanes, where, False, lambda: told)

    def run(self, where: tuple[Any, ...], keyed: bool) -> Callable[..., None]:
        """(market, state, action, parameters, their stride, states, table, its rows, seed or keys, first lane, last lane)"""
        market, state, action, _ = self.layouts
        told = (market, state, action, *where[:3], _FLOATS, 0)
        return self._of(kernel.run_table, where, keyed, lambda: (*told, _by(keyed), 0, 0))

    def own(self, loop: Callable[..., Any], *arguments: Any) -> Callable[..., Any]:
        """A loop of one's own, for arguments of the types of these."""
        return loop if self._interpreted else engine.compiled(loop, *arguments)

    def _of(
        self, loop: Callable[..., Any], where: tuple[Any, ...], keyed: bool, examples: Callable[[], tuple[Any, ...]]
    ) -> Callable[..., Any]:
        """`loop` for arguments of the types of `examples`, which follow from the loop and the other two."""
        key = (loop, where[1] is None, keyed)
        if key not in self._found:
            self._found[key] = loop if self._interpreted else engine.compiled(loop, *examples())
        return self._found[key]


def _by(keyed: bool) -> Any:
    return _KEYS if keyed else _SEED
