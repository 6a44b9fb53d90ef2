"""The likelihood of a multivariate Hawkes process with exponential kernels, in one pass over its events.

Plain Python as it stands; `mm_env.core.engine.compiled` makes machine code of it.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def likelihood(
    time: Any, mark: Any, end: float, base: Any, branching: Any, decay: Any, gradient: Any, passed: Any
) -> float:
    """ln L of events at `time` (n,), rising, in [0, end], of kind `mark` (n,), where the intensity of kind m is

        lambda_m(t) = base_m + sum_{n,p} branching_{m,n,p} decay_p sum_{t_j < t, kind n} exp(-decay_p (t - t_j)).

    Shapes: base (d,), branching (d, d, p), decay (p,). Events of one stamp do not excite each other. Writes to `gradient`
    the derivatives by (base, branching, decay), flat, and to `passed` (n,) the integral of lambda_mark from 0 to each event.
    """
    kinds, terms = len(base), len(decay)
    gradient[:] = 0.0
    first_decay = kinds + kinds * kinds * terms
    memory, lag = (
        np.zeros((kinds, terms)),
        np.zeros((kinds, terms)),
    )  # sum of exp(-b s), and of s exp(-b s), over ages s
    waiting, before = np.zeros(kinds), np.zeros(kinds)  # events at the present stamp, and events before it
    total, now = 0.0, 0.0
    for i in range(len(time) + 1):
        at = time[i] if i < len(time) else end
        dt = at - now
        if dt > 0.0:
            for n in range(kinds):
                for p in range(terms):
                    fade = np.exp(-decay[p] * dt)
                    grown = memory[n, p] + waiting[n]
                    lag[n, p] = fade * (lag[n, p] + dt * grown)
                    memory[n, p] = fade * grown
                before[n] += waiting[n]
                waiting[n] = 0.0
            now = at
        if i == len(time):
            break
        m = mark[i]
        rate, compensator = base[m], base[m] * at
        for n in range(kinds):
            for p in range(terms):
                rate += branching[m, n, p] * decay[p] * memory[n, p]
                compensator += branching[m, n, p] * (before[n] - memory[n, p])
        total += np.log(rate)
        passed[i] = compensator
        gradient[m] += 1.0 / rate
        for n in range(kinds):
            for p in range(terms):
                gradient[kinds + (m * kinds + n) * terms + p] += decay[p] * memory[n, p] / rate
                gradient[first_decay + p] += branching[m, n, p] * (memory[n, p] - decay[p] * lag[n, p]) / rate
        waiting[m] += 1.0
    for m in range(kinds):
        total -= base[m] * end
        gradient[m] -= end
        for n in range(kinds):
            for p in range(terms):  # an event at the very end has excited nothing yet
                total -= branching[m, n, p] * (before[n] - memory[n, p])
                gradient[kinds + (m * kinds + n) * terms + p] -= before[n] - memory[n, p]
                gradient[first_decay + p] -= branching[m, n, p] * lag[n, p]
    return total
