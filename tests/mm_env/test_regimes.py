"""Regimes: the chain at any step, the moves in each of them, what is hidden of them, and what is refused."""

import math

import numpy as np
import pytest
from scipy.linalg import expm

from mm_env import (
    ArrivalImpact,
    Brownian,
    Dealer,
    Exponential,
    FillImpact,
    FiniteHorizon,
    FromBook,
    Geometric,
    HiddenRegimes,
    Integers,
    OrnsteinUhlenbeck,
    Poisson,
    RegimeFill,
    RegimeFlow,
    RegimeImpact,
    RegimeSwitching,
    ShortTermAlpha,
    VariancePenalty,
)
from mm_env.core.component import record
from mm_env.core.noise import draw
from mm_env.price.regimes import Regime
from mm_env.simulation import Simulation
from mm_env.world import alone
from tests.worlds import AT_START, random_actions, same_bits, story, within, world

TWO, THREE = [[-2.0, 2.0], [4.0, -4.0]], [[0.0, 1.0, 2.0], [3.0, 0.0, 1.0], [0.5, 0.5, 0.0]]
PRICE = RegimeSwitching(Brownian(1.0, 0.3), TWO, [1.0, 2.0], [0.0, -1.0])
LANES = 40_000


def ends(price, steps=8, horizon=1.0, lanes=LANES):
    """The state of the price and the mid's move after `steps` steps, one a lane."""
    clock = FiniteHorizon(horizon * (steps + 1) / steps, steps + 1)
    simulation = Simulation(world(price=price, clock=clock, initial_mid=0.0), lanes)
    simulation.start(11)
    for _ in range(steps):
        simulation.step(np.zeros(2 * lanes))
    return simulation.state.world.price, simulation.state.mid


# the chain


@pytest.mark.parametrize("rates", [TWO, THREE], ids=["two", "three"])
@pytest.mark.parametrize("dt", [1e-4, 0.1, 0.5])
def test_the_chain_is_the_exponential_of_its_rates_at_any_step(rates, dt):
    price = RegimeSwitching(Brownian(1.0), rates, [1.0])
    off = np.array(record(price).chain(dt)) - expm(np.array(price.rates) * dt)
    assert np.abs(off).max() <= 64 * 2.0**-53  # six squarings double what is rounded away six times


@pytest.mark.parametrize("steps", [2, 16])
def test_a_share_of_lanes_is_in_each_regime_whatever_the_step(steps):
    """p(t) = 1/3 (1 - e^-6t) of rates 2 and 4."""
    latent, _ = ends(PRICE, steps)
    assert within(latent.regime, (1.0 - math.exp(-6.0)) / 3.0)
    three, _ = ends(RegimeSwitching(Brownian(1.0), THREE, [1.0], initial_regime=2), 8)
    for regime, share in enumerate(expm(np.array(RegimeSwitching(Brownian(1.0), THREE, [1.0]).rates))[2]):
        assert within((three.regime == regime).astype(float), share)


def test_the_share_of_time_in_each_regime_is_that_of_the_long_run():
    assert PRICE.stationary == pytest.approx([2.0 / 3.0, 1.0 / 3.0], abs=1e-12)
    assert pytest.approx(math.sqrt(2.0 / 3.0 + 4.0 / 3.0)) == PRICE.sigma
    ending = RegimeSwitching(Brownian(1.0), [[0.0, 1.0], [0.0, 0.0]], [1.0, 3.0])
    assert ending.stationary == pytest.approx([0.0, 1.0], abs=1e-9)  # from the second nothing leads back


def test_mean_and_variance_of_a_move_are_those_of_an_integrated_chain():
    """Steps of h hold the regime: E[R] = sum m_r h, Var[R] = sum E[v_r] h + Var[sum m_r h], from p(t) and its covariances."""
    n, h, p = 8, 1.0 / 8.0, lambda t: (1.0 - math.exp(-6.0 * t)) / 3.0
    drift, variance = (0.3, 2.0 * 0.3 - 1.0), (1.0, 4.0)
    occupied = [p(i * h) for i in range(n)]
    mean = sum(drift[0] + (drift[1] - drift[0]) * share for share in occupied) * h
    noise = sum(variance[0] + (variance[1] - variance[0]) * share for share in occupied) * h
    pairs = [(i, j) for i in range(n) for j in range(n)]
    together = {
        (i, j): occupied[min(i, j)] * (1.0 / 3.0 + 2.0 / 3.0 * math.exp(-6.0 * abs(i - j) * h)) for i, j in pairs
    }
    spread = sum(together[i, j] - occupied[i] * occupied[j] for i, j in pairs) * ((drift[1] - drift[0]) * h) ** 2
    _, moves = ends(PRICE, n)
    assert within(moves, mean)
    assert within((moves - mean) ** 2, noise + spread)


# the moves


