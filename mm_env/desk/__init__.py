"""A desk: several quoted instruments that one account holds."""
