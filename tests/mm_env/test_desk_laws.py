"""Laws of a desk: what it is where it is a market, and what its instruments do to one another."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mm_env import (
    CARA,
    Bernoulli,
    Brownian,
    CovariancePrices,
    Dealer,
    Depths,
    DeskSimulation,
    Exponential,
    FactorPrices,
    FiniteHorizon,
    InventoryPenalty,
    JohnsonSU,
    Market,
    OutsideTarget,
    Simulation,
    Tier,
    VariancePenalty,
)
from mm_env.core import engine
from tests.mm_env.desks import actions, covariance, numbers, plain, rich


def played(desk, steps=20, lanes=4, seed=1, interpreted=True):
    """A simulation some steps into its first episode, with what was seen and earned."""
    simulation = DeskSimulation(desk, lanes, interpreted=interpreted, threads=1)
    seen = [(simulation.start(seed), np.zeros(lanes))]
    seen += [simulation.step(acts)[:2] for acts in actions(desk, lanes, steps)]
    return simulation, [np.array(part) for part in zip(*seen, strict=True)]


@pytest.mark.parametrize(
    "reward",
    [
        VariancePenalty(0.3, 0.02),
        InventoryPenalty(0.1, 0.02),
        CARA(0.1),
        VariancePenalty(0.3, 0.02, noise=0.0),
        InventoryPenalty(0.1, 0.02, noise=0.25),
    ],
)
def test_a_desk_of_one_instrument_is_the_single_market(reward):
    desk = replace(plain(1), reward=reward, prices=CovariancePrices([[0.49]], (0.3,)))
    one = desk.instruments[0]
    market = Market(Brownian(0.7, 0.3), Dealer(Bernoulli(20.0), Exponential(1.0)), desk.clock, Depths(3.0), reward,
                    max_inventory=6.0, inventory_scale=one.max_inventory)  # fmt: skip
    simulation, (shown, earned) = played(desk, steps=50, lanes=3)
    other = Simulation(market, 3, interpreted=True)
    seen = [other.start(1)]
    for step, acts in enumerate(actions(desk, 3, 50)):
        observations, rewards, _, _ = other.step(acts)
        seen.append(observations)
        assert rewards == pytest.approx(earned[step + 1], rel=1e-9, abs=1e-9)
    assert np.array(seen) == pytest.approx(shown[..., :2])
    ours, theirs, tally = simulation.holdings[0], other.state.account, other.state.tally
    assert (ours.inventory == theirs.inventory).all()
    assert ours.cash == pytest.approx(theirs.cash)
    for name, values in tally._asdict().items():
        assert getattr(simulation.state.tally, name) == pytest.approx(values, abs=1e-9), name


@given(st.permutations(range(3)))
def test_permuting_instruments_permutes_what_they_do(order):
    desk, steps, width = rich(), 5, 2 * 3
    moved = replace(
        desk,
        instruments=tuple(desk.instruments[i] for i in order),
        prices=CovariancePrices(np.array(desk.prices.covariance)[np.ix_(order, order)].tolist(), desk.prices.drift),
        numbers=tuple(order),
    )
    acts = actions(desk, 2, steps).reshape(steps, 2, desk.width)
    parts = [*(list(range(2 * i, 2 * i + 2)) for i in order), [width + i for i in order]]
    permuted = acts[..., [column for part in parts for column in part]]
    here, there = (DeskSimulation(each, 2, interpreted=True, threads=1) for each in (desk, moved))
    here.start(3), there.start(3)
    for one, other in zip(acts, permuted, strict=True):
        assert here.step(one.reshape(-1))[1] == pytest.approx(there.step(other.reshape(-1))[1], rel=1e-9, abs=1e-9)
    assert numbers(here)[list(order)] == pytest.approx(numbers(there), rel=1e-9, abs=1e-9)


def test_wealth_is_what_each_instrument_has_brought_and_what_that_is_made_of():
    desk = rich()
    simulation, (_, earned) = played(desk, steps=40, lanes=2)
    held, tally = simulation.holdings, simulation.state.tally
    wealth = sum(h.cash + h.inventory * h.mid for h in held)
    assert tally.profit == pytest.approx(wealth, abs=1e-9)
    assert tally.objective == pytest.approx(earned.sum(axis=0))
    assert tally.spread_captured == pytest.approx(sum(h.spread for h in held))
    assert tally.hedging_cost == pytest.approx(sum(h.hedging_cost for h in held))
    assert all((h.outside_volume > 0.0).all() and (h.client_volume > 0.0).all() for h in held)
    for h, one in zip(held, desk.instruments, strict=True):
        assert (np.abs(h.inventory) <= one.max_inventory + 1e-9).all()


def test_instruments_that_do_not_move_together_do_not_know_each_other():
    desk = plain(3, correlation=0.0, reward=InventoryPenalty(0.1))
    alone = replace(desk, instruments=desk.instruments[1:2], numbers=(1,), prices=CovariancePrices([[1.0]]))
    acts = actions(desk, 2, 20).reshape(20, 2, 3, 2)
    whole, part = (DeskSimulation(each, 2, interpreted=True, threads=1) for each in (desk, alone))
    whole.start(5), part.start(5)
    for each in acts:
        whole.step(each.reshape(-1))
        part.step(np.ascontiguousarray(each[:, 1]).reshape(-1))
    assert (numbers(whole)[1] == numbers(part)[0]).all()


def test_mids_move_with_the_covariance_and_the_drift_that_they_are_given():
    matrix, n = covariance(3), 3
    for prices in (
        CovariancePrices(matrix, (0.5, 0.0, -1.0)),
        FactorPrices([[1.0, 0.2], [0.5, -0.7], [0.0, 0.3]], (0.1, 0.2, 0.3), (0.5, 0.0, -1.0)),
    ):
        desk = plain(n, prices=prices, clock=FiniteHorizon(0.01, 1))
        simulation = DeskSimulation(desk, 4096, threads=1)
        simulation.start(0)
        simulation.step(actions(desk, 4096, 1)[0])
        moves = np.array([h.mid - 100.0 for h in simulation.holdings])
        expected = prices.covariance_matrix * 0.01
        error = np.sqrt((np.outer(expected.diagonal(), expected.diagonal()) + expected**2) / 4096)
        assert (np.abs(np.cov(moves) - expected) < 4.0 * error).all()
        bias = moves.mean(axis=1) - 0.01 * prices.drifts
        assert (np.abs(bias) < 4.0 * np.sqrt(expected.diagonal() / 4096)).all()


def test_requests_come_and_are_filled_as_often_as_tiers_and_sizes_say():
    desk, lanes = rich(1, quotes="size"), 4096
    one, dt = desk.instruments[0], desk.clock.step_length
    simulation = DeskSimulation(desk, lanes, threads=1)
    simulation.start(2)
    acts = np.zeros(desk.width)
    acts[:-1] = np.linspace(-1.0, 0.0, desk.width - 1)
    simulation.step(np.tile(acts, lanes))
    depths = desk.depths(acts)
    for side, flows in enumerate(desk.streams(0)):
        take = np.exp(-np.array([1.0, 2.0])[flows.tier] * depths[:, side])
        filled = flows.rate * take * dt
        if side == 0:
            total, squares = filled @ flows.size, filled @ flows.size**2
        else:
            total, squares = total + filled @ flows.size, squares + filled @ flows.size**2
    volume = simulation.holdings[0].client_volume
    assert abs(volume.mean() - total) < 4.0 * np.sqrt(squares / lanes)
    arrivals = sum(flows.rate.sum() for flows in desk.streams(0)) * dt
    assert abs(simulation.state.tally.arrivals.mean() - arrivals) < 4.0 * np.sqrt(arrivals / lanes)
    assert one.requests.shape == (6, 3)


def test_machine_code_is_python_to_the_bit_and_serves_any_number_of_instruments():
    before = None
    for desk in (rich(3), rich(5, quotes="size"), rich(1, quotes="tier")):
        (python, seen), (machine, same) = (played(desk, steps=4, lanes=3, interpreted=i) for i in (True, False))
        assert (numbers(python) == numbers(machine)).all()
        assert (python.numbers == machine.numbers).all()
        assert all((a == b).all() for a, b in zip(seen, same, strict=True))
        made = set(engine._made)
        assert before is None or made == before
        before = made


def test_machine_code_with_factors_is_python_to_the_bit():
    prices = FactorPrices([[1.0, 0.2], [0.5, -0.7], [0.0, 0.3]], (0.1,), (0.5,))
    (python, _), (machine, _) = (played(rich(prices=prices), steps=4, interpreted=i) for i in (True, False))
    assert (numbers(python) == numbers(machine)).all()
    assert (python.numbers == machine.numbers).all()


def test_machine_code_of_targets_and_of_another_fill_is_python_to_the_bit():
    target = OutsideTarget(half_spread=0.1, quadratic=0.01, impact=0.02)
    tier = Tier(Bernoulli(20.0), JohnsonSU(a=0.4, b=0.6, middle=0.1, width=0.1))
    each = [replace(one, tiers=(tier,), outside=target) for one in plain(2).instruments]
    (python, _), (machine, _) = (
        played(replace(plain(2), instruments=each), steps=4, interpreted=i) for i in (True, False)
    )
    assert (numbers(python) == numbers(machine)).all()
    assert (python.numbers == machine.numbers).all()


def test_a_lane_is_the_same_in_any_batch_and_among_any_threads(monkeypatch):
    monkeypatch.setattr("mm_env.desk_simulation.LANES_PER_THREAD", 1)
    desk = plain(3)
    acts = actions(desk, 130, 5)
    few, many = DeskSimulation(desk, 70, threads=1), DeskSimulation(desk, 130, threads=2)
    assert many._threads == 2
    few.start(4), many.start(4)
    for each in acts:
        few.step(each[: 70 * desk.width])
        many.step(each)
    assert (numbers(many)[..., :70] == numbers(few)).all()
