"""A page for each market of conf/market, made of the components themselves."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import yaml

import mm_env
from docs.hooks.fields import comments, shown, table, values
from docs.hooks.spaces import action_table, observation_table
from mm_env.core.component import parts
from mm_env.desk.desk import Desk
from mm_env.envs.manual.versions import HISTORY
from mm_env.envs.registration import DESK_IDS, IDS, WORLD_IDS
from mm_env.makers.competition import Competition
from mm_env.makers.desks.competing import CompetingDesks
from mm_env.markets import market_named

ROOT = Path(__file__).parents[2]
CONF = ROOT / "conf" / "market"
PICTURES = ROOT / "docs" / "pictures" / "markets"
NAMES = {market: name for name, market in (IDS | DESK_IDS | WORLD_IDS).items()}
FAMILIES = {
    "dealer": "Dealer markets",
    "volatile": "Volatile markets, margins and risk measures",
    "hedged": "With hedges",
    "order_book": "Order books and replay",
    "desk": "Desks of several instruments",
    "decentralised": "Pools, payment channels, collateral",
    "several_makers": "Several makers",
}


def pages() -> dict[str, str]:
    """Path in the site -> Markdown: a page a market, and their overview."""
    return {"markets/index.md": overview()} | {path_of(name): page(name) for name in names()}


def names() -> list[str]:
    """The markets of conf/market, those with an id first, in the order of the ids."""
    known = {path.stem for path in CONF.glob("*.yaml")}
    return [name for name in NAMES if name in known] + sorted(known - set(NAMES))


def path_of(name: str) -> str:
    return f"markets/{family_of(name)}/{name}.md"


@cache
def family_of(name: str) -> str:
    """The family of a market, by its parts."""
    if name not in NAMES:
        return "order_book"
    market = market_named(name)
    if isinstance(market, Competition | CompetingDesks):
        return "several_makers"
    if isinstance(market, Desk):
        return "desk"
    if market.hedges.names:
        return "hedged"
    if type(market.venue).__name__ in ("Pool", "Channel") or market.financing.names:
        return "decentralised"
    if market.venue.makes_mid:
        return "order_book"
    plain = {"Brownian", "Binomial"} >= {type(market.price).__name__}
    return "dealer" if plain and not market.may_close and not market.reward.watches else "volatile"


def overview() -> str:
    """All markets by family."""
    text = (Path(__file__).parent / "markets_index.md").read_text(encoding="utf-8")
    for family, title in FAMILIES.items():
        rows = [(f"[`{name}`]({family}/{name}.md)", f"`{NAMES[name]}`" if name in NAMES else "", summary(name))
                for name in names() if family_of(name) == family]  # fmt: skip
        text += f"\n## {title}\n\n" + table(("`market=`", "id", "what it is"), rows)
    return text


def header(name: str) -> list[str]:
    """The comment at the top of a market's YAML."""
    lines = (CONF / f"{name}.yaml").read_text(encoding="utf-8").splitlines()
    return [line.lstrip("# ") for line in lines[: next(i for i, line in enumerate(lines) if not line.startswith("#"))]]


def summary(name: str) -> str:
    """One sentence on a market."""
    return _docstring(name).split("\n\n")[0] if name in NAMES else header(name)[0]


def _docstring(name: str) -> str:
    from inspect import getdoc

    from mm_env.competitions import COMPETITIONS
    from mm_env.desks import DESKS
    from mm_env.markets import MARKETS

    return getdoc((MARKETS | DESKS | COMPETITIONS)[name]) or ""


def page(name: str) -> str:
    """The page of one market."""
    if name not in NAMES:
        return _unnamed(name)
    market = market_named(name)
    sections = [_top(name), _picture(name), _python(name), "## Observations\n\n" + observation_table(market),
                "## Actions\n\n" + action_table(market), _reward(market), _end(market), _parts(market),
                _history(name)]  # fmt: skip
    return "\n\n".join(filter(None, sections))


def _top(name: str) -> str:
    below = header(name)[1:]
    told = ("\n\n```text\n" + "\n".join(below) + "\n```") if below else ""
    return f"# {name}\n\n{_docstring(name)}{told}"


def _picture(name: str) -> str:
    if not (PICTURES / f"{name}.png").exists():
        return ""
    agent = yaml.safe_load((PICTURES / "agents.yml").read_text(encoding="utf-8"))[name]
    said = f"*One episode of `{agent}`, seed 0. Made by `python -m docs.hooks.pictures {name}`.*"
    return f"![an episode of {name}](../../pictures/markets/{name}.png)\n\n{said}"


