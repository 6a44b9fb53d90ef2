"""Several makers of a desk by the faces of a market: gymnasium's, stable-baselines3's and PettingZoo's, and at the seats."""

import warnings

import gymnasium
import numpy as np
import pytest
from pettingzoo.test import parallel_api_test, parallel_seed_test

from agents import QuadraticDesk
from agents.exact.nodes import Unsolvable
from agents.exact.optimum import optimum
from agents.exact.two_makers import TwoMakers
from agents.makers.seats import Seats, play_seats
from agents.policy import RandomPolicy, policy_of
from agents.strategies.desk_problem import NoProblem, problem_of
from mm_env import FiniteHorizon, MarketMakingEnv, MarketMakingVectorEnv, VariancePenalty, metrics
from mm_env.competitions import bonds_duopoly
from mm_env.desks import two_bonds
from mm_env.envs.parallel import MakersParallelEnv
from mm_env.rollout import run_policy
from tests.mm_env.desks import plain
from tests.mm_env.test_competing_desks import competing

pytestmark = pytest.mark.usefixtures("interpreted")


def small(makers=3, **more):
    """Makers of two instruments over ten steps."""
    return competing(plain(2, clock=FiniteHorizon(1.0, 25), **more), makers)


def test_it_keeps_the_contract_of_pettingzoo():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        parallel_api_test(MakersParallelEnv(small()), num_cycles=60)
        parallel_seed_test(lambda: MakersParallelEnv(small()), num_cycles=30)


def test_pettingzoos_face_is_a_world_of_the_vector_env():
    env, lanes = MakersParallelEnv(small()), MarketMakingVectorEnv(small(), 6)
    seen, _ = env.reset(seed=4)
    rows, _ = lanes.reset(seed=4)
    random = np.random.default_rng(0)
    while env.agents:
        assert np.array_equal(np.stack([seen[agent] for agent in env.agents]), rows[:3])
        actions = random.uniform(-1.0, 1.0, (6, 4)).astype(np.float32)
        seen, rewards, over, cut, infos = env.step({agent: actions[i] for i, agent in enumerate(env.possible_agents)})
        rows, earned, terminated, truncated, more = lanes.step(actions)
        assert list(rewards.values()) == earned[:3].tolist()
        assert list(over.values()) == terminated[:3].tolist()
        assert not any(cut.values())
        assert not truncated.any()
    assert infos["maker_1"]["figures"]["r"] == more["figures"]["r"][1]
    assert lanes.simulation.episodes.tolist() == [1] * 6


def test_learners_see_each_maker_as_a_row():
    from mm_env.envs.sb3 import VecAdapter

    env = VecAdapter(small(), 6, stagger=True, branches=2)
    assert env.reset().shape == (6, 4)
    random = np.random.default_rng(0)
    for _ in range(25):
        _, rewards, done, infos = env.step(random.uniform(-1.0, 1.0, (6, 4)))
        assert rewards.shape == (6,)
        assert all(("terminal_observation" in infos[lane]) == done[lane] for lane in range(6))
        assert (done[:3] == done[0]).all()
    assert env.outcomes.rewards.shape == (2, 6)


def test_the_named_desk_of_two_makers_is_known_to_gymnasium_in_whole_worlds():
    env = gymnasium.make_vec("mm_env/BondsDuopoly-v0", num_envs=4)
    assert env.unwrapped.market == bonds_duopoly()
    assert bonds_duopoly().alone() == two_bonds()
    env.reset(seed=0)
    assert env.step(env.action_space.sample())[1].shape == (4,)
    with pytest.raises(ValueError, match=r"whole worlds of 2 makers, got 1 \(one world: MakersParallelEnv\)"):
        MarketMakingEnv("bonds_duopoly")


def test_every_policy_sits_at_any_seat_and_sees_rows_of_its_own():
    market = small()
    strategy, random = policy_of(QuadraticDesk.of, market), RandomPolicy(market)
    played = play_seats(market, [strategy, random, strategy], 8, 5)
    again = play_seats(market, [strategy, RandomPolicy(market), strategy], 8, 5)
    for one, other in zip(played, again, strict=True):
        assert (one.objective == other.objective).all()
        assert one.instruments.profit.shape == (8, 2)
        assert one.instruments.profit.sum(axis=1) == pytest.approx(one.profit)
    assert not np.array_equal(played[0].objective, played[2].objective)  # lots and quotes of rivals tell them apart
    assert metrics.figures(played[0])["profit_A0"].value != 0.0
    with pytest.raises(ValueError, match="seats must be 3, one a maker, got 1"):
        Seats(market, (strategy,))


def test_all_makers_of_one_policy_are_told_of_by_the_first_of_each_world():
    market = small(2)
    episodes = run_policy(market, lambda seen: np.zeros((len(seen), market.width)), 5, seed=1)
    assert episodes.objective.shape == (5,)
    assert len(np.unique(episodes.profit)) == 5


@pytest.mark.parametrize("solve", [optimum, TwoMakers])
def test_what_is_exact_of_one_maker_or_of_one_inventory_is_refused(solve):
    with pytest.raises(Unsolvable, match=r"several makers quote|hold several"):
        solve(small(2))


def test_closed_forms_are_of_one_who_is_alone_and_need_one_reward():
    assert (problem_of(small(2)).covariance == problem_of(plain(2)).covariance).all()
    told_apart = competing(plain(2), 2, reward=VariancePenalty(np.array([0.1, 0.2])))
    with pytest.raises(NoProblem, match=r"reward\.gamma must be the same for all makers"):
        problem_of(told_apart)
    assert problem_of(told_apart.alone(1)).gamma == 0.2
