"""The picture of an episode: the book as a heat map, our quotes and fills in it, inventory and P&L below."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mm_env.recorder import Moment, Recorder

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]
SIZE, DPI = (12.0, 7.6), 100  # inches, pixels an inch
INK, BID, ASK = "#222222", "#08457e", "#a63603"
SIDES = (("bid", BID, "Blues", "bought", "^"), ("ask", ASK, "Oranges", "sold", "v"))
SHADES = np.linspace(0.12, 0.62, 256)  # of a colour map: our quotes are darker than all of them
MARGIN = 6  # ticks shown beyond the outermost best price or quote
LOTS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


def pixels(recorder: Recorder) -> NDArray[np.uint8]:
    """`draw` as an image (height, width, 3)."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(draw(recorder))
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def draw(recorder: Recorder) -> Figure:
    """The episode so far. What was traded within a step is drawn in its middle, our market orders at the mid."""
    from matplotlib.figure import Figure

    moments, times = recorder.moments, _times(recorder)
    figure = Figure(figsize=SIZE, dpi=DPI, layout="constrained")
    market, inventory, profit = figure.subplots(3, 1, sharex=True, height_ratios=(5.0, 1.1, 1.1))
    if recorder.has_book:
        _draw_book(figure, market, times, moments)
    _draw_quotes(market, times, moments)
    _draw_trades(market, 0.5 * (times[:-2] + times[1:-1]), moments)
    market.set_ylim(*_window(recorder))
    _draw_level(inventory, times[:-1], np.array([moment.inventory for moment in moments]), "mid")
    _draw_level(profit, times[:-1], np.array([moment.profit for moment in moments]), None)
    profit.set_xlim(0.0, times[-1] if recorder.market.clock.pace() else recorder.market.clock.horizon)
    profit.set_xlabel("time", fontsize=13)
    for axis, label in (
        (market, "price (ticks)" if recorder.has_book else "price"),
        (inventory, "inventory"),
        (profit, "P&L"),
    ):
        axis.set_ylabel(label, fontsize=13)
        axis.tick_params(labelsize=12)
        axis.spines[["top", "right"]].set_visible(False)
    handles = market.get_legend_handles_labels()
    figure.legend(*handles, loc="outside upper center", ncols=len(handles[0]), frameon=False, fontsize=13)
    figure.align_ylabels()
    return figure


def _times(recorder: Recorder) -> Floats:
    """When each moment begins, and when the last ends: (moments + 1,)."""
    times = [moment.time for moment in recorder.moments]
    return np.array([*times, times[-1] + recorder.market.clock.step_length])


def _window(recorder: Recorder) -> tuple[float, float]:
    """The prices shown: where the mid, the best prices and our quotes went, those far out of the way aside, and a margin."""
    moments = recorder.moments
    mid = np.array([moment.mid for moment in moments])
    prices = np.array([[*moment.quoted, *moment.best] for moment in moments])
    away = np.abs(prices - mid[:, None])
    usual = float(np.nanmedian(away)) if np.isfinite(away).any() else 1.0
    near = np.concatenate([mid, prices[away <= 5.0 * usual]])
    if not recorder.has_book:
        return near.min() - 0.5 * usual, near.max() + 0.5 * usual
    low, high = min(moment.low for moment in moments), max(moment.low + len(moment.volumes) for moment in moments)
    return max(near.min() - MARGIN, low - 1.0), min(near.max() + MARGIN, float(high))


def _draw_book(figure: Any, axis: Any, times: Floats, moments: list[Moment]) -> None:
    """Others' lots by price and time, on a logarithmic scale of colour for each side."""
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap, LogNorm

    low, high = min(m.low for m in moments), max(m.low + len(m.volumes) for m in moments)
    lots = np.zeros((high - low, len(moments)))
    for column, moment in enumerate(moments):
        lots[moment.low - low : moment.low - low + len(moment.volumes), column] = moment.volumes
    best, price = np.array([moment.best for moment in moments]), np.arange(low, high)[:, None]
    scale = LogNorm(0.8, max(2.0, lots.max()))
    for side, (_, _, colours, *_) in enumerate(SIDES):
        own = price >= best[:, side] if side else price <= best[:, side]
        shown = np.ma.masked_where(~own | (lots == 0), lots)
        shades = ListedColormap(colormaps[colours](SHADES))
        mesh = axis.pcolormesh(times, np.arange(low, high + 1) - 0.5, shown, cmap=shades, norm=scale)
        _draw_scale(figure.colorbar(mesh, ax=axis, pad=0.008, aspect=50, fraction=0.03), labelled=side == 0)
    axis.yaxis.get_major_locator().set_params(integer=True)


def _draw_scale(bar: Any, labelled: bool) -> None:
    """The colours of one side; the outer bar's labels serve both."""
    lots = [n for n in LOTS if n <= bar.norm.vmax] if labelled else []
    bar.set_ticks(lots, labels=[f"{n}" for n in lots])
    bar.minorticks_off()
    bar.ax.tick_params(labelsize=12, length=0)
    bar.outline.set_visible(False)
    bar.set_label("others' lots" if labelled else "", fontsize=13)


def _draw_quotes(axis: Any, times: Floats, moments: list[Moment]) -> None:
    """The mid as it was at each decision, and our quotes from each to the next, with gaps where none stood."""
    from matplotlib.patheffects import Normal, Stroke

    width = 2.2 if len(moments) <= 150 else 1.5
    halo = [Stroke(linewidth=width + 1.6, foreground="white"), Normal()]
    axis.stairs([m.mid for m in moments], times, baseline=None, color=INK, lw=1.2, ls=(0, (2, 1)), label="mid")
    for side, (name, colour, *_) in enumerate(SIDES):
        prices = [*(moment.quoted[side] for moment in moments[1:]), np.nan]
        axis.stairs(prices, times, baseline=None, color=colour, lw=width, path_effects=halo, label=f"our {name}")


def _draw_trades(axis: Any, middle: Floats, moments: list[Moment]) -> None:
    """What we traded in each step, at its `middle`."""
    look = {"s": 110, "edgecolor": "white", "linewidth": 1.2, "zorder": 5}
    for side, (_, colour, _, label, marker) in enumerate(SIDES):
        prices = [m.quoted[side] if m.filled[side] > 0.0 else np.nan for m in moments[1:]]
        axis.scatter(middle, prices, marker=marker, color=colour, label=label, **look)
    crossed = np.array([moment.crossed != 0.0 for moment in moments[1:]], np.bool_)
    if crossed.any():
        mid = np.array([moment.mid for moment in moments[:-1]])
        axis.scatter(middle[crossed], mid[crossed], marker="D", color=INK, label="market order", **look)


def _draw_level(axis: Any, times: Floats, values: Floats, step: str | None) -> None:
    """A line that is filled down to zero, and up to it."""
    axis.axhline(0.0, color=INK, lw=0.8)
    axis.plot(times, values, drawstyle=f"steps-{step}" if step else "default", color=INK, lw=1.4)
    axis.fill_between(times, np.maximum(values, 0.0), step=step, color=BID, alpha=0.3, lw=0)
    axis.fill_between(times, np.minimum(values, 0.0), step=step, color=ASK, alpha=0.3, lw=0)
    axis.yaxis.get_major_locator().set_params(integer=step is not None and bool((values % 1.0 == 0.0).all()))
    axis.grid(alpha=0.25, lw=0.6)


class Film:
    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder

    def pixels(self) -> NDArray[np.uint8]:
        return pixels(self.recorder)
