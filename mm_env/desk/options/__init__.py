"""A desk of options on one underlying, and the loops over its lanes."""
