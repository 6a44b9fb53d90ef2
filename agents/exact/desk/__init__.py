"""Exact values of a desk of one or two instruments: the optimum over positions, and what any policy is worth."""

from agents.exact.desk.evaluation import Moments, average_reward, moments
from agents.exact.desk.optimum import DeskOptimum, ErgodicDesk, backward_quotes, ergodic_optimum, finite_optimum
from agents.strategies.instruments import DeskProblem, Instrument, Outside, Stream

__all__ = [
    "DeskOptimum", "DeskProblem", "ErgodicDesk", "Instrument", "Moments", "Outside", "Stream", "average_reward",
    "backward_quotes", "ergodic_optimum", "finite_optimum", "moments",
]  # fmt: skip
