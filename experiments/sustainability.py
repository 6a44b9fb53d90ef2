"""Where providing liquidity pays: fee by volatility by block time, the provider's return simulated beside its closed form.

python -m experiments.sustainability
python -m experiments.sustainability half_width=0.05 block_times=[12.0] poisson=false
"""

from __future__ import annotations

from omegaconf import DictConfig, ListConfig

from experiments.config.main import experiment, output_folder
from experiments.evaluation.table import say
from experiments.reporting.presenter import screen
from experiments.runs import jobs
from experiments.studies.sustainability import Provision, provisions, table_of

WIDE = 170  # characters of the table


@experiment("sustainability")
def main(cfg: DictConfig) -> float:
    """Print the table and write it as Markdown and CSV; the share of the pools in which provision pays."""
    check(cfg)
    rows = provisions(cfg)
    table, folder = table_of(cfg.title, rows), output_folder()
    table.print(screen(WIDE, fits=False))
    table.write_markdown(folder / "table.md")
    table.write_csv(folder / "table.csv")
    say([f"Table: {folder}"])
    share = sum(row.pays for row in rows) / len(rows)
    jobs.note(folder, pays=share, table=[told(row) for row in rows])
    return share


def told(row: Provision) -> dict[str, float]:
    """A row as numbers by name."""
    return {**row._asdict(), "returned": row.returned.value}


def check(cfg: DictConfig) -> None:
    """Refuse options that are none. Raises: ValueError with the name and the value."""
    for name in ("fee_levels", "volatilities", "block_times"):
        values = cfg[name]
        if not isinstance(values, ListConfig) or not values or not all(isinstance(v, int | float) for v in values):
            raise ValueError(f"{name} must be a list of numbers, as in {name}=[0.05], got {values!r}")
        if not all(v > 0 for v in values):
            raise ValueError(f"{name} must be > 0, got {list(values)}")
    if not isinstance(cfg.poisson, bool):
        raise ValueError(f"poisson must be true or false, got {cfg.poisson!r}")
    for name in ("lanes", "steps"):
        if not isinstance(cfg[name], int) or cfg[name] < 10:
            raise ValueError(f"{name} must be a whole number >= 10, got {cfg[name]!r}")


if __name__ == "__main__":
    main()
