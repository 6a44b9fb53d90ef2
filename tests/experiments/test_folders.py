"""Folders: a fresh start has one of its own, what another config left is kept, and what is in one is read as numbers."""

import io
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf

from experiments import compare, evaluate, report, train
from experiments.config.stored import stored_config
from experiments.runs import jobs
from experiments.runs.sweeps import quoted
from tests.agents.test_checkpoint import Bomb, bombs
from tests.experiments.conftest import SMALL, launched, rows

ROOT = Path(__file__).parents[2]
SHORT = ("agent.total_steps=1", "rivals=[]", "watch.evaluations=1", "watch.episodes=50", "agent.checkpoints=2")
STRATEGY = (*SMALL, "agents=[fixed_symmetric]")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a finished training of two rollouts, with a checkpoint between them."""
    folder = tmp_path_factory.mktemp("run")
    launched(train.main, folder, *SMALL, "agent.total_steps=16384", *SHORT[1:])
    return folder


@pytest.fixture
def copy(run, tmp_path):
    return Path(shutil.copytree(run, tmp_path / "copy"))


# a fresh start


@pytest.mark.parametrize("sweep", [(), ("-m", "seed=1,2")], ids=["runs", "sweeps"])
def test_what_starts_in_one_moment_does_not_share_a_folder(tmp_path, sweep):
    for _ in range(3):
        launched(compare.main, f"{tmp_path}/${{now:%Y}}", *sweep, *STRATEGY)
    first, second, third = sorted(tmp_path.iterdir(), key=lambda path: (len(path.name), path.name))
    assert [second.name, third.name] == [f"{first.name}-2", f"{first.name}-3"]
    tables = [sorted(folder.rglob("table.csv")) for folder in (first, second, third)]
    assert [len(found) for found in tables] == [2 if sweep else 1] * 3
    assert not list(tmp_path.rglob(jobs.REPLACED))


def test_two_commands_at_once_both_keep_their_results(tmp_path):
    command = [sys.executable, "-m", "experiments.compare", *STRATEGY, f"hydra.run.dir={tmp_path}/${{now:%Y}}"]
    both = [subprocess.Popen([*command, f"seed={seed}"], cwd=ROOT, stdout=subprocess.DEVNULL) for seed in (1, 2)]
    assert [each.wait() for each in both] == [0, 0]
    seeds = sorted(OmegaConf.load(path).seed for path in tmp_path.glob("*/config.yaml"))
    assert seeds == [1, 2]
    assert len(list(tmp_path.glob("*/table.csv"))) == 2


def test_a_folder_is_made_once_whoever_asks(tmp_path):
    made = [jobs.fresh(tmp_path / "a b" / "x") for _ in range(3)]
    assert [path.name for path in made] == ["x", "x-2", "x-3"]


def test_a_folder_that_cannot_be_made_is_named_in_one_line(tmp_path, capsys):
    (tmp_path / "file").touch()
    with pytest.raises(SystemExit, match=r"^error: hydra.run.dir must be a folder that can be written, got .*/file/x"):
        launched(compare.main, tmp_path / "file" / "x", *STRATEGY)


# a folder that is named


def test_what_another_config_left_is_moved_and_said(tmp_path, capsys):
    launched(compare.main, tmp_path, *STRATEGY)
    before = (tmp_path / "table.csv").read_bytes()
    (tmp_path / "notes.txt").write_text("the user's own", encoding="utf-8")
    launched(compare.main, tmp_path, *STRATEGY, "seed=5")
    kept = tmp_path / jobs.REPLACED
    assert (kept / "table.csv").read_bytes() == before
    assert OmegaConf.load(kept / "config.yaml").seed == 1
    assert json.loads((kept / "metrics.json").read_text(encoding="utf-8"))["status"] == "finished"
    assert (tmp_path / "notes.txt").is_file()
    assert OmegaConf.load(tmp_path / "config.yaml").seed == 5
    assert f"was that of another config: what it held is in {kept}" in capsys.readouterr().err
    launched(compare.main, tmp_path, *STRATEGY, "seed=6")
    assert (tmp_path / f"{jobs.REPLACED}-2" / "table.csv").is_file()


@pytest.mark.parametrize("command", ["backtest", "realism", "train", "robust", "leaderboard"])
def test_the_log_that_hydra_began_for_a_command_is_no_other_configs(tmp_path, capsys, command):
    (tmp_path / f"{command}.log").write_text("", encoding="utf-8")
    jobs.adopt(tmp_path, "seed: 1\n")
    assert not (tmp_path / jobs.REPLACED).exists()
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("name", ["a b", "a=b", "é", "it's", "a,b", "[x]", "a{b}", "#1", "50%"])
def test_a_folder_of_any_name_goes_through_a_command_line(copy, tmp_path, name, launch):
    folder = copy.rename(tmp_path / name)
    (override,) = subprocess.run(
        ["bash", "-c", f"printf '%s' {quoted('run', folder)}"], capture_output=True, check=True
    ).stdout.decode().splitlines()  # fmt: skip
    written, _ = launch(evaluate.main, override, "episodes=20")
    assert set(rows(written)) >= {folder.name}
    assert json.loads((written / "metrics.json").read_text(encoding="utf-8"))["overrides"][0].startswith("run=")


# resuming


def test_a_finished_run_is_not_resumed_but_said_to_be_finished(copy, launch, capsys):
    before = {path: path.stat().st_mtime_ns for path in copy.iterdir() if path.name != ".lock"}
    _, numbers = launch(train.main, f"resume={copy}")
    assert numbers == [jobs.read(copy)["score"]]
    assert capsys.readouterr().out == f"{copy} is finished: there is nothing to resume\n"
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_a_run_killed_before_its_first_checkpoint_begins_anew_there(run, copy, launch, capsys):
    for name in ("checkpoint.pt", "model.zip", "table.csv", "curve.csv", "metrics.json"):
        (copy / name).unlink()
    launch(train.main, f"resume={copy}")
    assert "holds no checkpoint: the training begins anew" in " ".join(capsys.readouterr().out.split())
    assert (copy / "table.csv").read_bytes() == (run / "table.csv").read_bytes()


def test_a_run_of_a_comparison_is_resumed_by_the_comparison(copy, refused):
    cfg = OmegaConf.load(copy / "config.yaml")
    OmegaConf.save({name: cfg[name] for name in ("market", "agent", "seed", "watch")}, copy / "config.yaml")
    assert "must name the folder of a training by experiments.train" in refused_in(
        copy, refused, train.main, f"resume={copy}"
    )


# damage


def refused_in(folder, refused, main, *overrides):
    """What a main says that refuses; the folder itself keeps what `refused` takes for results."""
    hidden = {
        path: path.read_bytes() for path in folder.iterdir() if path.name in ("table.csv", "table.md", "model.zip")
    }
    hidden |= {path: path.read_bytes() for path in folder.glob("*.png")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "rglob", lambda *_: iter(()))
        said = refused(main, *overrides)
    assert {path: path.read_bytes() for path in hidden} == hidden
    lines = [line for line in said.splitlines() if line.strip() not in ("", "1")]
    assert len(lines) == 1, said
    return lines[0]


DAMAGE = {
    "empty": lambda data: b"",
    "cut": lambda data: data[: len(data) // 3],
    "noise": lambda data: np.random.default_rng(1).bytes(300),
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize(
    ("name", "mains"), [("config.yaml", 3), ("model.zip", 2), ("checkpoint.pt", 1), ("curve.csv", 1)]
)
def test_a_damaged_file_is_named_in_one_line_with_what_to_do(copy, refused, name, mains, damage):
    path = copy / name
    path.write_bytes(DAMAGE[damage](path.read_bytes()))
    (copy / "metrics.json").unlink()  # so that it is not finished
    if name == "curve.csv" and damage != "noise":
        pytest.skip("a row that was cut off is that of a moment before a kill: it goes on without")
    asked = [(train.main, f"resume={copy}")] if name in ("config.yaml", "checkpoint.pt", "curve.csv") else []
    if name in ("config.yaml", "model.zip"):
        asked += [(evaluate.main, f"run={copy}"), (compare.main, f"agents=[{copy}]")]
    assert len(asked) == mains
    for main, override in asked:
        said = refused_in(copy, refused, main, *(SMALL if main is compare.main else ()), override)
        assert str(path) in said
        assert any(cure in said for cure in ("delete it", "put a copy of it back"))


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_metrics_are_passed_over_and_said(copy, launch, damage, capsys):
    (copy / "metrics.json").write_bytes(DAMAGE[damage]((copy / "metrics.json").read_bytes()))
    folder, _ = launch(evaluate.main, f"run={copy}", "episodes=20")
    assert f"warning: {copy / 'metrics.json'} was cut off or damaged" in capsys.readouterr().err
    assert jobs.read(folder)["status"] == "finished"


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_report_is_made_whatever_is_damaged(run, copy, tmp_path, damage, capsys):
    names = [
        "config.yaml",
        "model.zip",
        "curve.csv",
        "metrics.json",
        "table.csv",
        ".hydra/config.yaml",
        ".hydra/hydra.yaml",
    ]
    for number, name in enumerate(names):
        one = Path(shutil.copytree(run, copy / f"one{number}", ignore=shutil.ignore_patterns("training_*")))
        (one / name).write_bytes(DAMAGE[damage]((one / name).read_bytes()))
    assert report.main([str(copy), "--to", str(tmp_path / "page"), "--episodes", "5", "--resamples", "10"]) == 0
    said = capsys.readouterr().err
    assert "Traceback" not in said
    assert f"warning: {copy / 'one3' / 'metrics.json'} was cut off or damaged, and is passed over" in said
    assert (tmp_path / "page" / "report.html").is_file()


# what files carry is not run


def poisoned_model(path, mark, kind):
    """Replace what is in model.zip by what makes `mark` where it is trusted."""
    with zipfile.ZipFile(path) as file:
        parts = {name: file.read(name) for name in file.namelist()}
    if kind == "data":
        from stable_baselines3.common.save_util import data_to_json

        parts["data"] = data_to_json({"policy_class": Bomb(mark), "observation_space": Bomb(mark)}).encode()
    else:
        parts["policy.pth"] = bombs(mark)[kind]
    with zipfile.ZipFile(path, "w") as file:
        for name, data in parts.items():
            file.writestr(name, data)


@pytest.mark.parametrize("kind", ["data", "zip", "older format", "pickle"])
def test_a_model_runs_nothing_that_it_carries(run, copy, tmp_path, launch, kind):
    mark = tmp_path / "mark"
    poisoned_model(copy / "model.zip", mark, kind)
    for main, overrides in ((evaluate.main, [f"run={copy}"]), (compare.main, [*SMALL, f"agents=[{copy}]"])):
        if kind == "data":  # of which nothing is read but how far it came
            folder, _ = launch(main, *overrides, "episodes=400")
            assert rows(folder)[copy.name]["objective"] == rows(run)["PPO"]["objective"]
        else:
            with pytest.raises(SystemExit, match=r"model\.zip (holds more than numbers|was cut off or damaged)"):
                launch(main, *overrides)
    report.main([str(copy), "--to", str(tmp_path / "page"), "--episodes", "5", "--resamples", "10"])
    assert not mark.exists()


@pytest.mark.parametrize("kind", ["zip", "older format", "pickle"])
def test_a_checkpoint_runs_nothing_that_it_carries(copy, tmp_path, launch, kind):
    (copy / "metrics.json").unlink()
    (copy / "checkpoint.pt").write_bytes(bombs(tmp_path / "mark")[kind])
    with pytest.raises(SystemExit, match=r"error: .*checkpoint\.pt .*: delete it, and the training begins anew"):
        launch(train.main, f"resume={copy}")
    assert not (tmp_path / "mark").exists()


MARKS = {
    "a function": {"_target_": "os.mkdir", "path": "MARK"},
    "a class that acts": {"_target_": "subprocess.Popen", "args": ["mkdir", "MARK"]},
    "a method": {"_target_": "stable_baselines3.PPO.load", "path": "MARK"},
    "a class that opens files": {
        "_target_": "stable_baselines3.common.logger.HumanOutputFormat",
        "filename_or_file": "MARK",
    },
    "a function of our own": {"_target_": "experiments.runs.jobs.fresh", "path": "MARK"},
    "what a module has by chance": {"_target_": "mm_env.core.engine.os.mkdir", "path": "MARK"},
    "a look-up": {"_target_": "hydra.utils.get_method", "path": "os.mkdir"},
    "no class": {"_target_": "hydra.utils.get_class", "path": "subprocess.Popen"},
    "a value from elsewhere": "${oc.env:HOME}",
    "a module in the folder itself": {"_target_": "planted.Price"},
}


@pytest.mark.parametrize("place", ["market.price", "agent.settings.learning_rate", "agent.teacher"])
@pytest.mark.parametrize("kind", MARKS)
def test_the_config_of_a_folder_names_only_what_computes(copy, tmp_path, monkeypatch, kind, place):
    mark = tmp_path / "mark"
    cfg = OmegaConf.load(copy / "config.yaml")
    planted = json.loads(json.dumps(MARKS[kind]).replace("MARK", str(mark)))
    OmegaConf.update(cfg, place, planted, merge=False, force_add=True)
    OmegaConf.save(cfg, copy / "config.yaml")
    code = f"import os\nos.mkdir({str(mark)!r})\nfrom mm_env import Brownian as Price\n"
    (copy / "planted.py").write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(copy)
    with pytest.raises(ValueError, match=r"config\.yaml(: \w+ must name a component| must hold values)"):
        stored_config(copy)
    assert not mark.exists()


@pytest.mark.parametrize("main", ["resume", "run", "agents", "report"])
def test_every_main_that_reads_a_folder_refuses_such_a_config(copy, tmp_path, launch, main):
    mark = tmp_path / "mark"
    cfg = OmegaConf.load(copy / "config.yaml")
    cfg.market.price = {"_target_": "os.mkdir", "path": str(mark)}
    OmegaConf.save(cfg, copy / "config.yaml")
    if main == "report":
        report.main([str(copy), "--to", str(tmp_path / "page"), "--episodes", "5", "--resamples", "10"])
    else:
        asked = {"resume": (train.main, f"resume={copy}"), "run": (evaluate.main, f"run={copy}"),
                 "agents": (compare.main, f"agents=[{copy}]")}[main]  # fmt: skip
        with pytest.raises(
            SystemExit, match=r"error: .*config\.yaml: _target_ must name a component, .* got os\.mkdir"
        ):
            launch(*asked)
    assert not mark.exists()


def test_a_config_may_name_the_users_own_component_and_what_conf_does(copy, tmp_path, monkeypatch):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "gusty_price.py").write_text(
        "from mm_env import Brownian\nclass Gusty(Brownian): pass\n", encoding="utf-8"
    )
    monkeypatch.syspath_prepend(tmp_path / "mine")
    cfg = OmegaConf.load(copy / "config.yaml")
    cfg.market.price._target_ = "gusty_price.Gusty"
    cfg.agent.teacher = {"_target_": "agents.GLFT", "gamma": 0.1, "_partial_": True}
    cfg.agent.settings.ent_coef = {"_target_": "numpy.linspace", "start": 0, "stop": 1}
    OmegaConf.save(cfg, copy / "config.yaml")
    assert stored_config(copy).market.price._target_ == "gusty_price.Gusty"


@pytest.mark.parametrize("path", sorted((ROOT / "conf" / "agent").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_agent_of_conf_may_stand_in_a_folder(path, tmp_path):
    cfg = OmegaConf.create({"market": {}, "agent": OmegaConf.load(path)})
    cfg.agent = {k: v for k, v in OmegaConf.to_container(cfg.agent, resolve=False).items() if "${" not in str(v)}
    OmegaConf.save(cfg, tmp_path / "config.yaml")
    stored_config(tmp_path)


def test_a_users_own_model_still_loads_by_stable_baselines3(run):
    from stable_baselines3 import PPO

    model = PPO.load(run / "model.zip", device="cpu")
    assert model.num_timesteps == 16384
    with zipfile.ZipFile(run / "model.zip") as file:
        ours = torch.load(io.BytesIO(file.read("policy.pth")), weights_only=True)
    assert all(torch.equal(value, ours[name]) for name, value in model.policy.state_dict().items())
