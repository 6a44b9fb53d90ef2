"""A mid that follows a path of the user's own: an array, or a file of prices."""

from __future__ import annotations

import math
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np

from mm_env.core.component import rule
from mm_env.core.extras import require
from mm_env.core.maths import scalar
from mm_env.core.noise import FACTORS, Noise, uniforms
from mm_env.core.parameters import Interval, NonNegative
from mm_env.price.law import Floats, Law
from mm_env.price.models import Price
from mm_env.world import Now

WINDOW = FACTORS + 10  # the block of noise that the start on the path is drawn by


class Place(NamedTuple):
    """The latent state: where on the path the episode began, in steps; -1.0 before its first step."""

    start: float


class FromPath(Price):
    """S moves as a recorded path does, from its first mid: mids given as an array or list, or in a file .npy, .csv or .parquet.

    Mids are `every` apart in time, linear between them; 0 is one a step of the clock. An episode plays the path from its
    start, or with `drawn` = 1 from any step of it from which it lasts, each as likely, drawn for each lane and episode.
    What happened does not react to us, and has no law: there is no exact optimum.

    Raises: ValueError for a file or mids that cannot be used; by a market, where the path is shorter than an episode.
    """

    mids: str | tuple  # price; or the name of a file with them
    every: NonNegative = 0.0  # time from one mid to the next
    column: str = "mid"  # of the file, where it has columns
    drawn: Annotated[float, Interval(0.0, 1.0, whole=True)] = 0.0

    def __post_init__(self) -> None:
        if not isinstance(self.mids, str):
            object.__setattr__(self, "mids", tuple(np.asarray(self.mids, np.float64).reshape(-1).tolist()))
        super().__post_init__()
        self._read()

    def _read(self) -> Floats:
        """The path, (mids,). Raises: ValueError where it is none."""
        name = self.mids if isinstance(self.mids, str) else f"{len(self.mids)} numbers"
        path = np.asarray(
            _of_file(Path(self.mids), self.column) if isinstance(self.mids, str) else self.mids, np.float64
        )
        if path.ndim != 1 or len(path) < 2 or not np.isfinite(path).all():
            raise ValueError(f"FromPath.mids must be two or more finite numbers, one after the other, got {name}")
        return path

    def check(self, market: Any) -> None:
        self.tables(market)

    def tables(self, market: Any) -> tuple[Floats, ...]:
        """How many starts there are, and then the mids at each step of the clock."""
        path, dt, steps = self._read(), market.clock.step_length, market.clock.steps
        every = self.every or dt
        last = math.floor((len(path) - 1) * every / dt * (1.0 + 1e-12))
        if last < steps:
            raise ValueError(
                f"FromPath.mids must last for an episode of {market.clock.horizon:g}, got {(len(path) - 1) * every:g}"
            )
        mids = np.interp(np.arange(last + 1.0) * dt, np.arange(len(path)) * every, path)
        return (np.concatenate([[last - steps + 1.0 if self.drawn else 1.0], mids]),)

    @rule
    def tables_in(self, memory: Any) -> Any:
        return memory

    @rule
    def opening(self, mid: float, noise: Noise, tables: Any) -> float:
        return tables[1 + int(drawn_start(noise, tables))]

    @rule
    def start(self) -> Any:
        return Place(-1.0)

    @rule
    def move(self, mid: float, latent: Any, noise: Noise, dt: float, now: Now) -> float:
        begun = latent.start if latent.start >= 0.0 else drawn_start(noise, now.tables)
        row = 1 + int(begun + math.floor(now.time / dt + 0.5))
        return mid + (now.tables[row + 1] - now.tables[row])

    @rule
    def evolve(self, latent: Any, noise: Noise, dt: float, now: Now) -> Any:
        return Place(latent.start if latent.start >= 0.0 else drawn_start(noise, now.tables))

    def law(self, dt: float, nodes: int) -> Law:
        raise NotImplementedError("a path that happened once has no law")


@scalar
def drawn_start(noise, tables):
    """Where on the path an episode begins, in steps: by the seed, the lane and the episode alone."""
    seed, lane, episode, _ = noise.key
    return float(math.floor(uniforms(seed, lane, episode, 0, WINDOW)[0] * tables[0]))


def _of_file(path: Path, column: str) -> Any:
    if path.suffix not in (".npy", ".csv", ".parquet") or not path.is_file():
        raise ValueError(f"FromPath.mids must be numbers, or a file .npy, .csv or .parquet that is there, got {path}")
    return _read_file(path, column, path.stat().st_mtime_ns, path.stat().st_size)


@lru_cache(maxsize=4)  # a market is checked, and each of its simulations has its mids
def _read_file(path: Path, column: str, changed: int, size: int) -> Any:
    if path.suffix == ".npy":
        return np.load(path, allow_pickle=False)
    require("FromPath", "data", "polars")
    import polars

    table = polars.read_csv(path) if path.suffix == ".csv" else polars.read_parquet(path)
    if column not in table.columns:
        raise ValueError(f"FromPath.column must be one of {table.columns} of {path}, got {column!r}")
    return table[column].cast(polars.Float64, strict=False).to_numpy()
