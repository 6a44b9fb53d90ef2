"""The mains: train, evaluate, compare, benchmark."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def check_agents(root: Path = ROOT) -> None:
    """Refuse an `agents` that is not the folder beside this one: another package of that name, or a file of the user's.

    Raises: SystemExit with one line where a main is started, ImportError elsewhere.
    """
    found, own = find_spec("agents"), root / "agents" / "__init__.py"
    origin = found.origin if found is not None and found.origin else None
    if (
        origin is not None
        and Path(origin).resolve() == own
        and "Agents: closed-form" in own.read_text(encoding="utf-8")
    ):
        return
    started = sys.argv[:1] == ["-m"]  # as long as Python looks for the module it was told to run
    raise (SystemExit if started else ImportError)(
        f"error: experiments needs its own package `agents`, in {own.parent}, but Python finds {origin or 'none'}: "
        f"start it in {root}, with no other `agents` installed over it"
    )


def check_libraries() -> None:
    """Refuse to start without the libraries that every main needs. Raises: as `check_agents`."""
    missing = [
        name for name in ("hydra", "omegaconf", "rich", "matplotlib", "scipy", "tqdm") if find_spec(name) is None
    ]
    if missing:
        raise (SystemExit if sys.argv[:1] == ["-m"] else ImportError)(
            f"error: experiments needs mm_env[experiments]: {', '.join(missing)} not found "
            f"(in {ROOT}: pip install -e '.[experiments]')"
        )


check_agents()
check_libraries()

if sys.argv[:1] == ["-m"]:  # python -m experiments.NAME, whose imports take a while
    from experiments.runs.program import listen_early

    listen_early()
