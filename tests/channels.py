"""Payment channels for tests."""

from mm_env import (
    Brownian,
    Channel,
    Depths,
    Ergodic,
    ExponentialRebalancing,
    FixedRebalancing,
    InventoryPenalty,
    NoRebalancing,
    PaymentSizes,
    Poisson,
    RebalancingQuotes,
    Sides,
)
from mm_env.venue.dealer.fill import Exponential
from tests.worlds import world

ONE, NEVER = PaymentSizes(), NoRebalancing()
FEES, ASKING = Depths(3.0), RebalancingQuotes(Depths(3.0))
SEVERAL, TWO = PaymentSizes((1.0, 2.0, 4.0), (0.5, 0.3, 0.2)), PaymentSizes((1.0, 3.0), (0.7, 0.3))


def channel(rates=(6.0, 3.0), capacity=10.0, balance=5.0, k=1.0, payments=ONE, rebalancing=NEVER, **parts):
    """A channel of these rates, and what else a `world` has."""
    flow = Sides(Poisson(rates[0]), Poisson(rates[1]))
    venue = Channel(capacity, balance, flow, Exponential(k), payments, rebalancing)
    quote = ASKING if venue.can_rebalance else FEES
    most = max(balance, capacity - balance)
    own = {
        "price": Brownian(0.0),
        "clock": Ergodic(2.0, 20),
        "quote": quote,
        "reward": InventoryPenalty(),
        "max_inventory": most,
    }
    return world(**{**own, "venue": venue, **parts})


CHANNELS = {
    "unit": channel(),
    "sizes": channel(payments=TWO, balance=4.0),
    "exponential": channel(rebalancing=ExponentialRebalancing(6.0, 0.5, 0.1, mean_time=0.2)),
    "frozen": channel(rebalancing=ExponentialRebalancing(5.0, 0.5, frozen=1.0, mean_time=0.2)),
    "fixed": channel(rebalancing=FixedRebalancing(4.0, 0.5, 0.1, frozen=1.0, steps=3), payments=TWO),
}
