"""Liquidity in a pool: what it earns in fees, and what it loses to arbitrageurs, by how wide its range is.

python -m examples.pool_position
"""

from agents import Hold, Provider
from agents.policy import play
from mm_env.markets import market_named
from mm_env.metrics import figures

market = market_named("pool")  # a day of a pool of 5 bp, arbitraged every five minutes; a capital of 100
agents = {
    "out of the pool": Hold(market),
    "full range": Provider.full_range(market),
    "16 % either way": Provider.fixed(market, 0.16),
    "2 % either way": Provider.fixed(market, 0.02),
    "moved on exit": Provider.optimal(market),
}
columns = ("profit", "pool_fees", "loss_versus_rebalancing", "moving_costs", "time_in_range")
print(f"{'':18}{'P&L':>8}{'±':>7}{'fees':>8}{'to arbitrage':>14}{'gas and swaps':>15}{'in range':>10}")
for name, agent in agents.items():
    found = figures(play(market, agent, num_episodes=2_000, seed=1))
    profit, fees, lost, costs, inside = (found[column].value for column in columns)
    error = found["profit"].half_width
    print(f"{name:18}{profit:8.3f}{error:7.3f}{fees:8.3f}{lost:14.3f}{costs:15.3f}{inside:10.0%}")
print("fees less what arbitrageurs take, gas and swaps is the profit of who hedges; the rest of the P&L is the token's")
