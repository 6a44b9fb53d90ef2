"""A backend of matplotlib with windows that nobody sees: what is drawn in them is kept."""

import numpy as np
from matplotlib.backend_bases import FigureManagerBase
from matplotlib.backends.backend_agg import FigureCanvasAgg

shown = []  # a picture each time a window was drawn


class FigureManager(FigureManagerBase):
    def show(self):
        pass


class FigureCanvas(FigureCanvasAgg):
    manager_class = FigureManager
    required_interactive_framework = "headless"  # which matplotlib takes for a running one where there is no display

    def flush_events(self):
        self.draw()
        shown.append(np.asarray(self.buffer_rgba())[..., :3].copy())
