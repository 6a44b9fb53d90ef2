"""Several makers who quote the same clients: whom an order goes to, and the loops over worlds of makers."""
