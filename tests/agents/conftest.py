"""Tests of learners leave torch as they found it."""

from tests.threads import as_many_threads_as_before

__all__ = ["as_many_threads_as_before"]
