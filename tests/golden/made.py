"""What each named market brings today, in few words: digests of bits, and the objectives that are exact.

`python -m tests.golden.made` writes the file that the tests compare with. A number of it changes only in a commit of its own
that says why.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import mm_env
from agents.exact.evaluation import best_fixed, worth_fixed
from agents.exact.optimum import optimum
from agents.exact.price_grid import Unsolvable
from mm_env import Market
from mm_env.core.component import flat
from mm_env.envs.registration import DESK_IDS, IDS, WORLD_IDS
from mm_env.markets import market_named
from mm_env.simulations import simulation_of

FILE = Path(__file__).with_name("golden.json")
ROUNDED = {"amzn_ergodic", "bates", "collateral", "crisis", "heston", "jumps", "overnight", "regimes", "stressed"}
SUMMED = {"options_desk"}  # computed prices round otherwise on other processors: sums in the place of bits
WHAT = ("observations", "rewards", "states")
LANES, SEEDS, STEPS = 67, (0, 2**40 + 3), 12  # more lanes than the 64 of a tile


def _variants() -> dict[str, Market]:
    """Markets that differ from a named one in a part or two, so that every kind of component is held somewhere."""
    base = replace(market_named("cartea_jaimungal"), max_inventory=4.0, clock=mm_env.FiniteHorizon(1.0, 20))
    flow, fill = mm_env.Poisson(40.0), mm_env.Exponential(2.0)

    def dealer(**parts: Any) -> Any:
        return mm_env.Dealer(**{"flow": flow, "fill": fill, **parts})

    sides = mm_env.Sides(mm_env.Exponential(1.5), mm_env.Exponential(2.5))
    depths, cara = mm_env.Depths(2.0, -0.1), mm_env.CARA(0.1)
    reverting, alpha = mm_env.OrnsteinUhlenbeck(1.0, 2.0, 100.0), mm_env.ShortTermAlpha(1.0, 5.0, 2.0)
    return {
        "power law, bernoulli": replace(base, venue=dealer(flow=mm_env.Bernoulli(8.0), fill=mm_env.PowerLaw(0.5, 2.0))),
        "logistic, on arrival": replace(
            base, venue=dealer(fill=mm_env.Logistic(0.5, 0.2), impact=mm_env.ArrivalImpact(0.1))
        ),
        "linear, on fill": replace(base, venue=dealer(fill=mm_env.Linear(2.0), impact=mm_env.FillImpact(0.1))),
        "hyperexponential, by depth": replace(
            base,
            venue=dealer(fill=mm_env.Hyperexponential(4.0, 0.5, 0.7), impact=mm_env.DepthImpact(0.1, 0.2, 0.05, 1.0)),
        ),
        "sides, taker fees, market orders": replace(
            base, venue=dealer(fill=sides), fees=mm_env.Fees(-0.01, 0.02), quote=mm_env.MarketOrders(depths, 0.05)
        ),
        "proportional fees, geometric": replace(
            base, price=mm_env.Geometric(0.02, 0.01), fees=mm_env.ProportionalFees(0.0001, 0.0002)
        ),
        "reverting": replace(base, price=reverting, quote=mm_env.Grid(1.0, 0.5)),
        "alpha, cara": replace(base, price=alpha, reward=cara, quote=mm_env.SpreadAndSkew(2.0, 1.0)),
        "binomial, cara, on arrival": replace(
            base, price=mm_env.Binomial(2.0), reward=cara, venue=dealer(impact=mm_env.ArrivalImpact(0.1))
        ),
        "ergodic, skew": replace(base, clock=mm_env.Ergodic(1.0, 20), quote=mm_env.Skew(0.5, 1.0)),
        "damped": replace(base, reward=mm_env.AsymmetricDamping(0.5), initial_inventory=mm_env.Integers(-2, 2)),
        "without noise, by lane": replace(
            base, reward=mm_env.InventoryPenalty(0.01, 0.1, 0.0), price=mm_env.Brownian(mm_env.Uniform(1.0, 2.0), 0.3)
        ),
    }


NAMES = sorted({*IDS.values(), *DESK_IDS.values(), *WORLD_IDS.values()})
MARKETS: dict[str, Any] = {name: market_named(name) for name in NAMES} | _variants()


def digests(market: Any) -> dict[str, str]:
    """Digests of observations, rewards and states over some steps of random actions in several lanes, for two seeds."""
    seen = {name: hashlib.sha256() for name in WHAT}
    for what, numbers in _brought(market):
        seen[what].update(np.ascontiguousarray(numbers).tobytes())
    return {name: digest.hexdigest()[:16] for name, digest in seen.items()}


def sums(market: Any) -> dict[str, str]:
    """As `digests`, the sums of what the digests are of: of absolute values, so that nothing cancels."""
    seen = dict.fromkeys(WHAT, 0.0)
    for what, numbers in _brought(market):
        seen[what] += float(np.abs(np.asarray(numbers, np.float64)).sum())
    return {name: repr(total) for name, total in seen.items()}


def _brought(market: Any) -> Iterator[tuple[str, Any]]:
    """What of `WHAT` it is, and the numbers, step by step."""
    for seed in SEEDS:
        lanes = LANES // market.lanes_a_world * market.lanes_a_world  # whole worlds
        simulation, actions = simulation_of(market, lanes), _actions(market)
        yield "observations", simulation.start(seed)
        for step in range(STEPS):
            observations, rewards, ended, _ = simulation.step(actions[step, :lanes].reshape(-1))
            yield "observations", observations
            yield "rewards", rewards
            yield "rewards", ended
            for number in _numbers(simulation):
                yield "states", number
            simulation.restart(ended)


def _numbers(simulation: Any) -> list[Any]:
    """What is held, where the mids are, and what the episodes have brought."""
    state = simulation.state
    if hasattr(simulation, "holdings"):
        return [*state.tally, *(number for holding in simulation.holdings for number in holding)]
    return [state.account.cash, state.account.inventory, state.mid, *_latent(state), *state.tally]


def _latent(state: Any) -> list[Any]:
    """The price's state; where it has none the 0 that once stood for it."""
    return list(flat(state.world.price)) or [np.zeros(LANES)]


