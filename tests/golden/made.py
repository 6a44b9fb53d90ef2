"""What each named market brings today, in few words: digests of bits, and the objectives that are exact.

`python -m tests.golden.made` writes the file that the tests compare with. A number of it changes only in a commit of its own
that says why.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from agents.exact import best_fixed, worth_fixed
from agents.latent import Unsolvable
from agents.optimum import optimum
from mm_env import Market
from mm_env.component import flat
from mm_env.markets import market_named
from mm_env.registration import IDS
from mm_env.simulation import Simulation

FILE = Path(__file__).with_name("golden.json")
LANES, SEEDS, STEPS = 67, (0, 2**40 + 3), 12  # more lanes than the 64 of a tile


def digests(market: Market) -> dict[str, str]:
    """Digests of observations, rewards and states over some steps of random actions in several lanes, for two seeds."""
    seen: dict[str, Any] = {name: hashlib.sha256() for name in ("observations", "rewards", "states")}
    for seed in SEEDS:
        simulation, actions = Simulation(market, LANES), _actions(market)
        seen["observations"].update(simulation.start(seed).tobytes())
        for step in range(STEPS):
            observations, rewards, ended, _ = simulation.step(actions[step].reshape(-1))
            seen["observations"].update(np.ascontiguousarray(observations).tobytes())
            seen["rewards"].update(rewards.tobytes() + ended.tobytes())
            state = simulation.state
            for number in (state.account.cash, state.account.inventory, state.mid, *flat(state.latent), *state.tally):
                seen["states"].update(np.ascontiguousarray(number).tobytes())
            simulation.restart(ended)
    return {name: digest.hexdigest()[:16] for name, digest in seen.items()}


def objectives(market: Market) -> dict[str, str]:
    """The exact worth of the optimum and of the best constant quotes, to the bit; nothing where there is none."""
    try:
        fixed = best_fixed(market)
        return {
            "optimum": optimum(market, kept_from=1e9).worth.hex(),
            "best_fixed": float(worth_fixed(market, fixed.half_spread)).hex(),
        }
    except Unsolvable:
        return {}


def golden() -> dict[str, dict[str, str]]:
    """Market -> what it brings."""
    return {name: digests(market_named(name)) | objectives(market_named(name)) for name in sorted(IDS.values())}


def _actions(market: Market) -> Any:
    space: Any = market.quote.space
    random = np.random.default_rng(0)
    if not space.shape:
        return random.integers(0, space.n, (STEPS, LANES, 1)).astype(np.float64)
    return random.uniform(-1.0, 1.0, (STEPS, LANES, market.quote.width))


if __name__ == "__main__":
    FILE.write_text(json.dumps(golden(), indent=1) + "\n", encoding="utf-8")
