"""Calibration of stochastic volatility to a surface of option quotes, with errors and how well they are told apart."""
