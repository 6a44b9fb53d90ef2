"""Mains run in this process as their command line would run them, on a market of ten steps and seven inventories."""

import csv
import signal
import sys
import time

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.utils import JobStatus
from hydra.experimental.callback import Callback

from experiments.config.resolvers import register_resolvers
from experiments.config.search_path import CONF
from tests.threads import as_many_threads_as_before

__all__ = ["as_many_threads_as_before"]

SMALL = ("market=cartea_jaimungal", "market.max_inventory=3", "market.clock.steps=10", "episodes=400")

register_resolvers()
# a shell's background job is deaf to Ctrl-C, and so would be all whose end by it is tested
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


class Keep(Callback):
    """Keeps what each job of the last launch returned: what a sweep would optimise."""

    numbers: list = []  # noqa: RUF012  (Hydra makes the instances)

    def on_job_end(self, config, job_return, **kwargs):
        if job_return.status == JobStatus.COMPLETED:
            Keep.numbers.append(job_return.return_value)


def launched(main, folder, *overrides):
    """Launch a main with overrides, to write to `folder`; what its jobs returned."""
    where = f"hydra.{'sweep' if '-m' in overrides else 'run'}.dir={folder}"
    keep = f"+hydra.callbacks.keep._target_={Keep.__module__}.{Keep.__qualname__}"
    quiet = ("hydra/job_logging=disabled", "hydra/hydra_logging=disabled")
    threads, Keep.numbers = torch.get_num_threads(), []
    GlobalHydra.instance().clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["main", *overrides, where, keep, *quiet])
        main()
    torch.set_num_threads(threads)
    return Keep.numbers


@pytest.fixture
def launch(tmp_path):
    """Launch a main with overrides: (the folder it wrote, what its jobs returned)."""
    folders = (tmp_path / f"out{number}" for number in range(100))

    def launch_(main, *overrides):
        folder = next(folders)
        return folder, launched(main, folder, *overrides)

    return launch_


@pytest.fixture
def refused(launch, capsys, tmp_path, monkeypatch):
    """Launch a main that must refuse its overrides before it solves the market: what it says."""

    def work(*_, **__):
        raise AssertionError("the mistake was found too late")

    monkeypatch.setattr("experiments.evaluation.skill_references.optimum", work)

    def refused_(main, *overrides):
        with pytest.raises(SystemExit) as ended:
            launch(main, *overrides)
        assert ended.value.code not in (0, None)
        said = f"{ended.value.code}\n{capsys.readouterr().err}"
        assert "found too late" not in said
        assert "Traceback" not in said
        assert not [path for name in ("table.*", "*.png", "model.zip") for path in tmp_path.rglob(name)]
        return said

    return refused_


@pytest.fixture
def composed():
    """Compose a main's config from overrides, as Hydra does."""

    def composed_(main, *overrides, **options):
        with initialize_config_dir(version_base="1.3", config_dir=str(CONF)):
            return compose(main, list(overrides), **options)

    return composed_


def rows(folder):
    """Agent -> column -> number of a table."""
    with (folder / "table.csv").open(newline="", encoding="utf-8") as file:
        return {row.pop("agent"): {name: float(x) for name, x in row.items()} for row in csv.DictReader(file)}


def wait_for(what):
    """Until it is so, or for ten minutes: a machine that others use may be slow."""
    for _ in range(30_000):
        if what():
            return
        time.sleep(0.02)
    raise AssertionError("it did not come")
