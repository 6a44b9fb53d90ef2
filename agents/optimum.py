"""The exact optimum of a market by dynamic programming on the very process that is simulated.

V_t(q, x) = max over actions a of E[reward + V_{t+1}(q', x')], at the market's own dt, fill convention, action mapping and
limits, with both sides able to fill in one step. x is what else the future depends on: nothing for a price whose moves do
not depend on where it is, the distance from the mean for Ornstein-Uhlenbeck. It lies on a grid; one more axis is one more
law of transition. Under CARA, V is the certainty equivalent of the wealth still to be gained.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from agents.exact import NODES, Evaluation, check_solvable, poisson_equation
from agents.latent import Axis, Unsolvable, axis_of
from agents.policy import Table, natural_units
from mm_env import engine
from mm_env.clock import Ergodic
from mm_env.component import count, load, record
from mm_env.impact import ArrivalImpact, FillImpact
from mm_env.market import Market
from mm_env.maths import exp, log, scalar
from mm_env.quote import MarketOrders
from mm_env.reward import CARA
from mm_env.rollout import inventory_levels

Floats = NDArray[np.float64]
GOLDEN = 0.6180339887498949
_WIDTH = 1e-7  # of the action range: the objective is flat at its maximum, so this leaves an error of 1e-14 of it
_SWEEPS = 20


@dataclass(frozen=True)
class Optimum:
    """The value (steps + 1, nodes, levels) and the best actions (steps or 1, nodes, levels, width) of a market.

    `rate` is the average reward per unit of time where the market is ergodic; there `value` holds relative values.
    """

    market: Market
    axis: Axis
    value: Floats
    actions: Floats
    rate: float | None = None

    @property
    def objective(self) -> float:
        """What the market's episodes bring at best: the expected sum of rewards."""
        if self.rate is not None:
            return self.rate * self.market.clock.horizon
        return Evaluation(self.market, self.axis, self.value).objective

    @property
    def tabulable(self) -> bool:
        return len(self.axis.nodes) == 1

    def table(self) -> Table:
        """The best actions where time and inventory are all that matters."""
        return Table(self.market, self.actions[:, 0])

    def act(self, observations: NDArray[np.float32]) -> NDArray[Any]:
        """The best actions (n, width), or (n,) if discrete, at observations (n, k); linear between the axis' nodes."""
        inventory, seconds_left = natural_units(self.market, observations)
        level = (inventory + self.market.max_inventory / self.market.order_size).astype(np.int64)
        clock = self.market.clock
        step = np.clip(
            clock.steps - np.rint(seconds_left / clock.step_length).astype(np.int64), 0, len(self.actions) - 1
        )
        discrete = isinstance(self.market.quote.space, gym.spaces.Discrete)
        actions = self.axis.between(self.actions, step, level, observations)
        return actions[:, 0].astype(np.int64) if discrete else actions


def optimum(market: Market, nodes: int = NODES) -> Optimum:
    """The optimum of `market`, its latent state (if it has one that matters) on a grid of `nodes`.

    Raises: Unsolvable, saying which part of the market stands in the way.
    """
    axis = axis_of(market, nodes)
    check_solvable(market)
    solver = _Solver(market, axis)
    return solver.ergodic() if isinstance(market.clock, Ergodic) else solver.finite()


