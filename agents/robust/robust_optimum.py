"""The robust (maximin) optimum: the best quotes against an adversary that responds to them, by dynamic programming.

V_t(q) = max over actions a of min over theta of E[reward + V_{t+1}(q')]: the maker quotes first, the adversary sees the
quotes and sets the market (`best_response`). With theta held to finitely many choices, the corners of its ranges first, the
adversary can do less, so that this V is an upper bound on what any maker can be sure of; the exact best response to the quotes
found, over the whole ranges, is a lower one. Where the two do not meet, each state's best response is added to its choices and
the quotes are sought again, until it
is among them (the exchange method of semi-infinite programming). `gap` is what is left.

Within a state a saddle point is looked for first: quotes that are best at one corner, which is the worst corner for them.
Where there is none (a flat book, where the adversary would turn the drift against any lean) the lowest of the corners'
values is maximised by golden sections within golden sections.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.base import MarketPolicy, Table
from agents.exact.choices import SCAN, line_ways
from agents.exact.nodes import Unsolvable
from agents.exact.outcomes import start_law
from agents.exact.price_grid import axis_of
from agents.exact.quote_search import ascend, place_at, quote_value, with_ahead
from agents.exact.room import progress, require_room
from agents.exact.solvable import check_solvable
from agents.robust.adversary import Powers
from agents.robust.best_response import BestResponse, Response, best_response
from agents.robust.worst_case import descend, look_at, narrowed, worth_under
from mm_env.controls import with_parameters
from mm_env.core import engine
from mm_env.core.component import count, flat, load, record
from mm_env.core.maths import scalar
from mm_env.market import Market
from mm_env.state import held_at

Floats = NDArray[np.float64]
_TRIES, _CLOSE = 4, 1e-12  # of the search for a saddle point: corners tried, and the relative difference that is none
_POINTS, _LOOKS, _NEAR = 16, 30, 0.1  # of the search along a line, and how far off it looks first
_ROUNDS, _ENOUGH = 12, 1e-8  # choices added in a state at most, and the relative gap that needs none


@dataclass(frozen=True)
class RobustOptimum(MarketPolicy):
    """The quotes `actions` (steps, levels, 2) of `market` that are best against an adversary that answers them, `value`
    (steps + 1, levels) against one held to the corners of its ranges, and the exact best `answer` to the quotes."""

    market: Market
    value: Floats
    actions: Floats
    answer: Response

    @property
    def objective(self) -> float:
        """What the maker can be sure of: the expected sum of rewards against the best response."""
        return self.answer.objective

    @property
    def gap(self) -> float:
        """By how much at most a better maker could exceed `objective`."""
        return float(start_law(self.market) @ self.value[0]) - self.objective

    def table(self) -> Table:
        """The quotes as a table."""
        return Table(self.market, self.actions)

    def tabulated(self, market: Market) -> Table:
        return self.table()

    def act(self, observations: NDArray[np.float32]) -> NDArray[Any]:
        """The actions (n, 2) at observations (n, k)."""
        return self.table().act(observations)


def robust_optimum(market: Market, powers: Powers) -> RobustOptimum:
    """The robust optimum of a market whose actions are two numbers in [-1, 1].

    Raises: Unsolvable, saying which part of the market or the powers stands in the way.
    """
    if market.quote.width != 2 or market.quote.space.shape != (2,) or not np.isfinite(market.quote.space.low).all():  # pyright: ignore
        raise Unsolvable(f"quote: the robust optimum wants two numbers in [-1, 1] as an action, got {market.quote}")
    game = BestResponse(market, powers)
    corners = [with_parameters(market, dict(zip(powers.ranges, c.tolist()))) for c in powers.grid(2)]
    for corner in corners:
        check_solvable(corner)
    steps, levels = market.clock.steps, len(game.q)
    require_room(market, "the robust optimum", (steps + 1.0) * levels * (4 + len(powers.ranges)))
    value, actions = np.zeros((steps + 1, levels)), np.zeros((steps, levels, 2))
    for rounds in (0, _ROUNDS):
        improve = _Improve(market, game, corners, rounds)
        for step in progress(range(steps - 1, -1, -1), "solving", "step"):
            ahead = game.look_ahead(value[step + 1], step + 1)
            value[step], actions[step] = improve(step, ahead, actions[min(step + 1, steps - 1)])
        found = RobustOptimum(market, value, actions, best_response(market, actions, powers))
        if found.gap <= _ENOUGH * abs(found.objective):
            break
    return found


class _Improve:
    """The compiled step of dynamic programming over levels, for a market and the corners that the adversary may choose."""

    def __init__(self, market: Market, game: BestResponse, corners: list[Market], rounds: int) -> None:
        self.shapes = record(market), game.axis.template, (0.0, 0.0)
        self.numbers = np.concatenate([list(flat(record(corner))) for corner in corners])
        self.drifts = np.array([axis_of(corner, 3).law.drift[0] for corner in corners])[:, None] * game.q
        self.ways, self.worst = line_ways(market), np.zeros(len(game.q), np.int64)
        self.setting = (game.numbers.copy(), game.rows, game.owners)
        self.answering = (self.setting, game.powers.low, game.powers.high, rounds)
        ends = (self.drifts, *np.zeros((3, 1)), self.worst)
        arguments = (*self.shapes, 0.0, self.numbers, self.ways, *self.answering, *ends)
        self.kernel = engine.compiled(improve_floor, *arguments)

    def __call__(self, step: int, ahead: Floats, guess: Floats) -> tuple[Floats, Floats]:
        value, actions = np.empty(len(ahead)), guess.reshape(-1).copy()
        together = np.ascontiguousarray(self.drifts + ahead)
        ends = (together, ahead, value, actions, self.worst)
        self.kernel(*self.shapes, float(step), self.numbers, self.ways, *self.answering, *ends)
        return value, actions.reshape(guess.shape)


def improve_floor(
    market: Any, state: Any, action: Any, step: float, numbers: Any, ways: Any, setting: Any, low: Any, high: Any, rounds: int,
    drifting: Any, ahead: Any, value: Any, actions: Any, worst: Any,
) -> None:  # fmt: skip
    """The best lowest value over the adversary's choices at each level, and its action, from the action and the worst corner
    there before. `drifting` (corners, levels) is `ahead` and each corner's drift; `rounds` is how many choices may be added."""
    corners, levels = drifting.shape
    flat_drifting, here, trial = drifting.reshape(-1), np.empty(2), np.empty(2)
    added, point = np.empty((max(rounds, 1), low.shape[0])), np.empty(low.shape[0])
    for i in range(levels):
        here[0], here[1] = actions[2 * i], actions[2 * i + 1]
        held = i * market.order_size - market.max_inventory
        place = place_at(market, held_at(state, step, held), ahead, 0, levels, levels, 0.0, 0.0)
        choices = (numbers, flat_drifting, corners, setting, added)
        found, value[i], worst[i] = saddle(market, action, choices, place, ways, worst[i], here, trial)
        for extra in range(rounds + 1):
            if extra > 0 or not found:
                value[i] = best_floor(market, action, choices, extra, place, here, trial)
            if extra == rounds:
                break
            quoted = load(action, here, 0, 1)
            answer = descend(market, quoted, place, setting, low, high, added[extra], point)
            if answer >= value[i] - _CLOSE * (abs(value[i]) + 1e-3):
                break
        actions[2 * i], actions[2 * i + 1] = here[0], here[1]


