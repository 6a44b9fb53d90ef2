"""Published and exact values beside ours: source, tolerance, and whether they hold; exit code 1 if one does not.

python -m experiments.verify
python -m experiments.verify list=true
python -m experiments.verify suites=[avellaneda_stoikov_2008,gueant_manziuk_2019]
python -m experiments.verify quick=true
"""

from __future__ import annotations

from omegaconf import DictConfig, ListConfig

from experiments.config.main import experiment, output_folder
from experiments.evaluation.table import say
from experiments.reporting.presenter import screen
from experiments.runs import jobs
from experiments.verification.results import FAILED, PASSED, SKIPPED, Report, listed, table_of, verify, write
from experiments.verification.suite import Asked, chosen_suites

WIDE = 190  # characters of the table


@experiment("verify")
def main(cfg: DictConfig) -> float:
    """Print the table and write it; the share of the values that hold. Raises: Failed if one does not."""
    check(cfg)
    chosen, left_out = chosen_suites(cfg.suites, cfg.quick)
    if cfg.list:
        listed([*chosen, *left_out]).print(screen(WIDE, fits=False))
        return 1.0
    asked = Asked(cfg.episodes, cfg.seed, None if cfg.options is None else str(cfg.options))
    report, folder = verify(chosen, left_out, asked), output_folder()
    show(report)
    write(report, folder)
    say([f"Values: {folder}"])
    jobs.note(folder, **{status.lower(): len(report.of(status)) for status in (PASSED, FAILED, SKIPPED)})
    if off := report.of(FAILED):
        names = "; ".join(f"{result.suite}: {result.row.name}" for result in off)
        raise jobs.Failed(f"{len(off)} of {len(report.results)} values do not hold: {names}")
    return len(report.of(PASSED)) / len(report.results)


def check(cfg: DictConfig) -> None:
    """Refuse options that are none. Raises: ValueError with the name and the value."""
    for name in ("quick", "list"):
        if not isinstance(cfg[name], bool):
            raise ValueError(f"{name} must be true or false, got {cfg[name]!r}")
    if cfg.suites is not None and (not isinstance(cfg.suites, ListConfig) or not cfg.suites):
        raise ValueError(f"suites must be a list of names, as in suites=[avellaneda_stoikov_2008], got {cfg.suites!r}")


def show(report: Report) -> None:
    """The table on the console, what is to be known of it below."""
    console = screen(WIDE, fits=False)
    table_of(report).print(console)


if __name__ == "__main__":
    main()
