"""Critics that keep apart what a state is worth and what an action changes of it: Q(s, a) = V(s) + A(s, a).

Between inventories V differs far more than A does between quotes that are nearly the best. One net for both
spends itself on V and leaves the slope of Q in a, which the actor climbs, to chance; with a net of its own A is learnt on
the scale of what V leaves over. As in Wang et al. 2016 ("Dueling network architectures"): over choices A is
centred by its mean; for continuous actions no mean is at hand, and only the sum matters.
"""

from typing import Any

from agents.learning.qrdqn import TailNetwork, TailPolicy
from mm_env.nets import Dueling, DuelingChoices, DuelingDQNPolicy, DuelingSACPolicy, DuelingTD3Policy

__all__ = [
    "Dueling", "DuelingChoices", "DuelingDQNPolicy", "DuelingQRDQNPolicy", "DuelingSACPolicy", "DuelingTD3Policy",
]  # fmt: skip


class DuelingQRDQNPolicy(TailPolicy):
    """QR-DQN's policy with a dueling net of quantiles."""

    def make_quantile_net(self) -> TailNetwork:
        net = super().make_quantile_net()
        actions: Any = net.action_space
        net.quantile_net = DuelingChoices(  # pyright: ignore[reportAttributeAccessIssue]
            net.features_dim, int(actions.n), net.net_arch, net.activation_fn, net.n_quantiles
        ).to(self.device)
        return net
