"""One thread a process, since two that are tested at once would fight for two cores; and one profile for hypothesis:
the same examples in every run, and no clock."""

import os

for library in ("OMP", "OPENBLAS", "MKL"):  # read when torch and numpy are imported, here and in processes started from here
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")

from hypothesis import settings

settings.register_profile("mm_env", deadline=None, derandomize=True, database=None, max_examples=25)
settings.load_profile("mm_env")
