"""Calibration: a market from a recorded day, or a price from an option surface, as YAML, with reports of what was estimated.

python -m experiments.calibrate path=LOBSTER_SampleFile_AMZN_2012-06-21_5.zip
python -m experiments.calibrate path=[FIRST.gz,NEXT.gz] kind=replay name=btcusdt
python -m experiments.calibrate path=FOLDER data.instrument=AAPL kind=book
python -m experiments.calibrate data=option_surface path=SURFACE.json surface.model=bates
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.utils import get_method
from omegaconf import DictConfig, ListConfig, OmegaConf
from rich.console import Console

from experiments.calibration import plots, report
from experiments.calibration.calibration import Calibration, Settings, calibrate
from experiments.calibration.market import check_free, config_path, market_path, market_yaml
from experiments.calibration.options import plots as surface_plots
from experiments.calibration.options import report as surface_report
from experiments.calibration.options.fit import Settings as SurfaceSettings
from experiments.calibration.options.fit import check_enough, fit
from experiments.calibration.options.models import require_quantlib
from experiments.calibration.options.price import default_name, price_yaml
from experiments.calibration.options.reader import read
from experiments.calibration.options.rows import rows as surface_rows
from experiments.calibration.options.surface import Surface
from experiments.calibration.options.valley import valley
from experiments.calibration.rows import rows
from experiments.calibration.sampled import book_yaml, path_text, replay_yaml, train_part
from experiments.config.main import experiment, output_folder
from experiments.config.markets import build
from experiments.evaluation.plots import save
from experiments.evaluation.table import near
from mm_env.data.listing import days, expand
from mm_env.data.listing import read as read_days
from mm_env.data.recording import Recording
from mm_env.data.stored import META

KINDS = ("dealer", "book", "replay")


@experiment("calibrate")
def main(cfg: DictConfig) -> float:
    """Write the YAML, the estimates, a report and plots; how far the fit is from the data."""
    surface = get_method(cfg.data._target_) is read
    if cfg.path is None:
        raise ValueError(f"path must name the file of {'an option surface' if surface else 'a recording'}, got None")
    return of_surface(cfg) if surface else of_recording(cfg)


def of_recording(cfg: DictConfig) -> float:
    """A market's YAML; the largest gap between observed and fitted fills."""
    settings = build(cfg.settings)
    if not isinstance(settings, Settings):
        raise TypeError(f"settings must describe Settings, got {type(settings).__name__}")
    to = cfg.name if cfg.to is None and cfg.name != "calibrate" else cfg.to
    if cfg.kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {cfg.kind!r}")
    check_part(cfg.part, cfg.kind)
    if to is not None:
        check_free(market_path(to), cfg.overwrite)
    start = time.perf_counter()
    config = {**cfg.data, "depth": True} if cfg.kind != "dealer" and "depth" in cfg.data else cfg.data
    recording = build(config)
    if not isinstance(recording, Recording):
        raise TypeError(f"data must describe a reader of recordings, got {type(recording).__name__}")
    path = market_path(to, recording.instrument, "" if cfg.kind != "dealer" else recording.day, suffix(cfg.kind))
    check_free(path, cfg.overwrite)
    read = time.perf_counter()
    measured = train_part(recording) if cfg.kind == "replay" else part_of(recording, cfg.part)
    found, folder = calibrate(measured, settings), output_folder()
    done = time.perf_counter()
    texts = {} if found.missing and cfg.kind == "dealer" else texts_of(cfg, found, recording, path)
    for where, text in texts.items():
        _write(where, text)
    estimates = rows(found)
    report.show(found, estimates)
    report.write(folder, found, estimates, texts.get(path), save(folder, plots.figures(found)))
    said = [f"Read and checked in {read - start:.1f} s, calibrated in {done - read:.1f} s"]
    _say(*said, f"Report and plots: {near(folder)}")
    if not texts:
        market_yaml(found, _command())  # says what is missing
    _say(f"Market: {near(path)}", *(f"Window: {near(where)}" for where in texts if where != path))
    pooled = found.fits.get("pooled")
    return float("nan") if pooled is None else pooled.exponential.largest_gap


def suffix(kind: str) -> str:
    """What is put behind the instrument in a market's name."""
    return "" if kind == "dealer" else f"_{kind}"


def check_part(share: float, kind: str) -> None:
    """Refuse what is no share of a recording, or is one of a replay's."""
    if not 0.0 < share <= 1.0:
        raise ValueError(f"part must be in (0, 1], got {share}")
    if kind == "replay" and share != 1.0:
        raise ValueError(f"part must be 1 for kind=replay, which is measured in its train part, got {share}")


def part_of(recording: Recording, share: float) -> Recording:
    """The first share of a recording."""
    return recording if share == 1.0 else recording.until(round(share * recording.length))


def texts_of(cfg: DictConfig, found: Calibration, recording: Recording, path: Path) -> dict[Path, str]:
    """The YAMLs of what is asked for, each with its place."""
    if cfg.kind == "dealer":
        return {path: market_yaml(found, _command())}
    if cfg.kind == "book":
        return {path: book_yaml(found, cfg.book, _command())}
    market, *windows = replay_yaml(found, recording, path_text(_files(cfg)), path.stem, _command())
    folder = path.parent.parent / "window"
    return {path: market} | {folder / f"{path.stem}_{part}.yaml": one for part, one in zip(("train", "test"), windows)}


def _files(cfg: DictConfig) -> list[Path]:
    """The files of the days that are meant, of a stored day its folder."""
    path: Any = OmegaConf.to_object(cfg.path) if isinstance(cfg.path, ListConfig) else cfg.path
    if get_method(cfg.data._target_) is not read_days:
        return expand(path)
    asked = {name: cfg.data[name] for name in ("day", "instrument", "schema")}
    found = days(path, **asked)
    return [file.parent if file.name == META else file for day in found for file in day.files]


def of_surface(cfg: DictConfig) -> float:
    """A price's YAML; the RMSE of the fit in volatility points."""
    require_quantlib()
    settings, start = build(cfg.surface), time.perf_counter()
    if not isinstance(settings, SurfaceSettings):
        raise TypeError(f"surface must describe Settings, got {type(settings).__name__}")
    name = default_name(Path(str(cfg.path)).stem, settings.model) if cfg.to is None else str(cfg.to)
    path = config_path("price", name)
    check_free(path, cfg.overwrite)
    surface: Surface = build(cfg.data)
    check_enough(surface, settings.model)
    found, folder = fit(surface, settings), output_folder()
    seen = valley(found)
    text, estimates = price_yaml(found, _command()), surface_rows(found, seen)
    _write(path, text)
    surface_report.show(found, seen, estimates)
    plotted = save(folder, surface_plots.figures(found, seen))
    surface_report.write(folder, found, seen, estimates, text, plotted)
    _say(f"Fitted in {time.perf_counter() - start:.1f} s", f"Report and plots: {near(folder)}", f"Price: {near(path)}")
    return 100.0 * found.rmse


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _say(*lines: str) -> None:
    console = Console(highlight=False, soft_wrap=True)
    for line in lines:
        console.print(line)


def _command() -> str:
    return " ".join(["python -m experiments.calibrate", *HydraConfig.get().overrides.task])


if __name__ == "__main__":
    main()
