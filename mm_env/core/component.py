"""A component: frozen parameters and scalar rules. Its type picks the code.

A model is written once, as the paper writes it, for one lane:

    class Brownian(Price):
        sigma: Positive

        def move(self, mid, latent, noise, dt):
            return mid + self.sigma * math.sqrt(dt) * normal(noise.price)

The very same function runs as plain Python (the tests' oracle) and inside the compiled loop over lanes, where `self` is
the component's `Record`: a named tuple of its parameters that carries its rules.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from functools import cache
from inspect import getattr_static, isfunction
from typing import Any, NamedTuple, TypeVar, dataclass_transform, get_args, get_type_hints

import numpy as np

from mm_env.core.parameters import Distribution, Interval, check_fields

R = TypeVar("R")


def rule(function: Callable[..., R]) -> Callable[..., R]:
    """Mark a method as a rule: it, and whatever overrides it in a subclass, is compiled into the kernel.

    Whatever overrides it may leave out its last arguments from `now` on.
    """
    function.__dict__["is_rule"] = True
    return function


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
class Component:
    """Base of all models. A subclass is a frozen dataclass without being told so, checked where it is made."""

    def __init_subclass__(cls) -> None:
        for name, function in vars(cls).items():
            if isfunction(function) and (stated := _stated(cls, name)):
                _check_arguments(f"{cls.__name__}.{name}", function, stated)
        dataclass(frozen=True)(cls)

    def __post_init__(self) -> None:
        check_fields(self)


class Sides(Component):
    """A component for each side of the book: `Sides(bid=Exponential(1.5), ask=Exponential(2.0))`."""

    bid: Component
    ask: Component


class Leaf(NamedTuple):
    """One parameter in a tree of components."""

    path: str
    owner: Component
    field: str
    value: Any


def leaves(component: Component, path: str = "") -> Iterator[Leaf]:
    """The parameters of a tree of components, in the order in which its record holds them."""
    for name in _record_fields(type(component)):
        yield from _leaves(component, name, getattr(component, name), f"{path}.{name}" if path else name)


def _leaves(owner: Component, field: str, value: Any, place: str) -> Iterator[Leaf]:
    if isinstance(value, Component):
        yield from leaves(value, place)
    elif isinstance(value, tuple):
        for i, item in enumerate(value):
            yield from _leaves(owner, field, item, f"{place}.{i}")
    else:
        yield Leaf(place, owner, field, value)


def parts(component: Component, path: str = "") -> Iterator[tuple[str, Component]]:
    """A component and all within it, each with its path."""
    yield path, component
    for one in fields(component):  # pyright: ignore[reportArgumentType]
        value, place = getattr(component, one.name), f"{path}.{one.name}" if path else one.name
        several = enumerate(value) if isinstance(value, tuple) else ()
        for inner, where in [(value, place), *((item, f"{place}.{i}") for i, item in several)]:
            if isinstance(inner, Component):
                yield from parts(inner, where)


def differs(value: Any) -> bool:
    """Whether a parameter differs by lane: an array, or a distribution."""
    return isinstance(value, Distribution) or np.ndim(value) > 0


def record(component: Component) -> Any:
    """The component as nested named tuples of numbers: an array's first value, a distribution's median."""
    return record_class(type(component))(*(_recorded(getattr(component, n)) for n in _record_fields(type(component))))


def _recorded(value: Any) -> Any:
    if isinstance(value, Component):
        return record(value)
    return tuple(_recorded(item) for item in value) if isinstance(value, tuple) else nominal(value)


def nominal(value: Any) -> float:
    """One number for a parameter: itself, an array's first value, a distribution's median."""
    return float(value.ppf(np.array(0.5)) if isinstance(value, Distribution) else np.ravel(value)[0])


@cache
def record_class(cls: type[Component]) -> type:
    """The named tuple of a component's parameters, with its rules as methods."""
    names = _record_fields(cls) or ["nothing"]  # numba has no empty tuples
    base = namedtuple(cls.__name__, names, defaults=[0.0] if names == ["nothing"] else None)
    named = {"__qualname__": f"{cls.__qualname__}.Record", "__module__": cls.__module__}  # so that it can be pickled
    methods = {name: _told_all(function, _stated(cls, name)) for name, function in rules(cls).items()}
    made = type(cls.__name__, (base,), {"__slots__": (), "component": cls, **named, **methods})
    type.__setattr__(cls, "Record", made)
    return made


