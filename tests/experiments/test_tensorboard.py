"""What TensorBoard is given: read back from the event files of a training of eleven rollouts."""

import io
import struct

import numpy as np
import pytest
from omegaconf import OmegaConf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.custom_scalar.layout_pb2 import Layout
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from experiments import train
from experiments.training import tags
from experiments.training.curve import read_curve
from mm_env.metrics import figures
from mm_env.rollout import Episodes
from tests.experiments.conftest import SMALL, launched

ROLLOUTS = ("agent.num_envs=64", "agent.total_steps=11264", "agent.settings.batch_size=1024", "agent.checkpoints=0")
WATCHED = ("rivals=[best_fixed]", "watch.evaluations=2", "watch.episodes=100")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of the training."""
    folder = tmp_path_factory.mktemp("run")
    launched(train.main, folder, *SMALL, *ROLLOUTS, *WATCHED, "seed=3")
    return folder


@pytest.fixture(scope="module")
def events(run):
    return EventAccumulator(str(next(run.rglob("events.out.tfevents.*"))), {"images": 0, "histograms": 0}).Reload()


def test_every_tag_is_in_one_of_four_groups(events):
    everything = events.Tags()
    written = {*everything["scalars"], *everything["images"], *everything["histograms"]}
    assert {tag.split("/")[0] for tag in written} == {"train", "eval", "risk", "time"}
    assert {"train/ep_rew_mean", "train/ep_len_mean", "train/value_loss", "time/fps"} <= written


def test_what_is_documented_is_what_is_written(events):
    everything = events.Tags()
    written = {*everything["scalars"], *everything["images"], *everything["histograms"]}
    ours = {tag for tag in written if tag.split("/")[0] in ("eval", "risk") or tag.endswith("_seconds")}
    assert ours == set(tags.UNITS)


def test_every_figure_of_the_desk_has_a_tag():
    fields = {name: np.linspace(1.0, 2.0, 5) for name in Episodes.__match_args__}
    assert set(tags.FIGURES) == set(figures(Episodes(**fields)))


def test_the_seconds_and_skills_are_those_of_the_curve(run, events):
    curve = read_curve(run)
    for column, tag in ((1, "time/training_seconds"), (2, "eval/skill"), (3, "eval/objective")):
        scalars = events.Scalars(tag)
        assert [scalar.step for scalar in scalars] == curve[:, 0].tolist()
        np.testing.assert_allclose([scalar.value for scalar in scalars], curve[:, column], rtol=1e-5, atol=1e-3)


def plugin(events, name):
    """What a plugin of TensorBoard finds under a tag."""
    return events.PluginTagToContent("hparams")[f"_hparams_/{name}"]


def test_the_hparams_tab_lists_the_settings_of_the_run(run, events):
    started = HParamsPluginData.FromString(plugin(events, "session_start_info")).session_start_info.hparams
    found = {name: getattr(value, value.WhichOneof("kind")) for name, value in started.items()}
    config = OmegaConf.load(run / "config.yaml")
    assert (found["agent"], found["market"], found["seed"]) == ("PPO", "cartea_jaimungal", 3.0)
    assert found["agent.settings.batch_size"] == config.agent.settings.batch_size
    assert found["market.price"] == "Brownian"
    assert found["market.reward.phi"] == pytest.approx(config.market.reward.phi)
    assert found["agent.settings.policy_kwargs.net_arch"] == "64-64"
    assert not [name for name in found if "_target_" in name or "checkpoints" in name]


def test_the_hparams_tab_sorts_by_scalars_that_are_there(events):
    experiment = HParamsPluginData.FromString(plugin(events, "experiment")).experiment
    metrics = [info.name.tag for info in experiment.metric_infos]
    assert metrics[0] == "eval/skill"
    assert set(metrics) <= set(events.Tags()["scalars"])


def test_the_layout_charts_scalars_that_are_there(events):
    layout = Layout.FromString(events.Tensors("custom_scalars__config__")[0].tensor_proto.string_val[0])
    assert [category.title for category in layout.category] == list(tags.LAYOUT)
    written = set(events.Tags()["scalars"])
    for category in layout.category:
        for chart in category.chart:
            assert written & set(chart.multiline.tag), chart.title


@pytest.mark.parametrize("tag", ["eval/quotes", "risk/inventory"])
def test_pictures_are_there_at_every_evaluation(events, tag):
    pictures = events.Images(tag)
    assert len(pictures) == len(events.Scalars("eval/skill"))
    header = io.BytesIO(pictures[-1].encoded_image_string).read(24)
    assert header[1:4] == b"PNG"
    width, height = struct.unpack(">II", header[16:24])
    assert width > 300 < height


def test_distributions_hold_every_episode(events):
    for tag in ("eval/profit_distribution", "risk/terminal_inventory_distribution"):
        assert events.Histograms(tag)[-1].histogram_value.num == 100
    inventory = events.Histograms("risk/terminal_inventory_distribution")[-1].histogram_value
    assert inventory.sum / inventory.num == pytest.approx(events.Scalars("risk/terminal_inventory")[-1].value, abs=1e-6)


# without a training


def test_only_rollouts_of_stable_baselines3_change_their_group():
    assert tags.regrouped("rollout/ep_rew_mean") == "train/ep_rew_mean"
    assert [tags.regrouped(tag) for tag in ("train/loss", "time/fps", "config")] == ["train/loss", "time/fps", "config"]


def test_hyperparameters_begin_with_who_where_and_which_seed():
    config = {
        "title": "amzn", "seed": 0, "watch": {"episodes": 3},
        "market": {"_target_": "mm_env.Market", "price": {"_target_": "mm_env.Brownian", "sigma": 2.0}},
        "agent": {"_target_": "agents.learning.learner.Learner", "algorithm": "PPO", "checkpoints": 10, "teacher": None},
    }  # fmt: skip
    expected = {"market": "amzn", "agent": "PPO", "market.price": "Brownian", "market.price.sigma": 2.0, "seed": 0}
    assert tags.hyperparameters(config) == expected
    assert list(tags.hyperparameters(config))[:2] == ["market", "agent"]
