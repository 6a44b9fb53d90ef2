"""An interrupted training, resumed, ends where it would have ended; and nothing that its files carry is run."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.noise import NormalActionNoise, OrnsteinUhlenbeckActionNoise

from agents.learning import numbers_only
from agents.learning.checkpoint import PROGRESS, load_checkpoint, save_checkpoint
from agents.learning.learner import CHECKPOINT, Learner
from agents.learning.numbers_only import Damaged
from mm_env import Grid
from mm_env.markets import market_named
from tests.worlds import world

PPO = {
    "algorithm": "PPO",
    "total_steps": 1280,
    "num_envs": 8,
    "checkpoints": 5,
    "settings": {"n_steps": 32, "batch_size": 64, "n_epochs": 2},
}
SAC = {
    "algorithm": "SAC",
    "total_steps": 640,
    "num_envs": 8,
    "checkpoints": 4,
    "settings": {"learning_starts": 64, "buffer_size": 1000, "batch_size": 32},
}
KILLED = """
import os, signal, sys
from pathlib import Path
from stable_baselines3.common.callbacks import BaseCallback
from agents.learning.learner import Learner
from mm_env.markets import market_named

class Kill(BaseCallback):
    def _on_step(self):
        if self.num_timesteps >= {after}:
            os.kill(os.getpid(), signal.SIGKILL)
        return True

