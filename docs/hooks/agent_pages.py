"""A page for each family of agents, made of conf/agent and the docstrings."""

from __future__ import annotations

import importlib
import inspect
from functools import cache
from pathlib import Path
from typing import Any

import yaml

import agents
from docs.hooks.fields import table

ROOT = Path(__file__).parents[2]
CONF = ROOT / "conf" / "agent"
FAMILIES = yaml.safe_load((Path(__file__).parent / "agents.yml").read_text(encoding="utf-8"))
_LATER = ("_target_", "_partial_")


def pages() -> dict[str, str]:
    """Path in the site -> Markdown: a page a family, and their overview."""
    return {"agents/index.md": overview()} | {f"agents/{name}.md": page(name) for name in families()}


@cache
def families() -> dict[str, dict[str, Any]]:
    """Family -> its title, words and agents; agents that no family names are a family of their own."""
    named = {agent for family in FAMILIES.values() for agent in family["agents"]}
    rest = sorted(path.stem for path in CONF.glob("*.yaml") if path.stem not in named)
    others = {"others": {"title": "Further agents", "words": "", "agents": rest}} if rest else {}
    return {**FAMILIES, **others}


def overview() -> str:
    """All agents by family."""
    text = (Path(__file__).parent / "agents_index.md").read_text(encoding="utf-8")
    rows = [(f"[{family['title']}]({name}.md)", " ".join(f"`{agent}`" for agent in family["agents"]))
            for name, family in families().items()]  # fmt: skip
    return text + "\n" + table(("family", "agents"), rows)


def page(name: str) -> str:
    """The page of a family."""
    family = families()[name]
    sections = [f"# {family['title']}", family["words"], *(_agent(agent) for agent in family["agents"])]
    return "\n\n".join(section for section in sections if section)


def _agent(name: str) -> str:
    text = (CONF / f"{name}.yaml").read_text(encoding="utf-8")
    config = yaml.safe_load(text)
    said = text.splitlines()[0].lstrip("# ")
    made = f"Made by {_link(config['_target_'])}. With Hydra: `python -m experiments.compare agents=[{name}]`."
    if "algorithm" in config:
        made = f"`algorithm: {config['algorithm']}`. With Hydra: `python -m experiments.train agent={name}`."
    own = [(f"`{key}`", _shown(value), _comment(text, key)) for key, value in config.items() if key not in _LATER]
    settings = table(("parameter", "value", ""), own) if own else ""
    doc = "" if "algorithm" in config else _docstring(config["_target_"])
    return "\n\n".join(part for part in (f"## {name}", f"{said[:1].upper()}{said[1:]}.", doc, made, settings) if part)


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_shown(inner)}" for key, inner in value.items() if key != "_partial_")
    return "of the market" if value is None else str(value)


def _comment(text: str, key: str) -> str:
    line = next((line for line in text.splitlines() if line.startswith(f"{key}:")), "")
    return line.split(" # ", 1)[1] if " # " in line else ""


def _target(path: str) -> tuple[Any, str]:
    """The class or function of a `_target_`, and its public name, if any."""
    names = path.split(".")
    for end in range(len(names), 0, -1):
        try:
            thing = importlib.import_module(".".join(names[:end]))
        except ModuleNotFoundError:
            continue
        owner = thing
        for name in names[end:]:
            owner, thing = thing, getattr(thing, name)
        return (owner if inspect.isclass(owner) else thing), names[1] if names[0] == "agents" else ""
    raise ValueError(f"{path} names nothing")


def _link(path: str) -> str:
    public = _target(path)[1]
    return f"[`{path}`][agents.{public}]" if public in agents.__all__ else f"`{path}`"


def _docstring(path: str) -> str:
    return (inspect.getdoc(_target(path)[0]) or "").split("\n\n")[0]
