"""Evaluation on common random numbers: samples, skill references, tables and plots."""
