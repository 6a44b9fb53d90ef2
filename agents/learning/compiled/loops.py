"""Loops over arrays as machine code: found by the arrays' types, made once and kept on the disk as a market's are."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from mm_env.core import engine
from mm_env.core.maths import exp, scalar

_found: dict[Any, Callable[..., Any]] = {}
_LOG2_E, _LN2 = np.float32(1.44269504), np.float32(0.69314718)
_LOW, _HIGH, _HALF, _ONE = np.float32(-87.0), np.float32(88.0), np.float32(0.5), np.float32(1.0)
_P2, _P3, _P4, _P5, _P6 = (np.float32(1.0 / math.factorial(n)) for n in (2, 3, 4, 5, 6))


def run(loop: Callable[..., Any], *arguments: Any) -> Any:
    """What `loop` returns, run as machine code. Arrays must be C-contiguous."""
    key = (loop, *(_kind(argument) for argument in arguments))
    if key not in _found:
        _found[key] = engine.compiled(loop, *arguments)
    return _found[key](*arguments)


def _kind(argument: Any) -> Any:
    return (argument.dtype.char, argument.ndim) if isinstance(argument, np.ndarray) else type(argument)


@scalar
def exp_single(x):
    """e^x of a single-precision number to 2e-7 of itself; saturates at e^-87 and e^88."""
    x = min(max(x, _LOW), _HIGH)
    k = np.float32(np.floor(x * _LOG2_E + _HALF))
    r = x - k * _LN2
    p = ((((_P6 * r + _P5) * r + _P4) * r + _P3) * r + _P2) * r * r + r + _ONE
    return p * np.int32((np.int32(k) + np.int32(127)) << np.int32(23)).view(np.float32)


def silu_singles(sums: Any, biases: Any, slopes: Any) -> None:
    """Put z / (1 + e^-z), z = sums + biases, in the place of `sums` (n, width), and its slope into `slopes`; float32."""
    for i in range(sums.shape[0]):
        for j in range(sums.shape[1]):
            z = sums[i, j] + biases[j]
            share = _ONE / (_ONE + exp_single(-z))
            sums[i, j] = z * share
            slopes[i, j] = share * (_ONE + z * (_ONE - share))


def silu_doubles(sums: Any, biases: Any, slopes: Any) -> None:
    """As `silu_singles`, of float64."""
    for i in range(sums.shape[0]):
        for j in range(sums.shape[1]):
            z = sums[i, j] + biases[j]
            share = 1.0 / (1.0 + exp(-z))
            sums[i, j] = z * share
            slopes[i, j] = share * (1.0 + z * (1.0 - share))


def tanh_singles(sums: Any, biases: Any, slopes: Any) -> None:
    """As `silu_singles`, of tanh z = 2 / (1 + e^-2z) - 1."""
    for i in range(sums.shape[0]):
        for j in range(sums.shape[1]):
            z = sums[i, j] + biases[j]
            tanh = (_ONE + _ONE) / (_ONE + exp_single(-(z + z))) - _ONE
            sums[i, j], slopes[i, j] = tanh, _ONE - tanh * tanh


def tanh_doubles(sums: Any, biases: Any, slopes: Any) -> None:
    """As `tanh_singles`, of float64."""
    for i in range(sums.shape[0]):
        for j in range(sums.shape[1]):
            z = sums[i, j] + biases[j]
            tanh = 2.0 / (1.0 + exp(-(z + z))) - 1.0
            sums[i, j], slopes[i, j] = tanh, 1.0 - tanh * tanh


def adam(weights: Any, gradient: Any, first: Any, second: Any, rate: float, scale: float, steps: float) -> None:
    """One step of Adam (Kingma & Ba 2015; betas 0.9 and 0.999, epsilon 1e-5) down `scale` times a gradient, all (n,)."""
    bias1, bias2 = 1.0 - 0.9**steps, math.sqrt(1.0 - 0.999**steps)
    for i in range(weights.shape[0]):
        slope = gradient[i] * scale
        first[i] = 0.9 * first[i] + 0.1 * slope
        second[i] = 0.999 * second[i] + 0.001 * slope * slope
        weights[i] -= rate / bias1 * first[i] / (math.sqrt(second[i]) / bias2 + 1e-5)
