"""The mains: train, evaluate, compare, benchmark."""
