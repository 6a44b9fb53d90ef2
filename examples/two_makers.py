"""Two makers of one market: who quotes as if alone is undercut by who knows that clients compare.

python -m examples.two_makers
"""

from agents import CarteaJaimungal, FixedSymmetric, competing
from agents.makers.seats import play_seats
from agents.policy import policy_of
from mm_env.markets import market_named

market = market_named(
    "duopoly"
)  # clients choose by a logit of the depths; a maker's quotes see its own inventory alone
agents = {
    "as if alone": policy_of(CarteaJaimungal.of, market),
    "knows of the other": policy_of(competing, market),
    "half a unit, always": policy_of(FixedSymmetric(0.5), market),
}
print("what a maker earns an episode, by its own quotes (rows) and the other's (columns)")
print(f"{'':22}" + "".join(f"{name:>22}" for name in agents))
for name, own in agents.items():
    earned = [play_seats(market, (own, other), worlds=500, seed=1)[0].objective for other in agents.values()]
    print(f"{name:22}" + "".join(f"{each.mean():22.2f}" for each in earned))
