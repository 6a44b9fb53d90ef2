"""How a command runs: its folders and jobs, interrupts, sweeps, and where its results come from."""
