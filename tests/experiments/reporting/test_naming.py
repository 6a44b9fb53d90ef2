"""Settings as a flat list, and names that tell them apart."""

from experiments.reporting.naming import flatten, labels


def test_what_a_component_is_stands_under_its_own_name():
    config = {"market": {"_target_": "mm_env.Market", "price": {"_target_": "a.b.Brownian", "sigma": 0.5}}}
    assert flatten(config) == {"market": "Market", "market.price": "Brownian", "market.price.sigma": 0.5}


def test_lists_are_joined_and_nothing_is_left_out_but_null():
    config = {"net": [64, 64], "teacher": None, "noise": 0.0, "stagger": False, "path": "x"}
    assert flatten(config) == {"net": "64-64", "noise": 0.0, "stagger": False, "path": "x"}


def test_a_name_without_rivals_stands_alone():
    assert labels(["ppo", "ppo", "a2c"], [{"x": 1}, {"x": 1}, {"x": 2}]) == ["ppo", "ppo", "a2c"]


def test_what_differs_is_said_by_the_end_of_its_path():
    settings = [{"settings.gamma": 0.9, "noise": 0}, {"settings.gamma": 1.0, "noise": 0}]
    assert labels(["ppo", "ppo"], settings) == ["ppo, gamma=0.9", "ppo, gamma=1.0"]


def test_what_one_of_them_lacks_is_none():
    assert labels(["ppo", "ppo"], [{}, {"teacher": "GLFT"}]) == ["ppo, teacher=none", "ppo, teacher=GLFT"]


def test_ends_that_two_paths_share_are_made_longer():
    settings = [{"bid.k": 1, "ask.k": 1}, {"bid.k": 2, "ask.k": 3}]
    assert labels(["m", "m"], settings) == ["m, ask.k=1, bid.k=1", "m, ask.k=3, bid.k=2"]
