"""What the source says of a component's parameters: the comment beside each."""

from __future__ import annotations

import ast
import inspect
import io
import textwrap
import tokenize
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, NamedTuple


class Declared(NamedTuple):
    """A parameter as its class declares it."""

    kind: str
    default: str
    comment: str  # at the end of its line


@cache
def declared(cls: type) -> dict[str, Declared]:
    """Parameter -> how it is declared, of a class and of those that it comes of."""
    found: dict[str, Declared] = {}
    for base in reversed(cls.__mro__):
        if base.__module__.startswith(("mm_env", "agents")):
            found |= _own(base)
    known = {field.name for field in fields(cls) if field.init} if is_dataclass(cls) else set[str]()
    return {name: one for name, one in found.items() if name in known}


def comments(cls: type) -> dict[str, str]:
    """Parameter -> the comment at the end of its line."""
    return {name: one.comment for name, one in declared(cls).items()}


def _own(cls: type) -> dict[str, Declared]:
    try:
        source = textwrap.dedent(inspect.getsource(cls))
    except OSError:  # a class that was made, not written
        return {}
    said = {
        token.start[0]: token.string.lstrip("# ").strip()
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
    body = ast.parse(source).body[0]
    assert isinstance(body, ast.ClassDef)
    return {
        node.target.id: Declared(
            ast.unparse(node.annotation),
            ast.unparse(node.value) if node.value else "",
            said.get(node.end_lineno or 0, ""),
        )
        for node in body.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }


def values(component: Any) -> list[tuple[str, Any]]:
    """The component's parameters that are numbers, lists or words, not components."""
    from mm_env.core.component import Component

    found = [(field.name, getattr(component, field.name)) for field in fields(component)]
    return [(name, value) for name, value in found if not _holds(value, Component)]


def _holds(value: Any, kind: type) -> bool:
    several = value if isinstance(value, tuple) else (value,)
    return any(isinstance(item, kind) for item in several)


def shown(value: Any) -> str:
    """A parameter's value in a table."""
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, tuple):
        flat = ", ".join(shown(item) for item in value)
        return f"({flat})" if len(flat) < 80 else f"{len(value)} rows"
    return str(value)


def cell(text: str) -> str:
    """Text that may stand in a table's cell."""
    return " ".join(text.split()).replace("|", "\\|")


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A Markdown table."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell(value) for value in line) + " |" for line in lines) + "\n"
