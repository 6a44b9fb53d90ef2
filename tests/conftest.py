"""One thread a process, since two that test at once would fight for two cores; one profile for hypothesis: the same examples in
every run, and no clock; and kernels as plain Python, for tests of what is not their compilation."""

import os

for library in (
    "OMP",
    "OPENBLAS",
    "MKL",
):  # read when torch and numpy are imported, here and in processes started from here
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")

import pytest  # noqa: E402
from hypothesis import settings  # noqa: E402

settings.register_profile("mm_env", deadline=None, derandomize=True, database=None, max_examples=25)
settings.load_profile("mm_env")
QUICK = {  # files of tests/mm_env that run in seconds where kernels are plain Python: `make quick`
    "data": ("binance", "formats", "lobster", "lobster_find", "prices", "recording"),
    "mm_env": (
        "arrivals", "autoreset", "birth_death", "bootstrap", "code_identity", "component", "env", "env_actions", "env_arrays",
        "hawkes_law", "import", "lane_seeds", "limits_and_fees", "market", "market_rules", "matching_engine", "metrics",
        "package", "parameters", "program_identity", "quote",
    ),
}  # fmt: skip


def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.stem.removeprefix("test_") in QUICK.get(item.path.parent.name, ()):
            item.add_marker("quick")


def pytest_addoption(parser):
    parser.addoption("--interpreted", action="store_true", help="run every kernel as plain Python")


@pytest.fixture
def interpreted(monkeypatch):
    """Kernels run as plain Python."""
    from mm_env.core import engine
    from mm_env.core.kernels import Kernels

    made = Kernels.__init__
    monkeypatch.setattr(Kernels, "__init__", lambda self, loops, templates, _: made(self, loops, templates, True))
    monkeypatch.setattr(engine, "compiled", lambda kernel, *_: kernel)


@pytest.fixture(autouse=True)
def as_asked(request):
    if request.config.getoption("--interpreted"):
        request.getfixturevalue("interpreted")
