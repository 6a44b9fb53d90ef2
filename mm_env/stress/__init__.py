"""Stress: a market that goes through a crisis of a known kind at a known time, for agents that were not told of it."""
