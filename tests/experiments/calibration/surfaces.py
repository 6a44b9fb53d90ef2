"""Surfaces of known parameters."""

import numpy as np

from experiments.calibration.options.models import Pricer
from experiments.calibration.options.surface import Smile, Surface

HESTON_TRUTH = {"kappa": 2.0, "theta": 0.05, "vol": 0.6, "rho": -0.6, "v0": 0.03}
BATES = {**HESTON_TRUTH, "rate": 0.6, "jump_mean": -0.12, "jump_std": 0.1}


def made(truth, model, noise=0.0):
    """Seven strikes at five maturities, which are whole days, of a model's implied volatilities plus noise."""
    strikes, flat = np.linspace(80.0, 120.0, 7), np.full(7, 0.2)
    smiles = [
        Smile(days, rate, strikes, flat) for days, rate in zip((20.0, 60.0, 120.0, 365.0, 730.0), np.arange(5) / 100)
    ]
    pricer = Pricer(Surface("made", 100.0, tuple(smiles)), model)
    vols = pricer.vols(np.array(list(truth.values()))).reshape(5, 7)
    vols = vols + noise * np.random.default_rng(0).normal(size=vols.shape)
    return Surface("made", 100.0, tuple(Smile(s.days, s.rate, strikes, v) for s, v in zip(smiles, vols)))
