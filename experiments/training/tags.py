"""TensorBoard tags with their units: train/, eval/, risk/ and time/."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from experiments.reporting.naming import Settings, flatten

SKILL, CERTAINTY, HALF_WIDTH = "eval/skill", "eval/certainty_equivalent", "eval/objective_half_width"
FIGURES = {  # figure of mm_env.metrics -> tag
    **{name: f"eval/{name}" for name in ("objective", "profit", "spread_captured", "fill_ratio")},
    **{name: f"risk/{name}" for name in ("profit_std", "sharpe", "cvar_95", "max_drawdown", "mean_absolute_position",
                                         "terminal_inventory", "terminal_inventory_std")},
}  # fmt: skip
UNITS = {  # of what this package writes; train/ and the rest of time/ are stable-baselines3's
    SKILL: "1: 0 is the best constant quoting, 1 the exact optimum; exact, so absent where the policy is no table",
    "eval/objective": "price units an episode: the mean sum of rewards; under CARA utility",
    HALF_WIDTH: "likewise: of the objective's 95 % interval over the episodes of the evaluation",
    "eval/profit": "price units an episode",
    "eval/spread_captured": "price units an episode: depth x size of the fills",
    "eval/fill_ratio": "fills an arriving order",
    "eval/quotes": "image: depth in price units over inventory, beside the optimum's",
    "eval/profit_distribution": "histogram: price units an episode",
    "risk/profit_std": "price units",
    "risk/sharpe": "1: mean over standard deviation of an episode's profit, not annualised",
    "risk/cvar_95": "price units: the mean profit of the worst 5 % of episodes",
    "risk/max_drawdown": "price units: the mean of the episodes' deepest fall",
    "risk/mean_absolute_position": "units of the asset",
    "risk/terminal_inventory": "units of the asset",
    "risk/terminal_inventory_std": "units of the asset",
    "risk/inventory": "image: the exact law of the inventory over an episode, beside the optimum's",
    "risk/terminal_inventory_distribution": "histogram: units of the asset",
    "time/training_seconds": "seconds trained, evaluations left out",
    "time/watching_seconds": "seconds spent on these evaluations",
}
UNITS_WITH_MARGIN = {
    "risk/closed": "1: the probability of ruin, the share of episodes in which the account was closed",
    "risk/time_to_ruin": "unit of time: the mean time to ruin of the episodes that ended in it",
    "risk/time_open": "unit of time: the mean time to ruin or the end, whichever is first",
}
UNITS_WITH_GAPS = {
    "risk/worst_gap": "price units: the least that a gap brought to any of the episodes",
    "risk/gap_variance_share": "1: the share of the variance of the profit that gaps bring",
    "risk/gap_inventory": "units of the asset: the mean |q| held through a gap",
}
UNITS_OF_DESKS = {  # and of each instrument its profit, its share of the profit's variance, and its internalised share
    "risk/hedging_cost": "price units an episode: what trades outside cost beside the mid",
    "risk/inventory_profit": "price units an episode: what inventories gained by the mids' moves",
    "risk/inventory_variance_share": "1: the share of the variance of the profit that inventories bring",
    "risk/mean_risk": "price units / sqrt(time): the mean standard deviation of the position's moves",
}
UNITS_OF_BOOKS = {
    "risk/mean_absolute_delta": "units of the underlying: the mean size of what a book of options is as risky as",
    "risk/mean_absolute_gamma": "units / price: the mean size of a book's gamma",
    "risk/mean_absolute_vega": "money sqrt(time): the mean size of a book's vega, by the volatility",
}
UNITS_WITH_HEDGES = {
    "risk/hedging_cost": "price units: what trading hedges cost beside their marks",
    "risk/hedge_turnover": "units of hedges traded",
}
UNITS_OF_CHANNELS = {
    "risk/failed_payments": "order sizes an episode: payments at our fees for which one side had too little",
    "risk/empty": "1: the share of time with nothing on our side",
    "risk/full": "1: the share of time with nothing on the other side",
    "risk/rebalancing": "1: the share of time with a rebalancing under way",
    "risk/rebalances": "an episode: how often rebalancing was asked for",
    "risk/rebalancing_cost": "price units an episode: paid for rebalancing",
}
UNITS_WITH_LOAN = {
    "risk/liquidated": "1: the probability of a liquidation, the share of episodes with one",
    "risk/time_to_liquidation": "unit of time: the mean time to the first liquidation of the episodes with one",
    "risk/liquidation_loss": "price units an episode: the worth of what was seized less what was repaid",
    "risk/loan_interest": "price units an episode",
    "risk/loan_moves": "price units an episode: paid for top-ups, repayments and withdrawals",
    "risk/forgone_return": "price units an episode: what the posted value would have earned elsewhere",
    "risk/mean_health": "1: the mean health factor of the steps with a debt, each at most 20",
}
UNITS_OF_POOLS = {
    "risk/pool_fees": "price units an episode: fees of what traded with our liquidity, at the mid of the moment",
    "risk/loss_versus_rebalancing": "price units an episode: what arbitrageurs got less what they gave, before fees",
    "risk/impermanent_loss": "price units an episode: positions' value less that of the tokens put in",
    "risk/moving_costs": "price units an episode: gas, and fees of what was traded outside",
    "risk/moves": "placings and withdrawals an episode",
    "risk/time_in_range": "1: the share of steps after which the pool's price is in our range",
}
UNITS_UNDER_CARA = {CERTAINTY: "price units an episode: the sure profit that the utility values alike"}


def tag_of(figure: str) -> str:
    """The tag under which TensorBoard shows a figure of `mm_env.metrics`: those that only some markets have in risk/."""
    return {**FIGURES, "certainty_equivalent": CERTAINTY}.get(figure, f"risk/{figure}")


METRICS = (
    SKILL,
    "eval/objective",
    "eval/profit",
    "risk/mean_absolute_position",
    "risk/cvar_95",
    "time/training_seconds",
)
LAYOUT = {  # of the custom scalars
    "How good": {
        "skill": ["Multiline", [SKILL]],
        "objective and profit": ["Multiline", ["eval/objective", "eval/profit", "eval/spread_captured"]],
    },
    "How risky": {
        "inventory": ["Multiline", ["risk/mean_absolute_position", "risk/terminal_inventory_std"]],
        "profit": ["Multiline", ["risk/profit_std", "risk/cvar_95", "risk/max_drawdown"]],
    },
    "How it learns": {
        "losses": ["Multiline", ["train/loss", "train/value_loss", "train/actor_loss", "train/critic_loss"]],
        "exploration": ["Multiline", ["train/std", "train/approx_kl", "train/entropy_loss", "train/ent_coef"]],
    },
}
_LEFT_OUT = ("agent.algorithm", "agent.checkpoints")  # said already, and no matter to what is learnt


def regrouped(tag: str) -> str:
    """stable-baselines3's tag in one of the four groups: what it calls rollout/ is of the lanes that are trained on."""
    return f"train/{tag.removeprefix('rollout/')}" if tag.startswith("rollout/") else tag


def hyperparameters(config: Mapping[str, Any]) -> Settings:
    """What the hparams tab lists of a run's config: market, agent and seed first, then setting by setting."""
    settings = flatten({name: config[name] for name in ("market", "agent", "seed") if name in config})
    names = {"market": config.get("title"), "agent": (config.get("agent") or {}).get("algorithm")}
    first = {name: str(value) for name, value in names.items() if value is not None}
    return {**first, **{n: value for n, value in settings.items() if n not in (*first, *_LEFT_OUT)}}
