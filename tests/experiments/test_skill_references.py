"""Skill: 0 is the best constant quoting, 1 the exact optimum, and nothing where there is none."""

from dataclasses import replace

import numpy as np
import pytest

from agents.exact.desk import best_constant_depths, worth_of
from agents.exact.evaluation import average_reward, best_fixed, evaluate
from agents.policy import RandomPolicy, StrategyPolicy, play, policy_of
from agents.strategies.fixed import FixedSymmetric, LinearSkew
from agents.strategies.quadratic_desk import QuadraticDesk
from agents.strategies.touch import AtTouch
from experiments.evaluation.common_noise import evaluate_on_common_noise
from experiments.evaluation.skill_references import CONSTANT, OPTIMUM, SkillReferences
from mm_env import (
    CARA,
    AsymmetricDamping,
    Book,
    Brownian,
    Depths,
    Ergodic,
    FiniteHorizon,
    Geometric,
    InventoryPenalty,
    OrnsteinUhlenbeck,
    ScheduledGap,
    Skew,
    Uniform,
    VariancePenalty,
)
from mm_env.desks import twenty_bonds
from mm_env.markets import MARKETS, market_named
from mm_env.metrics import Z95, Estimate
from mm_env.quote import Unbounded
from mm_env.rollout import inventory_levels
from tests.agents.test_desk_joined import PAIR
from tests.worlds import thinned, world

MARKET = world(clock=FiniteHorizon(1.0, 20), quote=Depths(max_depth=4.0, min_depth=-2.0))
ENDLESS = replace(MARKET, clock=Ergodic(1.0, 20), reward=InventoryPenalty(phi=0.5))


def scored(market, episodes=4_000, seed=3, **policies):
    references = SkillReferences.of(market)
    everyone = {**policies, **references.policies}
    return references, references.skills(evaluate_on_common_noise(market, everyone, episodes, seed), everyone)


def quoting(strategy, market=MARKET):
    return StrategyPolicy(strategy, market)


@pytest.mark.parametrize("market", [MARKET, ENDLESS])
def test_the_optimum_has_a_skill_of_one_and_the_best_constant_quotes_of_none(market):
    fixed, worse = quoting(best_fixed(market), market), quoting(FixedSymmetric(0.1), market)
    _, skills = scored(market, fixed=fixed, worse=worse)
    assert skills[OPTIMUM].value == pytest.approx(1.0, abs=1e-9)
    assert skills[OPTIMUM].half_width == 0.0
    assert abs(skills["fixed"].value) <= 2.1 * skills["fixed"].half_width + 1e-9
    assert skills["worse"].value < -1.0


@pytest.mark.parametrize("strategy", [FixedSymmetric(0.7), LinearSkew(0.8, 0.3)])
def test_simulated_skill_is_the_exact_one_within_its_error(strategy):
    references, skills = scored(MARKET, one=quoting(strategy))
    exact = references.exact_skill(quoting(strategy))
    assert abs(skills["one"].value - exact) < 2.1 * skills["one"].half_width


def test_skill_is_the_share_of_the_way_from_the_best_constant_quotes_to_the_optimum():
    references, depths = SkillReferences.of(MARKET), LinearSkew(1.0, 0.1).depths(inventory_levels(MARKET), 0.0)
    worth = evaluate(replace(MARKET, quote=Unbounded()), depths[None]).objective
    constant = best_fixed(MARKET).depths(inventory_levels(MARKET), 0.0)
    fixed = evaluate(replace(MARKET, quote=Unbounded()), constant[None]).objective
    expected = (worth - fixed) / (references.best.objective - fixed)
    assert references.exact_skill(quoting(LinearSkew(1.0, 0.1))) == pytest.approx(expected, rel=1e-9)
    assert 0.0 < expected < 1.0


def test_without_an_end_skill_compares_average_rewards_exactly():
    references, skills = scored(ENDLESS, 50, one=quoting(LinearSkew(0.8, 0.3), ENDLESS), wild=RandomPolicy(ENDLESS))
    depths = LinearSkew(0.8, 0.3).depths(inventory_levels(ENDLESS), 0.0)
    rate = average_reward(replace(ENDLESS, quote=Unbounded()), depths[None])
    expected = (rate - references.fixed) / (references.best.rate - references.fixed)
    assert skills["one"].value == pytest.approx(expected, rel=1e-9)
    assert skills["one"].half_width == 0.0
    assert "wild" not in skills  # it is no table, and an average reward cut short is none


