"""Pages of the reference: all public names of `mm_env` and `agents`, by the folder that they come of."""

from __future__ import annotations

import inspect
from collections import defaultdict
from functools import cache
from typing import Any

import agents
import mm_env
from docs.hooks.fields import declared, table

GROUPS = {  # prefix of the module -> page, the first that fits
    "mm_env.price": "Prices",
    "mm_env.venue.order_book": "Order books",
    "mm_env.venue.replay": "Replay",
    "mm_env.venue.pool": "Pools",
    "mm_env.venue.channel": "Payment channels",
    "mm_env.venue": "Venues, clients, fills, adverse selection",
    "mm_env.desk": "Desks",
    "mm_env.makers": "Several makers",
    "mm_env.options": "Options",
    "mm_env.hedg": "Hedges",
    "mm_env.lending": "Collateral",
    "mm_env.financing": "Collateral",
    "mm_env.margin": "Margins and limits",
    "mm_env.limits": "Margins and limits",
    "mm_env.risk_limits": "Margins and limits",
    "mm_env.stress": "Stress and systemic risk",
    "mm_env.systemic": "Stress and systemic risk",
    "mm_env.core": "Components, parameters, noise",
    "mm_env.envs": "Environments and simulations",
    "mm_env.simul": "Environments and simulations",
    "mm_env.compet": "Environments and simulations",
    "mm_env.desk_simulation": "Environments and simulations",
    "mm_env.controls": "Environments and simulations",
    "mm_env.bootstrap": "Figures",
    "mm_env.metrics": "Figures",
    "mm_env": "Markets, quotes, clocks, rewards",
    "agents.exact": "Agents: exact solutions",
    "agents.policy": "Agents: policies",
    "agents": "Agents: strategies",
}


@cache
def groups() -> dict[str, list[str]]:
    """Title -> the public names on its page, as "mm_env.Brownian"."""
    found: dict[str, list[str]] = defaultdict(list)
    for package in (mm_env, agents):
        for name in sorted(package.__all__):
            found[group_of(package, name)].append(f"{package.__name__}.{name}")
    return dict(sorted(found.items()))


def group_of(package: Any, name: str) -> str:
    """The title of the page that a public name is on."""
    thing = getattr(package, name)
    module = thing.__name__ if inspect.ismodule(thing) else getattr(thing, "__module__", package.__name__)
    return next((title for prefix, title in GROUPS.items() if f"{module}.".startswith(prefix)), "Other names")


def path_of(title: str) -> str:
    return "api/" + "".join(c if c.isalnum() else "_" for c in title.lower()).replace("__", "_") + ".md"


def pages() -> dict[str, str]:
    """Path in the site -> Markdown."""
    rows = [(f"[{title}]({path_of(title).removeprefix('api/')})", " ".join(f"[`{n.split('.')[1]}`][{n}]" for n in names))
            for title, names in groups().items()]  # fmt: skip
    index = (
        "# API reference\n\nAll public names of `mm_env` and of `agents`. Names that start with an underscore, and modules "
        "that are not named here, may change without notice.\n\n" + table(("", "names"), rows)
    )
    return {"api/index.md": index} | {path_of(title): _page(title, names) for title, names in groups().items()}


def _page(title: str, names: list[str]) -> str:
    return f"# {title}\n\n" + "\n\n".join(f"::: {name}\n\n{_parameters(name)}" for name in names) + "\n"


def _parameters(name: str) -> str:
    """The parameters of a component or another dataclass, with units."""
    package, word = name.split(".")
    thing = getattr({"mm_env": mm_env, "agents": agents}[package], word)
    found = declared(thing) if inspect.isclass(thing) else {}
    rows = [(f"`{field}`", _words(one.kind), f"`{one.default}`" if one.default else "", one.comment)
            for field, one in found.items()]  # fmt: skip
    return f"Parameters of `{word}`:\n\n" + table(("name", "type", "default", "unit or meaning"), rows) if rows else ""


def _words(kind: str) -> str:
    """A type in a table's cell, where a bar would end it."""
    return f"`{kind}`".replace(" | ", " or ")
