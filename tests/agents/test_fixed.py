"""Quotes that know no model, and the manners every closed form shares: shapes, refusals."""

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.strategies.avellaneda_stoikov import (
    AvellanedaStoikov,
    AvellanedaStoikovStationary,
    AvellanedaStoikovSymmetric,
)
from agents.strategies.cartea_jaimungal import CarteaJaimungal, CarteaJaimungalStationary
from agents.strategies.fixed import FixedSymmetric, LinearSkew
from agents.strategies.glft import GLFT, GLFTAsymptotic

EVERY_STRATEGY = [
    FixedSymmetric(half_spread=0.7),
    LinearSkew(half_spread=0.7, skew=0.1),
    AvellanedaStoikov(gamma=0.1, sigma=2.0, k=1.5, horizon=1.0),
    AvellanedaStoikovSymmetric(gamma=0.1, sigma=2.0, k=1.5, horizon=1.0),
    AvellanedaStoikovStationary(gamma=0.1, sigma=2.0, k=1.5, q_max=8),
    GLFT(gamma=0.1, sigma=2.0, k=1.5, A=140.0, horizon=1.0, max_inventory=8),
    GLFTAsymptotic(gamma=0.1, sigma=2.0, k=1.5, A=140.0),
    CarteaJaimungal(rate=140.0, kappa=1.5, phi=0.1, alpha=0.01, horizon=1.0, max_inventory=8),
    CarteaJaimungalStationary(rate=140.0, kappa=1.5, phi=0.1, max_inventory=8, jump=0.05),
]
LEANING = [s for s in EVERY_STRATEGY if not isinstance(s, FixedSymmetric | AvellanedaStoikovSymmetric)]
NAMES = [type(strategy).__name__ for strategy in EVERY_STRATEGY]
every_strategy = pytest.mark.parametrize("strategy", EVERY_STRATEGY, ids=NAMES)


def test_fixed_symmetric_quotes_its_half_spread_everywhere():
    depths = FixedSymmetric(0.25).depths(np.array([-5.0, 0.0, 7.0]), np.array([[0.0], [9.0]]))
    assert depths.shape == (2, 3, 2)
    assert (depths == 0.25).all()


@given(q=st.floats(-1e3, 1e3), half_spread=st.floats(0, 10), skew=st.floats(0, 1))
def test_linear_skew_keeps_its_spread_and_moves_its_centre_by_skew_a_lot(q, half_spread, skew):
    bid, ask = LinearSkew(half_spread, skew).depths(q, 0.0)
    assert bid + ask == pytest.approx(2 * half_spread, abs=1e-12)
    assert (ask - bid) / 2 == pytest.approx(-skew * q, abs=1e-12)


@every_strategy
def test_depths_broadcast_inventory_against_time(strategy):
    grid = strategy.depths(np.arange(-3.0, 4.0)[None, :], np.array([1.0, 0.5, 0.0])[:, None])
    assert grid.shape == (3, 7, 2)
    assert np.isfinite(grid).all()
    for row, seconds_left in enumerate([1.0, 0.5, 0.0]):
        np.testing.assert_array_equal(grid[row], strategy.depths(np.arange(-3.0, 4.0), seconds_left))
    assert strategy.depths(1.0, 0.5).shape == (2,)
    assert strategy.depths(np.zeros((0,)), np.zeros((0,))).shape == (0, 2)
    assert strategy.depths(2.0, np.array([0.1, 0.1, 0.1])).shape == (3, 2)


@every_strategy
def test_ask_depth_mirrors_bid_depth(strategy):
    q = np.arange(-8.0, 9.0)
    np.testing.assert_allclose(strategy.depths(q, 0.5)[:, 1], strategy.depths(-q, 0.5)[:, 0], atol=1e-12)


@every_strategy
def test_the_longer_the_inventory_the_deeper_the_bid_and_the_shallower_the_ask(strategy):
    depths = strategy.depths(np.arange(-8.0, 9.0), 0.5)
    assert (np.diff(depths[:, 0]) >= -1e-12).all()
    assert (np.diff(depths[:, 1]) <= 1e-12).all()


@pytest.mark.parametrize("strategy", LEANING)
def test_an_inventory_that_is_no_number_is_refused(strategy):
    with pytest.raises(ValueError, match="inventory must be a finite number, got nan"):
        strategy.depths(np.array([0.0, np.nan]), 0.5)


@every_strategy
@pytest.mark.parametrize("bad", [np.nan, np.inf, -1.0, True, "abc", None, np.array([1.0, 2.0])])
def test_each_parameter_is_refused_by_name(strategy, bad):
    for field in fields(strategy):
        if bad is None and field.default is None:
            continue
        name = rf"^{type(strategy).__name__}\.{field.name} must be"
        with pytest.raises((ValueError, TypeError), match=name):
            replace(strategy, **{field.name: bad})


def test_a_refusal_says_name_rule_and_value():
    with pytest.raises(ValueError, match=r"^LinearSkew\.skew must be >= 0, got -1\.0$"):
        LinearSkew(0.5, -1.0)
    with pytest.raises(ValueError, match=r"^CarteaJaimungal\.horizon must be > 0, got -1\.0$"):
        CarteaJaimungal(rate=1.0, kappa=1.0, phi=0.0, alpha=0.0, horizon=-1.0, max_inventory=3)
    with pytest.raises(ValueError, match=r"^GLFT\.max_inventory must be a whole number .*, got 2\.5$"):
        GLFT(gamma=0.1, sigma=2.0, k=1.5, A=140.0, horizon=1.0, max_inventory=2.5)  # pyright: ignore
