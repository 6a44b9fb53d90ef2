"""A desk of options on one underlying: what it quotes, hedges by, and shows."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import ClassVar

import gymnasium as gym
import numpy as np

from mm_env.clock import Ergodic
from mm_env.core.parameters import Positive
from mm_env.desk.desk import Desk
from mm_env.desk.options.rules import OptionRules
from mm_env.options.contract import EUROPEAN
from mm_env.options.joint import OptionPrices

_NO_LIMIT = 1e300
_BOOK = ("delta", "gamma", "vega", "spot")
_SOON = 1e-6  # of a step


class OptionsDesk(Desk):
    """A `Desk` of an underlying, its first instrument, and of options on it, which `OptionPrices` marks.

    In a step requests arrive in [t, t + dt) and fill at depths from the marks of t -> what the action says is traded outside,
    at the mids of t and told of the fills -> spot and variance move, and all marks with them -> options that have expired
    are paid for in cash -> wealth is marked. An expired option is quoted no more. An underlying without tiers has no clients.

    A side of an option is off where the trade would carry the book's vega (the sum of units x vega, by the volatility) beyond
    `vega_limit`; instruments are asked for one after the other. The agent also sees the book's delta, gamma and vega, each in
    units of that of a trade in every option, were they independent, the spot's logarithm in standard deviations of an
    episode's move, a volatility that moves, and how far the spot is off each lookback's extreme. `risk` is that of the book by
    its delta and vega as they stand. What options are `initial_mid` is their mark.

    Raises: TypeError or ValueError that names the parameter, the rule and the value.
    """

    has_options: ClassVar[bool] = True

    vega_limit: Positive = _NO_LIMIT  # money sqrt(time)

    def __post_init__(self) -> None:
        if isinstance(self.prices, OptionPrices) and self.prices.size == len(tuple(self.instruments)):
            mids = (self.prices.spot, *(float(one.price) for one in self.prices.opening))
            marked = tuple(replace(one, initial_mid=mid) for one, mid in zip(self.instruments, mids, strict=True))
            object.__setattr__(self, "instruments", marked)
        super().__post_init__()
        self._check_expiries()
        self._check_hedges()

    def _check_expiries(self) -> None:
        for one in self.options.options:
            steps = one.expiry / self.clock.step_length
            if steps < self.clock.steps * (1.0 - _SOON) and abs(steps - round(steps)) > _SOON * max(steps, 1.0):
                raise ValueError(
                    f"an option that expires before the horizon must do so after a whole number of steps, got {one.name} after "
                    f"{steps:.6g}"
                )
            dates = one.watched_every / self.clock.step_length
            if abs(dates - round(dates)) > _SOON * max(dates, 1.0):
                raise ValueError(
                    f"a lookback must be watched every whole number of steps, got {one.name} every {dates:.6g} steps"
                )
            if one.kind != EUROPEAN and self.options.vol > 0.0:
                raise ValueError(
                    f"lookbacks need an underlying of a constant volatility, got {one.name} beside {self.options.underlying}"
                )
        check = getattr(self.options.underlying, "check", None)
        if check is not None:
            check(self)

    def _check_hedges(self) -> None:
        for one in self.instruments[1:]:
            if getattr(one.outside, "impact", 0.0) > 0.0:
                raise ValueError(f"trades in options must move no mid (impact 0), got {one.outside} of {one.name}")
            if type(one.outside).needs_options:
                raise ValueError(f"{type(one.outside).__name__} is of the underlying alone, got one of {one.name}")

    @property
    def options(self) -> OptionPrices:
        """Its prices."""
        return self.prices  # pyright: ignore[reportReturnType]

    @property
    def rules(self) -> OptionRules:
        """What its kernel is given."""
        prices, scales = self.options, self.scales
        return OptionRules(
            *self._rules_shared, underlying=prices.underlying, marks=prices.marks, spot=prices.spot, square=prices.variance,
            vol=prices.vol, rho=prices.rho, vega_limit=self.vega_limit, delta_scale=scales[0], gamma_scale=scales[1],
            vega_scale=scales[2], move_scale=self.move_scale,
        )  # fmt: skip

    @property
    def scales(self) -> tuple[float, float, float]:
        """Delta, gamma and vega of a trade in each option, the largest, were they independent: what is observed as 1."""
        greeks = np.array([one[1:] for one in self.options.opening])
        delta, gamma, vega = np.sqrt((self._largest_trades[:, None] ** 2 * greeks**2).sum(axis=0)).tolist()
        return delta or 1.0, gamma or 1.0, vega or 1.0

    @property
    def _largest_trades(self) -> np.ndarray:
        """Of each option, units."""
        return np.array([max(one.sizes) for one in self.instruments[1:]])

    @property
    def move_scale(self) -> float:
        """The standard deviation of ln S over an episode at the variance of the start."""
        return math.sqrt(self.options.variance * self.clock.horizon) or 1.0

    @property
    def risk_scale(self) -> float:
        """The risk that is observed as 1: that of a trade in each option, the largest, were they independent and not hedged."""
        variances = self.prices.covariance_matrix.diagonal()
        return math.sqrt(self._largest_trades**2 @ variances[1:]) or 1.0

    @property
    def observation_names(self) -> tuple[str, ...]:
        """What the agent sees, in order."""
        inventories = [f"inventory_{one.name}" for one in self.instruments]
        time = () if isinstance(self.clock, Ergodic) else ("time_left",)
        volatility = ("volatility",) if self.options.vol > 0.0 else ()
        lookbacks = [i for i, one in enumerate(self.options.options, 1) if one.kind != EUROPEAN]
        extremes = [f"off_extreme_{self.instruments[i].name}" for i in lookbacks]
        return (*inventories, *time, "risk", *_BOOK, *volatility, *extremes)

    @property
    def observation_space(self) -> gym.spaces.Box:
        """One lane's observation."""
        bounds = dict.fromkeys(self.observation_names, (0.0, np.inf))
        bounds |= {f"inventory_{one.name}": (-1.0, 1.0) for one in self.instruments} | dict.fromkeys(
            _BOOK, (-np.inf, np.inf)
        )
        bounds |= {} if isinstance(self.clock, Ergodic) else {"time_left": (0.0, 1.0)}
        low, high = zip(*(bounds[name] for name in self.observation_names), strict=True)
        return gym.spaces.Box(np.array(low, np.float32), np.array(high, np.float32), dtype=np.float32)
