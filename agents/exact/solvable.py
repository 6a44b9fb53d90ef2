"""Whether a market has an exact recursion: its parts are asked what they state, and no list of classes is kept."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np

from agents.exact.choices import sends_market_orders, trial_actions
from agents.exact.hedge_lots import check_hedges
from agents.exact.nodes import Unsolvable
from agents.exact.now_read import check_price, margin_read, parts_read
from agents.exact.objectives import aversion, check_reward, is_utility
from agents.exact.price_grid import Axis, axis_of
from agents.exact.reader import Reader
from agents.exact.room import levels_of, require_room
from agents.exact.stated import check_rules
from agents.exact.stated_venue import check_outcomes
from agents.exact.timed import changes_with_time, check_mid, key_of
from agents.exact.wealth_grid import is_terminal, wealth_of
from mm_env.clock import Ergodic
from mm_env.core.component import differs, flat, leaves, overridden, record, rules
from mm_env.margin import Standing
from mm_env.market import Market
from mm_env.quote import MarketOrders
from mm_env.venue.dealer.dealer import Dealer
from mm_env.venue.dealer.impact import NoImpact
from mm_env.venue.venue import Venue
from mm_env.world import Now

_TRIED = 16  # actions
_solvable: set[Any] = set()


def check_solvable(market: Market, wealth: bool = False, hedged: bool = False) -> None:
    """Refuse a market that has no recursion over time, inventory and the states of its price and its venue; with `wealth`, over
    the account's wealth too; with `hedged`, over the position in a hedge.

    Raises: Unsolvable, saying which part of the market stands in the way.
    """
    if market.financing.names:
        raise Unsolvable(
            f"financing: this solver has no recursion over a loan beside the inventory, got {market.financing}"
        )
    for leaf in leaves(market):
        if differs(leaf.value) and leaf.path != "initial_inventory":
            raise Unsolvable(f"{leaf.path} differs by lane: {leaf.value}")
    require_room(market, "an exact solution", 16.0 * levels_of(market), steps=False)
    if (key := (key_of(market), wealth, hedged)) in _solvable:
        return
    _check_parts(market)
    if hedged:
        check_hedges(market)
    elif market.hedges.names:
        raise Unsolvable(
            f"hedges: this solver has no recursion over positions beside the inventory, got {market.hedges}"
        )
    if wealth:
        _check_wealth(market)
    elif why := _wealthy(market):
        raise Unsolvable(why)
    check_price(market)
    if not (wealth and is_terminal(market)):
        check_reward(market)
    check_rules(market)
    axis = axis_of(market, 3)
    if is_utility(market) and isinstance(market.clock, Ergodic):
        raise Unsolvable("clock: CARA utility is of the wealth at the end, and an ergodic market has none")
    _check_tails(market, axis)
    _check_impact(market, axis)
    _check_present(market, axis)
    check_outcomes(market, axis)
    _solvable.add(key)


def _check_parts(market: Market) -> None:
    """Refuse parts that have more states than a recursion holds, or do not say what may come of a quote."""
    venue, kind, state = market.venue, type(market.venue), record(market).begin(0.0, 0.0)
    if venue.unsolvable:
        raise Unsolvable(f"venue: {venue.unsolvable}")
    if rules(kind)["transitions"] is rules(Venue)["transitions"]:
        raise Unsolvable(f"venue: {kind.__name__} needs a rule `transitions`, all that may come of a quote")
    if later := overridden(kind, "transitions", "deal", "trade", "mid_after", "elapsed"):
        raise Unsolvable(
            f"venue: {later} is not what the inherited `transitions` states (give {kind.__name__} its own)"
        )
    if list(flat(state.world.flow)):
        raise Unsolvable("venue: its flow has a state, over which there is no exact recursion")
    states = venue.states()
    if list(flat(state.world.venue)) and not states:
        raise Unsolvable(
            f"venue: {kind.__name__} has a state, over which there is no exact recursion without its `states`"
        )
    numbers = [record(venue).place(one) for one in states]
    if numbers != list(range(len(states))) or (states and state.world.venue not in states):
        raise Unsolvable(
            f"venue: {kind.__name__}.place must number its states 0, 1, ..., that of the start among them, got {numbers}"
        )


def _wealthy(market: Market) -> str:
    """Why the wealth of the account decides in a market; "" where it does not."""
    named: dict[str, Any] = {"margin": market.margin, "limits": market.limits, "reward": market.reward}
    if market.may_close or market.watched:
        watching = [name for name, part in named.items() if part.watches] or ["margin"]
        return f"{watching[0]}: wealth decides here, over which this solver has no recursion: {named[watching[0]]}"
    return ""


def _check_wealth(market: Market) -> None:
    """Refuse what the recursion over wealth does not hold."""
    if isinstance(market.clock, Ergodic):
        raise Unsolvable("clock: the recursion over wealth is of a finite horizon, and an ergodic market has none")
    if isinstance(market.quote, MarketOrders) or sends_market_orders(market):
        raise Unsolvable("quote: market orders are not searched where the wealth decides")
    if beyond := margin_read(market) - {"profit", "peak", "mid"}:
        raise Unsolvable(
            f"margin: it reads the {min(beyond)}, and the recursion over wealth holds profit and inventory: {market.margin}"
        )
    for part, named in (("margin", market.margin), ("limits", market.limits)):
        if moved := _judges_by(market, part):
            raise Unsolvable(
                f"{part}: the {moved} decides too, and the recursion over wealth holds the {wealth_of(market)} and the "
                f"inventory: {named}"
            )
    if market.may_close and list(flat(record(market.margin).start())) != [1.0]:
        raise Unsolvable(
            f"margin: it has a state of its own beside `alive`, over which there is no recursion: {market.margin}"
        )


def _judges_by(market: Market, part: str) -> str:
    """What margin or limits change with beside the inventory and the wealth that the recursion holds: tried; "" if nothing."""
    held_apart = {
        "profit": ("peak", 0.0, 1.0),
        "drawdown": ("profit", 1.0, 1.0),
    }  # what may move, by how much with the peak
    name, profit_moves, peak_moves = held_apart[wealth_of(market)]
    model = record(market)
    now = model.opening()

    def judged(standing: Standing) -> tuple[float, ...]:
        return _judged(model, now, part, standing)

    for scale in 10.0 ** np.arange(-3.0, 7.0):
        for profit, held in product((-3.0 * scale, -scale, 0.0, scale), (market.max_inventory, market.order_size)):
            here = Standing(float(profit), max(float(profit), 0.0), 0.0, float(held))
            said = judged(here)
            if any(judged(here._replace(exposure=exposure)) != said for exposure in (1.0, 1e4, 1e9)):
                return "exposure, and so the mid,"
            for by in (0.5 * scale, 3.0 * scale):
                moved = here._replace(profit=here.profit + profit_moves * by, peak=here.peak + peak_moves * by)
                if judged(moved) != said:
                    return name
    return ""


def _judged(model: Any, now: Now, part: str, standing: Standing) -> tuple[float, ...]:
    """What margin or limits make of a standing."""
    if part == "limits":
        most, limits = model.max_inventory, model.limits
        held = limits.longest(most, standing, now), limits.shortest(most, standing, now)
        return *held, limits.least_depth(standing, now)
    if not model.margin.may_close():
        return ()
    return model.margin.holds(standing, now), model.margin.closing_cost(standing, standing.held, now)


def _check_tails(market: Market, axis: Axis) -> None:
    """Refuse a utility that has no mean, as that of large positions whose price jumps by exponentials."""
    power, gamma = min(law.largest_power for law in axis.law.axes), aversion(market)
    if gamma * market.max_inventory >= power:
        raise Unsolvable(
            f"price: utility has no mean where gamma x inventory is {power:g} or more, got {gamma:g} x {market.max_inventory:g}"
        )


def _check_impact(market: Market, axis: Axis) -> None:
    """Refuse an impact that does not say its moments, or whose jumps a recursion does not hold."""
    if isinstance(market.venue, Dealer):
        sides: Any = (market.venue.impact.bid, market.venue.impact.ask)  # pyright: ignore[reportAttributeAccessIssue]
        for side in sides:
            if (later := overridden(type(side), "moments", "jump", "jump_at")) or not _says_moments(side):
                what = later or f"{type(side).__name__}.jump"
                raise Unsolvable(
                    f"impact has no exact recursion under this reward: {side}: `moments` must say mean and variance of {what}"
                )
        if all(rules(type(side))["moments"] is rules(NoImpact)["moments"] for side in sides):
            return
    if not (is_utility(market) or _follows_mid(axis)):
        return
    cells = len(axis.held)
    for action in trial_actions(market, _TRIED):
        found = Reader(market, axis)(np.broadcast_to(action, (1, 1, cells, len(action))), np.zeros(1))
        if _follows_mid(axis) and (found.jump.any() or found.jump_variance.any()):
            raise Unsolvable("impact: orders that move the mid move the state of the price that the optimum depends on")
        if is_utility(market) and found.jump_variance.any():
            impact = getattr(market.venue, "impact", market.venue)
            raise Unsolvable(
                f"impact has no exact recursion under this reward: {getattr(impact, 'bid', impact)}: utility wants more than "
                "mean and variance of a jump, unless it is certain"
            )


def _says_moments(side: Any) -> bool:
    given = rules(type(side))["moments"]
    return given.__qualname__ != "Impact.moments"


def _check_present(market: Market, axis: Axis) -> None:
    """Refuse rules that read what is no state of the recursion."""
    check_mid(market, axis)
    read = parts_read(market)
    if isinstance(market.clock, Ergodic):
        if axis.timed:
            raise Unsolvable(
                "price: its law changes with the time, and the average reward is of a market that does not"
            )
        timed = [path for path, fields in read.items() if fields & {"time", "time_left"}]
        if timed and (timed == ["reward"] or changes_with_time(market, axis)):
            raise Unsolvable(
                f"{timed[0]}: it changes with the time, and the average reward is of a market that does not"
            )
    unwatched = {"profit": "profit", "peak": "drawdown"}
    of_limits = [fields for path, fields in read.items() if path.split(".")[0] == "limits"]
    for field in {"profit", "peak"} & frozenset().union(*of_limits):
        if not market.watched:
            raise Unsolvable(
                f"limits: they depend on the {field}, so let {type(market.limits).__name__}.watches have {unwatched[field]!r}"
            )
    if list(flat(record(market).price.start())) and not _says_states(axis, market):
        for path, fields in read.items():
            if "world" in fields:
                raise Unsolvable(
                    f"{path}: it depends on the states of other parts, which {type(market.price).__name__}.law does not give"
                )


def _follows_mid(axis: Axis) -> bool:
    return any(law.follows_mid for law in axis.law.axes)


def _says_states(axis: Axis, market: Market) -> bool:
    """Whether the laws say every number of the price's state at each node."""
    numbers = len(list(flat(record(market).price.start())))
    said = [~np.isnan(law.states[:, 1:]).any(axis=0) for law in axis.law.axes if law.states is not None]
    return bool(said) and bool(np.any([part for part in said if len(part) == numbers], axis=0).all())
