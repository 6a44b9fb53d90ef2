"""From a Hydra config to markets, policies and learners; the config goes no further than this folder."""

from __future__ import annotations

import os
import re
import socket
import sys
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from functools import wraps
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import InstantiationException
from hydra.types import RunMode
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from agents.policy import Policy, policy_of
from agents.strategies.estimated import Measured, measured
from experiments.config.parts import without_leftovers
from experiments.config.trusted import check_trusted
from experiments.runs import jobs, program
from experiments.runs.program import Interrupted
from experiments.runs.sweeps import quoted, sub_folder
from mm_env.core.component import record
from mm_env.core.extras import MissingExtra
from mm_env.core.parameters import Interval, check
from mm_env.market import Market
from mm_env.simulation import check_seed
from mm_env.venue.replay.replay import Replay

CONF = Path(__file__).parents[2] / "conf"


def volatility(market: DictConfig) -> float:
    """The mid's sigma in price / sqrt(time), where it is one number; of an order book as measured in it."""
    if is_book(market):
        return of_book(market).sigma
    if kind(market.price) == "Geometric":
        raise ValueError("the theory wants sigma in price units, and that of mm_env.Geometric is a share of the price")
    return _one_number(market.price, "sigma", "market.price.sigma", "one volatility of the mid", positive=True)


def is_book(market: DictConfig) -> bool:
    """Whether the venue is an order book."""
    return market.venue._target_.split(".")[-1] in ("Book", "UnnoticedBook", "Replay")


def of_book(market: DictConfig) -> Measured:
    """What the closed forms want to know of an order book."""
    return measured(build(market))


def order_rate(market: DictConfig) -> float:
    """A of lambda(depth) = A exp(-k depth), orders / time of one side, where it is one number."""
    return (
        of_book(market).rate
        if is_book(market)
        else _one_number(market.venue.flow, "rate", "market.venue.flow.rate", "one rate of orders for both sides")
    )


def fill_decay(market: DictConfig) -> float:
    """k of lambda(depth) = A exp(-k depth), 1 / price, where it is one number."""
    if is_book(market):
        return of_book(market).k
    return _one_number(market.venue.fill, "k", "market.venue.fill.k", "fills that decay as exp(-k depth)")


def kind(part: DictConfig) -> str:
    """The name of a part's class."""
    return str(part.get("_target_", "it")).split(".")[-1]


def _one_number(owner: DictConfig, name: str, path: str, wanted: str, positive: bool = False) -> float:
    """A parameter of a part. Raises: ValueError in the theory's words where it is not there, or not one number."""
    if name not in owner:
        has = "each side has its own" if kind(owner) == "Sides" else f"{kind(owner)} has none"
        raise ValueError(f"the theory wants {wanted}, {path}, and {has}")
    value = owner[name]
    if isinstance(value, int | float) and not isinstance(value, bool) and (value > 0 or not positive):
        return value
    got = f"the distribution {kind(value)}" if isinstance(value, DictConfig) else "several" if _listed(value) else value
    raise ValueError(f"the theory wants {path} to be one number{' > 0' * positive}, got {got}")


def _listed(value: Any) -> bool:
    return OmegaConf.is_list(value)


def _penalty(market: DictConfig) -> tuple[str, float]:
    """What the reward says of risk: ("gamma", CARA's) or ("phi", of the inventory penalty)."""
    name = "gamma" if "gamma" in market.reward else "phi"
    wanted = "a risk aversion (gamma, or phi of an inventory penalty)"
    return name, _one_number(market.reward, name, f"market.reward.{name}", wanted)


def risk_aversion(market: DictConfig) -> float:
    """CARA's gamma (1 / price) as the closed forms want it, for inventory in orders: phi = gamma sigma^2 / 2."""
    name, value = _penalty(market)
    return (value if name == "gamma" else 2.0 * value / volatility(market) ** 2) * market.order_size


def running_penalty(market: DictConfig) -> float:
    """phi for inventory in orders; under CARA gamma sigma^2 / 2."""
    name, value = _penalty(market)
    return (value if name == "phi" else 0.5 * value * volatility(market) ** 2) * market.order_size


