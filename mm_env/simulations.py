"""The lanes of anything that can be quoted: which `Simulation` steps a market, a desk, or a desk of several makers."""

from __future__ import annotations

from mm_env.competing_simulation import CompetingSimulation
from mm_env.desk.desk import Desk
from mm_env.desk_simulation import DeskSimulation
from mm_env.makers.desks.competing import CompetingDesks
from mm_env.market import Market
from mm_env.simulation import Simulation

_STEPPED_BY: dict[type, type[Simulation]] = {
    Market: Simulation,
    Desk: DeskSimulation,
    CompetingDesks: CompetingSimulation,
}


def simulation_of(
    market: Market | Desk, num_lanes: int, *, threads: int | None = None, interpreted: bool = False
) -> Simulation:
    """The lanes of a market, or of a desk."""
    kind = next(_STEPPED_BY[base] for base in type(market).__mro__ if base in _STEPPED_BY)
    return kind(market, num_lanes, threads=threads, interpreted=interpreted)  # pyright: ignore[reportArgumentType]
