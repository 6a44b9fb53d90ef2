"""Calibration of a market to a recorded day: parameters with standard errors and goodness of fit."""
