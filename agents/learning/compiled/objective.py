"""PPO's clipped objective and its slopes in the nets' outputs, of samples that share observations.

Schulman, Wolski, Dhariwal, Radford & Klimov 2017, eq. 7 and 9, as stable-baselines3 has it:

    loss = -mean min(r A, clip(r, 1 - c, 1 + c) A) + vf_coef mean (V - R)^2 - ent_coef mean H,    r = pi(a | s) / pi_old(a | s),

A being normalised within the minibatch. Actions are Gaussian, with a spread that does not depend on the state. Samples at one
observation share its row of outputs, and what the loss's slope is there is their sum.
"""

from __future__ import annotations

import math
from typing import Any

_LOG_ROOT_2PI = 0.5 * math.log(2.0 * math.pi)


def clipped_objective(
    chosen: Any, bounds: Any, order: Any, means: Any, values: Any, log_std: Any, actions: Any, log_probabilities: Any,
    advantages: Any, returns: Any, normalise: bool, clip: float, value_weight: float, entropy_weight: float,
    mean_slopes: Any, value_slopes: Any, log_std_slopes: Any, figures: Any,
) -> None:  # fmt: skip
    """Slopes of the loss over the samples of the `chosen` observations (m,) in `means` (m, width), `values` (m, 1), `log_std`.

    Samples order[bounds[u]], ..., order[bounds[u + 1] - 1] are those at observation u. `figures` (5,): the policy's loss, the
    value's, the entropy, the approximate KL divergence, the share that was clipped.
    """
    width, count, total, squares = log_std.shape[0], 0, 0.0, 0.0
    for row in range(chosen.shape[0]):
        for k in range(bounds[chosen[row]], bounds[chosen[row] + 1]):
            count, total = count + 1, total + advantages[order[k]]
    mean = total / count
    for row in range(chosen.shape[0]):
        for k in range(bounds[chosen[row]], bounds[chosen[row] + 1]):
            squares += (advantages[order[k]] - mean) ** 2
    unit = math.sqrt(squares / max(count - 1, 1)) + 1e-8 if normalise else 1.0
    mean = mean if normalise else 0.0
    entropy = 0.0
    for j in range(width):
        log_std_slopes[j] = -entropy_weight
        entropy += 0.5 + _LOG_ROOT_2PI + log_std[j]
    policy_loss, value_loss, divergence, clipped = 0.0, 0.0, 0.0, 0.0
    for row in range(chosen.shape[0]):
        for j in range(width):
            mean_slopes[row, j] = 0.0
        value_slope = 0.0
        for k in range(bounds[chosen[row]], bounds[chosen[row] + 1]):
            i, log_ratio = order[k], -log_probabilities[order[k]]
            for j in range(width):
                z = (actions[i, j] - means[row, j]) * math.exp(-log_std[j])
                log_ratio -= 0.5 * z * z + log_std[j] + _LOG_ROOT_2PI
            ratio, advantage = math.exp(log_ratio), (advantages[i] - mean) / unit
            kept = advantage * min(max(ratio, 1.0 - clip), 1.0 + clip)
            policy_loss -= min(advantage * ratio, kept)
            divergence += ratio - 1.0 - log_ratio
            clipped += 1.0 if abs(ratio - 1.0) > clip else 0.0
            error = values[row, 0] - returns[i]
            value_loss += error * error
            value_slope += 2.0 * value_weight * error / count
            if advantage * ratio <= kept:
                for j in range(width):
                    z = (actions[i, j] - means[row, j]) * math.exp(-log_std[j])
                    mean_slopes[row, j] -= advantage * ratio * z * math.exp(-log_std[j]) / count
                    log_std_slopes[j] -= advantage * ratio * (z * z - 1.0) / count
        value_slopes[row, 0] = value_slope
    figures[0], figures[1], figures[2] = policy_loss / count, value_loss / count, entropy
    figures[3], figures[4] = divergence / count, clipped / count
