"""A desk: several quoted instruments put together, checked once."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import chain
from typing import Annotated, Any, ClassVar

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from mm_env.clock import Clock, Ergodic
from mm_env.core.component import Component, differs, leaves, record
from mm_env.desk.actions import QUOTES, action_names, columns, depth_ends, outside_places
from mm_env.desk.instrument import Instrument
from mm_env.desk.rules import Clients, DeskRules
from mm_env.desk.state import Flows
from mm_env.price.joint import JointPrices
from mm_env.reward import Reward
from mm_env.venue.venue import Venue
from mm_env.world import Now, World

Floats = NDArray[np.float64]
MOST = 2**20  # instruments: beyond that their noise would be that of others


class Desk(Component):
    """N instruments that one account quotes to clients: trades outside at the mids of t -> requests arrive in [t, t + dt) and
    fill -> the mids move together -> wealth is marked -> reward.

    Of each side of an instrument at most one request comes within a step: of tier k and size z with probability
    flow.probability(share of z, dt), and it is filled with flow.probability(share of z x fill.take(depth), dt). With one tier
    and one size an instrument is `Market`'s dealer, and a desk of one is that market.

    An action is a bid and an ask of each instrument, tier or size, as `quotes` says, each from min_depth at -1 to max_depth at
    +1, and one number more of each instrument that is traded outside. Rewards are those of a `Market`, told of the length of
    the position, sqrt(sum w q^2), in the place of the inventory, and of the variance of a unit of it: `VariancePenalty` charges
    gamma / 2 q' Sigma q dt, `InventoryPenalty` phi sum w q^2 dt.

    Instruments are of the same types, but that some may not be traded outside where others are; how many there are, and all
    of their numbers, are no part of the machine code.

    Raises: TypeError or ValueError that names the parameter, the rule and the value.
    """

    has_options: ClassVar[bool] = False  # its mids are marks of options on the first of its instruments

    instruments: Annotated[tuple[Instrument, ...], "rows of a table"]
    prices: JointPrices
    clock: Clock
    reward: Reward
    quotes: str = "instrument"
    numbers: Annotated[
        tuple[int, ...], "rows of a table"
    ] = ()  # by which instruments draw their noise: 0, 1, ... if not given

    def __post_init__(self) -> None:
        super().__post_init__()
        given = self.instruments if isinstance(self.instruments, list | tuple) else (self.instruments,)
        if not given or not all(isinstance(one, Instrument) for one in given):
            raise TypeError(f"Desk.instruments must be a list of Instrument, at least one, got {self.instruments!r}")
        object.__setattr__(self, "instruments", tuple(given))
        object.__setattr__(self, "numbers", tuple(self.numbers) or tuple(range(len(given))))
        if self.quotes not in QUOTES:
            raise ValueError(f"Desk.quotes must be one of {', '.join(QUOTES)}, got {self.quotes!r}")
        self._check_instruments()
        self._check_parts()
        self._check_requests()

    def _check_instruments(self) -> None:
        names = [instrument.name for instrument in self.instruments]
        if len(set(names)) < len(names):
            raise ValueError(f"Desk.instruments must have names of their own, got {names}")
        if self.prices.has_marks != self.has_options:
            raise ValueError(
                f"OptionPrices and OptionsDesk need each other, got {type(self.prices).__name__} in a {type(self).__name__}"
            )
        if self.prices.size != len(names):
            raise ValueError(f"Desk.prices must be of {len(names)} instruments, got {self.prices.size}")
        if len(set(self.numbers)) != len(names) or not all(0 <= number < MOST for number in self.numbers):
            raise ValueError(f"Desk.numbers must be a number >= 0 of its own for each of {names}, got {self.numbers}")
        first = self.alike[0]
        tier = next((one.tiers[0] for one in self.instruments if one.tiers), None)
        if tier is None:
            raise ValueError("a desk needs an instrument that has clients, got none with tiers")
        for one in self.alike:
            for kind, part, like in [("instruments", one, first), *(("tiers", t, tier) for t in one.tiers)]:
                if _types(part) != _types(like):
                    raise TypeError(f"a desk's {kind} must be of the same types, got {part} beside {like}")

    def _check_requests(self) -> None:
        for instrument in self.instruments:
            for side in ("bid", "ask"):
                shares = [
                    (getattr(instrument.tiers[int(tier)].flow, side), share) for tier, _, share in instrument.requests
                ]
                likely = sum(self._chance(flow, share, self.clock.step_length) for flow, share in shares)
                if likely > 1.0 + 1e-9:
                    raise ValueError(
                        f"a desk sees at most one request a side and step: the probabilities of {instrument.name}'s must "
                        f"sum to at most 1, got {likely:g}: make steps shorter"
                    )

    def _check_parts(self) -> None:
        if self.clock.needs_book:
            raise ValueError(f"{type(self.clock).__name__} needs an order book, which a desk is not")
        if self.reward.watches:
            raise ValueError(f"a desk's reward must watch nothing, got {self.reward}")
        if self.has_options and getattr(self.reward, "noise", 1.0) != 1.0:
            raise ValueError(
                f"reward.noise must be 1 in a desk of options, whose marks say no mean move, got {self.reward}"
            )
        if self.prices.cross_impact is not None and not self.trades_outside:
            raise ValueError("CrossImpact needs instruments that are traded outside, got NoOutside")
        for instrument in self.instruments:
            for tier in instrument.tiers:
                tier.check(self)
            if type(instrument.outside).needs_options and not self.has_options:
                raise ValueError(
                    f"{type(instrument.outside).__name__} needs an OptionsDesk, got a desk of other instruments"
                )
        self._check_shared()

    def _check_shared(self) -> None:
        """Refuse parameters that differ by lane."""
        for part in (self.clock, self.reward):
            for leaf in leaves(part):
                if differs(leaf.value):
                    raise TypeError(
                        f"{type(part).__name__}.{leaf.path} must be the same in all lanes, got {leaf.value!r}"
                    )

    @property
    def lanes_a_world(self) -> int:
        """How many lanes of a simulation share one price and one noise."""
        return 1

    @property
    def rules(self) -> DeskRules:
        """What its kernel is given."""
        return DeskRules(*self._rules_shared)

    @property
    def _rules_shared(self) -> tuple[Any, ...]:
        tier = next(one.tiers[0] for one in self.instruments if one.tiers)
        return self.clock, self.reward, self.alike[0], tier, self.risk_scale

    @property
    def alike(self) -> tuple[Instrument, ...]:
        """The instruments, as if those that are traded with clients alone were traded outside as the others are."""
        outside = next((one.outside for one in self.instruments if type(one.outside).width), None)
        if outside is None:
            return self.instruments
        return tuple(one if type(one.outside).width else replace(one, outside=outside) for one in self.instruments)

    def alone(self, maker: int = 0) -> Desk:
        """The desk that one of its makers would have by itself."""
        return self

    def instruments_of(self, maker: int) -> tuple[Instrument, ...]:
        """The instruments that the kernel reads of maker 0, the only one."""
        return self.alike

    @property
    def risk_scale(self) -> float:
        """The risk that is observed as 1: of all limits at once, were the instruments independent; price / sqrt(time)."""
        limits = np.array([instrument.max_inventory for instrument in self.instruments])
        return math.sqrt(limits**2 @ self.prices.covariance_matrix.diagonal()) or 1.0

    @property
    def _largest_risk(self) -> float:
        """Of all limits at once, did the instruments move as one; price / sqrt(time)."""
        limits = np.array([instrument.max_inventory for instrument in self.instruments])
        return float(limits @ np.sqrt(self.prices.covariance_matrix.diagonal()))

    @property
    def trades_outside(self) -> bool:
        """Whether instruments are traded with others than clients."""
        return bool(self.outside_places)

    @property
    def outside_places(self) -> list[int]:
        """The places of the instruments that are."""
        return outside_places(self.instruments)

    @property
    def columns(self) -> list[list[int]]:
        """Of each instrument, the place in the action of the bid of each of its kinds of requests; its ask's is the next."""
        return columns(self.instruments, self.quotes)

    @property
    def width(self) -> int:
        """How many numbers make one action: bids and asks, and one a trade outside."""
        return max(chain(*self.columns)) + 2 + len(self.outside_places)

    @property
    def action_names(self) -> tuple[str, ...]:
        """What each number of an action sets: "bid_NAME", with "_tier_K" and "_size_Z" where these are quoted by themselves."""
        return action_names(self.instruments, self.quotes)

    @property
    def action_space(self) -> gym.spaces.Box:
        """The space of one lane's action."""
        return gym.spaces.Box(-1.0, 1.0, (self.width,), np.float32)

    @property
    def observation_names(self) -> tuple[str, ...]:
        """What the agent sees, in order."""
        time = () if isinstance(self.clock, Ergodic) else ("time_left",)
        inventories, rates = ([f"{what}_{one.name}" for one in self.instruments] for what in ("inventory", "jump_rate"))
        volatility = () if self.prices.variance_factor is None else ("volatility",)
        return (*inventories, *time, "risk", *volatility, *(rates if self.prices.excitation is not None else ()))

    @property
    def observation_space(self) -> gym.spaces.Box:
        """One lane's observation: inventories / max_inventory, the share of time left, the standard deviation of the position's
        moves / `risk_scale`, and what the prices show."""
        steady = self.prices.variance_factor is None and self.prices.excitation is None
        risk = self._largest_risk / self.risk_scale if steady else np.inf
        bounds = dict.fromkeys(self.observation_names, (0.0, np.inf))
        bounds |= {f"inventory_{one.name}": (-1.0, 1.0) for one in self.instruments}
        bounds |= {"time_left": (0.0, 1.0), "risk": (0.0, risk)}
        low, high = zip(*(bounds[name] for name in self.observation_names), strict=True)
        return gym.spaces.Box(np.array(low, np.float32), np.array(high, np.float32), dtype=np.float32)

    @property
    def venue(self) -> Venue:
        """Where it trades."""
        return Clients()

    @property
    def quote(self) -> str:
        """What has a bid and an ask of its own: two desks of the same have the same actions."""
        return self.quotes

    @property
    def may_close(self) -> bool:
        """Whether accounts may be closed before the last step: a desk's never are."""
        return False

    def streams(self, instrument: int) -> tuple[Flows, Flows]:
        """The requests of the bid and of the ask of an instrument, by its place, as arrays; their rates are the flows' own."""
        one = self.instruments[instrument]
        tier, size, share = one.requests.T
        rates = [np.array([self._rate(getattr(t.flow, side)) for t in one.tiers]) for side in ("bid", "ask")]
        bid, ask = (Flows(tier.astype(int), size, share, rate[tier.astype(int)] * share) for rate in rates)
        return bid, ask

    def _rate(self, flow: Any) -> float:
        """Requests / time: what the flow says, else as an episode begins, in a time so short that there is one at most."""
        return float(flow.rate) if hasattr(flow, "rate") else self._chance(flow, 1.0, 1e-9) / 1e-9

    def _chance(self, flow: Any, share: float, dt: float) -> float:
        """P(a request of a flow's share comes within dt) when an episode begins."""
        opening = Now(0.0, self.clock.horizon, 0.0, World((), (), (), (), ()), ())
        return record(flow).probability(share, dt, opening, ())

    def depths(self, actions: Floats) -> Floats:
        """The depths (..., quotes, 2) that actions (..., width) quote, bid and ask, price units from the mid."""
        low, high = depth_ends(self.instruments, self.quotes)
        quoted = np.clip(actions[..., : low.size], -1.0, 1.0)
        return (low + 0.5 * (quoted + 1.0) * (high - low)).reshape(*actions.shape[:-1], -1, 2)

    def encode(self, depths: Floats) -> Floats:
        """The numbers of an action (..., 2 quotes) that quote `depths` (..., quotes, 2), or the nearest that can be quoted."""
        low, high = depth_ends(self.instruments, self.quotes)
        return np.clip(2.0 * (depths.reshape(*depths.shape[:-2], -1) - low) / (high - low) - 1.0, -1.0, 1.0)


def _types(part: Component) -> Any:
    """What the machine code of a part depends on: the class of each component in it."""
    return _shape(record(part))


def _shape(values: Any) -> Any:
    return (type(values), *map(_shape, values)) if isinstance(values, tuple) else float
