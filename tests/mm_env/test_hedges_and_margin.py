"""Positions beside the quoted one, and accounts that are closed: by components as a user would write them."""

import math
from dataclasses import replace
from typing import ClassVar, NamedTuple

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from mm_env import (
    Brownian,
    Dealer,
    Depths,
    Ergodic,
    Exponential,
    FiniteHorizon,
    Grid,
    Hedges,
    InventoryPenalty,
    Margin,
    MarketMakingEnv,
    MarketMakingVectorEnv,
    NoHedges,
    NonNegative,
    Now,
    Poisson,
    Positive,
    Real,
)
from mm_env.core.component import flat
from mm_env.core.maths import normal
from mm_env.core.noise import HEDGES, more
from mm_env.core.tuples import weighted
from mm_env.rollout import run_actions
from mm_env.simulation import Simulation
from tests.worlds import same_bits, world


class Second(NamedTuple):
    """The state of a correlated asset."""

    mark: float


class Correlated(Hedges):
    """A second asset that moves by beta dS + sigma dW, traded at a half-spread, to a target of up to `limit` units."""

    beta: Real
    sigma: NonNegative
    half_spread: NonNegative
    limit: Positive = 5.0
    funding: Real = 0.0  # price units / (unit time)

    signals: ClassVar[tuple[str, ...]] = ("hedge",)

    @property
    def names(self):
        return ("second",)

    def start(self):
        return Second(50.0)

    def positions(self):
        return (0.0,)

    def marks(self, now: Now):
        return (now.world.hedges.mark,)

    def targets(self, action, inventory, held):
        return (self.limit * min(max(action[0], -1.0), 1.0),)

    def cost(self, trades):
        return self.half_spread * abs(trades[0])

    def carry(self, held, dt):
        return -self.funding * held[0] * dt

    def square(self, inventory, held, variance):
        together = inventory + self.beta * held[0]
        return together * together + held[0] * held[0] * self.sigma**2 * 0.125 / variance

    def evolve(self, state, before: Now, mid, noise, dt):
        own = more(noise, HEDGES)
        return Second(
            state.mark + self.beta * (mid - before.mid) + self.sigma * math.sqrt(dt) * normal((own[0], own[1]))
        )

    def observe(self, held, now):
        return (held[0] / self.limit,)


class LossLimit(Margin):
    """The account is closed once it has lost `loss`; selling out costs `slippage` a unit."""

    loss: Positive
    slippage: NonNegative = 0.0

    def holds(self, standing):
        return standing.profit > -self.loss

    def closing_cost(self, standing, inventory):
        return self.slippage * abs(inventory)


BOX = Depths(2.0)
HEDGED = world(hedges=Correlated(0.5, 1.0, 0.02, funding=0.1), quote=BOX, clock=FiniteHorizon(1.0, 8))
RISKY = world(
    price=Brownian(6.0), margin=LossLimit(4.0, 0.25), quote=BOX, clock=FiniteHorizon(2.0, 20), reward=InventoryPenalty(),
    venue=Dealer(Poisson(20.0), Exponential(1.0)),
)  # fmt: skip


def played(market, lanes, seed=1, **options):
    """State before and after, actions and rewards of each step of an episode, all lanes."""
    simulation, random = Simulation(market, lanes, **options), np.random.default_rng(3)
    simulation.start(seed)
    for _ in range(market.clock.steps):
        before, actions = simulation.state, random.uniform(-1.0, 1.0, (lanes, market.width))
        _, rewards, ended, _ = simulation.step(actions.reshape(-1))
        yield before, simulation.state, actions, rewards, ended


def bits(state):
    """All numbers of a state, (numbers, lanes)."""
    return np.stack([*flat(state)])


@pytest.mark.parametrize(
    "market", [HEDGED, RISKY, replace(HEDGED, margin=LossLimit(2.0))], ids=["hedge", "margin", "both"]
)
def test_compiled_code_is_plain_python_to_the_bit(market):
    for fast, slow in zip(played(market, 5), played(market, 5, interpreted=True), strict=True):
        assert same_bits(bits(fast[1]), bits(slow[1]))
        assert fast[3].tolist() == slow[3].tolist()
        assert fast[4].tolist() == slow[4].tolist()


# hedges


def test_wealth_is_cash_and_all_positions_at_their_marks():
    for before, after, actions, _, _ in played(HEDGED, 50):
        earned = after.tally.profit - before.tally.profit
        held = [(s.account, s.mid, s.world.hedges.mark) for s in (before, after)]
        wealth = [account.cash + account.inventory * mid + account.hedges[0] * mark for account, mid, mark in held]
        assert earned == pytest.approx(wealth[1] - wealth[0], abs=1e-9)
        assert after.account.hedges[0] == pytest.approx(5.0 * actions[:, 2], abs=1e-12)


