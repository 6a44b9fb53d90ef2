"""Scalar functions that rules may call, the same bits in Python and in machine code: `from mm_env.maths import exp, normal`."""

from mm_env.core.maths import clip, cos_turn, exp, exponential, log, normal, one_minus_exp, second_normal

__all__ = ["clip", "cos_turn", "exp", "exponential", "log", "normal", "one_minus_exp", "second_normal"]
