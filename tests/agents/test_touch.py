"""Strategies at the touch, seen in the books where their orders stand."""

import numpy as np
import pytest

from agents.policy import play
from agents.strategies.touch import AtTouch, ImbalanceSkew
from mm_env.markets import amzn, cont_stoikov_talreja
from mm_env.simulation import Simulation

MARKET = cont_stoikov_talreja()


def quoting(policy, lanes=300, steps=3):
    """Others' best prices and our orders just after each decision took effect, before anything else happened."""
    simulation = Simulation(policy.market, lanes)
    simulation.start(0)
    for _ in range(steps):
        before, inventory = simulation.books, simulation.state.account.inventory
        choice = policy.act(simulation.observations)
        yield (
            before,
            inventory,
            np.stack([choice // policy.market.quote.choices, choice % policy.market.quote.choices], 1),
        )
        simulation.step(choice.astype(np.float64))


@pytest.mark.parametrize("behind", [-1, 0, 1, 2])
def test_both_sides_are_quoted_so_many_ticks_behind_the_best_price(behind):
    for _, _, choices in quoting(AtTouch(MARKET, behind)):
        assert (choices == behind + 1).all()


def test_joined_orders_stand_at_the_best_prices_of_all_others():
    policy = AtTouch(MARKET)
    simulation = Simulation(policy.market, 300)
    simulation.start(0)
    best = simulation.books.best
    simulation.step(policy.act(simulation.observations).astype(np.float64))
    books = simulation.books
    untouched = (books.left > 0) & (books.price == best)
    assert untouched.mean() > 0.9  # where it is not, it was filled or pushed out
    assert ((books.left > 0) <= (books.price == best)).all()


def test_beyond_the_most_only_the_side_that_brings_the_inventory_back_is_quoted():
    policy = AtTouch(MARKET, 0, most=1.0)
    none, seen = policy.market.quote.choices - 1, 0
    for _, inventory, choices in quoting(policy, steps=20):
        assert ((choices[:, 0] == none) == (inventory >= 1.0)).all()
        assert ((choices[:, 1] == none) == (inventory <= -1.0)).all()
        seen += (inventory != 0.0).sum()
    assert seen > 100
    assert np.abs(play(MARKET, policy, 300, 0).terminal_inventory).max() <= 1.0


def test_the_heavier_queue_draws_the_quotes():
    for books, _, choices in quoting(ImbalanceSkew(MARKET, threshold=0.3)):
        slots = books.volume.shape[1]
        bid, ask = (books.volume[np.arange(300), books.best[:, side] & (slots - 1)] for side in (0, 1))
        imbalance = (bid - ask) / (bid + ask)
        wanted = np.where(imbalance[:, None] > 0.3, [0, 2], np.where(imbalance[:, None] < -0.3, [2, 0], [1, 1]))
        assert (choices == wanted).all()


def test_no_quote_is_none_however_far_behind_the_others_stand():
    policy = AtTouch(MARKET, behind=12, most=1.0)
    names = policy.market.observation_names
    seen = np.zeros((3, len(names)), np.float32)
    seen[:, names.index("inventory")] = np.array([0.0, 1.0, -1.0]) / MARKET.inventory_scale
    none, choices = policy.market.quote.choices - 1, policy.market.quote.choices
    assert [divmod(int(i), choices) for i in policy.act(seen)] == [(13, 13), (none, 13), (13, none)]


def test_nobody_stands_further_inside_than_one_tick():
    with pytest.raises(ValueError, match=r"AtTouch\.behind must be >= -1, one tick inside the spread, got -2"):
        AtTouch(MARKET, behind=-2)


def test_a_dealer_has_no_touch():
    with pytest.raises(ValueError, match="AtTouch needs an order book, got a Dealer"):
        AtTouch(amzn())
