"""An order book, queue by queue: who joins the best prices, goes inside the spread, or waits behind.

python -m examples.order_book
"""

from agents import AtTouch, ImbalanceSkew
from agents.policy import play
from mm_env.markets import market_named
from mm_env.metrics import figures

market = market_named("cont_stoikov_talreja")  # others' orders come, are cancelled and trade at measured rates
agents = {
    "join": AtTouch(market),
    "join, one order at most": AtTouch(market, most=1),
    "inside the spread": AtTouch(market, behind=-1),
    "a tick behind": AtTouch(market, behind=1),
    "lean with the queues": ImbalanceSkew(market),
}
print(f"{'':26}{'objective':>10}{'P&L':>8}{'std':>8}{'mean |q|':>10}{'filled':>8}")
for name, agent in agents.items():
    found = figures(play(market, agent, num_episodes=500, seed=1))
    columns = ("objective", "profit", "profit_std", "mean_absolute_position", "fill_ratio")
    row = [found[column].value for column in columns]
    print(f"{name:26}{row[0]:10.2f}{row[1]:8.2f}{row[2]:8.2f}{row[3]:10.2f}{row[4]:8.1%}")
