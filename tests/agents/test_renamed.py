"""What was renamed is found by its old name for one version, with a DeprecationWarning that says the new one."""

from importlib import import_module

import pytest

OLD = [
    ("agents.exact.full_information", "InformedOptimum", "FullInformationOptimum"),
    ("agents.exact.full_information", "informed_optimum", "full_information_optimum"),
    ("agents.learning.checkpoint", "Luck", "RandomState"),
    ("agents.learning.features", "Lateness", "LogTimeToGo"),
    ("agents.learning.features", "with_lateness", "with_log_time_to_go"),
    ("agents.learning.rollout_buffers", "BranchedRollouts", "ResampledRollouts"),
    ("agents.learning.rollout_buffers", "branched_values", "resampled_values"),
    ("agents.robust.adversary", "face", "play_against"),
    ("agents.robust.best_response", "Answer", "Response"),
    ("agents.robust.best_response", "Game", "BestResponse"),
    ("agents.robust.best_response", "answer_with", "evaluate_under"),
    ("agents.robust.best_response", "best_answer", "best_response"),
    ("agents.robust.self_play", "Duel", "SelfPlay"),
    ("agents.strategies.estimated", "Measured", "BookEstimates"),
    ("agents.strategies.estimated", "measured", "estimate_book"),
    ("mm_env.nets", "Lateness", "LogTimeToGo"),
]


@pytest.mark.parametrize(("module", "old", "new"), OLD)
def test_an_old_name_gives_what_has_the_new_one_and_says_so(module, old, new):
    found = import_module(module)
    with pytest.warns(DeprecationWarning, match=f"^{module}.{old} is now {new}; the old name goes with version 0.7$"):
        assert getattr(found, old) is getattr(found, new)


def test_a_name_that_never_was_is_an_attribute_error():
    with pytest.raises(AttributeError, match=r"module 'mm_env\.nets' has no attribute 'Nothing'"):
        _ = import_module("mm_env.nets").Nothing
