"""How long learners train until they reach a skill: seconds of the processor's time, by market and learner.

python -m experiments.time_to_skill
python -m experiments.time_to_skill markets=[amzn] agents=[ppo,compiled_ppo,td3] seeds=[0] skills=[0.95]
python -m experiments.time_to_skill markets=[] +market@composed.grid=amzn quote@composed.grid.quote=grid agents=[dqn]
"""

from __future__ import annotations

import math

from omegaconf import DictConfig, ListConfig

from experiments.config.main import experiment, output_folder
from experiments.evaluation.table import say
from experiments.reporting.presenter import screen
from experiments.runs import jobs
from experiments.speed.time_to_skill import Reached, all_reached, table_of
from mm_env.core.parameters import Interval, check

WIDE = 140  # characters of the table


@experiment("time_to_skill")
def main(cfg: DictConfig) -> float:
    """Print the table and write it as Markdown and CSV; the share of trainings that reached all skills."""
    check_lists(cfg)
    folder = output_folder()

    def keep(found: list[Reached]) -> None:
        lines = [Reached.heading(cfg.skills), *(one.line for one in found)]
        (folder / "reached.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")

    found = all_reached(cfg, keep)
    table = table_of(cfg.title, found, list(cfg.skills))
    table.print(screen(WIDE, fits=False))
    table.write_markdown(folder / "table.md")
    say([f"Table: {folder}"])
    share = sum(not any(map(math.isnan, one.seconds)) for one in found) / len(found)
    jobs.note(folder, reached=share)
    return share


def check_lists(cfg: DictConfig) -> None:
    """Refuse options that are none. Raises: ValueError with the name and the value."""
    for name in ("markets", "agents", "seeds", "skills"):
        if not isinstance(cfg[name], ListConfig) or not (cfg[name] or (name == "markets" and cfg.composed)):
            raise ValueError(f"{name} must be a list with at least one entry, got {cfg[name]!r}")
    if not all(isinstance(skill, float | int) and skill < 1.0 for skill in cfg.skills):
        raise ValueError(f"skills must be numbers < 1, got {list(cfg.skills)}")
    if twice := sorted(set(cfg.markets) & set(cfg.composed)):
        raise ValueError(f"composed must have names that markets has not, got {', '.join(twice)} in both")
    check("evaluations", cfg.evaluations, Interval(1, 10_000, whole=True))


if __name__ == "__main__":
    main()
