"""A pool under stress: an exploit at a known time, and more or fewer uninformed traders."""

from __future__ import annotations

from mm_env.core.component import rule
from mm_env.core.noise import Noise
from mm_env.core.parameters import NonNegative, Probability
from mm_env.stress.parts import within
from mm_env.venue.pool.exploits import Exploits
from mm_env.venue.pool.swaps import Core, Gain
from mm_env.venue.pool.traders import Orders, Traders
from mm_env.world import Now


class StressedExploits(Exploits):
    """`exploits`, and one more in the step that begins at `begins`, which takes `share` of all liquidity."""

    exploits: Exploits
    begins: NonNegative  # time since the episode began
    share: Probability = 0.0

    @rule
    def kept(self, noise: Noise, dt: float, now: Now) -> float:
        taken = within(now.time, self.begins, self.begins + dt) * self.share
        return (1.0 - taken) * self.exploits.kept(noise, dt, now)


class StressedTraders(Traders):
    """`traders`, of whom those who buy are `buying` and those who sell `selling` from `begins` to `ends`."""

    traders: Traders
    buying: Traders
    selling: Traders
    begins: NonNegative  # time since the episode began
    ends: NonNegative

    @rule
    def orders(self, fee: float, noise: Noise, dt: float, now: Now) -> Orders:
        usual = self.traders.orders(fee, noise, dt, now)
        bought, sold = self.buying.orders(fee, noise, dt, now), self.selling.orders(fee, noise, dt, now)
        stressed = within(now.time, self.begins, self.ends) > 0.0
        turnover = 0.5 * (bought.turnover + sold.turnover) if stressed else usual.turnover
        return Orders(turnover, bought.up if stressed else usual.up, sold.down if stressed else usual.down)

    @rule
    def trade(self, core: Core, orders: Orders, markup: float) -> tuple[Core, Gain]:
        return self.traders.trade(core, orders, markup)
