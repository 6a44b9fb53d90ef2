"""What a market's objective is worth exactly: of a tabulated policy, and at best."""

from agents.exact.evaluation import (
    Evaluation,
    Moments,
    average_reward,
    best_fixed,
    best_linear_skew,
    evaluate,
    evaluate_depths,
    inventory_law,
    moments,
    worth,
    worth_fixed,
)

__all__ = [
    "Evaluation", "Moments", "average_reward", "best_fixed", "best_linear_skew", "evaluate", "evaluate_depths",
    "inventory_law", "moments", "worth", "worth_fixed",
]  # fmt: skip
