"""Policies and learners built from a config, or loaded from the folder of a trained run."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from hydra.errors import InstantiationException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from agents.policy import Policy, policy_of
from experiments.config.checks import plainly
from experiments.config.markets import build, build_market
from experiments.config.search_path import configs
from experiments.config.stored import run_config
from experiments.runs import jobs
from mm_env.market import Market


def build_policies(cfg: DictConfig, market: Market, names: Iterable[Any]) -> tuple[dict[str, Policy], dict[str, str]]:
    """Name -> policy for each of `names`, and name -> reason for those whose theory does not cover the market.

    An entry is the name of a config in conf/agent, the folder of a trained run, or a config with a `name` of its own.
    """
    policies: dict[str, Policy] = {}
    refused: dict[str, str] = {}
    for name, entry in named(names).items():
        _, config = agent_config(entry)
        if config is None:
            policies[name] = load_run(Path(entry), market)
            continue
        try:
            policies[name] = _policy(cfg, market, config)
        except (ValueError, TypeError, OmegaConfBaseException, InstantiationException) as error:
            if not isinstance(entry, str):
                raise
            refused[name] = plainly(error)
    return policies, refused


def named(entries: Iterable[Any]) -> dict[str, Any]:
    """Name -> entry of `agents`. Raises: ValueError where two entries that differ have one name."""
    found: dict[str, Any] = {}
    for entry in entries:
        name, _ = agent_config(entry)
        if found.setdefault(name, entry) != entry:
            raise ValueError(f"agents must have names of their own, got {name!r} twice: {found[name]} and {entry}")
    return found


def load_run(folder: Path, market: Market) -> Policy:
    """The policy that `experiments.train` left in `folder`, for a market that shows and takes what its own does.

    Its config says what the model is; of model.zip the weights alone are read.
    """
    cfg = run_config(folder)
    trained_on = build_market(cfg)
    check_acts_in(f"{folder} was", trained_on, market)
    return learner_of(cfg, folder).load(trained_on, folder / "model.zip")


def check_acts_in(who: str, trained_on: Market, market: Market) -> None:
    """Refuse to let a policy act in a market that shows, or takes, something else than the one it is trained on. Raises:
    ValueError that says what."""
    for part in ("observation_names", "quote"):
        if getattr(trained_on, part) != getattr(market, part):
            raise ValueError(f"{who} trained with {part} {getattr(trained_on, part)}, got {getattr(market, part)}")


def learner_of(cfg: DictConfig, folder: Path) -> Any:
    """The learner of the run in `folder`. Raises: ValueError if its config describes none."""
    learner = build(cfg.agent)
    if not hasattr(learner, "train"):
        raise ValueError(f"{folder / jobs.CONFIG}: agent must describe a learner, got {type(learner).__name__}")
    return learner


def is_learner(entry: Any) -> bool:
    """Whether an entry of `agents` is one that has to be trained."""
    return "algorithm" in (agent_config(entry)[1] or {})


def agent_config(entry: Any) -> tuple[str, Any]:
    """The name of an entry of `agents`, and its config (None for the folder of a trained run).

    A config with a `base` is that of conf/agent with what else it holds put over it. A strategy's may name parameters to be
    `tuned`: [k, A].
    """
    if isinstance(entry, DictConfig):
        own = OmegaConf.masked_copy(entry, [str(k) for k in entry if k not in ("name", "base", "published")])
        return entry.name, OmegaConf.merge(agent_config(entry.base)[1], own) if "base" in entry else own
    known = configs("agent")
    if entry in known:
        return entry, OmegaConf.load(known[entry])
    if Path(entry).is_dir():
        return Path(entry).name, None
    close = get_close_matches(str(entry), known, n=1)
    hint = f"Did you mean {close[0]!r}?" if close else f"Known are: {', '.join(known)}."
    raise ValueError(f"agents must be names in conf/agent or folders of trained runs, got {entry!r}. {hint}")


def _policy(cfg: DictConfig, market: Market, config: Any) -> Policy:
    if "algorithm" in config:
        raise ValueError("it has to be trained first: give the folder of its run")
    whole = OmegaConf.create({"market": cfg.market})
    whole["agent"] = _with_tuning(config)
    return policy_of(build(whole.agent), market)


def _with_tuning(config: Any) -> Any:
    """The config of `agents.tuned` where that of a strategy names parameters to be `tuned`."""
    if "tuned" not in config:
        return config
    strategy = OmegaConf.masked_copy(config, [str(key) for key in config if key != "tuned"])
    tuning = {"_target_": "agents.tuned", "_partial_": True, "parameters": config.tuned}
    return OmegaConf.create({**tuning, "strategy": strategy})
