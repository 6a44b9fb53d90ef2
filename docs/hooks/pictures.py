"""Draws the pictures of the markets' pages: one episode of each, as docs/pictures/markets/agents.yml says.

python -m docs.hooks.pictures            # those that are missing
python -m docs.hooks.pictures amzn pool  # these anew
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from hydra import compose, initialize_config_dir
from matplotlib.figure import Figure

from agents.policy import as_policy, in_space
from experiments.config.agents import build_policies
from experiments.config.markets import build_market
from experiments.config.search_path import CONF
from mm_env.desk.desk import Desk
from mm_env.envs import render
from mm_env.envs.recorder import Recorder
from mm_env.rollout import steps
from mm_env.simulations import simulation_of

PICTURES = Path(__file__).parents[1] / "pictures" / "markets"
SEED = 0


def draw(name: str, agent: str) -> Figure:
    """One episode of an agent in a market."""
    with initialize_config_dir(version_base="1.3", config_dir=str(CONF)):
        cfg = compose("compare", [f"market={name}"])
    market = build_market(cfg)
    policies, refused = build_policies(cfg, market, [agent])
    if refused:
        raise ValueError(f"{agent} in {name}: {refused[agent]}")
    player = as_policy(policies[agent])
    player.forget()
    acting = player.tabulated(market) or player
    own = acting.acts_in(market)
    simulation = simulation_of(own, own.lanes_a_world)
    played = steps(simulation, lambda seen: in_space(own, acting.act(seen)), SEED)
    return _of_desk(own, simulation, played) if isinstance(own, Desk) else _of_market(simulation, played)


def _of_market(simulation: Any, played: Any) -> Figure:
    recorder = Recorder(simulation)
    recorder.start()
    for step in played:
        recorder.add(step.actions)
    return render.draw(recorder)


def _of_desk(desk: Any, simulation: Any, played: Any) -> Figure:
    """Inventories as shares of their limits, and the profit."""
    seen, profits = [], []
    for _ in played:
        seen.append(simulation.observations[0].copy())
        profits.append(float(simulation.profits[0]))
    columns = [i for i, name in enumerate(desk.observation_names) if name.startswith("inventory_")]
    times = np.linspace(desk.clock.step_length, desk.clock.horizon, len(profits))
    figure = Figure(figsize=(8.0, 4.6), layout="constrained")
    above, below = figure.subplots(2, sharex=True)
    for column in columns:
        above.plot(times, [row[column] for row in seen], linewidth=0.9)
    above.set_ylabel("inventories / limits")
    below.plot(times, profits, color="black", linewidth=0.9)
    below.set(ylabel="P&L, price units", xlabel="time")
    return figure


def main() -> None:
    """Draw what is named, or what is missing; says at the end what could not be drawn."""
    agents = yaml.safe_load((PICTURES / "agents.yml").read_text(encoding="utf-8"))
    failed: list[str] = []
    for name in sys.argv[1:] or [one for one in agents if not (PICTURES / f"{one}.png").exists()]:
        try:
            draw(name, agents[name]).savefig(PICTURES / f"{name}.png", dpi=80)
        except (ValueError, TypeError) as error:
            failed.append(f"{name}: {error}")
        else:
            print(name, flush=True)
    if failed:
        raise SystemExit("\n".join(failed))


if __name__ == "__main__":
    main()
