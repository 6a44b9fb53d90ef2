"""Exact values of desks: those of single markets, sums of independent ones, simulated profits, and what is refused."""

import re
from dataclasses import replace

import numpy as np
import pytest

from agents.exact.desk import (
    DeskProblem,
    Instrument,
    Outside,
    Stream,
    average_reward,
    backward_quotes,
    ergodic_optimum,
    finite_optimum,
    moments,
)  # fmt: skip
from agents.exact.nodes import Unsolvable
from agents.exact.optimum import optimum
from agents.strategies.hamiltonian import ANYWHERE
from agents.strategies.internalise import InternaliseExternalise
from mm_env import (
    Bernoulli,
    Brownian,
    Dealer,
    Depths,
    Ergodic,
    Exponential,
    FiniteHorizon,
    Linear,
    Logistic,
    Market,
    VariancePenalty,
)  # fmt: skip
from tests.worlds import within

FILL, STEPS, HORIZON = Logistic(0.3, 0.2), 12, 1.0
ONE = Instrument.symmetric([Stream(FILL, 4.0, 1.0)], lot=1.0, limit=3.0)
MIXED = Instrument(
    bids=(Stream(FILL, 2.0, 1.0), Stream(Logistic(0.1, 0.1), 1.0, 2.0)),
    asks=(Stream(FILL, 3.0, 1.0),),
    lot=1.0, limit=4.0, outside=Outside(half_spread=0.05, most=10.0, quadratic=0.01, impact=0.03),
)  # fmt: skip
BOTH = DeskProblem(
    (ONE, MIXED), [[0.5, 0.2], [0.2, 0.3]], gamma=0.4, drift=[0.05, -0.1], terminal=[[0.02, 0.0], [0.0, 0.01]]
)


def market(clock):
    return Market(
        price=Brownian(0.7), venue=Dealer(Bernoulli(4.0), FILL), clock=clock, quote=Depths(max_depth=4.0, min_depth=-2.0),
        reward=VariancePenalty(0.4, alpha=0.02), max_inventory=3.0,
    )  # fmt: skip


def test_one_instrument_is_a_single_market():
    desk = DeskProblem((ONE,), [[0.49]], 0.4, terminal=[[0.02]])
    best = optimum(market(FiniteHorizon(HORIZON, STEPS)))
    assert finite_optimum(desk, HORIZON, STEPS).worth([0.0]) == pytest.approx(best.worth, rel=1e-9)


def test_in_the_long_run_too():
    single = replace(market(Ergodic(HORIZON, STEPS)), reward=VariancePenalty(0.4))
    found = ergodic_optimum(DeskProblem((ONE,), [[0.49]], 0.4), HORIZON / STEPS)
    assert found.rate == pytest.approx(optimum(single).worth, rel=1e-8)
    assert found.law.sum() == pytest.approx(1.0)
    again = average_reward(found.desk.problem, found.desk.dt, found.depths, found.trades)
    assert again.rate == pytest.approx(found.rate, rel=1e-10)
    assert average_reward(found.desk.problem, found.desk.dt, found.depths + 0.05, found.trades).rate < found.rate


def test_independent_instruments_are_apart_and_order_does_not_matter():
    apart = replace(BOTH, covariance=np.diag([0.5, 0.3]))
    value = finite_optimum(apart, HORIZON, STEPS).value[0].reshape(apart.levels)
    first, second = (
        finite_optimum(
            DeskProblem((one,), [[apart.covariance[i, i]]], 0.4, [apart.drift[i]], [[apart.terminal[i, i]]]),
            HORIZON,
            STEPS,
        ).value[0]
        for i, one in enumerate(apart.instruments)
    )
    np.testing.assert_allclose(value, first[:, None] + second[None], rtol=0, atol=1e-10)
    turned = DeskProblem((MIXED, ONE), BOTH.covariance[::-1, ::-1], 0.4, BOTH.drift[::-1], BOTH.terminal[::-1, ::-1])
    values = [finite_optimum(desk, HORIZON, STEPS).value[0].reshape(desk.levels) for desk in (BOTH, turned)]
    np.testing.assert_allclose(values[0], values[1].T, rtol=0, atol=1e-10)


