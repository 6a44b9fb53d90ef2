"""Parts of a user's own are solved as the package's are: held to a published number, to plain Python and to the simulator."""

import math
from dataclasses import replace

import numpy as np
import pytest

from agents.exact.evaluation import Unsolvable, evaluate
from agents.exact.optimum import optimum
from agents.exact.solvable import check_solvable
from experiments.verification.suites.gueant_manziuk import bond
from mm_env import (
    CARA,
    Dealer,
    Depths,
    Ergodic,
    Exponential,
    Fees,
    Fill,
    Flow,
    Impact,
    Poisson,
    Positive,
    ProportionalFees,
    Reward,
    rule,
)
from mm_env.core.component import record
from mm_env.core.maths import exp, exponential
from mm_env.rollout import inventory_levels, run_actions
from mm_env.state import held_at
from mm_env.venue.venue import Transition
from tests.worlds import thinned, within, world

EPISODES = 40_000


# --- the bond of Gueant & Manziuk 2019 ---------------------------------------------------------------------------------


def test_gueant_and_manziuks_bond_earns_what_they_print():
    """Average reward a request; requests come one at a time, which is the limit of many steps between two."""
    coarse, fine = (optimum(replace(bond(), clock=Ergodic(10.0, 10 * n))).rate / 0.55 for n in (20, 40))
    assert 2.0 * fine - coarse == pytest.approx(202.1475, rel=1e-4)


# --- parts that change with time, by a plain recursion -----------------------------------------------------------------


class Shelf(Fill):
    """A share that falls in a straight line to a depth, and faster late in the day."""

    reach: Positive

    @rule
    def take(self, depth, now):
        return min(max(1.0 - depth / self.reach * (1.0 + now.time), 0.0), 1.0)


class Opening(Flow):
    """Many orders come in the first tenth of the day."""

    rate: Positive

    @rule
    def probability(self, take, dt, now):
        return 1.0 - exp(-self.rate * (3.0 if now.time < 0.15 else 1.0) * take * dt)


class Late(Impact):
    """A fill tells more toward the end."""

    mean: Positive

    @rule
    def jump(self, filled, arrived, uniform, now):
        return filled * self.mean * (1.0 + now.time) * exponential(uniform)

    @rule
    def moments(self, depth, chance, filled, arrival, now):
        mean = self.mean * (1.0 + now.time)
        return filled * mean, filled * mean * mean


class Certain(Impact):
    """Each fill moves the mid by the same."""

    size: Positive

    @rule
    def jump(self, filled, arrived, uniform):
        return filled * self.size

    @rule
    def moments(self, depth, chance, filled, arrival):
        return filled * self.size, 0.0


class Rebate(Fees):
    """No fee for makers at first."""

    @rule
    def maker_fee(self, price, now):
        return self.maker if now.time > 0.15 else 0.0


class Closing(Reward):
    """A penalty that grows to the close."""

    phi: Positive

    @rule
    def penalty(self, inventory, dt, final, now):
        return self.phi * inventory * inventory * (dt / (0.1 + now.time_left) + final)


OWN = {
    "fill": world(venue=Dealer(Poisson(6.0), Shelf(1.5))),
    "flow": world(venue=Dealer(Opening(6.0), Exponential(1.0))),
    "impact": world(venue=Dealer(Poisson(6.0), Exponential(1.0), Late(0.2))),
    "fees": world(fees=Rebate(maker=0.3)),
    "reward": world(reward=Closing(0.2)),
    "impact under utility": world(venue=Dealer(Poisson(6.0), Exponential(1.0), Certain(0.2)), reward=CARA(0.3)),
    "all": world(venue=Dealer(Opening(6.0), Shelf(1.5), Late(0.2)), fees=Rebate(maker=0.3), reward=Closing(0.2)),
}  # fmt: skip
OWN = {name: replace(market, quote=Depths(max_depth=1.0, min_depth=-0.1)) for name, market in OWN.items()}
every_own = pytest.mark.parametrize("name", thinned(OWN, set(OWN) - {"impact", "all"}))


