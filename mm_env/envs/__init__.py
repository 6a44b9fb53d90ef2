"""Faces of the simulation: gymnasium's Env and VectorEnv, their registration, recordings and frames."""