def test_the_optimum_is_worth_what_its_quotes_are_and_others_less():
    best = finite_optimum(BOTH, HORIZON, STEPS)
    found = moments(BOTH, HORIZON, STEPS, best.quotes, (1.0, -2.0))
    assert found.objective == pytest.approx(best.worth((1.0, -2.0)), rel=1e-11)
    assert found == moments(BOTH, HORIZON, STEPS, backward_quotes(BOTH, HORIZON, STEPS), (1.0, -2.0))
    for shift, share in ((0.02, 1.0), (-0.02, 1.0), (0.0, 0.9)):

        def other(step, shift=shift, share=share):
            depths, trades = best.quotes(step)
            return depths + shift, share * trades

        assert moments(BOTH, HORIZON, STEPS, other, (1.0, -2.0)).objective < best.worth((1.0, -2.0))


def simulated(problem, steps, quotes, start, paths, rng):
    """Profits of paths, step by step: outside trades, requests, moves of the prices."""
    dt, d = HORIZON / steps, len(problem.instruments)
    q, profit = np.tile(np.asarray(start, np.float64), (paths, 1)), np.zeros(paths)
    root = np.linalg.cholesky(problem.covariance * dt)
    for step in range(steps):
        depths, trades = quotes(step)
        levels = [np.rint((q[:, a] + one.limit) / one.lot).astype(int) for a, one in enumerate(problem.instruments)]
        state = np.ravel_multi_index(levels, problem.levels)
        push = np.zeros((paths, d))
        for a, one in enumerate(problem.instruments):
            if one.outside is not None:
                rate, known = trades[state, a], one.outside
                units = np.sign(rate) * one.lot * (rng.random(paths) < np.abs(rate) * dt / one.lot)
                units[np.abs(q[:, a] + units) > one.limit] = 0.0
                profit -= np.abs(units) * (known.half_spread + known.quadratic * np.abs(rate))
                q[:, a], push[:, a] = q[:, a] + units, known.impact * units
        before = q.copy()
        for a, one in enumerate(problem.instruments):
            for side, streams in enumerate((one.bids, one.asks)):
                drawn, low = rng.random(paths), 0.0
                for k, stream in enumerate(streams):
                    sign, depth = 1 - 2 * side, depths[state, 2 * a + side, k]
                    open_ = np.abs(before[:, a] + sign * stream.size) <= one.limit
                    take = 1.0 / (1.0 + np.exp(np.minimum((depth - stream.fill.middle) / stream.fill.width, 700.0)))
                    chance = np.where(open_, stream.rate * dt * take, 0.0)
                    filled = (drawn >= low) & (drawn < low + chance)
                    low = low + chance
                    q[:, a] += sign * stream.size * filled
                    profit += np.where(filled, stream.size * depth, 0.0)
        profit += (q * (push + problem.drift * dt + rng.standard_normal((paths, d)) @ root.T)).sum(axis=1)
    return profit


def test_mean_and_deviation_are_those_of_simulated_profits():
    best = finite_optimum(BOTH, HORIZON, STEPS)
    found = moments(BOTH, HORIZON, STEPS, best.quotes, (1.0, -2.0))
    profits = simulated(BOTH, STEPS, best.quotes, (1.0, -2.0), 200_000, np.random.default_rng(0))
    assert within(profits, found.mean)
    assert within((profits - found.mean) ** 2, found.std**2)
    assert np.abs(best.quotes(0)[1]).max() > 0.0  # something is traded outside


