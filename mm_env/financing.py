"""What the maker's cash is borrowed against: a contract, and its neutral default."""

from __future__ import annotations

from typing import Any

from mm_env.action_parts import ActionPart
from mm_env.core.component import Component, rule
from mm_env.core.noise import Noise
from mm_env.core.tuples import Numbers
from mm_env.portfolio import Portfolio
from mm_env.world import Now


class Financing(Component):
    """A loan behind the account, and the moves by which it is managed; they are the action's last numbers.

    Moves happen when quotes are set, at the prices of that moment; what the loan's own prices do within the step is told after
    the mid has moved. Wealth is cash + inventory x mid + hedges + what `added` adds. Its state is `now.world.financing`.
    """

    @property
    def names(self) -> tuple[str, ...]:
        """One name for each number of the action that is its own."""
        return ()

    @property
    def action_parts(self) -> tuple[ActionPart, ...]:
        """The parts of an action that are its own, by name, unit and ends."""
        return tuple(ActionPart(name) for name in self.names)

    @property
    def signals(self) -> tuple[str, ...]:
        """The names of what it shows of itself."""
        return ()

    @property
    def reads_variance(self) -> bool:
        """Whether it reads the variance of the mid's move, which the price must then give."""
        return False

    def check(self, market: Any) -> None:
        """Refuse a market that cannot be financed so. Raises: ValueError."""

    @rule
    def start(self) -> Any:
        """Its state at the start of an episode: a named tuple of floats, or ()."""
        return ()

    @rule
    def moves(self) -> Numbers:
        """The action's numbers that let all be: one zero for each of `names`."""
        return ()

    @rule
    def manage(
        self, account: Portfolio, asked: Numbers, noise: Noise, dt: float, now: Now
    ) -> tuple[Portfolio, Any]:  # fmt: skip
        """Account and state after the moves that were `asked` for, and what the loan costs and brings over a step of dt."""
        return account, now.world.financing

    @rule
    def evolve(
        self, account: Portfolio, state: Any, shock: float, noise: Noise, dt: float, now: Now
    ) -> tuple[Portfolio, Any]:  # fmt: skip
        """Account and state at t + dt, liquidations included, from those after the moves at t, where `now` is; `shock` is the
        unforeseen move of the mid by its price, in standard deviations."""
        return account, state

    @rule
    def added(self, wealth: float, now: Now) -> float:
        """`wealth`, and what collateral and debt add to it, price units."""
        return wealth

    @rule
    def surprised(self, surprise: float, before: Any, after: Any, dt: float) -> float:
        """`surprise`, and what the collateral has gained beyond its mean within a step, by the states after the moves at t and
        at t + dt, price units."""
        return surprise

    @rule
    def closed(self, state: Any, alive: float) -> Any:
        """The state where `alive` is 1.0; where it is 0.0, that of a loan settled at its marks, as the account was closed."""
        return state

    @rule
    def observe(self, now: Now) -> Numbers:
        """One number of order one for each of `signals`."""
        return ()


class NoFinancing(Financing):
    """The cash is the maker's own, and costs nothing."""
