"""Videos by gymnasium's RecordVideo and stable-baselines3's VecVideoRecorder: a frame after each reset and step."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.wrappers import RecordVideo
from stable_baselines3.common.vec_env import VecVideoRecorder

from mm_env.envs.sb3 import VecAdapter
from tests.worlds import world

reader = pytest.importorskip("moviepy.video.io.VideoFileClip", reason="mm_env[video] is not installed")
pytestmark = pytest.mark.filterwarnings("ignore")  # of moviepy's processes and their pipes


def frames(path):
    """The frames of a video."""
    with reader.VideoFileClip(str(path)) as clip:
        assert clip.fps == 10  # the metadata's
        return list(clip.iter_frames())


def alike(shown, drawn):
    """Whether a frame of a video is the picture, up to what its compression does to edges."""
    return np.abs(shown.astype(float) - drawn.astype(float)).mean() < 3.0


def test_record_video_has_a_frame_after_the_reset_and_each_step(tmp_path):
    env = RecordVideo(gym.make("mm_env/CarteaJaimungal-v0", market=world(), render_mode="rgb_array"), str(tmp_path))
    env.reset(seed=3)
    drawn, over = [env.unwrapped.render()], False
    while not over:
        _, _, terminated, truncated, _ = env.step(np.zeros(2, np.float32))
        drawn.append(env.unwrapped.render())
        over = terminated or truncated
    env.close()
    (path,) = tmp_path.glob("*.mp4")
    shown = frames(path)
    assert len(shown) == len(drawn) == world().clock.steps + 1
    assert all(alike(one, other) for one, other in zip(shown, drawn, strict=True))


def test_vec_video_recorder_films_the_first_lane(tmp_path):
    lanes = VecVideoRecorder(
        VecAdapter(world(), num_envs=4, render_mode="rgb_array"), str(tmp_path), lambda step: step == 0, video_length=5
    )
    lanes.seed(3)
    lanes.reset()
    for _ in range(6):
        lanes.step(np.zeros((4, 2), np.float32))
    lanes.close()
    (path,) = tmp_path.glob("*.mp4")
    assert len(frames(path)) in (5, 6)
