"""Balance sheets that hypothesis draws, and clearing done the slow way."""

from itertools import product

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hn

AMOUNT = st.floats(0.0, 20.0).map(lambda x: round(x, 3))


@st.composite
def systems(draw, most=5):
    """Liabilities, outside assets and what is owed to outsiders, of 2 to `most` dealers."""
    n = draw(st.integers(2, most))
    owed = draw(hn.arrays(float, (n, n), elements=AMOUNT)) * draw(hn.arrays(bool, (n, n)))
    return owed * (1.0 - np.eye(n)), *(draw(hn.arrays(float, (n,), elements=AMOUNT)) for _ in range(2))


def consistent(owed, outside, beyond, alpha=1.0, beta=1.0):
    """All clearing vectors, one for each set of defaulters that is consistent with itself: (vectors, dealers)."""
    n, due = len(outside), owed.sum(axis=1) + beyond
    inward = (owed / np.where(due > 0.0, due, 1.0)[:, None]).T
    found = []
    for failed in map(np.array, product((0.0, 1.0), repeat=n)):
        system = np.eye(n) - beta * failed[:, None] * inward
        if abs(np.linalg.det(system)) < 1e-9:
            continue
        paid = np.linalg.solve(system, np.where(failed > 0.0, alpha * outside, due))
        short = outside + inward @ paid - due
        slack = 1e-9 * (1.0 + due)
        if (paid >= -slack).all() and np.where(failed > 0.0, short < slack, short > -slack).all():
            found.append(paid)
    return np.array(found)
