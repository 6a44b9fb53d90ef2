"""The benchmark of desks times what it says it times."""

import numpy as np
import pytest
from omegaconf import OmegaConf
from rich.console import Console

from experiments.speed import benchmark_desk
from experiments.speed.benchmark_desk import beside_market, desk_of, stepped


@pytest.mark.usefixtures("interpreted")
def test_speeds_are_of_instruments_beside_the_market_in_the_same_runs(monkeypatch):
    monkeypatch.setattr(benchmark_desk, "LANES", 2)
    rates = iter([10.0, 80.0] * 5)  # of the desk and of the market, in turn
    monkeypatch.setattr(benchmark_desk, "times", lambda step, seconds: (step(), next(rates))[1])
    assert beside_market(desk_of(3, "covariance"), 3, 0.1) == (60.0, 3.0 / 8.0)


@pytest.mark.usefixtures("interpreted")
@pytest.mark.parametrize("kind", ["covariance", "one factor"])
def test_mids_have_the_volatility_and_the_correlation_of_the_market_beside(monkeypatch, kind):
    monkeypatch.setattr(benchmark_desk, "LANES", 2)
    assert desk_of(3, kind).prices.covariance_matrix == pytest.approx(4.0 * (0.3 + 0.7 * np.eye(3)), rel=0.02)
    stepped(desk_of(2, kind), 2)()


@pytest.mark.usefixtures("interpreted")
def test_speeds_of_several_makers_count_each_of_them(monkeypatch):
    monkeypatch.setattr(benchmark_desk, "LANES", 1)
    monkeypatch.setattr(benchmark_desk, "OF_MAKERS", (2,))
    rates = iter([10.0, 80.0] * 15)
    monkeypatch.setattr(benchmark_desk, "times", lambda step, seconds: (step(), next(rates))[1])
    lines = benchmark_desk.makers(Console(width=120), OmegaConf.create({"makers": [4], "seconds": 0.1}))
    assert lines == [
        "4 makers of one by logit,8,1,80", "4 makers of one by logit share,8,1,1.0000",
        "4 makers of one by best quote,8,1,80", "4 makers of one by best quote share,8,1,1.0000",
        "4 makers of 2 instruments,8,1,160", "4 makers of 2 instruments share,8,1,2.0000",
    ]  # fmt: skip
