"""The exact optimum of a pool's provider: over the pool's log price within the range, and how far it is from the mid."""
