"""Trained agents that ship: loaded in one line, each with its skill, and remade by its command.

    from experiments import zoo
    policy = zoo.load("ppo", market="amzn")

python -m experiments.zoo                                      # the table of what is there
python -m experiments.zoo run=outputs/train/...                # put a finished training among them
python -m experiments.zoo check=true                           # every skill again

An agent is a folder of experiments/results/zoo: config.yaml, as its training left it, model.zip with the weights alone, and
figures.json, with the command.
"""

from __future__ import annotations

import json
import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from agents.learning.durable import put, put_text
from agents.policy import Policy
from experiments.config.agents import load_run
from experiments.config.main import experiment, output_folder
from experiments.config.markets import build_market
from experiments.config.stored import run_config
from experiments.evaluation.common_noise import evaluate_on_common_noise
from experiments.evaluation.skill_references import SkillReferences
from experiments.runs import jobs
from experiments.runs.sweeps import quoted
from mm_env.desks import DESKS
from mm_env.markets import MARKETS

FOLDER = Path(__file__).parent / "results" / "zoo"
FIGURES, TABLE = "figures.json", "zoo.md"
KEPT = ("name", "title", "market", "agent", "seed", "evaluation_seed", "episodes")  # of a training's config
ASIDE = (
    "rivals",
    "watch",
    "title",
    "resume",
    "hydra",
    "episodes",
    "evaluation_seed",
)  # that do not change what is learnt
LARGEST = 200_000  # bytes of a model.zip


class OtherMarket(UserWarning):
    """A shipped agent was asked for in a market that is not the one it was trained on."""


@dataclass(frozen=True)
class Figures:
    """What a shipped agent is, and what it was found to be worth."""

    agent: str
    market: str
    seed: int
    skill: float  # 0 for the best constant quotes, 1 for the exact optimum
    half_width: float  # of a 95 % interval; 0 where the skill is exact
    objective: float  # mean of the evaluation's episodes
    episodes: int
    evaluation_seed: int
    training_seconds: float
    command: str

    @property
    def skill_says(self) -> str:
        """The skill as a table has it."""
        return f"{self.skill:.4f}" if not self.half_width else f"{self.skill:.3f} ±{self.half_width:.3f}"


def load(agent: str, market: str, to: Any = None, folder: Path = FOLDER) -> Policy:
    """The shipped policy of `agent`, trained on `market`; to act in another one, give it as `to`.

    Warns: OtherMarket where `to`, or what `market` names by now, is not the very market that the agent was trained on: its
    skill is then not known. Raises: ValueError for an agent that does not ship, or a market that shows or takes other things.
    """
    place = place_of(agent, market, folder)
    trained_on = build_market(run_config(place))
    wanted: Any = to if to is not None else (MARKETS | DESKS)[market]() if market in MARKETS | DESKS else trained_on
    policy = load_run(place, wanted)
    if differences := differing(trained_on, wanted):
        said = f"{place.name} was trained on another market, and its skill of {figures(place).skill_says} is not known here: "
        warnings.warn(said + "; ".join(differences), OtherMarket, stacklevel=2)
    return policy


def place_of(agent: str, market: str, folder: Path = FOLDER) -> Path:
    """The folder of a shipped agent. Raises: ValueError for one that does not ship, with those that do."""
    place = folder / f"{agent}_{market}"
    if not (place / FIGURES).is_file():
        known = ", ".join(f"({each.agent!r}, {each.market!r})" for each in shipped(folder))
        raise ValueError(
            f"agent and market must be those of an agent that ships, got ({agent!r}, {market!r}); known: {known}"
        )
    return place


def shipped(folder: Path = FOLDER) -> list[Figures]:
    """Every agent that ships."""
    return [figures(path.parent) for path in sorted(folder.glob(f"*/{FIGURES}"))]


def figures(place: Path) -> Figures:
    """What is known of the agent in `place`."""
    return Figures(**json.loads((place / FIGURES).read_text(encoding="utf-8")))


def differing(own: Any, other: Any) -> list[str]:
    """In words, what of a market is not as in another one."""
    if type(own) is not type(other):
        return [f"a {type(own).__name__}, got a {type(other).__name__}"]
    names = sorted({*vars(own), *vars(other)} if hasattr(own, "__dict__") else own.__dataclass_fields__)
    pairs = [(name, getattr(own, name), getattr(other, name)) for name in names if not name.startswith("_")]
    return [f"{name} {one}, got {two}" for name, one, two in pairs if one != two]


def skill_of(market: Any, policy: Policy, episodes: int, seed: int) -> tuple[float, float, float]:
    """The skill of a policy, the half-width of its interval (0 where it is exact) and its objective, on noise of `seed`.

    Raises: ValueError for a market that has no exact optimum.
    """
    references = SkillReferences.of(market)
    if references.best is None:
        raise ValueError(f"an agent ships with a skill, and the market has none: {references.missing}")
    everyone = {"agent": policy, **references.policies}
    entries = evaluate_on_common_noise(market, everyone, episodes, seed, frozenset(everyone))
    objective = next(entry for entry in entries if entry.name == "agent").figures["objective"].value
    exact = references.exact_skill(policy)
    if exact is not None:
        return exact, 0.0, objective
    found = references.skills(entries, everyone)["agent"]
    return found.value, found.half_width, objective