@pytest.mark.parametrize(("parts", "reason"), [
    ({"price": Geometric(sigma=0.02)}, "price: Geometric has no law"),
    ({"reward": AsymmetricDamping(0.5)}, "reward has no exact recursion"),
])  # fmt: skip
def test_without_an_exact_optimum_there_are_no_skills_but_the_reason(parts, reason):
    references, skills = scored(replace(MARKET, **parts), 50, one=quoting(FixedSymmetric(0.7)))
    assert skills == {}
    assert references.policies == {}
    assert references.missing.startswith(reason)
    assert references.exact_skill(quoting(FixedSymmetric(0.7))) is None


def test_who_is_no_table_has_no_exact_skill():
    assert SkillReferences.of(MARKET).exact_skill(RandomPolicy(MARKET)) is None


def test_a_latent_state_leaves_skill_as_it_is():
    market = replace(MARKET, price=OrnsteinUhlenbeck(sigma=1.0, speed=2.0, mean=100.0))
    fixed = quoting(best_fixed(market), market)
    references, skills = scored(market, fixed=fixed)
    assert skills[OPTIMUM].value == 1.0
    assert references.exact_skill(fixed) == pytest.approx(0.0, abs=1e-9)
    assert abs(skills["fixed"].value) < 2.1 * skills["fixed"].half_width


def test_where_actions_cannot_quote_as_well_as_the_best_constant_quotes_better_still_scores_higher():
    """A half-spread that is given and far too wide: its optimum falls short of constant quotes freely chosen."""
    market = replace(MARKET, quote=Skew(half_spread=3.0, max_skew=1.0))
    narrow, wide = (quoting(FixedSymmetric(h), market) for h in (1.0, 3.0))
    references, skills = scored(market, narrow=narrow, wide=wide)
    if skills:  # or the reason why there are none
        assert skills["narrow"].value > skills["wide"].value
    else:
        assert references.missing


LONG = {  # ten seconds to half a minute each
    "solvency", "small_queue_reactive", "rebalanced_channel", "small_book", "small_hawkes", "two_hedges", "cvar", "crisis",
    "regimes", "bates", "jumps", "stressed", "glft", "adverse_selection",
}  # fmt: skip


@pytest.mark.parametrize("name", thinned(MARKETS, LONG))
def test_every_named_market_is_scored_or_says_why_not(name):
    market = MARKETS[name]()
    market = market if market.venue.ends else replace(market, max_inventory=2.0)  # a channel's is its capacity
    clock = replace(market.clock, horizon=market.clock.step_length * 10, steps=10)
    price = replace(market.price, at=(0.5 * clock.horizon,)) if isinstance(market.price, ScheduledGap) else market.price
    market = replace(market, clock=clock, price=price)
    references = SkillReferences.of(market)
    if isinstance(market.venue, Book) and name not in ("small_book", "small_hawkes", "small_queue_reactive"):
        assert references.missing.startswith("in this order book ")
        return
    if market.quote.of_pool and not market.quote.sets_fee:  # in so few steps no placing repays its gas
        assert references.missing.startswith(("no moves pay more here", "quote: a pool's recursion"))
        return
    assert references.missing == ""
    assert references.optimal > references.fixed
    if not isinstance(market.venue, Book) and not market.quote.of_pool:
        assert np.isfinite(references.exact_skill(quoting(FixedSymmetric(0.1), market)))


def test_in_a_small_book_the_optimum_has_skill_1_and_a_single_action_0():
    market = replace(MARKETS["small_book"](), max_inventory=1.0)
    market = replace(market, clock=replace(market.clock, horizon=20.0, steps=20))
    _, skills = scored(market, inside=AtTouch(market, -1), join=AtTouch(market))
    assert skills[OPTIMUM] == (pytest.approx(1.0, abs=1e-12), 0.0)
    assert abs(skills["inside"].value) < 2.1 * skills["inside"].half_width
    assert skills["join"].value < -skills["join"].half_width


# certainty equivalents

UTILITY = replace(MARKET, reward=CARA(gamma=0.5))


@pytest.mark.parametrize("strategy", [FixedSymmetric(0.7), LinearSkew(0.8, 0.3)])
def test_under_cara_simulated_skill_is_the_exact_one_of_certainty_equivalents_within_its_error(strategy):
    references, skills = scored(UTILITY, one=quoting(strategy, UTILITY))
    depths = strategy.depths(inventory_levels(UTILITY), 0.0)
    certain = evaluate(replace(UTILITY, quote=Unbounded()), depths[None]).worth
    exact = (certain - references.fixed) / (references.best.worth - references.fixed)
    assert references.exact_skill(quoting(strategy, UTILITY)) == pytest.approx(exact, rel=1e-12)
    assert abs(skills["one"].value - exact) < 2.1 * skills["one"].half_width
    assert skills[OPTIMUM] == (pytest.approx(1.0, abs=1e-12), 0.0)


