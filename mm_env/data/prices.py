"""Prices as whole numbers: from the decimal text of a message, and in ticks."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from functools import lru_cache

DECIMALS = 8  # that an exchange writes at most
UNIT = 1e-8
NO_PRICE = -1


@lru_cache(maxsize=1 << 18)
def units(text: str | float) -> int:
    """A price in 1e-8, exactly as written; NO_PRICE for what is no number >= 0 of at most eight decimals."""
    whole, _, part = str(text).partition(".")
    if whole.isdecimal() and len(part) <= DECIMALS and (part.isdecimal() or not part):
        return int(whole + part.ljust(DECIMALS, "0"))
    try:
        scaled = Decimal(str(text)).scaleb(DECIMALS)
        return int(scaled) if scaled >= 0 and scaled == int(scaled) else NO_PRICE
    except (InvalidOperation, OverflowError, ValueError):
        return NO_PRICE


def tick_in(unit: float, tick: float | None) -> int | None:
    """A tick in price units as a whole number of `unit`; None for None.

    Raises: ValueError for a tick that is not above 0 or no whole number of the file's unit.
    """
    if tick is None:
        return None
    if not isinstance(tick, int | float) or isinstance(tick, bool) or not 0.0 < tick < float("inf"):
        raise ValueError(f"tick must be a number > 0, got {tick!r}")
    step = round(tick / unit)
    if step < 1 or abs(step * unit - tick) > 1e-9 * tick:
        raise ValueError(f"tick must be a whole number of the file's {unit:g}, got {tick:g}")
    return step


def off_tick(price: int, tick: int, unit: float, step: int) -> str:
    """Why a price is refused."""
    return (
        f"price must be a whole number of ticks of {tick * unit:g}, got {price * unit:.10g}; "
        f"the largest step of all prices is {step * unit:g}"
    )
