"""Frames that are shown as they come: in a notebook, updated in place, or in a window of matplotlib's."""

from __future__ import annotations

import io
import os
import sys
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mm_env.core.extras import require

Frame = NDArray[np.uint8]
UNSEEN = ("", "agg", "cairo", "pdf", "pgf", "ps", "svg", "template")  # backends of matplotlib that draw to files


class Screen:
    """Shows frames (height, width, 3) one after the other in one place, at most `fps` of them a second.

    Raises: ValueError where there is neither a notebook nor a window, naming the cure.
    """

    def __init__(self, fps: float) -> None:
        require("render_mode='human'", "experiments", "matplotlib")
        self.fps = fps
        self._place: Any = None  # where frames are shown, once there is one
        self._due = 0.0
        if not in_notebook():
            check_window()

    def show(self, frame: Frame) -> None:
        """Show a frame in the place of the one before."""
        if self._place is None:
            self._place = Cell() if in_notebook() else Window()
        time.sleep(max(0.0, self._due - time.monotonic()))
        self._due = time.monotonic() + 1.0 / self.fps
        self._place.show(frame)

    def close(self) -> None:
        """Close the window; a picture in a notebook stays."""
        if self._place is not None:
            self._place.close()
        self._place = None

    def __getstate__(self) -> dict[str, Any]:
        """What a copy needs (deepcopy, pickle): it opens a place of its own."""
        return {"fps": self.fps, "_place": None, "_due": 0.0}


class Cell:
    """A picture in a cell of a notebook."""

    def __init__(self) -> None:
        self._handle: Any = None

    def show(self, frame: Frame) -> None:
        """Put the frame in the place of the picture."""
        from IPython.display import Image, display

        picture = Image(data=png(frame), format="png")
        if self._handle is None:
            self._handle = display(picture, display_id=True)
        else:
            self._handle.update(picture)

    def close(self) -> None:
        """Leave the picture as it is."""


class Window:
    """A window of matplotlib's with nothing in it but the frame."""

    def __init__(self) -> None:
        self._figure: Any = None
        self._image: Any = None

    def show(self, frame: Frame) -> None:
        """Put the frame in the window, which is opened if there is none; one that was closed by hand is left so."""
        import matplotlib.pyplot as plt

        if self._figure is None:
            height, width = frame.shape[:2]
            self._figure = plt.figure("mm_env", figsize=(width / 100.0, height / 100.0), dpi=100)
            self._image = self._figure.add_axes((0.0, 0.0, 1.0, 1.0)).imshow(frame, aspect="auto")
            self._figure.axes[0].set_axis_off()
            self._figure.show()
        if plt.fignum_exists(self._figure.number):
            self._image.set_data(frame)
            self._figure.canvas.draw_idle()
            self._figure.canvas.flush_events()

    def close(self) -> None:
        """Close the window."""
        import matplotlib.pyplot as plt

        if self._figure is not None:
            plt.close(self._figure)


def png(frame: Frame) -> bytes:
    """A frame as a PNG."""
    from matplotlib.image import imsave

    file = io.BytesIO()
    imsave(file, frame, format="png")
    return file.getvalue()


def in_notebook() -> bool:
    """Whether a notebook's kernel runs this, which shows what it is given to display."""
    shell = sys.modules.get("IPython")
    running = shell.get_ipython() if shell is not None else None
    return running is not None and hasattr(running, "kernel")


def may_be_seen() -> bool:
    """Whether there may be a notebook or a window, as far as can be told without matplotlib."""
    displayed = any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
    named = os.environ.get("MPLBACKEND", "").lower() not in UNSEEN
    return in_notebook() or displayed or named or sys.platform in ("darwin", "win32")


def check_window() -> None:
    """Refuse to go on where matplotlib has no screen to draw to. Raises: ValueError."""
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    figure = plt.figure()  # which settles the backend
    has_screen = figure.canvas.required_interactive_framework is not None
    plt.close(figure)
    if not has_screen:
        raise ValueError(
            f"render_mode='human' needs a notebook or a window, and matplotlib's backend {mpl.get_backend()!r} draws to no "
            "screen: run it in Jupyter, or where there is a display and a GUI toolkit (tkinter, PyQt6), or take "
            "render_mode='rgb_array'"
        )
