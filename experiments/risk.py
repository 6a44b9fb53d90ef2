"""The risk report of agents in a market: what makes the profit, tails, ruin, exposures, margin, liquidity, stress, the worst.

python -m experiments.risk market=hedged agents=[no_hedge,full_hedge,fixed_band]
python -m experiments.risk market=pool scenarios=[volatility_x3,pool_exploit] episodes=2000
"""

from __future__ import annotations

from omegaconf import DictConfig, ListConfig
from rich.console import Console

from experiments.config.agents import build_policies
from experiments.config.main import experiment, output_folder
from experiments.config.markets import build_market
from experiments.evaluation.skill_references import OPTIMUM, SkillReferences
from experiments.evaluation.table import near
from experiments.reporting import page
from experiments.reporting.presenter import left_out, screen, small
from experiments.studies import risk_report
from experiments.studies.risk import Portrait, portraits
from experiments.studies.stress import Battery, allowed, brought, capital_of
from mm_env.core.parameters import Interval
from mm_env.core.parameters import check as check_number


@experiment("risk")
def main(cfg: DictConfig) -> float:
    """Write report.html, report.md and the tables as CSV; the first agent's CVaR at 95 %."""
    check(cfg)
    market, folder = build_market(cfg), output_folder()
    scenarios, unfit = allowed(market, cfg.scenarios)
    policies, refused = build_policies(cfg, market, cfg.agents)
    if not policies:
        raise ValueError(f"agents must name at least one that the market allows, got {list(cfg.agents)}: {refused}")
    references = SkillReferences.of(market) if cfg.optimum else SkillReferences(market)
    refused |= {OPTIMUM: references.missing} if references.missing else {}
    battery = Battery(market, {**policies, **references.policies}, cfg.episodes, cfg.seed)
    found = portraits(battery)
    calm = {name: brought(each.episodes) for name, each in found.items()}
    capital = capital_of(cfg.capital, calm)
    rows = battery.rows(scenarios, calm, capital)
    notes = left_out({**refused, **unfit})
    sections = list(risk_report.sections(market, found, rows, capital, notes))
    page.write_page(folder, cfg.title, risk_report.words(market, battery, capital), sections)
    risk_report.write_tables(folder, found, sections, rows)
    small(screen(130), notes)
    Console(highlight=False, soft_wrap=True).print(f"Report: {near((folder / page.PAGE).resolve())}")
    return first(found).tails[0.95][1].value


def first(found: dict[str, Portrait]) -> Portrait:
    """That of the first agent."""
    return next(iter(found.values()))


def check(cfg: DictConfig) -> None:
    """Refuse options that are none. Raises: ValueError or TypeError with the name and the value."""
    if not isinstance(cfg.optimum, bool):
        raise ValueError(f"optimum must be true or false, got {cfg.optimum!r}")
    if cfg.scenarios is not None and not (isinstance(cfg.scenarios, ListConfig) and cfg.scenarios):
        raise ValueError(f"scenarios must be a list of names, as in scenarios=[gap], got {cfg.scenarios!r}")
    if cfg.capital is not None:
        check_number("capital", cfg.capital, Interval(0.0, low_open=True))
    check_number("episodes", cfg.episodes, Interval(2, whole=True))


if __name__ == "__main__":
    main()
