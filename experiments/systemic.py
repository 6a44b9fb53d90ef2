"""What the way in which makers quote does to all of them: fire sales while they trade, claims cleared when they have.

python -m experiments.systemic
python -m experiments.systemic agents=[competing,fixed_symmetric] network=core_periphery network.dealers=4 network.sizes=[12]
python -m experiments.systemic fire_sale@market.fire_sale=square_root +limits@market.limits=reduce_only
"""

from __future__ import annotations

from omegaconf import DictConfig

from experiments.config.agents import build_policies
from experiments.config.main import experiment, output_folder
from experiments.config.markets import build, build_makers
from experiments.evaluation import plots, table
from experiments.reporting.presenter import left_out, screen, small
from experiments.runs import jobs
from experiments.studies.systemic import Makers
from experiments.studies.systemic_report import figure, show, write
from mm_env.makers.competition import Competition


@experiment("systemic")
def main(cfg: DictConfig) -> float:
    """Print the table, write it and the figure; the least share of makers that cannot pay, over the agents."""
    makers, folder = makers_of(cfg), output_folder()
    policies, refused = build_policies(cfg, makers.market, cfg.agents)
    if not policies:
        raise ValueError(f"agents must name at least one that the market allows, got {list(cfg.agents)}: {refused}")
    rows = list(makers.rows(policies))
    title = f"{cfg.title}, {cfg.episodes:,} worlds of each of {cfg.seeds} seeds"
    show(title, rows)
    small(screen(175), left_out(refused))
    write(folder, title, rows)
    plots.save(folder, {"systemic": figure(rows)})
    table.say_where(folder)
    unpaid = {row.agent: row.fails.value + row.infected.value for row in rows}
    jobs.note(folder, cannot_pay=unpaid)
    return min(unpaid.values())


def makers_of(cfg: DictConfig) -> Makers:
    """The makers that a config describes. Raises: TypeError or ValueError for what cannot be."""
    market = build_makers(cfg)
    if not isinstance(market, Competition):
        raise TypeError(
            f"market must be a mm_env.Competition, whose sales may move the mid, got a {type(market).__name__}"
        )
    numbers = {name: cfg[name] for name in ("capital", "alpha", "beta", "level", "episodes", "seeds")}
    return Makers(market, build(cfg.network), **numbers, first_seed=cfg.seed)


if __name__ == "__main__":
    main()
