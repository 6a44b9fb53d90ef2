"""Flows with numbers: measured ones from papers, and ones of our own that have a paper's shapes."""

from __future__ import annotations

import numpy as np

from mm_env.order_flow.hawkes import Hawkes
from mm_env.order_flow.poisson import ContStoikovTalreja, ZeroIntelligence
from mm_env.order_flow.queue_reactive import QueueReactive


def sky_perfect() -> ContStoikovTalreja:
    """Sky Perfect Communications on the Tokyo Stock Exchange, per minute (Cont, Stoikov & Talreja 2010, Table 1)."""
    return ContStoikovTalreja(
        arrival=(1.85, 1.51, 1.09, 0.88, 0.77), cancellation=(0.71, 0.81, 0.68, 0.56, 0.47), taking=0.94, scale=1.92,
        exponent=0.52,
    )  # fmt: skip


def plain() -> ZeroIntelligence:
    """Zero intelligence with about Sky Perfect's activity, per minute."""
    return ZeroIntelligence(arrival=1.0, cancellation=0.5, taking=1.0)


def after_huang() -> QueueReactive:
    """Per second, with the shapes of Huang, Lehalle & Rosenbaum's curves (2015, Figures 2 to 4), which are printed as curves
    only: limit orders hardly mind the queue, cancellations rise with it and flatten, market orders fall off exponentially. The
    numbers are ours, but for the paper's chances 0.7 and 0.85 that the reference follows and the book is drawn anew."""
    queue = np.arange(25.0)
    arrival = [0.9 / (1.0 + 0.05 * queue), 0.7 / (1.0 + 0.03 * queue), 0.5 + 0.0 * queue]
    leaving = [
        1.1 * (1.0 - np.exp(-0.08 * queue)),
        0.9 * (1.0 - np.exp(-0.1 * queue)),
        0.8 * (1.0 - np.exp(-0.08 * queue)),
    ]
    taking = [0.55 * np.exp(-0.1 * queue), 0.1 * np.exp(-0.2 * queue), 0.0 * queue]
    rows = [np.round(np.array(each), 3) for each in (arrival, leaving, [np.where(queue > 0.0, t, 0.0) for t in taking])]
    return QueueReactive(*(row.tolist() for row in rows), following=0.7, renewal=0.85)


def excited() -> Hawkes:
    """Per second: each event brings half another on average, market orders above all limit orders of their own direction."""
    limit, leave, market = np.diag([0.3, 0.3]), np.diag([0.15, 0.15]), np.array([[0.4, 0.2], [0.2, 0.4]])
    to_cancel = [np.diag([0.35, 0.35]), np.diag([0.2, 0.2]), np.array([[0.3, 0.1], [0.1, 0.3]])]
    to_market = [np.zeros((2, 2)), np.zeros((2, 2)), np.array([[0.3, 0.1], [0.1, 0.3]])]
    return Hawkes(
        base=(0.55, 0.55, 0.4, 0.4, 0.06, 0.06),
        branching=np.block([[limit, leave, market], to_cancel, to_market]).tolist(),  # pyright: ignore[reportArgumentType]
        decay=5.0,
        place=(4.0, 3.0, 2.0, 1.5, 1.0, 0.8, 0.6, 0.5, 0.4, 0.3),
    )
