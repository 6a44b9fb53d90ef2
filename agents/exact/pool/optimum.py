"""The exact optimum of a pool's provider, and the worth of rules, by dynamic programming on the process that is simulated.

V_t(j, x, z) = max of keeping range j and of moving to another, or to none, around the pool's price: what traders bring, and the
next block's arbitrageurs, and V_{t+1} then. x is the pool's log price from the middle of the range, z that from the mid. As the
mid has no drift, and the objective no penalty, what is held gains nothing on average; the position's value is the same at each
placing, so that nothing depends on where the price is otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.base import MarketPolicy
from agents.exact import optimum_cache as stored
from agents.exact.pool.problem import BAND, FINENESS, Grid, check_pool
from agents.exact.pool.recursion import Recursion
from agents.strategies.pool import arbitraged, seen_at
from mm_env.market import Market

Floats = NDArray[np.float64]
_SAFETY = (
    1.0  # of the difference to the coarser grid: where ranges end values have edges, and the order is hardly above 1
)


@dataclass(frozen=True)
class PoolOptimum(MarketPolicy):
    """The best actions (steps, ranges + 1, offsets, gaps) of a pool's provider, and what they are worth, price units.

    `constant` is the worth of the best range that is set at once and never moved, the place of which is `fixed` (that of no
    range at all where none pays). `error` is how far `worth` may be off for the grid.
    """

    market: Market
    grid: Grid
    actions: NDArray[np.int8]
    worth: float
    constant: float
    fixed: int
    error: float = 0.0

    @property
    def objective(self) -> float:
        return self.worth

    def act(self, observations: NDArray[np.float32]) -> NDArray[Any]:
        """The best actions (n,) at observations (n, k), by the nearest state."""
        step, half_width, offset, gap = seen_at(self.market, observations)
        offset, gap = arbitraged(self.market, offset, gap)
        grid, ranges = self.grid, len(self.grid.half_widths)
        apart = np.abs(np.log(np.maximum(half_width, 1e-9))[:, None] - np.log(grid.half_widths))
        place = np.where(half_width > 0.0, apart.argmin(axis=1), ranges)
        x = np.clip(np.rint((offset - grid.offsets[0]) / grid.spacing), 0, len(grid.offsets) - 1).astype(np.int64)
        z = np.abs(gap[:, None] - grid.gaps).argmin(axis=1)
        best = self.actions[np.minimum(step, len(self.actions) - 1), place, x, z].astype(np.int64)
        quote: Any = self.market.quote
        return quote.indices(np.where(best == 0, place, best - 1), (best > 0) | (place == ranges))

    def save(self, path: Path) -> bool:
        """Write it to a file that `load` reads; False where it cannot be written, as on a full disk."""
        numbers = {name: getattr(self, name) for name in ("actions", "worth", "constant", "fixed", "error")}
        arrays = {**numbers, "market": named(self.market)}
        return stored.write(path, {key: np.asarray(value) for key, value in arrays.items()})

    @classmethod
    def load(cls, path: Path, market: Market) -> PoolOptimum:
        """The optimum of `market` that `save` wrote, to the bit. Raises: ValueError if it is damaged, or of something else."""
        found = stored.read(path)
        if found is None or str(found.get("market")) != named(market):
            raise ValueError(f"{path} must hold the optimum of this market, solved by this code")
        worth, constant, error = (float(found[name]) for name in ("worth", "constant", "error"))
        return cls(market, Grid(market), found["actions"], worth, constant, int(found["fixed"]), error)


def pool_optimum(market: Market, kept_from: float) -> PoolOptimum:
    """The optimum of a pool's provider; see `optimum`."""
    check_pool(market)
    return stored.kept(
        market,
        named(market),
        lambda path: PoolOptimum.load(path, market),
        lambda: _with_error(market),
        kept_from,
    )


def named(market: Market) -> str:
    """A name for the optimum: another one if anything is edited that it depends on."""
    return stored.fingerprint(market, program=(_with_error,))


def _with_error(market: Market) -> PoolOptimum:
    """The optimum and its error, by a grid half as fine."""
    found, coarse = solved(Grid(market)), solved(Grid(market, 0.5 * FINENESS, BAND // 2 + 1))
    gap = (found.worth - found.constant) - (coarse.worth - coarse.constant)
    return replace(found, error=_SAFETY * max(abs(found.worth - coarse.worth), abs(gap)))


def solved(grid: Grid) -> PoolOptimum:
    """The optimum on a given grid, its error not yet known."""
    recursion, steps = Recursion(grid), grid.market.clock.steps
    actions = np.zeros((steps, *recursion.shape), np.int8)
    value: Floats | None = None
    for step in range(steps - 1, -1, -1):
        value, actions[step] = recursion.best(recursion.kept(value))
    fixed = worth_of_fixed(recursion)
    place = int(fixed.argmax())
    start = float(at_start(recursion, value))
    return PoolOptimum(grid.market, grid, actions, start, float(fixed[place]), place)


def worth_of_fixed(recursion: Recursion) -> Floats:
    """What each range earns that is set at the first step and never moved, and 0.0 for none, (ranges + 1,)."""
    value: Floats | None = None
    for _ in range(recursion.grid.market.clock.steps):
        value = recursion.kept(value)
    return np.array([
        at_start(recursion, value, j) - recursion.costs(j)[-1, recursion.middle, recursion.shape[2] // 2]
        for j in range(recursion.shape[0])
    ])  # fmt: skip


def worth_of_provider(market: Market, half_width: float, leaves_at: float, fineness: float = FINENESS) -> float:
    """What it is worth to place a range, the nearest of the market's, and anew whenever the pool's log price is `leaves_at`
    from its middle, as `agents.strategies.pool.Provider` does: by the recursion, the share of a cell beyond that as moved.

    Raises: Unsolvable as `optimum` does.
    """
    check_pool(market)
    grid = Grid(market, fineness)
    recursion = Recursion(grid)
    place, value = int(np.abs(np.log(grid.half_widths / half_width)).argmin()), None
    moved = np.clip((np.abs(grid.offsets) - leaves_at) / grid.spacing + 0.5, 0.0, 1.0)[:, None]
    cost = recursion.costs(place)
    for _ in range(market.clock.steps):
        kept = recursion.kept(value)
        value = (1.0 - moved) * kept + moved * (kept[place, recursion.middle] - cost)
    return float((kept[place, recursion.middle] - cost[-1, recursion.middle])[recursion.shape[2] // 2])


def at_start(recursion: Recursion, value: Any, place: int = -1) -> Any:
    """The value of a range, or of none, at a pool's price that is the mid and the middle of the range."""
    return value[place, recursion.middle, recursion.shape[2] // 2]
