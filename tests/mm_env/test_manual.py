"""The manual of an environment says what is seen, set, rewarded and ended, with units, and since when."""

from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest

import mm_env
from mm_env.core.component import record
from mm_env.core.settings import settings_of
from mm_env.envs.manual.acted import acted
from mm_env.envs.manual.observed import observed
from mm_env.envs.manual.text import KNOWN, manual
from mm_env.markets import market_named
from tests.worlds import world


@pytest.mark.parametrize("name", KNOWN)
def test_every_number_of_every_id_is_told_of(name):
    market = market_named(KNOWN[name])
    text = manual(name)
    for heading in ("Observations", "Actions", "Reward", "End", "Arguments", "Parameters", "Version history"):
        assert f"\n## {heading}\n" in text
    assert text.startswith(f"# {name}\n")
    assert "since mm_env 0." in text
    rows = observed(market)
    assert [row.name for row in rows] == list(market.observation_names)
    assert not [row.name for row in rows if "see `help`" in row.meaning]
    assert not [number for number in acted(market) if number.name.endswith("]")]
    if isinstance(market.action_space, gym.spaces.Box):
        assert len(acted(market)) == market.width == market.action_space.shape[0]
    else:
        assert acted(market) == []


def test_a_manual_is_the_same_by_id_by_name_and_by_the_env():
    env = gym.make("mm_env/AMZN-v0")
    assert manual("amzn") == manual("mm_env/AMZN-v0") == env.unwrapped.__doc__
    assert gym.make_vec("mm_env/AMZN-v0", num_envs=2).__doc__ == manual("amzn")


def test_an_env_of_another_market_has_the_manual_of_that_one():
    text = gym.make("mm_env/AMZN-v0", market=world()).unwrapped.__doc__
    assert text == manual(world())
    assert text.startswith("# Market\n")
    assert "Version history" not in text


def test_the_docstring_of_a_class_stays_that_of_the_class():
    assert mm_env.MarketMakingEnv.__doc__.startswith("One lane of a market")
    assert mm_env.MarketMakingVectorEnv.__doc__.startswith("`num_envs` lanes of one market")


@pytest.mark.parametrize("name", ["amzn", "cartea_jaimungal", "channel", "cvar"])
def test_the_ends_of_an_action_are_those_that_its_quotes_have(name):
    """Depths decoded from the ends of the space are what the table says."""
    market = market_named(name)
    rules, numbers = record(market), acted(market)
    low, high = (rules.quote.decode((end,) * market.quote.width, rules.opening()) for end in (-1.0, 1.0))
    if numbers[0].name == "bid depth":
        assert (low.bid_depth, high.bid_depth) == pytest.approx((float(numbers[0].low), float(numbers[0].high)))
    else:
        assert 0.5 * (high.bid_depth + high.ask_depth) == pytest.approx(float(numbers[0].high))
        assert 0.5 * (high.ask_depth - high.bid_depth) == pytest.approx(float(numbers[1].high))


def test_a_price_of_ones_own_is_told_of_by_its_class():
    class Tide(mm_env.Brownian):
        signals = ("tide",)

    market = replace(market_named("cartea_jaimungal"), price=Tide(0.1))
    assert "a signal of Tide: see `help` of its class" in manual(market)


def test_settings_are_all_parameters_by_path():
    market = market_named("amzn")
    found = settings_of(market)
    assert found["market"] == "Market"
    assert found["market.price"] == "Brownian"
    assert found["market.price.sigma"] == market.price.sigma
    assert found["market.venue.fill.bid.k"] == market.venue.fill.bid.k
    different = replace(market, price=replace(market.price, sigma=np.array([0.01, 0.02])))
    assert settings_of(different)["market.price.sigma"] == [0.01, 0.02]
    assert {k for k, v in settings_of(different).items() if found.get(k) != v} == {"market.price.sigma"}


def test_a_name_that_is_none_is_refused_with_the_nearest():
    with pytest.raises(ValueError, match="Did you mean 'amzn'"):
        manual("amzm")
