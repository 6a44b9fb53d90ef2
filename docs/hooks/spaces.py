"""Observation and action spaces as tables with units."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import gymnasium as gym
import yaml

from docs.hooks.fields import shown, table
from mm_env.desk.desk import Desk

MEANINGS = yaml.safe_load((Path(__file__).parent / "spaces.yml").read_text(encoding="utf-8"))


def meaning(name: str) -> tuple[str, str]:
    """What an observed number means, and its unit. Raises: KeyError, if spaces.yml does not say it."""
    told = MEANINGS["observations"]
    if name in told:
        return tuple(told[name])
    for pattern, said in told.items():
        found = re.fullmatch(re.escape(pattern).replace(r"\{n\}", "(.+)"), name)
        if "{n}" in pattern and found:
            return said[0].replace("{n}", found[1]), said[1].replace("{n}", found[1])
    raise KeyError(f"docs/hooks/spaces.yml must say what {name!r} means, under observations")


def observation_table(market: Any) -> str:
    """What the agent sees, in order, with units and bounds."""
    space, names = market.observation_space, market.observation_names
    rows = []
    for i, name in enumerate(names):
        said, unit = meaning(name)
        low, high = (f"{float(bound[i]):.4g}" for bound in (space.low, space.high))
        rows.append((str(i), f"`{name}`", said, _filled(unit, market), low, high))
    head = f"`Box(({len(names)},), float32)`\n\n"
    return head + table(("place", "name", "meaning", "unit", "low", "high"), _shortened(rows))


def _shortened(rows: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Of a row for each of many instruments, the first two and the last."""
    alike = [row for row in rows if row[1].startswith("`inventory_")]
    if len(alike) < 5:
        return rows
    gap = ("...", "...", f"{len(alike) - 3} more", "", "", "")
    return [*alike[:2], gap, alike[-1], *(row for row in rows if row not in alike)]


def _filled(text: str, market: Any) -> str:
    return re.sub(r"\{(\w+)\}", lambda m: shown(getattr(market, m[1])), text)


def action_table(market: Any) -> str:
    """What each number of an action means."""
    space = market.action_space
    if isinstance(market, Desk):
        return _desk_actions(market)
    quote = market.quote
    if isinstance(space, gym.spaces.Discrete):
        return f"`Discrete({space.n})`. {_paragraphs(quote)}"
    rows, extra = [], ()
    name = type(quote).__name__
    if name == "RebalancingQuotes":
        extra, quote = tuple(MEANINGS["actions"][name]), quote.quoting
    for said, low, high in (*MEANINGS["actions"][type(quote).__name__], *extra):
        rows.append((said, _filled(low, quote), _filled(high, quote)))
    rows += [(f"Target position in the {name}", f"-{_reach(market, i)}", _reach(market, i))
             for i, name in enumerate(market.hedges.names)]  # fmt: skip
    text = f"`Box(-1, 1, ({market.width},), float32)`; depths, half-spreads and skews are price units.\n\n"
    text += table(("number", "at -1", "at +1"), rows)
    return text + (f"\nThen `loan`: {_paragraphs(market.financing, 1, 2)}\n" if market.financing.names else "")


def _reach(market: Any, place: int) -> str:
    several = getattr(market.hedges, "hedges", (market.hedges,))
    return shown(several[place].max_position)


def _desk_actions(desk: Any) -> str:
    names = desk.action_names
    some = names if len(names) <= 6 else (*names[:4], "...", *names[-2:])
    told = ", ".join(f"`{name}`" if name != "..." else name for name in some)
    return (
        f"`Box(-1, 1, ({desk.width},), float32)`: {told}. A depth goes from the instrument's `min_depth` at -1 to its "
        "`max_depth` at +1, price units from the mid"
        + ("; `outside_...` is the trade with others than clients." if desk.trades_outside else ".")
    )


def _paragraphs(part: Any, start: int = 0, stop: int = 9) -> str:
    from inspect import getdoc

    return "\n\n".join((getdoc(type(part)) or "").split("\n\n")[start:stop])