def test_in_a_regime_the_mid_moves_by_so_much_more_and_drifts():
    rules, dt, noise = record(PRICE), 0.25, draw(3, 1, 4, 1)
    inner = record(PRICE.price).move(100.0, (), noise, dt) - 100.0
    for regime, wanted in ((0.0, inner), (1.0, 2.0 * inner - 1.0 * dt)):
        latent = Regime(regime, ())
        now = alone(latent, 100.0)
        assert rules.move(100.0, latent, noise, dt, now) == pytest.approx(100.0 + wanted, abs=1e-12)
        assert rules.expected(100.0, latent, dt, now) == pytest.approx(100.0 + [0.075, 0.15 - 0.25][int(regime)])
        assert rules.variance(latent, dt, now) == [0.25, 1.0][int(regime)]


def test_what_the_agent_sees_is_the_regime_and_what_the_price_within_shows():
    assert world(price=PRICE).observation_names == ("inventory", "time_left", "regime")
    around = RegimeSwitching(ShortTermAlpha(1.0, 2.0, 3.0), TWO, [1.0, 2.0])
    assert around.signals == ("regime", "alpha")
    assert RegimeSwitching(Geometric(0.1), TWO, [1.0, 2.0]).relative
    assert not PRICE.relative


def test_the_law_is_that_of_each_regime_with_the_chain():
    law = PRICE.law(0.1, 1)
    (chain, target), stay = law.dimensions[0], expm(np.array(TWO) * 0.1)
    assert (chain.kind, chain.signal, chain.nodes.tolist()) == ("labels", "regime", [0.0, 1.0])
    np.testing.assert_allclose(law.probability, stay, atol=1e-15)
    np.testing.assert_allclose(target, [[0.0, 1.0], [0.0, 1.0]])
    np.testing.assert_allclose(law.mean, [[0.03, 0.03], [-0.04, -0.04]], atol=1e-15)
    np.testing.assert_allclose(law.variance, [[0.1, 0.1], [0.4, 0.4]], atol=1e-15)


def test_a_price_whose_moves_depend_on_the_mid_has_no_law_in_regimes():
    with pytest.raises(NotImplementedError, match="regimes of OrnsteinUhlenbeck, whose moves depend on the mid"):
        RegimeSwitching(OrnsteinUhlenbeck(1.0, 2.0, 100.0), TWO, [1.0, 2.0]).law(0.1, 5)


PARTS = Dealer(
    RegimeFlow(Poisson(8.0), [1.0, 2.0]),
    RegimeFill(Exponential(1.0), [1.0, 0.5]),
    RegimeImpact(ArrivalImpact(0.2), [1.0, 3.0]),
)
COMPILED = {
    "parts": world(price=PRICE, venue=PARTS, reward=VariancePenalty(1.0, 0.1)),
    "inside": world(price=RegimeSwitching(OrnsteinUhlenbeck(1.0, 2.0, 100.0), THREE, [1.0, 2.0, 3.0])),
    "hidden": world(price=HiddenRegimes(Brownian(1.0), THREE, [1.0, 2.0, 3.0], [0.1, 0.0, -0.1])),
    "drawn": world(price=RegimeSwitching(Brownian(1.0), TWO, [1.0, 2.0], initial_regime=Integers(0, 1))),
}


@pytest.mark.parametrize("name", COMPILED)
def test_the_kernel_does_what_the_rules_say_to_the_bit(name):
    market = COMPILED[name]
    actions = random_actions(market, 6)
    seen = [story(Simulation(market, 6, interpreted=plain), 5, actions, 7) for plain in (True, False)]
    assert all(same_bits(one, other) for one, other in zip(*seen, strict=True))


# order rate, fill decay and adverse selection


def test_other_parts_follow_the_regime():
    now = AT_START._replace(world=AT_START.world._replace(price=Regime(1.0, ())))
    flow, fill, impact = (record(side) for side in (PARTS.flow.bid, PARTS.fill.bid, PARTS.impact.bid))
    assert flow.probability(0.5, 0.1, now, ()) == record(Poisson(16.0)).probability(0.5, 0.1)
    assert fill.take(0.8, now) == record(Exponential(0.5)).take(0.8)
    assert impact.jump_at(0.8, 0.3, 1.0, 1.0, 0.2, now) == pytest.approx(record(ArrivalImpact(0.6)).jump(1.0, 1.0, 0.2))
    assert impact.moments(0.8, 0.3, 1.0, 0.4, now) == pytest.approx(
        record(ArrivalImpact(0.6)).moments(0.8, 0.3, 1.0, 0.4)
    )


# hidden regimes


@pytest.mark.parametrize("drift", [[0.0], [3.0, -6.0]], ids=["volatility", "drift"])
def test_a_belief_is_how_often_it_is_true(drift):
    """Among lanes that believe about the same, the regime is as frequent as they believe: in each tenth of them."""
    price = HiddenRegimes(Brownian(1.0), TWO, [1.0, 2.0], drift)
    latent, _ = ends(price, 12)
    belief, true = latent.belief[1], latent.regime == 1.0
    for group in np.array_split(np.argsort(belief), 10):
        error = math.sqrt(np.mean(belief[group] * (1.0 - belief[group])) / len(group))
        assert abs(true[group].mean() - belief[group].mean()) < 4.0 * error
    assert belief.std() > 0.1  # it learns something


