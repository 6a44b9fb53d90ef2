"""render_mode="human": each frame is shown in one place, a notebook's cell or a window; without a screen it says so at once."""

import base64
import copy
import io

import gymnasium as gym
import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.image import imread

import mm_env
from mm_env.envs.gym import MarketMakingEnv, MarketMakingVectorEnv
from mm_env.envs.screen import png
from tests.worlds import world

WORLD = world()


@pytest.fixture
def window(monkeypatch):
    """matplotlib with windows that nobody sees: the pictures that are drawn in them."""
    import matplotlib.pyplot as plt

    from tests.mm_env import fake_window

    before = mpl.get_backend()
    plt.switch_backend("module://tests.mm_env.fake_window")
    monkeypatch.setattr("mm_env.envs.screen.time.sleep", lambda seconds: None)
    fake_window.shown.clear()
    yield fake_window.shown
    plt.close("all")
    plt.switch_backend(before)


def frames(env, steps):
    """The picture after a reset with seed 3, and after each of some steps."""
    env.reset(seed=3)
    seen = [env.render()]
    for _ in range(steps):
        env.step(np.zeros(2))
        seen.append(env.render())
    return seen


def test_a_window_shows_the_frame_after_each_reset_and_step(window):
    wanted = frames(MarketMakingEnv(WORLD, render_mode="rgb_array"), 4)
    env = MarketMakingEnv(WORLD, render_mode="human")
    assert frames(env, 4) == [None] * 5
    assert len(window) == 5
    for shown, frame in zip(window, wanted, strict=True):
        np.testing.assert_array_equal(shown, frame)
    env.close()
    assert not mpl.pyplot.get_fignums()


def test_a_window_that_was_closed_by_hand_stays_closed(window):
    env = MarketMakingEnv(WORLD, render_mode="human")
    env.reset(seed=3)
    mpl.pyplot.close("all")
    env.step(np.zeros(2))
    assert not mpl.pyplot.get_fignums()
    assert len(window) == 1


def test_frames_are_no_faster_than_the_metadata_say(window, monkeypatch):
    slept, now = [], [100.0]
    monkeypatch.setattr("mm_env.envs.screen.time.sleep", slept.append)
    monkeypatch.setattr("mm_env.envs.screen.time.monotonic", lambda: now[0])
    env = MarketMakingEnv(WORLD, render_mode="human")
    env.reset(seed=3)
    now[0] += 0.03
    env.step(np.zeros(2))
    assert slept == pytest.approx([0.0, 1.0 / env.metadata["render_fps"] - 0.03])


def test_a_copy_opens_a_place_of_its_own(window):
    env = MarketMakingEnv(WORLD, render_mode="human")
    env.reset(seed=3)
    twin = copy.deepcopy(env)
    assert twin._screen._place is None
    twin.step(np.zeros(2))
    assert len(window) == 2


def test_gymnasium_makes_an_env_that_shows_itself(window):
    env = gym.make("mm_env/CarteaJaimungal-v0", render_mode="human", market=WORLD)
    env.reset(seed=0)
    env.step(env.action_space.sample())
    assert len(window) == 2
    env.close()


def test_without_a_screen_making_it_is_one_error_with_the_cure():
    import matplotlib.pyplot as plt

    plt.switch_backend("agg")
    with pytest.raises(ValueError, match="needs a notebook or a window, and matplotlib's backend 'agg'") as refused:
        MarketMakingEnv(WORLD, render_mode="human")
    assert "\n" not in str(refused.value)
    assert "rgb_array" in str(refused.value)


def test_lanes_show_no_window():
    with pytest.raises(ValueError, match="render_mode must be None or 'rgb_array', got 'human'"):
        MarketMakingVectorEnv(WORLD, 2, render_mode="human")


def test_a_png_is_the_frame():
    frame = frames(MarketMakingEnv(WORLD, render_mode="rgb_array"), 1)[-1]
    again = imread(io.BytesIO(png(frame)), format="png")
    np.testing.assert_array_equal((again[..., :3] * 255).round().astype(np.uint8), frame)


def test_a_notebook_shows_one_picture_that_changes_in_place(tmp_path):
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    root = mm_env.__path__[0].rsplit("/", 1)[0]
    code = f"""import sys; sys.path.insert(0, {root!r})
import numpy as np
from mm_env.envs.gym import MarketMakingEnv
from tests.worlds import world
env = MarketMakingEnv(world(), render_mode="human")
env._screen.fps = 1e9
env.reset(seed=3)
for _ in range(3):
    env.step(np.zeros(2))
"""
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    nbclient.NotebookClient(book, timeout=120, kernel_name="python3").execute(cwd=str(tmp_path))
    pictures = [out for out in book.cells[0].outputs if out.output_type == "display_data"]
    assert len(pictures) == 1
    wanted = frames(MarketMakingEnv(WORLD, render_mode="rgb_array"), 3)[-1]
    shown = imread(io.BytesIO(base64.b64decode(pictures[0].data["image/png"])), format="png")
    np.testing.assert_array_equal((shown[..., :3] * 255).round().astype(np.uint8), wanted)
