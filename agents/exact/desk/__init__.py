"""Exact values of a desk of one or two instruments: the optimum over positions, and what any policy is worth."""

from agents.exact.desk.constant import best_constant_depths
from agents.exact.desk.evaluation import Moments, average_reward, moments
from agents.exact.desk.optimum import DeskOptimum, ErgodicDesk, backward_quotes, ergodic_optimum, finite_optimum
from agents.exact.desk.simulated import OptimalQuotes, desk_optimum, profit_of, solvable, worth_of
from agents.strategies.instruments import DeskProblem, Instrument, Outside, Stream

__all__ = [
    "DeskOptimum", "DeskProblem", "ErgodicDesk", "Instrument", "Moments", "OptimalQuotes", "Outside", "Stream",
    "average_reward", "backward_quotes", "best_constant_depths", "desk_optimum", "ergodic_optimum", "finite_optimum",
    "moments", "profit_of", "solvable", "worth_of",
]  # fmt: skip
