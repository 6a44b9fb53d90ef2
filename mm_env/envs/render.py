"""The picture of an episode: the book as a heat map, our quotes and fills in it, inventory and P&L below."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mm_env.core.extras import require

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from mm_env.envs.recorder import Moment, Recorder

Floats = NDArray[np.float64]
SIZE, DPI = (12.0, 7.6), 100  # inches, pixels an inch
INK, BID, ASK = "#222222", "#08457e", "#a63603"
SIDES = (("bid", BID, "Blues", "bought", "^"), ("ask", ASK, "Oranges", "sold", "v"))
SHADES = np.linspace(0.12, 0.62, 256)  # of a colour map: our quotes are darker than all of them
MARGIN = 6  # ticks shown beyond the outermost best price or quote
WIDTH, HEIGHT = round(SIZE[0] * DPI), round(SIZE[1] * DPI)  # pixels
ROWS = ((45, 436), (501, 96), (611, 95))  # top and height of the axes, pixels
RIGHT, RIGHT_OF_BOOK, BARS, BAR = 1179, 1089, (1116, 1133), 9  # where axes end and scales of colour begin, pixels
LOTS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
_LEADING = (1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)


class Limits(NamedTuple):
    """What the axes show: (low, high) each, and the most lots at a price."""

    time: tuple[float, float]
    price: tuple[float, float]
    inventory: tuple[float, float]
    profit: tuple[float, float]
    lots: float


def pixels(recorder: Recorder) -> NDArray[np.uint8]:
    """`draw` as an image (height, width, 3)."""
    figure = draw(recorder)
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return _colours(canvas)


def draw(recorder: Recorder) -> Figure:
    """The episode so far. What was traded within a step is drawn in its middle, our market orders at the mid."""
    picture = Picture(recorder)
    picture.show(limits(recorder))
    return picture.figure


class Film:
    """The pictures of an episode while it runs. Axes reach out in leaps; between two of them only what they hold is drawn."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder, self._picture = recorder, Picture(recorder)
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        self._canvas = FigureCanvasAgg(self._picture.figure)
        self._ground: Any = None
        self._drawn: Any = None  # what the ground was drawn for

    def pixels(self) -> NDArray[np.uint8]:
        """The episode so far as an image (height, width, 3)."""
        picture, shown = self._picture, rounded(limits(self.recorder))
        picture.show(shown)
        if self._drawn != (frame := (shown, picture.names, picture.held.whole)):
            self._draw_ground()
            self._drawn = frame
        self._canvas.restore_region(self._ground)
        for axis, artists in picture.moving.items():
            for artist in sorted(artists, key=lambda artist: artist.get_zorder()):
                axis.draw_artist(artist)
        return _colours(self._canvas)

    def _draw_ground(self) -> None:
        """Everything but what moves."""
        for artists in self._picture.moving.values():
            for artist in artists:
                artist.set_animated(True)
        self._canvas.draw()
        self._ground = self._canvas.copy_from_bbox(self._picture.figure.bbox)


class Picture:
    """A figure and what moves in it: axis -> artists in `moving`, whose data `show` sets."""

    def __init__(self, recorder: Recorder) -> None:
        require("rendering", "experiments", "matplotlib")
        from matplotlib.figure import Figure

        self.recorder = recorder
        self.figure = Figure(figsize=SIZE, dpi=DPI)
        self.axes = self.market, self.inventory, self.profit = self.figure.subplots(3, 1, sharex=True)
        self.book = Heat(self.figure, self.market) if recorder.has_book else None
        self.quotes, self.trades = _quotes(self.market), _trades(self.market)
        self.held, self.earned = Level(self.inventory, "mid"), Level(self.profit, None)
        self.moving: dict[Any, list[Any]] = {
            self.market: [*(self.book.meshes if self.book else ()), *self.quotes, *self.trades],
            self.inventory: self.held.artists,
            self.profit: self.earned.artists,
        }
        self.names: tuple[str, ...] = ()
        self._put_axes(left=100.0)  # how many labels an axis has depends on its height
        self._label()

    def show(self, shown: Limits) -> None:
        """Set the episode as it stands now within these limits."""
        moments, times = self.recorder.moments, _times(self.recorder)
        if self.book:
            self.book.show(times, moments, shown.lots)
        _show_quotes(self.quotes, times, moments)
        if not self.recorder.market.venue.takes_ranges:  # a pool trades all along a range, not at its ends
            _show_trades(self.trades, 0.5 * (times[:-2] + times[1:-1]), moments)
        self.held.show(times[:-1], np.array([moment.inventory for moment in moments]))
        self.earned.show(times[:-1], np.array([moment.profit for moment in moments]))
        self.profit.set_xlim(*shown.time)
        for axis, ends in zip(self.axes, shown[1:4], strict=True):
            axis.set_ylim(*ends)
        self._lay_out()
        self._name_what_is_there()

    def _lay_out(self) -> None:
        """Put the axes beside the longest of their labels: where they are depends on what they show, and on nothing before."""
        longest = max(len(label.get_text()) for axis in self.axes for label in axis.get_yticklabels())
        self._put_axes(40 + 10.6 * longest)

    def _put_axes(self, left: float) -> None:
        right = RIGHT_OF_BOOK if self.book else RIGHT
        for axis, (top, height) in zip(self.axes, ROWS, strict=True):
            axis.set_position(_box(left, top, right - left, height))

    def _label(self) -> None:
        from matplotlib.transforms import blended_transform_factory

        self.profit.set_xlabel("time", fontsize=13)
        price = "price (ticks)" if self.recorder.has_book else "price"
        for axis, label in zip(self.axes, (price, "inventory", "P&L"), strict=True):
            axis.set_ylabel(label, fontsize=13, va="top")
            axis.yaxis.set_label_coords(
                6 / WIDTH, 0.5, blended_transform_factory(self.figure.transFigure, axis.transAxes)
            )
            axis.tick_params(labelsize=12)
            axis.spines[["top", "right"]].set_visible(False)

    def _name_what_is_there(self) -> None:
        """The legend; market orders are named once there are any."""
        artists = [*self.quotes, *self.trades[:2], *(self.trades[2:] if len(self.trades[2].get_offsets()) else ())]
        names = tuple(artist.get_label() for artist in artists)
        if names != self.names:
            for legend in list(self.figure.legends):
                legend.remove()
            place = {"loc": "upper center", "ncols": len(names), "frameon": False, "fontsize": 13}
            self.figure.legend(artists, names, **place)
            self.names = names


