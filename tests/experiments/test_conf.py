"""conf/ says what the code says, and nothing else."""

import inspect
import re
from dataclasses import fields

import numpy as np
import pytest
from omegaconf import OmegaConf

import mm_env
from agents.exact.evaluation import best_fixed
from agents.learning.learner import Learner
from agents.policy import Policy, StrategyPolicy
from experiments.config.agents import build_policies
from experiments.config.markets import build, build_market
from experiments.config.search_path import CONF
from experiments.config.trusted import check_trusted
from experiments.studies.published import FIGURES
from mm_env.competitions import COMPETITIONS
from mm_env.core.component import record
from mm_env.desks import DESKS
from mm_env.markets import MARKETS
from tests.worlds import thinned

FAMILIES = {
    "price": mm_env.Price, "flow": (mm_env.Flow, mm_env.OrderFlow), "size": mm_env.OrderSize, "fill": mm_env.Fill,
    "traders": mm_env.Traders, "blocks": mm_env.Blocks, "exploits": mm_env.Exploits,
    "impact": mm_env.Impact, "clock": mm_env.Clock, "quote": mm_env.Quoting, "reward": mm_env.Reward, "fees": mm_env.Fees,
    "window": mm_env.Window, "position": mm_env.QueuePosition, "jumps": (mm_env.JumpProcess, mm_env.Jumps),
    "scheme": mm_env.VarianceStep, "margin": mm_env.Margin, "limits": mm_env.Limits, "hedges": mm_env.Hedges,
    "option_model": mm_env.OptionModel, "option_marks": mm_env.OptionMarks, "option_contract": mm_env.OptionContract,
    "financing": mm_env.Financing, "token": mm_env.Token, "oracle": mm_env.Oracle,
    "routing": mm_env.Routing, "fire_sale": mm_env.FireSale,
    "payments": mm_env.PaymentSizes, "rebalancing": mm_env.Rebalancing,
    "network": mm_env.Network, "deleveraging": mm_env.Deleveraging, "sale_impact": mm_env.SaleImpact,
    "stress": mm_env.Stress,
    "prices": mm_env.JointPrices, "outside": mm_env.Outside, "instrument": mm_env.Instrument,
}  # fmt: skip
KINDS = {kind for kinds in FAMILIES.values() for kind in (kinds if isinstance(kinds, tuple) else (kinds,))}
PARENTS = {
    mm_env.Traded,
    mm_env.Idiosyncratic,
    mm_env.Option,
    mm_env.Lookback,
    mm_env.GeneratedNetwork,
    mm_env.PoolQuoting,
}
CONCRETE = {
    mm_env.Fees, mm_env.Instrument, mm_env.PaymentSizes, mm_env.Stress, mm_env.OptionContract, mm_env.Token,
}  # fmt: skip
ABSTRACT = KINDS - CONCRETE | PARENTS
MODELS = [(family, path) for family in FAMILIES for path in sorted((CONF / family).glob("*.yaml"))]
AGENTS = {path.stem: OmegaConf.load(path) for path in sorted((CONF / "agent").glob("*.yaml"))}
LEARNERS = [name for name, config in AGENTS.items() if "algorithm" in config]
SEARCHED = {"cma_es"}  # over thousands of episodes
STRATEGIES = [name for name in AGENTS if name not in LEARNERS and name not in SEARCHED]
EXPERIMENTS = sorted(path.stem for path in (CONF / "experiment").glob("*.yaml"))


# components


@pytest.mark.parametrize(("family", "path"), MODELS, ids=lambda value: getattr(value, "stem", value))
def test_a_models_yaml_makes_it_and_names_its_parameters_exactly(family, path):
    config = OmegaConf.load(path)
    model = build(config)
    assert isinstance(model, FAMILIES[family])
    assert set(config) - {"_target_"} == {field.name for field in fields(model)}


def test_every_model_has_a_yaml():
    made = {type(build(OmegaConf.load(path))) for _, path in MODELS}
    public = {thing for name in mm_env.__all__ if inspect.isclass(thing := getattr(mm_env, name))}
    models = {thing for thing in public if issubclass(thing, tuple(KINDS))}
    assert models - ABSTRACT == made


@pytest.mark.parametrize("path", sorted(CONF.rglob("*.yaml")), ids=lambda path: str(path.relative_to(CONF)))
def test_every_yaml_says_what_it_is(path):
    assert path.read_text(encoding="utf-8").startswith("# ")


# markets


def test_the_named_markets_are_those_of_conf():
    texts = {path.stem: path.read_text(encoding="utf-8") for path in (CONF / "market").glob("*.yaml")}
    made = {name for name, text in texts.items() if ": calibrated. " not in text and "mm_env.Replay" not in text}
    assert made == set(MARKETS) | set(DESKS) | set(COMPETITIONS)


