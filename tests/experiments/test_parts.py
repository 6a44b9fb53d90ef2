"""A part of a market that is swapped for another takes its own parameters only."""

import pytest
from omegaconf import OmegaConf

from experiments import compare
from experiments.config.markets import build, build_market
from experiments.config.parts import CONF, without_leftovers
from mm_env.market import Market
from mm_env.venue.order_book.book import OrderBook
from tests.experiments.test_recorded import day  # noqa: F401

QUOTES = sorted(path.stem for path in (CONF / "quote").glob("*.yaml") if path.stem != "rebalancing")  # of channels
QUOTES = [name for name in QUOTES if not build(OmegaConf.load(CONF / "quote" / f"{name}.yaml")).of_pool]
NAMES = sorted(path.stem for path in (CONF / "market").glob("*.yaml"))
VENUES = {
    name: OmegaConf.select(OmegaConf.load(CONF / "market" / f"{name}.yaml"), "venue._target_", default="")
    for name in NAMES
}  # a desk has none: its instruments have
BOOKS = [name for name in NAMES if VENUES[name].endswith(("Book", "Replay"))]


@pytest.fixture
def chosen(composed):
    """The config of a main, its swapped parts with their own parameters only."""

    def chosen_(main, *overrides):
        cfg = composed(main, *overrides, return_hydra_config=True)
        return without_leftovers(cfg, cfg.hydra.runtime.choices, overrides)

    return chosen_


@pytest.mark.parametrize("quote", QUOTES)
@pytest.mark.parametrize("name", BOOKS)
def test_every_quoting_goes_with_every_book(chosen, day, name, quote):  # noqa: F811
    recorded = ["market.venue.lot=1", f"market.venue.path={day}"] if name == "amzn_replay" else []
    cfg = chosen("compare", f"market={name}", f"quote@market.quote={quote}", *recorded)
    market = build_market(cfg)
    own = OmegaConf.load(CONF / "quote" / f"{quote}.yaml")
    assert isinstance(market, Market)
    assert isinstance(market.venue, OrderBook)
    assert type(market.quote) is type(build(own))
    assert set(cfg.market.quote) == set(own)


def test_books_are_all_of_them():
    assert {"amzn_book", "amzn_replay", "small_book", "hawkes"} <= set(BOOKS)
    assert not {"amzn", "glft"} & set(BOOKS)


def test_what_the_market_says_goes_to_the_part_it_was_written_for_and_to_its_like(chosen):
    swapped = chosen("compare", "market=amzn_book", "quote@market.quote=grid").market.quote
    assert (swapped.max_half_spread, swapped.half_spreads) == (0.15, 7)
    kept = chosen("compare", "market=amzn_book").market.quote
    assert kept == {
        "_target_": "mm_env.SpreadAndSkew",
        "max_half_spread": 0.15,
        "max_skew": 0.15,
        "min_half_spread": 0.0,
    }


@pytest.mark.parametrize(("swap", "part", "left"), [
    ("fill@market.venue.fill=power_law", "venue.fill", {"scale", "exponent", "alpha"}),
    ("reward@market.reward=cara", "reward", {"gamma"}),
    ("price@market.price=ornstein_uhlenbeck", "price", {"sigma", "speed", "mean"}),
    ("impact@market.venue.impact=on_fill", "venue.impact", {"mean"}),
])  # fmt: skip
def test_other_parts_swap_alike(chosen, swap, part, left):
    found = set(OmegaConf.select(chosen("compare", "market=amzn", swap).market, part)) - {"_target_"}
    group, _, name = swap.partition("@")[0], None, swap.split("=")[1]
    assert found == set(OmegaConf.load(CONF / group / f"{name}.yaml")) - {"_target_"}
    assert found & left


def test_what_was_asked_for_is_not_dropped_in_silence(refused):
    said = refused(compare.main, "market=amzn_book", "quote@market.quote=touch", "market.quote.max_skew=0.2")
    assert "market.quote.max_skew is none of the parameters of Touch, which are behind, hedging" in said


def test_markets_of_all_places_are_found(chosen, day):  # noqa: F811
    cfg = chosen("backtest", f"path={day}", "quote@market.quote=touch", "quote@recorded.quote=touch", "title=x")
    assert set(cfg.market.quote) == set(cfg.recorded.quote) == {"_target_", "behind", "hedging"}


def test_a_main_builds_the_market_that_was_chosen(launch):
    small = ("market.clock.steps=3", "market.clock.horizon=3.0", "episodes=20")
    folder, _ = launch(compare.main, "market=amzn_book", "quote@market.quote=touch", *small, "agents=[join]")
    assert set(OmegaConf.load(folder / "config.yaml").market.quote) == {"_target_", "behind", "hedging"}
    assert (folder / "table.md").is_file()
