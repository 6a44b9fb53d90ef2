"""Whole episodes: of a tabulated policy inside the kernel at full speed, of any other step by step (`steps`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, replace
from typing import Any, NamedTuple, Protocol

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from mm_env.channel_record import ChannelEpisodes, ChannelRecord
from mm_env.desk.desk import Desk
from mm_env.desk_simulation import DeskSimulation
from mm_env.envs.inputs import Actions
from mm_env.gap_record import GapRecord, gap_steps
from mm_env.market import Market
from mm_env.quote import Unbounded
from mm_env.simulation import Simulation
from mm_env.simulations import simulation_of

Floats = NDArray[np.float64]
Act = Callable[[NDArray[np.float32]], NDArray[Any]]  # actions (n, width), or (n,) if discrete, on observations (n, k)


class InstrumentEpisodes(NamedTuple):
    """What each instrument of a desk brought to n episodes, (n, N) each. Money in price units, sizes in units.

    profit = spread - hedging_cost + what inventories gained by the mids' moves.
    """

    names: tuple[str, ...]
    profit: Floats
    spread: Floats  # of depth x size over fills
    hedging_cost: Floats  # of trades outside, beside the mid
    client_volume: Floats  # traded with clients, both ways
    outside_volume: Floats  # traded outside, both ways

    @property
    def inventory_profit(self) -> Floats:
        """What inventories gained by the mids' moves, (n, N)."""
        return self.profit - self.spread + self.hedging_cost


class LoanEpisodes(NamedTuple):
    """What a loan against collateral brought to n episodes, (n,) each. Money in price units."""

    liquidations: Floats
    first: Floats  # the time of the first; 0.0 where there was none
    lost: Floats  # in liquidations: the worth of what was seized less what was repaid
    interest: Floats
    managed: Floats  # paid for moves
    forgone: Floats  # what the posted value would have earned elsewhere
    health: Floats  # the sum of health factors over the steps with a debt
    steps: Floats  # with a debt


@dataclass(frozen=True)
class Episodes:
    """What each of n episodes brought, (n,) but for gaps and instruments. Money in price units, sizes in units."""

    objective: Floats  # sum of rewards
    profit: Floats  # wealth at the end less wealth at the start
    drawdown: Floats  # the deepest fall of the profit from its peak
    mean_absolute_inventory: Floats  # mean of |q| over the steps that were lived
    terminal_inventory: Floats
    spread_captured: Floats
    fills: Floats
    arrivals: Floats
    closed: Floats | None = field(default=None, kw_only=True)  # 1.0 where the account was; None where none ever is
    time_open: Floats | None = field(
        default=None, kw_only=True
    )  # until the account was closed, or the end; None likewise
    gap_profit: Floats | None = field(
        default=None, kw_only=True
    )  # (n, gaps), of scheduled gaps; None where there are none
    gap_inventory: Floats | None = field(default=None, kw_only=True)  # (n, gaps), held through them; nan once closed
    instruments: InstrumentEpisodes | None = field(default=None, kw_only=True)  # of a desk
    mean_risk: Floats | None = field(default=None, kw_only=True)  # of a desk: mean standard deviation of the position
    channel: ChannelEpisodes | None = field(default=None, kw_only=True)  # of a payment channel
    mean_greeks: Floats | None = field(
        default=None, kw_only=True
    )  # (n, 3), of a desk of options: |delta|, |gamma|, |vega|
    hedging_cost: Floats | None = field(default=None, kw_only=True)  # beside the marks; None where no hedge tells
    hedge_turnover: Floats | None = field(default=None, kw_only=True)  # units traded of hedges; None likewise
    loan: LoanEpisodes | None = field(default=None, kw_only=True)  # None where no collateral is posted
    of_venue: dict[str, Floats] | None = field(default=None, kw_only=True)  # what `Venue.figures` tells; None of most

    def __len__(self) -> int:
        return len(self.objective)

    def rows(self, rows: slice) -> Episodes:
        """Some of the episodes: of n lanes of a world, say, those of one maker."""
        own: dict[str, Any] = {one.name: _some(getattr(self, one.name), rows) for one in fields(self)}
        return type(self)(**own)

    @property
    def window(self) -> NDArray[np.int64] | None:
        """What the episodes played of a recorded day; None where they are independent."""
        return None


