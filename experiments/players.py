"""Learners who train at once, each at a seat of its own in one market: what each earns, and how collusive they became.

python -m experiments.players market=duopoly players=[ppo,ppo] seeds=[0,2,3]
python -m experiments.players market=duopoly players=[ppo,cartea_jaimungal]
python -m experiments.players market=duopoly market.makers=3 players=[ppo,ppo,glft]
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf

from agents.learning.durable import put_text
from agents.policy import Policy
from experiments.config.agents import agent_config, build_policies, is_learner
from experiments.config.main import experiment, output_folder
from experiments.config.markets import build, build_makers
from experiments.evaluation import plots, table
from experiments.evaluation.sample import CURVE_SEED
from experiments.reporting.presenter import screen
from experiments.runs import jobs, program
from experiments.studies import players as study
from mm_env.core.parameters import Interval, check
from mm_env.simulation import check_seed


@experiment("players")
def main(cfg: DictConfig) -> float:
    """Print the table, write it, its figure and the models; the mean objective of a maker."""
    market, folder = _market(cfg), output_folder()
    names, players = _players(cfg, market)
    found, note = study.bounds(market, cfg.grid)
    notes, judged, curves = [*study.NOTES, *filter(None, [note])], list[study.Judged](), dict[int, study.Curve]()
    for seed in cfg.seeds:
        policies, curves[seed] = _train(cfg, market, names, players, seed, folder / f"seed{seed}")
        judged += study.judge(market, names, policies, seed, cfg.episodes, cfg.seed)
        _write(folder, cfg.title, names, judged, curves, found, notes)  # what is done so far
    study.table_of(cfg.title, judged, found, notes).print(screen(130))
    table.say_where(folder)
    return study.objective(judged).value


def _market(cfg: DictConfig) -> Any:
    """The market. Raises: TypeError or ValueError for one of a single maker, or options that are none."""
    market = build_makers(cfg)
    check("worlds", cfg.worlds, Interval(1, 2**20, whole=True))
    check("grid", cfg.grid, Interval(0, 1000, whole=True))
    if not isinstance(cfg.seeds, ListConfig) or not cfg.seeds:
        raise ValueError(f"seeds must be a list of at least one, as in seeds=[0], got {cfg.seeds!r}")
    for seed in cfg.seeds:
        check_seed(seed, "seeds")
        if seed in (cfg.seed, CURVE_SEED):
            raise ValueError(f"seeds must not have {seed}, on whose noise players are judged")
    return market


def _players(cfg: DictConfig, market: Any) -> tuple[list[str], list[Any]]:
    """The name and the learner, or policy, of each seat. Raises: ValueError for what cannot play, with the reason."""
    from agents.learning.players import check_players

    names, players = [], []
    for entry in cfg.players:
        name, config = agent_config(entry)
        if is_learner(entry):
            player = build(config)
        else:
            policies, refused = build_policies(cfg, market, [entry])
            if refused:
                raise ValueError(f"players must be what the market allows, got {name}: {refused[name]}")
            player = policies[name]
        names.append(name)
        players.append(player)
    check_players(market, players)
    return names, players


def _train(
    cfg: DictConfig, market: Any, names: Sequence[str], players: Sequence[Any], seed: int, folder: Path
) -> tuple[tuple[Policy, ...], study.Curve]:
    """What acts at each seat after a training, and what each earned on the way; learners' models go to folder/seatN."""
    from agents.learning.players import train_players
    from agents.learning.saved import save_model
    from experiments.training.watch_players import WatchPlayers

    watch = WatchPlayers(market, cfg.watch.evaluations, cfg.watch.episodes)
    with program.held():
        policies = train_players(market, players, cfg.worlds, seed, folder, watch.callbacks)
    for seat, policy in enumerate(policies):
        if policy.learnt and is_learner(cfg.players[seat]):
            _, config = agent_config(cfg.players[seat])
            own = folder / f"seat{seat}"
            put_text(
                own / jobs.CONFIG,
                OmegaConf.to_yaml(
                    OmegaConf.create({"market": cfg.market, "agent": config, "seed": seed, "players": list(names)}),
                    resolve=True,
                ),
            )
            save_model(policy.model, own / "model.zip")  # pyright: ignore[reportAttributeAccessIssue]
    program.check()
    return policies, watch.curve


def _write(
    folder: Path, title: str, names: Sequence[str], judged: Any, curves: Any, found: Any, notes: Sequence[str]
) -> None:
    """players.csv, players.md and players.png in `folder`, and what came of it in its notes."""
    whole = study.table_of(title, judged, found, notes)
    whole.write_csv(folder / "players.csv")
    whole.write_markdown(folder / "players.md")
    plots.save(folder, {"players": study.figure(curves, names, found)})
    index = found.index(study.objective(judged)).value if found is not None else None
    jobs.note(folder, objective=study.objective(judged).value, collusion_index=index, notes=list(notes))


if __name__ == "__main__":
    main()
