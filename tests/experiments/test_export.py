"""python -m experiments.export: a shipped agent as a file that acts as it does."""

import pytest

pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")

from agents.learning.onnx_export import OnnxPolicy
from experiments import zoo
from experiments.evaluation.skill_references import SkillReferences
from experiments.export import main
from mm_env.markets import amzn


def test_the_file_of_a_shipped_agent_has_its_skill(launch, tmp_path, capsys):
    path = tmp_path / "policy.onnx"
    _, (apart,) = launch(main, f"run={zoo.FOLDER / 'ppo_amzn'}", f"to={path}")
    assert apart < 1e-5
    assert "on 1,000 observations" in capsys.readouterr().out
    skill = SkillReferences.of(amzn()).exact_skill(OnnxPolicy(path))
    assert skill == pytest.approx(zoo.figures(zoo.FOLDER / "ppo_amzn").skill, abs=1e-4)


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        ((), "run and to must name the folder of a trained run and the file to write"),
        (("run=nowhere", "to=policy.onnx"), "a trained run must hold config.yaml and model.zip, got nowhere"),
        (("run=nowhere", "to=policy.onnx", "observations=0"), "observations must"),
    ],
)
def test_mistakes_are_told_in_a_line(refused, overrides, said):
    assert said in refused(main, *overrides)