def _some(given: Any, rows: slice) -> Any:
    """Some rows of the arrays in a tree of named tuples and dictionaries; what is no array is of all of them."""
    if isinstance(given, np.ndarray):
        return given[rows]
    if isinstance(given, dict):
        return {name: _some(value, rows) for name, value in given.items()}
    if isinstance(given, tuple) and hasattr(given, "_fields"):
        return type(given)(*(_some(value, rows) for value in given))
    return given


@dataclass(frozen=True)
class RecordedEpisodes(Episodes):
    """Episodes of a recorded day, which is cut into stretches as long as one of them."""

    stretch: NDArray[np.int64]  # the number of that in which each began

    @property
    def window(self) -> NDArray[np.int64]:
        return self.stretch


class Lanes(Protocol):
    """What steps n lanes together: a Simulation, or a face of one."""

    def step(self, actions: Any, /) -> tuple[Any, Any, Any, Any]: ...


class Step(NamedTuple):
    """One step of n lanes. The row of a lane that is not `alive` is nobody's: its episode had ended before."""

    observations: NDArray[np.float32]  # (n, k), that the actions answer
    actions: NDArray[Any]  # as the lanes took them; good until the next step
    rewards: NDArray[Any]  # (n,), 0 where a lane is not alive
    ended: NDArray[np.bool_]  # (n,), the episode ended with this step
    alive: NDArray[np.bool_]  # (n,), it had not ended before
    following: NDArray[np.float32]  # (n, k), what the lanes show after the step


def steps(simulation: Simulation, act: Act, seed: int, lanes: Lanes | None = None) -> Iterator[Step]:
    """The steps of episode 0 of `seed` in all lanes, until the last of them has ended.

    The episodes have begun when it is called, so that `simulation.state` is the start before the first step is asked for, and
    the state after each step when that is given. `lanes` are a face of the simulation to step it by.

    Raises: ValueError for actions that are none of the market's.
    """
    actions = Actions(simulation.market, simulation.num_lanes)
    begun = simulation.start(seed)
    return steps_of(lanes or simulation, lambda seen: actions.usable(act(seen), simulation), begun)


def steps_of(lanes: Lanes, act: Act, observations: NDArray[np.float32]) -> Iterator[Step]:
    """The steps of the episodes that `lanes` are in, which show `observations` (n, k), until the last of them has ended.

    The one place that knows that episodes may end at different steps: a lane whose own has ended stands still, or is in another
    one, while the others go on; it still acts, and what it does there counts for nothing.
    """
    alive = np.ones(len(observations), np.bool_)
    while alive.any():
        actions = act(observations)
        following, rewards, ended, _ = lanes.step(actions)
        earned = rewards if alive.all() else np.where(alive, rewards, rewards.dtype.type(0.0))
        yield Step(observations, actions, earned, alive & ended, alive, following)
        alive, observations = alive & ~ended, following


def inventory_levels(market: Market) -> Floats:
    """The inventories a table has columns for: -max_inventory to max_inventory by order_size."""
    orders = round(market.max_inventory / market.order_size)
    return np.arange(-orders, orders + 1, dtype=np.float64) * market.order_size