def terminal_penalty(market: DictConfig) -> float:
    """alpha for inventory in orders."""
    known = "alpha" in market.reward
    alpha = _one_number(market.reward, "alpha", "market.reward.alpha", "one final penalty") if known else 0.0
    return alpha * market.order_size


def mean_jump(market: DictConfig) -> float:
    """The mean jump of the mid after an order, price units; of an impact by depth that of a fill at depth 1/k."""
    impact = market.venue.get("impact")
    if impact is None or kind(impact) == "NoImpact":
        return 0.0
    if "base" in impact:
        return record(build(impact)).mean_at(1.0 / fill_decay(market), 0.0)
    return _one_number(impact, "mean", "market.venue.impact.mean", "one mean jump of the mid after an order")


def strategies(market: DictConfig) -> list[str]:
    """The strategies of conf/agent that are made for dealers, or for order books."""
    return [*STRATEGIES, *(TOUCHING if is_book(market) else EXACT)]


STRATEGIES = (
    "random", "fixed_symmetric", "avellaneda_stoikov", "avellaneda_stoikov_stationary", "glft", "glft_asymptotic",
    "cartea_jaimungal", "cartea_jaimungal_stationary",
)  # fmt: skip
EXACT, TOUCHING = ("best_fixed", "linear_skew"), ("join", "inside", "imbalance")
RESOLVERS: dict[str, Callable[..., Any]] = {
    "strategies": strategies,
    "volatility": volatility,
    "order_rate": order_rate,
    "fill_decay": fill_decay,
    "risk_aversion": risk_aversion,
    "running_penalty": running_penalty,
    "terminal_penalty": terminal_penalty,
    "mean_jump": mean_jump,
    "orders": lambda market: round(market.max_inventory / market.order_size),
    "inverse": lambda x: 1.0 / x,
    "sub_folder": sub_folder,
    "process": lambda: f"{socket.gethostname()}-{os.getpid()}",
}
MISTAKES = (  # of the user, or the disk's
    ValueError, TypeError, OmegaConfBaseException, InstantiationException, OSError, jobs.Busy, jobs.Failed, MissingExtra,
)  # fmt: skip


def register_resolvers() -> None:
    """Teach OmegaConf the functions that conf/ uses."""
    for name, resolver in RESOLVERS.items():
        OmegaConf.register_new_resolver(name, resolver, replace=True)


def experiment(config_name: str) -> Callable[[Callable[[DictConfig], float]], Callable[[], Any]]:
    """A main: conf/`config_name`.yaml and the command line in, the number a sweep optimises out.

    What the user got wrong ends the program with one line, before any work. In a sweep a job that fails says so, returns
    NaN, and lets the others go on. Ctrl-C and SIGTERM end it as `experiments.runs.program` says.
    """

    def decorate(task: Callable[[DictConfig], float]) -> Callable[[], Any]:
        @hydra.main(version_base="1.3", config_path=str(CONF), config_name=config_name)
        @wraps(task)
        def run(cfg: DictConfig) -> float:
            if HydraConfig.get().mode == RunMode.MULTIRUN:
                return in_sweep(task, cfg)
            try:
                return job(task, cfg)
            except MISTAKES as error:
                raise SystemExit(f"error: {plainly(error)}") from error

        return wraps(task)(lambda: program.run(run))

    return decorate


def in_sweep(task: Callable[[DictConfig], float], cfg: DictConfig) -> float:
    """What `task` returns or, finished before, returned; NaN if it fails, is interrupted or another process is at it.

    Raises: Interrupted, with how the sweep goes on, in the process of the sweep itself.
    """
    jobs.end_with_parent()
    program.listen_as_worker()
    try:
        program.check()
        return job(task, cfg, again=False)
    except KeyboardInterrupt:
        if jobs.is_worker():
            return float("nan")
        raise Interrupted(
            f"the same command with {quoted('hydra.sweep.dir', HydraConfig.get().sweep.dir)} goes on"
        ) from None
    except Exception as error:
        sys.stderr.write(f"error: {output_folder()}: {plainly(error)}\n")
        return float("nan")


