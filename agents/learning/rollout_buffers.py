"""Rollouts whose advantages are rid of fill noise by conditional expectation, or of a step's whole noise by resampling it.

What a step is worth to a learner is r + V(s') - V(s). Two orders that fill, or pass by, lead to other inventories s' and
so to other values, and that noise drowns what the quotes themselves change (docs/ablations.md). But the quotes say how
likely each s' is, so V(s') is replaced by its conditional expectation (Rao & Blackwell):

    r + gamma E[V(s') | s, a] - V(s),    E[V(s') | s, a] = sum over d in {-1, 0, 1} of P(d orders bought | s, a) V(s' | d)

V(s') - E[V(s') | s, a] has mean zero given s and a, whatever V is, so the policy gradient's mean stays what it was.

Where no formula gives it, as in an order book, E[r + gamma V(s') | s, a] is the mean over other outcomes of the same step
(`mm_env.resampled`), which leaves one n-th of the variance.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3.common.buffers import RolloutBuffer

from agents.exact.now_read import parts_read
from agents.policy import natural_units
from mm_env.clock import Ergodic
from mm_env.core.component import flat, record
from mm_env.envs.sb3 import VecAdapter
from mm_env.market import Market
from mm_env.resampled import Outcomes
from mm_env.venue.dealer.dealer import Dealer
from mm_env.venue.dealer.impact import NoImpact

Singles = NDArray[np.float32]
BUFFERS = ("rollout_buffer", "replay_buffer")  # where a model of stable-baselines3 has its own


class Expecting:
    """A buffer that has to know whose values it expects. What it knows of the model is not saved with it."""

    def attach(self, model: Any) -> None:
        """Expect the values of this model, on the lanes it acts on."""
        lanes = model.get_env()
        if not isinstance(
            lanes, VecAdapter
        ):  # a wrapper such as VecNormalize shows other observations than the market's
            raise TypeError(
                f"{type(self).__name__} needs a model that acts on a VecAdapter, got {type(lanes).__name__}"
            )
        self.critic, self.lanes = self.critic_of(model), lanes
        self.check()

    def check(self) -> None:
        """Refuse lanes whose values cannot be expected."""
        check_separable(self.lanes.market)

    def critic_of(self, model: Any) -> Any:
        """What gives V (n, 1) at observations (n, k)."""
        raise NotImplementedError

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in ("critic", "lanes")}


class Rollouts(Expecting, RolloutBuffer):
    """A rollout buffer of PPO or A2C on a VecAdapter; `attach` tells it whose values to expect."""

    def critic_of(self, model: Any) -> Any:
        return model.policy.predict_values


class ExpectedRollouts(Rollouts):
    """With the expectation of the next value over who trades."""

    def reset(self) -> None:
        super().reset()
        self.foreseen: Any = None  # inventories and their probabilities, (buffer_size, n_envs, outcomes, 2)

    def add(self, obs: Singles, action: NDArray[Any], *rest: Any) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        self.foreseen = kept_at(self.foreseen, self.buffer_size, self.pos, foresee(self.lanes, obs, action))
        super().add(obs, action, *rest)

    def compute_returns_and_advantage(self, last_values: torch.Tensor, dones: NDArray[Any]) -> None:
        self.rewards += self.gamma * self.correction(last_values.numpy().reshape(1, -1), dones)
        super().compute_returns_and_advantage(last_values, dones)

    def correction(self, last_values: Singles, dones: NDArray[Any]) -> Singles:
        """E[V(s') | s, a] - V(s') of each step (buffer_size, n_envs); 0 where the episode ended."""
        over = np.concatenate([self.episode_starts[1:], dones[None]]) > 0.0
        values = np.concatenate([self.values[1:], last_values])
        following = np.concatenate([self.observations[1:], self.lanes.observations[None]])
        return np.where(
            over, np.float32(0.0), expected_values(self.critic, self.lanes, following, self.foreseen) - values
        )


class ResampledRollouts(Rollouts):
    """With the mean of reward and next value over the lanes' branches."""

    def check(self) -> None:
        if self.lanes.branches is None:
            raise ValueError("ResampledRollouts needs a VecAdapter with branches, got one with none")

    def reset(self) -> None:
        super().reset()
        self.expected = np.zeros((self.buffer_size, self.n_envs), np.float32)  # E[r + gamma V(s') | s, a]

    def add(self, obs: Singles, action: NDArray[Any], *rest: Any) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        self.expected[self.pos] = self.lookahead(rest[2].numpy().ravel())
        super().add(obs, action, *rest)

    def lookahead(self, values: Singles) -> Singles:
        """E[r + gamma V(s') | s, a] of the lanes' last step, whose V(s) are `values`, (num_envs,)."""
        return resampled_values(self.critic, self.lanes, self.gamma)

    def compute_returns_and_advantage(self, last_values: torch.Tensor, dones: NDArray[Any]) -> None:
        over = np.concatenate([self.episode_starts[1:], dones[None]])
        values = np.concatenate([self.values[1:], last_values.numpy().reshape(1, -1)])
        self.rewards = (self.expected - self.gamma * (1.0 - over) * values).astype(np.float32)
        super().compute_returns_and_advantage(last_values, dones)


def resampled_values(critic: Any, lanes: VecAdapter, gamma: float) -> Singles:
    """E[r + gamma V(s') | s, a] of the lanes' last step, (num_envs,), by the outcomes of its branches."""
    return resampled_worth(critic, lanes, gamma).mean(axis=0, dtype=np.float32)


def resampled_worth(critic: Any, lanes: VecAdapter, gamma: float) -> NDArray[Any]:
    """r + gamma V(s') of the lanes' last step in each of its branches, (branches, num_envs)."""
    observations, rewards = lanes.outcomes[:2]
    with torch.no_grad():
        values = critic(torch.from_numpy(observations).flatten(0, 1)).numpy().reshape(rewards.shape)
    return outcome_worth(lanes.outcomes, values, gamma, lanes.market)


def outcome_worth(outcomes: Outcomes, values: Singles, gamma: float, market: Market) -> NDArray[Any]:
    """r + gamma V(s') of outcomes (...) whose next observations have these values (...)."""
    cut = isinstance(market.clock, Ergodic)  # a path that is only cut goes on
    over = outcomes.closed.astype(np.float32) if cut else outcomes.ended
    return outcomes.rewards + gamma * (1.0 - over) * values


def attached(model: Any) -> Any:
    """The model itself, its buffer told of it if it is one that has to be.

    The class of the buffer is not saved with it, so that a saved model loads wherever stable-baselines3 and `mm_env` are.
    """
    for name in BUFFERS:
        if isinstance(buffer := getattr(model, name, None), Expecting):
            buffer.attach(model)
            setattr(model, f"{name}_class", None)
    return model


def check_separable(market: Market) -> None:
    """Refuse a market where who trades with us says more of the next observation than the inventory in it."""
    venue = market.venue
    if market.may_close:
        raise ValueError(
            f"expected_fills must be off where accounts may be closed, as a fill may then end the episode, got {market.margin}"
        )
    if market.watched:
        raise ValueError(
            f"expected_fills must be off where the agent sees the {market.watched[0]}, which fills change, got "
            f"{market.reward}, {market.margin} and {market.limits}: agent.branches averages over whole steps"
        )
    if not isinstance(venue, Dealer):
        raise ValueError(f"expected_fills needs a venue that knows how likely its fills are, got {venue}")
    ours = {Market: ("step", "settle", "observe"), Dealer: ("trade",)}
    for base, names in ours.items():
        kind = type(market) if base is Market else type(venue)
        own = [name for name in names if getattr(kind, name) is not getattr(base, name)]
        if own:
            raise ValueError(
                f"expected_fills must be off where fills are not those of {base.__name__}.{own[0]}, which says how likely "
                f"they are, got {kind.__name__}.{own[0]}"
            )
    if market.hedges.names:
        raise ValueError(
            f"expected_fills must be off where hedges are held, which may follow the inventory, got {market.hedges}"
        )
    told = [path for path in parts_read(market) if path.split(".")[0] in ("venue", "quote", "limits")]
    if told or list(flat(record(market).venue.begin_flow())):
        name = told[0] if told else "venue.flow"
        raise ValueError(
            "expected_fills must be off where fills depend on the time or on a state, which are foreseen as at the start of an "
            f"episode, got {name} of {getattr(market, name.split('.')[0])}"
        )
    sides: Any = (venue.impact.bid, venue.impact.ask)  # pyright: ignore[reportAttributeAccessIssue]
    impacts = [side for side in sides if type(side).jump is not NoImpact.jump]
    if impacts and market.price.signals:
        raise ValueError(f"expected_fills must be off where orders move what the price shows, got {impacts[0]}")


def foresee(lanes: VecAdapter, observations: Singles, actions: NDArray[Any]) -> NDArray[np.float64]:
    """What the lanes' quotes make of their inventories, (num_envs, outcomes, 2): see `Simulation.foresee`."""
    orders, _ = natural_units(lanes.market, observations)
    flat = np.asarray(actions, np.float64).reshape(-1)
    return lanes.env.simulation.foresee(flat, orders * lanes.market.order_size)


def kept_at(kept: NDArray[np.float64] | None, size: int, place: int, seen: NDArray[np.float64]) -> NDArray[np.float64]:
    """The array (size, ...) of all that was foreseen, with `seen` (...) at its place."""
    kept = np.zeros((size, *seen.shape)) if kept is None else kept
    kept[place] = seen
    return kept


def expected_values(critic: Any, lanes: VecAdapter, following: Singles, foreseen: NDArray[np.float64]) -> Singles:
    """E[V(s') | s, a], (...), from the observations s' that came (..., k) and what was foreseen (..., outcomes, 2)."""
    market, (reached, chances) = lanes.market, np.moveaxis(foreseen, (-1, -2), (0, 1))
    might = np.repeat(following[None], len(chances), axis=0)
    might[..., market.observation_names.index("inventory")] = reached / market.inventory_scale
    return (chances * values_of(critic, might)).sum(axis=0).astype(np.float32)


def values_of(critic: Any, observations: Singles) -> Singles:
    """V (...) at observations (..., k), each distinct one asked for once."""
    flat = np.ascontiguousarray(observations).reshape(-1, observations.shape[-1])
    rows, which = np.unique(flat.view(f"V{flat.strides[0]}").ravel(), return_inverse=True)
    with torch.no_grad():
        values = critic(torch.from_numpy(rows.view(np.float32).reshape(len(rows), -1))).numpy().ravel()
    return values[which].reshape(observations.shape[:-1])