class Heat:
    """Others' lots by price and time, on a logarithmic scale of colour for each side."""

    def __init__(self, figure: Any, axis: Any) -> None:
        from matplotlib import colormaps
        from matplotlib.colors import ListedColormap, LogNorm

        self.meshes, self.scale, self.low = [], LogNorm(0.8, 2.0), 0  # the lowest price
        for _, _, colours, *_ in SIDES:
            shades = ListedColormap(colormaps[colours](SHADES))
            mesh = axis.pcolorfast([0.0, 0.5, 1.5], [0.0, 1.0], np.ones((1, 2)), cmap=shades, norm=self.scale)
            self.meshes.append(mesh)
        places = [figure.add_axes(_box(left, ROWS[0][0], BAR, ROWS[0][1])) for left in reversed(BARS)]
        self.bars = [figure.colorbar(mesh, cax=place) for mesh, place in zip(self.meshes, places, strict=True)]
        axis.yaxis.get_major_locator().set_params(integer=True)

    def show(self, times: Floats, moments: list[Moment], most: float) -> None:
        """The books at these moments, the darkest shade being that of `most` lots."""
        low, high = min(m.low for m in moments), max(m.low + len(m.volumes) for m in moments)
        self.low = low
        lots = np.zeros((high - low, len(moments)))
        for column, moment in enumerate(moments):
            lots[moment.low - low : moment.low - low + len(moment.volumes), column] = moment.volumes
        best, price = np.array([moment.best for moment in moments]), np.arange(low, high)[:, None]
        if self.scale.vmax != most or not self.bars[0].ax.get_yticks().size:
            self.scale.vmax = most
            for side, bar in enumerate(self.bars):
                _draw_scale(bar, labelled=side == 0)
        for side, mesh in enumerate(self.meshes):
            own = price >= best[:, side] if side else price <= best[:, side]
            mesh.set_data(times, np.arange(low, high + 1) - 0.5, np.ma.masked_where(~own | (lots == 0), lots))


class Level:
    """A line that is filled down to zero, and up to it."""

    def __init__(self, axis: Any, step: str | None) -> None:
        self.axis, self.step, self.whole = axis, step, False
        axis.axhline(0.0, color=INK, lw=0.8)
        (self.line,) = axis.plot([], [], drawstyle=f"steps-{step}" if step else "default", color=INK, lw=1.4)
        fill = {"alpha": 0.3, "lw": 0}
        self.above, self.below = (axis.fill_between([0.0], [0.0], color=colour, **fill) for colour in (BID, ASK))
        self.artists = [self.above, self.below, self.line]
        axis.grid(alpha=0.25, lw=0.6)

    def show(self, times: Floats, values: Floats) -> None:
        """The values at these times."""
        from matplotlib.cbook import STEP_LOOKUP_MAP

        self.line.set_data(times, values)
        x, y = STEP_LOOKUP_MAP[f"steps-{self.step}" if self.step else "default"](times, values)
        for fill, part in ((self.above, np.maximum(y, 0.0)), (self.below, np.minimum(y, 0.0))):
            ends = [(x[-1], 0.0), (x[0], 0.0)]
            fill.set_verts([np.concatenate([np.column_stack([x, part]), ends])])
        self.whole = self.step is not None and bool((values % 1.0 == 0.0).all())
        self.axis.yaxis.get_major_locator().set_params(integer=self.whole)


