"""A desk by the faces of a market, what its episodes bring, and what is refused."""

import copy
import pickle
from dataclasses import replace

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode

from mm_env import (
    Controls,
    CovariancePrices,
    CVaR,
    Desk,
    DeskSimulation,
    Exponential,
    FactorPrices,
    FiniteHorizon,
    HawkesFlow,
    Instrument,
    Logistic,
    MarketMakingEnv,
    MarketMakingVectorEnv,
    OutsideRate,
    OutsideTarget,
    Poisson,
    Tier,
    instruments_of,
    metrics,
)
from mm_env.clock import Ergodic, EveryEvent
from mm_env.core.component import record
from mm_env.desks import DESKS
from mm_env.envs.registration import DESK_IDS
from mm_env.rollout import run_policy
from tests.mm_env.desks import OUTSIDE, actions, instrument, numbers, plain, rich

pytestmark = pytest.mark.usefixtures("interpreted")
SMALL = {"clock": FiniteHorizon(1.0, 20)}


def test_the_env_keeps_gymnasiums_contract():
    env = MarketMakingEnv(rich(2, **SMALL))
    check_env(env, skip_render_check=True)
    assert env.observation_space.shape == (len(env.market.observation_names),)


def test_lanes_end_restart_and_tell_what_they_brought():
    desk, lanes = rich(2, **SMALL), 3
    env = MarketMakingVectorEnv(desk, lanes)
    env.reset(seed=1)
    acts = actions(desk, lanes, 20).reshape(20, lanes, -1)
    for step, each in enumerate(acts):
        observations, _, terminated, truncated, infos = env.step(each)
        assert terminated.all() == (step == 19)
        assert not truncated.any()
    assert (infos["final_obs"][:, 2] == 0.0).all()
    assert (observations[:, 2] == 1.0).all()
    assert set(infos["figures"]) >= {"r", "l", "inventory", "profit", "hedging_cost", "risk"}
    assert (infos["figures"]["l"] == 20).all()
    assert (env.simulation.episodes == 1).all()


def test_a_lane_with_a_seed_of_its_own_is_the_env_of_that_seed():
    desk = rich(2, **SMALL)
    env, alone = MarketMakingVectorEnv(desk, 3), MarketMakingEnv(desk)
    seen, one = env.reset(seed=[5, 6, 7])[0], alone.reset(seed=6)[0]
    assert (seen[1] == one).all()
    for each in actions(desk, 3, 5):
        seen, one = env.step(each.reshape(3, -1))[0], alone.step(each.reshape(3, -1)[1])[0]
        assert (seen[1] == one).all()


def test_an_ergodic_desk_is_cut_and_shows_no_time():
    desk = plain(2, clock=Ergodic(0.1, 4))
    assert desk.observation_names == ("inventory_A0", "inventory_A1", "risk")
    env = MarketMakingVectorEnv(desk, 2, AutoresetMode.DISABLED)
    env.reset(seed=0)
    ends = [env.step(each.reshape(2, -1))[2:4] for each in actions(desk, 2, 4)]
    assert not ends[-1][0].any()
    assert ends[-1][1].all()
    assert not ends[-2][1].any()


def test_learners_see_a_desk_as_their_vecenv():
    from mm_env.envs.sb3 import VecAdapter

    desk = rich(2, **SMALL)
    env = VecAdapter(desk, 4, stagger=True, branches=2)
    assert env.reset().shape == (4, len(desk.observation_names))
    for each in actions(desk, 4, 20):
        _, _, done, infos = env.step(each.reshape(4, -1))
        assert all(("terminal_observation" in infos[lane]) == done[lane] for lane in range(4))
    assert env.outcomes.rewards.shape == (2, 4)


def test_what_is_saved_copied_or_pickled_goes_on_as_if_nothing_had_happened():
    desk = rich(2, **SMALL)
    acts = actions(desk, 3, 8)
    simulation = DeskSimulation(desk, 3, threads=1)
    simulation.start(6)
    for each in acts[:4]:
        simulation.step(each)
    saved, copied, pickled = simulation.save(), copy.deepcopy(simulation), pickle.loads(pickle.dumps(simulation))
    for each in acts[4:]:
        simulation.step(each)
    others = [copied, pickled, DeskSimulation(desk, 3, threads=1)]
    others[-1].restore(saved)
    for other in others:
        for each in acts[4:]:
            other.step(each)
        assert (numbers(other) == numbers(simulation)).all()
        assert (other.observations == simulation.observations).all()


def test_a_mask_restarts_some_lanes_and_leaves_the_others():
    desk = rich(2, **SMALL)
    simulation = DeskSimulation(desk, 3, threads=1)
    simulation.start(6)
    for each in actions(desk, 3, 3):
        seen = simulation.step(each)[0]
    held, first = numbers(simulation), simulation.observations.copy()
    assert (first == seen).all()
    simulation.restart(np.array([False, True, False]), seen)
    assert (numbers(simulation)[..., [0, 2]] == held[..., [0, 2]]).all()
    assert (seen[[0, 2]] == first[[0, 2]]).all()
    assert (seen == simulation.observations).all()
    assert simulation.state.step.tolist() == [3.0, 0.0, 3.0]


