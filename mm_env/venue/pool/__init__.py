"""A liquidity pool of two tokens beside an outside market: constant product, and positions with a range of prices.

The quoted instrument is one token, the numeraire the other: a position's range is a lowest bid and a highest ask, its inventory
set by who trades with the pool. Prices are in the numeraire; `root` is always the square root of a price.
"""