def run_actions(market: Market, actions: Floats, num_episodes: int, seed: int) -> Episodes:
    """Episode 0 of `seed` in `num_episodes` lanes, acting by a table (steps or 1, levels, width) of the market's actions.

    At inventories between two levels (an order may be filled in part) by the nearest. Where several makers quote, all of them
    act so in `num_episodes` worlds, and the episodes are those of the first of each, which are independent.
    """
    simulation, table = Simulation(market, num_episodes * market.lanes_a_world), check_table(market, actions)
    observations, records = simulation.start(seed), Records.of(simulation)
    if records.some or simulation.loops != "lanes":
        _run_steps(simulation, table, observations, records.lanes)
    else:
        simulation.run(table)
    return episodes_of(simulation, *records[1:]).rows(slice(None, None, market.lanes_a_world))


class Records(NamedTuple):
    """What is kept of a simulation's episodes step by step, and the lanes by which they are stepped through."""

    lanes: Any
    gaps: GapRecord | None = None
    channel: ChannelRecord | None = None

    @classmethod
    def of(cls, simulation: Simulation) -> Records:
        """What the market has to keep."""
        if isinstance(simulation, DeskSimulation):
            return cls(simulation)
        gaps = GapRecord(simulation) if gap_steps(simulation.market) else None
        channel = ChannelRecord(simulation, gaps) if simulation.market.venue.ends else None
        return cls(channel or gaps or simulation, gaps, channel)

    @property
    def some(self) -> bool:
        """Whether there is anything to keep."""
        return self.gaps is not None or self.channel is not None


def _run_steps(simulation: Simulation, table: Floats, observations: NDArray[np.float32], lanes: Lanes) -> None:
    for _ in steps_of(lanes, by_table(simulation, table), observations):
        pass


def by_table(simulation: Simulation, table: Floats) -> Act:
    """What acts in the lanes of a simulation by a table of actions, whatever it is shown."""
    market = simulation.market

    def act(_: NDArray[np.float32]) -> Floats:
        state = simulation.state
        level = np.rint((state.account.inventory + market.max_inventory) / market.order_size).astype(np.int64)
        row = np.minimum(state.step.astype(np.int64), len(table) - 1)
        return np.ascontiguousarray(table[row, level]).reshape(-1)

    return act


def with_hedges(market: Market, quotes: Floats) -> Floats:
    """Actions (..., width) of the quoting's numbers (..., quote.width), 0 for each hedge, and 0 for each of the financing's."""
    more = len(market.hedges.names) + len(market.financing.names)
    return np.concatenate([quotes, np.zeros((*quotes.shape[:-1], more))], axis=-1) if more else quotes


def check_table(market: Market, actions: Floats) -> Floats:
    """The table itself if it is one of the market's actions: (steps or 1, levels, width), finite, indices if discrete."""
    if not np.isfinite(market.venue.most_held(market)):
        venue = type(market.venue).__name__
        raise ValueError(f"a table of actions by inventory cannot act at a {venue}, where inventory has no limit")
    levels, shape, space = len(inventory_levels(market)), np.shape(actions), market.action_space
    if len(shape) != 3 or shape[0] not in (1, market.clock.steps) or shape[1:] != (levels, market.width):
        wanted = f"({market.clock.steps} or 1, {levels}, {market.width})"
        raise ValueError(f"a table of actions must have shape {wanted}, got {shape}")
    if not np.isfinite(actions).all():
        raise ValueError("a table of actions must be finite")
    if isinstance(space, gym.spaces.Discrete) and not np.isin(actions, np.arange(space.n)).all():
        raise ValueError(f"a table of actions must hold whole numbers in [0, {space.n - 1}]")
    return np.asarray(actions, np.float64)


def run_depths(market: Market, depths: Floats, num_episodes: int, seed: int) -> Episodes:
    """As `run_actions`, quoting a table (steps or 1, levels, 2) of depths in price units, whatever the action space; 0 for each
    hedge."""
    return run_actions(replace(market, quote=Unbounded()), with_hedges(market, depths), num_episodes, seed)


def run_policy(
    market: Market | Desk, act: Act, num_episodes: int, seed: int, on_step: Callable[[], object] = lambda: None
) -> Episodes:
    """As `run_actions`, asking `act` for the actions (n, width) or (n,) that it takes on observations (n, k)."""
    simulation = simulation_of(market, num_episodes * market.lanes_a_world)
    return run_simulation(simulation, act, seed, on_step).rows(slice(None, None, market.lanes_a_world))