@pytest.mark.parametrize("name", MARKETS)
def test_a_named_market_is_the_same_from_conf_and_from_python(composed, name):
    market = build_market(composed("compare", f"market={name}"))
    assert market == MARKETS[name]()
    assert record(market) == record(MARKETS[name]())


@pytest.mark.parametrize("name", COMPETITIONS)
def test_a_named_competition_is_the_same_from_conf_and_from_python(composed, name):
    market = build_market(composed("compare", f"market={name}"))
    assert market == COMPETITIONS[name]()
    assert record(market) == record(COMPETITIONS[name]())


@pytest.mark.parametrize("name", DESKS)
def test_a_named_desk_is_the_same_from_conf_and_from_python(composed, name):
    desk = build_market(composed("compare", f"market={name}"))
    assert desk == DESKS[name]()
    assert set(OmegaConf.load(CONF / "market" / f"{name}.yaml")) - {"vega_limit"} == {
        "_target_", "defaults", "instruments", "prices", "clock", "reward", "quotes",
    }  # fmt: skip


@pytest.mark.parametrize("swap", [
    ("fill@market.venue.fill=power_law", "~market.venue.fill.k"),
    ("reward@market.reward=cara", "~market.reward.phi"),
    ("clock@market.clock=ergodic",),
    ("quote@market.quote=grid",),
    ("impact@market.venue.impact=on_arrival",),
    ("price@market.price=ornstein_uhlenbeck",),
    ("price@market.price=short_term_alpha",),
    ("fees@market.fees=proportional",),
    ("flow@market.venue.flow=bernoulli",),
])  # fmt: skip
def test_a_part_of_a_market_can_be_swapped_from_the_command_line(composed, swap):
    market = build_market(composed("compare", "market=amzn", *swap))
    option = swap[0].split("=")[1]
    family = swap[0].split("@")[0]
    wanted = type(build(OmegaConf.load(CONF / family / f"{option}.yaml")))
    parts = [market.price, market.clock, market.quote, market.reward, market.fees, *vars(market.venue).values()]
    assert any(isinstance(getattr(part, "bid", part), wanted) for part in parts)


def test_a_side_may_have_its_own_flow_from_the_command_line(composed):
    sides = "{_target_:mm_env.Sides,bid:{_target_:mm_env.Poisson,rate:0.1},ask:{_target_:mm_env.Poisson,rate:0.05}}"
    cfg = composed("compare", "market=amzn", "~market.venue.flow", f"+market.venue.flow={sides}")
    flow = build_market(cfg).venue.flow
    assert (flow.bid.rate, flow.ask.rate) == (0.1, 0.05)


def test_a_parameter_may_be_a_distribution_from_the_command_line(composed):
    uniform = "market.price.sigma={_target_:mm_env.Uniform,low:0.01,high:0.02}"
    assert build_market(composed("compare", uniform)).price.sigma == mm_env.Uniform(0.01, 0.02)


@pytest.mark.parametrize("name", DESKS)
def test_the_run_of_a_desk_may_be_built_again(composed, name):
    cfg = composed("train", f"market={name}")
    check_trusted(OmegaConf.create({"market": OmegaConf.to_container(cfg.market, resolve=True)}), CONF / "config.yaml")


# experiments


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_an_experiment_composes_with_a_main_and_adds_no_key_to_it(composed, name):
    fitting = []
    for main in ("compare", "train"):
        cfg = composed(main, f"experiment={name}")
        build_market(cfg)
        fitting.append(set(cfg) == set(composed(main)))
    assert any(fitting)


def test_the_six_rows_of_avellaneda_and_stoikov_have_all_their_published_numbers(composed):
    cfg = composed("compare", "experiment=avellaneda_stoikov_2008")
    policies, refused = build_policies(cfg, build_market(cfg), cfg.agents)
    assert (len(policies), refused) == (6, {})
    assert all(set(agent.published) == {"paths", *FIGURES} for agent in cfg.agents)


@pytest.mark.parametrize("main", ["compare", "train"])
def test_a_main_compares_with_strategies_that_conf_knows(composed, main):
    for market, others in (("amzn", TOUCHING), ("cont_stoikov_talreja", EXACT)):
        cfg = composed(main, f"market={market}")
        named = set(cfg.agents if main == "compare" else cfg.rivals)
        assert named <= set(STRATEGIES) - others - REBALANCING - OF_CHANNEL


# strategies

