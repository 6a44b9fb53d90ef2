"""Data sets for learners that never act: written in Minari's format, and read back with the market they came from."""