@cache
def rules(cls: type[Component]) -> dict[str, Callable[..., Any]]:
    """Name -> function of every rule of a component class."""
    marked = {name for base in cls.__mro__ for name, f in vars(base).items() if getattr(f, "is_rule", False)}
    found = {name: getattr_static(cls, name) for name in sorted(marked)}
    return {name: function for name, function in found.items() if isfunction(function)}


def _stated(cls: type, name: str) -> Callable[..., Any] | None:
    """The rule of this name as it was first stated, by the class furthest up; None if there is none."""
    found = (vars(base).get(name) for base in reversed(cls.__mro__))
    return next((function for function in found if getattr(function, "is_rule", False)), None)


def arguments(function: Callable[..., Any]) -> tuple[str, ...]:
    """The names of what a function takes."""
    return function.__code__.co_varnames[: function.__code__.co_argcount]


def _check_arguments(name: str, function: Callable[..., Any], stated: Callable[..., Any]) -> None:
    """Refuse a rule that cannot be called as the one it overrides."""
    most, mine = arguments(stated), arguments(function)
    least = most.index("now") if "now" in most else len(most) - len(stated.__defaults__ or ())
    misplaced = any(name in most and most.index(name) != i for i, name in enumerate(mine))
    if not least <= len(mine) <= len(most) or misplaced or mine[least:] != most[least : len(mine)]:
        wanted = " or ".join(f"({', '.join(most[:n])})" for n in sorted({least, len(most)}))
        raise TypeError(f"{name} must take {wanted}, got ({', '.join(mine)})")


def stated_arguments(cls: type, name: str) -> tuple[str, ...]:
    """The names of a rule's arguments where it was first stated; those of its own class may differ, their places do not."""
    stated = _stated(cls, name)
    return () if stated is None else arguments(stated)


def _told_all(function: Callable[..., Any], stated: Callable[..., Any] | None) -> Callable[..., Any]:
    """The rule as a function of all arguments of the one it overrides, of which it leaves out the last."""
    taken = len(arguments(function))
    if stated is None or taken >= len(arguments(stated)):
        return function

    def told(*arguments: Any) -> Any:
        return function(*arguments[:taken])

    return told


def overridden(cls: type, stated: str, *names: str) -> str | None:
    """The first of `names` that a class below the one that gives `stated` gives anew, as "Class.name"; else None.

    What `stated` says is then of the rule that was overridden, and not of the one that runs.
    """
    givers = {name: next(base for base in cls.__mro__ if name in vars(base)) for name in (stated, *names)}
    order = cls.__mro__.index
    later = [name for name in names if order(givers[name]) < order(givers[stated])]
    return f"{givers[later[0]].__name__}.{later[0]}" if later else None


@cache
def _record_fields(cls: type[Component]) -> list[str]:
    hints = get_type_hints(cls, include_extras=True)
    return [f.name for f in fields(cls) if _is_model(hints[f.name])]  # pyright: ignore[reportArgumentType]


def _is_model(hint: Any) -> bool:
    """Whether a field is a number or a component, or a tuple of such, hence part of the record."""
    members = get_args(hint)
    if any(isinstance(member, Interval) or getattr(member, "by_rules", False) for member in members):
        return True
    return any(isinstance(h, type) and issubclass(h, Component) for h in members or (hint,))


class Layout(NamedTuple):
    """How records shaped like `template` lie in arrays: for machine code, which is handed none of its numbers."""

    template: Any


def load(template: Any, array: Any, base: int, stride: int) -> Any:
    """The nested named tuple shaped like `template` whose i-th number is `array[base + i stride]`."""
    return nest(template, (float(array[base + i * stride]) for i in range(count(template))))


def nest(template: Any, items: Iterator[Any]) -> Any:
    """The nested tuple shaped like `template` with the next of `items` for each of its numbers."""
    if not isinstance(template, tuple):
        return next(items)
    parts = [nest(part, items) for part in template]
    return type(template)(*parts) if hasattr(template, "_fields") else tuple(parts)


def store(values: Any, array: Any, base: int, stride: int) -> None:
    """Write the i-th number of a nested tuple to `array[base + i stride]`."""
    for i, number in enumerate(flat(values)):
        array[base + i * stride] = number


def count(template: Any) -> int:
    """How many numbers a nested tuple holds."""
    return sum(count(item) for item in template) if isinstance(template, tuple) else 1


def flat(values: Any) -> Iterator[float]:
    """The numbers of a nested tuple, in order."""
    if isinstance(values, tuple):
        for item in values:
            yield from flat(item)
    else:
        yield values