def objectives(market: Any, name: str = "") -> dict[str, str]:
    """The exact worth of the optimum and of the best constant quotes, to the bit; nothing where there is none.

    To ten digits where quadratures of numpy and scipy take part, whose last bits are another processor's own.
    """
    if name in WORLD_IDS.values():  # what is exact of one maker is not of several
        return {}
    if name in DESK_IDS.values():  # tests/agents/test_desk_exact.py holds these
        return {}
    if market.watched:  # over half a minute: tests/agents/test_wealth.py holds these
        return {}
    said = (lambda worth: f"{worth:.10g}") if name in ROUNDED else float.hex
    try:
        fixed = best_fixed(market)
        found = {"optimum": optimum(market, kept_from=1e9).worth, "best_fixed": worth_fixed(market, fixed.half_spread)}
        return {kind: said(float(worth)) for kind, worth in found.items()}
    except Unsolvable:
        return {}


def golden() -> dict[str, dict[str, str]]:
    """Market -> what it brings."""
    return {
        name: (sums if name in SUMMED else digests)(market) | objectives(market, name)
        for name, market in MARKETS.items()
    }


def _actions(market: Any) -> Any:
    space: Any = market.action_space
    random = np.random.default_rng(0)
    if not space.shape:
        return random.integers(0, space.n, (STEPS, LANES, 1)).astype(np.float64)
    return random.uniform(-1.0, 1.0, (STEPS, LANES, market.width))


if __name__ == "__main__":
    FILE.write_text(json.dumps(golden(), indent=1) + "\n", encoding="utf-8")
