"""How closely a net can act as the optimum of a small book does, when it is shown every state: what nets and features can hold.

States are drawn as the optimum meets them, time and all, and the net is fitted by cross-entropy: to the optimum's own action,
or, as several actions may be worth the same, to softmax(Q / temperature) of what each is worth, which asks for no distinction
between them. What it then does is worth what `SmallBook.worth` says, exactly.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from agents.exact.book_states import Ints, observations_of
from agents.exact.small_book import BookOptimum, Floats, SmallBook

ACTION = 0.0  # the temperature at which the optimum's own action is taught


def occupancy(best: BookOptimum) -> Floats:
    """P(state) at each decision under the optimum, (steps, n); each row sums to 1."""
    states = best.states
    n, each = len(states.keys), np.arange(len(states.keys))
    met = np.empty((len(best.actions), n))
    now = np.bincount(best.starts, minlength=n) / len(best.starts)
    for step, actions in enumerate(best.actions):
        met[step] = now
        sent = np.bincount(states.sent[each, actions], now, n)
        now = states.chance.T @ sent
    return met


def qualities(states: SmallBook, temperature: float) -> NDArray[np.float32]:
    """The optimum's policy (steps, n, actions): softmax of what each action is worth over `temperature`, price units."""
    steps, alpha = states.market.clock.steps, float(states.market.reward.alpha)  # pyright: ignore
    found = np.empty((steps, *states.sent.shape), np.float32)
    value = -alpha * states.inventory**2
    for step in range(steps - 1, -1, -1):
        worth = states.sent_gain + states.ahead(value)[states.sent]
        value = worth.max(axis=1)
        found[step] = _softmax(worth - value[:, None], temperature)
    return found


def teach(
    policy: Any, best: BookOptimum, steps: int, batch: int = 1024, learning_rate: float = 3e-3, temperature: float = 0.02,
    seed: int = 0,
) -> None:  # fmt: skip
    """Fit an actor (stable-baselines3's ActorCriticPolicy) to the optimum by `steps` of Adam, the rate falling to 0."""
    met, random = occupancy(best).ravel().cumsum(), np.random.default_rng(seed)
    wanted, seen = qualities(best.states, temperature), observations_of(best.market, best.states.keys)
    optimizer = torch.optim.Adam(policy.parameters(), learning_rate)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, steps)
    for _ in range(steps):
        drawn = np.searchsorted(met, met[-1] * random.random(batch))
        step, place = np.divmod(drawn, len(seen))
        shown = _at(best, seen[place], step)
        logits = policy.get_distribution(torch.from_numpy(shown)).distribution.logits
        loss = -(torch.from_numpy(wanted[step, place]) * logits).sum(dim=1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()


def _at(best: BookOptimum, seen: NDArray[np.float32], step: Ints) -> NDArray[np.float32]:
    seen[:, best.market.observation_names.index("time_left")] = 1.0 - step / len(best.actions)
    return seen


def _softmax(worth: Floats, temperature: float) -> Floats:
    if temperature == ACTION:
        chosen = np.zeros_like(worth)
        chosen[np.arange(len(worth)), worth.argmax(axis=1)] = 1.0
        return chosen
    weights = np.exp(worth / temperature)
    return weights / weights.sum(axis=1, keepdims=True)
