"""Flows with numbers: measured ones from papers, and ones of our own that have a paper's shapes."""

from __future__ import annotations

import numpy as np

from mm_env.venue.order_book.ephemeral import EphemerallySelfExciting
from mm_env.venue.order_book.hawkes import Hawkes
from mm_env.venue.order_book.poisson import ContStoikovTalreja, ZeroIntelligence
from mm_env.venue.order_book.queue_reactive import QueueDependent, QueueReactive


def sky_perfect() -> ContStoikovTalreja:
    """Sky Perfect Communications on the Tokyo Stock Exchange, per minute (Cont, Stoikov & Talreja 2010, Table 1)."""
    return ContStoikovTalreja(
        arrival=(1.85, 1.51, 1.09, 0.88, 0.77), cancellation=(0.71, 0.81, 0.68, 0.56, 0.47), taking=0.94, scale=1.92,
        exponent=0.52,
    )  # fmt: skip


def plain() -> ZeroIntelligence:
    """Zero intelligence with about Sky Perfect's activity, per minute."""
    return ZeroIntelligence(arrival=1.0, cancellation=0.5, taking=1.0)


def amazon() -> ContStoikovTalreja:
    """AMZN on NASDAQ, 2012-06-21, the first four and a half hours of LOBSTER's sample: orders per second in orders of the
    mean size, 81 shares, by the estimators of Cont, Stoikov & Talreja (`experiments.calibration.zero_intelligence`)."""
    return ContStoikovTalreja(
        arrival=(
            0.0102, 0.00701, 0.00698, 0.00815, 0.0125, 0.0122, 0.016, 0.0242, 0.0346, 0.0422, 0.0523, 0.0657, 0.0784,
            0.0917, 0.104, 0.125, 0.148, 0.168, 0.183, 0.2, 0.207, 0.209, 0.214, 0.207, 0.183, 0.18, 0.166, 0.152,
            0.13, 0.115, 0.099, 0.0936, 0.0789, 0.0646, 0.0735, 0.0633, 0.076, 0.0582, 0.052, 0.0502, 0.0608, 0.0463,
            0.0412, 0.0407, 0.047, 0.0448, 0.0402, 0.0314, 0.0379, 0.0365, 0.0463, 0.0349, 0.0341, 0.0235, 0.0279,
            0.0217, 0.0173, 0.0183, 0.0174, 0.00561,
        ),
        cancellation=(
            0.9, 0.43, 0.464, 0.148, 0.16, 0.141, 0.206, 0.158, 0.155, 0.122, 0.159, 0.143, 0.158, 0.176, 0.176,
            0.167, 0.169, 0.166, 0.185, 0.196, 0.235, 0.243, 0.275, 0.271, 0.29, 0.252, 0.362, 0.457, 0.405, 0.356,
            0.3, 0.339, 0.284, 0.287, 0.266, 0.136, 0.335, 0.242, 0.117, 0.216, 0.326, 0.312, 0.233, 0.142, 0.215,
            0.145, 0.197, 0.0901, 0.128, 0.0723, 0.206, 0.249, 0.0854, 0.419, 0.0977, 0.084, 0.0889, 0.135, 0.189,
            0.017,
        ),
        taking=0.141,
    )  # fmt: skip


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


def sky_perfect_excited() -> EphemerallySelfExciting:
    """Sky Perfect's rates with two orders a price at most, whose market orders bring others of their side: half of them,
    and as many in all, but for the cut at two units."""
    calm = sky_perfect()
    return EphemerallySelfExciting(
        calm.arrival, calm.cancellation, 0.5 * calm.taking, calm.scale, calm.exponent, capacity=2.0,
        excitation=1.0, expiry_rate=2.0, most=2.0,
    )  # fmt: skip


def sky_perfect_by_queue() -> QueueDependent:
    """Rates near Sky Perfect's for two prices and three orders a price, which fall and rise with the queue as in Huang, Lehalle
    & Rosenbaum 2015: fewer limit orders come to long queues, more leave them, and market orders rather take short ones. The
    paper prints curves; the numbers are ours."""
    return QueueDependent(
        arrival=((2.3, 1.9, 1.4, 0.0), (1.8, 1.5, 1.2, 0.0)),
        cancellation=((0.0, 0.6, 1.5, 2.6), (0.0, 0.7, 1.6, 2.7)),
        taking=((0.6, 1.3, 0.9, 0.6), (0.4, 0.8, 0.5, 0.3)),
    )


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
