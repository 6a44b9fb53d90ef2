"""Runs a main in a process that signals itself: python -m tests.experiments.signalled MAIN SIGNAL WHERE NUMBER OVERRIDES

SIGNAL (several, comma-separated, are 0.6 s apart) comes right before the NUMBER-th call of WHERE, `module:function` or
`module:class.method`.
"""

import importlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROLLOUT = "experiments.runs.stop:Stop._on_rollout_start"


def run_and_signal(main, signals, where, number, *overrides):
    """What became of it: the exit code, and the lines of its standard error that are no progress bar."""
    command = [sys.executable, "-m", "tests.experiments.signalled", main, signals, where, str(number), *overrides]
    environment = {**os.environ, "TQDM_DISABLE": "1"}
    ended = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, encoding="utf-8", timeout=300
    )
    said = [line for line in ended.stderr.splitlines() if not line.startswith("mm_env: ")]  # how compilation gets on
    return ended.returncode, said, ended.stdout


def signal_at(signals, where, number):
    """Have the call of `where` preceded by signals to this process."""
    module, name = where.split(":")
    owner = importlib.import_module(module)
    *path, name = name.split(".")
    for part in path:
        owner = getattr(owner, part)
    function, calls = getattr(owner, name), []

    def signalled(*arguments, **named):
        calls.append(1)
        if len(calls) == number:
            for place, each in enumerate(signals.split(",")):
                time.sleep(0.6 if place else 0.0)
                os.kill(os.getpid(), getattr(signal, each))
        return function(*arguments, **named)

    setattr(owner, name, signalled)


def main():
    name, signals, where, number, *overrides = sys.argv[1:]
    signal_at(signals, where, int(number))
    sys.argv = [name, *overrides]
    module = importlib.import_module(f"experiments.{name}")
    program = importlib.import_module("experiments.runs.program")
    sys.exit(program.run(module.main) if name == "report" else module.main())


if __name__ == "__main__":
    main()
