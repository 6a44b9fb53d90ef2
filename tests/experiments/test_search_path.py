"""What commands write for the user goes to ./conf of where they run, and later commands find it there."""

import shutil

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

from experiments import tune
from experiments.calibration.market import market_path
from experiments.config.agents import agent_config
from experiments.config.search_path import CONF, configs, folders, written_to
from tests.experiments.conftest import launched
from tests.experiments.test_tune import TINY


@pytest.fixture
def own(monkeypatch, tmp_path):
    """./conf of an empty folder, which is not there yet."""
    monkeypatch.chdir(tmp_path)
    return tmp_path / "conf"


def written(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_commands_run_where_there_is_no_conf(own, composed):
    assert folders() == [CONF]
    assert composed("compare", "market=glft").market._target_ == "mm_env.Market"


def test_markets_and_agents_in_conf_of_the_folder_are_found_beside_those_shipped(own, composed):
    for name, group in (("glft", "market"), ("ppo", "agent")):
        (own / group).mkdir(parents=True)
        shutil.copy(CONF / group / f"{name}.yaml", own / group / "mine.yaml")
    assert composed("train", "market=mine", "agent=mine").market == composed("train", "market=glft").market
    assert agent_config("mine") == ("mine", agent_config("ppo")[1])
    assert set(configs("market")) == {"mine", *(path.stem for path in (CONF / "market").glob("*.yaml"))}


def test_nothing_takes_the_place_of_what_is_shipped(own, composed):
    written(own / "market" / "glft.yaml", "_target_: somebody.Else\n")
    written(own / "train.yaml", "name: of another project\n")
    assert composed("train", "market=glft").name == "train"
    assert composed("train", "market=glft").market._target_ == "mm_env.Market"
    assert configs("market")["glft"] == CONF / "market" / "glft.yaml"


def test_in_the_repositorys_root_conf_is_looked_up_once(monkeypatch):
    monkeypatch.chdir(CONF.parent)
    assert folders() == [CONF]
    with initialize_config_dir(version_base="1.3", config_dir=str(CONF)):
        compose("compare")
        sources = GlobalHydra.instance().config_loader().get_sources()
    assert [source.path for source in sources if source.path.endswith("conf")].count(str(CONF)) == 1
    assert market_path("mine") == CONF / "market" / "mine.yaml"


def test_a_name_that_is_shipped_is_refused_as_it_would_be_found_first(own):
    assert written_to("to", "market", "mine") == own / "market" / "mine.yaml"
    with pytest.raises(ValueError, match="to must name a config of your own, got 'glft', which is one of those in"):
        written_to("to", "market", "glft")


def test_the_best_of_a_study_is_an_experiment_of_the_folder_it_was_tuned_in(own, composed, tmp_path, monkeypatch):
    monkeypatch.setenv("TQDM_DISABLE", "1")
    launched(tune.main, tmp_path / "worker", *TINY, "study=tiny", f"folder={tmp_path}/study", "trials=1")
    assert (own / "experiment" / "tiny.yaml").is_file()
    assert composed("train", "experiment=tiny").market.max_inventory == 3
