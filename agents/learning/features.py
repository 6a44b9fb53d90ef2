"""The log time-to-go feature of a net: the time left on a scale where the last steps are far apart.

Near the end each step changes the best quotes more than all that came before. Of steps_left / steps the net sees the last
tenth as a tenth; of

    log time-to-go = 1 - 2 ln(1 + steps left) / ln(1 + steps),    from -1 at the start to 1 at the end,

it sees the last step as far from the tenth-last as that is from the middle. So it sees the time to a scheduled gap.
"""

from __future__ import annotations

from typing import Any

from agents.exact.book_states import counted
from mm_env.market import Market
from mm_env.nets import LogTimeToGo, OneHot

__all__ = ["TIME", "TIMES", "LogTimeToGo", "OneHot", "with_log_time_to_go", "with_one_hot"]

TIME = "time_left"
TIMES = (TIME, "time_to_gap")  # shares of the horizon


def with_log_time_to_go(market: Market, policy_kwargs: dict[str, Any]) -> dict[str, Any]:
    """`policy_kwargs` with the extractor added, if the market shows a time left and no other extractor is asked for."""
    if TIME not in market.observation_names:
        return policy_kwargs
    places = [market.observation_names.index(name) for name in TIMES if name in market.observation_names]
    told = {"place": places if len(places) > 1 else places[0], "steps": market.clock.steps}
    return {"features_extractor_class": LogTimeToGo, "features_extractor_kwargs": told, **policy_kwargs}


def with_one_hot(market: Market, policy_kwargs: dict[str, Any]) -> dict[str, Any]:
    """`policy_kwargs` with the extractor added that shows a book's whole numbers one-hot, and all else but its order flow.

    An order flow says nothing where others' orders come without memory; a net that does not see it is a table over the states
    of a small book, whose skill is exact. Raises: ValueError where the market is no order book.
    """
    names = list(market.observation_names)
    whole = {name: told for name, told in counted(market).items() if name in names}
    passed = [i for i, name in enumerate(names) if name not in (*whole, TIME, "order_flow")]
    units, low, high = zip(*whole.values(), strict=True)
    told = {
        "places": [names.index(name) for name in whole],
        "units": list(units),
        "low": list(low),
        "high": list(high),
        "passed": passed,
        "time": names.index(TIME) if TIME in names else None,
        "steps": market.clock.steps,
    }
    return {"features_extractor_class": OneHot, "features_extractor_kwargs": told, **policy_kwargs}
