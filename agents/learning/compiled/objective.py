"""PPO's clipped objective and its slopes in the nets' outputs, of samples that share observations.

Schulman, Wolski, Dhariwal, Radford & Klimov 2017, eq. 7 and 9, as stable-baselines3 has it:

    loss = -mean min(r A, clip(r, 1 - c, 1 + c) A) + vf_coef mean (V - R)^2 - ent_coef mean H,    r = pi(a | s) / pi_old(a | s),

A being normalised within the minibatch. Actions are Gaussian, with a spread that does not depend on the state, or choices.
Samples at one observation share its row of outputs, and what the loss's slope is there is their sum.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mm_env.core.maths import scalar

_LOG_ROOT_2PI = 0.5 * math.log(2.0 * math.pi)


@scalar
def normalisation(chosen, bounds, order, advantages, normalise):
    """Mean, standard deviation and number of the advantages at the `chosen` observations; 0 and 1 where none are normalised."""
    count, total, squares = 0, 0.0, 0.0
    for row in range(chosen.shape[0]):
        for k in range(bounds[chosen[row]], bounds[chosen[row] + 1]):
            count, total = count + 1, total + advantages[order[k]]
    mean = total / count
    for row in range(chosen.shape[0]):
        for k in range(bounds[chosen[row]], bounds[chosen[row] + 1]):
            squares += (advantages[order[k]] - mean) ** 2
    return (mean, math.sqrt(squares / max(count - 1, 1)) + 1e-8, count) if normalise else (0.0, 1.0, count)


@scalar
def clipped(log_ratio, advantage, clip, losses):
    """The slope of min(r A, clip(r) A) in log r: r A, or 0 where it is clipped. Adds to the `losses`."""
    ratio = math.exp(log_ratio)
    held = advantage * min(max(ratio, 1.0 - clip), 1.0 + clip)
    losses[0] -= min(advantage * ratio, held)
    losses[2] += ratio - 1.0 - log_ratio
    losses[3] += 1.0 if abs(ratio - 1.0) > clip else 0.0
    return advantage * ratio if advantage * ratio <= held else 0.0


@scalar
def squared(error, losses):
    """The slope of error^2, which is added to the `losses`."""
    losses[1] += error * error
    return 2.0 * error


@scalar
def tell(figures, losses, count, entropy):
    """Write the means over `count` samples: both losses, the entropy, the KL divergence, the share that was clipped."""
    figures[0], figures[1], figures[2] = losses[0] / count, losses[1] / count, entropy
    figures[3], figures[4] = losses[2] / count, losses[3] / count


def clipped_objective(
    chosen: Any, bounds: Any, order: Any, means: Any, values: Any, log_std: Any, actions: Any, log_probabilities: Any,
    advantages: Any, returns: Any, normalise: bool, clip: float, value_weight: float, entropy_weight: float,
    mean_slopes: Any, value_slopes: Any, log_std_slopes: Any, figures: Any,
) -> None:  # fmt: skip
    """Slopes of the loss over the samples of the `chosen` observations (m,) in `means` (m, width), `values` (m, 1), `log_std`.

    Samples order[bounds[u]], ..., order[bounds[u + 1] - 1] are those at observation u. `figures` (5,): the policy's loss, the
    value's, the entropy, the approximate KL divergence, the share that was clipped.
    """
    mean, unit, count = normalisation(chosen, bounds, order, advantages, normalise)
    width, losses, entropy = log_std.shape[0], np.zeros(4), 0.0
    precisions = np.empty(width)
    for j in range(width):
        log_std_slopes[j], precisions[j] = -entropy_weight, math.exp(-log_std[j])
        entropy += 0.5 + _LOG_ROOT_2PI + log_std[j]
    for row in range(chosen.shape[0]):
        value_slope = 0.0
        for j in range(width):
            mean_slopes[row, j] = 0.0
        for k in range(bounds[chosen[row]], bounds[chosen[row] + 1]):
            i, log_probability = order[k], 0.0
            for j in range(width):
                z = (actions[i, j] - means[row, j]) * precisions[j]
                log_probability -= 0.5 * z * z + log_std[j] + _LOG_ROOT_2PI
            weight = clipped(log_probability - log_probabilities[i], (advantages[i] - mean) / unit, clip, losses)
            value_slope += squared(values[row, 0] - returns[i], losses) * value_weight / count
            for j in range(width):
                z = (actions[i, j] - means[row, j]) * precisions[j]
                mean_slopes[row, j] -= weight * z * precisions[j] / count
                log_std_slopes[j] -= weight * (z * z - 1.0) / count
        value_slopes[row, 0] = value_slope
    tell(figures, losses, count, entropy)


def clipped_choice_objective(
    chosen: Any, bounds: Any, order: Any, logits: Any, values: Any, _: Any, actions: Any, log_probabilities: Any,
    advantages: Any, returns: Any, normalise: bool, clip: float, value_weight: float, entropy_weight: float,
    logit_slopes: Any, value_slopes: Any, __: Any, figures: Any,
) -> None:  # fmt: skip
    """`clipped_objective` where an action is one of n choices, by `logits` (m, n): log pi(a) = logit_a - ln sum exp logits.

    d log pi(a) / d logit_j = 1{j = a} - p_j, and d H / d logit_j = -p_j (ln p_j + H).
    """
    mean, unit, count = normalisation(chosen, bounds, order, advantages, normalise)
    choices, losses, entropies = logits.shape[1], np.zeros(4), 0.0
    shares, logs = np.empty(choices), np.empty(choices)
    for row in range(chosen.shape[0]):
        begin, end, entropy, top, total = bounds[chosen[row]], bounds[chosen[row] + 1], 0.0, logits[row, 0], 0.0
        for j in range(choices):
            top = max(top, logits[row, j])
        for j in range(choices):
            total += math.exp(logits[row, j] - top)
        for j in range(choices):
            logs[j] = logits[row, j] - top - math.log(total)
            shares[j] = math.exp(logs[j])
            entropy -= shares[j] * logs[j]
        entropies += (end - begin) * entropy / count
        for j in range(choices):
            logit_slopes[row, j] = entropy_weight * (end - begin) / count * shares[j] * (logs[j] + entropy)
        value_slope = 0.0
        for k in range(begin, end):
            i = order[k]
            taken = int(actions[i, 0])
            weight = clipped(logs[taken] - log_probabilities[i], (advantages[i] - mean) / unit, clip, losses)
            value_slope += squared(values[row, 0] - returns[i], losses) * value_weight / count
            for j in range(choices):
                logit_slopes[row, j] -= weight / count * ((1.0 if j == taken else 0.0) - shares[j])
        value_slopes[row, 0] = value_slope
    tell(figures, losses, count, entropies)
