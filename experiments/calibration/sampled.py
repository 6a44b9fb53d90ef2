"""A recorded day's order book, and its replay, as YAML for ./conf/market."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from experiments.calibration.calibration import Calibration
from experiments.calibration.transient import transient
from experiments.calibration.zero_intelligence import ZeroIntelligence
from mm_env.data.recording import SECOND, Recording

FLOWS = ("cont_stoikov_talreja", "zero_intelligence")
STEPS = 300  # of an episode
TRAIN, GAP = 0.7, 0.01  # shares of the day: what learners are trained on, and what lies between that and the test part
LEAST = 20  # events that tell a rate
ROOM = 1.2  # times the mean spread: how far quotes reach from the mid at least
MOVES = 2.0  # times the mid's move within a step: likewise

BOOK = """\
# {instrument}, {day} ({source}), as a Poisson order book: price units and seconds, a unit is an order of {unit:g}
# {words}
# left out: excitement, state and sign persistence of the flow (python -m experiments.realism sets the two side by side)
# chosen, not estimated: horizon, limits, reach of the quotes ({room:g} mean spreads, or {moves:g} moves of a step) and phi
# {command}
defaults:
  - /price@price: from_book
  - /flow@venue.flow: {flow}
  - /size@venue.size: unit
  - /clock@clock: finite_horizon
  - /quote@quote: spread_and_skew
  - /reward@reward: inventory_penalty
  - /fees@fees: per_unit
  - _self_

_target_: mm_env.Market
venue:
  _target_: mm_env.UnnoticedBook # others do not look at our quotes, as in a replay
  flow:{numbers}
  levels: {levels} # ticks from the other side's best price within which orders stand
  tick: {tick:.10g}
  lot: 1.0
  latency: 0.0
  warm_up: {warm_up:g} # time that an episode's first book is run before
  observed: {observed} # prices a side whose queues are shown
  queue_scale: 5.0 # the queue, in orders, that is shown as 1
  flow_memory: 10.0 # time over which a market order fades from what is shown
clock: {{horizon: {horizon:g}, steps: {steps}}}
quote: {{max_half_spread: {reach:.10g}, max_skew: {reach:.10g}}}
reward: {{phi: {phi:.1g}}}
initial_mid: {mid:.6g}
initial_inventory: 0.0
max_inventory: 20.0
order_size: 1.0
inventory_scale: 3.0
"""

REPLAY = """\
# {instrument}, {day} ({source}), as it was recorded. A unit is {unit:g} of the file's; learners are trained on these windows,
# of conf/window/{name}_train.yaml, the first {train:g} % of the day, and tables are of {name}_test, what is left after a gap
{answer}
# {command}
defaults:
  - /price@price: from_book
  - /window@venue.window: {name}_train
  - /position@venue.position: {position}
  - /answer@venue.answer: none
  - /clock@clock: finite_horizon
  - /quote@quote: spread_and_skew
  - /reward@reward: inventory_penalty
  - /fees@fees: per_unit
  - _self_

_target_: mm_env.Market
venue:
  _target_: mm_env.Replay
  path: {path}
  span: ${{..clock.horizon}} # of a window
  levels: {levels} # ticks from the other side's best price within which orders stand
  tick: {tick:.10g}
  lot: {lot:.10g} # of a unit
  unit: {smallest:.10g} # of the file's sizes, in a lot
  latency: 0.0
  mean_size: {mean:.4g} # lots of the mean limit order
  observed: {observed} # prices a side whose queues are shown
  queue_scale: 5.0 # the queue, in orders, that is shown as 1
  flow_memory: 10.0 # time over which a market order fades from what is shown
clock: {{horizon: {horizon:g}, steps: {steps}}}
quote: {{max_half_spread: {reach:.10g}, max_skew: {reach:.10g}}}
reward: {{phi: {phi:.1g}}}
initial_mid: {mid:.6g} # not used: the recording has its own
initial_inventory: 0.0
max_inventory: 20.0
order_size: 1.0
inventory_scale: 3.0
"""

TRAIN_WINDOW = """\
# the first {train:g} % of {instrument}, {day}: windows drawn at random
_target_: mm_env.Drawn
begins: 0.0 # seconds of trading since the first line
ends: {ends:.10g}
apart: {apart:g} # between the starts of windows
"""

TEST_WINDOW = """\
# what is left of {instrument}, {day}, after the windows of {name}_train and a gap: windows end to end
_target_: mm_env.InTurn
begins: {begins:.10g} # seconds of trading since the first line
ends: {ends:.10g}
"""


class Sizes(NamedTuple):
    """How a recording's sizes are counted."""

    smallest: float  # what all sizes are multiples of
    unit: float  # a power of ten near the mean limit order, in the file's units


