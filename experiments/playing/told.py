"""What is told of a game, as plain numbers, lists and texts: to the page, and to the score that is kept."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from experiments.playing.advice import Advice
from experiments.playing.episodes import Played
from experiments.playing.game import YOU, Game
from experiments.reporting.formats import in_line
from mm_env.clock import Ergodic
from mm_env.envs.recorder import Moment
from mm_env.metrics import Estimate, mean


def told(game: Game, title: str, notes: Sequence[str]) -> dict[str, Any]:
    """All that the page shows."""
    return plain(
        {
            "title": title,
            "notes": list(notes),
            "seed": game.seed,
            "episode": game.number,
            "episodes": game.episodes,
            "step": max(0, game.steps),
            "steps": game.market.clock.steps,
            "over": game.over,
            "finished": game.finished,
            "prices": "ticks" if game.lane.recorder.has_book else "price",
            "parts": [part._asdict() for part in game.market.action_parts],
            "values": game.values,
            "now": present(game) if game.number >= 0 else None,
            "advice": [each._asdict() for each in game.asked],
            "heard": [_heard(game.heard, place) for place in range(len(game.advisers))],
            "path": path(game.lane.moments, game.market.venue.takes_ranges),
            "result": result(game) if game.over and game.played else None,
            "score": score(game),
        }
    )


def present(game: Game) -> dict[str, Any]:
    """The account and the market where a decision is due."""
    lane, state, moment = game.lane, game.lane.state, game.lane.moments[-1]
    hedges = dict(zip(game.market.hedges.names, state.account.hedges, strict=True))
    shown = dict(zip(game.market.observation_names, lane.observation.tolist(), strict=True))
    return {
        "time": moment.time, "mid": moment.mid, "inventory": state.account.inventory, "cash": state.account.cash,
        "profit": state.tally.profit, "objective": state.tally.objective, "spread": state.tally.spread_captured,
        "fills": state.tally.fills, "hedges": hedges, "shown": shown,
    }  # fmt: skip


def path(moments: Sequence[Moment], in_pool: bool) -> dict[str, list[float]]:
    """What went on, decision by decision, each a list: quotes and fills of the step that ended there.

    In a pool, which trades all along a range, no fill stands at its ends: none is told.
    """
    fills = 0.0 if in_pool else 1.0
    return {
        "time": [m.time for m in moments],
        "mid": [m.mid for m in moments],
        "inventory": [m.inventory for m in moments],
        "profit": [m.profit for m in moments],
        "bid": [float(m.quoted[0]) for m in moments],
        "ask": [float(m.quoted[1]) for m in moments],
        "bought": [max(0.0, fills * float(m.filled[0])) for m in moments],
        "sold": [max(0.0, fills * float(m.filled[1])) for m in moments],
        "crossed": [m.crossed for m in moments],
    }


def result(game: Game) -> dict[str, Any]:
    """What the last episode brought to the person and to the others, on the same noise."""
    in_pool = game.market.venue.takes_ranges
    return {name: {**brought(played), "path": path(played.moments, in_pool)} for name, played in game.result.items()}


def brought(played: Played) -> dict[str, Any]:
    """An episode in numbers."""
    each = played.episodes
    return {
        "objective": played.objective, "profit": float(each.profit[0]), "parts": played.parts,
        "fills": float(each.fills[0]), "final_inventory": float(each.terminal_inventory[0]),
        "mean_absolute_inventory": float(each.mean_absolute_inventory[0]),
    }  # fmt: skip


def score(game: Game) -> dict[str, Any]:
    """What the person's episodes came to so far, and how the skill is defined."""
    episodes = [{name: brought(played) for name, played in each.items()} for each in game.played]
    if not game.played:
        return {"episodes": episodes, "skill": None, "skill_text": "", "against": None, "definition": definition(game)}
    skill, ahead = game.skill(), game.behind()
    means = {name: estimate(mean(game.all_of(name).objective)) for name in game.played[0]}
    return {
        "episodes": episodes,
        "objectives": means,
        "skill": None if skill is None else estimate(skill),
        "skill_text": "" if skill is None else in_line(skill),
        "against": game.rival,
        "ahead": None if ahead is None else estimate(ahead),
        "ahead_text": "" if ahead is None else in_line(ahead),
        "definition": definition(game),
    }


def definition(game: Game) -> str:
    """How the person is scored, in words."""
    best = game.references
    if best.best is None:
        return (
            f"This market has no exact optimum ({best.missing}), so there is no skill: {YOU} are compared with {game.rival} on "
            "the same noise. ± is the half-width of a 95 % interval over your episodes."
        )
    unit = " a unit of time" if isinstance(game.market.clock, Ergodic) else ""
    name = next(iter(best.policies))
    return (
        f"Skill is 0 for the best constant quotes ({best.fixed:.5g}{unit} on average, exactly) and 1 for the exact optimum "
        f"({best.optimal:.5g}{unit}). Yours is that of {name}, plus what you earned beyond it on the very same noise, over "
        "that distance. ± is the half-width of a 95 % interval over your episodes; one episode has none."
    )


def estimate(found: Estimate) -> dict[str, float]:
    """An estimate by the names of its parts."""
    return {"value": found.value, "half_width": found.half_width}


def plain(given: Any) -> Any:
    """The same with what is no finite number as None, as JSON has it."""
    if isinstance(given, dict):
        return {str(name): plain(inner) for name, inner in given.items()}
    if isinstance(given, list | tuple):
        return [plain(inner) for inner in given]
    if isinstance(given, bool | str) or given is None:
        return given
    number = float(given)
    if not math.isfinite(number):
        return None
    return int(given) if isinstance(given, int) else number


def _heard(heard: Sequence[Sequence[Advice]], place: int) -> dict[str, Any]:
    """What one adviser would have quoted in each step so far."""
    own = [each[place] for each in heard]
    return {"bid": [each.bid for each in own], "ask": [each.ask for each in own]}
