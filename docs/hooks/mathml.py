"""Formulas as MathML, made when the site is built: no script, no font, nothing to fetch."""

from __future__ import annotations

from typing import Any

from latex2mathml.converter import convert


def fence(source: str, language: str, class_name: str, options: dict[str, Any], md: Any, **_: Any) -> str:
    """The HTML of a fence of LaTeX, a display formula a paragraph."""
    formulas = [part.strip() for part in source.split("\n\n") if part.strip()]
    return "".join(f'<div class="{class_name}">{convert(formula, display="block")}</div>' for formula in formulas)
