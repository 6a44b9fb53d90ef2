"""Robust market making: makers under the worst parameters that an adversary can set.

python -m experiments.compare experiment=robust_market_making
python -m experiments.compare experiment=robust_market_making market.reward.phi=0.2 robust.seeds=5

Each maker meets the nominal market, the worst constant parameters, and an adversary that sets them at each step, knowing
time, inventory and the maker: all three exactly. PPO is trained on the nominal market, on one whose parameters are drawn
anew for each episode, and against an adversary that learns too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import DictConfig
from tqdm import tqdm

from agents.exact.evaluation import evaluate
from agents.exact.optimum import optimum
from agents.learning.saved import save_model
from agents.policy import Policy, Table, play, tabulate
from agents.robust.adversary import Powers, play_against
from agents.robust.best_response import best_response, check_game, evaluate_under, worst_constant
from agents.robust.robust_optimum import robust_optimum
from experiments.config.agents import build_policies
from experiments.config.markets import build
from experiments.runs import jobs
from experiments.studies.robust_report import FIGURES, RobustRow, robust_curves, show, write
from mm_env.core.parameters import Interval, check
from mm_env.market import Market
from mm_env.metrics import figures

NOMINAL, RANDOMISED, ADVERSARIAL = "PPO, nominal", "PPO, randomised", "PPO, adversarial"


@dataclass(frozen=True)
class RobustEvaluation:
    """How makers are evaluated: the market, what the adversary may set in it, and the noise of the episodes."""

    market: Market
    powers: Powers
    episodes: int
    seed: int

    def row(self, name: str, maker: Policy, learned: Table | None = None) -> RobustRow:
        """The exact and simulated figures of a maker. Raises: ValueError if it is no table over time and inventory."""
        table = tabulate(self.market, maker)
        if table is None:
            raise ValueError(f"{name} must quote by time and inventory alone to be solved against an adversary")
        quoted, actions = table.market, table.actions
        answer = best_response(quoted, actions, self.powers)
        exact = {
            "nominal": evaluate(quoted, actions).objective,
            "constant": worst_constant(quoted, actions, self.powers).objective,
            "adversary": answer.objective,
        }
        if learned is not None:
            parameters = self.powers.parameters(learned.actions)
            exact["learned"] = evaluate_under(quoted, actions, self.powers, parameters).objective
        nominal = figures(play(self.market, table, self.episodes, self.seed))
        adversary = figures(play_against(self.market, table, self.powers, answer.policy, self.episodes, self.seed))
        return RobustRow(name, exact, {n: nominal[n] for n in FIGURES}, {n: adversary[n] for n in FIGURES}, table)


def compare_robust(cfg: DictConfig, market: Market, folder: Path) -> float:
    """Train, solve, print and write; the objective of the adversarially trained maker (median seed) against the adversary."""
    evaluation = RobustEvaluation(market, Powers(flattened(cfg.robust.powers)), cfg.episodes, cfg.seed)
    check_game(market, evaluation.powers)
    schemes = TrainingSchemes(cfg, evaluation, folder)
    policies, refused = build_policies(cfg, market, cfg.agents)
    best, robust = optimum(market), robust_optimum(market, evaluation.powers)
    learned = schemes.adversary
    rows = [evaluation.row(name, policy, learned) for name, policy in policies.items()]
    rows += [evaluation.row("optimum, nominal", best, learned), evaluation.row("optimum, robust", robust, learned)]
    for scheme in (NOMINAL, RANDOMISED, ADVERSARIAL):
        rows += schemes.rows(scheme, learned)
    title = f"{cfg.title}, {cfg.episodes:,} episodes of seed {cfg.seed}"
    show(title, rows, robust.gap, refused)
    write(folder, title, rows)
    jobs.note(
        folder,
        table={row.name: {"exact": row.exact, "nominal": row.nominal, "adversary": row.adversary} for row in rows},
    )
    by_name = {row.name: row for row in rows}
    shown = [next(row for row in rows if row.name.startswith(scheme)) for scheme in (NOMINAL, ADVERSARIAL)]
    robust_curves(market, [*shown, by_name["optimum, robust"]]).savefig(folder / "quotes.png", dpi=130)
    return shown[1].exact["adversary"]


class TrainingSchemes:
    """PPO trained three ways from each seed; models and TensorBoard logs in `folder`."""

    def __init__(self, cfg: DictConfig, evaluation: RobustEvaluation, folder: Path) -> None:
        from agents.robust.self_play import SelfPlay

        check("robust.seeds", cfg.robust.seeds, Interval(1, 2**31, whole=True))
        self.evaluation, self.folder, self.seeds = evaluation, folder, int(cfg.robust.seeds)
        self.learner = build(cfg.robust.maker)
        self.self_play = SelfPlay(self.learner, build(cfg.robust.adversary), evaluation.powers)

    @cached_property
    def trained(self) -> dict[str, list[tuple[Policy, Table | None]]]:
        """Scheme -> (maker, its adversary) of each seed, worst first by what the maker is worth against the exact adversary."""
        trained: dict[str, list[tuple[Policy, Table | None]]] = {}
        with tqdm(total=3 * self.seeds, desc="training", unit="agent", leave=False) as progress:
            for scheme in (NOMINAL, RANDOMISED, ADVERSARIAL):
                pairs = []
                for seed in range(self.seeds):
                    progress.set_postfix_str(f"{scheme}, seed {seed}")
                    pairs.append(self._train(scheme, seed))
                    progress.update()
                trained[scheme] = sorted(pairs, key=lambda pair: self._worth(pair[0]))
        return trained

    @property
    def adversary(self) -> Table | None:
        """The adversary that learned against the median maker."""
        pairs = self.trained[ADVERSARIAL]
        return pairs[len(pairs) // 2][1]

    def rows(self, scheme: str, learned: Table | None) -> Iterator[RobustRow]:
        """The median seed's row and, of several, the worst's."""
        pairs = self.trained[scheme]
        median = len(pairs) // 2
        several = len(pairs) > 1
        yield self.evaluation.row(f"{scheme} (median)" if several else scheme, pairs[median][0], learned)
        if several:
            yield self.evaluation.row(f"{scheme} (worst)", pairs[0][0], learned)

    def _train(self, scheme: str, seed: int) -> tuple[Policy, Table | None]:
        market, powers = self.evaluation.market, self.evaluation.powers
        place = self.folder / f"{scheme.removeprefix('PPO, ')}_seed{seed}"
        if scheme != ADVERSARIAL:
            trained = self.learner.train(market if scheme == NOMINAL else powers.randomised(market), seed, place)
            save_model(trained.model, place / "model.zip")
            return trained, None
        maker, adversary = self.self_play.train(market, seed, place)
        save_model(maker.model, place / "model.zip")
        save_model(adversary.model, place / "adversary.zip")
        return maker, tabulate(market, adversary)

    def _worth(self, maker: Policy) -> float:
        table = tabulate(self.evaluation.market, maker)
        return best_response(table.market, table.actions, self.evaluation.powers).objective if table else -np.inf


def flattened(powers: Mapping[Any, Any], path: str = "") -> dict[str, tuple[float, float]]:
    """Path -> (low, high) from ranges that are nested as the market is."""
    found: dict[str, tuple[float, float]] = {}
    for name, inner in powers.items():
        place = f"{path}.{name}" if path else str(name)
        found.update(flattened(inner, place) if isinstance(inner, Mapping | DictConfig) else {place: tuple(inner)})
    return found
