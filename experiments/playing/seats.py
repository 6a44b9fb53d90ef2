"""Who plays with a person, by the config: the advisers, the rivals of the same noise, and the best known strategy."""

from __future__ import annotations

from typing import Any

from omegaconf import DictConfig

from agents.exact.pool.fee_optimum import FeeOptimum
from agents.exact.pool.optimum import PoolOptimum
from agents.policy import Policy, StrategyPolicy
from agents.strategies.pool import FeeRule, Provider
from experiments.config.agents import build_policies
from experiments.config.markets import build_market
from experiments.evaluation.common_noise import evaluate_on_common_noise
from experiments.evaluation.sample import CURVE_SEED
from experiments.evaluation.skill_references import CONSTANT, OPTIMUM, SkillReferences
from experiments.playing.advice import InOwnTime
from experiments.playing.game import Game
from mm_env.core.parameters import Interval, check
from mm_env.desk.desk import Desk
from mm_env.market import Market

TRIED = 300  # episodes in which the best known strategy is found
NAIVE = (
    "fixed_range",
    "fixed_fee",
    "join",
    "fixed_symmetric",
)  # who never moves, where no best constant quotes are known


def game_of(cfg: DictConfig) -> tuple[Game, list[str]]:
    """The game that a config describes, and what is to be said of it before. Raises: ValueError for what cannot be played."""
    own_steps = shorten(cfg)
    market = playable(build_market(cfg))
    references = SkillReferences.of(market)
    asked = [OPTIMUM] if cfg.agents is None else list(cfg.agents)
    others = [each for each in asked if each != OPTIMUM]
    advisers, refused = build_policies(cfg, market, others)
    if refused:
        raise ValueError(
            f"agents must be such as the market allows: {'; '.join(f'{n}: {why}' for n, why in refused.items())}"
        )
    advisers = {name: in_own_time(each, market, own_steps) for name, each in advisers.items()}
    notes = list(references.of_objective) + list(references.notes)
    if OPTIMUM in asked:
        best, said = best_of(cfg, market, references)
        advisers, notes = {**best, **advisers}, notes + said
    rivals = {**references.policies, **advisers, **naive(cfg, market, references)}
    return Game(market, advisers, rivals, references, cfg.seed, cfg.episodes), notes


def shorten(cfg: DictConfig) -> int:
    """Give the config's market `cfg.steps` steps of the length of its own; how many its own are.

    Raises: ValueError for more than these.
    """
    clock: Any = cfg.market.get("clock")
    own = int(clock.steps) if clock else 0
    if cfg.steps is not None and clock:
        check("steps", cfg.steps, Interval(1, own, whole=True))
        clock.horizon, clock.steps = clock.horizon * cfg.steps / own, cfg.steps
    return own


def playable(market: Any) -> Market:
    """The market itself if one person can quote in it. Raises: ValueError for any other."""
    if isinstance(market, Desk):
        raise ValueError(f"market must have one quoted instrument to be played, got a {type(market).__name__}")
    if market.lanes_a_world > 1:
        raise ValueError(f"market must have one maker to be played, got {market.lanes_a_world}")
    if market.venue.happened_once:
        raise ValueError("market must draw its noise to be played, got a recorded day")
    return market


def best_of(cfg: DictConfig, market: Market, references: SkillReferences) -> tuple[dict[str, Policy], list[str]]:
    """The optimum where the market has one that can act; else the best of `cfg.known`, by episodes of other noise, and why."""
    if OPTIMUM in references.policies:
        return references.policies, []
    known, _ = build_policies(cfg, market, cfg.known)
    found = evaluate_on_common_noise(market, known, TRIED, CURVE_SEED)[0].name
    why = references.missing or "it is told what nobody sees"
    stands = f"in its place stands {found}, the best known strategy in {TRIED} episodes of other noise"
    return {found: known[found]}, [f"{OPTIMUM} is left out: {why}; {stands}."]


def naive(cfg: DictConfig, market: Market, references: SkillReferences) -> dict[str, Policy]:
    """Who does the same whatever happens: of constant quotes, ranges or fees the best, where the market says which."""
    best: Any = references.best
    if references.constant is not None:
        return {CONSTANT: StrategyPolicy(references.constant, market)}
    if isinstance(best, FeeOptimum):
        return {"fixed_fee": FeeRule(market, best.fixed)}
    if isinstance(best, PoolOptimum) and best.fixed < len(best.grid.half_widths):
        return {"fixed_range": Provider.fixed(market, float(best.grid.half_widths[best.fixed]))}
    for name in NAIVE:
        found, _ = build_policies(cfg, market, [name])
        if found:
            return found
    return {}


def in_own_time(policy: Policy, market: Market, own_steps: int) -> Policy:
    """A policy that learnt in episodes of `own_steps` steps, in those of the market."""
    names, steps = market.observation_names, market.clock.steps
    if not policy.learnt or "time_left" not in names or steps == own_steps:
        return policy
    return InOwnTime(policy, names.index("time_left"), steps / own_steps)
