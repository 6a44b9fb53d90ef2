"""Closed-form quoting strategies, and strategies whose parameters are tuned."""
