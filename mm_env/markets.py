"""The markets that have a name: those of the literature, and two fitted to a real day.

`conf/market/` holds the same markets for Hydra; a test keeps the two equal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

from mm_env.clock import Ergodic, EveryEvent, FiniteHorizon
from mm_env.competitions import COMPETITIONS
from mm_env.core.component import Sides
from mm_env.desk.desk import Desk
from mm_env.desks import DESKS
from mm_env.hedging import CorrelatedAsset, HedgePortfolio
from mm_env.lending import Collateral, Token
from mm_env.margins import MaintenanceMargin
from mm_env.market import Market
from mm_env.price.bates import Bates
from mm_env.price.gaps import ScheduledGap
from mm_env.price.heston import Heston
from mm_env.price.jump_diffusions import Merton
from mm_env.price.jumps import NormalJumps
from mm_env.price.models import Binomial, Brownian, FromBook, Geometric
from mm_env.price.regime_jumps import RegimeJumps
from mm_env.price.regimes import RegimeSwitching
from mm_env.price.with_jumps import WithJumps
from mm_env.quote import Depths, SpreadAndSkew, Touch
from mm_env.reward import CARA, CVaR, InventoryPenalty, VariancePenalty
from mm_env.venue.channel.channel import Channel
from mm_env.venue.channel.payments import PaymentSizes
from mm_env.venue.channel.quoting import RebalancingQuotes
from mm_env.venue.channel.rebalancing import ExponentialRebalancing
from mm_env.venue.dealer.by_regime import RegimeFill, RegimeFlow, RegimeImpact
from mm_env.venue.dealer.dealer import Dealer
from mm_env.venue.dealer.fill import Exponential
from mm_env.venue.dealer.flow import Bernoulli, Poisson
from mm_env.venue.dealer.impact import ArrivalImpact
from mm_env.venue.order_book import amazon_reactive, published
from mm_env.venue.order_book.book import Book, UnnoticedBook
from mm_env.venue.pool.pool import Pool
from mm_env.venue.pool.ranges import FULL, DynamicFee, RangeGrid
from mm_env.venue.pool.several import Ranges
from mm_env.venue.pool.traders import RandomTraders, SteadyTraders

_TURNS = ((0.0, 2.0), (4.0, 0.0))  # 1 / time, from calm to turbulent and back


def avellaneda_stoikov() -> Market:
    """Avellaneda & Stoikov 2008, sec. 3.3, with the running penalty phi = gamma sigma^2 / 2 of gamma = 0.1."""
    return Market(
        price=Binomial(sigma=2.0),
        venue=Dealer(flow=Bernoulli(rate=140.0), fill=Exponential(k=1.5)),
        clock=FiniteHorizon(horizon=1.0, steps=200),
        quote=SpreadAndSkew(max_half_spread=2.0, max_skew=2.0),
        reward=InventoryPenalty(phi=0.2),
    )


def cartea_jaimungal() -> Market:
    """Cartea, Jaimungal & Penalva 2015, ch. 10: Poisson orders, a Brownian mid, running and terminal penalties."""
    return Market(
        price=Brownian(sigma=0.1),
        venue=Dealer(flow=Poisson(rate=10.0), fill=Exponential(k=1.0)),
        clock=FiniteHorizon(horizon=1.0, steps=100),
        quote=SpreadAndSkew(max_half_spread=4.0, max_skew=4.0),
        reward=InventoryPenalty(phi=0.5, alpha=0.001),
        inventory_scale=3.0,
    )


def adverse_selection() -> Market:
    """The market of `cartea_jaimungal` where each arriving order moves the mid by 0.5 on average (sec. 10.4)."""
    informed = Dealer(flow=Poisson(rate=10.0), fill=Exponential(k=1.0), impact=ArrivalImpact(mean=0.5))
    return replace(cartea_jaimungal(), venue=informed)


def solvency() -> Market:
    """A maker of little capital in a market like that of `cartea_jaimungal`, but volatile: its equity, 8 and the profit, must
    be 3 a unit held, or it sells out at 1 a unit and loses the franchise, worth 10.

    Who trades as if there were no margin is ruined in one episode of seven.
    """
    return Market(
        price=Brownian(sigma=2.0),
        venue=Dealer(flow=Poisson(rate=10.0), fill=Exponential(k=1.0)),
        clock=FiniteHorizon(horizon=1.0, steps=100),
        quote=SpreadAndSkew(max_half_spread=4.0, max_skew=4.0),
        reward=InventoryPenalty(phi=0.05, alpha=0.001),
        margin=MaintenanceMargin(capital=8.0, per_unit=3.0, liquidation_cost=1.0, franchise_loss=10.0),
        max_inventory=6.0,
        inventory_scale=3.0,
        profit_scale=5.0,
    )


def cvar() -> Market:
    """A maker in a volatile market like that of `cartea_jaimungal` who minds the worst twentieth of its final profits: nine
    tenths CVaR, one tenth the mean.

    The threshold is the best one: `agents.exact.cvar.best_threshold(mm_env.markets.cvar())`.
    """
    return Market(
        price=Brownian(sigma=1.0),
        venue=Dealer(flow=Poisson(rate=10.0), fill=Exponential(k=1.0)),
        clock=FiniteHorizon(horizon=1.0, steps=50),
        quote=Depths(max_depth=4.0, min_depth=-0.5),
        reward=CVaR(level=0.95, threshold=2.81, weight=0.9),
        max_inventory=4.0,
        inventory_scale=2.0,
        profit_scale=2.0,
    )


def hedged() -> Market:
    """The market of `cartea_jaimungal` with an asset beside it, as volatile and with a correlation of 0.9, that is traded in
    whole units for 0.05 each; at most eight of both are held."""
    asset = CorrelatedAsset(correlation=0.9, half_spread=0.05, max_position=8.0, lot=1.0)
    return replace(cartea_jaimungal(), hedges=asset, max_inventory=8.0)


def two_hedges() -> Market:
    """The market of `cartea_jaimungal` with two assets beside it, as volatile, that are traded in whole units: a cheap one, at
    0.02 each with a correlation of 0.8, of which three are held at most, and that of `hedged`, of which six are."""
    cheap = CorrelatedAsset(correlation=0.8, half_spread=0.02, max_position=3.0, lot=1.0)
    close = CorrelatedAsset(correlation=0.9, half_spread=0.05, max_position=6.0, lot=1.0)
    return replace(cartea_jaimungal(), hedges=HedgePortfolio((cheap, close)), max_inventory=8.0)


def collateral() -> Market:
    """The market of `cartea_jaimungal` to a maker whose cash, 20, is borrowed against a token that is worth 32: as volatile as
    30 % over the episode, with jumps of -10 % twice an episode, and with a correlation of 0.5. A move of the loan takes effect
    with probability 1/2 in a step, so that it may come too late.
    """
    token = Token(sigma=0.3, correlation=0.5, jump_rate=2.0, jump_mean=-0.1, jump_std=0.05)
    loan = Collateral(
        token=token, collateral=0.32, debt=20.0, bonus=0.1, interest=0.05, earning=0.3, opportunity=0.1, gas=0.03,
        inclusion=0.5, least_health=1.2, most_health=1.6,
    )  # fmt: skip
    return replace(cartea_jaimungal(), financing=loan, max_inventory=8.0)


def glft() -> Market:
    """Gueant, Lehalle & Fernandez-Tapia 2013, their figures' market in ticks: CARA utility of the wealth after 600 s."""
    return Market(
        price=Brownian(sigma=0.3),
        venue=Dealer(flow=Poisson(rate=0.9), fill=Exponential(k=0.3)),
        clock=FiniteHorizon(horizon=600.0, steps=2400),
        quote=Depths(max_depth=12.0, min_depth=-2.0),
        reward=CARA(gamma=0.01),
        max_inventory=30.0,
    )