def test_under_cara_the_interval_of_skill_is_as_wide_as_skill_varies():
    references = SkillReferences.of(UTILITY)
    one, other = quoting(LinearSkew(0.8, 0.3), UTILITY), references.best
    pairs = [(play(UTILITY, one, 500, seed), play(UTILITY, other, 500, seed)) for seed in range(200)]
    found = [references.difference(*pair) for pair in pairs]
    spread, half_width = np.std([f.value for f in found]), np.mean([f.half_width for f in found])
    assert abs(half_width / Z95 / spread - 1.0) < 4.0 / np.sqrt(2 * 200)


def test_where_utility_saturates_skill_still_tells_good_from_bad():
    """Utility may not exceed 1 / gamma; wealth may."""
    market = replace(UTILITY, clock=FiniteHorizon(20.0, 200))
    references, poor = SkillReferences.of(market), quoting(FixedSymmetric(0.3), market)
    utility = [-np.expm1(-0.5 * worth) / 0.5 for worth in (references.fixed, references.optimal)]
    assert utility[1] - utility[0] < 0.1 < 2.0 < references.optimal - references.fixed
    assert references.exact_skill(poor) < -0.5


# parameters that differ by lane

DRIFTING = replace(MARKET, price=Brownian(sigma=1.0, drift=Uniform(-1.0, 1.0)))
LANES = replace(MARKET, price=Brownian(sigma=1.0, drift=np.resize([-0.5, 0.5], 4_000)))


@pytest.mark.parametrize("market", [DRIFTING, LANES])
def test_where_parameters_differ_by_lane_skill_is_measured_against_who_is_told_them(market):
    references, skills = scored(market, one=quoting(LinearSkew(1.0, 0.1), market))
    exact = references.exact_skill(quoting(LinearSkew(1.0, 0.1), market))
    assert 0.0 < exact < 0.9
    assert abs(skills["one"].value - exact) < 2.1 * skills["one"].half_width
    assert "Skill 1 is the full-information optimum, an upper bound: it is told price.drift" in references.notes[0]


def test_the_optimum_is_a_row_only_where_it_knows_each_lanes_parameters():
    drawn, known = SkillReferences.of(DRIFTING), SkillReferences.of(LANES)
    assert set(drawn.policies) == {CONSTANT}
    assert set(known.policies) == {OPTIMUM}
    assert scored(DRIFTING)[1][CONSTANT] == (0.0, 0.0)
    assert scored(LANES)[1][OPTIMUM] == (1.0, 0.0)


def test_the_error_of_a_grid_is_said():
    assert SkillReferences.of(MARKET).notes == []
    references = SkillReferences.of(replace(MARKET, price=OrnsteinUhlenbeck(sigma=1.0, speed=2.0, mean=100.0)))
    assert f"off by at most about {references.best.error:.1g} (of its grid)" in references.notes[0]


# better than the optimum


def undervalued(market=MARKET, **changes):
    """What is solved is worth but half of the way from constant quotes to the true optimum."""
    true = SkillReferences.of(market)
    return replace(true, optimal=0.5 * (true.fixed + true.optimal), **changes)


def test_a_policy_better_than_the_optimum_beyond_its_error_is_named():
    references, best = undervalued(), SkillReferences.of(MARKET).best
    assert references.exact_skill(best) == pytest.approx(2.0, rel=1e-6)
    (said,) = references.better_than_optimum({OPTIMUM: Estimate(1.0, 0.0), "PPO": Estimate(1.9, 0.2)}, {"PPO": best})
    assert said.startswith("PPO is better than the optimum beyond its error, with a skill of 2.0000, exactly: ")
    assert "skill 1 is no upper bound" in said


@pytest.mark.parametrize(("skill", "named"), [
    (Estimate(1.71, 0.03), True), (Estimate(1.02, 0.03), False), (Estimate(0.9, 0.05), False), (Estimate(1.04, 0.03), True),
])  # fmt: skip
def test_who_is_no_table_is_named_where_its_interval_lies_above_1(skill, named):
    said = SkillReferences.of(MARKET).better_than_optimum({"wild": skill}, {"wild": RandomPolicy(MARKET)})
    assert [line.split(" is ")[0] for line in said] == ["wild"] * named
    assert all(f"{skill.value:.4f} ±{skill.half_width:.4f}" in line for line in said)


