"""The adversary's exact best answer and the robust optimum: against enumeration, and against the simulator."""

import itertools
import math
import re
from dataclasses import replace

import numpy as np
import pytest

from agents.adversary import FixedAdversary, Powers, RandomAdversary, face
from agents.exact import evaluate
from agents.fixed import LinearSkew
from agents.game import Game, answer_with, best_answer, check_game, worst_constant
from agents.latent import Unsolvable
from agents.maximin import robust_optimum
from agents.optimum import optimum
from agents.policy import StrategyPolicy, play
from mm_env import (
    CARA,
    ArrivalImpact,
    Bernoulli,
    Binomial,
    Brownian,
    Dealer,
    Depths,
    Ergodic,
    Exponential,
    Fees,
    FillImpact,
    FiniteHorizon,
    InventoryPenalty,
    Logistic,
    MarketOrders,
    OrnsteinUhlenbeck,
    Poisson,
    PowerLaw,
    Sides,
    SpreadAndSkew,
    with_parameters,
)
from mm_env.rollout import inventory_levels
from tests.worlds import within, world

POWERS = Powers({"price.drift": (-3.0, 3.0), "venue.flow.rate": (4.0, 9.5), "venue.fill.k": (0.6, 1.8)})
BERNOULLI = world(
    venue=Dealer(Bernoulli(7.0), Exponential(1.0)),
    quote=Depths(max_depth=2.0, min_depth=-0.3),
    fees=Fees(maker=0.05),
)
MARKETS = {
    "bernoulli": BERNOULLI,
    "poisson": world(quote=SpreadAndSkew(max_half_spread=2.0, max_skew=2.0), initial_inventory=1.0),
    "sides": world(venue=Dealer(Sides(Poisson(8.0), Bernoulli(6.0)), Sides(Exponential(1.0), Exponential(2.0)))),
    "impact": world(venue=Dealer(Poisson(8.0), Exponential(1.0), Sides(FillImpact(0.1), ArrivalImpact(0.2)))),
    "lots": world(order_size=2.0, max_inventory=6.0, initial_inventory=-2.0),
}  # fmt: skip
every_market = pytest.mark.parametrize("market", MARKETS.values(), ids=MARKETS)


def avellaneda_stoikov(steps=200, max_inventory=50.0):
    """The risk-neutral market of Spooner & Savani 2020, or its last steps."""
    return world(
        price=Brownian(2.0), venue=Dealer(Bernoulli(140.0), Exponential(1.5)), clock=FiniteHorizon(0.005 * steps, steps),
        reward=InventoryPenalty(0.0), max_inventory=max_inventory, quote=SpreadAndSkew(2.0, 2.0),
    )  # fmt: skip


def tiny(market, steps=2, orders=1):
    clock = FiniteHorizon(horizon=0.1 * steps, steps=steps)
    start = market.order_size * np.clip(market.initial_inventory / market.order_size, -orders, orders)
    return replace(market, clock=clock, max_inventory=orders * market.order_size, initial_inventory=float(start))


def table_of(market, seed=0, rows=None):
    shape = (rows or market.clock.steps, len(inventory_levels(market)), market.quote.width)
    return np.random.default_rng(seed).uniform(-1.0, 1.0, shape)


def depths_of(market, action):
    quote = market.quote
    share = 0.5 * (np.asarray(action) + 1.0)
    if isinstance(quote, Depths):
        return tuple(quote.min_depth + share * (quote.max_depth - quote.min_depth))
    half_spread, skew = quote.max_half_spread * share[0], quote.max_skew * action[1]
    return half_spread - skew, half_spread + skew


def follow(market, actions, parameters, step=0, q=None):
    """The expected rewards over all paths: Bernoulli orders, an exponential fill and a Brownian mid, written anew.

    `parameters[step, level]` is (drift, rate, k).
    """
    q = market.initial_inventory if q is None else q
    if step == market.clock.steps:
        return 0.0
    dt, phi, alpha, fee = market.clock.step_length, market.reward.phi, market.reward.alpha, market.fees.maker
    level = round(q + market.max_inventory)
    drift, rate, k = parameters[step, level]
    depths = depths_of(market, actions[step, level])
    bid, ask = (min(rate * math.exp(-k * depth) * dt, 1.0) for depth in depths)
    bid, ask = bid * (q < market.max_inventory), ask * (q > -market.max_inventory)
    total = 0.0
    for bought, sold in itertools.product((0, 1), repeat=2):
        chance = (bid if bought else 1 - bid) * (ask if sold else 1 - ask)
        if chance > 0.0:
            held = q + bought - sold
            earned = bought * (depths[0] - fee) + sold * (depths[1] - fee) + held * drift * dt
            earned -= phi * held**2 * dt + alpha * held**2 * (step + 1 == market.clock.steps)
            total += chance * (earned + follow(market, actions, parameters, step + 1, held))
    return total


