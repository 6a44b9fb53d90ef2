"""Data sets of Minari: read back they are the market's own steps to the bit, and who clones them quotes as the teacher does."""

import json
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("minari")
pytest.importorskip("h5py")
import minari
from omegaconf import OmegaConf

from agents.policy import StrategyPolicy, policy_of
from agents.strategies.cartea_jaimungal import CarteaJaimungal
from agents.strategies.fixed import FixedSymmetric
from experiments.dataset import main
from experiments.offline.minari_files import market_of, read, recordings_of, write
from experiments.offline.recorded import TOGETHER, episodes, replayed
from mm_env.markets import amzn_ergodic, solvency
from tests.experiments.conftest import SMALL
from tests.worlds import same_bits

NAME = "mm_env/small/fixed-v0"
AGENT = "agent=fixed_symmetric"


@pytest.fixture(autouse=True)
def kept_here(tmp_path, monkeypatch):
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))


def test_a_data_set_is_its_markets_steps_to_the_bit(launch):
    _, (objective,) = launch(main, *SMALL, AGENT, "episodes=12", "explore=0.5", "seed=7", f"dataset={NAME}")
    dataset, market = read(NAME)
    shown = list(recordings_of(dataset))
    assert [each.seed for each in shown] == list(range(7, 19))
    for each in shown:
        observations, rewards = replayed(market, each)
        assert same_bits(observations, each.observations)
        assert same_bits(rewards, each.rewards)
        assert (each.terminated, each.truncated) == (True, False)
    assert objective == pytest.approx(np.mean([each.rewards.sum() for each in shown]))
    assert len({tuple(action) for each in shown for action in each.actions.tolist()}) > 50  # half of them explore


def test_minari_reads_it_by_its_name(launch):
    launch(main, *SMALL, AGENT, "episodes=3", f"dataset={NAME}")
    dataset = minari.load_dataset(NAME)
    assert (dataset.total_episodes, dataset.total_steps) == (3, 30)
    assert dataset[0].terminations.tolist() == [False] * 9 + [True]
    assert dataset.env_spec is None  # a market of its own: it has no id, and its config is in the metadata


def test_a_market_with_an_id_is_recovered_by_gymnasium(launch):
    launch(main, "market=cartea_jaimungal", AGENT, "episodes=2", f"dataset={NAME}")
    env = minari.load_dataset(NAME).recover_environment()
    assert env.unwrapped.market == market_of(minari.load_dataset(NAME))


def test_episodes_do_not_depend_on_how_many_are_played_together(monkeypatch):
    market = replace(solvency(), max_inventory=3.0)
    policy = StrategyPolicy(FixedSymmetric(0.2), market)
    together = list(episodes(market, policy, 6, seed=3))
    monkeypatch.setattr("experiments.offline.recorded.TOGETHER", 4)
    for one, other in zip(together, episodes(market, policy, 6, seed=3), strict=True):
        assert all(same_bits(np.asarray(a), np.asarray(b)) for a, b in zip(one, other, strict=True))
    assert TOGETHER > 6


def test_the_end_of_a_closed_account_is_a_termination_and_a_cut_is_not():
    closing = replace(solvency(), margin=replace(solvency().margin, capital=3.0))
    shown = list(episodes(closing, StrategyPolicy(FixedSymmetric(0.0), closing), 64, seed=0))
    assert min(len(each.rewards) for each in shown) < closing.clock.steps
    assert all(each.terminated and len(each.observations) == len(each.rewards) + 1 for each in shown)
    for each in shown[:4]:
        assert same_bits(replayed(closing, each)[1], each.rewards)
    lasting = amzn_ergodic()
    (cut,) = episodes(lasting, StrategyPolicy(FixedSymmetric(0.05), lasting), 1, seed=0)
    assert (cut.terminated, cut.truncated) == (False, True)


def test_a_clone_of_a_data_set_is_as_good_as_its_teacher(launch):
    from examples.behaviour_cloning import cloned
    from experiments.evaluation.skill_references import SkillReferences

    launch(main, *SMALL, "agent=cartea_jaimungal", "episodes=300", "explore=0.2", f"dataset={NAME}")
    dataset, market = read(NAME)
    references = SkillReferences.of(market)
    teacher = references.exact_skill(policy_of(CarteaJaimungal.of, market))
    assert references.exact_skill(cloned(dataset, market, steps=600)) > teacher - 0.03


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (("explore=1.5",), "explore must be in [0, 1], got 1.5"),
        (("dataset=amzn",), "dataset must be a name of Minari's, as in mm_env/amzn/glft-v0, got 'amzn'"),
        (("dataset=../x-v0",), "dataset must be a name of Minari's"),
        (("run=nowhere",), "a trained run must hold config.yaml and model.zip, got nowhere"),
    ],
)
def test_mistakes_are_told_in_a_line(refused, overrides, said):
    assert said in refused(main, *overrides)


def test_one_that_was_cut_off_is_not_there():
    market = solvency()

    def cut():
        yield from episodes(market, StrategyPolicy(FixedSymmetric(0.2), market), 2, seed=0)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(NAME, market, OmegaConf.create({}), OmegaConf.create({}), cut(), together=1)
    with pytest.raises(ValueError, match="dataset must be one that is there"):
        read(NAME)


def test_a_name_is_not_written_over_and_another_ones_config_is_not_trusted(launch, refused, tmp_path):
    launch(main, *SMALL, AGENT, "episodes=1", f"dataset={NAME}")
    assert "dataset must be a new name" in refused(main, *SMALL, AGENT, "episodes=1", f"dataset={NAME}")
    path = tmp_path / "minari" / NAME / "data" / "metadata.json"
    told = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**told, "mm_env_market": "_target_: os.system\n"}), encoding="utf-8")
    with pytest.raises(ValueError, match=r"_target_ must name a component.*got os\.system"):
        read(NAME)
