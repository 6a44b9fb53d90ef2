"""The dealer market: a quote is filled with a probability that decays with its depth."""

from mm_env.venue.dealer.dealer import Dealer
from mm_env.venue.venue import Chances, Trades, Venue

__all__ = ["Chances", "Dealer", "Trades", "Venue"]
