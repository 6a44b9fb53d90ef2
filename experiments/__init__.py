"""The mains: train, evaluate, compare, benchmark."""

import sys

if sys.argv[:1] == ["-m"]:  # python -m experiments.NAME, whose imports take a while
    from experiments.program import listen_early

    listen_early()