def run_simulation(
    simulation: Simulation, act: Act, seed: int, on_step: Callable[[], object] = lambda: None
) -> Episodes:
    """As `run_policy`, in the lanes of a simulation of your own."""
    records = Records.of(simulation)
    for _ in steps(simulation, act, seed, records.lanes):
        on_step()
    return episodes_of(simulation, *records[1:])


def episodes_of(
    simulation: Simulation, gaps: GapRecord | None = None, channel: ChannelRecord | None = None
) -> Episodes:
    """What the episodes that the lanes have just ended brought, and what their gaps and their channel, if those were kept."""
    state, tally = simulation.state, simulation.state.tally
    brought = (
        tally.objective,
        tally.profit,
        tally.drawdown,
        tally.absolute_inventory / state.step,  # of the steps that were lived
        simulation.inventory,
        tally.spread_captured,
        tally.fills,
        tally.arrivals,
    )
    if isinstance(simulation, DeskSimulation):
        of_desk = {"instruments": _of_instruments(simulation), "mean_risk": tally.risk / state.step}
        return Episodes(*brought, **of_desk, **_of_book(simulation))
    stretch = simulation.market.venue.stretches(simulation.books)
    more = _of_margin(simulation) | _of_gaps(gaps) | _of_hedges(state.world.hedges) | _of_loan(state.world.financing)
    more |= {} if channel is None else {"channel": channel.episodes()}
    if told := simulation.market.venue.figures(simulation.market, state):
        more["of_venue"] = told
    return Episodes(*brought, **more) if stretch is None else RecordedEpisodes(*brought, stretch, **more)


def _of_book(simulation: DeskSimulation) -> dict[str, Any]:
    """The mean sizes of delta, gamma and vega of a book of options after each step."""
    book = simulation.book
    if book is None:
        return {}
    sums = np.stack([book.absolute_delta, book.absolute_gamma, book.absolute_vega], axis=1)
    return {"mean_greeks": sums / simulation.state.step[:, None]}


def _of_instruments(simulation: DeskSimulation) -> InstrumentEpisodes:
    """What each instrument has brought the lanes' episodes."""
    instruments, holdings = simulation.market.instruments, simulation.holdings
    opened = [one.initial_inventory * one.initial_mid for one in instruments]
    profits = [h.cash + h.inventory * h.mid - begun for h, begun in zip(holdings, opened, strict=True)]
    each = [
        (p, h.spread, h.hedging_cost, h.client_volume, h.outside_volume) for p, h in zip(profits, holdings, strict=True)
    ]
    return InstrumentEpisodes(
        tuple(one.name for one in instruments), *(np.stack(of, axis=1) for of in zip(*each, strict=True))
    )


def _of_margin(simulation: Simulation) -> dict[str, Any]:
    if not simulation.market.may_close:
        return {}
    return {"closed": simulation.closed.astype(np.float64), "time_open": simulation.time_open}


def _of_hedges(hedges: Any) -> dict[str, Any]:
    """What hedges whose state says it have cost to trade, and how much of them was traded."""
    told = {"hedging_cost": "paid", "hedge_turnover": "turnover"}
    return {name: getattr(hedges, mine) for name, mine in told.items() if hasattr(hedges, mine)}


def _of_loan(financing: Any) -> dict[str, Any]:
    """What a loan whose state has a `tally` has brought."""
    if not hasattr(financing, "tally"):
        return {}
    return {"loan": LoanEpisodes(*(getattr(financing.tally, name) for name in LoanEpisodes._fields))}


def _of_gaps(gaps: GapRecord | None) -> dict[str, Any]:
    return {} if gaps is None else {"gap_profit": gaps.profit, "gap_inventory": gaps.inventory}
