"""Tails of the profit in calm and under stress: value at risk, CVaR and the deepest falls, on the same noise.

python -m examples.stress_and_tail
"""

from agents import GLFT, StrategyPolicy, best_fixed
from agents.policy import moved, play
from mm_env import Stress
from mm_env.markets import market_named
from mm_env.metrics import cvar, mean, value_at_risk

market = market_named("amzn")
agents = {
    "constant quotes": StrategyPolicy(best_fixed(market), market),
    "GLFT": StrategyPolicy(GLFT.of(market), market),
}
crisis = Stress(begins=0.5, lasts=0.2, sells=3.0, buys=0.3, gap=-2.0)  # sellers come in a flood, and then a gap
scenarios = {"calm": market, "sellers and a gap": crisis.applied(market)}
print(f"{'':20}{'':18}{'P&L':>8}{'VaR 95':>9}{'CVaR 95':>9}{'deepest fall':>14}")
for scenario, world in scenarios.items():
    for name, agent in agents.items():  # who is not told, and quotes as in calm
        played = play(world, moved(agent, world), num_episodes=4_000, seed=1)
        tail = value_at_risk(played.profit).value, cvar(played.profit).value, mean(played.drawdown).value
        print(f"{scenario:20}{name:18}{played.profit.mean():8.2f}{tail[0]:9.2f}{tail[1]:9.2f}{tail[2]:14.2f}")
