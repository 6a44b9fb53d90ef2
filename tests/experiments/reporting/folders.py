"""Folders as runs leave them, made by hand."""

import json

from omegaconf import OmegaConf

MARKET = {"_target_": "mm_env.Market", "price": {"_target_": "mm_env.Brownian", "sigma": 2.0}}
FIGURES = ("objective", "skill", "profit", "sharpe")


def config(seed=0, steps=100, sigma=2.0, **more):
    """What config.yaml holds of a training."""
    agent = {"_target_": "agents.learning.learner.Learner", "algorithm": "PPO", "total_steps": steps}
    market = {**MARKET, "price": {**MARKET["price"], "sigma": sigma}}
    return {"name": "train", "title": "amzn", "seed": seed, "market": market, "agent": agent, **more}


def folder_of(path, seed=0, *, choices=("amzn", "ppo"), own=None, metrics=None, curve=None, model=False, table=None):
    """A folder of a training with just these parts; it is returned."""
    path.mkdir(parents=True)
    whole = config(seed) if own is None else own
    if whole:
        OmegaConf.save(OmegaConf.create(whole), path / "config.yaml")
    if choices:
        (path / ".hydra").mkdir()
        chosen = {"market": choices[0], "agent": choices[1]}
        OmegaConf.save(OmegaConf.create({"hydra": {"runtime": {"choices": chosen}}}), path / ".hydra" / "hydra.yaml")
    if metrics is not None:
        (path / "metrics.json").write_text(json.dumps(metrics), encoding="utf-8")
    if curve is not None:
        lines = [",".join(map(str, row)) for row in curve]
        (path / "curve.csv").write_text("\n".join(["steps,seconds,skill,objective", *lines]) + "\n", encoding="utf-8")
    if model:
        (path / "model.zip").write_text("no model", encoding="utf-8")
    if table is not None:
        write_table(path, table)
    return path


def write_table(path, table):
    """table.csv with a row for each agent: (objective, skill, profit, sharpe), each known to 0.1."""
    heading = ",".join(f"{name},{name}_half_width" for name in FIGURES)
    lines = [f'"{agent}",' + ",".join(f"{value},0.1" for value in values) for agent, values in table.items()]
    (path / "table.csv").write_text("\n".join([f"agent,{heading}", *lines]) + "\n", encoding="utf-8")


def finished(path, agent, market, seed, skill, **more):
    """A finished run of this skill, with a curve of three rows that leads there."""
    curve = [(0, 0.0, skill - 1.0, 1.0), (50, 1.0, skill - 0.5, 2.0), (100, 2.0, skill, 3.0)]
    return folder_of(path / f"{market}_{agent}_{seed}", seed, choices=(market, agent), curve=curve, model=True, **more)
