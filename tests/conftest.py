"""One profile for hypothesis: the same examples in every run, and no clock."""

from hypothesis import settings

settings.register_profile("mm_env", deadline=None, derandomize=True, database=None, max_examples=25)
settings.load_profile("mm_env")