def book_yaml(found: Calibration, flow: str, command: str) -> str:
    """The text of conf/market/NAME.yaml for an order book with this stock's tick, rates, sizes and spread.

    Raises: ValueError where the recording has no single messages, or for another flow.
    """
    if flow not in FLOWS:
        raise ValueError(f"book must be one of {', '.join(FLOWS)}, got {flow!r}")
    one, recording = found.zero_intelligence, found.recording
    if one is None:
        raise ValueError(
            f"no order book can be made of {recording.instrument}: {recording.source} records no single limit orders there"
        )
    arrival, cancellation = rates(one)
    words = f"measured in {recording.length / SECOND:,.0f} s, in orders of the mean size of a limit order"
    return BOOK.format(
        words=words,
        unit=one.unit,
        flow=flow,
        numbers=_numbers(flow, one, arrival, cancellation),
        levels=len(arrival),
        warm_up=60.0,
        observed=min(3, len(arrival)),
        **_common(found, command),
    )


def rates(one: ZeroIntelligence) -> tuple[list[float], list[float]]:
    """Arrival and cancellation by distance 1, 2, ..., up to the last at which LEAST limit orders came. A distance at which
    fewer were cancelled takes the mean of all, weighted by what rests there."""
    arrival = np.array([rate.rate.value for rate in one.arrival])
    theta = np.array([rate.rate.value for rate in one.cancellation])
    seen = np.flatnonzero([rate.events >= LEAST for rate in one.arrival])
    if len(seen) == 0:
        raise ValueError(f"no order book can be made: at no distance did {LEAST} limit orders come")
    arrival, theta = np.nan_to_num(arrival[: seen[-1] + 1]), theta[: seen[-1] + 1]
    told = np.array([rate.events >= LEAST for rate in one.cancellation[: len(theta)]])
    if not told.any():
        raise ValueError(
            f"no order book can be made: at no distance were {LEAST} cancellations seen, and queues would grow"
        )
    depth = np.nan_to_num(np.array([each.value for each in one.depth[: len(theta)]]))
    mean = float(np.average(theta[told], weights=depth[told] + 1e-12))
    return arrival.tolist(), np.where(told, theta, mean).tolist()


def _numbers(flow: str, one: ZeroIntelligence, arrival: list[float], cancellation: list[float]) -> str:
    taking = f"\n    taking: {one.market.value:.4g}"
    if flow == "zero_intelligence":
        weights = np.nan_to_num(np.array([each.value for each in one.depth[: len(arrival)]])) + 1e-12
        theta = float(np.average(cancellation, weights=weights))
        return f"\n    arrival: {np.mean(arrival):.4g}\n    cancellation: {theta:.4g}{taking}"
    listed = f"\n    arrival: [{_listed(arrival)}]\n    cancellation: [{_listed(cancellation)}]"
    return f"{listed}{taking}\n    scale: 0.0\n    exponent: 0.0"


def _listed(numbers: list[float]) -> str:
    return ", ".join(f"{number:.3g}" for number in numbers)


def train_part(recording: Recording) -> Recording:
    """What the numbers of a replay are measured in: the train part of the first day."""
    return recording.until(round(TRAIN * float(np.r_[recording.day_starts[1:], recording.length][0])))


def replay_yaml(found: Calibration, recording: Recording, path: str, name: str, command: str) -> tuple[str, str, str]:
    """The texts of conf/market/NAME.yaml, and of NAME_train.yaml and NAME_test.yaml in conf/window, for `recording`, of whose
    `train_part` the numbers are.

    Raises: ValueError without single messages.
    """
    if recording.messages is None:
        raise ValueError(
            f"no replay can be made of {recording.instrument}: {recording.source} records no single messages there"
        )
    seconds, sizes = _shortest_day(recording), sizes_of(recording)
    new = recording.messages.size[recording.messages.kind == 1]
    common = _common(found, command)
    horizon = min(float(common["horizon"]), _whole(seconds * (1.0 - TRAIN - GAP) / 3.0, found.settings.lifetime))
    common |= {"horizon": horizon, "steps": max(1, round(horizon / found.settings.lifetime))}
    market = REPLAY.format(
        name=name,
        path=path,
        unit=sizes.unit,
        train=100 * TRAIN,
        answer=answer_words(found.recording, sizes.unit, found.settings.lifetime),
        position="exact" if recording.messages.order.max() > 0 else "pessimistic",
        levels=widest(recording),
        lot=sizes.smallest / sizes.unit,
        smallest=sizes.smallest,
        mean=max(float(new.mean()) / sizes.smallest, 1.0) if len(new) else 1.0,
        observed=min(3, recording.messages.bids.shape[1]),
        **common,
    )
    said = {"instrument": recording.instrument, "day": recording.day, "name": name, "train": 100 * TRAIN}
    train = TRAIN_WINDOW.format(**said, ends=TRAIN * seconds, apart=min(1.0, found.settings.lifetime))
    return market, train, TEST_WINDOW.format(**said, begins=(TRAIN + GAP) * seconds, ends=seconds)


