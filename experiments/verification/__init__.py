"""Published and exact values beside ours: suites of them, run one after the other, each value with its source and tolerance."""
