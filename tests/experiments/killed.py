"""Runs a main in a process of its own and has it killed: python -m tests.experiments.killed MAIN NUMBER OVERRIDES

It is killed, without a chance to tidy up, right after the NUMBER-th checkpoint is written.
"""

import importlib
import os
import signal
import subprocess
import sys
from pathlib import Path

from agents.learning import checkpoint

ROOT = Path(__file__).parents[2]


def run_and_kill(main, number, *overrides):
    """Have it done; that it was killed, not ended."""
    command = [sys.executable, "-m", "tests.experiments.killed", main, str(number), *overrides]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, encoding="utf-8")
    assert ended.returncode == -signal.SIGKILL, ended.stderr


def main():
    name, number, *overrides = sys.argv[1:]
    save, written = checkpoint.save_checkpoint, []

    def save_and_die(path, model):
        save(path, model)
        written.append(path)
        if len(written) == int(number):
            os.kill(os.getpid(), signal.SIGKILL)

    checkpoint.save_checkpoint, sys.argv = save_and_die, [name, *overrides]
    importlib.import_module(f"experiments.{name}").main()


if __name__ == "__main__":
    main()