def test_figures_tell_instruments_hedging_and_inventories_apart():
    desk = rich(2, **SMALL)
    random = np.random.default_rng(0)
    episodes = run_policy(desk, lambda seen: random.uniform(-1.0, 1.0, (len(seen), desk.width)), 8, seed=1)
    each, found = episodes.instruments, metrics.figures(episodes)
    assert each.profit.sum(axis=1) == pytest.approx(episodes.profit)
    parts = episodes.spread_captured - each.hedging_cost.sum(axis=1) + each.inventory_profit.sum(axis=1)
    assert parts == pytest.approx(episodes.profit)
    assert found["profit_A0"].value + found["profit_A1"].value == pytest.approx(found["profit"].value)
    assert found["variance_share_A0"].value + found["variance_share_A1"].value == pytest.approx(1.0)
    assert found["hedging_cost"].value > 0.0
    assert found["internalised_A0"].value < 1.0
    assert {"inventory_profit", "inventory_variance_share", "mean_risk"} < set(found)


def test_quotes_are_of_instruments_tiers_or_sizes():
    names = {kind: rich(2, quotes=kind).action_names for kind in ("instrument", "tier", "size")}
    assert names["instrument"] == ("bid_A0", "ask_A0", "bid_A1", "ask_A1", "outside_A0", "outside_A1")
    assert names["tier"][:4] == ("bid_A0_tier_0", "ask_A0_tier_0", "bid_A0_tier_1", "ask_A0_tier_1")
    assert names["size"][10:12] == ("bid_A0_tier_1_size_3", "ask_A0_tier_1_size_3")
    for kind, expected in names.items():
        desk = rich(2, quotes=kind)
        assert desk.width == len(expected)
        depths = np.random.default_rng(0).uniform(0.0, 3.0, (5, (desk.width - 2) // 2, 2))
        assert desk.depths(np.concatenate([desk.encode(depths), np.zeros((5, 2))], axis=1)) == pytest.approx(depths)


@pytest.mark.parametrize(("changes", "message"), [
    ({"instruments": ()}, "Desk.instruments must be a list of Instrument, at least one"),
    ({"instruments": (instrument("A0"), instrument("A0"))}, "must have names of their own, got"),
    ({"instruments": (instrument("A0", outside=OutsideTarget()), instrument("A1", outside=OUTSIDE))},
     "must be of the same types"),
    ({"instruments": (instrument("A0"), Instrument("A1", Tier(Poisson(1.0), Logistic(1.0, 1.0)), 3.0, 5.0))}, "same types"),
    ({"instruments": rich(2).instruments, "clock": FiniteHorizon(1.0, 10)}, "at most one request a side and step: .*, got 1.5"),
    ({"prices": CovariancePrices([[1.0]])}, "Desk.prices must be of 2 instruments, got 1"),
    ({"quotes": "client"}, "Desk.quotes must be one of instrument, tier, size, got 'client'"),
    ({"numbers": (3, 3)}, "Desk.numbers must be a number >= 0 of its own"),
    ({"clock": EveryEvent(1.0, 50)}, "EveryEvent needs an order book, which a desk is not"),
    ({"reward": CVaR(0.95)}, "a desk's reward must watch nothing"),
])  # fmt: skip
def test_a_desk_that_cannot_be_is_refused(changes, message):
    with pytest.raises((TypeError, ValueError), match=message):
        replace(plain(2), **{"instruments": plain(2).instruments, "numbers": (), **changes})


@pytest.mark.parametrize(("make", "message"), [
    (lambda: CovariancePrices([[1.0, 0.5], [0.4, 1.0]]), r"symmetric, got 0.5 at \(0, 1\) and 0.4 across"),
    (lambda: CovariancePrices([[1.0, 2.0], [2.0, 1.0]]), "positive semi-definite, got an eigenvalue of -1"),
    (lambda: CovariancePrices([[1.0, 2.0]]), "must be square"),
    (lambda: CovariancePrices([[1.0]], (0.0, 1.0)), "drift must have one number for each of 1 instruments"),
    (lambda: FactorPrices([[1.0], [1.0]], (0.1, 0.1, 0.1)), "idiosyncratic must have one number for each of 2"),
    (lambda: instrument("A", sizes=(1.0, 2.0)), "probabilities must have one for each of 2 sizes, got 1"),
    (lambda: instrument("A", sizes=(1.0, 2.0), probabilities=(0.5, 0.6)), "probabilities must sum to 1, got 1.1"),
    (lambda: instrument("A", min_depth=4.0), "min_depth must be < max_depth"),
    (lambda: instrument("A", initial_inventory=9.0), r"initial_inventory must lie in \[-max_inventory, max_inventory\]"),
    (lambda: instrument("A", k=np.array([1.0, 2.0])), "fill.bid.k must be the same in all lanes"),
    (lambda: Instrument("A", (), 1.0, 1.0), "tiers must be a list of Tier, at least one unless it is traded outside"),
    (lambda: MarketMakingEnv(plain(1), render_mode="rgb_array"), "render_mode must be None for a desk"),
    (lambda: _with_flow(HawkesFlow(1.0, 0.5, 0.1, 2.0)), "a desk's flows must have no state"),
])  # fmt: skip
def test_parts_of_a_desk_that_cannot_be_are_refused(make, message):
    with pytest.raises((TypeError, ValueError), match=message):
        make()


def _with_flow(flow):
    one = Instrument("A", Tier(flow, Exponential(1.0)), 3.0, 5.0)
    return Desk((one,), CovariancePrices([[1.0]]), FiniteHorizon(1.0, 50), plain(1).reward)


def test_instruments_are_written_once_and_varied():
    one = rich(1).instruments[0]
    made = instruments_of(one, {"name": "xyz", "max_inventory": (5.0, 6.0, 7.0), "tiers.flow.rate": (1.0, 2.0, 3.0),
                                "tiers.1.fill.bid.k": (0.5, 0.6, 0.7), "outside.half_spread": (0.0, 0.1, 0.2)})  # fmt: skip
    assert [each.name for each in made] == ["x", "y", "z"]
    assert [each.max_inventory for each in made] == [5.0, 6.0, 7.0]
    assert [tier.flow.ask.rate for tier in made[1].tiers] == [2.0, 2.0]
    assert [(tier.fill.bid.k, tier.fill.ask.k) for tier in made[2].tiers] == [(1.0, 1.0), (0.7, 2.0)]
    assert made[2].outside.half_spread == 0.2


@pytest.mark.parametrize(("vary", "message"), [
    ({"name": ("a", "b"), "weight": (1.0,)}, "lists of one length, one value an instrument, got"),
    ({"max_inventry": (1.0,)}, "got 'max_inventry'. Did you mean 'max_inventory'"),
    ({"tiers.fill.rate": (1.0,)}, "got 'tiers.fill.rate'"),
    ({"name.first": ("a",)}, "got 'name.first'"),
    ({"weight": (-1.0,)}, "Instrument.weight must be > 0, got -1.0"),
])  # fmt: skip
def test_what_cannot_vary_is_refused(vary, message):
    with pytest.raises(ValueError, match=message):
        instruments_of(instrument("A"), vary)


@pytest.mark.parametrize("name", DESKS)
def test_a_named_desk_is_known_to_gymnasium(name):
    (found,) = [key for key, desk in DESK_IDS.items() if desk == name]
    env = gymnasium.make(found)
    assert env.unwrapped.market == DESKS[name]()
    env.reset(seed=0)
    assert env.step(env.action_space.sample())[0].shape == env.observation_space.shape


@pytest.mark.parametrize("lot", [0.0, 1.0])
def test_a_rate_outside_costs_and_moves_as_it_says_and_keeps_the_limit(lot):
    outside = record(OutsideRate(40.0, half_spread=0.1, quadratic=0.01, impact=0.02, lot=lot))
    dt, uniforms = 0.005, (np.arange(1000) + 0.5) / 1000.0
    units = np.array([outside.trade(-0.5, 2.0, 6.0, dt, u) for u in uniforms])
    costs = [outside.cost(-0.5, n, dt) for n in units]
    assert units.mean() == pytest.approx(-20.0 * dt)
    assert sorted(set(units)) == pytest.approx([-1.0, 0.0] if lot else [-20.0 * dt])
    assert np.mean(costs) == pytest.approx((0.1 * 20.0 + 0.01 * 20.0**2) * dt)
    assert np.mean([outside.push(n) for n in units]) == pytest.approx(-0.02 * 20.0 * dt)
    assert outside.trade(1.0, 6.0, 6.0, dt, 1e-9) == 0.0
    assert outside.trade(1.0, 5.9, 6.0, 1.0, 1e-9) == pytest.approx(0.0 if lot else 0.1)


def test_a_target_outside_is_reached_at_once():
    outside = record(OutsideTarget(half_spread=0.1, quadratic=0.01, impact=0.02))
    units = outside.trade(0.5, -1.0, 6.0, 0.1, 0.5)
    assert units == 4.0
    assert outside.cost(0.5, units, 0.1) == pytest.approx(0.1 * 4.0 + 0.01 * 16.0)
    assert outside.push(units) == pytest.approx(0.08)


def test_what_is_of_one_inventory_or_set_lane_by_lane_is_refused():
    simulation, nothing = DeskSimulation(plain(2), 2), np.zeros(8)
    with pytest.raises(ValueError, match="same in all lanes: they cannot be set lane by lane"):
        Controls(simulation, {"reward.gamma": (0.1, 0.2)})
    with pytest.raises(ValueError, match="one inventory"):
        simulation.foresee(nothing, nothing)
    with pytest.raises(ValueError, match="one inventory"):
        simulation.run(nothing)


def test_streams_are_the_requests_of_tiers_and_sizes():
    desk = rich(2)
    bid, ask = desk.streams(1)
    assert bid.tier.tolist() == [0, 0, 0, 1, 1, 1]
    assert bid.size.tolist() == [1.0, 2.0, 3.0] * 2
    assert ask.rate == pytest.approx([5.5, 3.3, 2.2, 2.75, 1.65, 1.1])
