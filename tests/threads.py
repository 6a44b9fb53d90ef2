"""Learners set torch to one thread; other tests shall not notice."""

import pytest
import torch


@pytest.fixture(autouse=True)
def as_many_threads_as_before():
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
