"""Learners of stable-baselines3 on the market's lanes: buffers, nets, checkpoints (they import torch)."""