class _Solver:
    """One market's arrays, and the compiled step of dynamic programming over them."""

    def __init__(self, market: Market, axis: Axis) -> None:
        self.market, self.axis, self.q = market, axis, inventory_levels(market)
        quoting = market.quote.quoting if isinstance(market.quote, MarketOrders) else market.quote
        self.quoted = replace(market, quote=quoting)  # market orders are chosen on top of the best quotes
        self.discrete = float(quoting.space.n) if isinstance(quoting.space, gym.spaces.Discrete) else 0.0
        self.width = quoting.width
        self.gamma = market.reward.gamma if isinstance(market.reward, CARA) else 0.0
        venue: Any = market.venue
        sides = (venue.impact.bid, venue.impact.ask)
        self.jumps = tuple(
            s.mean if isinstance(s, kind) else 0.0 for kind in (FillImpact, ArrivalImpact) for s in sides
        )

    def finite(self) -> Optimum:
        steps, shape = self.market.clock.steps, (len(self.axis.nodes), len(self.q))
        value = np.zeros((steps + 1, *shape))
        actions = np.zeros((steps, *shape, self.market.quote.width))
        guess = np.zeros((*shape, self.width))
        for step in reversed(range(steps)):
            value[step], guess = self._best(value[step + 1], guess, step + 1 == steps)
            value[step], actions[step] = self._cross(value[step], guess)
        return Optimum(self.market, self.axis, value, actions)

    def ergodic(self) -> Optimum:
        """Howard's policy iteration: improve on the relative values, solve for those of the improved policy, repeat."""
        if self.gamma or len(self.axis.nodes) > 1:
            raise Unsolvable("an ergodic market is solved for InventoryPenalty and a price without latent state only")
        relative, guess, rate = np.zeros((1, len(self.q))), np.zeros((1, len(self.q), self.width)), -np.inf
        for _ in range(100):
            value, guess = self._best(relative, guess, False)
            _, actions = self._cross(value, guess)
            better, relative[0] = poisson_equation(self.market, actions)
            if better - rate <= 1e-12 * abs(better):
                break
            rate = better
        return Optimum(self.market, self.axis, relative[None], actions[None], better)

    def _best(self, following: Floats, guess: Floats, last: bool) -> tuple[Floats, Floats]:
        """The values (nodes, levels) of the best quotes and their actions, from the values one step later."""
        ahead = np.ascontiguousarray(self.axis.look_ahead(self.market, following, last))
        value, actions = np.empty(ahead.size), np.ascontiguousarray(guess).reshape(-1).copy()
        self._kernel(
            *self._shapes, self.gamma, *self.jumps, self.discrete, ahead.reshape(-1), len(self.q), value, actions
        )
        return value.reshape(ahead.shape), actions.reshape(guess.shape)

    def _cross(self, value: Floats, actions: Floats) -> tuple[Floats, Floats]:
        """With market orders: the best number of orders to close first, and the quotes that follow."""
        quote = self.market.quote
        if not isinstance(quote, MarketOrders):
            return value, actions
        orders = np.abs(np.rint(self.q / self.market.order_size)).astype(np.int64)
        best, chosen = np.full_like(value, -np.inf), np.zeros((*actions.shape[:-1], quote.width))
        cost = self.market.order_size * (quote.half_spread + self.market.fees.taker)
        for closed in range(orders.max() + 1):
            level = np.arange(len(self.q)) - np.sign(self.q).astype(np.int64) * closed
            allowed = closed <= orders
            level = np.where(allowed, level, 0)
            worth = np.where(allowed, value[:, level] - closed * cost, -np.inf)
            share = np.broadcast_to(closed / np.maximum(orders, 1), worth.shape)
            improved = worth > best
            best = np.where(improved, worth, best)
            whole = np.concatenate([actions[:, level], share[..., None]], axis=-1)
            chosen = np.where(improved[..., None], whole, chosen)
        return best, chosen

    @property
    def _shapes(self) -> tuple[Any, ...]:
        return record(self.quoted), (0.0,) * self.width

    @cached_property
    def _kernel(self) -> Any:
        floats = np.zeros(1)
        arguments = (*self._shapes, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, floats, 1, floats, floats)
        return engine.compiled(improve, *arguments)