Learner(**{settings}).train(market_named("cartea_jaimungal"), 3, Path(sys.argv[1]), [Kill()])
"""
TD3 = {**SAC, "algorithm": "TD3", "expected_fills": True, "lateness": True}
BRANCHED = {**PPO, "branches": 3}
EXPECTED = {**PPO, "expected_fills": True, "lateness": True, "noise": 0.0}


def weights(model: object) -> dict[str, np.ndarray]:
    return {name: value.numpy() for name, value in model.policy.state_dict().items()}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("settings", "after"),
    [
        pytest.param(PPO, 900, id="PPO"),
        pytest.param(EXPECTED, 900, id="PPO with expected fills"),
        pytest.param(BRANCHED, 900, id="PPO with branches", marks=pytest.mark.slow),
        pytest.param(SAC, 500, id="SAC", marks=pytest.mark.slow),
        pytest.param(TD3, 500, id="TD3 with expected fills"),
    ],
)
def test_a_run_killed_and_resumed_ends_with_the_weights_of_an_uninterrupted_one(
    settings: dict, after: int, tmp_path: Path
) -> None:
    market, learner = market_named("cartea_jaimungal"), Learner(**settings)
    whole = learner.train(market, 3, tmp_path / "whole").model
    broken = tmp_path / "broken"
    script = KILLED.format(after=after, settings=settings)
    ended = subprocess.run([sys.executable, "-c", script, str(broken)], cwd=Path(__file__).parents[2], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert (broken / CHECKPOINT).is_file()
    resumed = learner.train(market, 99, broken, resume=True).model
    assert resumed.num_timesteps == whole.num_timesteps
    ours, theirs = weights(resumed), weights(whole)
    assert all(np.array_equal(ours[name], theirs[name]) for name in theirs)


# every algorithm, and every way to explore

SMALL = {"policy_kwargs": {"net_arch": [8]}}
ROLLOUT = {"n_steps": 16, **SMALL}
REPLAY = {"learning_starts": 20, "batch_size": 16, "buffer_size": 200, **SMALL}
ONE = np.ones(2, np.float32)
EVERY = {
    "PPO": ("PPO", {**ROLLOUT, "batch_size": 32, "n_epochs": 2}),
    "PPO, state-dependent exploration": ("PPO", {**ROLLOUT, "batch_size": 32, "n_epochs": 2, "use_sde": True}),
    "A2C": ("A2C", ROLLOUT),
    "A2C, state-dependent exploration": ("A2C", {**ROLLOUT, "use_sde": True, "sde_sample_freq": 3}),
    "RecurrentPPO": ("RecurrentPPO", {**ROLLOUT, "batch_size": 32, "n_epochs": 2, "policy": "MlpLstmPolicy",
                                      "policy_kwargs": {"net_arch": [8], "lstm_hidden_size": 8}}),
    "SAC": ("SAC", REPLAY),
    "SAC, fixed entropy": ("SAC", {**REPLAY, "ent_coef": 0.1}),
    "SAC, state-dependent exploration": ("SAC", {**REPLAY, "use_sde": True}),
    "TQC": ("TQC", REPLAY),
    "DQN": ("DQN", {**REPLAY, "target_update_interval": 24, "exploration_fraction": 0.8}),
    "QRDQN": ("QRDQN", {**REPLAY, "target_update_interval": 24, "exploration_fraction": 0.8}),
    "TD3": ("TD3", REPLAY),
    "TD3, normal noise": ("TD3", {**REPLAY, "action_noise": NormalActionNoise(0 * ONE, 0.1 * ONE)}),
    "TD3, noise that remembers": ("TD3", {**REPLAY, "action_noise": OrnsteinUhlenbeckActionNoise(0 * ONE, 0.3 * ONE)}),
}  # fmt: skip


class Stop(BaseCallback):
    """Leaves a checkpoint at the first rollout after so many steps, and ends the training there."""

    def __init__(self, after: int, folder: Path) -> None:
        super().__init__()
        self.after, self.folder = after, folder

    def _on_rollout_start(self) -> None:
        if self.num_timesteps >= self.after:
            save_checkpoint(self.folder / CHECKPOINT, self.model)
            raise KeyboardInterrupt

    def _on_step(self) -> bool:
        return True


def learner_of(name: str) -> tuple[Learner, object]:
    algorithm, settings = EVERY[name]
    quote = Grid(max_half_spread=1.0, max_skew=1.0, half_spreads=2, skews=3)
    market = world(**({"quote": quote} if "DQN" in algorithm else {}))
    return Learner(algorithm, 160, num_envs=2, checkpoints=0, settings=settings), market


def stopped(name: str, folder: Path) -> object:
    """The model as it was when its checkpoint was left in `folder`."""
    learner, market = learner_of(name)
    folder.mkdir(exist_ok=True)
    kept = []

    class Keep(Stop):
        def _on_rollout_start(self) -> None:
            kept[:] = [self.model]
            super()._on_rollout_start()

    with pytest.raises(KeyboardInterrupt):
        learner.train(market, 3, folder, [Keep(80, folder)])
    return kept[0]


@pytest.mark.parametrize("name", EVERY)
def test_every_algorithm_goes_on_to_the_same_bits(name: str, tmp_path: Path) -> None:
    learner, market = learner_of(name)
    whole = learner.train(market, 3).model
    stopped(name, tmp_path)
    resumed = learner.train(market, 99, tmp_path, resume=True).model
    ours, theirs = weights(resumed), weights(whole)
    assert all(np.array_equal(ours[part], theirs[part]) for part in theirs)
    for optimiser, state in whole.get_parameters().items():
        torch.testing.assert_close(resumed.get_parameters()[optimiser], state, rtol=0.0, atol=0.0)


@pytest.mark.parametrize("name", ["PPO", "RecurrentPPO", "SAC", "DQN", "TD3, noise that remembers"])
def test_a_checkpoint_leaves_nothing_out_that_an_algorithm_keeps(name: str, tmp_path: Path) -> None:
    """Whatever number or array of the model, its buffer included, differs from a fresh one's is put back."""
    model = stopped(name, tmp_path)
    learner, market = learner_of(name)
    again = learner.model(market, 3)
    load_checkpoint(tmp_path / CHECKPOINT, again)
    timing = {"start_time", "_num_timesteps_at_start", "tensorboard_log", "_stats_window_size"}
    for ours, theirs in (
        (again, model),
        (getattr(again, "replay_buffer", None), getattr(model, "replay_buffer", None)),
    ):
        for field, value in vars(theirs).items() if theirs is not None else ():
            if isinstance(value, int | float | np.ndarray) and field not in timing:
                np.testing.assert_array_equal(vars(ours)[field], value, err_msg=field)
    assert set(PROGRESS) & set(vars(model)) >= {"num_timesteps", "_n_updates", "_last_obs"}


# what a file carries is not run


