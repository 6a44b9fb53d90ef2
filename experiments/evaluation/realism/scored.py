"""The score of simulated books against a recorded day, and of the day against itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from experiments.evaluation.realism.distances import Distance, Score, score
from experiments.evaluation.realism.figures import FIGURES
from experiments.evaluation.realism.markouts import markouts
from experiments.evaluation.realism.markouts import table as markout_table
from experiments.evaluation.realism.responses import KINDS, LAGS, Floats, gap, responses
from experiments.evaluation.realism.stretches import cut, halves, levels_of, visible
from experiments.reporting.presenter import Column, TextTable
from mm_env.data.recording import Messages
from mm_env.market import Market
from mm_env.messages import messages_of, record

HALF = "the day's own other half"
FIRST = "the day's first part"


@dataclass(frozen=True)
class Scored:
    """How far something is from the held-out part of the day."""

    scores: dict[str, Score]  # by figure
    responses: Floats  # (6, lags) ticks, its own
    gap: Floats  # (6,) ticks, from the day's
    markouts: dict[str, Distance]  # its own

    @property
    def l1(self) -> Distance:
        """Mean over the figures."""
        return Distance.mean([each.l1 for each in self.scores.values()])

    @property
    def wasserstein(self) -> Distance:
        """Mean over the figures."""
        return Distance.mean([each.wasserstein for each in self.scores.values()])


def scored(real: Sequence[Messages], made: Sequence[Messages], resamples: int = 100) -> Scored:
    """`made` against `real`, both stretches of messages."""
    found = {
        name: score([figure.of(m) for m in real], [figure.of(m) for m in made], figure.discrete, resamples)
        for name, figure in FIGURES.items()
    }
    own = responses(made)
    return Scored(found, own, gap(responses(real), own), markouts(made))


def of_day(messages: Messages, part: Sequence[float], stretch: float, levels: int) -> list[Messages]:
    """The stretches of a part of a recorded day."""
    return cut(levels_of(visible(messages), levels), part[0], part[1], stretch)


def of_book(
    market: Market, books: int, seconds: float, seed: int, stretch: float, levels: int, second: float, unit: float
) -> list[Messages]:
    """The stretches of simulated books, each run for `seconds`.

    `second` is how many seconds the market's unit of time lasts, `unit` how many units of the instrument a lot is.
    """
    rows = record(market, books, seconds / second, seed, levels)
    found = [visible(messages_of(each, second, unit)) for each in rows]
    return [each for one in found for each in cut(one, 0.0, seconds, stretch)]


def against_itself(test: Sequence[Messages], train: Sequence[Messages], resamples: int) -> dict[str, Scored]:
    """The noise floor: every other stretch of the held-out part against those between, and the first part against it."""
    one, other = halves(list(test))
    return {HALF: scored(one, other, resamples), FIRST: scored(test, train, resamples)}


def summary(found: Mapping[str, Scored]) -> TextTable:
    """A row for each book, best first, and for the day itself: means over the figures."""
    columns = [Column("book", "", words=True)]
    columns += [Column(name, show=_cell, parts=("", "_low", "_high")) for name in ("mean L1", "mean Wasserstein-1")]
    columns += [Column(f"response {kind}", show=_ticks) for kind in KINDS]
    order = sorted(found, key=lambda name: found[name].l1.value)
    rows = [
        [name, *(_values(d) for d in (found[name].l1, found[name].wasserstein)), *found[name].gap.tolist()]
        for name in order
    ]
    captions = (
        f"means over {len(FIGURES)} figures; response: mean of |R - R of the day| over lags of "
        f"{', '.join(map(str, LAGS))} events, ticks",
    )
    return TextTable("Distance from the held-out part of the day", columns, rows, captions=captions)


def by_figure(found: Mapping[str, Scored], distance: str) -> TextTable:
    """A row for each figure, a column for each book; `distance` is l1 or wasserstein."""
    columns = [Column("figure", "", words=True)]
    columns += [Column(name, show=_cell, parts=("", "_low", "_high"), wraps=True) for name in found]
    rows = [[name, *(_values(getattr(one.scores[name], distance)) for one in found.values())] for name in FIGURES]
    title = {
        "l1": "L1 (total variation)",
        "wasserstein": "Wasserstein-1, of both samples brought to standard deviation 1",
    }
    return TextTable(title[distance], columns, rows)


def by_response(found: Mapping[str, Floats], lags: Sequence[int] = (1, 10, 100)) -> TextTable:
    """R of each kind at some lags, ticks; a column for each book and the day."""
    columns = [Column("response", "", words=True), *(Column(name, show=_ticks, wraps=True) for name in found)]
    rows = [
        [f"{kind}, {lag} event{'s' * (lag > 1)}", *(float(r[k, LAGS.index(lag)]) for r in found.values())]
        for k, kind in enumerate(KINDS)
        for lag in lags
    ]
    return TextTable("Response functions, ticks", columns, rows)


def tables(found: Mapping[str, Scored], real: Sequence[Messages]) -> dict[str, TextTable]:
    """File name -> table."""
    return {
        "score": summary(found),
        "score_l1": by_figure(found, "l1"),
        "score_wasserstein": by_figure(found, "wasserstein"),
        "markouts": markout_table({"the day": markouts(real), **{name: one.markouts for name, one in found.items()}}),
        "responses": by_response({"the day": responses(real), **{name: one.responses for name, one in found.items()}}),
    }


def write(folder: Path, made: Mapping[str, TextTable]) -> None:
    """Each as CSV, and all in score.md."""
    for name, one in made.items():
        one.write_csv(folder / f"{name}.csv")
        one.write_markdown(folder / f"{name}.md")


def _values(distance: Distance) -> tuple[float, float, float]:
    return distance.value, *distance.interval


def _cell(value: tuple[float, float, float]) -> str:
    return f"{value[0]:.2f} [{value[1]:.2f}, {value[2]:.2f}]" if np.isfinite(value[0]) else "-"


def _ticks(value: float) -> str:
    """A response; of a book that had no such event, or too few after it, there is none."""
    return f"{value:.2f}" if np.isfinite(value) else "-"