def improve(
    market: Any, action: Any, gamma: float, bid_fill_jump: float, ask_fill_jump: float, bid_arrival_jump: float,
    ask_arrival_jump: float, discrete: float, ahead: Any, levels: int, value: Any, actions: Any,
) -> None:  # fmt: skip
    """The best action and its value at each (node, level), given what each level is worth `ahead`.

    Continuous actions are searched along the axes and, if there are two, the diagonals, from the action already there: the
    diagonals of (half-spread, skew) are the two depths, which hardly interact, so a sweep or two settles them.
    """
    width, jumps = count(action), (bid_fill_jump, ask_fill_jump, bid_arrival_jump, ask_arrival_jump)
    trial, direction = np.empty(width), np.empty(width)
    for i in range(value.shape[0]):
        node, level = i // levels, i % levels
        if discrete > 0.0:
            value[i] = -np.inf
            for choice in range(int(discrete)):
                trial[0] = float(choice)
                worth = quote_value(
                    market, load(action, trial, 0, 1), gamma, jumps, ahead, node * levels, level, levels
                )
                if worth > value[i]:
                    value[i], actions[i] = worth, trial[0]
            continue
        here = quote_value(
            market, load(action, actions, i * width, 1), gamma, jumps, ahead, node * levels, level, levels
        )
        for _ in range(_SWEEPS):
            before = here
            for number in range(4 if width == 2 else width):
                for d in range(width):
                    direction[d] = (
                        (1.0 if d == number else 0.0) if number < 2 else (1.0 if d == 0 else 5.0 - 2.0 * number)
                    )
                low, high = reach(actions, i * width, direction, width)
                left, right = low, high
                a, b = right - GOLDEN * (right - left), left + GOLDEN * (right - left)
                for d in range(width):
                    trial[d] = actions[i * width + d] + a * direction[d]
                at_a = quote_value(market, load(action, trial, 0, 1), gamma, jumps, ahead, node * levels, level, levels)
                for d in range(width):
                    trial[d] = actions[i * width + d] + b * direction[d]
                at_b = quote_value(market, load(action, trial, 0, 1), gamma, jumps, ahead, node * levels, level, levels)
                while right - left > _WIDTH:
                    lower = at_a >= at_b
                    left, right = (left, b) if lower else (a, right)
                    fresh = right - GOLDEN * (right - left) if lower else left + GOLDEN * (right - left)
                    for d in range(width):
                        trial[d] = actions[i * width + d] + fresh * direction[d]
                    worth = quote_value(
                        market, load(action, trial, 0, 1), gamma, jumps, ahead, node * levels, level, levels
                    )
                    a, at_a, b, at_b = (fresh, worth, a, at_a) if lower else (b, at_b, fresh, worth)
                moved = a if at_a >= at_b else b
                if max(at_a, at_b) > here:
                    here = max(at_a, at_b)
                    for d in range(width):
                        actions[i * width + d] = min(max(actions[i * width + d] + moved * direction[d], -1.0), 1.0)
            if here - before <= 1e-13 * (abs(here) + 1e-3):
                break
        value[i] = here


@scalar
def reach(actions, place, direction, width):
    """How far one may go from an action along a direction before a coordinate leaves [-1, 1]."""
    low, high = -4.0, 4.0
    for d in range(width):
        if direction[d] != 0.0:
            to_low = (-1.0 - actions[place + d]) / direction[d]
            to_high = (1.0 - actions[place + d]) / direction[d]
            low, high = max(low, min(to_low, to_high)), min(high, max(to_low, to_high))
    return low, high


@scalar
def quote_value(market, action, gamma, jumps, ahead, base, level, levels):
    """E[money from the step's fills + what follows] of one action at one level; a certainty equivalent if gamma > 0."""
    quote = market.quote.decode(action)
    chances = market.venue.chances(quote, market.clock.dt())
    bid = chances.bid if level < levels - 1 else 0.0
    ask = chances.ask if level > 0 else 0.0
    size = market.order_size
    bid_cash, ask_cash = size * (quote.bid_depth - market.fees.maker), size * (quote.ask_depth - market.fees.maker)
    down = jumps[2] * (chances.bid_arrival - bid) / (1.0 - bid) if bid < 1.0 else 0.0
    up = jumps[3] * (chances.ask_arrival - ask) / (1.0 - ask) if ask < 1.0 else 0.0
    down_filled, up_filled = jumps[0] + jumps[2], jumps[1] + jumps[3]
    q = level * size - market.max_inventory
    above, below = min(level + 1, levels - 1), max(level - 1, 0)
    neither = ahead[base + level] + q * (up - down)
    bought = ahead[base + above] + bid_cash + (q + size) * (up - down_filled)
    sold = ahead[base + below] + ask_cash + (q - size) * (up_filled - down)
    both = ahead[base + level] + bid_cash + ask_cash + q * (up_filled - down_filled)
    if gamma == 0.0:
        return (1.0 - ask) * ((1.0 - bid) * neither + bid * bought) + ask * ((1.0 - bid) * sold + bid * both)
    worst = min(min(neither, bought), min(sold, both))
    quiet = (1.0 - ask) * ((1.0 - bid) * exp(gamma * (worst - neither)) + bid * exp(gamma * (worst - bought)))
    busy = ask * ((1.0 - bid) * exp(gamma * (worst - sold)) + bid * exp(gamma * (worst - both)))
    return worst - log(quiet + busy) / gamma
