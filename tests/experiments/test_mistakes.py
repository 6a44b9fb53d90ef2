"""What the user got wrong is said in one line that names it, before any work is done."""

import subprocess
import sys
from pathlib import Path

import pytest

from experiments import compare, evaluate, train

ROOT = Path(__file__).parents[2]
BAD_MARKETS = {
    "market.price.sigma=-1": "error: market.price: Brownian.sigma must be >= 0, got -1",
    "market.price.sigma=abc": "Brownian.sigma must be >= 0, or an array or distribution of such, got 'abc'",
    "market.price.sigma=nan": "error: market.price: Brownian.sigma must be >= 0, got nan",
    "market.price.sigma=null": "Brownian.sigma must be >= 0, or an array or distribution of such, got None",
    "market.venue.fill.k=0": "error: market.venue.fill: Exponential.k must be > 0, got 0",
    "market.venue.flow.rate=-0.1": "error: market.venue.flow: Poisson.rate must be >= 0, got -0.1",
    "market.clock.steps=1.5": "FiniteHorizon.steps must be a whole number in",
    "market.clock.horizon=inf": "error: market.clock: FiniteHorizon.horizon must be > 0, got inf",
    "market.max_inventory=2.5": "error: market: Market.max_inventory must be whole order sizes of 1, got 2.5",
    "market.initial_inventory=50": "Market.initial_inventory must lie in [-max_inventory, max_inventory], got 50",
    "market.quote.max_skew=0": "error: market.quote: SpreadAndSkew.max_skew must be > 0, got 0",
    "market._target_=mm_env.Fees": "Fees.__init__() got an unexpected keyword argument",
    "market.price._target_=mm_env.Poisson": "Poisson.__init__() got an unexpected keyword argument 'sigma'",
    "market.price._target_=mm_env.Nothing": "Error loading 'mm_env.Nothing'",
}  # fmt: skip
UNKNOWN = {
    "market=nowhere": "Could not find 'market/nowhere'",
    "market.price.sigmaa=1": "Key 'sigmaa' is not in struct",
    "experiment=nowhere": "Could not find 'experiment/nowhere'",
    "quote@market.quote=nowhere": "Could not find 'quote/nowhere'",
}
BAD_NUMBERS = {  # of the run itself
    "episodes=0": "episodes",
    "episodes=-5": "episodes",
    "episodes=abc": "episodes",
    "episodes=1.5": "episodes",
    "seed=-1": "seed must be a whole number in [0, 2^63), got -1",
    "seed=abc": "seed must be a whole number in [0, 2^63), got 'abc'",
}


def one_line(said):
    lines = said.strip().splitlines()
    assert len([line for line in lines if "error: " in line]) == 1, said
    return next(line for line in lines if "error: " in line)


@pytest.mark.parametrize("main", [compare, train])
@pytest.mark.parametrize("override", BAD_MARKETS)
def test_a_parameter_of_the_market_is_refused_by_name_rule_and_value(refused, main, override):
    assert BAD_MARKETS[override] in one_line(refused(main.main, override))


@pytest.mark.parametrize("override", UNKNOWN)
def test_a_name_that_conf_does_not_know_is_refused(refused, override):
    assert UNKNOWN[override] in refused(compare.main, override)


@pytest.mark.parametrize("override", BAD_NUMBERS)
def test_a_number_of_the_run_is_refused_by_name(refused, override):
    assert BAD_NUMBERS[override] in one_line(refused(compare.main, "agents=[glft]", override))


@pytest.mark.parametrize(("agents", "message"), [
    ("[gltf]", "got 'gltf'. Did you mean 'glft'?"),
    ("[best_fixed,cartea_jamungal]", "got 'cartea_jamungal'. Did you mean 'cartea_jaimungal'?"),
    ("[xyz]", "got 'xyz'. Known are: "),
    ("[]", "agents must name at least one that the market allows, got []"),
])  # fmt: skip
def test_an_agent_that_cannot_compete_is_refused_with_a_hint(refused, agents, message):
    assert message in one_line(refused(compare.main, f"agents={agents}"))


@pytest.mark.parametrize("run", ["nowhere", "conf"])
def test_a_folder_that_holds_no_run_is_refused(refused, run):
    assert f"a trained run must hold config.yaml and model.zip, got {run}" in one_line(
        refused(evaluate.main, f"run={run}")
    )


def test_a_run_is_evaluated_on_its_own_market_and_as_it_is(refused):
    said = one_line(refused(evaluate.main, "run=conf", "episodes=10", "market=aapl", "agent=glft"))
    assert "run brings its own config and goes without market=aapl, agent=glft" in said


def test_a_picture_is_wanted_or_not(refused):
    assert "render must be true or false, got 'perhaps'" in one_line(refused(evaluate.main, "render=perhaps"))


def test_an_agent_that_evaluate_does_not_know_is_refused_and_others_are_named(refused):
    said = refused(evaluate.main, "agent=gltf")
    assert "'gltf'" in said or "'agent/gltf'" in said
    assert "glft" in said


@pytest.mark.parametrize(("overrides", "message"), [
    (["agent=dqn"], "DQN needs a grid of actions (quote@market.quote=grid), got SpreadAndSkew"),
    (["agent=sac", "quote@market.quote=grid"], "SAC needs continuous actions, got Grid"),
    (["agent.algorithm=PPOO"], "Learner.algorithm must be one of PPO, "),
    (["agent.algorithm=RecurrentPPO"], "Learner.expected_fills is for PPO, A2C, CompiledPPO, TD3, SAC, TQC, DQN, QRDQN, got R"),
    (["agent.total_steps=0"], "Learner.total_steps must be a whole number in"),
    (["agent.num_envs=abc"], "Learner.num_envs must be a whole number in"),
    (["agent.noise=2"], "Learner.noise must be in [0, 1], got 2"),
    (["seed=abc"], "seed must be a whole number in [0, 2^63), got 'abc'"),
    (["evaluation_seed=-1"], "seed must be a whole number in [0, 2^63), got -1"),
    (["episodes=0"], "episodes"),
    (["rivals=[gltf]"], "Did you mean 'glft'?"),
    (["resume=nowhere"], "resume must name a folder that holds config.yaml, got nowhere"),
    (["resume=x", "agent=td3", "market.price.sigma=1"], "resume brings its own config and goes without agent=td3, market"),
])  # fmt: skip
def test_a_learner_is_refused_before_it_learns(refused, overrides, message):
    rivals = [] if "resume" in overrides[0] else ["rivals=[glft]"]
    assert message in one_line(refused(train.main, *rivals, *overrides))


def test_a_setting_that_the_algorithm_does_not_know_is_refused_by_name(launch):
    small = ("market.max_inventory=2", "market.clock.steps=5", "rivals=[best_fixed]")
    with pytest.raises(SystemExit, match=r"error: .*learning_rat'"):
        launch(train.main, *small, "+agent.settings.learning_rat=1")


def test_an_agent_that_conf_does_not_know_is_refused(refused):
    assert "Could not find 'agent/pppo'" in refused(train.main, "agent=pppo")


def test_a_shell_sees_one_line_and_a_failure(tmp_path):
    command = ["-m", "experiments.compare", "market.price.sigma=-1", f"hydra.run.dir={tmp_path}"]
    ended = subprocess.run(
        [sys.executable, *command], cwd=ROOT, capture_output=True, text=True, check=False, encoding="utf-8"
    )
    assert ended.returncode != 0
    assert ended.stderr.strip() == "error: market.price: Brownian.sigma must be >= 0, got -1"
    assert ended.stdout == ""
