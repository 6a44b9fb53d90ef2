"""Agents under stress: named scenarios beside the calm run on the same noise, by loss, and the smallest stress that ruins.

python -m experiments.stress market=amzn agents=[best_fixed,glft,cartea_jaimungal]
python -m experiments.stress market=pool
python -m experiments.stress market=hedged scenarios=[volatility_x3,no_hedging,crash]
python -m experiments.stress scenarios=[gap,{name:at_the_end,base:gap,begins:0.9,lasts:0.1}] reverse=[gap]
"""

from __future__ import annotations

from omegaconf import DictConfig, ListConfig

from experiments.config.agents import build_policies
from experiments.config.main import experiment, output_folder
from experiments.config.markets import build_market
from experiments.evaluation import plots, table
from experiments.evaluation.skill_references import OPTIMUM, SkillReferences
from experiments.reporting.presenter import left_out, screen, small
from experiments.runs import jobs
from experiments.studies.stress import REVERSED, Battery, allowed, capital_of
from experiments.studies.stress_report import losses, reverse_table, show, table_of, write
from mm_env.core.parameters import Interval
from mm_env.core.parameters import check as check_number


@experiment("stress")
def main(cfg: DictConfig) -> float:
    """Print the tables, write them and the figure; what the first agent's profit changes by in its costliest scenario."""
    check(cfg)
    market, folder = build_market(cfg), output_folder()
    scenarios, unfit = allowed(market, cfg.scenarios)
    reverse, _ = allowed(market, cfg.reverse, REVERSED)
    policies, refused = build_policies(cfg, market, cfg.agents)
    if not policies:
        raise ValueError(f"agents must name at least one that the market allows, got {list(cfg.agents)}: {refused}")
    first, references = next(iter(policies)), SkillReferences.of(market) if cfg.optimum else SkillReferences(market)
    refused |= unfit | ({OPTIMUM: references.missing} if references.missing else {})
    battery = Battery(market, {**policies, **references.policies}, cfg.episodes, cfg.seed)
    calm = battery.calm()
    capital = capital_of(cfg.capital, calm)
    rows = battery.rows(scenarios, calm, capital)
    found = [s for name, stress in reverse.items() for s in battery.reverse(name, stress, capital, cfg.ruin, cfg.most)]
    tables = table_of(cfg.title, rows, capital), reverse_table(found, cfg.ruin, cfg.most) if found else None
    for each in filter(None, tables):
        show(each)
    small(screen(130), left_out(refused))
    write(folder, *tables, rows)
    plots.save(folder, {"stress": losses(rows)})
    table.say_where(folder)
    jobs.note(folder, capital=capital, reverse=[[s.scenario, s.agent, s.severity] for s in found])
    return min(row.change.value for row in rows if row.agent == first)


def check(cfg: DictConfig) -> None:
    """Refuse options that are none. Raises: ValueError or TypeError with the name and the value."""
    if not isinstance(cfg.optimum, bool):
        raise ValueError(f"optimum must be true or false, got {cfg.optimum!r}")
    for name in ("scenarios", "reverse"):
        given = cfg[name]
        if given is not None and (not isinstance(given, ListConfig) or (name == "scenarios" and not given)):
            raise ValueError(f"{name} must be a list of names, as in {name}=[gap], got {cfg[name]!r}")
    if cfg.capital is not None:
        check_number("capital", cfg.capital, Interval(0.0, low_open=True))
    check_number("ruin", cfg.ruin, Interval(0.0, 1.0, low_open=True))
    check_number("most", cfg.most, Interval(0.0, low_open=True))


if __name__ == "__main__":
    main()
