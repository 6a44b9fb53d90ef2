"""From Hydra configs to markets, agents and search spaces."""
