"""Payment channels: balances on two sides that payments move to and fro, at fees that we set."""
