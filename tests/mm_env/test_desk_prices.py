"""Joint prices that jump, and whose variance moves."""

from dataclasses import replace

import numpy as np
import pytest

from mm_env import (
    CommonVariance,
    CovariancePrices,
    CrossImpact,
    DeskSimulation,
    ExcitingJumps,
    FiniteHorizon,
    OutsideTarget,
)
from tests.mm_env.desks import actions, covariance, numbers, plain, rich

TWO = CovariancePrices([[1.0, 0.0], [0.0, 1.0]])
PUBLISHED = ExcitingJumps(TWO, (0.5,), ((8.0, 6.0), (6.0, 8.0)), 20.0, (1.0,))  # ORACLES: contagion


def moving(n, **more):
    """Prices with all that there is."""
    jumps = ExcitingJumps(
        CovariancePrices(covariance(n)), (3.0,), (2.0 * np.eye(n) + 0.5).tolist(), 9.0, (0.4,), (-0.1,)
    )
    impact = CrossImpact(jumps, (0.01 * np.arange(n * n).reshape(n, n)).tolist())
    return CommonVariance(impact, 4.0, 1.0, **more)


def test_machine_code_is_python_to_the_bit():
    desk = rich(3, prices=moving(3, v0=1.5))
    python, machine = (DeskSimulation(desk, 3, threads=1, interpreted=i) for i in (True, False))
    assert (python.start(2) == machine.start(2)).all()
    for each in actions(desk, 3, 12):
        assert (python.step(each)[0] == machine.step(each)[0]).all()
    assert (numbers(python) == numbers(machine)).all()
    assert (python.jump_rates == machine.jump_rates).all()
    assert (python.numbers == machine.numbers).all()


def test_rates_have_the_mean_that_published_parameters_give():
    assert PUBLISHED.excitation.rates == pytest.approx([1.66666667] * 2)
    assert PUBLISHED.covariance_matrix == pytest.approx(np.diag([2.66666667] * 2))


def test_rates_spread_and_go_together_as_published():
    desk, lanes = plain(2, prices=PUBLISHED, clock=FiniteHorizon(2.0, 4000)), 4096
    simulation = DeskSimulation(desk, lanes, threads=1)
    simulation.start(0)
    for _ in range(4000):
        simulation.step(np.zeros(lanes * desk.width))
    rates = simulation.jump_rates
    assert abs(rates.mean() - 1.66666667) < 4.0 * np.sqrt((13.7 + 13.5) / 2.0 / lanes) + 0.02
    spread = np.cov(rates)
    squares = (rates - rates.mean(axis=1, keepdims=True)) ** 2
    error = squares.std() / np.sqrt(lanes)
    assert abs(spread[0, 0] - 13.7037037) < 4.0 * error + 0.2  # 1 - exp(-l dt) and the step make up the rest
    assert abs(spread[0, 1] - 13.5185185) < 4.0 * error + 0.2


def test_a_jump_raises_the_rates_of_all_and_is_marked():
    sure = ExcitingJumps(TWO, (2e4, 0.0), ((1.0, 0.0), (3.0, 0.0)), 5.0, (0.0,), (0.7,))
    desk = plain(2, prices=sure, clock=FiniteHorizon(1.0, 50))
    simulation = DeskSimulation(desk, 2, interpreted=True, threads=1)
    simulation.start(0)
    before = simulation.state.tally.profit.copy()
    mids = np.array([h.mid for h in simulation.holdings])
    simulation.step(np.full(2 * desk.width, -1.0))
    assert simulation.jump_rates == pytest.approx(np.array([[2e4 + 1.0] * 2, [3.0] * 2]))
    other = DeskSimulation(replace(desk, prices=TWO), 2, interpreted=True, threads=1)
    other.start(0)
    other.step(np.full(2 * desk.width, -1.0))
    moved = [h.mid - o.mid for h, o in zip(simulation.holdings, other.holdings, strict=True)]
    assert moved == pytest.approx(np.array([[0.7] * 2, [0.0] * 2]))
    gained = 0.7 * simulation.holdings[0].inventory
    assert simulation.state.tally.profit - before == pytest.approx(other.state.tally.profit + gained)
    assert (mids == 100.0).all()


def test_what_is_shown_of_the_prices_has_names_and_is_of_order_one():
    desk = plain(2, prices=CommonVariance(PUBLISHED, 2.0, 0.5))
    assert desk.observation_names[-3:] == ("volatility", "jump_rate_A0", "jump_rate_A1")
    simulation = DeskSimulation(desk, 2, interpreted=True, threads=1)
    first = simulation.start(0)
    assert first[:, -3:] == pytest.approx(np.array([[1.0, 0.3, 0.3]] * 2))
    for each in actions(desk, 2, 5):
        seen = simulation.step(each)[0]
    assert (seen == simulation.observations).all()
    assert seen[:, -3] == pytest.approx(np.sqrt(simulation.state.variance))
    assert desk.observation_space.contains(seen[0])