# given parameters


@every_market
def test_constant_parameters_are_worth_what_the_market_that_has_them_is(market):
    actions, random = table_of(market), np.random.default_rng(1)
    for _ in range(5):
        chosen = random.uniform(POWERS.low, POWERS.high)
        other = with_parameters(market, dict(zip(POWERS.ranges, chosen.tolist())))
        expected = evaluate(other, actions).value[:, 0]
        assert answer_with(market, actions, POWERS, chosen).value == pytest.approx(expected, rel=1e-11, abs=1e-12)


def test_parameters_of_each_step_and_level_are_worth_the_mean_over_all_paths():
    market = tiny(BERNOULLI, steps=3, orders=2)
    actions, random = table_of(market), np.random.default_rng(2)
    parameters = random.uniform(POWERS.low, POWERS.high, (3, 5, 3))
    found = answer_with(market, actions, POWERS, parameters)
    assert found.objective == pytest.approx(follow(market, actions, parameters), rel=1e-12)


def test_a_stationary_table_serves_every_step():
    actions = table_of(BERNOULLI, rows=1)
    assert best_answer(BERNOULLI, actions, POWERS).objective == (
        best_answer(BERNOULLI, np.repeat(actions, 5, axis=0), POWERS).objective
    )


def test_the_value_is_linear_in_the_drift():
    actions, drifts = table_of(BERNOULLI), np.array([-3.0, -1.0, 0.5, 3.0])
    worth = [answer_with(BERNOULLI, actions, POWERS, np.array([d, 7.0, 1.0])).objective for d in drifts]
    line = worth[0] + (worth[3] - worth[0]) * (drifts + 3.0) / 6.0
    assert worth == pytest.approx(line, rel=1e-12)


# the best answer


