"""Calibration: the market, as YAML, whose parameters are estimated from a recorded day.

python -m experiments.calibrate data=lobster path=LOBSTER_SampleFile_AMZN_2012-06-21_5.zip
python -m experiments.calibrate data=binance path=[FIRST.gz,NEXT.gz] to=btcusdt
"""

from __future__ import annotations

import time

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig
from rich.console import Console

from experiments.calibration import plots, report
from experiments.calibration.calibration import Settings, calibrate
from experiments.calibration.market import check_free, market_path, market_yaml
from experiments.calibration.rows import rows
from experiments.config.main import experiment, output_folder
from experiments.config.markets import build
from experiments.evaluation.plots import save
from experiments.evaluation.table import near
from mm_env.data.recording import Recording


@experiment("calibrate")
def main(cfg: DictConfig) -> float:
    """Write the market's YAML, the estimates, a report and plots; the largest gap between observed and fitted fills."""
    settings = build(cfg.settings)
    if not isinstance(settings, Settings):
        raise TypeError(f"settings must describe Settings, got {type(settings).__name__}")
    if cfg.path is None:
        raise ValueError("path must name the file of a recording, got None")
    if cfg.to is not None:
        check_free(market_path(cfg.to), cfg.overwrite)
    start = time.perf_counter()
    recording = build(cfg.data)
    if not isinstance(recording, Recording):
        raise TypeError(f"data must describe a reader of recordings, got {type(recording).__name__}")
    path = market_path(cfg.to, recording.instrument, recording.day)
    check_free(path, cfg.overwrite)
    read = time.perf_counter()
    found, folder = calibrate(recording, settings), output_folder()
    done = time.perf_counter()
    text, estimates = None if found.missing else market_yaml(found, _command()), rows(found)
    if text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    report.show(found, estimates)
    report.write(folder, found, estimates, text, save(folder, plots.figures(found)))
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"Read and checked in {read - start:.1f} s, calibrated in {done - read:.1f} s")
    console.print(f"Report and plots: {near(folder)}")
    if not text:
        market_yaml(found, _command())  # says what is missing
    console.print(f"Market: {near(path)}")
    return found.fits["pooled"].exponential.largest_gap


def _command() -> str:
    return " ".join(["python -m experiments.calibrate", *HydraConfig.get().overrides.task])


if __name__ == "__main__":
    main()
