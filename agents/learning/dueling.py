"""Critics that keep apart what a state is worth and what an action changes of it: Q(s, a) = V(s) + A(s, a).

Between inventories V differs far more than A does between quotes that are nearly the best. One net for both
spends itself on V and leaves the slope of Q in a, which the actor climbs, to chance; with a net of its own A is learnt on
the scale of what V leaves over. As in Wang et al. 2016 ("Dueling network architectures"), for continuous actions, where no
mean over actions is at hand to centre A: only the sum matters here.
"""

from mm_env.nets import Dueling, DuelingSACPolicy, DuelingTD3Policy

__all__ = ["Dueling", "DuelingSACPolicy", "DuelingTD3Policy"]
