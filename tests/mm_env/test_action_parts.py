"""Parts of an action: what a person sets means just that in the market, by name, unit and ends."""

from dataclasses import replace

import numpy as np
import pytest

from agents.policy import quotes
from mm_env.action_parts import LOG, ActionPart, action_of, values_of
from mm_env.envs.registration import IDS
from mm_env.markets import market_named
from mm_env.quote import DepthGrid, Grid, MarketOrders, Quoting, Skew, SpreadAndSkew, Touch
from tests.worlds import world

MARKETS = sorted(IDS.values())


@pytest.mark.parametrize("name", MARKETS)
def test_every_action_is_the_action_of_its_values(name):
    market = market_named(name)
    market.action_space.seed(0)
    names = [part.name for part in market.action_parts]
    assert len(set(names)) == len(names)
    assert all(part.labels or np.isfinite([part.low, part.high]).all() for part in market.action_parts)
    for _ in range(20):
        values = values_of(market, market.action_space.sample())
        action = action_of(market, values)
        assert market.action_space.contains(action)
        assert values_of(market, action) == pytest.approx(values, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("name", MARKETS)
def test_an_action_is_a_number_for_each_part_or_a_choice_for_all(name):
    market = market_named(name)
    if market.action_space.shape:
        assert len(market.action_parts) == market.width
        return
    sizes = [len(part.labels) for part in market.action_parts]
    assert np.prod(sizes[1:]) * (sizes[0] - 1) < market.action_space.n <= np.prod(sizes)


def quoted(quote, *values):
    market = world(quote=quote)
    return quotes(market, np.atleast_1d(action_of(market, values))[None])[0]


def test_depths_and_skews_are_in_price_units():
    market = market_named("glft")  # depths
    action = action_of(market, (1.5, -0.25))
    assert quotes(market, action[None])[0][:2] == pytest.approx([1.5, -0.25], abs=1e-6)
    assert quoted(SpreadAndSkew(2.0, 1.0), 0.5, -0.25)[:2] == pytest.approx([0.75, 0.25])
    assert quoted(Skew(0.5, 1.0), 0.25)[:2] == pytest.approx([0.25, 0.75])
    crossing = quoted(MarketOrders(SpreadAndSkew(2.0, 1.0), 0.1), 0.5, 0.0, 0.75)
    assert crossing == pytest.approx([0.5, 0.5, 0.75, 0.1])


@pytest.mark.parametrize("quote", [Grid(2.0, 1.0, 3, 4), Grid(2.0, 0.0, 1, 1), DepthGrid([0.5, 1.0, 1e9])], ids=repr)
def test_a_choice_is_the_one_that_its_labels_say(quote):
    market = world(quote=quote)
    first, second = market.action_parts
    for i, left in enumerate(first.labels):
        for j, right in enumerate(second.labels):
            bid, ask = quotes(market, np.array([[action_of(market, (i, j))]]))[0][:2]
            said = [1e9 if label == "none" else float(label) for label in (left, right)]
            if isinstance(quote, Grid):
                said = [said[0] - said[1], said[0] + said[1]]
            assert [bid, ask] == pytest.approx(said, abs=1e-5)


def test_ticks_from_the_touch_and_closing_at_the_market():
    plain, hedging = Touch(behind=2), Touch(behind=1, hedging=True)
    assert [part.labels for part in plain.action_parts] == [
        ("1 inside", "at the best", "1 behind", "2 behind", "none")
    ] * 2
    market = replace(market_named("small_book"), quote=hedging)
    assert quotes(market, np.array([[action_of(market, (0, 3))]]))[0].tolist() == [-1.0, 1e9, 0.0, 0.0]
    for ask in range(4):
        assert quotes(market, np.array([[action_of(market, (4, ask))]]))[0].tolist() == [1e9, 1e9, 1.0, 0.0]
    assert values_of(market, 16) == [4.0, 0.0]


@pytest.mark.parametrize(("part", "value", "number"), [
    (ActionPart("a", "", 1.0, 3.0), 1.0, -1.0),
    (ActionPart("a", "", 1.0, 3.0), 2.5, 0.5),
    (ActionPart("a", "", 0.01, 1.0, LOG), 0.1, 0.0),
    (ActionPart("a", "", -0.0, 0.0), 0.0, 0.0),
    (ActionPart.switch("a"), 1.0, 1.0),
    (ActionPart.switch("a"), 0.0, -1.0),
    (ActionPart.choice("a", "", ["x", "y"]), 1.0, 1.0),
])  # fmt: skip
def test_a_value_and_its_number(part, value, number):
    assert part.number(value) == pytest.approx(number, abs=1e-12)
    assert part.value(part.number(value)) == pytest.approx(value)


@pytest.mark.parametrize(("values", "error", "said"), [
    ((0.5,), ValueError, r"an action must have a value for each of \['half-spread', 'skew'\], got 1"),
    ((-0.1, 0.0), ValueError, r"half-spread must be in \[0, 4\], got -0.1"),
    ((0.5, 4.5), ValueError, r"skew must be in \[-4, 4\], got 4.5"),
    ((float("nan"), 0.0), ValueError, r"half-spread must be in \[0, 4\], got nan"),
    (("1", 0.0), TypeError, r"half-spread must be in \[0, 4\]"),
    ((True, 0.0), TypeError, r"half-spread must be in \[0, 4\]"),
])  # fmt: skip
def test_a_value_that_a_part_does_not_have_is_refused_by_name(values, error, said):
    with pytest.raises(error, match=said):
        action_of(market_named("cartea_jaimungal"), values)


def test_a_choice_is_a_whole_number():
    with pytest.raises(ValueError, match=r"bid must be a whole number in \[0, 3\], got 0.5"):
        action_of(market_named("small_book"), (0.5, 0))


def test_a_quoting_of_ones_own_has_numbers_without_names():
    class Own(Quoting):
        pass

    assert [(part.name, part.low, part.high) for part in Own().action_parts] == [
        ("action 1", -1, 1),
        ("action 2", -1, 1),
    ]
