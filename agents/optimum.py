"""The exact optimum of a market by dynamic programming on the very process that is simulated.

V_t(q, x) = max over actions a of E[reward + V_{t+1}(q', x')], at the market's own dt, fill convention, action mapping and
limits, with both sides able to fill in one step. x is what else the future depends on: nothing for a price whose moves do
not depend on where it is, the distance from the mean for Ornstein-Uhlenbeck. It lies on a grid; one more axis is one more
law of transition. Under CARA, V is the certainty equivalent of the wealth still to be gained.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from agents.exact import NODES, Evaluation, check_solvable, poisson_equation
from agents.latent import Axis, Unsolvable, axis_of
from agents.policy import Table, natural_units, quoted_depths
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
_GAIN = 1e-13  # relative: a sweep that gains less is the last
_SWEEPS, _LOOKS, _SCAN = 20, 60, 48


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
        level = np.rint(inventory).astype(np.int64) + round(self.market.max_inventory / self.market.order_size)
        clock = self.market.clock
        step = np.clip(
            clock.steps - np.rint(seconds_left / clock.step_length).astype(np.int64), 0, len(self.actions) - 1
        )
        discrete = isinstance(self.market.quote.space, gym.spaces.Discrete)
        actions = self.axis.between(self.actions, step, level, observations, discrete)
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
        for step in tqdm(range(steps - 1, -1, -1), desc="solving", unit="step", leave=False, delay=1.0, disable=None):
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
            *self._shapes,
            self.gamma,
            *self.jumps,
            self.discrete,
            self.ways,
            ahead.reshape(-1),
            len(self.q),
            value,
            actions,
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

    @cached_property
    def ways(self) -> Floats:
        """The lines to search, (lines, width): along each action, and along each depth with the other held.

        The depths hardly interact, so that a sweep or two along them is enough; the actions are for the edges of their box.
        """
        lines = np.eye(self.width)
        if self.width == 2:
            origin, *moved = quoted_depths(self.quoted, np.array([[0.0, 0.0], [0.5, 0.0], [0.0, 0.5]]))
            slopes = np.stack([depths - origin for depths in moved], axis=-1)
            alone = np.linalg.inv(slopes).T
            lines = np.vstack([alone / np.abs(alone).max(axis=1, keepdims=True), lines])
        return np.ascontiguousarray(lines)

    @property
    def _shapes(self) -> tuple[Any, ...]:
        return record(self.quoted), (0.0,) * self.width

    @cached_property
    def _kernel(self) -> Any:
        floats = np.zeros(1)
        arguments = (*self._shapes, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, self.ways, floats, 1, floats, floats)
        return engine.compiled(improve, *arguments)


def improve(
    market: Any, action: Any, gamma: float, bid_fill_jump: float, ask_fill_jump: float, bid_arrival_jump: float,
    ask_arrival_jump: float, discrete: float, ways: Any, ahead: Any, levels: int, value: Any, actions: Any,
) -> None:  # fmt: skip
    """The best action and its value at each (node, level), given what each level is worth `ahead`.

    Continuous actions are improved from those already there.
    """
    width, jumps = count(action), (bid_fill_jump, ask_fill_jump, bid_arrival_jump, ask_arrival_jump)
    here, trial = np.empty(width), np.empty(width)
    for i in range(value.shape[0]):
        place = (gamma, jumps, ahead, i // levels * levels, i % levels, levels)
        if discrete > 0.0:
            value[i] = best_choice(market, action, place, discrete, here)
        else:
            for d in range(width):
                here[d] = actions[i * width + d]
            value[i] = ascend(market, action, place, width, here, trial, ways)
        for d in range(width):
            actions[i * width + d] = here[d]


@scalar
def best_choice(market, action, place, choices, here):
    """The value of the best of finitely many actions, which is left in `here`."""
    best, chosen = -math.inf, 0.0
    for choice in range(int(choices)):
        here[0] = float(choice)
        worth = quote_value(market, load(action, here, 0, 1), place)
        if worth > best:
            best, chosen = worth, here[0]
    here[0] = chosen
    return best


@scalar
def ascend(market, action, place, width, here, trial, ways):
    """The value at the top reached from `here`, which moves there, by searching along each of `ways` (lines, width)."""
    top = quote_value(market, load(action, here, 0, 1), place)
    for sweep in range(_SWEEPS):
        before = top
        for line in range(ways.shape[0]):
            way = ways[line]
            worth, distance = search_line(market, action, place, width, here, trial, way, top, sweep == 0)
            if worth > top:
                top = worth
                for d in range(width):
                    here[d] = min(max(here[d] + distance * way[d], -1.0), 1.0)
        if sweep > 0 and top - before <= _GAIN * (abs(top) + 1e-3):
            break
    return top


@scalar
def search_line(market, action, place, width, here, trial, way, top, scan):
    """Brent 1973, ch. 5: the highest value along a line within the action space, from `top` at `here`, and how far off it is.

    A parabola through the three best points says where to look next, a golden section where it leads nowhere. With `scan`
    it looks first at evenly spaced points, ends included, and goes on from the best of them.
    """
    left, right = reach(here, way, width)
    best, at_best = 0.0, top
    if scan:
        spacing, at_best = (right - left) / _SCAN, -math.inf
        for k in range(_SCAN + 1):
            point = left + k * spacing
            worth = value_along(market, action, place, width, here, trial, way, point)
            if worth > at_best:
                best, at_best = point, worth
        if top > at_best:
            best, at_best = 0.0, top
        left, right = max(left, best - spacing), min(right, best + spacing)
    second, third, at_second, at_third = best, best, at_best, at_best
    step, last = 0.0, 0.0
    for _ in range(_LOOKS):
        middle = 0.5 * (left + right)
        if abs(best - middle) <= 2.0 * _WIDTH - 0.5 * (right - left):
            break
        r, q = (best - second) * (at_third - at_best), (best - third) * (at_second - at_best)
        p, q = (best - third) * q - (best - second) * r, 2.0 * (q - r)
        p, q = (-p, q) if q > 0.0 else (p, -q)
        if abs(last) > _WIDTH and abs(p) < abs(0.5 * q * last) and q * (left - best) < p < q * (right - best):
            step, last = p / q, step
        else:
            last = left - best if best >= middle else right - best
            step = (1.0 - GOLDEN) * last
        point = best + (step if abs(step) >= _WIDTH else math.copysign(_WIDTH, step))
        worth = value_along(market, action, place, width, here, trial, way, point)
        if worth >= at_best:
            left, right = (best, right) if point >= best else (left, best)
            third, at_third, second, at_second = second, at_second, best, at_best
            best, at_best = point, worth
        else:
            left, right = (point, right) if point < best else (left, point)
            if worth >= at_second or second == best:
                third, at_third, second, at_second = second, at_second, point, worth
            elif worth >= at_third or third in (best, second):
                third, at_third = point, worth
    return at_best, best


@scalar
def value_along(market, action, place, width, here, trial, way, distance):
    """The value at `distance` from `here`."""
    for d in range(width):
        trial[d] = min(max(here[d] + distance * way[d], -1.0), 1.0)
    return quote_value(market, load(action, trial, 0, 1), place)


@scalar
def reach(here, way, width):
    """How far one may go from an action before a coordinate leaves [-1, 1], backward and forward."""
    low, high = -4.0, 4.0
    for d in range(width):
        if way[d] != 0.0:
            to_low, to_high = (-1.0 - here[d]) / way[d], (1.0 - here[d]) / way[d]
            low, high = max(low, min(to_low, to_high)), min(high, max(to_low, to_high))
    return low, high


@scalar
def quote_value(market, action, place):
    """E[money from the step's fills + what follows] of one action at one level; a certainty equivalent if gamma > 0."""
    gamma, jumps, ahead, base, level, levels = place
    quote = market.quote.decode(action)
    chances = market.venue.chances(quote, market.clock.dt())
    bid = chances.bid if level < levels - 1 else 0.0
    ask = chances.ask if level > 0 else 0.0
    size = market.order_size
    bid_cash, ask_cash = size * (quote.bid_depth - market.fees.maker), size * (quote.ask_depth - market.fees.maker)
    down, down_filled = jump_after(jumps[0], jumps[2], bid, chances.bid_arrival)
    up, up_filled = jump_after(jumps[1], jumps[3], ask, chances.ask_arrival)
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


@scalar
def jump_after(on_fill, on_arrival, chance, arrival):
    """The expected jump of the mid after a step in which one side did not fill, and after one in which it did."""
    unfilled = on_arrival * max(0.0, arrival - chance) / (1.0 - chance) if chance < 1.0 else 0.0
    filled = on_arrival * min(1.0, arrival / chance) if chance > 0.0 else 0.0
    return unfilled, on_fill + filled