def plainly(market, choose):
    """V_0 (levels,) by the market's rules as plain Python; `choose(step, level, value_of)` is the value of what is quoted."""
    rules, q = record(market), inventory_levels(market)
    gamma, variance = getattr(market.reward, "gamma", 0.0), market.price.sigma**2 * market.clock.step_length
    value = np.zeros(len(q))
    for step in reversed(range(market.clock.steps)):
        following, value = value, np.empty(len(q))
        now = rules.now(held_at(rules.begin(0.0, rules.initial_mid), step + 1.0, 0.0), ())
        final, dt = rules.clock.final(step + 1.0), rules.clock.dt()
        cost = [
            0.5 * gamma * variance * h**2 if gamma else rules.reward.penalty(h, dt, final, now, variance, h * h)
            for h in q
        ]
        for level, held in enumerate(q):
            state = held_at(rules.begin(0.0, rules.initial_mid), float(step), held)

            def value_of(action, state=state, following=following, cost=cost):
                quote = rules.quote.decode(tuple(action), rules.now(state, ()))
                found = []
                for t in rules.venue.transitions(rules, state, quote):
                    after = int(np.clip(round(t.inventory + market.max_inventory), 0, len(q) - 1))
                    found.append((t.probability, t.gain + t.inventory * t.jump + following[after] - cost[after]))
                if gamma:
                    return -math.log(sum(p * math.exp(-gamma * x) for p, x in found)) / gamma
                return sum(p * x for p, x in found)

            value[level] = choose(step, level, value_of)
    return value


@every_own
def test_a_table_is_worth_what_a_plain_recursion_says(name):
    market = OWN[name]
    for rows in (1, 5):
        table = np.random.default_rng(0).uniform(-1.0, 1.0, (rows, 7, 2))
        found = evaluate(market, table).value[0, 0]
        np.testing.assert_allclose(
            found, plainly(market, lambda t, i, f, a=table: f(a[t % len(a), i])), rtol=1e-12, atol=1e-13
        )


@every_own
def test_the_optimum_is_that_of_a_plain_recursion(name):
    """Over a grid of actions it loses no more than a grid so coarse may; and the optimum's own actions bring just its value."""
    market, grid = OWN[name], np.linspace(-1.0, 1.0, 41)
    best = optimum(market)
    coarse = plainly(market, lambda t, i, f: max(f((a, b)) for a in grid[::4] for b in grid[::4]))
    found, actions = best.value[0, 0], best.actions[:, 0]
    assert (found >= coarse - 1e-12).all()
    assert (found - coarse).max() < 0.02
    np.testing.assert_allclose(found, plainly(market, lambda t, i, f: f(actions[t, i])), rtol=1e-11, atol=1e-13)


@every_own
def test_the_simulator_earns_what_is_exact(name):
    market = OWN[name]
    best = optimum(market)
    episodes = run_actions(market, best.table().actions, EPISODES, seed=3)
    assert within(episodes.objective, best.objective)
    assert within((episodes.objective - best.objective) ** 2, evaluate(market, best.table().actions).variance)


# --- what is refused ---------------------------------------------------------------------------------------------------


class Boasting(Late):
    """Says half of its jumps."""

    @rule
    def moments(self, depth, chance, filled, arrival, now):
        mean = 0.5 * self.mean * (1.0 + now.time)
        return filled * mean, filled * mean * mean


class Silent(Impact):
    @rule
    def jump(self, filled, arrived, uniform):
        return 0.1 * filled


class Shouting(Certain):
    @rule
    def jump(self, filled, arrived, uniform):
        return 2.0 * filled


class Half(Dealer):
    """Says what may come of a quote in half of all cases."""

    @rule
    def transitions(self, market, state, quote):
        return (Transition(0.5, state.account.inventory, 0.0, 0.0, 0.0, ()),)


class ByPrice(Fill):
    @rule
    def take(self, depth, now):
        return exp(-100.0 * depth / now.mid)


class ByLevel(Reward):
    @rule
    def penalty(self, inventory, dt, final, now):
        return dt * abs(inventory) * now.mid


def dealer(**parts):
    return world(venue=Dealer(**{"flow": Poisson(6.0), "fill": Exponential(1.0), **parts}))


@pytest.mark.parametrize(("market", "said"), [
    (dealer(impact=Silent()), "impact has no exact recursion under this reward: Silent.*`moments` must say"),
    (dealer(impact=Shouting(0.1)), "impact has no exact.*`moments` must say mean and variance of Shouting.jump"),
    (dealer(impact=Boasting(0.2)), "venue: Dealer.transitions contradict its simulated steps: .* mean jump of the mid"),
    (replace(dealer(impact=Late(0.2)), reward=CARA(1.0)), "impact has no exact recursion under this reward: Late"),
    (world(venue=Half(Poisson(6.0), Exponential(1.0))), "venue: Half.transitions must be finite, .* sum to 1"),
    (dealer(fill=ByPrice()), r"venue.fill.bid has no exact recursion .* depends on the mid"),
    (world(fees=ProportionalFees(0.01)), r"fees has no exact recursion .* depends on the mid"),
    (world(reward=ByLevel()), r"reward has no exact recursion .* depends on the mid"),
    (replace(dealer(flow=Opening(6.0)), clock=Ergodic(1.0, 10)), "venue.flow.bid: it changes with the time"),
])  # fmt: skip
def test_what_is_not_stated_or_contradicts_its_steps_is_refused(market, said):
    with pytest.raises(Unsolvable, match=said):
        check_solvable(market)