def answer_words(recording: Recording, unit: float, step: float) -> str:
    """How the market is made to answer our own trades, by what others' trades did to the mid, as comments."""
    try:
        one = transient(recording, step)
    except ValueError as error:
        return f"# what our own trades would move is not told: {error}"
    if not one.told:
        moved = f"others' market orders moved the mid by {one.push} a unit of the file"
        return f"# what our own trades would move is not told: {moved}"
    strength, decay = one.answer(unit)
    fades = f"of it {one.strength} fades" if one.fades else "none of it is seen to fade, and the decay is chosen"
    return (
        f"# our trades move nothing, unless answer@market.venue.answer=transient market.venue.answer.strength={strength:.3g}\n"
        f"#   market.venue.answer.decay={decay:.3g}: others' market orders moved the mid by {one.push} a unit of the file in\n"
        f"#   the train part ({fades})"
    )


def sizes_of(recording: Recording) -> Sizes:
    """What all sizes are multiples of (a power of ten, at least 1e-8), and a round unit near the mean limit order."""
    messages = recording.messages
    sizes = (
        np.concatenate([messages.size, messages.bid_sizes[:, 0], messages.ask_sizes[:, 0]]) if messages else np.ones(1)
    )
    all_sizes = np.unique(sizes[sizes > 0])
    smallest = next(
        (s for s in 10.0 ** -np.arange(0, 9) if (np.abs(all_sizes / s - np.rint(all_sizes / s)) < 1e-4).all()), 1e-8
    )
    new = messages.size[messages.kind == 1] if messages is not None else np.ones(1)
    mean = float(new.mean()) if len(new) else 1.0
    return Sizes(smallest, max(10.0 ** round(math.log10(mean)), smallest))


def widest(recording: Recording) -> int:
    """The widest spread of a usable row in ticks, and a tick."""
    messages = recording.messages
    if messages is None:
        return 1
    bid, ask = messages.bids[:, 0], messages.asks[:, 0]
    usable = (bid > 0) & (ask > bid)
    return int((ask - bid)[usable].max()) + 1


def _shortest_day(recording: Recording) -> float:
    ends = np.r_[recording.day_starts[1:] - 1, recording.length]
    return float((ends - recording.day_starts).min()) / SECOND


def _whole(length: float, lifetime: float) -> float:
    return max(1, math.floor(length / lifetime)) * lifetime


def _common(found: Calibration, command: str) -> dict[str, Any]:
    recording, spread = found.recording, found.spread.mean.value
    moved = MOVES * float(np.nan_to_num(found.sigma.sigma.value)) * math.sqrt(found.settings.lifetime)
    reach = max(5, math.ceil(max(ROOM * spread, moved) / recording.tick)) * recording.tick
    return {
        "instrument": recording.instrument, "day": recording.day, "source": recording.source, "command": command,
        "tick": recording.tick, "reach": reach, "room": ROOM, "moves": MOVES, "mid": found.mid, "phi": phi(found),
        "horizon": STEPS * found.settings.lifetime, "steps": STEPS,
    }  # fmt: skip


def phi(found: Calibration) -> float:
    """As in dealer markets, rate / (16 e k); where A and k are not told, with 1 / k a mean spread and the rate of market
    orders against a side."""
    fit = found.fits.get("pooled")
    told = fit is not None and fit.exponential.k.value > 0.0 and fit.exponential.rate.value > 0.0
    if fit is not None and told:
        return fit.exponential.rate.value / (16.0 * math.e * fit.exponential.k.value)
    return 0.5 * found.orders.rate.value * found.spread.mean.value / (16.0 * math.e)


def path_text(path: object) -> str:
    """A path, or a list of them, as YAML, from the root of the file system."""
    several = [path] if isinstance(path, str | Path) else list(path)  # pyright: ignore[reportArgumentType]
    full = [str(Path(str(one)).resolve()) for one in several]
    return full[0] if len(full) == 1 else "[" + ", ".join(full) + "]"
