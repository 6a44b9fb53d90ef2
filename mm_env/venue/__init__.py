"""Where trading happens: one venue a file."""
