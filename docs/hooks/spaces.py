"""Observation and action spaces as tables with units, as the environments' manuals say them."""

from __future__ import annotations

from inspect import getdoc
from typing import Any

import gymnasium as gym

from docs.hooks.fields import table
from mm_env.desk.desk import Desk
from mm_env.envs.manual.acted import acted, chosen
from mm_env.envs.manual.observed import observed


def observation_table(market: Any) -> str:
    """What the agent sees, in order, with units and bounds."""
    seen = observed(market)
    rows = [(str(i), f"`{row.name}`", row.meaning, f"{row.low:.4g}", f"{row.high:.4g}") for i, row in enumerate(seen)]
    head = f"`Box(({len(rows)},), float32)`\n\n"
    return head + table(("place", "name", "meaning", "low", "high"), _shortened(rows))


def _shortened(rows: list[tuple[str, ...]], start: str = "`inventory_") -> list[tuple[str, ...]]:
    """Of a row for each of many instruments, the first two and the last."""
    alike = [row for row in rows if row[1].startswith(start)]
    if len(alike) < 5:
        return rows
    gap = ("...", "...", f"{len(alike) - 3} more", *[""] * (len(rows[0]) - 3))
    return [*alike[:2], gap, alike[-1], *(row for row in rows if row not in alike)]


def action_table(market: Any) -> str:
    """What each number of an action means."""
    space = market.action_space
    if isinstance(space, gym.spaces.Discrete):
        return f"`Discrete({space.n})`. {chosen(market)}"
    rows = [(str(i), *row) for i, row in enumerate(acted(market))]
    if isinstance(market, Desk) and len(rows) > 8:
        rows = [*rows[:4], ("...", f"{len(rows) - 6} more", "", "", ""), *rows[-2:]]
    text = f"`Box(-1, 1, ({len(rows) if not isinstance(market, Desk) else market.width},), float32)`\n\n"
    text += table(("place", "number", "at -1", "at +1", "unit"), rows)
    financed = getattr(market, "financing", None)
    return text + (f"\nOf the loan: {_said(financed)}\n" if financed is not None and financed.names else "")


def _said(part: Any) -> str:
    """The second paragraph of its docstring: what its action is."""
    return (getdoc(type(part)) or "").split("\n\n")[1]