def job(task: Callable[[DictConfig], float], cfg: DictConfig, again: bool = True) -> float:
    """What `task` returns, in a folder that is nobody else's meanwhile and tells what came of it.

    Unless it shall be done `again`, what is finished is left as it is; so is a finished training that shall be resumed.
    """
    folder = job_folder(cfg)
    resumed = folder != output_folder()
    cfg = interrupted_config(folder) if resumed else as_chosen(cfg)
    with jobs.locked(folder):
        if (resumed and is_complete(folder)) or (not again and jobs.is_finished(folder, whole(cfg))):
            score = jobs.read(folder).get("score")
            if resumed:
                sys.stdout.write(f"{folder} is finished: there is nothing to resume\n")
            return float("nan") if score is None else score
        if not resumed:
            jobs.adopt(folder, whole(cfg))
        facts = {"name": cfg.name, "seed": cfg.seed if "seed" in cfg else None}
        try:
            with jobs.noted(folder, plainly, **facts, overrides=list(HydraConfig.get().overrides.task)):
                check_numbers(cfg)
                score = task(cfg)
                jobs.note(folder, score=score)
            return score
        except KeyboardInterrupt:
            raise Interrupted(how_to_go_on(cfg.name, folder)) from None


def how_to_go_on(name: str, folder: Path) -> str:
    """What to type after the job `name` in `folder` was interrupted."""
    if name == "train":
        return f"python -m experiments.train {quoted('resume', folder)} goes on"
    if name == "tune":
        return "the same command goes on with the study"
    return f"the same command with {quoted('hydra.run.dir', folder)} goes on with what is not finished"


def as_chosen(cfg: DictConfig) -> DictConfig:
    """The config of this run, in which parts that were swapped have their own parameters only."""
    run = HydraConfig.get()
    return without_leftovers(cfg, run.runtime.choices, run.overrides.task)


def job_folder(cfg: DictConfig) -> Path:
    """Where this run writes: to the folder that it resumes, or to one of its own.

    Raises: ValueError if the folder to resume holds no training, or is to be resumed as another one.
    """
    if "resume" not in cfg or cfg.resume is None:
        return output_folder()
    check_alone("resume")
    folder = Path(str(cfg.resume))
    if not (folder / jobs.CONFIG).is_file():
        raise ValueError(f"resume must name a folder that holds {jobs.CONFIG}, got {folder}")
    return folder


def is_complete(folder: Path) -> bool:
    """Whether a training came to its end here, and all that it left is still there."""
    left = all((folder / name).is_file() for name in ("model.zip", "table.csv"))
    return left and jobs.read(folder).get("status") == jobs.FINISHED


def check_alone(option: str, *others: str) -> None:
    """Refuse overrides of what `option`, a folder that brings its own config, has settled; `others` are not."""
    keys = {each: re.sub(r"^[+~]+", "", each.split("=")[0]).split("@")[-1] for each in HydraConfig.get().overrides.task}
    given = [each for each, key in keys.items() if key.split(".")[0] not in (option, *others)]
    if given:
        raise ValueError(f"{option} brings its own config and goes without {', '.join(given)}")


def interrupted_config(folder: Path) -> DictConfig:
    """The config of the run in `folder`, set to go on there.

    Raises: ValueError naming the file if it was cut off, or is not that of a training by experiments.train.
    """
    cfg = stored_config(folder)
    if cfg.get("name") != "train":
        raise ValueError(
            f"resume must name the folder of a training by experiments.train, got {folder}: a comparison, a backtest or a "
            "study goes on by its own command with its folder"
        )
    _check_whole(folder, cfg, "title", "seed", "episodes", "evaluation_seed", "watch", "rivals", "resume")
    cfg.resume = str(folder)
    return cfg


def stored_config(folder: Path) -> DictConfig:
    """The config that a run left in `folder`, which names nothing but what `experiments.config.trusted` allows.

    Raises: ValueError naming the file and what is wrong with it.
    """
    path = folder / jobs.CONFIG
    try:
        text = path.read_text(encoding="utf-8")
        cfg = OmegaConf.create(text) if text.endswith("\n") else None
    except (OSError, ValueError, YAMLError, OmegaConfBaseException):
        cfg = None
    if not isinstance(cfg, DictConfig):
        cfg = OmegaConf.create({})
    _check_whole(folder, cfg, "market", "agent")
    check_trusted(cfg, path)
    return cfg