def _python(name: str) -> str:
    one = f'env = gymnasium.make("{NAMES[name]}")\n' if NAMES[name] not in WORLD_IDS else ""
    lanes = market_named(name).lanes_a_world
    note = f"  # {lanes} makers a world: a multiple of {lanes}" if lanes > 1 else ""
    return (
        "<!-- compiled -->\n```python\nimport gymnasium\nimport mm_env\n\n"
        f'{one}envs = gymnasium.make_vec("{NAMES[name]}", num_envs=1024){note}\n```\n\n'
        f"With Hydra: `python -m experiments.compare market={name}`."
    )


def _reward(market: Any) -> str:
    reward = market.reward
    penalised = ", ".join(f"`{field}` = {shown(value)}" for field, value in values(reward) if value is not None)
    return f"## Reward\n\n{link(reward)}: {_said(reward)}\n\n{penalised}."


def _end(market: Any) -> str:
    clock = market.clock
    lasts = f"An episode lasts a time of {clock.horizon:g}, in {clock.steps:g} steps."
    closes = f" {_said(market.margin)}" if getattr(market, "margin", None) is not None and market.may_close else ""
    start = getattr(market, "initial_inventory", None)
    begins = (
        ""
        if start is None
        else f" It begins with an inventory of {shown(start)} at a mid of {shown(market.initial_mid)}."
    )
    return f"## Start and end\n\n{link(clock)}: {_said(clock)}\n\n{lasts}{begins}{closes}"


def _parts(market: Any) -> str:
    rows, known = [], set()
    for path, part in parts(market):
        if _is_nothing(part) or (re.search(r"\.ask\b", path) and _sides_alike(market, path)):
            continue
        where = re.sub(r"\.\d+\b", "", path)
        where = where.replace(".bid", "") if re.search(r"\.bid\b", path) and _sides_alike(market, path) else where
        if isinstance(part, mm_env.Sides):
            continue
        if re.search(r"\.([1-9]\d*)(\.|$)", path) and type(part) in known:
            continue  # the second and later of many alike: their table is in the YAML
        known.add(type(part))
        beside = comments(type(part))
        told = [(field, shown(value), beside.get(field, "")) for field, value in values(part)] or [("", "", "")]
        rows += [(f"`{where or 'market'}`" if i == 0 else "", link(part) if i == 0 else "", f"`{f}`" if f else "", v, c)
                 for i, (f, v, c) in enumerate(told)]  # fmt: skip
    note = "Where there are many parts alike, the first is shown.\n\n" if isinstance(market, Desk) else ""
    return f"## Parts and parameters\n\n{note}" + table(("part", "is", "parameter", "value", "unit or meaning"), rows)


def _is_nothing(part: Any) -> bool:
    """Whether a part is the absence of one, such as NoMargin."""
    return type(part).__name__.startswith("No") and not values(part)


def _sides_alike(market: Any, path: str) -> bool:
    """Whether what stands at the bid and at the ask is the same."""
    owner: Any = market
    for name in re.split(r"\.(?:bid|ask)\b", path)[0].split("."):
        owner = owner[int(name)] if name.isdigit() else getattr(owner, name)
    return owner.bid == owner.ask


def _history(name: str) -> str:
    return "## Version history\n\n" + "\n".join(f"- `{NAMES[name]}` {line}" for line in HISTORY[NAMES[name]])


def _unnamed(name: str) -> str:
    """A market that needs a file, so that no id has it."""
    text = (CONF / f"{name}.yaml").read_text(encoding="utf-8")
    lines = "\n".join(header(name))
    return (
        f"# {name}\n\n{lines}\n\nIt has no id, as it needs a recording. Observations and actions are those of "
        f"[amzn_book](amzn_book.md); see [Real data and replay](../../real_data.md).\n\n## Configuration\n\n"
        f"```yaml\n{text}```"
    )


def link(part: Any) -> str:
    """The class of a part, linked to its place in the reference where it has one."""
    name = type(part).__name__
    return f"[`{name}`][mm_env.{name}]" if hasattr(mm_env, name) and name in mm_env.__all__ else f"`{name}`"


def _said(part: Any) -> str:
    from inspect import getdoc

    return (getdoc(type(part)) or "").split("\n\n")[0]
