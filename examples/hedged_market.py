"""A maker who hedges: never, at once, or back into a band, beside the exact optimum of quotes and hedge together.

python -m examples.hedged_market
"""

from dataclasses import replace

from agents import CarteaJaimungal, FixedBand, FullHedge, Hedging, NoHedge
from agents.exact.optimum import optimum
from agents.policy import play
from mm_env import CorrelatedAsset
from mm_env.markets import market_named
from mm_env.metrics import figures, paired_difference

asset = CorrelatedAsset(correlation=0.9, half_spread=0.05, max_position=4.0, lot=1.0)  # 0.05 for each unit traded
market = replace(market_named("cartea_jaimungal"), hedges=asset, max_inventory=4.0)
agents = {"optimum": optimum(market)}
for name, rule in {"no hedge": NoHedge(), "full hedge": FullHedge(), "band of a unit": FixedBand(1.0)}.items():
    agents[name] = Hedging.of(market, CarteaJaimungal.of, rule)

played = {name: play(market, agent, num_episodes=4_000, seed=1) for name, agent in agents.items()}
print(f"{'':16}{'objective':>10}{'std of P&L':>12}{'cost of hedging':>17}{'behind the optimum':>21}")
for name, episodes in played.items():
    found, behind = figures(episodes), paired_difference(played["optimum"], episodes)  # on the same noise
    row = [found[figure].value for figure in ("objective", "profit_std", "hedging_cost")]
    print(f"{name:16}{row[0]:10.2f}{row[1]:12.2f}{row[2]:17.2f}{behind.value:14.2f} ±{behind.half_width:.2f}")
