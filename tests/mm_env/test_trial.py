"""A price's `expected` is held to its moves where rewards rely on it, and what no order book reads is refused."""

import math
from dataclasses import fields, replace

import numpy as np
import pytest

from mm_env import Brownian, FiniteHorizon, FromBook, InventoryPenalty, Market, Price, Real, UnnoticedBook, rule
from mm_env.core.component import overridden
from mm_env.core.maths import normal
from mm_env.core.noise import Noise, draw
from mm_env.price.trial import mirrored
from mm_env.simulation import Simulation
from tests.worlds import BOOKS, world

BARE = InventoryPenalty(noise=0.0)


class Rising(Price):
    """Rises by `rise` a step, and expects `said`."""

    rise: Real
    said: Real

    @rule
    def move(self, mid, latent, noise, dt):
        return mid + self.rise + normal(noise.price)

    @rule
    def expected(self, mid, latent, dt):
        return mid + self.said


class Faster(Rising):
    @rule
    def move(self, mid, latent, noise, dt):
        return mid + 2.0 * self.rise


@pytest.mark.parametrize("said", [0.9, 1.1, -1.0])
def test_an_expectation_that_the_moves_do_not_have_is_refused_where_noise_is_taken_out(said):
    said_so = rf"from mid 100 Rising.expected says a move of {said:g}, and 65,536 steps moved it by 1 "
    with pytest.raises(ValueError, match="reward.noise must be 1 unless `expected` is the mean of `move`: " + said_so):
        Simulation(world(price=Rising(1.0, said), reward=BARE), 1)
    Simulation(world(price=Rising(1.0, said)), 1)  # nothing relies on it


def test_an_expectation_that_the_moves_have_is_taken():
    Simulation(world(price=Rising(1.0, 1.0), reward=BARE), 1)


def test_an_expectation_inherited_by_moves_of_its_own_is_refused():
    said = (
        r"reward.noise must be 1 here, as Faster.move is not what the inherited `expected` is the mean of \(give Faster"
    )
    with pytest.raises(ValueError, match=said):
        world(price=Faster(1.0, 1.0), reward=BARE)
    world(price=Faster(1.0, 1.0))


def test_mirror_images_are_noise_of_the_same_law_whose_normals_cancel():
    noise = draw(1, 2, 3, 4)
    images = [mirrored(noise, image) for image in range(4)]
    assert images[0] == noise
    assert all(isinstance(image, Noise) for image in images)
    for name in ("price", "latent"):
        pairs = [getattr(image, name) for image in images]
        assert all(0.0 < u < 1.0 for pair in pairs for u in pair)
        assert sum(normal(pair) for pair in pairs) == pytest.approx(0.0, abs=1e-9)
        assert sum(pair[0] < 0.5 for pair in pairs) == 2


def test_what_is_overridden_below_what_states_it_is_named():
    assert overridden(Faster, "expected", "start", "move") == "Faster.move"
    assert overridden(Rising, "expected", "start", "move") is None
    assert overridden(Brownian, "law", "start", "move", "evolve") is None


# what is shown


class Twice(FiniteHorizon):
    @rule
    def observe(self, step):
        return (1.0, 2.0)


class Silent(Brownian):
    signals = ("depth",)


@pytest.mark.parametrize(("parts", "got"), [({"clock": Twice(1.0, 5)}, 3), ({"price": Silent(1.0)}, 2)])
def test_more_or_fewer_numbers_than_names_are_refused(parts, got):
    with pytest.raises(ValueError, match=rf"Market.observe must show one number for each of \['inventory'.*got {got}"):
        Simulation(world(**parts), 1)


# what no order book reads


class Own(Market):
    @rule
    def step(self, state, action, noise):
        return state, math.inf


class Choosy(Market):
    @rule
    def open_sides(self, inventory):
        return True, False


class Scored(Market):
    @rule
    def settle(self, state, dealt, after, now):
        return state, math.inf


class Drifting(FromBook):
    @rule
    def move(self, mid, latent, noise, dt):
        return mid + 1.0


class Sure(UnnoticedBook):
    @rule
    def chances(self, quote, dt):
        return 1.0


@pytest.mark.parametrize("name", BOOKS)
def test_limits_of_ones_own_are_refused_in_an_order_book_with_what_to_override(name):
    said = r"Choosy.open_sides must not be overridden in an order book, which never calls it: override .*settle"
    with pytest.raises(ValueError, match=said):
        Choosy(**{field.name: getattr(BOOKS[name], field.name) for field in fields(Market)})


@pytest.mark.parametrize("kind", [Own, Scored])
def test_rules_that_an_order_book_does_read_may_be_overridden(kind):
    market = BOOKS["hawkes"]
    own = kind(**{field.name: getattr(market, field.name) for field in fields(Market)})
    simulation = Simulation(own, 1, interpreted=True)
    simulation.start(0)
    assert simulation.step(np.zeros(1))[1].tolist() == [math.inf]


def test_a_price_and_a_venue_in_an_order_book_have_no_rules_that_are_not_called():
    market = BOOKS["hawkes"]
    with pytest.raises(ValueError, match=r"Drifting.move must not be overridden in an order book.*flow's rules"):
        replace(market, price=Drifting())
    venue = Sure(**{field.name: getattr(market.venue, field.name) for field in fields(market.venue)})
    with pytest.raises(ValueError, match=r"Sure.chances must not be overridden in an order book"):
        replace(market, venue=venue)
