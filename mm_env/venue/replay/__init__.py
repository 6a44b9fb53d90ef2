"""A recorded day, replayed with our orders in its queues."""

from mm_env.venue.replay.replay import Replay

__all__ = ["Replay"]
