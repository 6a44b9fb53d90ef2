"""A game in the terminal, and the command as a whole: lines in, the same episodes out, and a score that is kept."""

import json

import pytest
from rich.console import Console

from experiments import play
from experiments.playing.terminal import parsed, play_here
from tests.experiments.playing.conftest import MARKET
from tests.experiments.playing.test_game import played_through


def lines_of(*lines):
    given = iter(lines)

    def ask(prompt):
        try:
            return next(given)
        except StopIteration:
            raise EOFError from None

    return ask


def test_lines_are_moves(game, composed, tmp_path):
    mine, cfg = game("episodes=1"), composed("play", *MARKET, "title=small")
    console = Console(record=True, width=140)
    play_here(
        mine,
        cfg,
        ["a note"],
        tmp_path,
        lines_of("0.8 0.1", "x2", "?", "nonsense", "0.8 99", "1 x0", "", "x99"),
        console,
    )
    by_hand = played_through(game("episodes=1"), (0.8, 0.1))
    assert mine.result["you"].objective == by_hand.result["you"].objective
    said = console.export_text()
    for words in ("a note", "error: values must be numbers, got nonsense", "error: skew must be in [-4, 4], got 99",
                  "error: a number of steps", "half-spread (price): 0 to 4",
                  f"{by_hand.result['optimum'].objective:.4f}"):  # fmt: skip
        assert words in said
    kept = json.loads((tmp_path / "score.json").read_text(encoding="utf-8"))
    assert kept["episodes"][0]["you"]["objective"] == by_hand.result["you"].objective


@pytest.mark.parametrize(("line", "wanted"), [
    ("", ([1.0, 2.0], 1)), ("3 4", ([3.0, 4.0], 1)), ("3, 4 x7", ([3.0, 4.0], 7)), ("x12", ([1.0, 2.0], 12)), ("?", ([], 0)),
])  # fmt: skip
def test_what_a_line_says(line, wanted):
    assert parsed(line, [1.0, 2.0]) == wanted


def test_the_command_keeps_the_score_and_gives_the_skill(launch, monkeypatch, game):
    monkeypatch.setattr("builtins.input", lines_of("0.8 0.1 x10", "x10"))
    folder, (skill,) = launch(play.main, *MARKET, "episodes=2", "face=terminal", "title=small")
    by_hand = played_through(game(), (0.8, 0.1))
    assert skill == by_hand.skill().value
    kept = json.loads((folder / "score.json").read_text(encoding="utf-8"))
    assert kept["skill"]["value"] == skill
    assert [each["you"]["objective"] for each in kept["episodes"]] == [e["you"].objective for e in by_hand.played]
    noted = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    assert (noted["status"], noted["skill"], noted["played"]) == ("finished", list(by_hand.skill()), 2)
    assert list(folder.glob("events.out.tfevents.*"))


@pytest.mark.parametrize(("override", "said"), [
    ("face=window", "face must be one of page, terminal, got 'window'"),
    ("port=70000", r"port must be a whole number in \[0, 65535\], got 70000"),
    ("episodes=0", "episodes must be"),
    ("market=eurusd", "market must have one quoted instrument"),
])  # fmt: skip
def test_a_mistake_is_one_line_before_any_work(refused, override, said):
    told = refused(play.main, *(() if "market" in override else MARKET), override)
    assert said.replace("\\", "") in told


def test_who_ends_before_an_episode_is_over_has_no_score(launch, monkeypatch):
    monkeypatch.setattr("builtins.input", lines_of("0.8 0.1"))
    with pytest.raises(SystemExit, match="before an episode was over: there is no score"):
        launch(play.main, *MARKET, "face=terminal")


def test_ctrl_c_ends_a_game_with_what_was_played(launch, monkeypatch, game):
    typed = lines_of("0.8 0.1 x10")

    def ask(prompt):
        try:
            return typed(prompt)
        except EOFError:
            raise KeyboardInterrupt from None

    monkeypatch.setattr("builtins.input", ask)
    folder, (skill,) = launch(play.main, *MARKET, "episodes=2", "face=terminal", "title=small")
    by_hand = played_through(game("episodes=1"), (0.8, 0.1))
    assert skill == by_hand.skill().value
    assert json.loads((folder / "metrics.json").read_text(encoding="utf-8"))["played"] == 1
