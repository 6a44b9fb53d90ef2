"""Desks of several makers, who quote the same instruments to the same clients, and the loops over their worlds."""
