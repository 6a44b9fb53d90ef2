"""Closed forms for a market: `GLFT.of(market)` has the parameters that `strategies.theory` finds in the components of it."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any, Self

from agents.strategies.theory import Theory, theory
from mm_env.market import Market

CALLED = {"A": "rate", "kappa": "k", "q_max": "orders", "max_inventory": "orders"}  # in papers, and in a `Theory`
_FROM = {
    "gamma": "reward",
    "phi": "reward",
    "alpha": "reward",
    "sigma": "price",
}  # what else there is comes from the venue


class ClosedForm:
    """A strategy whose parameters a market's theory has, by the names of its fields or those of papers (`CALLED`)."""

    @classmethod
    def of(cls, market: Market, **given: Any) -> Self:
        """The strategy for `market`: what is `given` (and not None) as it is, all else as `theory(market)` has it.

        Raises: TypeError for a parameter that it does not have; ValueError where the theory does not cover the market.
        """
        names = [field.name for field in fields(cls)] if is_dataclass(cls) else []
        if unknown := sorted(given.keys() - set(names)):
            raise TypeError(f"{cls.__name__} has the parameters {', '.join(names)}, got {', '.join(unknown)}")
        own = {name: value for name, value in given.items() if value is not None}
        found, wanted = theory(market), {name: CALLED.get(name, name) for name in names if name not in own}
        asked = {name: getattr(found, what) for name, what in wanted.items() if hasattr(Theory, what)}
        try:
            return cls(**asked, **own)
        except ValueError as error:
            raise ValueError(f"{error}{cls._source(str(error), asked)}") from None

    @classmethod
    def _source(cls, error: str, asked: dict[str, Any]) -> str:
        """Which part of the market the parameter that an error names came from; nothing if the user gave it."""
        name = error.split(" must be ")[0].removeprefix(f"{cls.__name__}.")
        return f" (of market.{_FROM.get(name, 'venue')})" if name in asked else ""