OF_FILL = {  # what a strategy takes from the market is what it must be refused without
    "fixed_symmetric", "avellaneda_stoikov", "avellaneda_stoikov_stationary", "avellaneda_stoikov_symmetric", "glft",
    "glft_asymptotic", "cartea_jaimungal", "cartea_jaimungal_stationary",
}  # fmt: skip
OF_RATE = {"glft", "glft_asymptotic", "cartea_jaimungal", "cartea_jaimungal_stationary"}
OF_RISK = OF_FILL - {"fixed_symmetric"}
OF_AVERSION = OF_RISK - {"cartea_jaimungal", "cartea_jaimungal_stationary"}
EXACT, TOUCHING = (
    {"best_fixed", "blind_optimum", "linear_skew"},
    {"join", "inside", "imbalance", "no_quotes"},
)  # for dealers, and for order books
REBALANCING = {"threshold_rebalancing"}  # for channels that can be rebalanced
OF_CHANNEL = {"channel_fees"}  # for channels and dealers whose inventory costs nothing
HEDGING = {"no_hedge", "full_hedge", "fixed_band"}  # for markets with a hedge
OF_COMPETITIONS = {"competing"}
FINANCED = {"static_collateral", "threshold_top_up"}  # for markets with a loan
PROVIDING = {"full_range", "fixed_range", "recentre_on_exit", "cartea_drissi_monga", "patient_range", "hold_outside"}
DESIGNING = {"fixed_fee", "fee_by_mispricing"}
LADDERS = {"nested_ranges", "ranges_side_by_side"}
OF_POOLS = PROVIDING | LADDERS | DESIGNING | {"delta_hedged"}
OF_DESKS = {"constant_depths", "quadratic_desk", "internalise_externalise", "all_internalised", "all_externalised"}
OF_OPTIONS = {"constant_vega", "constant_vega_unhedged", "symmetric_options"}
SIDES = "{_target_:mm_env.Sides,bid:{_target_:mm_env.Poisson,rate:0.1},ask:{_target_:mm_env.Poisson,rate:0.05}}"
UNIFORM = "{_target_:mm_env.Uniform,low:0.01,high:0.02}"


LONG = {  # a quarter of a minute and more each
    "collateral", "amzn_book", "amzn_reactive", "small_hawkes", "small_queue_reactive", "hawkes", "queue_reactive",
    "zero_intelligence",
}  # fmt: skip
FEW = thinned(MARKETS, LONG)


@pytest.mark.parametrize("name", FEW)
def test_every_strategy_has_its_parameters_from_every_named_market(composed, name):
    cfg = composed("compare", f"market={name}")
    market = build_market(cfg)
    policies, refused = build_policies(cfg, market, set(STRATEGIES) - EXACT - REBALANCING)
    channel = isinstance(market.venue, mm_env.Channel)
    uncovered = OF_RISK if channel or isinstance(market.reward, mm_env.CVaR) else set()  # no closed form minds a tail
    elsewhere = set() if isinstance(market.venue, mm_env.Book) else TOUCHING
    elsewhere = elsewhere if name == "channel" else elsewhere | OF_CHANNEL
    without = (set() if market.hedges.names else HEDGING) | (set() if market.financing.names else FINANCED)
    others = uncovered | elsewhere | OF_DESKS | OF_OPTIONS | OF_COMPETITIONS | OF_POOLS | without
    if market.quote.of_pool:
        own = DESIGNING if isinstance(market.quote, mm_env.DynamicFee) else PROVIDING
        own = own | LADDERS if isinstance(market.quote, mm_env.Ranges) else own
        others = set(STRATEGIES) - EXACT - REBALANCING - {"random"} - own
    assert set(refused) == others
    assert all(isinstance(policy, Policy) for policy in policies.values())


def test_the_best_strategies_of_a_class_are_found_for_the_market_they_are_given(composed):
    cfg = composed("compare", "market.max_inventory=2", "market.clock.steps=5")
    policies, refused = build_policies(cfg, build_market(cfg), sorted(EXACT))
    assert (set(policies), refused) == (EXACT, {})
    assert policies["best_fixed"].strategy == best_fixed(build_market(cfg))


def test_what_is_searched_for_is_found_for_the_market_it_is_given(composed):
    cfg = composed("compare", "market.max_inventory=2", "market.clock.steps=5")
    small = OmegaConf.create({"name": "small", "base": "cma_es", "generations": 2, "population": 4, "episodes": 64})
    policies, _ = build_policies(cfg, market := build_market(cfg), [small])
    assert policies["small"].act(np.zeros((3, len(market.observation_names)), np.float32)).shape == (3, market.width)


