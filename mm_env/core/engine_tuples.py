# pyright: basic, reportCallIssue=false, reportArgumentType=false, reportGeneralTypeIssues=false
# pyright: reportAttributeAccessIssue=false, reportIndexIssue=false
"""What numba must be told of arithmetic on tuples (`core.tuples`): it is unrolled, as their type says how long they are."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from numba import types

from mm_env.core import tuples
from mm_env.core.engine_compiler import compiled_as


def _unrolled(arguments: str, expression: str, lines: Iterable[str] = ()) -> Callable[..., Any]:
    made: dict[str, Any] = {"math": math}
    exec("\n    ".join([f"def unrolled({arguments}):", *lines, f"return {expression}"]), made)
    return made["unrolled"]


def _tuple_of(items: Iterator[str]) -> str:
    return f"({''.join(f'{item}, ' for item in items)})"


@compiled_as(tuples.head)
def _overload_head(values, like):
    return _unrolled("values, like", _tuple_of(f"values[{i}]" for i in range(len(values) - len(like))))


@compiled_as(tuples.tail)
def _overload_tail(values, like):
    return _unrolled("values, like", _tuple_of(f"values[{i}]" for i in range(len(values) - len(like), len(values))))


@compiled_as(tuples.each)
def _overload_each(function, values, told):
    items = (f"function(values[{i}], told)" for i in range(len(values)))
    return _unrolled("function, values, told", _tuple_of(items))


@compiled_as(tuples.paired)
def _overload_paired(left, right):
    return _unrolled("left, right", _tuple_of(f"(left[{i}], right[{i}])" for i in range(len(left))))


@compiled_as(tuples.numbered)
def _overload_numbered(values):
    return _unrolled("values", _tuple_of(f"({i}, values[{i}])" for i in range(len(values))))


@compiled_as(tuples.first)
def _overload_first(values, otherwise):
    return _unrolled("values, otherwise", "values[0]" if len(values) else "otherwise")


@compiled_as(tuples.joined)
def _overload_joined(values):
    return _unrolled("values", " + ".join(f"values[{i}]" for i in range(len(values))) or "()")


@compiled_as(tuples.at_most_one)
def _overload_at_most_one(values):
    return _unrolled("values", "(values[0],)" if len(values) else "()")


@compiled_as(tuples.difference)
def _overload_difference(left, right):
    return _unrolled("left, right", _tuple_of(f"left[{i}] - right[{i}]" for i in range(len(left))))


@compiled_as(tuples.scaled)
def _overload_scaled(factor, values):
    return _unrolled("factor, values", _tuple_of(f"factor * values[{i}]" for i in range(len(values))))


@compiled_as(tuples.weighted)
def _overload_weighted(base, sizes, prices):
    return _unrolled(
        "base, sizes, prices", " + ".join(["base", *(f"sizes[{i}] * prices[{i}]" for i in range(len(sizes)))])
    )


@compiled_as(tuples.gross)
def _overload_gross(base, sizes, prices):
    items = (f"abs(sizes[{i}] * prices[{i}])" for i in range(len(sizes)))
    return _unrolled("base, sizes, prices", " + ".join(["base", *items]))


@compiled_as(tuples.both)
def _overload_both(function, left, right, told):
    items = (f"function(left[{i}], right[{i}], told)" for i in range(len(left)))
    return _unrolled("function, left, right, told", _tuple_of(items))


@compiled_as(tuples.total)
def _overload_total(values):
    return _unrolled("values", " + ".join(f"values[{i}]" for i in range(len(values))))


@compiled_as(tuples.upper_root)
def _overload_upper_root(rows):
    n, lines = len(rows), list[str]()
    for i in range(n):
        for j in range(i, n):
            left = " - ".join([f"rows[{i}][{j}]", *(f"u{k}_{i} * u{k}_{j}" for k in range(i))])
            lines.append(f"u{i}_{j} = {f'math.sqrt({left})' if i == j else f'({left}) / u{i}_{i}'}")
    entries = (_tuple_of("0.0" if j < i else f"u{i}_{j}" for j in range(n)) for i in range(n))
    return _unrolled("rows", _tuple_of(entries), lines)


def _folded(name: str, count: int) -> Callable[..., Any]:
    found = "values[0]"
    for i in range(1, count):
        found = f"{name}({found}, values[{i}])"
    return _unrolled("values", found)


@compiled_as(tuples.largest)
def _overload_largest(values):
    return _folded("max", len(values))


@compiled_as(tuples.smallest)
def _overload_smallest(values):
    return _folded("min", len(values))


@compiled_as(tuples.pick)
def _overload_pick(values, index):
    if not isinstance(values[0], types.BaseTuple):
        return _unrolled("values, index", _picked(len(values), ""))
    return _unrolled("values, index", _tuple_of(_picked(len(values), f"[{j}]") for j in range(len(values[0]))))


def _picked(count: int, item: str) -> str:
    reached = ["1.0", *(f"(1.0 if index > {i - 0.5} else 0.0)" for i in range(1, count)), "0.0"]
    return " + ".join(f"({reached[i]} - {reached[i + 1]}) * values[{i}]{item}" for i in range(count))


@compiled_as(tuples.chosen)
def _overload_chosen(shares, uniform):
    ends = (" + ".join(["0.0", *(f"shares[{k}]" for k in range(i + 1))]) for i in range(len(shares) - 1))
    return _unrolled("shares, uniform", " + ".join(["0.0", *(f"(1.0 if uniform >= {end} else 0.0)" for end in ends)]))


def _entry(row: str, rows: str, count: int, j: int) -> str:
    return " + ".join(f"{row}[{k}] * {rows}[{k}][{j}]" for k in range(count))


@compiled_as(tuples.times_rows)
def _overload_times_rows(row, rows):
    n = len(rows)
    return _unrolled("row, rows", _tuple_of(_entry("row", "rows", n, j) for j in range(n)))


@compiled_as(tuples.squared)
def _overload_squared(rows):
    n = len(rows)
    return _unrolled(
        "rows", _tuple_of(_tuple_of(_entry(f"rows[{i}]", "rows", n, j) for j in range(n)) for i in range(n))
    )


@compiled_as(tuples.one_plus)
def _overload_one_plus(scale, left, right):
    n = len(left)

    def entry(i, j):
        return f"{1.0 if i == j else 0.0} + scale * ({_entry(f'left[{i}]', 'right', n, j)})"

    return _unrolled("scale, left, right", _tuple_of(_tuple_of(entry(i, j) for j in range(n)) for i in range(n)))
