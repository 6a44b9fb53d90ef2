"""New Python processes with a cache of their own."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def run_script(script: Path, cache: Path) -> list[float]:
    """The numbers that a script prints, run in its folder by a new process."""
    paths = {"PYTHONPATH": f"{script.parent}{os.pathsep}{ROOT}", "IPYTHONDIR": str(script.parent)}
    environment = {**os.environ, **paths, "MM_ENV_CACHE": str(cache)}
    command = [sys.executable, "-B", script.name]
    done = subprocess.run(command, cwd=script.parent, capture_output=True, text=True, env=environment, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    return [float(number) for number in done.stdout.split()]
