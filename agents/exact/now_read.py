"""What of the present the rules of a market's parts read: told from their code, so that what cannot matter is not computed."""

from __future__ import annotations

import dis
from collections.abc import Callable
from functools import cache
from itertools import takewhile
from typing import Any

from agents.exact.nodes import Unsolvable
from mm_env.core.component import flat, parts, record, rules, stated_arguments
from mm_env.limits import Limits
from mm_env.margin import Margin
from mm_env.margins import Margins
from mm_env.market import Market
from mm_env.price.models import Price
from mm_env.price.regimes import RegimeSwitching
from mm_env.price.with_jumps import WithJumps, WithRelativeJumps
from mm_env.quote import MarketOrders
from mm_env.reward import Reward
from mm_env.risk_limits import ReduceOnly, Tightest
from mm_env.venue.channel.channel import Channel
from mm_env.venue.channel.quoting import RebalancingQuotes
from mm_env.venue.dealer.by_regime import RegimeFill, RegimeFlow, RegimeImpact
from mm_env.venue.dealer.dealer import Dealer
from mm_env.venue.dealer.flows_in_time import SeasonalFlow, VolatilityFlow
from mm_env.venue.dealer.impact import Impact
from mm_env.venue.venue import Venue

ALL = frozenset({"time", "time_left", "mid", "world"})
_STANDING = {  # what a field of `Standing` depends on beside the inventory
    "profit": frozenset({"profit"}),
    "peak": frozenset({"profit", "peak"}),
    "exposure": frozenset({"mid"}),
    "held": frozenset[str](),
}
_TELLS = {  # what an argument of that name may tell
    "now": ALL,
    "price": frozenset({"mid"}),
    "standing": frozenset[str]().union(*_STANDING.values()),
}
_OF_VENUE = {"state": ALL, **_TELLS}
_TIME = frozenset({"time", "time_left"})
_OF_STATE = {"step": _TIME, "mid": frozenset({"mid"}), "world": frozenset({"world"}), "episode": ALL, "tally": ALL}
_SCALED = (RegimeFlow, RegimeFill, RegimeImpact, SeasonalFlow, VolatilityFlow)  # only their `factor` reads it
_AROUND = (WithJumps, WithRelativeJumps, RegimeSwitching)  # the variance of the price within is handed on
_HAND_ON = {  # rules of this package that hand on what they are told, and read none of it themselves
    function
    for kind in (
        Venue,
        Dealer,
        Channel,
        MarketOrders,
        RebalancingQuotes,
        Impact,
        Reward,
        Limits,
        Tightest,
        ReduceOnly,
        Margin,
        Margins,
        *_SCALED,
        *_AROUND,
    )
    for name, function in rules(kind).items()
    if function.__module__.split(".")[0] == "mm_env" and name != "factor"
}


def parts_read(market: Market) -> dict[str, frozenset[str]]:
    """Path of each part whose rules read something of `Now` -> what they read, of what a quote and a penalty depend on."""
    found: dict[str, frozenset[str]] = {}
    for name in ("quote", "fees", "venue", "reward", "limits"):
        for path, part in parts(getattr(market, name), name):
            kind, of_venue = type(part), isinstance(part, Venue)
            known = [(rule, f) for rule, f in rules(kind).items() if (name, rule) != ("reward", "reward")]
            read = [fields_read(f, stated_arguments(kind, rule), of_venue) for rule, f in known if f not in _HAND_ON]
            if told := frozenset().union(*read):
                found[path] = told
    if type(market.reward).reads_variance and (told := _of_variance(market)):
        found["reward"] = found.get("reward", frozenset()) | told
    return found


def margin_read(market: Market) -> frozenset[str]:
    """What of the present and of the account's standing its margin reads, to hold or to close it."""
    kinds = [type(part) for _, part in parts(market.margin)] if market.may_close else []
    read = [fields_read(rules(kind)[name], stated_arguments(kind, name)) for kind in kinds for name in ("holds", "closing_cost")
            if name in rules(kind) and rules(kind)[name] not in _HAND_ON]  # fmt: skip
    return frozenset[str]().union(*read)


def _of_variance(market: Market) -> frozenset[str]:
    """What of the present the variance of the mid's move depends on."""
    kinds = [type(part) for _, part in parts(market.price) if isinstance(part, Price)]
    own = [kind for kind in kinds if rules(kind)["variance"] not in _HAND_ON]
    read = [fields_read(rules(kind)["variance"], stated_arguments(kind, "variance")) for kind in own]
    state = {"world"} if list(flat(record(market).price.start())) else set()
    return frozenset().union(*read, state)


def check_price(market: Market) -> None:
    """Refuse a price whose moves depend on other parts, or without a `law_at` of its own on the time.

    Raises: Unsolvable, naming the rule.
    """
    for path, part in parts(market.price, "price"):
        kind: Any = type(part)
        if not isinstance(part, Price) or kind.__module__.split(".")[0] == "mm_env":
            continue
        known = {"mid"} if kind.law_at is Price.law_at else {"mid", "time", "time_left"}
        for rule in ("move", "evolve", "observe"):
            if beyond := fields_read(rules(kind)[rule], stated_arguments(kind, rule)) - known:
                raise Unsolvable(
                    f"{path}: {kind.__name__}.{rule} reads now.{min(beyond)}, and a law is of moves that depend on the mid and "
                    "the price's own state alone"
                )


@cache
def fields_read(function: Callable[..., Any], stated: tuple[str, ...], of_venue: bool = False) -> frozenset[str]:
    """The fields of `Now` that a rule may read: those it names, or all of them where it hands `now` on; "venue" instead of
    "world" where that is all it reads of the world. `stated` are the names that its arguments have where the rule is stated:
    the rule itself may call them otherwise."""
    code, tells = function.__code__, _OF_VENUE if of_venue else _TELLS
    mine = code.co_varnames[: code.co_argcount]
    told = {name: tells[known] for name, known in zip(mine, stated or mine, strict=False) if known in tells}
    steps, found = list(dis.get_instructions(code)), frozenset[str]()
    for i, step in enumerate(steps):
        loaded = step.argval if isinstance(step.argval, tuple) else (step.argval,)
        if step.opname.startswith(("LOAD", "COPY_FREE", "MAKE_CELL")):
            for place, name in enumerate(loaded):
                if name in told:
                    named = _attributes(steps[i + 1 :]) if place == len(loaded) - 1 and name != "price" else []
                    found |= _fields(name, named) if named else told[name]
    return found


def _attributes(steps: list[dis.Instruction]) -> list[str]:
    """The attributes of what was just loaded that come next, one of the other: ["world", "venue"] of `now.world.venue`."""
    return [step.argval for step in takewhile(lambda step: step.opname == "LOAD_ATTR", steps[:2])]


def _fields(name: str, named: list[str]) -> frozenset[str]:
    if name == "standing":
        return _STANDING.get(named[0], _TELLS["standing"])
    if named == ["world", "venue"]:
        return frozenset({"venue"})
    return frozenset({named[0]}) & ALL if name == "now" else _OF_STATE.get(named[0], frozenset())