def add(run: Path, folder: Path = FOLDER) -> Figures:
    """Put the training in `run` among the agents that ship, in place of one of the same agent and market.

    Raises: ValueError for a run that is not finished, or whose weights are too large.
    """
    facts, cfg = jobs.read(run), run_config(run)
    if facts.get("status") != jobs.FINISHED or "overrides" not in facts:
        raise ValueError(f"run must be the folder of a finished training by experiments.train, got {run}")
    overrides = [each for each in facts["overrides"] if each.split("=")[0].split(".")[0] not in ASIDE]
    named = dict(each.split("=", 1) for each in overrides)
    agent, market = named.get("agent", "ppo"), named.get("market", "amzn")
    place = folder / f"{agent}_{market}"
    place.mkdir(parents=True, exist_ok=True)
    put_text(place / jobs.CONFIG, OmegaConf.to_yaml(OmegaConf.masked_copy(cfg, list(KEPT))))
    put(place / "model.zip", lambda partial: _weights(run / "model.zip", partial))
    built = build_market(cfg)
    found = skill_of(built, load_run(place, built), cfg.episodes, cfg.evaluation_seed)
    command = " ".join(["python -m experiments.train", *(quoted(*each.split("=", 1)) for each in overrides)])
    told = (
        agent,
        market,
        int(cfg.seed),
        *found,
        int(cfg.episodes),
        int(cfg.evaluation_seed),
        round(facts["seconds"]),
        command,
    )
    put_text(place / FIGURES, json.dumps(asdict(Figures(*told)), indent=1) + "\n")
    return figures(place)


def _weights(model: Path, to: Path) -> None:
    """The weights of a saved model, without its optimiser and what else stable-baselines3 keeps."""
    with zipfile.ZipFile(model) as source:
        told = {"num_timesteps": json.loads(source.read("data")).get("num_timesteps", 0)}
        with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as target:
            target.writestr("policy.pth", source.read("policy.pth"))
            target.writestr("data", json.dumps(told))
    if to.stat().st_size > LARGEST:
        raise ValueError(
            f"an agent that ships must have at most {LARGEST:,} bytes of weights, got {to.stat().st_size:,}"
        )


def table(folder: Path = FOLDER) -> str:
    """Every agent that ships, as Markdown."""
    names = ("agent", "market", "skill", "objective", "seed", "training s", "remade by")
    head = f"| {' | '.join(names)} |\n| --- | --- | ---: | ---: | ---: | ---: | --- |\n"
    rows = (
        f"| {one.agent} | {one.market} | {one.skill_says} | {one.objective:.4g} | {one.seed} | {one.training_seconds:.0f} | "
        f"`{one.command}` |\n"
        for one in shipped(folder)
    )
    note = (
        "\nSkill is 0 for the best constant symmetric quotes and 1 for the exact optimum; without an interval it is exact, "
        "with one it is simulated, paired with the optimum's episodes. Seconds are those of the whole command, on a busy "
        "machine.\n"
    )
    return f"# trained agents that ship\n\n{head}{''.join(rows)}{note}"


def again(folder: Path = FOLDER) -> Iterator[tuple[Figures, float]]:
    """Each agent that ships, and its skill found anew."""
    for one in shipped(folder):
        place = place_of(one.agent, one.market, folder)
        market = build_market(run_config(place))
        yield one, skill_of(market, load_run(place, market), one.episodes, one.evaluation_seed)[0]


@experiment("zoo")
def main(cfg: DictConfig) -> float:
    """Print the table, after adding or checking; the lowest skill."""
    if not isinstance(cfg.check, bool):
        raise ValueError(f"check must be true or false, got {cfg.check!r}")
    console, folder = Console(highlight=False, soft_wrap=True), FOLDER if cfg.folder is None else Path(cfg.folder)
    if cfg.run is not None:
        one = add(Path(cfg.run), folder)
        console.print(f"{one.agent} of {one.market}: skill {one.skill_says}")
        put_text(folder.parent / TABLE, table(folder))
    if cfg.check:
        off = [
            f"{one.agent} of {one.market}: {found:.4f}, stated {one.skill_says}"
            for one, found in again(folder)
            if is_off(one, found)
        ]
        if off:
            raise ValueError(f"skills must be as stated, got {'; '.join(off)}")
        console.print("Every skill is as stated.")
    put_text(output_folder() / TABLE, table(folder))
    console.print(table(folder), markup=False)
    return min((one.skill for one in shipped(folder)), default=float("nan"))


def is_off(one: Figures, found: float) -> bool:
    """Whether a skill that was found anew is not the one that is stated."""
    return abs(found - one.skill) > max(one.half_width, 1e-4)


if __name__ == "__main__":
    main()
