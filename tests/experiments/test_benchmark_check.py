"""Speeds are compared with the stored ones as ratios within one run, and a loss ends the command with 1."""

import json

import pytest

from experiments import benchmark_check
from experiments.speed import baseline
from experiments.speed.baseline import Kept, beside, kept


def test_the_stored_speeds_are_those_that_the_command_measures(composed):
    """And each is faster than numpy, which is what the kernel is for."""
    cfg = composed("benchmark_check")
    assert set(kept().ratios) == {str(lanes) for lanes in cfg.lean_lanes}
    assert min(kept().ratios.values()) > 1.0
    assert kept().seconds == cfg.seconds


def test_what_has_lost_more_than_its_share_is_slower():
    stored = {"1": 8.0, "64": 4.0}
    told = beside(stored, {"1": 5.25, "64": 2.5}, 0.35)
    assert [(row.name, row.share, row.verdict) for row in told] == [("1", 0.65625, ""), ("64", 0.625, "slower")]


def test_lanes_that_are_not_stored_are_refused():
    with pytest.raises(ValueError, match="lean_lanes must be among the stored 1, 64, got 7"):
        beside({"1": 8.0, "64": 4.0}, {"7": 1.0}, 0.35)


@pytest.fixture
def stored(tmp_path, monkeypatch):
    """The command, with speeds that are given in the place of measured ones: what it ends with."""
    file = tmp_path / "baseline.json"
    for module in (baseline, benchmark_check):
        monkeypatch.setattr(module, "FILE", file)

    def write(ratios):
        file.write_text(json.dumps(Kept(ratios, 0.3)._asdict()), encoding="utf-8")
        return file

    return write


def test_a_loss_ends_the_command_with_one_line(launch, monkeypatch, stored):
    stored({"64": 4.0})
    monkeypatch.setattr(benchmark_check, "measured", lambda lanes, seconds: {"64": 2.0})
    with pytest.raises(SystemExit, match="error: 64 lanes: more than 35% of the stored speed is lost"):
        launch(benchmark_check.main, "lean_lanes=[64]")


def test_what_is_as_fast_as_stored_ends_well(launch, monkeypatch, stored):
    stored({"64": 4.0})
    monkeypatch.setattr(benchmark_check, "measured", lambda lanes, seconds: {"64": 3.0})
    assert launch(benchmark_check.main, "lean_lanes=[64]")[1] == [0.75]


def test_speeds_are_made_anew_on_request_alone(launch, monkeypatch, stored):
    file = stored({"64": 4.0})
    monkeypatch.setattr(benchmark_check, "measured", lambda lanes, seconds: {"64": 3.0})
    launch(benchmark_check.main, "lean_lanes=[64]", "make=true")
    assert kept().ratios == {"64": 3.0}
    assert file.is_file()


@pytest.mark.parametrize(("override", "said"), [
    ("share=1", "share must lie in"), ("lean_lanes=[]", "lean_lanes must name numbers of lanes"),
])  # fmt: skip
def test_what_is_no_option_is_refused(launch, override, said):
    with pytest.raises(SystemExit, match=said):
        launch(benchmark_check.main, override)