def test_trades_outside_move_the_mids_of_others_too():
    matrix = np.array([[0.0, 0.3], [-0.2, 0.1]])
    desk = rich(2, prices=CovariancePrices(covariance(2)))
    pair = (desk, replace(desk, prices=CrossImpact(desk.prices, matrix.tolist())))
    alone, crossed = (DeskSimulation(each, 2, interpreted=True, threads=1) for each in pair)
    alone.start(0), crossed.start(0)
    for each in actions(desk, 2, 3):
        before = [np.array([h.mid for h in simulation.holdings]) for simulation in (alone, crossed)]
        outside = [np.array([h.outside_volume for h in alone.holdings])]
        alone.step(each), crossed.step(each)
        outside.append(np.array([h.outside_volume for h in alone.holdings]))
        moves = [np.array([h.mid for h in s.holdings]) - was for s, was in zip((alone, crossed), before, strict=True)]
        units = (outside[1] - outside[0]) * np.sign(each.reshape(2, -1)[:, -2:].T)
        assert moves[1] - moves[0] == pytest.approx(matrix @ units)


def test_risk_is_of_the_variance_as_it_is():
    desk = plain(2, prices=CommonVariance(TWO, 2.0, 0.5, v0=4.0))
    simulation = DeskSimulation(desk, 2, interpreted=True, threads=1)
    simulation.start(0)
    simulation.step(np.full(2 * desk.width, -1.0))
    held = np.array([h.inventory for h in simulation.holdings])
    assert simulation.state.tally.risk == pytest.approx(np.sqrt(simulation.state.variance * (held**2).sum(axis=0)))


@pytest.mark.parametrize(("make", "message"), [
    (lambda: ExcitingJumps(TWO, (1.0,), ((3.0, 3.0), (3.0, 3.0)), 5.0, (1.0,)), "spectral radius below 1, .* got 1.2"),
    (lambda: ExcitingJumps(TWO, (1.0,), ((0.0,),), 5.0, (1.0,)), "must be 2 rows of 2, got 1 of 1"),
    (lambda: ExcitingJumps(TWO, (1.0,), ((0.0, -1.0), (0.0, 0.0)), 5.0, (1.0,)), "must be >= 0, got -1"),
    (lambda: ExcitingJumps(TWO, (1.0,) * 3, ((0.0, 0.0), (0.0, 0.0)), 5.0, (1.0,)), "base must have one number for each of 2"),
    (lambda: ExcitingJumps(PUBLISHED, (1.0,), ((0.0, 0.0), (0.0, 0.0)), 5.0, (1.0,)), "must have no jumps of their own"),
    (lambda: CrossImpact(TWO, ((0.1,),)), "must be 2 rows of 2, got 1 of 1"),
    (lambda: plain(2, prices=CrossImpact(TWO, ((0.1, 0.0), (0.0, 0.1)))), "needs instruments that are traded outside"),
    (lambda: CommonVariance(CommonVariance(TWO, 1.0, 1.0), 1.0, 1.0), "must have no variance of their own"),
])  # fmt: skip
def test_prices_that_cannot_be_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_what_the_noise_takes_away_has_mean_zero_and_most_of_the_variance():
    """Given what is known at each step, of requests of all kinds, trades outside, jumps and a variance that moves."""
    desk, lanes = rich(2, prices=moving(2, v0=1.5), quotes="size"), 8192
    bare = replace(desk, reward=replace(desk.reward, noise=0.0))
    one, other = (DeskSimulation(each, lanes, threads=1) for each in (desk, bare))
    one.start(3), other.start(3)
    varied, (first, *following) = np.zeros(2), actions(desk, lanes, 12)
    one.step(first), other.step(first)
    for each in following:
        long = one.holdings[0].inventory > 0.0
        full, quiet = one.step(each)[1], other.step(each)[1]
        for known in (long, ~long):
            taken = (full - quiet)[known]
            assert abs(taken.mean()) < 4.0 * taken.std() / np.sqrt(known.sum())
        varied += full.var(), quiet.var()
    assert varied[1] < 0.35 * varied[0]
    assert (numbers(one) == numbers(other)).all()


def test_lanes_do_not_know_of_what_is_traded_in_others():
    outside, desk = OutsideTarget(half_spread=0.1, impact=0.02), plain(2)
    both = replace(desk.instruments[0], outside=outside), desk.instruments[1]
    prices = CrossImpact(CovariancePrices(covariance(2)), ((0.0, 0.3), (0.1, 0.0)))
    desk = replace(desk, instruments=both, prices=prices)
    many, few = (DeskSimulation(desk, n, interpreted=True, threads=1) for n in (66, 2))
    many.start_each([5] * 66), few.start_each([5] * 2)
    for acted in actions(desk, 66, 3):
        many.step(acted), few.step(acted[-2 * desk.width :])
    assert (numbers(many)[..., -2:] == numbers(few)).all()
