"""Pools in closed form and simulated: loss versus rebalancing, arbitrage by blocks, ranges placed anew, impermanent loss."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.verification.suite import Asked, Row, suite
from mm_env import (
    FiniteHorizon,
    FixedBlocks,
    Geometric,
    InventoryPenalty,
    Market,
    NoTraders,
    PoissonBlocks,
    Pool,
    RandomTraders,
    RangeGrid,
    Ranges,
    Simulation,
    SteadyTraders,
)
from mm_env.venue.pool import closed_forms
from mm_env.venue.pool.liquidity import Level, Pair, Position, tokens
from mm_env.venue.pool.positions import tokens_in
from mm_env.venue.pool.ranges import FULL
from mm_env.venue.pool.swaps import Core, swapped

Floats = NDArray[np.float64]
SIGMA, BLOCK = 0.05, 12.0 / 86_400.0  # 5 % a day; 12 s
FEE = -math.expm1(-0.0005)  # a log fee of 5 bp
BP, CAPITAL = 1e4, 100.0
INCOME, COST = 0.0012, 0.002  # of L sqrt(P) a day; of the position's value
SOURCE = "Milionis, Moallemi & Roughgarden 2023; 5 % a day, 5 bp, 12 s"


def arbitraged_only(blocks: Any, fee: float, blocks_played: int, block: float = BLOCK) -> Market:
    """A position over all prices with which arbitrageurs alone trade."""
    venue = Pool(fee=fee, liquidity=0.0, traders=NoTraders(), blocks=blocks)
    clock = FiniteHorizon(blocks_played * block, blocks_played)
    return Market(price=Geometric(SIGMA), venue=venue, clock=clock, quote=RangeGrid((FULL,), capital=CAPITAL))


def played(market: Market, asked: Asked, warm: int) -> dict[str, Floats]:
    """What the lanes' episodes brought after their first `warm` blocks, by lane: in bp of the position a day."""
    lanes = max(1_000, asked.episodes // 50)
    simulation, hold = Simulation(market, lanes), np.zeros(lanes)
    simulation.start(asked.seed)
    for step in range(market.clock.steps):
        if step == warm:
            begun = simulation.state
        simulation.step(hold)
    state, days = simulation.state, (market.clock.steps - warm) * market.clock.step_length
    told, before = state.world.venue.told, begun.world.venue.told
    brought = {"fees": told.fees - before.fees, "lost": told.lost - before.lost}
    brought = {name: BP * value / CAPITAL / days for name, value in brought.items()}
    hits = (state.tally.arrivals - begun.tally.arrivals) / (market.clock.steps - warm)
    return brought | {"profit": brought["lost"] - brought["fees"], "hit": 100.0 * hits}


def simulated(name: str, published: float, values: Floats, source: str = "") -> Row:
    """A simulated mean beside its value, to four standard errors."""
    error = values.std() / math.sqrt(len(values))
    return Row(f"{name}, simulated", published, float(values.mean()), 4.0 * error, source=source)


@suite("pool", SOURCE, 60.0)
def pool(asked: Asked) -> Iterator[Row]:
    """Closed forms, and the simulation of blocks at Poisson times beside them; blocks at fixed times are told apart."""
    yield Row("loss versus rebalancing, bp a day", 3.125, BP * closed_forms.loss_versus_rebalancing(SIGMA), 1e-9)
    told = (closed_forms.arbitrage_probability, closed_forms.arbitrage_profit, closed_forms.arbitrage_fees)
    names = ("blocks arbitraged, %", "arbitrage profit, bp a day", "arbitrageurs' fees, bp a day")
    values = (45.455, 1.42081, 1.70419)
    for name, value, form, unit in zip(names, values, told, (100.0, BP, BP), strict=True):
        yield Row(name, value, unit * form(FEE, SIGMA, BLOCK), 5e-6 if unit == BP else 5e-4)
    poisson = played(arbitraged_only(PoissonBlocks(), FEE, 2_400), asked, 400)
    for name, value, key in zip(names, values, ("hit", "profit", "fees"), strict=True):
        yield simulated(f"{name}, blocks at Poisson times", value, poisson[key])
    free = played(arbitraged_only(FixedBlocks(), 0.0, 400), asked, 0)
    yield simulated("loss versus rebalancing without a fee, bp a day", 3.125, free["lost"])
    fixed = played(arbitraged_only(FixedBlocks(), FEE, 2_400), asked, 400)
    share = 1.0 / (1.0 + 1.7164 * 0.0005 / (SIGMA * math.sqrt(BLOCK)))
    source = "blocks at fixed times: loss / (1 + 1.7164 gamma / (sigma sqrt(dt))), which is nearly so"
    value = 3.125 * share
    yield Row(
        "arbitrage profit, bp a day, blocks at fixed times, simulated",
        value,
        fixed["profit"].mean(),
        0.02,
        source=source,
    )


def placed_anew(steps: int) -> Market:
    """A day of a provider whose income is INCOME of L sqrt(P), all of it from the uninformed, and who pays COST for each
    placing; the best range is placed anew as soon as a block finds the mid out of it."""
    width, fee = closed_forms.optimal_half_width(INCOME, SIGMA, COST), 1e-9
    venue = Pool(fee=fee, traders=SteadyTraders(0.5 * INCOME * (1.0 - fee) / fee), gas=COST * CAPITAL)
    quote, reward = RangeGrid((width,), tolerances=(width,), capital=CAPITAL), InventoryPenalty(noise=0.0)
    return Market(price=Geometric(SIGMA), venue=venue, clock=FiniteHorizon(1.0, steps), quote=quote, reward=reward)


def by_blocks(steps: int, asked: Asked) -> dict[str, Floats]:
    """Growth, and placings a day, of many lanes after a quarter of a day, by blocks of a day / `steps`."""
    market, lanes, begun = placed_anew(steps), max(2_000, asked.episodes // 10), None
    simulation, always = Simulation(market, lanes), np.zeros(lanes)
    simulation.start(asked.seed)
    for step in range(steps):
        begun = simulation.state if step == steps // 4 else begun
        simulation.step(always)
    end, moves = simulation.state, simulation.state.world.venue.told.moves
    assert begun is not None
    grown = (end.tally.objective - begun.tally.objective) / CAPITAL / 0.75
    return {"growth": grown, "moves": (moves - begun.world.venue.told.moves) / 0.75}


@suite(
    "concentrated_range",
    "fee income .0012 of L sqrt(P), 5 % a day, placing anew on exit costs .002 of the position",
    90.0,
)
def concentrated_range(asked: Asked) -> Iterator[Row]:
    """The best width and what it brings, in closed form; and simulated, by blocks that last ever less."""
    width = closed_forms.optimal_half_width(INCOME, SIGMA, COST)
    yield Row("optimal half-width, log price", 0.0173913, width, 1e-7)
    yield Row("the same, Cartea, Drissi & Monga", 0.0173913, closed_forms.narrow_half_width(INCOME, SIGMA, COST), 5e-8)
    yield Row("growth a day", 0.0166746, closed_forms.growth(width, INCOME, SIGMA, COST), 5e-8)
    yield Row("time to exit, days", 0.12098, closed_forms.exit_time(width, SIGMA), 5e-6)
    coarse, fine = by_blocks(1_000, asked), by_blocks(4_000, asked)  # exits are seen late by a multiple of sqrt(dt)
    ahead = {name: (2.0 * fine[name].mean() - coarse[name].mean(), _error(fine[name], coarse[name])) for name in fine}
    source = "the limit of simulated blocks that last ever less, to first order in sqrt(dt), 1,000 and 4,000 a day"
    yield Row("growth a day, simulated", 0.0166746, ahead["growth"][0], 4.0 * ahead["growth"][1], source=source)
    moves, error = ahead["moves"]
    yield Row("time to exit, days, simulated", 0.12098, 1.0 / moves, 4.0 * error / moves**2, source=source)


def _error(fine: Floats, coarse: Floats) -> float:
    """The standard error of twice one mean less another."""
    return math.sqrt(4.0 * fine.var() / len(fine) + coarse.var() / len(coarse))


@suite(
    "pool_positions", "exact: several ranges worked out by hand; K that split the capital are one with all of it", 10.0
)
def pool_positions(asked: Asked) -> Iterator[Row]:
    """Nested and disjoint ranges through their ends, and equal ranges in simulation."""
    ten, markup = Level(10.0, 0.1), 0.003 / 0.997
    ends = {"wide": (9.0, 11.0, 100.0), "narrow": (9.5, 10.5, 200.0), "above": (11.5, 12.0, 300.0)}
    wide, narrow, above = (
        Position(Level(a, 1.0 / a), Level(b, 1.0 / b), math.log(b / a), liquidity, Pair(0.0, 0.0))
        for a, b, liquidity in ends.values()
    )
    for name, second, root, y in (("nested", narrow, 10.75, 175.0), ("disjoint", above, 11.75, 175.0)):
        _, gained = swapped(Core(ten, (wide, second)), Level(root, 1.0 / root), markup)
        yield Row(f"y that {name} ranges take in from 100 to {root**2:g}", y, gained.tokens.y, 1e-12)
        yield Row(f"fees of {name} ranges", markup * y, gained.fees.y, 1e-12)
    low = Level(9.25, 1.0 / 9.25)
    x = 100.0 * (1.0 / 9.25 - 0.1) + 200.0 * (1.0 / 9.5 - 0.1)
    yield Row("x that nested ranges take in from 100 to 85.5625", x, tokens_in((wide, narrow), low).x
              - tokens_in((wide, narrow), ten).x, 1e-12)  # fmt: skip
    one, three = (_moved_together(slots, asked) for slots in (1, 3))
    gap = float(np.abs(one - three).max())
    yield Row("profit of three equal ranges less that of one, largest of all lanes", 0.0, gap, 1e-9)


def _moved_together(slots: int, asked: Asked) -> Floats:
    """Profits of lanes whose ranges are all placed alike, at random times, with equal parts of the capital, without gas."""
    quote = Ranges(0.1, 0.005, (0.01,) * slots, CAPITAL)
    venue = Pool(fee=0.003, traders=RandomTraders(rate=50.0, impact=0.002))
    market = Market(price=Geometric(SIGMA), venue=venue, clock=FiniteHorizon(0.25, 60), quote=quote)
    simulation, random = Simulation(market, 200), np.random.default_rng(asked.seed)
    simulation.start(asked.seed)
    for _ in range(60):
        one = random.uniform(-1.0, 1.0, (200, 4))
        one[:, 2], one[:, 3] = 2.0 / slots - 1.0, np.where(random.random(200) < 0.1, 1.0, -1.0)
        simulation.step(np.ascontiguousarray(np.repeat(one, slots, axis=1)).reshape(-1))
    return simulation.state.tally.profit


@suite("impermanent_loss", "exact: 2 sqrt(r) / (1 + r) - 1; positions worked out by hand", 1.0)
def impermanent_loss(_: Asked) -> Iterator[Row]:
    """Of constant product at several ratios, closed form and position; tokens, fees and loss of a range from 81 to 121."""
    full = Position(Level(1e-150, 1e150), Level(1e150, 1e-150), FULL, 10.0, Pair(1.0, 100.0))
    for ratio in (0.25, 0.5, 2.0, 4.0):
        exact = 2.0 * math.sqrt(ratio) / (1.0 + ratio) - 1.0
        root = 10.0 * math.sqrt(ratio)
        x, y = tokens(full, Level(root, 1.0 / root))
        yield Row(f"price times {ratio:g}", exact, closed_forms.impermanent_loss(ratio), 1e-15)
        yield Row(
            f"price times {ratio:g}, of a position", exact, (x * root**2 + y) / (100.0 * ratio + 100.0) - 1.0, 1e-12
        )
    lower, upper, ten = Level(9.0, 1.0 / 9.0), Level(11.0, 1.0 / 11.0), Level(10.0, 0.1)
    ours = Position(lower, upper, math.log(11.0 / 9.0), 100.0, Pair(10.0 / 11.0, 100.0))
    yield Row("token x at 100, liquidity 100 from 81 to 121", 10.0 / 11.0, tokens(ours, ten).x, 1e-12)
    yield Row("token y there", 100.0, tokens(ours, ten).y, 1e-12)
    after, gained = swapped(Core(ten, (ours,)), Level(12.0, 1.0 / 12.0), 0.003 / 0.997)
    x, y = tokens(after.position, after.price)
    yield Row("fees of a rise to 144, at 30 bp: of y up to 121 alone", 0.3 / 0.997, gained.fees.y, 1e-12)
    yield Row("impermanent loss at 144", 200.0 - (1440.0 / 11.0 + 100.0), x * 144.0 + y - 1440.0 / 11.0 - 100.0, 1e-12)
