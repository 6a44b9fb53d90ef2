"""The adversary's exact best response: against enumeration, and against the simulator."""

import itertools
import re
from dataclasses import replace

import numpy as np
import pytest

from agents.exact.evaluation import evaluate
from agents.policy import StrategyPolicy, Table, play
from agents.robust.adversary import FixedAdversary, Powers, RandomAdversary, play_against
from agents.robust.best_response import BestResponse, best_response, check_game, evaluate_under, worst_constant
from agents.strategies.fixed import LinearSkew
from mm_env import (
    CARA,
    Bernoulli,
    Binomial,
    Brownian,
    Dealer,
    Depths,
    Ergodic,
    Exponential,
    InventoryPenalty,
    MarketOrders,
    OrnsteinUhlenbeck,
    SpreadAndSkew,
    rule,
    with_parameters,
)
from mm_env.rollout import inventory_levels
from tests.agents.games import (
    BERNOULLI,
    MARKETS,
    POWERS,
    avellaneda_stoikov,
    depths_of,
    every_market,
    follow,
    one_step,
    table_of,
    tiny,
)
from tests.worlds import within, world

# given parameters


@every_market
def test_constant_parameters_are_worth_what_the_market_that_has_them_is(market):
    actions, random = table_of(market), np.random.default_rng(1)
    for _ in range(5):
        chosen = random.uniform(POWERS.low, POWERS.high)
        other = with_parameters(market, dict(zip(POWERS.ranges, chosen.tolist())))
        expected = evaluate(other, actions).value[:, 0]
        assert evaluate_under(market, actions, POWERS, chosen).value == pytest.approx(expected, rel=1e-11, abs=1e-12)


def test_parameters_of_each_step_and_level_are_worth_the_mean_over_all_paths():
    market = tiny(BERNOULLI, steps=3, orders=2)
    actions, random = table_of(market), np.random.default_rng(2)
    parameters = random.uniform(POWERS.low, POWERS.high, (3, 5, 3))
    found = evaluate_under(market, actions, POWERS, parameters)
    assert found.objective == pytest.approx(follow(market, actions, parameters), rel=1e-12)


def test_a_stationary_table_serves_every_step():
    actions = table_of(BERNOULLI, rows=1)
    assert best_response(BERNOULLI, actions, POWERS).objective == (
        best_response(BERNOULLI, np.repeat(actions, 5, axis=0), POWERS).objective
    )


def test_the_value_is_linear_in_the_drift():
    actions, drifts = table_of(BERNOULLI), np.array([-3.0, -1.0, 0.5, 3.0])
    worth = [evaluate_under(BERNOULLI, actions, POWERS, np.array([d, 7.0, 1.0])).objective for d in drifts]
    line = worth[0] + (worth[3] - worth[0]) * (drifts + 3.0) / 6.0
    assert worth == pytest.approx(line, rel=1e-12)


# the best response


