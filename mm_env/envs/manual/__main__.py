"""Prints the manuals of ids or named markets: `python -m mm_env.envs.manual mm_env/AMZN-v0`; without a name, all ids."""

import sys

from mm_env.envs.manual.text import KNOWN, manual

print(*(manual(name) for name in sys.argv[1:]), sep="\n") if sys.argv[1:] else print(*KNOWN, sep="\n")
