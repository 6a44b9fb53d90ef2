"""Every part of every market swapped for every other: whose parameters it takes, and why a strategy then stands aside."""

import re

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from agents.policy import policy_of
from agents.strategies import theory
from agents.strategies.estimated import BookEstimates
from experiments.config.agents import agent_config
from experiments.config.checks import plainly
from experiments.config.markets import build, build_market
from experiments.config.parts import without_leftovers
from experiments.config.resolvers import EXACT, TOUCHING
from experiments.config.search_path import CONF
from tests.worlds import thinned

MARKETS = sorted(path.stem for path in (CONF / "market").glob("*.yaml"))
CONFIGS = {path.stem: OmegaConf.load(path) for path in sorted((CONF / "agent").glob("*.yaml"))}
THEORIES = [  # what is estimated or read off a model; not what is searched for over thousands of episodes
    name
    for name, config in CONFIGS.items()
    if "algorithm" not in config and name not in (*EXACT, *TOUCHING, "threshold_rebalancing", "cma_es")
]
GROUPS = {
    "price": "price", "fill": "venue.fill", "flow": "venue.flow", "impact": "venue.impact", "clock": "clock",
    "quote": "quote", "reward": "reward", "fees": "fees", "size": "venue.size", "window": "venue.window",
    "position": "venue.position",
}  # fmt: skip
LONG = {"solvency", "twenty_bonds", "collateral", "two_hedges", "two_bonds", "bonds_duopoly"}  # half a minute each
SWAPPED = ("amzn", "glft", "cont_stoikov_talreja")
NOT_FOR_USERS = re.compile(
    r"\w*(Error|Exception)\b|[Ii]nterpolation|full_key|_target_|Missing key|\{|unexpected keyword|object at"
)


@pytest.fixture
def settled():
    """Compose a config as a main gets it."""

    def settled_(*overrides):
        cfg = compose("compare", list(overrides), return_hydra_config=True)
        return without_leftovers(cfg, cfg.hydra.runtime.choices, overrides)

    with initialize_config_dir(version_base="1.3", config_dir=str(CONF)):
        yield settled_


def reasons(cfg):
    """Why theories do not cover the market, by name; or why there is no such market."""
    try:
        market = build_market(cfg)
    except Exception as error:
        return {"market": plainly(error)}
    found = {}
    for name in THEORIES:
        whole = OmegaConf.create({"market": cfg.market})
        whole["agent"] = agent_config(name)[1]
        try:
            policy_of(build(whole.agent), market)
        except Exception as error:
            found[name] = plainly(error)
    return found


@pytest.fixture
def without_measuring(monkeypatch):
    """An order book's sigma, A and k are given: what is tried is the words."""
    monkeypatch.setattr(theory, "estimate_book", lambda market: BookEstimates(0.02, 0.1, 20.0))


def check_words(said):
    for name, why in said.items():
        assert not NOT_FOR_USERS.search(why), (name, why)
        parts = (
            "venue",
            "price",
            "reward",
            "clock",
            "quote",
            "impact",
            "fees",
            "margin",
            "limits",
        )  # as an optimum says
        words = ("the theory wants ", *parts)
        assert why.startswith(words) or " must " in why or " needs a" in why, (name, why)


@pytest.mark.parametrize("market", thinned(MARKETS, LONG))
def test_a_theory_that_does_not_cover_a_market_says_what_it_wants(settled, without_measuring, market):
    path = [f"market.venue.path={CONF.parent}/pyproject.toml"] if market == "amzn_replay" else []
    check_words(reasons(settled(f"market={market}", *path)))


def swaps(market, settled):
    """Every choice of every group that the market has a place for."""
    chosen = settled(f"market={market}").hydra.runtime.choices
    for group, place in GROUPS.items():
        for option in sorted(path.stem for path in (CONF / group).glob("*.yaml")):
            if f"{group}@market.{place}" in chosen:
                yield group, place, option


@pytest.mark.slow
@pytest.mark.parametrize("market", SWAPPED)
def test_a_swapped_part_takes_its_own_parameters_only_and_theories_say_what_they_miss(
    settled, without_measuring, market
):
    for group, place, option in swaps(market, settled):
        cfg = settled(f"market={market}", f"{group}@market.{place}={option}")
        part = OmegaConf.select(cfg.market, place)
        assert set(part) == set(OmegaConf.load(CONF / group / f"{option}.yaml")), (market, group, option)
        build(part)
        if not (
            group in ("price", "flow") and market == "cont_stoikov_talreja"
        ):  # what no book can have is refused as a whole
            check_words(reasons(cfg))


def test_a_value_of_the_market_stays_where_the_new_part_has_it_too(settled):
    cfg = settled("market=amzn", "quote@market.quote=grid")
    assert cfg.market.quote.max_half_spread == 0.15
    assert build_market(cfg).quote.space.n > 1


def test_what_was_given_for_the_part_that_was_swapped_out_is_refused_by_name(settled):
    said = r"market.venue.fill.k is none of the parameters of PowerLaw, which are scale, exponent"
    with pytest.raises(ValueError, match=said):
        settled("market=amzn", "fill@market.venue.fill=power_law", "market.venue.fill.k=2")


def test_a_class_of_another_kind_is_no_swap(settled):
    cfg = settled("market=amzn", "market.price._target_=mm_env.Poisson")
    assert set(cfg.market.price) == {"_target_", "sigma", "drift"}


OWN = "(a class of your own says it by a field or a property"
PENALTY = f"a risk aversion (gamma, or phi of an inventory penalty), market.reward.phi, and AsymmetricDamping has none {OWN} phi)"  # noqa: E501
FILL = f"fills that decay as exp(-k depth), market.venue.fill.k, and Linear has none {OWN} k)"
DRAWN = "{_target_:mm_env.Uniform,low:0.01,high:0.02}"


@pytest.mark.parametrize(("override", "strategy", "wanted"), [
    ("fill@market.venue.fill=linear", "glft", FILL),
    ("reward@market.reward=asymmetric_damping", "cartea_jaimungal", PENALTY),
    (f"market.price.sigma={DRAWN}", "glft", "market.price.sigma to be one number > 0, got the distribution Uniform"),
    (f"market.venue.flow.rate={DRAWN}", "glft", "market.venue.flow.rate to be one number, got the distribution Uniform"),
    ("price@market.price=geometric", "glft", "sigma in price units, and that of Geometric is a share of the price"),
])  # fmt: skip
def test_the_reasons_word_by_word(settled, override, strategy, wanted):
    assert reasons(settled("market=amzn", override))[strategy] == f"the theory wants {wanted}"


def test_sides_that_differ_have_no_one_rate_and_no_one_jump(settled):
    sides = "{_target_:mm_env.Sides,bid:{_target_:mm_env.ArrivalImpact,mean:0.1},ask:{_target_:mm_env.NoImpact}}"
    cfg = settled("market=amzn", "~market.venue.impact", f"+market.venue.impact={sides}")
    assert reasons(cfg)["cartea_jaimungal"] == (
        "the theory wants one mean jump of the mid after an order, market.venue.impact.mean, and each side has its own"
    )
