"""The robust optimum: between its two bounds, and as brute force finds it."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from agents.exact.evaluation import evaluate
from agents.exact.optimum import optimum
from agents.exact.price_grid import Unsolvable
from agents.policy import Table
from agents.robust.adversary import Powers, play_against
from agents.robust.best_response import BestResponse, best_response
from agents.robust.robust_optimum import robust_optimum
from mm_env import (
    Dealer,
    Depths,
    Fees,
    FiniteHorizon,
    InventoryPenalty,
    Logistic,
    Poisson,
    PowerLaw,
    Sides,
    SpreadAndSkew,
    with_parameters,
)
from mm_env.rollout import inventory_levels
from tests.agents.games import (
    BERNOULLI,
    MARKETS,
    POWERS,
    avellaneda_stoikov,
    depths_of,
    one_step,
    tiny,
)
from tests.worlds import within, world

ROBUST = {name: MARKETS[name] for name in ("bernoulli", "poisson", "impact")}
every_robust_market = pytest.mark.parametrize(
    "market", [pytest.param(m, id=n, marks=[pytest.mark.slow] if n == "impact" else []) for n, m in ROBUST.items()]
)


@every_robust_market
def test_the_robust_optimum_is_certified_by_its_two_bounds(market):
    found = robust_optimum(market, POWERS)
    assert -1e-9 <= found.gap <= 1e-6 * abs(found.objective)
    assert found.objective == best_response(market, found.actions, POWERS).objective


def test_where_the_adversary_has_no_choice_it_is_the_optimum():
    chosen = {"price.drift": 1.0, "venue.flow.rate": 6.0, "venue.fill.k": 1.2}
    market = MARKETS["poisson"]
    found = robust_optimum(market, Powers({path: (x, x) for path, x in chosen.items()}))
    best = optimum(with_parameters(market, chosen))
    assert found.value == pytest.approx(best.value[:, 0], rel=1e-12, abs=1e-12)
    assert found.objective == pytest.approx(best.objective, rel=1e-12)


@every_robust_market
def test_no_other_table_can_be_surer_of_more(market):
    found, random = robust_optimum(market, POWERS), np.random.default_rng(0)
    others = [optimum(market).table().actions, found.actions[::-1]]
    for scale in (1e-4, 1e-3, 1e-2, 0.1, 1.0):
        for _ in range(5):
            others.append(np.clip(found.actions + scale * random.uniform(-1, 1, found.actions.shape), -1.0, 1.0))
    for _ in range(30):  # one quote of one moment at one inventory
        other, place = found.actions.copy(), tuple(random.integers(found.actions.shape))
        other[place] = random.uniform(-1.0, 1.0)
        others.append(other)
    game = BestResponse(market, POWERS)
    worth = [game.answer(other, None).objective for other in others]
    assert max(worth) <= found.objective + max(found.gap, 1e-12)


@pytest.mark.parametrize("name", ["bernoulli", "spread and skew"])
def test_it_is_what_brute_force_over_quotes_and_parameters_finds(name):
    """Two steps, three inventories: max over 161 x 161 quotes of min over 2 x 5 x 5 parameters, backward in time."""
    quote = BERNOULLI.quote if name == "bernoulli" else SpreadAndSkew(max_half_spread=1.5, max_skew=1.0)
    market = tiny(replace(BERNOULLI, quote=quote, fees=Fees()))
    found, line = robust_optimum(market, POWERS), np.linspace(-1.0, 1.0, 161)
    grid = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    depths = np.array([depths_of(market, action) for action in grid]).T
    value = -market.reward.alpha * inventory_levels(market) ** 2
    for _ in range(2):
        floor = [
            np.min([one_step(market, q, depths, *theta, following=value) for theta in fine_parameters()], axis=0).max()
            for q in inventory_levels(market)
        ]
        value = np.array(floor)
    assert value == pytest.approx(found.value[0], abs=5e-4)  # 81 quotes: 2e-3, 321: 3e-4
    assert (value <= found.value[0] + 1e-12).all()  # a grid of quotes can only be worse


def fine_parameters():
    return itertools.product((-3.0, 3.0), np.linspace(4.0, 9.5, 5), np.linspace(0.6, 1.8, 5))


def test_brute_force_over_whole_policies_finds_no_surer_one():
    """Nine quotes at each of two states, 81 makers, each against its best response: none is above the robust optimum."""
    market = tiny(replace(BERNOULLI, initial_inventory=0.0))
    found = robust_optimum(market, POWERS)
    near = np.stack(np.meshgrid((-0.15, 0.0, 0.15), (-0.15, 0.0, 0.15)), axis=-1).reshape(-1, 2)
    best, game = -np.inf, BestResponse(market, POWERS)
    for choice in itertools.product(range(9), repeat=2):  # the two states of an even book; the others keep their best
        actions = found.actions.copy()
        actions[0, 1] += near[choice[0]]
        actions[1, 1] += near[choice[1]]
        best = max(best, game.answer(np.clip(actions, -1.0, 1.0), None).objective)
    assert best == found.objective


def test_a_maker_who_can_be_sure_of_more_loses_a_little_where_nobody_plays_against_it():
    market = replace(BERNOULLI, reward=InventoryPenalty(0.0), clock=FiniteHorizon(2.0, 20))
    nominal, robust = optimum(market), robust_optimum(market, POWERS)
    assert evaluate(market, robust.actions).objective < nominal.objective
    assert robust.objective > best_response(market, nominal.table().actions, POWERS).objective


def test_a_risk_neutral_maker_becomes_averse_to_inventory_when_an_adversary_sets_the_drift():
    """Spooner & Savani 2020: risk aversion emerges from the game, without a penalty."""
    market = avellaneda_stoikov(steps=40, max_inventory=12.0)
    nominal, robust = (found.table().depths()[:, 8:17] for found in (optimum(market), robust_optimum(market, Powers())))
    assert np.ptp(nominal[0]) < 0.02  # all but constant, so far from the limits
    assert (np.diff(robust[0, :, 0]) > 0.02).all()  # bids deepen the more is held
    assert (np.diff(robust[0, :, 1]) < -0.02).all()


def test_other_ways_to_fill_are_solved_too():
    market = world(
        venue=Dealer(Poisson(8.0), Sides(Logistic(0.4, 0.3), PowerLaw(0.5, 1.5))), quote=Depths(max_depth=2.0)
    )
    powers = Powers({"price.drift": (-1.0, 1.0), "venue.flow.rate": (5.0, 9.0)})
    found = robust_optimum(market, powers)
    assert -1e-9 <= found.gap < 1e-6
    maker = Table(market, found.actions)
    assert within(play_against(market, maker, powers, found.answer.policy, 40_000, 3).objective, found.objective)


def test_the_robust_optimum_wants_two_continuous_numbers():
    from mm_env import Skew
    from mm_env.quote import Unbounded

    for quote in (Skew(0.5, 0.5), Unbounded()):
        with pytest.raises(Unsolvable, match="the robust optimum wants two numbers"):
            robust_optimum(world(quote=quote), POWERS)
