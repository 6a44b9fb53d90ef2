"""The score of a person: a file, TensorBoard's scalars and a table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rich.console import Console

from agents.learning.durable import put_text
from experiments.evaluation.table import near
from experiments.playing.game import Game
from experiments.playing.told import definition, plain, score
from experiments.reporting.formats import estimate, in_line
from experiments.reporting.presenter import Column, TextTable, screen
from experiments.runs import jobs
from mm_env.metrics import mean

SCORE = "score.json"


def keep(game: Game, title: str, folder: Path) -> dict[str, Any]:
    """Write score.json, all that was played so far, and what it came to in metrics.json; what was written."""
    told = plain({"market": title, "seed": game.seed, "steps": game.market.clock.steps, **score(game)})
    put_text(folder / SCORE, json.dumps(told, indent=1, allow_nan=False) + "\n")
    jobs.note(folder, market=title, skill=_pair(game.skill()), ahead=_pair(game.behind()), played=len(game.played))
    return told


def close(game: Game, title: str, folder: Path, console: Console) -> float:
    """Show and write what all came to; the skill, or the lead where there is none. Raises: ValueError if nothing was played."""
    if not game.played:
        raise ValueError("the game was closed before an episode was over: there is no score")
    keep(game, title, folder)
    board(folder, game)
    table(game, title).print(screen(110))
    console.print(f"Score: {near((folder / SCORE).resolve())}")
    skill, ahead = game.skill(), game.behind()
    return skill.value if skill is not None else ahead.value if ahead is not None else float("nan")


def table(game: Game, title: str) -> TextTable:
    """A row for each who played: objective, P&L and its parts, means over the episodes; of one the episode's own."""
    found = {name: game.all_of(name) for name in game.played[0]}
    rows = [[name, mean(e.objective), mean(e.profit), mean(e.spread_captured), mean(e.profit - e.spread_captured)]
            for name, e in found.items()]  # fmt: skip
    figures = [Column(name, name, estimate) for name in ("objective", "P&L", "spread", "inventory and rest")]
    skill = game.skill()
    said = [] if skill is None else [f"Your skill: {in_line(skill)}."]
    return TextTable(f"{title}, {len(game.played)} episodes on the same noise", [Column("agent", words=True), *figures], rows,
                     [*said, definition(game)])  # fmt: skip


def board(folder: Path, game: Game) -> None:
    """Each episode's objectives, and the skill by then, for TensorBoard."""
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(folder)) as writer:
        for number, each in enumerate(game.played, 1):
            for name, played in each.items():
                writer.add_scalar(f"play/objective_{name}", played.objective, number)
        if (skill := game.skill()) is not None:
            writer.add_scalar("play/skill", skill.value, len(game.played))


def _pair(found: Any) -> Any:
    return None if found is None else list(found)
