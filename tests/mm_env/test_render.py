"""The picture of an episode: what is drawn is what was recorded; gymnasium's contract."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.error import ResetNeeded

import mm_env
from mm_env import FiniteHorizon, MarketMakingEnv
from mm_env.envs import render
from mm_env.envs.recorder import Recorder
from mm_env.simulation import Simulation
from tests.worlds import BOOKS, COVERING, random_actions, same_bits, world

SHAPE = (760, 1200, 3)


def episode(market, steps=None):
    simulation = Simulation(market, 1)
    simulation.start(3)
    recorder = Recorder(simulation)
    recorder.start()
    for step in range(market.clock.steps if steps is None else steps):
        actions = random_actions(market, 1, seed=step).reshape(-1)
        simulation.step(actions)
        recorder.add(actions)
    return recorder


def stepped(env, steps):
    env.reset(seed=3)
    actions = random_actions(env.market, steps)
    discrete = env.action_space.shape == ()
    return [env.step(int(a[0]) if discrete else a) for a in actions]


@pytest.mark.parametrize("name", COVERING)
def test_every_kind_of_market_has_a_picture_at_every_time(name):
    env, frames = MarketMakingEnv(COVERING[name], render_mode="rgb_array"), []
    for steps in (0, 1, COVERING[name].clock.steps):
        stepped(env, steps)
        frames.append(env.render())
    assert all((frame.shape, frame.dtype) == (SHAPE, np.uint8) for frame in frames)
    assert not same_bits(frames[0], frames[2])


@pytest.mark.parametrize("name", BOOKS)
def test_every_lot_of_others_is_drawn_once_at_its_price_and_on_its_side(name):
    recorder = episode(BOOKS[name])
    picture = render.Picture(recorder)
    picture.show(render.limits(recorder))
    drawn = [mesh.get_array().filled(0.0) for mesh in picture.book.meshes]
    prices = picture.book.low + np.arange(len(drawn[0]))
    assert drawn[0].shape == drawn[1].shape == (len(prices), len(recorder.moments))
    for i, moment in enumerate(recorder.moments):
        whole = np.zeros(len(prices))
        whole[moment.low - int(prices[0]) :][: len(moment.volumes)] = moment.volumes
        assert (drawn[0][:, i] + drawn[1][:, i]).tolist() == whole.tolist()
        assert not drawn[0][prices > moment.best[0], i].any()
        assert not drawn[1][prices < moment.best[1], i].any()


@pytest.mark.parametrize("name", COVERING)
def test_quotes_fills_inventory_and_profit_are_drawn_as_recorded(name):
    recorder = episode(COVERING[name])
    moments = recorder.moments
    market, inventory, profit = render.draw(recorder).axes[:3]
    mid, bid, ask = (patch.get_data().values for patch in market.patches)
    np.testing.assert_array_equal(mid, [moment.mid for moment in moments])
    for side, values in enumerate((bid, ask)):
        np.testing.assert_array_equal(values[:-1], [moment.quoted[side] for moment in moments[1:]])
    bought, sold = (c for c in market.collections if c.get_label() in ("bought", "sold"))
    for side, marks in enumerate((bought, sold)):
        assert marks.get_offsets()[:, 1].tolist() == [m.quoted[side] for m in moments if m.filled[side] > 0.0]
    ordered = [c for c in market.collections if c.get_label() == "market order"]
    assert sum(len(c.get_offsets()) for c in ordered) == sum(moment.crossed != 0.0 for moment in moments)
    np.testing.assert_array_equal(inventory.get_lines()[1].get_ydata(), [moment.inventory for moment in moments])
    np.testing.assert_array_equal(profit.get_lines()[1].get_ydata(), [moment.profit for moment in moments])


@pytest.mark.parametrize("market", [world(), BOOKS["cont_stoikov_talreja"]], ids=["dealer", "book"])
def test_a_frame_shows_the_episode_so_far_whatever_was_drawn_before(market):
    recorder = episode(market)
    whole, film = recorder.moments, render.Film(recorder)
    for count in range(1, len(whole) + 1):
        recorder.moments = whole[:count]
        assert same_bits(film.pixels(), render.Film(recorder).pixels())


def test_axes_leap_so_that_most_frames_draw_only_what_moves(monkeypatch):
    recorder, grounds = episode(replace(world(), clock=FiniteHorizon(10.0, 100))), []
    draw = render.Film._draw_ground
    monkeypatch.setattr(render.Film, "_draw_ground", lambda *film: (grounds.append(1), draw(*film)))
    whole, film = recorder.moments, render.Film(recorder)
    for count in range(1, len(whole) + 1):
        recorder.moments = whole[:count]
        film.pixels()
    assert len(grounds) < 40
    exact, shown = render.limits(recorder), render.rounded(render.limits(recorder))
    for (low, high), (lower, higher) in zip(exact[:4], shown[:4], strict=True):
        assert lower <= low + 1e-9
        assert high - 1e-9 <= higher <= high + 0.5 * (high - low)


def test_a_quote_far_out_of_the_way_does_not_squeeze_the_rest():
    market = BOOKS["zero_intelligence"]
    simulation = Simulation(market, 1)
    simulation.start(0)
    recorder = Recorder(simulation)
    recorder.start()
    plain = render.draw(recorder).axes[0].get_ylim()
    recorder.moments.append(recorder.moments[0]._replace(quoted=np.array([-1e6, np.nan])))
    assert render.draw(recorder).axes[0].get_ylim() == plain


@pytest.mark.parametrize("market", [world(), BOOKS["cont_stoikov_talreja"]])
def test_what_is_recorded_changes_nothing(market):
    plain, shown = MarketMakingEnv(market), MarketMakingEnv(market, render_mode="rgb_array")
    for one, other in zip(stepped(plain, 5), stepped(shown, 5), strict=True):
        assert same_bits(one[0], other[0])
        assert one[1:4] == other[1:4]


@pytest.mark.parametrize(("display", "modes"), [("", ["rgb_array"]), (":0", ["rgb_array", "human"])])
def test_gymnasium_makes_an_env_that_renders_and_says_human_where_there_may_be_a_screen(monkeypatch, display, modes):
    monkeypatch.setattr("sys.platform", "linux")
    for name, value in {"DISPLAY": display, "WAYLAND_DISPLAY": "", "MPLBACKEND": "agg"}.items():
        monkeypatch.setenv(name, value)
    env = gym.make("mm_env/ContStoikovTalreja-v0", render_mode="rgb_array")
    assert (env.render_mode, env.metadata["render_modes"]) == ("rgb_array", modes)
    env.reset(seed=0)
    env.step(env.action_space.sample())
    assert env.render().shape == SHAPE


def test_an_env_without_a_render_mode_records_nothing_and_says_so():
    env = MarketMakingEnv(world())
    env.reset(seed=0)
    assert env._recorder is None
    with pytest.warns(UserWarning, match="render_mode='rgb_array'"):
        assert env.render() is None


def test_a_picture_needs_a_reset_first():
    with pytest.raises(ResetNeeded, match=r"render\(\) needs reset\(\) first"):
        MarketMakingEnv(world(), render_mode="rgb_array").render()


@pytest.mark.parametrize("mode", ["ansi", ""])
def test_an_unknown_render_mode_is_an_error(mode):
    with pytest.raises(ValueError, match=f"render_mode must be None or 'rgb_array' or 'human', got '{mode}'"):
        MarketMakingEnv(world(), render_mode=mode)


def test_matplotlib_waits_for_the_first_picture():
    script = "import sys, mm_env; mm_env.MarketMakingEnv('amzn', render_mode='rgb_array'); print('matplotlib' in sys.modules)"
    root = Path(mm_env.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=root, check=True, encoding="utf-8"
    )
    assert done.stdout.strip() == "False"
