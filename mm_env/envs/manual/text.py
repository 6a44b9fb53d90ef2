"""The text of a manual."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Sequence
from typing import Any

import gymnasium as gym

from mm_env.clock import Ergodic
from mm_env.core.settings import settings_of
from mm_env.envs.manual.acted import acted, chosen
from mm_env.envs.manual.observed import observed
from mm_env.envs.manual.versions import HISTORY
from mm_env.envs.registration import DESK_IDS, IDS, WORLD_IDS
from mm_env.markets import known_markets, market_named

KNOWN = IDS | DESK_IDS | WORLD_IDS  # id -> market
_ARGUMENTS = """| argument | of | meaning |
| --- | --- | --- |
| `market` | both | another market, or the name of one, in the place of this one |
| `render_mode` | both | None, or "rgb_array" for pictures of a market with one quoted instrument |
| `max_episode_steps` | both | cut episodes there, as truncation |
| `num_envs` | `make_vec` | lanes, stepped together |
| `autoreset_mode` | `make_vec` | "SameStep" (default), "NextStep" or "Disabled" |
| `threads` | `make_vec` | None for as many as pay |
| `shown` | `make_vec` | how many lanes are drawn; None for all |"""


class Manual:
    """The `__doc__` of a face: that of its class, and of an instance the manual of its market under its id."""

    def __init__(self, of_class: str | None) -> None:
        self.of_class = of_class

    def __get__(self, face: Any, kind: type) -> str | None:
        if face is None or "market" not in vars(face):
            return self.of_class
        name = face.spec.id if face.spec is not None else ""
        is_its_own = name in KNOWN and settings_of(market_named(KNOWN[name])) == settings_of(face.market)
        return manual(name if is_its_own else face.market)


def manual(of: Any) -> str:
    """The manual of an id, of a named market, or of a market: Markdown, to be read by `print` or `help`.

    Raises: ValueError for a name that is neither.
    """
    name = _id_of(of)
    market_name = KNOWN.get(name, "")
    market = market_named(market_name or of)
    sections = [
        f"# {name or type(market).__name__}",
        _about(market, market_name),
        _observations(market),
        _actions(market),
        _rewards(market),
        _end(market),
        f"## Arguments\n\n{_ARGUMENTS}",
        _parameters(market),
        *([_history(name)] if name else []),
    ]
    return "\n\n".join(sections) + "\n"


def _id_of(of: Any) -> str:
    """The id of what is asked for, an id or the name of a market; "" of what has none."""
    if not isinstance(of, str):
        return ""
    return of if of in KNOWN else next((known for known, name in KNOWN.items() if name == of), "")


def _about(market: Any, name: str) -> str:
    """What the market is, by the docstring of who makes it, else by its class's."""
    maker = known_markets().get(name, type(market))
    return inspect.cleandoc(maker.__doc__ or "")


def _observations(market: Any) -> str:
    rows = [(f"{i}", f"`{r.name}`", r.meaning, f"{r.low:g}", f"{r.high:g}") for i, r in enumerate(observed(market))]
    head = f"## Observations\n\n`{_space(market.observation_space)}`, each number of order one."
    return f"{head}\n\n{_table(('#', 'name', 'what it is', 'least', 'most'), rows)}"


def _actions(market: Any) -> str:
    space, rows = market.action_space, [(f"{i}", *row) for i, row in enumerate(acted(market))]
    if isinstance(space, gym.spaces.Discrete):
        return f"## Actions\n\n`{_space(space)}`. {chosen(market)}"
    beyond = "what lies outside [-1, 1] counts as the nearest end"
    return f"## Actions\n\n`{_space(space)}`; {beyond}.\n\n{_table(('#', 'sets', 'at -1', 'at 1', 'unit'), rows)}"


def _rewards(market: Any) -> str:
    reward = market.reward
    numbers = ", ".join(f"{k.split('.')[-1]} = {v}" for k, v in settings_of(reward, "reward").items() if k != "reward")
    return f"## Reward\n\nPrice units a step: {inspect.cleandoc(type(reward).__doc__ or '')}\n\nHere {numbers}."


def _end(market: Any) -> str:
    clock = market.clock
    how = "truncates" if isinstance(clock, Ergodic) else "terminates"
    text = f"An episode {how} after {clock.steps:g} steps of {clock.horizon / clock.steps:g} units of time."
    if market.may_close:
        text += f" It terminates before where its account is closed by {type(market.margin).__name__}."
    makers = market.lanes_a_world
    return f"## End\n\n{text}" + (f" {makers} makers share a world: a lane each." if makers > 1 else "")


def _parameters(market: Any) -> str:
    lines = "\n".join(f"{path} = {value}" for path, value in settings_of(market).items())
    return f"## Parameters\n\n```\n{lines}\n```"


def _history(name: str) -> str:
    return "## Version history\n\n" + "\n".join(f"- {line}" for line in HISTORY.get(name, ()))


def _space(space: Any) -> str:
    if isinstance(space, gym.spaces.Discrete):
        return f"Discrete({space.n})"
    return f"Box({', '.join(map(str, space.shape))}), {space.dtype}"


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