def test_a_filter_is_told_nothing_by_regimes_that_are_alike():
    latent, _ = ends(HiddenRegimes(Brownian(1.0), TWO, [1.5]), 8, lanes=64)
    np.testing.assert_allclose(latent.belief[1], (1.0 - math.exp(-6.0)) / 3.0, atol=1e-13)
    np.testing.assert_allclose(latent.belief[0] + latent.belief[1], 1.0, atol=1e-15)


def test_one_step_of_the_filter_is_bayes_rule_and_then_the_chain():
    price, dt = HiddenRegimes(Brownian(1.0), TWO, [1.0, 2.0], [0.5, -0.5], prior=[0.3, 0.7]), 0.1
    moved = 0.4

    def density(mean, variance):
        return math.exp(-0.5 * (moved - mean) ** 2 / variance) / math.sqrt(variance)

    weights = np.array([0.3 * density(0.05, 0.1), 0.7 * density(-0.05, 0.4)])
    wanted = weights @ expm(np.array(TWO) * dt) / weights.sum()
    assert record(price).believed((0.3, 0.7), (moved, 0.0, dt, dt)) == pytest.approx(tuple(wanted), rel=1e-13)
    assert price.signals == ("belief_1",)
    assert record(price).observe(0.0, record(price).start(), AT_START) == (0.7,)


def test_hidden_regimes_have_no_law_of_what_the_agent_sees():
    with pytest.raises(NotImplementedError, match=r"of who sees them, of RegimeSwitching, is an upper bound$"):
        HiddenRegimes(Brownian(1.0), TWO, [1.0, 2.0]).law(0.1, 1)


# refused


@pytest.mark.parametrize(("make", "said"), [
    (lambda: RegimeSwitching(Brownian(1.0), [[0.0, 1.0]], [1.0]), r"rates must be a square of two or more .*, got 1 x 2"),
    (lambda: RegimeSwitching(Brownian(1.0), [[0.0]], [1.0]), "rates must be a square of two or more regimes, got 1 x 1"),
    (lambda: RegimeSwitching(Brownian(1.0), [[0, -1], [1, 0]], [1.0]), "rates must be >= 0 off the diagonal, got -1"),
    (lambda: RegimeSwitching(Brownian(1.0), [[-2, 2], [4, -3]], [1.0]), r"must sum to 0 in each row .*, got 1 in row 1"),
    (lambda: RegimeSwitching(Brownian(1.0), TWO, [1.0, 2.0, 3.0]), r"volatility must have one number, or .* 2 .*, got 3"),
    (lambda: RegimeSwitching(Brownian(1.0), TWO, [1.0, -2.0]), r"volatility must be .* >= 0, got -2"),
    (lambda: RegimeSwitching(Brownian(1.0), TWO, [1.0], initial_regime=2), "initial_regime must be one of 2 from 0, got 2"),
    (lambda: RegimeSwitching(Brownian(1.0), TWO, [1.0], initial_regime=0.5), "initial_regime must be a whole number"),
    (lambda: world(price=RegimeSwitching(FromBook(), TWO, [1.0])), "RegimeSwitching.price must move by itself"),
    (lambda: world(price=RegimeSwitching(Brownian(1.0), [[0, 50], [1, 0]], [1.0])), "at most 2 times a step on average, got 5"),
    (lambda: HiddenRegimes(Brownian(1.0), TWO, [1.0], prior=[0.5, 0.6]), "prior must sum to 1, got 1.1"),
    (lambda: HiddenRegimes(Brownian(1.0), TWO, [1.0], initial_regime=Integers(0, 1)), "prior must say how likely each"),
    (lambda: world(price=HiddenRegimes(Geometric(0.1), TWO, [1.0, 2.0])), "must move by one normal with a variance"),
    (lambda: world(price=HiddenRegimes(Brownian(1.0), TWO, [0.0, 2.0])), "must move by one normal with a variance"),
    (lambda: world(venue=Dealer(RegimeFlow(Poisson(1.0), [1, 2]), Exponential(1.0))), "RegimeFlow needs a price with regimes"),
    (lambda: world(price=PRICE, venue=Dealer(Poisson(1.0), RegimeFill(Exponential(1.0), [1.0]))),
     "RegimeFill.factors must be one for each of 2 regimes, got 1"),
    (lambda: world(price=PRICE, venue=Dealer(Poisson(1.0), Exponential(1.0), RegimeImpact(FillImpact(1.0), [1, 2, 3]))),
     "RegimeImpact.factors must be one for each of 2 regimes, got 3"),
])  # fmt: skip
def test_bad_input_is_one_line(make, said):
    with pytest.raises(ValueError, match=said) as error:
        make()
    assert "\n" not in str(error.value)
