"""The running of a command: its folders and jobs, interrupts, sweeps, and where its results come from."""