def heston() -> Market:
    """The market of `cartea_jaimungal` where the variance of the mid comes and goes, and the penalty with it."""
    price, reward = Heston(kappa=5.0, theta=1.0, vol=1.5, rho=-0.5, v0=1.0), VariancePenalty(gamma=1.0, alpha=0.001)
    return replace(cartea_jaimungal(), price=price, reward=reward, max_inventory=10.0)


def bates() -> Market:
    """The market of `heston` with jumps, mostly down, under CARA utility, which minds their direction."""
    price = Bates(kappa=5.0, theta=1.0, vol=1.5, rho=-0.5, v0=1.0, rate=2.0, jump_mean=-0.7, jump_std=0.7)
    return replace(heston(), price=price, reward=CARA(gamma=0.2), max_inventory=6.0)


def jumps() -> Market:
    """The market of `cartea_jaimungal` where the mid jumps, mostly down, under CARA utility."""
    price = Merton(sigma=0.5, rate=2.0, jump_mean=-1.5, jump_std=1.0)
    return replace(heston(), price=price, reward=CARA(gamma=0.1), max_inventory=6.0)


def regimes() -> Market:
    """The market of `cartea_jaimungal` that is calm, or turbulent: the mid moves twice as much, and orders come more often and
    reach deeper."""
    price = RegimeSwitching(Brownian(sigma=1.0), rates=_TURNS, volatility=(1.0, 2.0))
    flow, fill = RegimeFlow(Poisson(rate=10.0), (1.0, 1.5)), RegimeFill(Exponential(k=1.0), (1.0, 0.7))
    return replace(heston(), price=price, venue=Dealer(flow, fill))


