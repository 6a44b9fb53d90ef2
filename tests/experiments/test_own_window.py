"""A market written with a test window beside it is evaluated on that window, unless another is asked for."""

from types import SimpleNamespace

import pytest
from omegaconf import OmegaConf

from experiments.config.main import with_own_window

MINE = "_target_: mm_env.InTurn\nbegins: 7.0\nends: 9.0\n"


@pytest.fixture
def cfg(tmp_path, monkeypatch):
    (tmp_path / "conf" / "window").mkdir(parents=True)
    (tmp_path / "conf" / "window" / "mine_test.yaml").write_text(MINE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return OmegaConf.create({"evaluation_window": {"_target_": "mm_env.InTurn", "begins": 1.0, "ends": 2.0}})


def run(market, *overrides):
    return SimpleNamespace(
        runtime=SimpleNamespace(choices={"market": market}), overrides=SimpleNamespace(task=list(overrides))
    )


def test_the_window_beside_the_market_is_taken(cfg):
    assert with_own_window(cfg, run("mine")).evaluation_window.begins == 7.0


@pytest.mark.parametrize(
    "asked", ["evaluation_window=null", "window@evaluation_window=train", "evaluation_window.ends=3"]
)
def test_one_that_is_asked_for_comes_first(cfg, asked):
    assert with_own_window(cfg, run("mine", asked)).evaluation_window.begins == 1.0


def test_other_markets_keep_theirs(cfg):
    assert with_own_window(cfg, run("amzn_replay")).evaluation_window.begins == 1.0
    none = OmegaConf.create({"seed": 0})
    assert with_own_window(none, run("mine")) == none


@pytest.mark.parametrize(("asked", "begins"), [((), 7.0), (("window@recorded.venue.window=train",), 1.0)])
def test_a_backtest_takes_the_window_beside_its_recorded_market(cfg, asked, begins):
    recorded = OmegaConf.create({"recorded": {"venue": {"window": cfg.evaluation_window}}})
    told = run("amzn_book", *asked)
    told.runtime.choices["market@recorded"] = "mine"
    assert with_own_window(recorded, told).recorded.venue.window.begins == begins