def test_a_hedge_costs_its_spread_and_its_carry():
    """Beside the market without it, in which nothing else differs: what the hedge gains, pays and is charged."""
    alone = replace(HEDGED, hedges=NoHedges())
    total = np.zeros(50)
    simulation, plain, random = Simulation(HEDGED, 50), Simulation(alone, 50), np.random.default_rng(5)
    simulation.start(1), plain.start(1)
    for _ in range(8):
        before, actions = simulation.state, random.uniform(-1.0, 1.0, (50, 3))
        simulation.step(actions.reshape(-1))
        plain.step(np.ascontiguousarray(actions[:, :2]).reshape(-1))
        after = simulation.state
        assert same_bits(after.mid, plain.state.mid)  # own noise disturbs nobody's
        held, traded = after.account.hedges[0], after.account.hedges[0] - before.account.hedges[0]
        total += held * (after.world.hedges.mark - before.world.hedges.mark) - 0.02 * abs(traded) - 0.1 * held / 8
    assert simulation.state.tally.profit == pytest.approx(plain.state.tally.profit + total, abs=1e-9)


def test_the_second_asset_moves_with_the_first_and_by_noise_of_its_own():
    simulation = Simulation(replace(HEDGED, clock=FiniteHorizon(1.0, 1)), 20_000)
    simulation.start(0)
    simulation.step(np.zeros(60_000))
    first, second = simulation.state.mid - 100.0, simulation.state.world.hedges.mark - 50.0
    residual = second - 0.5 * first
    assert residual.var() == pytest.approx(1.0, abs=4 * math.sqrt(2 / 20_000))
    assert abs(np.corrcoef(residual, first)[0, 1]) < 4 / math.sqrt(20_000)


def test_an_action_is_the_quotes_numbers_and_one_a_hedge():
    assert HEDGED.action_space.shape == (3,)
    assert HEDGED.observation_names == ("inventory", "time_left", "hedge")
    env = MarketMakingVectorEnv(HEDGED, 4)
    env.reset(seed=0)
    observations = env.step(np.full((4, 3), 0.5, np.float32))[0]
    assert observations[:, 2].tolist() == [0.5] * 4
    with pytest.raises(ValueError, match=r"Market.hedges need a quoting with a Box of actions.*Grid"):
        replace(HEDGED, quote=Grid(1.0, 1.0))
    with pytest.raises(ValueError, match=r"reward.noise must be 1 where hedges are held"):
        replace(HEDGED, reward=InventoryPenalty(noise=0.5))


class Loose(Correlated):
    def targets(self, action, inventory, held):
        return 1.0


class Pair(Correlated):
    def marks(self, now: Now):
        return (now.world.hedges.mark, 1.0)


@pytest.mark.parametrize(
    ("kind", "said"), [(Loose, r"Loose.targets .* got 1.0"), (Pair, r"Pair.marks .* \(50.0, 1.0\)")]
)
def test_hedges_that_do_not_give_one_number_each_are_refused_by_the_rule(kind, said):
    with pytest.raises(TypeError, match=said):
        replace(HEDGED, hedges=kind(0.5, 1.0, 0.0))


class Unsaid(Hedges):
    """One that does not say how risky it is."""

    @property
    def names(self):
        return ("unsaid",)

    def positions(self):
        return (0.0,)

    def marks(self, now):
        return (1.0,)

    def targets(self, action, inventory, held):
        return held


def test_hedges_that_do_not_say_how_risky_they_are_are_refused():
    with pytest.raises(NotImplementedError, match="hedges need a rule square"):
        replace(HEDGED, hedges=Unsaid())


def test_the_penalty_is_of_the_variance_of_the_whole_position():
    market = replace(HEDGED, reward=InventoryPenalty(phi=2.0, alpha=0.5))
    for before, after, _, rewards, ended in played(market, 50):
        q, h = after.account.inventory, after.account.hedges[0]
        square = (q + 0.5 * h) ** 2 + h**2
        gained = after.tally.profit - before.tally.profit
        assert gained - rewards == pytest.approx(2.0 * square / 8 + 0.5 * square * ended, abs=1e-9)


class Told(Correlated):
    """Its state is what `evolve` is told beside the moves."""

    @property
    def reads_variance(self):
        return True

    def evolve(self, state, before, mid, noise, dt, variance, trades):
        return Second(variance + trades[0])


def test_a_hedge_moves_by_the_variance_of_the_mid_and_by_what_we_trade():
    told = replace(HEDGED, hedges=Told(0.5, 1.0, 0.02), price=Brownian(2.0))
    for before, after, *_ in played(told, 5, interpreted=True):
        traded = after.account.hedges[0] - before.account.hedges[0]
        assert after.world.hedges.mark == pytest.approx(4.0 / 8 + traded, abs=1e-12)


class Silent(Brownian):
    """It moves by a rule of its own, and does not say how much."""

    def move(self, mid, latent, noise, dt):
        return mid


def test_a_price_that_does_not_say_its_variance_is_refused_to_hedges_that_read_it():
    with pytest.raises(ValueError, match=r"Market.price must give a rule `variance` of its moves, which Told"):
        replace(HEDGED, hedges=Told(0.5, 1.0, 0.02), price=Silent(2.0))


