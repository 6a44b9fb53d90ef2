"""Which order books are small enough, and plain enough, for their exact optimum."""

from __future__ import annotations

from typing import Any

from agents.exact.book_states import longest_queue
from agents.exact.price_grid import Unsolvable
from agents.exact.stated import check_market
from mm_env.clock import EveryEvent
from mm_env.core.component import differs, leaves
from mm_env.market import Market
from mm_env.portfolio import Fees
from mm_env.quote import Touch
from mm_env.reward import InventoryPenalty
from mm_env.venue.order_book.book import Book
from mm_env.venue.order_book.ephemeral import EphemerallySelfExciting
from mm_env.venue.order_book.poisson import ContStoikovTalreja, ZeroIntelligence
from mm_env.venue.order_book.queue_reactive import QueueDependent
from mm_env.venue.order_book.size import UnitSize

FLOWS = (ContStoikovTalreja, ZeroIntelligence, EphemerallySelfExciting, QueueDependent)


def check_small(market: Market) -> None:
    """Refuse a market that is no small book with a decision at each event, whose whole state is seen."""
    check_market(market)
    venue: Any = market.venue
    if market.lanes_a_world > 1:
        raise Unsolvable(f"venue: {venue.unsolvable}")
    reasons = {
        f"its flow is none of {', '.join(flow.__name__ for flow in FLOWS)}, whose states are known": _known(venue),
        "its flow has no finite capacity, so that queues may grow without end": _known(venue)
        and longest_queue(market) <= 9,
        "others do not look at our quotes": type(venue) is Book,
        "the flow's own state is not seen (venue.flow_seen: 1)": venue.flow_seen or not venue.flow.signals,
        "decisions are not at every event (clock: every_event)": type(market.clock) is EveryEvent,
        "orders are not one lot each": type(venue.size) is UnitSize and market.order_size == venue.lot,
        "decisions take effect late": venue.latency == 0.0,
        "actions are no choices at the touch (quote: touch)": type(market.quote) is Touch,
        "the reward is not wealth less inventory penalties": type(market.reward) is InventoryPenalty,
        "fees depend on the price": type(market.fees) is Fees,
        "not all of its queues are seen (venue.observed = venue.levels)": venue.observed == venue.levels,
        "parameters differ by lane": not any(differs(leaf.value) for leaf in leaves(market)),
        "it starts with an inventory": market.initial_inventory == 0.0,
        f"wealth decides (margin: {market.margin})": not market.may_close,
        f"positions are held beside the inventory (hedges: {market.hedges})": not market.hedges.names,
    }
    for reason, holds in reasons.items():
        if not holds:
            raise Unsolvable(f"in this order book {reason}")


def _known(venue: Any) -> bool:
    return type(venue.flow) in FLOWS