def overnight() -> Market:
    """Two sessions of a minute, and a night between them over which the mid gaps as far as it moves in a hundred seconds."""
    return Market(
        price=ScheduledGap(Brownian(sigma=0.01), at=(60.0,), std=(0.1,)),
        venue=Dealer(flow=Poisson(rate=1.0), fill=Exponential(k=100.0)),
        clock=FiniteHorizon(horizon=120.0, steps=240),
        quote=SpreadAndSkew(max_half_spread=0.04, max_skew=0.04),
        reward=VariancePenalty(gamma=0.2, alpha=1e-4),
        max_inventory=10.0,
        inventory_scale=3.0,
    )


def crisis() -> Market:
    """The market of `regimes` where in turbulence the mid jumps too, mostly down, and orders tell much more than in calm."""
    calm = regimes()
    jumps = RegimeJumps(NormalJumps(rate=0.5, mean=-0.5, std=1.0), factors=(1.0, 6.0))
    price = WithJumps(calm.price, jumps)
    flow, fill = RegimeFlow(Poisson(rate=10.0), (1.0, 1.5)), RegimeFill(Exponential(k=1.0), (1.0, 0.7))
    return replace(calm, price=price, venue=Dealer(flow, fill, RegimeImpact(ArrivalImpact(mean=0.1), (1.0, 4.0))))


def stressed() -> Market:
    """The market of `cartea_jaimungal` beside another asset: the mid crashes by 3 at rate 0.1 in calm, and at rate 1 once the
    other asset was hit. The drift of each regime brings back what jumps, which are compensated, take on average."""
    hit = RegimeSwitching(
        Brownian(sigma=0.1), rates=((0.0, 1.0), (5.0, 0.0)), volatility=(1.0, 1.0), drift=(-0.3, -3.0)
    )
    crashes = RegimeJumps(NormalJumps(rate=1.0, mean=-3.0, std=0.0), factors=(0.1, 1.0))
    return replace(cartea_jaimungal(), price=WithJumps(hit, crashes), max_inventory=10.0)


def amzn() -> Market:
    """AMZN on NASDAQ, 2012-06-21, dollars and seconds: one order of a unit is quoted anew every second for ten minutes.

    Rate, decay and volatility are measured from LOBSTER's public sample. phi = gamma sigma^2 / 2 with gamma = 0.5 a
    dollar: each unit held then moves the best quotes by a quarter of 1 / k, a cent, the tick of this market.
    """
    return _nasdaq(sigma=0.0199, rate=0.081, k=23.1, reach=0.15, phi=1e-4, mid=220.0)


def aapl() -> Market:
    """AAPL on NASDAQ, 2012-06-21, as `amzn`."""
    return _nasdaq(sigma=0.0353, rate=0.185, k=18.4, reach=0.2, phi=3e-4, mid=580.0)


def amzn_ergodic() -> Market:
    """The market of `amzn` without an end: the average reward is what counts."""
    return replace(amzn(), clock=Ergodic(horizon=600.0, steps=600))


def _nasdaq(sigma: float, rate: float, k: float, reach: float, phi: float, mid: float) -> Market:
    return Market(
        price=Brownian(sigma=sigma),
        venue=Dealer(flow=Poisson(rate=rate), fill=Exponential(k=k)),
        clock=FiniteHorizon(horizon=600.0, steps=600),
        quote=SpreadAndSkew(max_half_spread=reach, max_skew=reach),
        reward=InventoryPenalty(phi=phi),
        initial_mid=mid,
        max_inventory=20.0,
        inventory_scale=3.0,
    )


