"""The dealer market: a quote is filled with a probability that decays with its depth."""

from mm_env.venue.dealer.dealer import Chances, Dealer, Trades, Venue

__all__ = ["Chances", "Dealer", "Trades", "Venue"]