@scalar
def saddle(market, action, choices, place, ways, corner, here, trial):
    """Whether there are quotes that are best at the corner that is worst for them, which are left in `here`; their value and
    the corner."""
    numbers, drifting, levels = choices[0], choices[1], place.levels
    first, second, lowest = here[0], here[1], -np.inf
    for _ in range(_TRIES):
        here[0], here[1] = first, second
        rules = load(market, numbers, corner * count(market), 1)
        top = ascend(rules, action, with_ahead(place, drifting, corner * levels), 2, here, trial, ways, SCAN)
        lowest, lower = floor_value(market, action, choices, 0, place, here)
        if lowest >= top - _CLOSE * (abs(top) + 1e-3):
            return True, lowest, corner
        corner = lower
    return False, lowest, corner


@scalar
def floor_value(market, action, choices, extras, place, here):
    """The lowest value of an action over the corners and the `extras` added choices, and at which corner it is lowest."""
    numbers, drifting, corners, setting, added = choices
    quoted = load(action, here, 0, 1)
    lowest, lower = np.inf, 0
    for corner in range(corners):
        rules = load(market, numbers, corner * count(market), 1)
        worth = quote_value(rules, quoted, with_ahead(place, drifting, corner * place.levels))
        if worth < lowest:
            lowest, lower = worth, corner
    for extra in range(extras):
        lowest = min(lowest, worth_under(market, quoted, place, setting, added[extra]))
    return lowest, lower


@scalar
def best_floor(market, action, choices, extras, place, here, trial):
    """The highest floor over all actions, left in `here`: near where it stands, or anywhere if the top is not near."""
    first, second, reach, best = here[0], here[1], _NEAR, -np.inf
    for _ in range(2):
        best = best_first(market, action, choices, extras, place, here, trial, first, second, reach)
        if max(abs(here[0] - first), abs(here[1] - second)) <= 0.9 * reach:
            break
        first, second, reach = 0.0, 0.0, 1.0
    return best


@scalar
def best_first(market, action, choices, extras, place, here, trial, first, second, reach):
    """The highest floor within `reach` of an action, left in `here`: over the first number, of the best second one."""
    low, high, points = max(first - reach, -1.0), min(first + reach, 1.0), _POINTS if reach == 1.0 else 2
    best, left, right, middle, at_middle = -np.inf, low, high, low, np.inf
    here[0] = low
    for look in range(points + 1 + _LOOKS):
        probe, left, right, middle = look_at(look, points, low, high, left, right, middle, here[0])
        trial[0] = probe
        worth = best_second(market, action, choices, extras, place, trial, second, reach)
        if worth > best:
            best, here[0], here[1] = worth, probe, trial[1]
        if look > points:
            left, right, middle, at_middle = narrowed(left, right, middle, at_middle, probe, -worth)
    return best


@scalar
def best_second(market, action, choices, extras, place, trial, second, reach):
    """The highest floor over the second number of an action, which is left in `trial`."""
    low, high, points = max(second - reach, -1.0), min(second + reach, 1.0), _POINTS if reach == 1.0 else 2
    best, chosen, left, right, middle, at_middle = -np.inf, low, low, high, low, np.inf
    for look in range(points + 1 + _LOOKS):
        trial[1], left, right, middle = look_at(look, points, low, high, left, right, middle, chosen)
        worth, _ = floor_value(market, action, choices, extras, place, trial)
        if worth > best:
            best, chosen = worth, trial[1]
        if look > points:
            left, right, middle, at_middle = narrowed(left, right, middle, at_middle, trial[1], -worth)
    trial[1] = chosen
    return best
