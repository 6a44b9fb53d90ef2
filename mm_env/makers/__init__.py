"""Several makers who quote the same clients, or have orders in one book: whose trade it is, and the loops over their worlds."""
