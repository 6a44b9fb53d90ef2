"""When blocks come, at which alone anybody trades with a pool. A step is a block; the clock says how long one lasts on
average."""

from __future__ import annotations

from typing import ClassVar

from mm_env.core.component import Component, rule
from mm_env.core.maths import exponential
from mm_env.core.noise import Noise


class Blocks(Component):
    """The time from a block to the next. Override `lasts`."""

    random: ClassVar[bool] = False  # then the time of a step is not known beforehand

    @rule
    def lasts(self, dt: float, noise: Noise) -> float:
        """How long it is to the next block, where it is `dt` on average."""
        raise NotImplementedError


class FixedBlocks(Blocks):
    """Blocks at even times: each lasts dt."""

    @rule
    def lasts(self, dt: float, noise: Noise) -> float:
        return dt


class PoissonBlocks(Blocks):
    """Blocks come as a Poisson process: the time to the next is exponential (Milionis, Moallemi & Roughgarden 2023)."""

    random: ClassVar[bool] = True

    @rule
    def lasts(self, dt: float, noise: Noise) -> float:
        return dt * exponential(noise.ask_jump)
