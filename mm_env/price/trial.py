"""Single steps of a price by its own rules, many from each of some states: what its `law` and `expected` are held to."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mm_env.core import engine
from mm_env.core.component import count, flat, load, nest, parts, record, rules, store
from mm_env.core.maths import scalar
from mm_env.core.noise import Noise, draw
from mm_env.price.models import Price
from mm_env.world import Now, World, alone

Floats = NDArray[np.float64]
MIRRORS = 4  # steps of one group: by a noise and by its mirror images
_RARE = 0.015  # of a move's deviation: what jumps may be worth that are too rare to come in 2^16 steps
_SEED = 20_080_101  # any; the trial comes out alike whenever it is made


_kept: set[Any] = set()  # prices whose `expected` was tried


class States(NamedTuple):
    """Where a price may be: `mid` (n,), and the numbers of its latent state, (n, numbers)."""

    mid: Floats
    latent: Floats

    @classmethod
    def of(cls, places: list[tuple[float, Any]]) -> States:
        """From pairs of a mid and a latent state."""
        mids, latents = zip(*places, strict=True)
        return cls(np.array(mids, np.float64), np.array([list(flat(latent)) for latent in latents], np.float64))

    def places(self, price: Price) -> list[tuple[float, Any]]:
        """As pairs of a mid and a latent state."""
        shape = record(price).start()
        return [(mid, nest(shape, iter(row))) for mid, row in zip(self.mid.tolist(), self.latent.tolist(), strict=True)]


class Steps(NamedTuple):
    """What steps lead to: the mid's move (states, groups, 4), states after it likewise flat, and what those show."""

    move: Floats
    after: States
    shown: Floats  # (states, groups, 4, signals)


def tried(
    price: Price, dt: float, states: States, groups: int, round: int = 0, times: tuple[float, float] = (0.0, 0.0)
) -> Steps:
    """One step from each of `states`, `groups` x 4 times; in a group each noise comes with its mirror images."""
    rules = record(price)
    latent, draws, n = rules.start(), groups * MIRRORS, len(states.mid)
    shown = (0.0, *rules.observe(float(states.mid[0]), latent, alone(latent, float(states.mid[0]))))
    moved, after, seen = np.empty(n * draws), np.empty(n * draws * count(latent)), np.empty(n * draws * count(shown))
    mids, latents = np.ascontiguousarray(states.mid), np.ascontiguousarray(states.latent).reshape(-1)
    arguments = (rules, latent, shown, dt, mids, latents, *times, _SEED, round, draws, moved, after, seen)
    engine.compiled(take_steps, *arguments)(*arguments)
    move = (moved - np.repeat(mids, draws)).reshape(n, groups, MIRRORS)
    shape = (n, groups, MIRRORS, count(shown))
    return Steps(move, States(moved, after.reshape(len(moved), -1)), seen.reshape(shape)[..., 1:])


def take_steps(
    price: Any, latent: Any, shown: Any, dt: float, mids: Any, latents: Any, time: float, time_left: float, seed: int,
    round: int, draws: int, moved: Any, after: Any, seen: Any,
) -> None:  # fmt: skip
    """`draws` steps from each state: the mids, the latent states and what is shown after them, state by state."""
    numbers, signs = count(latent), count(shown)
    for state in range(mids.shape[0]):
        before = load(latent, latents, state * numbers, 1)
        for i in range(draws):
            place = state * draws + i
            noise = mirrored(draw(seed, i // 4, state, round), i % 4)
            now = Now(time, time_left, mids[state], World(before, (), (), (), ()), ())
            mid = price.move(mids[state], before, noise, dt, now)
            following = price.evolve(before, noise, dt, now)
            moved[place] = mid
            store(following, after, place * numbers, 1)
            store((0.0,) + price.observe(mid, following, alone(following, mid)), seen, place * signs, 1)


@scalar
def mirrored(noise, image):
    """One of four noises of the same law, over which all that is odd in the normals of a step, or in a coin, averages out."""
    turned, flipped = image % 2, image // 2
    price, latent = mirrored_pair(noise.price, turned, flipped), mirrored_pair(noise.latent, turned, flipped)
    return Noise(noise.bid, noise.ask, price, noise.bid_jump, noise.ask_jump, latent, noise.key, noise.shift)


@scalar
def mirrored_pair(pair, turned, flipped):
    """A radius and an angle of `mm_env.core.maths.normal`: the angle half a turn on, the radius at 1 less it."""
    angle = pair[1] + 0.5 * turned
    return (1.0 - pair[0] if flipped > 0 else pair[0], angle - 1.0 if angle >= 1.0 else angle)


def check_expected(market: Any) -> None:
    """Refuse a market whose `reward.noise` relies on an `expected` that is not the mean of its price's moves.

    Only a price with rules of the user's own is tried, once.

    Raises: ValueError with what is expected and what comes.
    """
    price, dt, mid = market.price, market.clock.step_length, float(record(market).initial_mid)
    kinds = [type(part) for _, part in parts(price) if isinstance(part, Price)]
    functions = tuple(function for kind in kinds for function in rules(kind).values())
    horizon = market.clock.horizon
    key = (type(price), functions, record(price), dt, mid, horizon)
    if key in _kept or all(function.__module__.split(".")[0] == "mm_env" for function in functions):
        return
    model = record(price)
    start = States.of([(mid, model.start())])
    with engine.settled():
        states = States.of([place for found in [start, *walked(price, dt, start, 64)] for place in found.places(price)])
        times = _times(functions, horizon, dt)
        moves = [tried(price, dt, states, 2**14, times=(time, horizon - time)).move for time in times]
    places = states.places(price)
    for time, mid, latent, move in [(t, *at, m) for t, found in zip(times, moves) for at, m in zip(places, found)]:
        now = Now(time, horizon - time, mid, World(latent, (), (), (), ()))
        groups, said = move.mean(axis=1), float(model.expected(mid, latent, dt, now)) - mid
        seen, error = float(groups.mean()), float(groups.std()) / math.sqrt(len(groups))
        slack = _RARE * float(move.std()) + 1e-12 * (abs(mid) + 1.0)
        if not abs(said - seen) <= 6.0 * error + slack:
            raise ValueError(
                f"reward.noise must be 1 unless `expected` is the mean of `move`: from mid {mid:.6g} "
                f"{type(price).__name__}.expected says a move of {said:.6g}, and {move.size:,} steps moved it by {seen:.6g} "
                f"±{error:.1g}"
            )
    _kept.add(key)


def _times(functions: tuple[Any, ...], horizon: float, dt: float) -> tuple[float, ...]:
    """When a price of these rules is tried: at the start, and where one of a user's own is told the time at others too."""
    own = (function for function in functions if function.__module__.split(".")[0] != "mm_env")
    told = any("now" in function.__code__.co_varnames for function in own)
    return (0.0, *(dt * round(share * horizon / dt) for share in (0.3, 0.55, 0.9))) if told else (0.0,)


def walked(price: Price, dt: float, start: States, steps: int) -> list[States]:
    """Where paths from `start` are after one step, a quarter of `steps` and all of them."""
    found, here = [], start
    for step in range(1, steps + 1):
        following = tried(price, dt, here, 1, step).after
        here = States(following.mid[::MIRRORS], following.latent[::MIRRORS])
        if step in (1, steps // 4, steps):
            found.append(here)
    return found
