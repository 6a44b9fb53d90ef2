"""Export a trained policy to ONNX, and check that the file acts as the policy does.

python -m experiments.export run=outputs/train/20261123-101500_seed0 to=policy.onnx
python -m experiments.export run=experiments/results/zoo/ppo_amzn to=ppo_amzn.onnx observations=10_000
"""

from __future__ import annotations

from pathlib import Path

from omegaconf import DictConfig
from rich.console import Console

from experiments.config.agents import learner_of
from experiments.config.main import experiment
from experiments.config.markets import build_market
from experiments.config.stored import run_config
from mm_env.core.parameters import Interval, check

CLOSE = 1e-5  # of actions in [-1, 1]: what single precision in another order of sums leaves over


@experiment("export")
def main(cfg: DictConfig) -> float:
    """Write the file; how far its actions are from the policy's on observations that the policy meets in play."""
    if cfg.run is None or cfg.to is None:
        raise ValueError("run and to must name the folder of a trained run and the file to write, as in to=policy.onnx")
    check("observations", cfg.observations, Interval(1, whole=True))
    from agents.learning.onnx_export import OnnxPolicy, export, furthest_apart

    folder, path = Path(cfg.run), Path(cfg.to)
    own = run_config(folder)
    market = build_market(own)
    policy = learner_of(own, folder).load(market, folder / "model.zip")
    export(policy, market, path, {"run": str(folder), "market": repr(market)})
    apart = furthest_apart(policy, OnnxPolicy(path), market, cfg.observations, cfg.seed)
    if not apart <= (CLOSE if market.action_space.shape else 0):
        path.unlink()
        raise ValueError(
            f"{path} must act as {folder} does, got actions {apart:g} apart on {cfg.observations} observations"
        )
    far = f"at most {apart:.1g} apart" if market.action_space.shape else "the same"
    Console(highlight=False, soft_wrap=True).print(f"{path}: actions {far} on {cfg.observations:,} observations")
    return apart


if __name__ == "__main__":
    main()