def _box(left: float, top: float, width: float, height: float) -> tuple[float, float, float, float]:
    """A box given in pixels from the upper left corner, as matplotlib has it."""
    return left / WIDTH, 1.0 - (top + height) / HEIGHT, width / WIDTH, height / HEIGHT


def _colours(canvas: Any) -> NDArray[np.uint8]:
    """What a canvas shows, (height, width, 3)."""
    drawn = np.asarray(canvas.buffer_rgba())
    colours = np.empty((*drawn.shape[:2], 3), np.uint8)
    for channel in range(3):  # numpy is ten times as long at copying all three at once
        colours[..., channel] = drawn[..., channel]
    return colours


def limits(recorder: Recorder) -> Limits:
    """What the axes show of the episode so far."""
    moments, clock = recorder.moments, recorder.market.clock
    end = _times(recorder)[-1] if clock.pace() else clock.horizon
    inventory = _level_limits([moment.inventory for moment in moments])
    profit = _level_limits([moment.profit for moment in moments])
    lots = max(int(moment.volumes.max(initial=0)) for moment in moments) if recorder.has_book else 0
    return Limits((0.0, float(end)), _window(recorder), inventory, profit, max(2.0, float(lots)))


def rounded(exact: Limits) -> Limits:
    """The limits moved outward to round numbers, so that they change a few times in an episode and not at each step."""
    time = (0.0, _round_up(exact.time[1]))
    price, inventory, profit = (_outward(*ends) for ends in exact[1:4])
    return Limits(time, price, inventory, profit, _round_up(exact.lots))


def _round_up(value: float) -> float:
    """The next of 1, 1.25, 1.5, 2 ... 10 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(lead * power for lead in _LEADING if value <= lead * power * (1.0 + 1e-9))


def _outward(low: float, high: float) -> tuple[float, float]:
    """Both ends moved outward to multiples of a sixth or so of their distance."""
    step = _round_up((high - low) / 6.0)
    return step * math.floor(low / step + 1e-9), step * math.ceil(high / step - 1e-9)


def _level_limits(values: list[float]) -> tuple[float, float]:
    """From the least to the greatest and zero, and a twentieth beyond."""
    low, high = min(0.0, *values, 0.0), max(0.0, *values, 0.0)
    beyond = 0.05 * (high - low) or 0.05
    return low - beyond, high + beyond


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


def _draw_scale(bar: Any, labelled: bool) -> None:
    """The colours of one side; the outer bar's labels serve both."""
    lots = [n for n in LOTS if n <= bar.norm.vmax] if labelled else []
    bar.set_ticks(lots, labels=[f"{n}" for n in lots])
    bar.minorticks_off()
    bar.ax.tick_params(labelsize=12, length=0)
    bar.outline.set_visible(False)
    bar.set_label("others' lots" if labelled else "", fontsize=13)


def _quotes(axis: Any) -> list[Any]:
    """The mid as it was at each decision, and our quotes from each to the next, with gaps where none stood."""
    look = {"baseline": None}
    lines = [axis.stairs([0.0], [0.0, 1.0], color=INK, lw=1.2, ls=(0, (2, 1)), label="mid", **look)]
    for name, colour, *_ in SIDES:
        lines.append(axis.stairs([0.0], [0.0, 1.0], color=colour, label=f"our {name}", **look))
    return lines


def _show_quotes(lines: list[Any], times: Floats, moments: list[Moment]) -> None:
    from matplotlib.patheffects import Normal, Stroke

    lines[0].set_data(np.array([moment.mid for moment in moments]), times)
    width = 2.2 if len(moments) <= 150 else 1.5
    for side, line in enumerate(lines[1:]):
        line.set_data(np.array([*(moment.quoted[side] for moment in moments[1:]), np.nan]), times)
        line.set_linewidth(width)
        line.set_path_effects([Stroke(linewidth=width + 1.6, foreground="white"), Normal()])


def _trades(axis: Any) -> list[Any]:
    """What we traded in each step, at its middle: bought, sold, and by market orders."""
    look = {"s": 110, "edgecolor": "white", "linewidth": 1.2, "zorder": 5}
    made = [axis.scatter([], [], marker=mark, color=colour, label=label, **look) for _, colour, _, label, mark in SIDES]
    return [*made, axis.scatter([], [], marker="D", color=INK, label="market order", **look)]


def _show_trades(marks: list[Any], middle: Floats, moments: list[Moment]) -> None:
    for side in range(2):
        traded = np.array([moment.filled[side] > 0.0 for moment in moments[1:]], np.bool_)
        prices = np.array([moment.quoted[side] for moment in moments[1:]])
        marks[side].set_offsets(np.column_stack([middle[traded], prices[traded]]))
    crossed = np.array([moment.crossed != 0.0 for moment in moments[1:]], np.bool_)
    mid = np.array([moment.mid for moment in moments[:-1]])
    marks[2].set_offsets(np.column_stack([middle[crossed], mid[crossed]]))
