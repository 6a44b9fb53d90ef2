"""A price around another: what it hands on to the one within."""

from __future__ import annotations

from typing import Any

from mm_env.core.component import rule
from mm_env.core.noise import Noise
from mm_env.price.law import Floats
from mm_env.price.models import Price
from mm_env.world import Now


class Around(Price):
    """`price` and something more: its state, its tables and what it shows are those of `price` unless a subclass says more."""

    price: Price

    @property
    def signals(self) -> tuple[str, ...]:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.price.signals

    def check(self, market: Any) -> None:
        if self.price.needs_book:
            raise ValueError(f"{type(self).__name__}.price must move by itself, got {self.price}")
        self.price.check(market)

    def tables(self, market: Any) -> tuple[Floats, ...]:
        return self.price.tables(market)

    @rule
    def tables_in(self, memory: Any) -> Any:
        return self.price.tables_in(memory)

    @rule
    def opening(self, mid: float, noise: Noise, tables: Any) -> float:
        return self.price.opening(mid, noise, tables)

    @rule
    def start(self) -> Any:
        return self.price.start()

    @rule
    def evolve(self, latent: Any, noise: Noise, dt: float, now: Now) -> Any:
        return self.price.evolve(latent, noise, dt, now)

    @rule
    def observe(self, mid: float, latent: Any, now: Now) -> tuple[float, ...]:
        return self.price.observe(mid, latent, now)
