"""A game in the terminal: the state beside what others would quote, and a line typed for each move."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig
from rich.console import Console
from rich.table import Table
from rich.text import Text

from experiments.playing import score
from experiments.playing.advice import Advice
from experiments.playing.game import YOU, Game
from experiments.playing.told import present
from mm_env.action_parts import CHOICE, SWITCH, ActionPart

HELP = (
    "Type a value for each part in order, or nothing to leave them as they are; add xN for N steps (0.5 0.1 x5, or x5). "
    "A choice is typed as its number. ? tells the parts, q ends the game."
)


class Ended(Exception):
    """The person has had enough, or nothing more is typed."""


def play_here(
    game: Game, cfg: DictConfig, notes: Sequence[str], folder: Path, ask: Callable[[str], str] | None = None,
    console: Console | None = None,
) -> None:  # fmt: skip
    """Play the game by lines that `ask` gives (typed ones), until it is finished or they end.

    What was wrong with a line is said, and another one is asked for.
    """
    console, ask = console or Console(highlight=False), ask or input
    for line in (*notes, HELP, *map(described, game.market.action_parts)):
        console.print(line, markup=False)
    try:
        while not game.finished:
            game.start()
            _episode(game, console, ask)
            score.keep(game, cfg.title, folder)
            console.print(ended(game))
    except Ended:
        console.print("The game is closed.")


def _episode(game: Game, console: Console, ask: Callable[[str], str]) -> None:
    while not game.over:
        console.print(standing(game))
        try:
            values, count = parsed(_line(ask), game.values)
            if not values:
                for part in game.market.action_parts:
                    console.print(described(part), markup=False)
                continue
            for _ in range(count):
                if not game.over:
                    game.step(values)
        except (ValueError, TypeError) as error:
            console.print(f"error: {error}", markup=False, style="bold red")


def _line(ask: Callable[[str], str]) -> str:
    try:
        line = ask("> ").strip()
    except EOFError:
        raise Ended from None
    if line in ("q", "quit"):
        raise Ended
    return line


def parsed(line: str, before: Sequence[float]) -> tuple[list[float], int]:
    """The values that a line asks for, those `before` where it has none, and for how many steps; no values for a question.

    Raises: ValueError for what is no number.
    """
    if line == "?":
        return [], 0
    words, count = line.replace(",", " ").split(), 1
    if words and words[-1].startswith("x"):
        if not words[-1][1:].isdecimal() or int(words[-1][1:]) < 1:
            raise ValueError(f"a number of steps must be a whole number >= 1, as in x5, got {words[-1]}")
        count = int(words.pop()[1:])
    try:
        values = [float(word) for word in words]
    except ValueError:
        raise ValueError(f"values must be numbers, got {line}") from None
    return values or list(before), count


def described(part: ActionPart) -> str:
    """A part in a line: its name, unit, and ends or choices."""
    if part.scale in (CHOICE, SWITCH):
        return f"  {part.name}: " + ", ".join(f"{number} {label}" for number, label in enumerate(part.labels))
    return f"  {part.name} ({part.unit or 'number'}): {part.low:g} to {part.high:g}"


def standing(game: Game) -> Table:
    """The state, the person's values and what others would do, as a table."""
    now = present(game)
    title = (
        f"episode {game.number + 1}/{game.episodes}, step {game.steps}/{game.market.clock.steps}: mid {now['mid']:.6g}, "
        f"inventory {now['inventory']:g}, cash {now['cash']:.6g}, P&L {now['profit']:.6g}, fills {now['fills']:g}"
    )
    hedges = "".join(f", {name} {held:g}" for name, held in now["hedges"].items())
    table = Table(title=Text(title + hedges), title_justify="left")
    for heading in ("", "bid", "ask", *(part.name for part in game.market.action_parts)):
        table.add_column(Text(heading), justify="left" if not heading else "right")
    own = Advice(YOU, *game.quoted(game.values), game.values)
    for each in (own, *game.asked):
        shown = [part_text(part, value) for part, value in zip(game.market.action_parts, each.values, strict=True)]
        table.add_row(Text(each.agent), *(f"{price:.6g}" if price == price else "—" for price in each[1:3]), *shown)
    return table


def part_text(part: ActionPart, value: float) -> str:
    """A value as it is read: that of a choice with its label."""
    if part.scale not in (CHOICE, SWITCH):
        return f"{value:.5g}"
    return f"{value:g} {part.labels[min(int(value), len(part.labels) - 1)]}"


def ended(game: Game) -> Table:
    """What the episode brought to each who played it."""
    table = Table(title=Text(f"episode {game.number + 1} is over; all on the same noise"), title_justify="left")
    parts = list(dict.fromkeys(part for played in game.result.values() for part in played.parts))
    for heading in ("agent", "objective", "P&L", *parts, "final inventory"):
        table.add_column(heading, justify="left" if heading == "agent" else "right")
    for name, played in game.result.items():
        own: dict[str, Any] = played.parts
        figures = (played.objective, float(played.episodes.profit[0]), *(own.get(part, 0.0) for part in parts))
        final = float(played.episodes.terminal_inventory[0])
        table.add_row(Text(name), *(f"{x:.4f}" for x in figures), f"{final:g}")
    return table