@pytest.mark.parametrize(("overrides", "without", "reason"), [
    (["fill@market.venue.fill=power_law", "~market.venue.fill.k"], OF_FILL, "market.venue.fill.k"),
    (["reward@market.reward=asymmetric_damping", "~market.reward.phi"], OF_RISK | EXACT, "reward"),
    (["~market.venue.flow", f"+market.venue.flow={SIDES}"], OF_RATE, "market.venue.flow.rate"),
    (["fees@market.fees=proportional", "market.fees.maker=1e-4"], EXACT, "fees"),
    (["market.reward.phi=0"], OF_AVERSION, "gamma must be > 0, got 0.0"),
    (["market.price.sigma=0"], OF_AVERSION, "sigma"),
    ([f"market.price.sigma={UNIFORM}"], OF_AVERSION, "sigma"),
    (["price@market.price=geometric"], OF_AVERSION | EXACT, ""),  # its sigma is no volatility in price units
])  # fmt: skip
def test_a_strategy_is_refused_with_the_reason_where_its_theory_does_not_reach(composed, overrides, without, reason):
    cfg = composed("compare", "market=amzn", "market.max_inventory=2", "market.clock.steps=5", *overrides)
    elsewhere = (
        TOUCHING | HEDGING | FINANCED | OF_DESKS | OF_OPTIONS | OF_COMPETITIONS | REBALANCING | OF_CHANNEL | OF_POOLS
    )
    asked = set(STRATEGIES) - elsewhere - (EXACT - without)
    policies, refused = build_policies(cfg, build_market(cfg), sorted(asked))
    assert set(refused) == without
    assert set(policies) == asked - without
    assert all(reason in why for why in refused.values()), refused
    assert not [why for why in refused.values() if "raised while resolving" in why and "Missing key" not in why], (
        refused
    )


@pytest.mark.parametrize("size", [1.0, 0.1])
def test_a_strategy_of_orders_quotes_the_same_whatever_an_order_is_worth(composed, size):
    """phi q^2 with q in units is phi size n^2 an order's worth: prices do not depend on how units are counted."""
    sizes = (f"market.order_size={size}", f"market.max_inventory={3 * size}", f"market.inventory_scale={3 * size}")
    cfg = composed("compare", "market=amzn", "market.clock.steps=5", *sizes, f"market.reward.phi={1e-4 / size}")
    policies, _ = build_policies(cfg, build_market(cfg), sorted(OF_FILL))
    whole = composed("compare", "market=amzn", "market.clock.steps=5", "market.max_inventory=3")
    expected, _ = build_policies(whole, build_market(whole), sorted(OF_FILL))
    for name, policy in policies.items():
        assert isinstance(policy, StrategyPolicy)
        assert policy.table().actions == pytest.approx(expected[name].table().actions, rel=1e-9), name


# mains

MAINS = sorted(path.stem for path in CONF.glob("*.yaml") if path.stem != "output")


@pytest.mark.parametrize("main", MAINS)
def test_a_main_has_a_folder_to_write_to_without_any_option(composed, main):
    cfg = composed(main, return_hydra_config=True)
    assert cfg.hydra.run.dir.startswith(f"outputs/{cfg.name}/")


# learners


@pytest.mark.parametrize("name", LEARNERS)
def test_a_learners_yaml_makes_a_learner_and_composes(composed, name):
    learner = build(AGENTS[name])
    assert isinstance(learner, Learner)
    assert build(composed("train", f"agent={name}").agent) == learner or "learning_rate" in learner.settings
    made_for = ("_small_book", "_book", "_cvar", "_desk")
    assert learner.algorithm.lower() == re.sub(f"({'|'.join(made_for)})$", "", name).replace("_", "")


def test_there_is_a_learner_of_every_algorithm():
    from agents.learning.sb3 import ALGORITHMS

    assert {AGENTS[name].algorithm for name in LEARNERS} == set(ALGORITHMS)


@pytest.mark.parametrize("name", LEARNERS)
def test_a_learners_settings_are_those_of_its_algorithm(composed, name):
    grid, tail, desk = ["quote@market.quote=grid"], ["market=cvar"], ["market=two_bonds"]
    asked = {"dqn": grid, "qrdqn": grid, "qrdqn_cvar": grid, "ppo_cvar": tail, "ppo_desk": desk}
    asked |= {"compiled_ppo_small_book": ["market=small_book"]}
    cfg = composed("train", f"agent={name}", *asked.get(name, []))
    model = build(cfg.agent).model(build_market(cfg), seed=0)
    assert type(model).__name__ == cfg.agent.algorithm


@pytest.mark.parametrize("name", LEARNERS)
def test_a_learner_is_no_strategy_and_says_what_to_do(composed, name):
    cfg = composed("compare")
    _, refused = build_policies(cfg, build_market(cfg), [name])
    assert refused == {name: "it has to be trained first: give the folder of its run"}