@pytest.mark.parametrize("seed", range(3))
def test_no_adversary_of_all_on_a_grid_does_better_than_the_best_answer(seed):
    """Every table of three choices at the four states that matter: 3^4 adversaries, each over all paths."""
    market = tiny(BERNOULLI)
    actions, random = table_of(market, seed), np.random.default_rng(seed)
    best = best_response(market, actions, POWERS)
    assert follow(market, actions, best.parameters) == pytest.approx(best.objective, rel=1e-12)
    corners = POWERS.grid(2)[random.permutation(8)[:3]]
    lowest = np.inf
    for first, *second in itertools.product(range(3), repeat=4):
        parameters = np.empty((2, 3, 3))
        parameters[0], parameters[1] = corners[first], corners[second]
        lowest = min(lowest, follow(market, actions, parameters))
    assert best.objective <= lowest + 1e-12
    only = np.array([best.parameters[0, 1], *best.parameters[1]])
    choices = [[chosen, *corners[:1]] for chosen in only]  # with the best response's own choices among them
    found = min(follow(market, actions, np.array([[c[0]] * 3, c[1:]])) for c in itertools.product(*choices))
    assert found == pytest.approx(best.objective, rel=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_the_best_answer_is_as_low_as_a_dense_grid_says(seed):
    """One step backward over 2 x 241 x 241 parameters: a grid may only be higher, and the answer is worth what it says."""
    market = tiny(BERNOULLI, steps=1, orders=2)
    actions = table_of(market, seed)
    best = best_response(market, actions, POWERS)
    drift, rate, k = np.meshgrid([-3.0, 3.0], np.linspace(4.0, 9.5, 241), np.linspace(0.6, 1.8, 241), indexing="ij")
    for level, q in enumerate(inventory_levels(market)):
        depths, answer = depths_of(market, actions[0, level]), best.parameters[0, level]
        assert best.value[0, level] <= one_step(market, q, depths, drift, rate, k).min() + 1e-12
        assert best.value[0, level] == pytest.approx(one_step(market, q, depths, *answer), rel=1e-12)


def test_a_rate_within_its_range_may_be_best_and_is_found():
    """V is quadratic in a Bernoulli rate: x + y A + z A^2 with z > 0 has its lowest point at -y / 2z."""
    market = tiny(world(
        venue=Dealer(Bernoulli(7.0), Exponential(1.0)), quote=Depths(max_depth=2.0, min_depth=-2.0),
        reward=InventoryPenalty(alpha=3.0),
    ), steps=1, orders=2)  # fmt: skip
    powers = Powers({"venue.flow.rate": (0.3, 0.61)})
    depth = -2.8  # a fill alone costs alpha + 2.8, both together give the penalty back
    actions = np.full((1, 5, 2), 0.0)
    quoted = replace(market, quote=Depths(max_depth=2.9, min_depth=depth))
    actions[:] = -1.0
    found = best_response(quoted, actions, powers)
    worth = [evaluate_under(quoted, actions, powers, np.array([rate])).objective for rate in (0.3, 0.4, 0.5)]
    curvature = (worth[2] - 2 * worth[1] + worth[0]) / 0.02
    slope = (worth[1] - worth[0]) / 0.1 - 0.1 * curvature
    lowest = 0.3 - slope / (2 * curvature)
    assert 0.3 < lowest < 0.61
    assert found.parameters[0, 2, 0] == pytest.approx(lowest, rel=1e-5)
    assert found.objective == pytest.approx(worth[0] - slope**2 / (4 * curvature), rel=1e-9)


@every_market
def test_the_simulator_agrees_with_the_best_answer_and_with_any_other(market):
    actions = table_of(market)
    maker = Table(market, actions)
    best = best_response(market, actions, POWERS)
    assert within(play_against(market, maker, POWERS, best.policy, 40_000, 3).objective, best.objective)
    parameters = np.random.default_rng(5).uniform(POWERS.low, POWERS.high, best.parameters.shape)
    other = evaluate_under(market, actions, POWERS, parameters)
    assert within(play_against(market, maker, POWERS, other.policy, 40_000, 4).objective, other.objective)
    assert best.objective <= other.objective


def test_in_a_whole_episode_of_avellaneda_and_stoikov_the_simulator_agrees():
    market = avellaneda_stoikov()
    maker = StrategyPolicy(LinearSkew(0.7, 0.05), market)
    best = best_response(maker.table().market, maker.table().actions, Powers())
    assert within(play_against(market, maker, Powers(), best.policy, 4_000, 3).objective, best.objective)


def test_the_fixed_adversary_is_the_market_with_those_parameters_and_the_same_noise():
    market = MARKETS["poisson"]
    maker = Table(market, table_of(market))
    action = np.array([0.5, -1.0, 0.2])
    faced = play_against(market, maker, POWERS, FixedAdversary(action), 200, 3)
    chosen = POWERS.parameters(action)
    plain = play(with_parameters(market, dict(zip(POWERS.ranges, chosen.tolist()))), maker, 200, 3)
    played = play(with_parameters(maker.market, dict(zip(POWERS.ranges, chosen.tolist()))), maker, 200, 3)
    assert not np.array_equal(faced.objective, played.objective)  # the table holds its own, nominal market
    other = Table(with_parameters(market, dict(zip(POWERS.ranges, chosen.tolist()))), maker.actions)
    np.testing.assert_array_equal(faced.objective, play(other.market, other, 200, 3).objective)
    assert len(plain) == 200


def test_the_random_adversary_is_worth_its_mean_parameters_where_the_value_is_linear_and_repeats():
    market = replace(BERNOULLI, venue=Dealer(Bernoulli(5.0), Exponential(1.0)))
    powers, maker = Powers({"price.drift": (-1.0, 3.0)}), Table(market, table_of(market))
    episodes = [play_against(market, maker, powers, RandomAdversary(powers, 7), 40_000, 3) for _ in range(2)]
    np.testing.assert_array_equal(episodes[0].objective, episodes[1].objective)
    assert within(episodes[0].objective, evaluate_under(market, maker.actions, powers, np.array([1.0])).objective)


@every_market
def test_the_worst_constant_is_on_no_grid_undercut_and_no_worse_than_the_best_answer(market):
    actions = table_of(market)
    worst = worst_constant(market, actions, POWERS)
    game = BestResponse(market, POWERS)
    everywhere = min(game.answer(actions, parameters).objective for parameters in POWERS.grid(9))
    assert best_response(market, actions, POWERS).objective <= worst.objective <= everywhere + 1e-9
    assert (worst.parameters == worst.parameters[0, 0]).all()


# what is refused


@pytest.mark.parametrize(("parts", "ranges", "message"), [
    ({"reward": CARA(0.1)}, {}, "reward: the game is solved for InventoryPenalty"),
    ({"clock": Ergodic(1.0, 10)}, {}, "clock: the game is solved over a finite horizon"),
    ({"price": OrnsteinUhlenbeck(1.0, 1.0, 100.0)}, {"venue.flow.rate": (1, 2)}, "price: the game is solved for"),
    ({"quote": MarketOrders(SpreadAndSkew(1.0, 1.0), 0.1)}, {}, "quote: the game is solved without market orders"),
    ({}, {"reward.phi": (0.0, 1.0)}, "the adversary's reward.phi is none of price., venue.flow., venue.fill., venue.impact."),
    ({"price": Binomial(1.0)}, {}, "a path must name a parameter of the market, got 'price.drift'"),
    ({}, {"venue.fill.k": (0.0, 1.0)}, "Exponential.k must be > 0, got 0.0"),
])  # fmt: skip
def test_what_the_game_cannot_solve_it_refuses_by_name(parts, ranges, message):
    with pytest.raises(ValueError, match="^" + re.escape(message)):
        check_game(world(**parts), Powers(ranges) if ranges else POWERS)


class Capped(Brownian):
    """Expects no more than a drift of 1, and moves and says so of its law, but for the expectation beyond."""

    @rule
    def expected(self, mid, latent, dt):
        return mid + min(self.drift, 1.0) * dt


def test_an_expectation_that_fails_somewhere_in_the_adversarys_ranges_is_refused():
    market = world(price=Capped(1.0, drift=0.5))
    check_game(market, Powers({"price.drift": (-3.0, 1.0)}))
    with pytest.raises(
        ValueError, match=r"price: its `expected` is not the drift of its `law`, in Capped\(.*drift=3.0"
    ):
        check_game(market, POWERS)


def test_actions_and_parameters_map_onto_each_other_ends_to_ends():
    actions = np.random.default_rng(0).uniform(-1.0, 1.0, (50, 3))
    assert POWERS.actions(POWERS.parameters(actions)) == pytest.approx(actions, abs=1e-12)
    assert np.array_equal(POWERS.parameters(np.full(3, -1.0)), POWERS.low)
    assert np.array_equal(POWERS.parameters(np.full(3, 7.0)), POWERS.high)
    assert POWERS.grid(2).shape == (8, 3)
    assert Powers({"price.drift": (2.0, 2.0)}).actions(np.array([2.0])) == 0.0