def _check_whole(folder: Path, cfg: DictConfig, *names: str) -> None:
    missing = [name for name in names if name not in cfg]
    if missing:
        raise ValueError(
            f"{folder / jobs.CONFIG} was cut off or damaged ({', '.join(missing)} cannot be read): put a copy of it back, or "
            "begin anew in another folder"
        )


def whole(cfg: DictConfig) -> str:
    """The config as YAML, resolved; as it is where it cannot be, which the task has to refuse by name."""
    try:
        return OmegaConf.to_yaml(cfg, resolve=True)
    except OmegaConfBaseException:
        return OmegaConf.to_yaml(cfg)


def check_numbers(cfg: DictConfig) -> None:
    """Refuse a number of episodes or a seed that cannot be, before any work."""
    for name in ("seed", "evaluation_seed"):
        if name in cfg:
            check_seed(cfg[name], name)
    if "episodes" in cfg:
        check("episodes", cfg.episodes, Interval(1, 2**31, whole=True))


def output_folder() -> Path:
    """Where this run writes."""
    return Path(HydraConfig.get().runtime.output_dir)


def plainly(error: BaseException) -> str:
    """What went wrong, without Hydra's wrapping but with the key it concerns."""
    key = re.search(r"full_key: (\S+)", str(error))
    cause = error.__cause__ if isinstance(error, InstantiationException) and error.__cause__ else error
    lines = str(cause).splitlines() or [type(cause).__name__]
    message = " ".join(lines[:2]) if lines[0].endswith(":") else lines[0]
    message = re.sub(r"^\w+ raised while resolving interpolation: ", "", message)
    message = re.sub(r"^Error in call to target '[\w.]+': ?\w+\(['\"](.*)['\"]\)$", r"\1", message)
    missing = re.match(r"Missing key (\S+)|Interpolation key '(\S+)' not found", message)
    if missing:
        return f"it wants {missing[2] or (key or missing)[1]}, which is not there"
    return f"{key[1]}: {message}" if key else message


def build(config: Any) -> Any:
    """The object that a config describes."""
    return instantiate(config, _convert_="all")


def build_market(cfg: DictConfig) -> Market:
    """cfg.market as a Market."""
    market = build(cfg.market)
    if not isinstance(market, Market):
        raise TypeError(f"market must describe a mm_env.Market, got {type(market).__name__}")
    return market


def recorded_market(cfg: DictConfig) -> Market:
    """cfg.recorded as a Market."""
    market = build(OmegaConf.create(OmegaConf.to_container(cfg, resolve=True)).recorded)
    if not isinstance(market, Market) or not isinstance(market.venue, Replay):
        raise ValueError(f"recorded must describe a market whose venue is a Replay, got {market}")
    return market


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
    for part in ("observation_names", "quote"):
        if getattr(trained_on, part) != getattr(market, part):
            raise ValueError(
                f"{folder} was trained with {part} {getattr(trained_on, part)}, got {getattr(market, part)}"
            )
    return learner_of(cfg, folder).load(trained_on, folder / "model.zip")


def learner_of(cfg: DictConfig, folder: Path) -> Any:
    """The learner of the run in `folder`. Raises: ValueError if its config describes none."""
    learner = build(cfg.agent)
    if not hasattr(learner, "train"):
        raise ValueError(f"{folder / jobs.CONFIG}: agent must describe a learner, got {type(learner).__name__}")
    return learner


def run_config(folder: Path) -> DictConfig:
    """The config that made a trained run. Raises: ValueError if there is none, or it was cut off or damaged."""
    if not (folder / jobs.CONFIG).is_file() or not (folder / "model.zip").is_file():
        raise ValueError(f"a trained run must hold config.yaml and model.zip, got {folder}")
    return stored_config(folder)


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
    known = sorted(path.stem for path in (CONF / "agent").glob("*.yaml"))
    if entry in known:
        return entry, OmegaConf.load(CONF / "agent" / f"{entry}.yaml")
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


register_resolvers()  # workers unpickle a main, and with it this module, before they compose its config
