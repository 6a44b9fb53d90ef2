"""The exact optimum of a pool's designer, who sets its fee at each block, by dynamic programming on the simulated process.

v_t(z) = max over fees f of what uninformed traders bring at f, and e^(m/2) (what the next block's arbitrageurs bring at f, and
v_{t+1}(z')) over the mid's log move m: all by L sqrt(S), L the liquidity, S the mid. z is the pool's log price less the mid's
once arbitrageurs have traded, who come first, at the fee in force: after them that fee matters no more, and z is all of the
state. As the mid has no drift, and the objective no penalty, what is held gains nothing on average.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.base import MarketPolicy
from agents.exact import optimum_cache as stored
from agents.exact.nodes import Unsolvable
from agents.exact.pool.fee_law import NODES, FeeGrid, Law
from agents.exact.pool.problem import check_parts
from agents.strategies.pool import seen_at
from mm_env.core.component import record
from mm_env.market import Market
from mm_env.venue.pool.ranges import DynamicFee
from mm_env.world import alone

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class FeeOptimum(MarketPolicy):
    """The best fees (steps, gaps) of a pool's designer, and what they are worth, price units.

    It remembers the fee that it charged last, which is in force when arbitrageurs come, and is not observed. `constant` is the
    worth of the best constant fee, which is `fixed`. `error` is how far `worth` may be off for the grid.
    """

    market: Market
    grid: FeeGrid
    fees: Floats
    worth: float
    constant: float
    fixed: float
    error: float = 0.0
    recurrent = True

    def __post_init__(self) -> None:
        self.forget()

    @property
    def objective(self) -> float:
        return self.worth

    def forget(self) -> None:
        object.__setattr__(self, "_charged", None)

    def act(self, observations: NDArray[np.float32]) -> NDArray[Any]:
        """The best actions (n, 1) at observations (n, k) of all lanes, step by step from the first.

        Raises: ValueError if it is shown a later step of lanes without those before.
        """
        step, _, _, gap = seen_at(self.market, observations)
        reach = -np.log1p(-self._in_force(step))
        gap = np.clip(gap, -reach, reach)
        nodes, ends = self.grid.gaps, len(self.grid.gaps) - 1
        place = np.clip((gap - nodes[0]) / (nodes[1] - nodes[0]), 0.0, ends)
        low = np.minimum(place.astype(np.int64), ends - 1)
        step = np.minimum(step, len(self.fees) - 1)
        wanted = self.fees[step, low] + (place - low) * (self.fees[step, low + 1] - self.fees[step, low])
        quote: Any = self.market.quote
        actions = quote.encode_fees(wanted).astype(np.float32)
        object.__setattr__(self, "_charged", wanted)
        return actions

    def _in_force(self, step: NDArray[np.int64]) -> Floats:
        """The fee that arbitrageurs pay at each lane's next block."""
        begun, charged = float(self.market.venue.fee), self.__dict__["_charged"]  # pyright: ignore[reportAttributeAccessIssue]
        if (step == 0).all():
            return np.full(len(step), begun)
        if charged is None or len(charged) != len(step):
            raise ValueError("FeeOptimum must be shown every step of its lanes, as it remembers the fees it charged")
        return np.where(step == 0, begun, charged)

    def save(self, path: Path) -> bool:
        """Write it to a file that `load` reads; False where it cannot be written, as on a full disk."""
        numbers = {name: getattr(self, name) for name in ("fees", "worth", "constant", "fixed", "error")}
        arrays = {**numbers, "nodes": self.grid.nodes, "market": named(self.market)}
        return stored.write(path, {key: np.asarray(value) for key, value in arrays.items()})

    @classmethod
    def load(cls, path: Path, market: Market) -> FeeOptimum:
        """The optimum of `market` that `save` wrote, to the bit. Raises: ValueError if it is damaged, or of something else."""
        found = stored.read(path)
        if found is None or str(found.get("market")) != named(market):
            raise ValueError(f"{path} must hold the optimum of this market, solved by this code")
        worth, constant, fixed, error = (float(found[name]) for name in ("worth", "constant", "fixed", "error"))
        return cls(market, FeeGrid(market, int(found["nodes"])), found["fees"], worth, constant, fixed, error)


