"""PPO with compiled rollouts and updates: the nets of stable-baselines3, stepped by loops of our own."""
