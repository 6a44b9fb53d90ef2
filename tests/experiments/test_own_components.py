"""A user's own component, from their own module, by its name alone."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import mm_env
from experiments import compare, train
from mm_env import Now
from mm_env.core.component import record
from tests.experiments.conftest import SMALL, rows

ROOT = Path(__file__).parents[2]
MODULE = '''
import math
from typing import NamedTuple
from mm_env import Fill, NonNegative, Positive, Price, rule
from mm_env.maths import exp, normal


class Variance(NamedTuple):
    variance: float


class Gusty(Price):
    """A volatility that wanders; the agent sees it."""

    sigma: Positive
    gust: NonNegative
    signals = ("volatility",)

    @rule
    def start(self):
        return Variance(1.0)

    @rule
    def move(self, mid, latent, noise, dt):
        return mid + self.sigma * math.sqrt(latent.variance * dt) * normal(noise.price)

    @rule
    def evolve(self, latent, noise, dt):
        return Variance(latent.variance * exp(self.gust * math.sqrt(dt) * normal(noise.latent) - 0.5 * self.gust**2 * dt))

    @rule
    def observe(self, mid, latent):
        return (math.sqrt(latent.variance),)


class Flat(Fill):
    share: Positive

    @rule
    def take(self, depth):
        return self.share if depth > 0.0 else 1.0


class Scaled(Fill):
    scale: Positive

    @property
    def k(self):
        return 1.0 / self.scale

    @rule
    def take(self, depth):
        return exp(-depth / self.scale)
'''
OWN = ("market.price._target_=gusty.Gusty", "+market.price.gust=0.5")


@pytest.fixture
def module(tmp_path, monkeypatch):
    (tmp_path / "gusty.py").write_text(MODULE, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "gusty", raising=False)


@pytest.mark.slow
def test_a_shell_finds_a_price_of_the_users_own_on_the_python_path(module, tmp_path):
    where, out = {**os.environ, "PYTHONPATH": str(tmp_path)}, tmp_path / "out"
    agents = "agents=[fixed_symmetric,random,best_fixed]"
    command = ["-m", "experiments.compare", *SMALL, *OWN, agents, f"hydra.run.dir={out}"]
    ended = subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=where, capture_output=True, text=True, check=False, encoding="utf-8"
    )
    assert ended.returncode == 0, ended.stderr
    said, table = " ".join(ended.stdout.split()), rows(out)
    assert "optimum is left out: price: Gusty has no law of its moves that is the same at every mid" in said
    assert set(table) == {"fixed_symmetric", "random"}
    assert all(np.isfinite(row["objective"]) for row in table.values())


def test_a_price_of_the_users_own_is_trained_on(launch, module):
    short = ("agent.total_steps=1", "agent.noise=1", "rivals=[random]", "watch.evaluations=1", "watch.episodes=50")
    folder, numbers = launch(train.main, *SMALL, *OWN, *short)
    assert numbers == [rows(folder)["PPO"]["objective"]]
    assert np.isfinite(numbers).all()


def test_a_fill_of_the_users_own_has_its_exact_optimum(launch, module):
    own = ("market.venue.fill._target_=gusty.Flat", "+market.venue.fill.share=0.25")
    table = rows(launch(compare.main, *SMALL, *own, "agents=[best_fixed]")[0])
    assert table["optimum"]["objective"] > table["best_fixed"]["objective"]


@pytest.mark.slow
def test_strategies_go_with_a_fill_of_the_users_own_that_says_its_k(launch, module):
    own = ("market.venue.fill._target_=gusty.Scaled", "+market.venue.fill.scale=0.01")
    same = rows(launch(compare.main, *SMALL, "market.venue.fill.k=100.0", "agents=[glft,cartea_jaimungal]")[0])
    table = rows(launch(compare.main, *SMALL, *own, "agents=[glft,cartea_jaimungal]")[0])
    for name in ("glft", "cartea_jaimungal"):
        assert table[name]["objective"] == pytest.approx(same[name]["objective"], rel=1e-9)


def test_a_parameter_of_the_users_own_is_checked_as_any_other(refused, module):
    said = refused(compare.main, *SMALL, *OWN[:1], "+market.price.gust=-1")
    assert "error: market.price: Gusty.gust must be >= 0, got -1" in said


def test_a_module_that_is_not_there_is_named(refused):
    assert "No module named 'nowhere'" in refused(compare.main, *SMALL, "market.price._target_=nowhere.Gusty")


# a part that is swapped


def test_a_parameter_that_the_part_swapped_in_does_not_have_is_refused_where_it_was_given(refused, module):
    said = refused(compare.main, *SMALL, *OWN, "market.price.drift=0.1")
    assert "error: market.price.drift is none of the parameters of Gusty, which are sigma, gust" in said


def test_a_parameter_that_a_part_does_not_have_is_refused_where_nothing_was_swapped(refused):
    assert "unexpected keyword argument 'gust'" in refused(compare.main, *SMALL, "+market.price.gust=0.1")


def test_learning_on_a_price_without_its_expected_move_is_refused_with_the_cure(refused, module):
    said = refused(train.main, *SMALL, *OWN, "rivals=[random]")
    assert "unless the price gives its `expected` move" in said
    assert "agent.noise=1 learns from the rewards as they are" in said


def test_the_documented_session_is_busier_at_its_ends(tmp_path):
    page = (ROOT / "docs" / "own_model.md").read_text(encoding="utf-8").split("## Rules that see the time")[1]
    written: dict = {"mm_env": mm_env}
    exec(re.search(r"```python\n(.*?)```", page, re.DOTALL)[1], written)
    flow = record(written["Session"](2.0))
    early, noon = (Now(time, 10.0 - time, 100.0, None) for time in (0.5, 5.0))
    assert flow.probability(1.0, 0.1, early, ()) == pytest.approx(-np.expm1(-0.6), rel=1e-12)
    assert flow.probability(1.0, 0.1, noon, ()) == pytest.approx(-np.expm1(-0.2), rel=1e-12)


def test_the_documented_own_model_and_its_command_work_as_printed(tmp_path):
    page = (ROOT / "docs" / "own_model.md").read_text(encoding="utf-8")
    model = re.search(r"```python\n(.*?)```", page, re.DOTALL)[1]
    command = re.search(r"\n```\n(python .*?)```", page, re.DOTALL)[1]
    (tmp_path / "my_models.py").write_text(model, encoding="utf-8")
    words = shlex.split(command.replace("\\\n", " "))
    assert words[:3] == ["python", "-m", "experiments.train"]
    short = ("agent.total_steps=1", "rivals=[random]", "watch.evaluations=1", "watch.episodes=20", "episodes=20")
    where = {**os.environ, "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        [sys.executable, *words[1:], *short, "market.clock.steps=10", f"hydra.run.dir={tmp_path}/out"],
        cwd=tmp_path, env=where, capture_output=True, text=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert set(rows(tmp_path / "out")) == {"PPO", "random"}
    assert (
        "sigma"
        not in (tmp_path / "out" / "config.yaml").read_text(encoding="utf-8").split("price:")[1].split("venue:")[0]
    )