def cont_stoikov_talreja() -> Market:
    """The Poisson book of Cont, Stoikov & Talreja 2010 with Sky Perfect's rates, in ticks and minutes: four decisions a minute
    for twenty minutes, an order of one lot on each side."""
    return Market(
        price=FromBook(),
        venue=Book(flow=published.sky_perfect()),
        clock=FiniteHorizon(horizon=20.0, steps=80),
        quote=Touch(),
        reward=InventoryPenalty(phi=0.05),
        initial_mid=1000.0,
        max_inventory=5.0,
        inventory_scale=2.0,
    )


def small_book() -> Market:
    """Sky Perfect's book with two prices a side, three orders a price and a decision at every event: small enough for its exact
    optimum (`agents.exact.small_book`)."""
    venue = Book(flow=replace(published.sky_perfect(), capacity=3.0), levels=2, observed=2)
    clock = EveryEvent(horizon=200.0, steps=200)
    return replace(cont_stoikov_talreja(), venue=venue, clock=clock, max_inventory=2.0)


def small_hawkes() -> Market:
    """`small_book` with two orders a price, whose market orders excite others of their side for a random time, shown in whole
    units: small enough for its exact optimum."""
    venue = Book(flow=published.sky_perfect_excited(), levels=2, observed=2, flow_seen=1)
    return replace(small_book(), venue=venue)


def small_queue_reactive() -> Market:
    """`small_book` with rates that fall and rise with the queues: small enough for its exact optimum."""
    return replace(small_book(), venue=Book(flow=published.sky_perfect_by_queue(), levels=2, observed=2))


def zero_intelligence() -> Market:
    """The book of Smith, Farmer, Gillemot & Krishnamurthy 2003, else as `cont_stoikov_talreja`."""
    return replace(cont_stoikov_talreja(), venue=Book(flow=published.plain()))


def queue_reactive() -> Market:
    """A large-tick book after Huang, Lehalle & Rosenbaum 2015, in ticks and seconds: a decision each second for five minutes,
    three prices on each side of the reference."""
    venue = Book(flow=published.after_huang(), levels=3, warm_up=0.0, flow_memory=10.0)
    clock = FiniteHorizon(horizon=300.0, steps=300)
    return replace(cont_stoikov_talreja(), venue=venue, clock=clock, reward=InventoryPenalty(phi=0.001))


def hawkes() -> Market:
    """A book whose orders bring orders, in ticks and seconds: a decision each second for five minutes."""
    venue = Book(flow=published.excited(), levels=10, warm_up=60.0, flow_memory=10.0)
    clock = FiniteHorizon(horizon=300.0, steps=300)
    return replace(cont_stoikov_talreja(), venue=venue, clock=clock, reward=InventoryPenalty(phi=0.001))


def amzn_book() -> Market:
    """AMZN on NASDAQ, 2012-06-21, as a Poisson order book, in dollars and seconds: a decision each second for five minutes.

    Rates are measured in the first four and a half hours of LOBSTER's public sample; a unit is an order of 100 shares. As in
    a replay, others do not look at our quotes.
    """
    return Market(
        price=FromBook(),
        venue=UnnoticedBook(flow=published.amazon(), levels=60, tick=0.01, warm_up=60.0, flow_memory=10.0),
        clock=FiniteHorizon(horizon=300.0, steps=300),
        quote=SpreadAndSkew(max_half_spread=0.15, max_skew=0.15),
        reward=InventoryPenalty(phi=1e-4),
        initial_mid=223.0,
        max_inventory=20.0,
        inventory_scale=3.0,
    )


def amzn_reactive() -> Market:
    """AMZN on NASDAQ, 2012-06-21, as a queue-reactive Hawkes order book, in dollars and seconds: `amzn_book` with orders that
    look at spread and queues and bring one another, in sizes that were seen; a lot is a share."""
    flow, size = amazon_reactive.flow(), amazon_reactive.sizes()
    venue = UnnoticedBook(flow=flow, size=size, levels=45, tick=0.01, lot=0.01, warm_up=60.0, flow_memory=10.0)
    return replace(amzn_book(), venue=venue)


def channel() -> Market:
    """A channel of capacity 10 through which twice as much would come to us as would go from us: payments of one unit at
    rates 2 exp(-fee) and 1 exp(-fee)."""
    rates = Sides(Poisson(rate=2.0), Poisson(rate=1.0))
    return Market(
        price=Brownian(sigma=0.0),
        venue=Channel(capacity=10.0, initial_balance=5.0, flow=rates, fill=Exponential(k=1.0)),
        clock=FiniteHorizon(horizon=20.0, steps=200),
        quote=Depths(max_depth=4.0),
        max_inventory=5.0,
        inventory_scale=5.0,
    )


