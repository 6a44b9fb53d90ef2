"""The study of the hedging interval: what it writes, and what it refuses."""

import pytest

from experiments import compare
from experiments.studies.hedging_interval import interval_of
from mm_env.desks import options_desk, two_bonds, written_call
from mm_env.options import CALL, hedging_error_variance

SMALL = ("experiment=hedging_interval", "market.clock.steps=4", "intervals=[1,4]", "episodes=64")


@pytest.mark.usefixtures("interpreted")
def test_the_study_writes_a_table_and_a_figure(launch):
    folder, (worst,) = launch(compare.main, *SMALL)
    lines = (folder / "intervals.csv").read_text(encoding="utf-8").splitlines()
    assert [line.split(",")[0] for line in lines] == ["steps", "1", "4"]
    assert (folder / "hedging_interval.png").is_file()
    assert abs(worst) == max(abs(float(line.split(",")[-1])) for line in lines[1:])


@pytest.mark.slow
def test_a_simulated_hedge_has_the_variance_of_its_dates():
    found = interval_of(written_call(), 16, 4096, 3)
    assert found.exact == pytest.approx(hedging_error_variance(CALL, 100.0, 100.0, 0.25, 0.2, 0.25, 4))
    assert abs(found.off) < 4.0
    assert found.exact < found.limit  # the kink at the expiry


@pytest.mark.parametrize(("desk", "steps", "message"), [
    (written_call(), 3, "intervals must divide the 64 steps of an episode, got 3"),
    (two_bonds(), 1, "intervals needs an OptionsDesk of one European option under Geometric"),
    (options_desk(), 1, "intervals needs an OptionsDesk of one European option under Geometric"),
])  # fmt: skip
def test_other_desks_and_intervals_are_refused(desk, steps, message):
    with pytest.raises(ValueError, match=message):
        interval_of(desk, steps, 4, 0)