def fee_optimum(market: Market, kept_from: float) -> FeeOptimum:
    """The optimum of a pool's designer; see `optimum`."""
    check_designer(market)
    return stored.kept(
        market,
        named(market),
        lambda path: FeeOptimum.load(path, market),
        lambda: _with_error(market),
        kept_from,
    )


def named(market: Market) -> str:
    """A name for the optimum: another one if anything is edited that it depends on."""
    return stored.fingerprint(market, program=(_with_error,))


def check_designer(market: Market) -> None:
    """Refuse a market of a pool whose designer has no exact recursion. Raises: Unsolvable, saying why."""
    if type(market.quote) is not DynamicFee:
        raise Unsolvable(f"quote: a designer's recursion is over fees (DynamicFee), got {market.quote}")
    check_parts(market)


def _with_error(market: Market) -> FeeOptimum:
    """The optimum and its error, by a grid half as fine."""
    found, coarse = solved(FeeGrid(market)), solved(FeeGrid(market, NODES // 2 + 1))
    gap = (found.worth - found.constant) - (coarse.worth - coarse.constant)
    return replace(found, error=max(abs(found.worth - coarse.worth), abs(gap)))


def solved(grid: FeeGrid) -> FeeOptimum:
    """The optimum on a given grid, its error not yet known."""
    law, steps = grid.law(), grid.market.clock.steps
    fees, value = np.zeros((steps, grid.nodes)), None
    constant: Floats | None = None
    for step in range(steps - 1, -1, -1):
        value, fees[step] = peaks(grid.fees, ahead(law, value))
        constant = ahead(law, constant)
    assert value is not None
    assert constant is not None
    middle, cost = grid.nodes // 2, entry_cost(grid.market)
    best, fixed = peaks(grid.fees, constant[middle][None])
    worth, worth_of_fixed = (grid.scale * float(one) - cost for one in (value[middle], best[0]))
    return FeeOptimum(grid.market, grid, fees, worth, worth_of_fixed, float(fixed[0]))


def ahead(law: Law, following: Floats | None) -> Floats:
    """What each fee is worth (gaps, fees) at each gap, from what gaps are worth one step later, (gaps,), or, where fees are
    kept, (gaps, fees); None after the last."""
    if following is None:
        return law.traded
    kept = "gfh,hf->gf" if following.ndim == 2 else "gfh,h->gf"
    return law.traded + law.arbitraged + np.einsum(kept, law.onward, following, optimize=True)


def peaks(fees: Floats, worth: Floats) -> tuple[Floats, Floats]:
    """The highest worth (n,) of rows (n, fees), and the fee: at the top of the parabola through the best node and those beside
    it."""
    rows, last = np.arange(len(worth)), len(fees) - 1
    top = worth.argmax(axis=1)
    inner = np.clip(top, 1, last - 1)
    below, at, above = (worth[rows, inner + shift] for shift in (-1, 0, 1))
    bend = below - 2.0 * at + above
    moved = np.where(bend < 0.0, 0.5 * (below - above) / np.where(bend < 0.0, bend, 1.0), 0.0)
    within = (top == inner) & (np.abs(moved) <= 0.5 + 1e-9) & (bend < 0.0)
    moved = np.where(within, moved, 0.0)
    value = np.where(within, at - 0.25 * (below - above) * moved, worth[rows, top])
    place = np.where(within, inner + moved, top)
    return value, np.interp(place, np.arange(len(fees)), fees)


def entry_cost(market: Any) -> float:
    """Of placing the designer's own liquidity at the first step: gas, and fees of what is bought for it."""
    mid = float(market.initial_mid)
    fee = float(record(market.fees).taker_fee(mid, alone((), mid)))
    return float(market.venue.gas) + fee * 0.5 * float(market.quote.capital) / mid
