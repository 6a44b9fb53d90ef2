"""Several hedges whose moves beside the mid's are correlated."""

from __future__ import annotations

from typing import Any

import numpy as np

from mm_env.core.component import overridden, rule
from mm_env.core.maths import scalar
from mm_env.core.noise import Noise, apart
from mm_env.core.parameters import ListedRows
from mm_env.core.tuples import both, numbered, paired, times_rows, upper_root, weighted
from mm_env.hedging.idiosyncratic import Idiosyncratic
from mm_env.hedging.of_each import seen_by, sum_of_squares
from mm_env.hedging.portfolio import HedgePortfolio
from mm_env.world import Now

_EXACT = 1e-12  # of a correlation: what rounding may leave


class CorrelatedHedges(HedgePortfolio):
    """Several hedges whose own parts, which do not go with the mid, have the correlation matrix C: their standard normals are
    L Z, C = L L^T, with Z those that they draw by themselves.

    The whole position is as risky as (q + sum of delta_i h_i)^2 + sum of C_ij s_i h_i s_j h_j, with s_i the own volatility of
    the i-th by the mid's. Two assets of correlations rho_i with the mid are then correlated by
    rho_1 rho_2 + C_12 sqrt((1 - rho_1^2) (1 - rho_2^2)).

    Raises: ValueError unless C is one row a hedge, symmetric, positive definite, with ones on the diagonal, and each hedge is
    an `Idiosyncratic` that moves by its `driven`, of which its `own_volatility` is.
    """

    own_correlation: ListedRows  # between the own parts of the hedges of row and column

    def __post_init__(self) -> None:
        super().__post_init__()
        given = np.array(self.own_correlation)
        name, n = f"{type(self).__name__}.own_correlation", len(self.hedges)
        if given.shape != (n, n):
            raise ValueError(f"{name} must be {n} rows of {n} numbers, one a hedge, got {self.own_correlation}")
        if np.abs(given - given.T).max() > 0.0 or np.abs(np.diag(given) - 1.0).max() > 0.0:
            raise ValueError(f"{name} must be symmetric with ones on the diagonal, got {self.own_correlation}")
        if np.linalg.eigvalsh(given)[0] < _EXACT:
            raise ValueError(f"{name} must be positive definite, got {self.own_correlation}")
        for hedge in self.hedges:
            kind = type(hedge)
            if not isinstance(hedge, Idiosyncratic) or overridden(kind, "driven", "evolve"):
                raise ValueError(
                    f"{type(self).__name__}.hedges must move by a rule `driven` of their own noise, as CorrelatedAsset and "
                    f"Perpetual do (others go into a HedgePortfolio), got {hedge}"
                )
            if later := overridden(kind, "own_volatility", "square", "driven"):
                raise ValueError(
                    f"{type(self).__name__}.hedges must say their own volatility: {later} is not what the inherited "
                    f"`own_volatility` is of (give {kind.__name__} its own), got {hedge}"
                )

    @rule
    def square(self, inventory: float, held: tuple[float, ...], variance: float, now: Now) -> float:
        own = both(_own, self.hedges, held, ())
        together = weighted(0.0, times_rows(own, self.own_correlation), own)
        return self.independent(inventory, held, variance, now) + (together - sum_of_squares(own))

    @rule
    def evolve(
        self, state: Any, before: Now, mid: float, noise: Noise, dt: float, variance: float, trades: tuple[float, ...]
    ) -> Any:
        drawn = both(_shock, self.hedges, numbered(trades), noise)
        shocks = times_rows(drawn, upper_root(self.own_correlation))
        own = paired(state.states, paired(shocks, trades))
        states = both(_driven, self.hedges, own, (before, mid, dt, variance))
        return self.moved(state, states, before, dt, trades)


@scalar
def _own(hedge: Any, held: float, told: Any) -> float:
    return hedge.own_volatility() * held


@scalar
def _shock(hedge: Any, own: Any, noise: Noise) -> float:
    number, _ = own
    return hedge.shock(apart(noise, number))


@scalar
def _driven(hedge: Any, own: Any, told: Any) -> Any:
    state, (shock, trade) = own
    before, mid, dt, variance = told
    return hedge.driven(state, seen_by(before, state), mid, shock, dt, variance, (trade,))
