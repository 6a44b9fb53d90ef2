"""New Python processes with a cache of their own."""

import json
import os
import shutil
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


EDITING = """
import json, os, sys, traceback
import gymnasium, numpy, scipy.optimize, tqdm  # once for all

for edits in json.loads(sys.argv[1]):
    kept = {path: open(path, encoding="utf-8").read() for path, _, _ in edits}
    for path, old, new in edits:
        text = open(path, encoding="utf-8").read()
        assert old in text, (path, old)
        open(path, "w", encoding="utf-8").write(text.replace(old, new))
    child = os.fork()
    if not child:
        try:
            exec(sys.argv[2], {})
            sys.stdout.flush()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0, edits
    for path, text in kept.items():
        open(path, "w", encoding="utf-8").write(text)
"""


def said_after_edits(folder: Path, statement: str, edits: list[list[tuple[str, str, str]]]) -> list[str]:
    """The line that `statement` prints in a copy of the packages after each of the edits alone: (path, old, new) each.

    Every edit is met by a process of its own that imports the packages anew, forked from one that has imported the libraries.
    """
    for package in ("mm_env", "agents"):
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, "-B", "-c", EDITING, json.dumps(edits), statement]
    where = {**os.environ, "PYTHONPATH": str(folder)}
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=where, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()