def test_short_steps_tend_to_the_equation_in_continuous_time():
    desk = DeskProblem((MIXED,), [[0.5]], 0.4)
    theory = InternaliseExternalise(MIXED, np.sqrt(0.5), 0.4)
    assert theory.solution.law.sum() == pytest.approx(1.0)
    without = replace(desk, instruments=(replace(MIXED, outside=None),))
    best = [ergodic_optimum(desk, dt).rate for dt in (0.004, 0.002)]
    assert best[0] > ergodic_optimum(without, 0.004).rate
    free = InternaliseExternalise(replace(MIXED, outside=replace(MIXED.outside, impact=0.0)), np.sqrt(0.5), 0.4)
    limit = [ergodic_optimum(replace(desk, instruments=(free.instrument,)), dt).rate for dt in (0.004, 0.002)]
    assert 2.0 * limit[1] - limit[0] == pytest.approx(free.solution.average, rel=2e-4)


def test_the_fewer_limits_the_more_is_internalised_and_hedging_pays():
    costly = replace(MIXED.outside, half_spread=0.2)
    near, far = (InternaliseExternalise(replace(MIXED, outside=one), 1.0, 0.5) for one in (MIXED.outside, costly))
    assert near.internalised < far.internalised
    assert near.solution.average > far.solution.average
    trades = near.trades(MIXED.positions)
    assert (np.diff(trades) <= 0.0).all()  # the longer, the more is sold
    assert near.depths([0.5]).shape == (1, 2, 2)


@pytest.mark.parametrize(("make", "error", "said"), [
    (lambda: Instrument.symmetric([Stream(FILL, 1.0, 1.5)], 1.0, 3.0), ValueError, "Instrument.size must be whole lots of 1"),
    (lambda: DeskProblem((), []), TypeError, "DeskProblem.instruments must be a list of Instrument, at least one"),
    (lambda: DeskProblem((ONE,), [[-1.0]]), ValueError, "DeskProblem.covariance must be symmetric and positive semidefinite"),
    (lambda: DeskProblem((ONE,), [[1.0]], drift=[1.0, 2.0]), ValueError, "DeskProblem.drift must be finite numbers (1,)"),
    (lambda: finite_optimum(DeskProblem((ONE,) * 3, np.eye(3)), 1.0, 9), Unsolvable, "of one or two instruments, got 3"),
    (lambda: finite_optimum(DeskProblem((ONE,), [[1.0]]), 1.0, 3), ValueError, "must come at most once a step, got 1.33333"),
    (lambda: finite_optimum(DeskProblem((MIXED,), [[1.0]]), 1.0, 9), ValueError, "Outside.most must be at most a lot a step"),
    (lambda: InternaliseExternalise(ONE, 1.0, 1.0), ValueError, "must have an outside with a quadratic cost > 0, got None"),
    (lambda: DeskProblem((ONE,), [[1.0]]).state_of([0.5]), ValueError, "positions must be whole lots of [1.0]"),
    (lambda: finite_optimum(DeskProblem((ONE, Instrument.symmetric([Stream(Linear(1.0), 1.0, 1.0)], 1.0, 2.0)), np.eye(2)),
                            1.0, 9), ValueError, "fills must be of one class, got Linear, Logistic"),
])  # fmt: skip
def test_mistakes(make, error, said):
    with pytest.raises(error, match=re.escape(said)):
        make()


def test_quotes_of_another_shape_are_refused():
    best = finite_optimum(DeskProblem((ONE,), [[1.0]], bounds=ANYWHERE), 1.0, 9)
    with pytest.raises(ValueError, match=re.escape("depths must be finite numbers (7, 2, 1), got (7, 4, 1)")):
        best.desk.chain(np.zeros((7, 4, 1)), np.zeros((7, 1)))
    with pytest.raises(ValueError, match="trades must be at most"):
        best.desk.chain(np.zeros((7, 2, 1)), np.ones((7, 1)))
    assert Exponential(1.0) != FILL
