"""A desk of two bonds: closed-form quotes that know how the bonds move together, beside constant ones.

python -m examples.bond_desk
"""

import numpy as np

from agents import ConstantDepths, QuadraticDesk
from agents.policy import play, policy_of
from mm_env.markets import market_named
from mm_env.metrics import figures, paired_difference

desk = market_named("two_bonds")  # Bergault, Evangelista, Gueant & Vieira 2021: a week of clients' requests
# constant: the depths at which each request earns most by itself; quadratic: closed forms, by what is held of both
strategies = {"constant depths": ConstantDepths.wider(desk, 0.0), "quadratic": QuadraticDesk.of(desk)}
played = {name: play(desk, policy_of(one, desk), num_episodes=200, seed=1) for name, one in strategies.items()}
for name, episodes in played.items():
    found = figures(episodes)
    told = f"P&L {found['profit'].value:8,.0f}, std {found['profit_std'].value:8,.0f}"
    print(f"{name:16} objective {found['objective'].value:8,.0f} ±{found['objective'].half_width:,.0f}, {told}")
ahead = paired_difference(played["quadratic"], played["constant depths"])
print(f"the quadratic quotes are ahead by {ahead.value:,.0f} ±{ahead.half_width:,.0f} on the same requests")

held = np.array([[0.0, 0.0], [50_000.0, 0.0], [50_000.0, -150_000.0]])  # units of each bond
print("bid and ask of the smallest size, from the mids, half-way through the week:")
for position, depths in zip(held, strategies["quadratic"].depths(held, 3.5)[..., 0]):
    told = "bond_1 {:.3f} {:.3f}, bond_2 {:.3f} {:.3f}".format(*depths)
    print(f"holding {position[0]:7,.0f} of bond_1 and {position[1]:9,.0f} of bond_2: {told}")
