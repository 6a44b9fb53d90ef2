"""Learners of stable-baselines3 on the market's lanes: buffers, nets, checkpoints (they import torch)."""

from mm_env.core.extras import require

require("agents.learning", "training", "torch", "stable_baselines3")
