"""Two checkouts are timed in turn, each in a process of its own."""

import io

import numpy as np
import pytest
from rich.console import Console

from experiments import ROOT
from experiments.speed import benchmark_versions, version_worker
from experiments.speed.benchmark_versions import beside_before, check_before, repeated, seconds, worker
from mm_env.markets import market_named


def test_what_is_no_checkout_is_refused_before_any_work(tmp_path):
    with pytest.raises(ValueError, match="before must be another checkout of this project"):
        check_before(str(tmp_path))
    check_before(str(ROOT))
    check_before(None)


def test_a_worker_answers_by_the_step_and_says_what_it_cannot_run():
    with worker(ROOT) as process:
        assert seconds(process, "step\tamzn\t64\t10") > 0.0
        with pytest.raises(ValueError, match="before must be a version that runs here"):
            seconds(process, "step\tnowhere\t64\t10")


def test_a_tabulated_run_counts_the_steps_of_its_episodes():
    timed = version_worker.case("table", "cartea_jaimungal", 3)
    assert timed.steps == market_named("cartea_jaimungal").clock.steps


def test_both_versions_are_asked_for_the_same_runs_from_the_same_beginning():
    with worker(ROOT) as process:
        asked = repeated(process, "step\tamzn\t64", 0.002)
    *case, runs = asked.split("\t")
    assert case == ["step", "amzn", "64"]
    assert int(runs) >= 2
    timed = version_worker.case("step", "amzn", 3)
    seen = []
    for _ in range(2):
        timed.begin()
        seen.append(timed.run()[0])
    np.testing.assert_array_equal(*seen)


def test_the_table_has_the_median_of_ratios_of_pairs(monkeypatch, composed):
    monkeypatch.setattr(benchmark_versions, "CASES", (("step", "amzn", 64),))
    monkeypatch.setattr(benchmark_versions, "RUNS", 3)
    answers = iter([9.0, 9.0, 2e-6, 1e-6, 9e-6, 3e-6, 8e-6, 2e-6])  # the first pair does not count
    monkeypatch.setattr(benchmark_versions, "repeated", lambda process, case, at_least: case)
    monkeypatch.setattr(benchmark_versions, "seconds", lambda *_: next(answers))
    out = io.StringIO()
    lines = beside_before(Console(file=out, width=100), composed("benchmark", f"before={ROOT}"))
    assert lines == ["amzn, VectorEnv.step beside before,64,1,3.000"]
    assert out.getvalue().split()[-4:] == ["64", "8.0", "2.0", "3.00"]
