"""Play a market: set its quotes step by step, beside the optimum's and other agents', and be scored against them.

python -m experiments.play market=cartea_jaimungal steps=40
python -m experiments.play market=amzn agents=[optimum,outputs/train/...] episodes=5 face=terminal
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from omegaconf import DictConfig
from rich.console import Console

from experiments.config.main import experiment, output_folder
from experiments.playing import score
from experiments.playing.game import Game
from experiments.playing.seats import game_of
from experiments.playing.terminal import play_here
from experiments.playing.web import GameServer
from mm_env.core.parameters import Interval
from mm_env.core.parameters import check as check_number

FACES = ("page", "terminal")


@experiment("play")
def main(cfg: DictConfig) -> float:
    """Let a person play, and write score.json; the person's skill (its lead where the market has no exact optimum)."""
    check(cfg)
    console, folder = Console(highlight=False, soft_wrap=True), output_folder()
    console.print("The market is made, and solved where it can be; this may take a minute the first time.")
    game, notes = game_of(cfg)
    faces = {"page": _on_page, "terminal": play_here}
    with suppress(KeyboardInterrupt):  # which ends a game as its button does
        faces[cfg.face](game, cfg, notes, folder)
    return score.close(game, cfg.title, folder, console)


def check(cfg: DictConfig) -> None:
    """Refuse options that are none. Raises: ValueError or TypeError with the name and the value."""
    if cfg.face not in FACES:
        raise ValueError(f"face must be one of {', '.join(FACES)}, got {cfg.face!r}")
    check_number("port", cfg.port, Interval(0, 65535, whole=True))


def _on_page(game: Game, cfg: DictConfig, notes: list[str], folder: Path) -> None:
    """Serve the page until it is closed."""
    try:
        server = GameServer(game, cfg.title, notes, cfg.port, lambda: score.keep(game, cfg.title, folder))
    except OSError as error:
        raise ValueError(f"port must be one that is free, got {cfg.port}: {error.strerror}; 0 takes any") from error
    Console(highlight=False, soft_wrap=True).print(f"Play at {server.url} (Ctrl-C, or its button, ends it)")
    server.serve()


if __name__ == "__main__":
    main()