def rebalanced_channel() -> Market:
    """A payment channel with payments of one to three units, three times as many to us as from us, that is brought back to a
    balance of 3 when it is asked for, at a cost of 1 and after an exponential time of mean 1; it stays open meanwhile."""
    venue = Channel(
        capacity=10.0,
        initial_balance=5.0,
        flow=Sides(Poisson(rate=3.0), Poisson(rate=1.0)),
        fill=Exponential(k=1.0),
        payments=PaymentSizes((1.0, 2.0, 3.0), (0.6, 0.3, 0.1)),
        rebalancing=ExponentialRebalancing(target_balance=3.0, cost=1.0, mean_time=1.0),
    )
    return replace(channel(), venue=venue, quote=RebalancingQuotes(Depths(max_depth=4.0)))


def pool() -> Market:
    """A provider of 100 in a pool of 5 bp, in days: a mid of 5 % a day that is arbitraged every five minutes, uninformed
    traders who turn over 1.6 of what liquidity is worth a day, and 0.45 for each placing.

    The narrowest range, a hundredth either way, is one tick of a pool's grid of prices. The surprise of the mid is no part
    of the reward in training alone: `reward.noise`.
    """
    return Market(
        price=Geometric(sigma=0.05),
        venue=Pool(fee=0.0005, traders=SteadyTraders(turnover=1.6), gas=0.45),
        clock=FiniteHorizon(horizon=1.0, steps=288),
        quote=RangeGrid((0.01, 0.02, 0.04, 0.08, 0.16, FULL), tolerances=(0.0, 0.01, 0.015, 0.02, 0.03, 0.05, FULL)),
        inventory_scale=1.0,
    )


def pool_fee() -> Market:
    """The designer of a pool like that of `pool`, who owns 100 of it over all prices and sets the fee every five minutes;
    traders come e times less often for each 10 bp of it."""
    venue = Pool(fee=0.0005, traders=SteadyTraders(turnover=1.6, elasticity=1000.0))
    return replace(pool(), venue=venue, quote=DynamicFee(max_fee=0.01, min_fee=0.0001, capital=100.0))


def pool_fee_orders() -> Market:
    """The designer of a pool that is arbitraged every 36 seconds for a quarter of a day, and whose traders' orders move its
    price by 20 bp each, 500 a side and day without a fee and e times less often for each 17 bp of it."""
    venue = Pool(fee=0.002, traders=RandomTraders(rate=500.0, impact=0.002, elasticity=600.0))
    clock, quote = FiniteHorizon(horizon=0.25, steps=600), DynamicFee(max_fee=0.005, min_fee=0.0001, capital=100.0)
    return replace(pool(), venue=venue, clock=clock, quote=quote)


def pool_ladder() -> Market:
    """A provider in the pool of `pool` who holds up to three ranges at once, each placed, sized and moved by itself."""
    quote = Ranges(max_half_width=0.16, min_half_width=0.01, max_centres=(0.02, 0.04, 0.04), capital=100.0)
    return replace(pool(), quote=quote)


MARKETS: dict[str, Callable[[], Market]] = {
    made.__name__: made
    for made in (
        avellaneda_stoikov,
        cartea_jaimungal,
        adverse_selection,
        hedged,
        two_hedges,
        collateral,
        solvency,
        cvar,
        glft,
        heston,
        bates,
        jumps,
        regimes,
        overnight,
        crisis,
        stressed,
        amzn,
        aapl,
        amzn_ergodic,
        cont_stoikov_talreja,
        small_book,
        small_hawkes,
        small_queue_reactive,
        zero_intelligence,
        queue_reactive,
        hawkes,
        amzn_book,
        amzn_reactive,
        channel,
        rebalanced_channel,
        pool,
        pool_fee,
        pool_fee_orders,
        pool_ladder,
    )
}


def known_markets() -> dict[str, Callable[[], Any]]:
    """Name -> what makes it, of every market, desk and competition that has a name."""
    return {**MARKETS, **DESKS, **COMPETITIONS}


def market_named(market: Market | Desk | str) -> Any:
    """The market (or desk) of that name, or the market itself."""
    if isinstance(market, Market | Desk):
        return market
    known = known_markets()
    if isinstance(market, str) and market in known:
        return known[market]()
    close = get_close_matches(str(market), known, n=1)
    hint = f"Did you mean {close[0]!r}?" if close else f"Known are: {', '.join(known)}."
    raise ValueError(f"market must be a Market or the name of one, got {market!r}. {hint}")
