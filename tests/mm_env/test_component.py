"""Components: frozen parameters, and the record that carries them and their rules into the kernel."""

import pickle
from dataclasses import FrozenInstanceError, fields
from typing import NamedTuple

import numpy as np
import pytest

from mm_env import (
    Brownian,
    Dealer,
    Exponential,
    Market,
    NoImpact,
    Poisson,
    Positive,
    Price,
    Real,
    Sides,
    Uniform,
    rule,
)
from mm_env.core.component import count, flat, leaves, load, nest, record, record_class, rules, store
from tests.worlds import COVERING, world


class Noted(Price):
    """A model with a field that is no parameter, a rule, a method that is none, and an overridden rule."""

    sigma: Positive
    note: str = ""
    drift: Real = 0.0

    @rule
    def twice(self):
        return 2.0 * self.sigma

    def plain(self):
        return 0.0

    def move(self, mid, latent, noise, dt):
        return mid + self.twice()


class Pair(NamedTuple):
    one: float
    two: tuple[float, float]


def test_a_component_is_a_frozen_dataclass_without_being_told_so():
    model = Noted(sigma=1.0)
    assert [f.name for f in fields(Noted)] == ["sigma", "note", "drift"]
    assert model == Noted(1.0, "", 0.0)
    with pytest.raises(FrozenInstanceError):
        model.sigma = 2.0


def test_the_record_holds_the_numbers_and_nothing_else():
    assert record(Noted(sigma=2.0, note="hello"))._asdict() == {"sigma": 2.0, "drift": 0.0}


def test_what_overrides_a_rule_is_a_rule_and_other_methods_are_not():
    assert {"move", "twice", "start", "evolve", "observe"} <= set(rules(Noted))
    assert rules(Noted)["move"] is Noted.move
    assert "plain" not in rules(Noted)


def test_a_record_calls_its_rules_on_itself():
    assert record(Noted(sigma=2.0)).move(100.0, None, None, 1.0) == 104.0


def test_a_record_takes_an_arrays_first_value_and_a_distributions_median():
    assert record(Brownian(sigma=np.array([3.0, 4.0]), drift=Uniform(1.0, 3.0))) == (3.0, 2.0)


def test_a_component_without_parameters_has_a_record_all_the_same():
    assert tuple(record(NoImpact())) == (0.0,)
    assert not list(leaves(NoImpact()))


@pytest.mark.parametrize("name", COVERING)
def test_leaves_are_the_numbers_of_the_record_in_order(name):
    market = COVERING[name]
    values = [leaf.value for leaf in leaves(market)]
    without_stand_ins = [number for number in named(record(market)) if number[0] != "nothing"]
    assert [leaf.path.rpartition(".")[2] for leaf in leaves(market)] == [field for field, _ in without_stand_ins]
    assert values == [value for _, value in without_stand_ins]


def named(values):
    """(field, number) of each number of nested records."""
    for field, value in zip(values._fields, values, strict=True):
        if isinstance(value, tuple):
            yield from named(value)
        else:
            yield field, value


def test_a_path_says_where_a_parameter_is():
    paths = [leaf.path for leaf in leaves(world())]
    assert paths[:4] == ["price.sigma", "price.drift", "venue.flow.bid.rate", "venue.flow.ask.rate"]


def test_records_and_markets_can_be_pickled():
    for market in COVERING.values():
        assert pickle.loads(pickle.dumps(market)) == market
        assert pickle.loads(pickle.dumps(record(market))) == record(market)


def test_a_class_has_one_record_class():
    assert record_class(Market) is record_class(Market)
    assert type(record(world())) is record_class(Market)


def test_load_undoes_store_at_any_stride():
    values, array = Pair(1.0, (2.0, 3.0)), np.zeros(32)
    store(values, array, 5, 7)
    assert np.flatnonzero(array).tolist() == [5, 12, 19]
    assert load(Pair(0.0, (0.0, 0.0)), array, 5, 7) == values


def test_nest_undoes_flat():
    values = Pair(1.0, (2.0, 3.0))
    assert nest(values, flat(values)) == values
    assert count(values) == 3


def test_one_model_serves_both_sides():
    venue = Dealer(Poisson(1.0), Exponential(2.0))
    assert venue.fill == Sides(Exponential(2.0), Exponential(2.0))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Sides(1.0, Exponential(1.0)), r"Sides\.bid must be a Component, got 1\.0"),
        (
            lambda: Dealer(Exponential(1.0), Exponential(1.0)),
            r"Dealer\.flow.* must be a Flow.*, got Exponential\(k=1\.0\)",
        ),
        (
            lambda: Dealer(Poisson(1.0), Sides(Exponential(1.0), Poisson(1.0))),
            r"Dealer\.fill\.ask must be a Fill, got Poi",
        ),
        (lambda: Dealer(flow=3.0, fill=Exponential(1.0)), r"Dealer\.flow.* must be a Flow.*, got 3\.0"),
        (
            lambda: Dealer(Poisson(1.0), Exponential(1.0), impact=None),
            r"Dealer\.impact.* must be an? Impact.*, got None",
        ),
        (lambda: world(price="brownian"), r"Market\.price must be a Price, got 'brownian'"),
        (lambda: world(reward=0.5), r"Market\.reward must be a Reward, got 0\.5"),
        (lambda: world(venue=Poisson(1.0)), r"Market\.venue must be a Venue, got Poisson"),
    ],
)
def test_the_wrong_kind_of_component_is_a_type_error_that_names_the_place(make, message):
    with pytest.raises(TypeError, match=message):
        make()