class Bomb:
    """Makes a file where it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple:
        return os.mkdir, (str(self.mark),)


def bombs(mark: Path) -> dict[str, bytes]:
    """Name -> a file that makes `mark` when it is read with trust."""
    import pickle

    made = {}
    for name, old in (("zip", False), ("older format", True)):
        buffer = io.BytesIO()
        torch.save(
            {"format": "mm_env checkpoint 1", "model": Bomb(mark)}, buffer, _use_new_zipfile_serialization=not old
        )
        made[name] = buffer.getvalue()
    made["pickle"] = pickle.dumps(Bomb(mark))
    return made


@pytest.mark.parametrize("kind", ["zip", "older format", "pickle"])
def test_a_checkpoint_runs_nothing_that_it_carries(kind: str, tmp_path: Path) -> None:
    learner, market = learner_of("PPO")
    (tmp_path / CHECKPOINT).write_bytes(bombs(tmp_path / "mark")[kind])
    with pytest.raises(Damaged, match=r"checkpoint\.pt (holds more than numbers|was cut off or damaged)"):
        learner.train(market, 3, tmp_path, resume=True)
    assert not (tmp_path / "mark").exists()
    with suppress(Exception):  # whoever trusts it runs it
        torch.load(tmp_path / CHECKPOINT, weights_only=False)
    assert (tmp_path / "mark").exists()


def test_a_file_of_numbers_is_read_to_the_bit_and_holds_nothing_else(tmp_path: Path) -> None:
    record = np.zeros(3, np.dtype([("a", "<i8", (2,)), ("b", "?")], align=True)).view(np.recarray)
    record.a[1], record.b[2] = (4, 5), True
    for array in (record, np.arange(6, dtype=np.uint64).reshape(2, 3)[:, ::2], np.float32(0.1), np.empty((0, 4))):
        numbers_only.save(tmp_path / "file", {"x": [array, (1, 2.5, None, "é", 2**100)]})
        read, rest = numbers_only.load(tmp_path / "file", "")["x"]
        assert (read.dtype.names, read.shape, rest) == (array.dtype.names, array.shape, (1, 2.5, None, "é", 2**100))
        np.testing.assert_array_equal(read, np.asarray(array))
    for refused in (object(), np.array([object()]), {"x": Path()}, {3.5: print}):
        with pytest.raises(TypeError, match="a file of numbers holds"):
            numbers_only.save(tmp_path / "other", refused)


def test_an_array_of_objects_made_of_numbers_is_refused(tmp_path: Path) -> None:
    torch.save({"x": {numbers_only.ARRAY: ("|O", [1], torch.zeros(8, dtype=torch.uint8))}}, tmp_path / "file")
    with pytest.raises(Damaged, match="holds more than numbers"):
        numbers_only.load(tmp_path / "file", "delete it")


# what was cut off, or is another's


@pytest.mark.parametrize("part", [0.0, 0.3, 0.9, "flipped", "noise", "other settings", "other format"])
def test_a_checkpoint_that_is_damaged_or_anothers_is_refused_by_name_with_the_cure(
    part: object, tmp_path: Path
) -> None:
    stopped("PPO", tmp_path)
    path = tmp_path / CHECKPOINT
    data = path.read_bytes()
    learner, market = learner_of("PPO" if part != "other settings" else "A2C")
    if isinstance(part, float):
        path.write_bytes(data[: int(part * len(data))])
    elif part == "flipped":
        path.write_bytes(data[: len(data) // 2] + bytes([data[len(data) // 2] ^ 255]) + data[len(data) // 2 + 1 :])
    elif part == "noise":
        path.write_bytes(np.random.default_rng(0).bytes(5000))
    elif part == "other format":
        torch.save({"model": b"x".hex()}, path)
    with pytest.raises(Damaged, match=r"checkpoint\.pt .*: delete it, and the training begins anew$"):
        learner.train(market, 3, tmp_path, resume=True)


def test_a_full_disk_leaves_the_checkpoint_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = stopped("PPO", tmp_path)
    before = (tmp_path / CHECKPOINT).read_bytes()

    def full(path: Path, value: object) -> None:
        path.write_bytes(b"half of it")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(numbers_only, "save", full)
    with pytest.raises(OSError, match=r"checkpoint\.pt cannot be written: No space left on device"):
        save_checkpoint(tmp_path / CHECKPOINT, model)
    assert (tmp_path / CHECKPOINT).read_bytes() == before
    assert not list(tmp_path.glob(".*partial"))