def test_nothing_held_changes_no_bit():
    assert weighted(-0.0, (), ()) == 0.0
    assert math.copysign(1.0, weighted(-0.0, (), ())) == -1.0


# accounts that are closed


def test_an_account_that_has_lost_too_much_is_closed_at_once_and_stays_as_it_is():
    closed = np.zeros(400, np.bool_)
    for before, after, _, rewards, ended in played(RISKY, 400):
        broke = (after.alive == 0.0) & ~closed
        assert (after.tally.profit[broke] <= -4.0).all()
        assert (after.account.inventory[broke] == 0.0).all()
        assert (after.tally.profit[(after.alive > 0.0)] > -4.0).all()
        assert after.account.cash[broke] == pytest.approx(after.tally.profit[broke], abs=1e-9)
        assert (rewards[closed] == 0.0).all()
        assert same_bits(
            *([number[closed] for number in (s.account.cash, s.mid, s.step, *s.tally)] for s in (before, after))
        )
        assert (ended == ((after.alive == 0.0) | (after.step >= 20))).all()
        closed |= broke
    assert 0 < closed.sum() < 400


def test_selling_out_costs_what_it_is_said_to():
    dear, free = RISKY, replace(RISKY, margin=LossLimit(4.0, 0.0))
    for costly, plain in zip(played(dear, 400), played(free, 400), strict=True):
        first = (costly[1].alive == 0.0) & (costly[0].alive > 0.0)
        gap = plain[1].tally.profit[first] - costly[1].tally.profit[first]
        orders = gap / (0.25 * RISKY.order_size)
        assert orders == pytest.approx(np.rint(orders), abs=1e-6)
        assert (gap >= -1e-9).all()
        assert (plain[1].alive == costly[1].alive).all()


def test_the_terminal_penalty_is_of_the_account_once_it_is_closed():
    market = replace(RISKY, reward=InventoryPenalty(alpha=100.0), margin=LossLimit(4.0))
    for before, after, _, rewards, _ in played(market, 400):
        broke = (after.alive == 0.0) & (before.alive > 0.0)
        assert rewards[broke] == pytest.approx((after.tally.profit - before.tally.profit)[broke], abs=1e-9)


@pytest.mark.parametrize("clock", [FiniteHorizon(2.0, 20), Ergodic(2.0, 20)])
def test_the_env_says_terminated_where_the_account_is_closed_and_truncated_where_an_ergodic_market_is_cut(clock):
    env = MarketMakingVectorEnv(replace(RISKY, clock=clock), 200, autoreset_mode=AutoresetMode.DISABLED)
    env.reset(seed=1)
    random, seen = np.random.default_rng(3), np.zeros(200, np.bool_)
    for _ in range(60):
        _, _, terminated, truncated, infos = env.step(random.uniform(-1.0, 1.0, (200, 2)).astype(np.float32))
        over, state = terminated | truncated, env.simulation.state
        cut = state.step >= 20
        assert (over == ((state.alive == 0.0) | cut)).all()
        assert (terminated == (state.alive == 0.0) | (cut & isinstance(clock, FiniteHorizon))).all()
        if over.any():
            seen |= terminated
            assert (infos["figures"]["l"][over] == state.step[over]).all()
            env.reset(options={"reset_mask": over})
            assert (env.simulation.state.alive == 1.0).all()
    assert seen.any()


def test_one_lane_ends_as_the_first_of_many():
    market = replace(RISKY, clock=Ergodic(2.0, 20))
    many, one = MarketMakingVectorEnv(market, 3), MarketMakingEnv(market)
    many.reset(seed=4), one.reset(seed=4)
    random = np.random.default_rng(3)
    for _ in range(100):
        actions = random.uniform(-1.0, 1.0, (3, 2)).astype(np.float32)
        _, rewards, terminated, truncated, _ = many.step(actions)
        _, reward, ended, cut, _ = one.step(actions[0])
        assert (rewards[0], terminated[0], truncated[0]) == (reward, ended, cut)
        if ended or cut:
            one.reset()


def test_means_over_an_episode_are_over_the_steps_that_were_lived():
    table = np.zeros((1, 7, 2))
    episodes = run_actions(RISKY, table, 300, 2)
    simulation = Simulation(RISKY, 300)
    simulation.start(2)
    simulation.run(table)
    state = simulation.state
    lived = state.tally.absolute_inventory / state.step
    assert (state.step < 20).any()
    assert episodes.mean_absolute_inventory.tolist() == lived.tolist()


def test_a_table_run_in_the_kernel_is_the_same_run_step_by_step():
    table = np.random.default_rng(0).uniform(-1.0, 1.0, (20, 7, 2))
    whole, single = Simulation(RISKY, 130), Simulation(RISKY, 130)
    whole.start(7), single.start(7)
    whole.run(table)
    for step in range(20):
        level = np.rint(single.state.account.inventory + 3).astype(int)
        single.step(np.ascontiguousarray(table[step, level]).reshape(-1))
    assert same_bits(bits(whole.state), bits(single.state))
