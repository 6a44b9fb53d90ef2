"""Desks in the mains: compared, trained on, and who is left out of their tables."""

import numpy as np
import pytest

from experiments import compare, evaluate, train
from experiments.config.agents import build_policies
from experiments.config.markets import build_market
from experiments.config.resolvers import OF_DESKS
from tests.experiments.conftest import rows

pytestmark = pytest.mark.usefixtures("interpreted")
SMALL = ("market=two_bonds", "market.clock.steps=4", "market.clock.horizon=0.02", "episodes=4",
         "market.instruments.vary.max_inventory=[25000.0,25000.0]")  # fmt: skip


def test_a_desk_is_compared_by_its_own_figures(launch):
    folder, (best,) = launch(compare.main, *SMALL, "agents=[random]")
    table = rows(folder)["random"]
    assert best == table["skill"]
    assert {"hedging_cost", "mean_risk", "profit_bond_1", "internalised_bond_2"} < set(table)
    assert table["profit_bond_1"] + table["profit_bond_2"] == pytest.approx(table["profit"], rel=1e-3)
    assert (folder / "profit.png").is_file()
    assert not (folder / "quotes.png").exists()


def test_a_learner_trains_on_a_desk_and_is_evaluated_by_its_folder(launch):
    tiny = ("agent.total_steps=64", "agent.num_envs=4", "agent.settings.batch_size=64", "agent.standardise=false")
    watch = ("watch.evaluations=1", "watch.episodes=4", "rivals=[random]")
    folder, (objective,) = launch(train.main, "agent=ppo", *SMALL, *tiny, *watch)
    assert set(rows(folder)) == {"optimum", "PPO", "random"}
    other, (again,) = launch(evaluate.main, f"run={folder}", "episodes=4", f"seed={10**6}")
    assert set(rows(other)) == {"optimum", folder.name}
    assert np.isfinite([objective, again]).all()


def test_strategies_of_one_instrument_are_left_out_with_the_reason(composed):
    cfg = composed("compare", "market=two_bonds")
    names = ("random", "glft", "best_fixed", "fixed_symmetric", "join", "blind_optimum", "avellaneda_stoikov_symmetric")
    assert cfg.agents == list(OF_DESKS)
    policies, refused = build_policies(cfg, build_market(cfg), names)
    assert list(policies) == ["random"]
    assert set(refused) == set(names) - {"random"}


def test_there_is_no_picture_of_a_desk(refused):
    assert "render must be false for a desk" in refused(evaluate.main, *SMALL, "agent=random", "render=true")