@pytest.mark.parametrize("seed", range(3))
def test_no_adversary_of_all_on_a_grid_does_better_than_the_best_answer(seed):
    """Every table of three choices at the four states that matter: 3^4 adversaries, each over all paths."""
    market = tiny(BERNOULLI)
    actions, random = table_of(market, seed), np.random.default_rng(seed)
    best = best_answer(market, actions, POWERS)
    assert follow(market, actions, best.parameters) == pytest.approx(best.objective, rel=1e-12)
    corners = POWERS.grid(2)[random.permutation(8)[:3]]
    lowest = np.inf
    for first, *second in itertools.product(range(3), repeat=4):
        parameters = np.empty((2, 3, 3))
        parameters[0], parameters[1] = corners[first], corners[second]
        lowest = min(lowest, follow(market, actions, parameters))
    assert best.objective <= lowest + 1e-12
    only = np.array([best.parameters[0, 1], *best.parameters[1]])
    choices = [[chosen, *corners[:1]] for chosen in only]  # with the best answer's own choices among them
    found = min(follow(market, actions, np.array([[c[0]] * 3, c[1:]])) for c in itertools.product(*choices))
    assert found == pytest.approx(best.objective, rel=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_the_best_answer_is_as_low_as_a_dense_grid_says(seed):
    """One step backward over 2 x 241 x 241 parameters: a grid may only be higher, and the answer is worth what it says."""
    market = tiny(BERNOULLI, steps=1, orders=2)
    actions = table_of(market, seed)
    best = best_answer(market, actions, POWERS)
    drift, rate, k = np.meshgrid([-3.0, 3.0], np.linspace(4.0, 9.5, 241), np.linspace(0.6, 1.8, 241), indexing="ij")
    for level, q in enumerate(inventory_levels(market)):
        depths, answer = depths_of(market, actions[0, level]), best.parameters[0, level]
        assert best.value[0, level] <= one_step(market, q, depths, drift, rate, k).min() + 1e-12
        assert best.value[0, level] == pytest.approx(one_step(market, q, depths, *answer), rel=1e-12)


def one_step(market, q, depths, drift, rate, k, following=None):
    """The value of one step at inventory q, for arrays of parameters or of depths."""
    dt, alpha, fee = market.clock.step_length, market.reward.alpha, market.fees.maker
    levels = inventory_levels(market)
    after = -alpha * levels**2 if following is None else following
    bid, ask = (np.minimum(rate * np.exp(-k * depth) * dt, 1.0) for depth in depths)
    bid, ask = bid * (q < market.max_inventory), ask * (q > -market.max_inventory)
    total = 0.0
    for bought, sold in itertools.product((0, 1), repeat=2):
        held = np.clip(q + bought - sold, levels[0], levels[-1])
        earned = bought * (depths[0] - fee) + sold * (depths[1] - fee) + held * drift * dt
        chance = (bid if bought else 1 - bid) * (ask if sold else 1 - ask)
        total = total + chance * (earned - market.reward.phi * held**2 * dt + after[round(held - levels[0])])
    return total


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
    found = best_answer(quoted, actions, powers)
    worth = [answer_with(quoted, actions, powers, np.array([rate])).objective for rate in (0.3, 0.4, 0.5)]
    curvature = (worth[2] - 2 * worth[1] + worth[0]) / 0.02
    slope = (worth[1] - worth[0]) / 0.1 - 0.1 * curvature
    lowest = 0.3 - slope / (2 * curvature)
    assert 0.3 < lowest < 0.61
    assert found.parameters[0, 2, 0] == pytest.approx(lowest, rel=1e-5)
    assert found.objective == pytest.approx(worth[0] - slope**2 / (4 * curvature), rel=1e-9)


@every_market
def test_the_simulator_agrees_with_the_best_answer_and_with_any_other(market):
    actions = table_of(market)
    maker = optimum_like(market, actions)
    best = best_answer(market, actions, POWERS)
    assert within(face(market, maker, POWERS, best.policy, 40_000, 3).objective, best.objective)
    parameters = np.random.default_rng(5).uniform(POWERS.low, POWERS.high, best.parameters.shape)
    other = answer_with(market, actions, POWERS, parameters)
    assert within(face(market, maker, POWERS, other.policy, 40_000, 4).objective, other.objective)
    assert best.objective <= other.objective


def optimum_like(market, actions):
    from agents.policy import Table

    return Table(market, actions)


def test_in_a_whole_episode_of_avellaneda_and_stoikov_the_simulator_agrees():
    market = avellaneda_stoikov()
    maker = StrategyPolicy(LinearSkew(0.7, 0.05), market)
    best = best_answer(maker.table().market, maker.table().actions, Powers())
    assert within(face(market, maker, Powers(), best.policy, 4_000, 3).objective, best.objective)


def test_the_fixed_adversary_is_the_market_with_those_parameters_and_the_same_noise():
    market = MARKETS["poisson"]
    maker = optimum_like(market, table_of(market))
    action = np.array([0.5, -1.0, 0.2])
    faced = face(market, maker, POWERS, FixedAdversary(action), 200, 3)
    chosen = POWERS.parameters(action)
    plain = play(with_parameters(market, dict(zip(POWERS.ranges, chosen.tolist()))), maker, 200, 3)
    played = play(with_parameters(maker.market, dict(zip(POWERS.ranges, chosen.tolist()))), maker, 200, 3)
    assert not np.array_equal(faced.objective, played.objective)  # the table holds its own, nominal market
    other = optimum_like(with_parameters(market, dict(zip(POWERS.ranges, chosen.tolist()))), maker.actions)
    np.testing.assert_array_equal(faced.objective, play(other.market, other, 200, 3).objective)
    assert len(plain) == 200


def test_the_random_adversary_is_worth_its_mean_parameters_where_the_value_is_linear_and_repeats():
    market = replace(BERNOULLI, venue=Dealer(Bernoulli(5.0), Exponential(1.0)))
    powers, maker = Powers({"price.drift": (-1.0, 3.0)}), optimum_like(market, table_of(market))
    episodes = [face(market, maker, powers, RandomAdversary(powers, 7), 40_000, 3) for _ in range(2)]
    np.testing.assert_array_equal(episodes[0].objective, episodes[1].objective)
    assert within(episodes[0].objective, answer_with(market, maker.actions, powers, np.array([1.0])).objective)


@every_market
def test_the_worst_constant_is_on_no_grid_undercut_and_no_worse_than_the_best_answer(market):
    actions = table_of(market)
    worst = worst_constant(market, actions, POWERS)
    game = Game(market, POWERS)
    everywhere = min(game.answer(actions, parameters).objective for parameters in POWERS.grid(9))
    assert best_answer(market, actions, POWERS).objective <= worst.objective <= everywhere + 1e-9
    assert (worst.parameters == worst.parameters[0, 0]).all()


# the robust optimum

ROBUST = {name: MARKETS[name] for name in ("bernoulli", "poisson", "impact")}
every_robust_market = pytest.mark.parametrize("market", ROBUST.values(), ids=ROBUST)


@every_robust_market
def test_the_robust_optimum_is_certified_by_its_two_bounds(market):
    found = robust_optimum(market, POWERS)
    assert -1e-9 <= found.gap <= 1e-6 * abs(found.objective)
    assert found.objective == best_answer(market, found.actions, POWERS).objective


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
    game = Game(market, POWERS)
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
    """Nine quotes at each of two states, 81 makers, each against its best answer: none is above the robust optimum."""
    market = tiny(replace(BERNOULLI, initial_inventory=0.0))
    found = robust_optimum(market, POWERS)
    near = np.stack(np.meshgrid((-0.15, 0.0, 0.15), (-0.15, 0.0, 0.15)), axis=-1).reshape(-1, 2)
    best, game = -np.inf, Game(market, POWERS)
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
    assert robust.objective > best_answer(market, nominal.table().actions, POWERS).objective


def test_a_risk_neutral_maker_becomes_averse_to_inventory_when_an_adversary_sets_the_drift():
    """Spooner & Savani 2020: risk aversion emerges from the game, without a penalty."""
    market = avellaneda_stoikov(steps=40, max_inventory=12.0)
    nominal, robust = (found.table().depths()[:, 8:17] for found in (optimum(market), robust_optimum(market, Powers())))
    assert np.ptp(nominal[0]) < 0.02  # all but constant, so far from the limits
    assert (np.diff(robust[0, :, 0]) > 0.02).all()  # bids deepen the more is held
    assert (np.diff(robust[0, :, 1]) < -0.02).all()


# what is refused


@pytest.mark.parametrize(("parts", "ranges", "message"), [
    ({"reward": CARA(0.1)}, {}, "reward: the game is solved for InventoryPenalty"),
    ({"clock": Ergodic(1.0, 10)}, {}, "clock: the game is solved over a finite horizon"),
    ({"price": OrnsteinUhlenbeck(1.0, 1.0, 100.0)}, {"venue.flow.rate": (1, 2)}, "price: the game is solved for"),
    ({"quote": MarketOrders(SpreadAndSkew(1.0, 1.0), 0.1)}, {}, "quote: the game is solved without market orders"),
    ({}, {"reward.phi": (0.0, 1.0)}, "the adversary's reward.phi is none of price., venue.flow., venue.fill., fees."),
    ({"price": Binomial(1.0)}, {}, "a path must name a parameter of the market, got 'price.drift'"),
    ({}, {"venue.fill.k": (0.0, 1.0)}, "Exponential.k must be > 0, got 0.0"),
])  # fmt: skip
def test_what_the_game_cannot_solve_it_refuses_by_name(parts, ranges, message):
    with pytest.raises(ValueError, match="^" + re.escape(message)):
        check_game(world(**parts), Powers(ranges) if ranges else POWERS)


def test_other_ways_to_fill_are_solved_too():
    market = world(
        venue=Dealer(Poisson(8.0), Sides(Logistic(0.4, 0.3), PowerLaw(0.5, 1.5))), quote=Depths(max_depth=2.0)
    )
    powers = Powers({"price.drift": (-1.0, 1.0), "venue.flow.rate": (5.0, 9.0)})
    found = robust_optimum(market, powers)
    assert -1e-9 <= found.gap < 1e-6
    maker = optimum_like(market, found.actions)
    assert within(face(market, maker, powers, found.answer.policy, 40_000, 3).objective, found.objective)


def test_the_robust_optimum_wants_two_continuous_numbers():
    from mm_env import Skew
    from mm_env.quote import Unbounded

    for quote in (Skew(0.5, 0.5), Unbounded()):
        with pytest.raises(Unsolvable, match="the robust optimum wants two numbers"):
            robust_optimum(world(quote=quote), POWERS)


def test_actions_and_parameters_map_onto_each_other_ends_to_ends():
    actions = np.random.default_rng(0).uniform(-1.0, 1.0, (50, 3))
    assert POWERS.actions(POWERS.parameters(actions)) == pytest.approx(actions, abs=1e-12)
    assert np.array_equal(POWERS.parameters(np.full(3, -1.0)), POWERS.low)
    assert np.array_equal(POWERS.parameters(np.full(3, 7.0)), POWERS.high)
    assert POWERS.grid(2).shape == (8, 3)
    assert Powers({"price.drift": (2.0, 2.0)}).actions(np.array([2.0])) == 0.0
