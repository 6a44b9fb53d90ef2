"""Nothing imports upward: a room names only those below it, and of its own floor."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FLOORS = (  # of the house, from the ground up; rooms of one floor do not know each other
    ("mm_env.core",),
    ("mm_env.world", "mm_env.data", "mm_env.clock", "mm_env.watched", "mm_env.bootstrap", "mm_env.action_parts"),
    ("mm_env.portfolio", "mm_env.price", "mm_env.systemic"),
    ("mm_env.state", "mm_env.quote", "mm_env.reward", "mm_env.hedges", "mm_env.margin", "mm_env.financing"),
    ("mm_env.limits", "mm_env.margins", "mm_env.hedging"),
    ("mm_env.risk_limits", "mm_env.options", "mm_env.lending"),
    ("mm_env.venue",),
    ("mm_env.market", "mm_env.desk"),
    ("mm_env.makers",),
    ("mm_env.simulation",),
    ("mm_env.stress",),
    ("mm_env",),  # what runs a market, and what users name
    ("agents.observed",),
    ("agents.quoting",),
    ("agents.base",),
    ("agents.desks",),
    ("agents.policy",),
    ("agents.strategies", "agents.makers"),
    ("agents.exact",),
    ("agents.learning",),
    ("agents.robust",),
    ("agents",),
    ("experiments",),
)
BESIDES = {"mm_env/core/kernel.py": {"mm_env.state"}}  # it makes states at inventories of which it is asked
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
FILES = sorted(file for top in ("mm_env", "agents", "experiments") for file in (ROOT / top).rglob("*.py"))


def room(module: str) -> str:
    return max((name for name in FLOOR if f"{module}.".startswith(f"{name}.")), key=len, default="")


def imported(file: Path) -> list[str]:
    tree = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
    froms = [f"{node.module}.{name.name}" for node in tree if isinstance(node, ast.ImportFrom) for name in node.names]
    return [*froms, *(name.name for node in tree if isinstance(node, ast.Import) for name in node.names)]


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_a_room_imports_from_itself_and_from_floors_below(file):
    here = room(".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"))
    upward = {there for there in map(room, imported(file)) if there not in ("", here) and FLOOR[there] >= FLOOR[here]}
    assert upward == BESIDES.get(file.relative_to(ROOT).as_posix(), set()), f"{here} must not import {sorted(upward)}"