def test_nobody_is_named_for_what_the_grid_of_the_optimum_may_be_off():
    true = SkillReferences.of(MARKET)
    gap = true.optimal - true.fixed
    coarse = replace(true, best=replace(true.best, error=0.1 * gap))
    assert coarse.leeway == pytest.approx(0.1)
    for skill, named in ((1.05, False), (1.15, True)):
        assert bool(coarse.better_than_optimum({"x": Estimate(skill, 0.01)}, {"x": RandomPolicy(MARKET)})) is named
        assert coarse.above(skill) is named


def test_a_simulated_skill_above_1_by_chance_is_called_that():
    constant = quoting(best_fixed(MARKET))
    (said,) = SkillReferences.of(MARKET).better_than_optimum({"fixed": Estimate(1.2, 0.1)}, {"fixed": constant})
    assert said.startswith("fixed has a simulated skill above 1 by chance: exactly it is ")


def test_quotes_beyond_the_actions_are_told_from_a_wrong_optimum():
    """The optimum keeps to half-spreads that are far too wide; a strategy does not."""
    market = replace(MARKET, quote=Depths(max_depth=4.0, min_depth=0.9))
    references = replace(SkillReferences.of(MARKET), market=market)
    strategy = quoting(LinearSkew(0.8, 0.3), market)
    gained = references.exact_skill(strategy) * (references.optimal - references.fixed)
    references = replace(references, optimal=references.fixed + 0.5 * gained)
    exact = references.exact_skill(strategy)
    (said,) = references.better_than_optimum({"skew": Estimate(exact, 0.01)}, {"skew": strategy})
    assert "it quotes depths that the market's actions do not reach" in said


def test_a_closed_form_that_beats_the_optimum_of_choices_at_the_touch_is_said_to_quote_beyond_them():
    """Depths are price units from the mid: what a choice of ticks from the best price reaches depends on the book."""
    market = market_named("small_book")
    said = SkillReferences(market).is_above("glft", 1.2, StrategyPolicy(FixedSymmetric(0.01), market), 0.1)
    assert said.endswith("it quotes depths that the market's actions do not reach, and the optimum keeps to these.")


def test_under_cara_the_tables_figures_hold_the_certainty_equivalent_that_skill_compares():
    references = SkillReferences.of(UTILITY)
    (entry,) = evaluate_on_common_noise(UTILITY, {OPTIMUM: references.best}, 40_000, 3)
    found = entry.figures["certainty_equivalent"]
    assert abs(found.value - references.optimal) < 2.1 * found.half_width
    assert "is a utility" in references.of_objective[0]
    assert SkillReferences.of(MARKET).of_objective == []
    assert (
        "certainty_equivalent"
        not in evaluate_on_common_noise(MARKET, {"one": quoting(FixedSymmetric(0.7))}, 10, 3)[0].figures
    )


# desks


def test_in_a_desk_skill_lies_between_constant_depths_and_the_optimum_over_positions():
    quad, full = (policy_of(make, PAIR) for make in (QuadraticDesk.of, best_constant_depths))
    references, skills = scored(PAIR, quadratic=quad, constant=full)
    exact = (worth_of(PAIR, quad) - references.fixed) / (references.optimal - references.fixed)
    assert skills[OPTIMUM] == (pytest.approx(1.0, abs=1e-12), 0.0)
    assert abs(skills["quadratic"].value - exact) < 2.1 * skills["quadratic"].half_width
    assert abs(skills["constant"].value) < 2.1 * skills["constant"].half_width + 1e-9
    assert references.exact_skill(quad) is None


def test_in_a_desk_without_an_end_skill_is_exact():
    desk = replace(PAIR, clock=Ergodic(1.0, 15), reward=VariancePenalty(0.6))
    _, skills = scored(
        desk, constant=policy_of(best_constant_depths, desk), quadratic=policy_of(QuadraticDesk.of, desk)
    )
    assert skills[OPTIMUM].value == pytest.approx(1.0, abs=1e-9)
    assert skills["constant"].value == pytest.approx(0.0, abs=1e-3)
    assert 0.0 < skills["quadratic"].value < 1.0


def test_a_desk_that_is_not_solved_says_why():
    assert SkillReferences.of(twenty_bonds()).missing == "exact values of a desk are of one or two instruments, got 20"
